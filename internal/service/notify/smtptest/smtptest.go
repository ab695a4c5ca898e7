// Package smtptest is a mail server for tests: it speaks the protocol on loopback,
// keeps what it takes, and refuses as it is told.
package smtptest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Server speaks SMTP on 127.0.0.1 (RFC 5321) and keeps what it takes.
type Server struct {
	Port  int
	Roots *x509.CertPool // vouch for it

	Implicit  bool   // TLS from the first byte
	PlainOnly bool   // it does not offer STARTTLS
	Password  string // of "mailer"; empty: nobody signs in
	Silent    bool   // says nothing at all
	// Answers are given instead of the usual ones, by the first word of a command, or
	// "." for the end of a message.
	Answers map[string]string

	tls *tls.Config

	mu   sync.Mutex
	kept []Envelope
}

// An Envelope is a message that was taken.
type Envelope struct {
	From, To, Data string
	Private, Known bool // it came over TLS, from somebody who signed in
}

// Start starts a server that ends with the test.
func Start(t testing.TB, change func(*Server)) *Server {
	t.Helper()
	s := &Server{Answers: map[string]string{}}
	s.tls, s.Roots = certificate(t)
	if change != nil {
		change(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	if s.Implicit {
		listener = tls.NewListener(listener, s.tls)
	}
	s.Port = listener.Addr().(*net.TCPAddr).Port
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				(&mailTalk{server: s, conn: conn}).run()
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	return s
}

func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	leaf, err := x509.ParseCertificate(der)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}

// Taken is what has arrived, oldest first.
func (s *Server) Taken() []Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Envelope(nil), s.kept...)
}

// A mailTalk is one connection.
type mailTalk struct {
	server *Server
	conn   net.Conn
	in     *textproto.Reader
	now    Envelope
}

func (c *mailTalk) say(line string) { _, _ = c.conn.Write([]byte(line + "\r\n")) }

func (c *mailTalk) listen() { c.in = textproto.NewReader(bufio.NewReader(c.conn)) }

func (c *mailTalk) run() {
	if c.server.Silent {
		_, _ = c.conn.Read(make([]byte, 1)) // until the other side gives up
		return
	}
	c.now.Private = c.server.Implicit
	c.listen()
	c.say("220 mail.example ESMTP")
	for {
		line, err := c.in.ReadLine()
		if err != nil {
			return
		}
		word, rest, _ := strings.Cut(line, " ")
		if special := c.server.Answers[strings.ToUpper(word)]; special != "" {
			c.say(special)
			continue
		}
		if !c.answer(strings.ToUpper(word), rest) {
			return
		}
	}
}

func (c *mailTalk) answer(word, rest string) (more bool) {
	switch word {
	case "EHLO":
		c.hello()
	case "STARTTLS":
		c.say("220 go ahead")
		c.conn = tls.Server(c.conn, c.server.tls)
		c.now.Private = true
		c.listen()
	case "AUTH":
		c.signIn(rest)
	case "MAIL":
		c.now.From = angle(rest)
		c.say("250 ok")
	case "RCPT":
		c.now.To = angle(rest)
		c.say("250 ok")
	case "DATA":
		c.data()
	case "QUIT":
		c.say("221 bye")
		return false
	default:
		c.say("502 what?")
	}
	return true
}

func (c *mailTalk) hello() {
	c.say("250-mail.example")
	if !c.server.PlainOnly && !c.now.Private {
		c.say("250-STARTTLS")
	}
	if c.server.Password != "" {
		c.say("250-AUTH PLAIN")
	}
	c.say("250-ENHANCEDSTATUSCODES")
	c.say("250 8BITMIME")
}

func (c *mailTalk) signIn(rest string) {
	_, first, _ := strings.Cut(rest, " ")
	raw, _ := base64.StdEncoding.DecodeString(first)
	if string(raw) != "\x00mailer\x00"+c.server.Password {
		c.say("535 5.7.8 no")
		return
	}
	c.now.Known = true
	c.say("235 ok")
}

func (c *mailTalk) data() {
	c.say("354 go ahead")
	lines, err := c.in.ReadDotLines()
	if err != nil {
		return
	}
	if special := c.server.Answers["."]; special != "" {
		c.say(special)
		return
	}
	c.now.Data = strings.Join(lines, "\r\n") + "\r\n"
	c.server.mu.Lock()
	c.server.kept = append(c.server.kept, c.now)
	c.server.mu.Unlock()
	c.say("250 2.0.0 taken")
}

func angle(rest string) string {
	_, rest, _ = strings.Cut(rest, "<")
	rest, _, _ = strings.Cut(rest, ">")
	return rest
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
