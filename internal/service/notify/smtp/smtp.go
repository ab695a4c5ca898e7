// Package smtp hands e-mails to the mail server that the operator names (RFC 5321,
// RFC 6409), over a private connection or not at all.
//
// If this package is wrong, a link or the mail server's password crosses a network
// in the clear, or a text becomes a header that sends it to somebody else.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/notify"
)

// How the connection to a mail server is kept private.
const (
	StartTLS = "starttls" // RFC 3207, and not without
	TLS      = "tls"      // from the first byte (RFC 8314, Section 3.3)
	Plain    = "none"     // to this machine alone
)

// Config says where e-mail goes (RFC 5321, RFC 6409).
type Config struct {
	Host     string
	Port     int // 0: 587, or 465 for TLS, or 25 for Plain
	Username string
	Password string
	From     string // address, with or without a name: "Acme <login@acme.example>"
	TLS      string // empty: StartTLS
	// RootCAs vouch for the server; nil: those of the machine.
	RootCAs *x509.CertPool
}

// On reports whether there is a mail server at all.
func (c Config) On() bool { return c.Host != "" }

// Limits of the work with a mail server. The outbox leases 32 items for a minute:
// in eights, each given up after 12 seconds, they are done by then.
const (
	timeout = 12 * time.Second
	atOnce  = 8
)

// A Transport hands messages to a mail server. It is safe for concurrent use.
type Transport struct {
	cfg   Config
	from  mail.Address
	turns chan struct{}
}

// New checks the settings. It connects to nothing.
func New(c Config) (*Transport, error) {
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, errors.New("the sender's address (smtp-from) is none: write it as login@example.com, or as Name <login@example.com>")
	}
	ports := map[string]int{StartTLS: 587, TLS: 465, Plain: 25}
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	switch port, known := ports[c.TLS]; {
	case !known:
		return nil, errors.New("smtp-tls must be starttls, tls or none")
	case c.TLS == Plain && !onThisMachine(c.Host):
		return nil, errors.New("smtp-tls none is for a mail server on this machine: links and passwords must not cross a network in the clear")
	case c.Port == 0:
		c.Port = port
	case c.Port < 0 || c.Port > 65535:
		return nil, errors.New("smtp-port must be between 1 and 65535")
	}
	return &Transport{cfg: c, from: *from, turns: make(chan struct{}, atOnce)}, nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send hands one message over. It returns a [*notify.RefusedError] where the server said
// that it will never take it; any other failure may pass.
func (s *Transport) Send(ctx context.Context, msg notify.Message) error {
	letter, err := s.letter(msg)
	if err != nil {
		return err
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn: %w", ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return s.hand(ctx, letter)
}

// letter writes the message down (RFC 5322, RFC 2046, Section 5.1.4). The library
// encodes what stands in headers, so that no text can begin another.
func (s *Transport) letter(msg notify.Message) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from := s.from
	if from.Name == "" {
		from.Name = model.Printable(msg.From, 200)
	}
	m.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &from)
	to, err := mail.ParseAddress(msg.To)
	if err != nil {
		return nil, &notify.RefusedError{Reason: "the address of the person is not an e-mail address"}
	}
	m.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &mail.Address{Address: to.Address})
	_, domain, _ := strings.Cut(from.Address, "@")
	m.SetMessageIDWithValue(msg.ID + "@" + domain)
	m.SetDateWithValue(msg.At)
	m.Subject(model.Printable(msg.Subject, 200))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, Section 5: nobody answers by machine
	if msg.Lang != "" {
		m.SetGenHeader("Content-Language", model.Printable(msg.Lang, 40))
	}
	m.SetBodyString(gomail.TypeTextPlain, msg.Text)
	if msg.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, msg.HTML)
	}
	return m, nil
}

// hand speaks SMTP. Once the server has taken the message, what happens to the
// connection does not matter.
func (s *Transport) hand(ctx context.Context, letter *gomail.Msg) error {
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	client, err := s.client(func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		conn, err = s.dial(ctx, network, address)
		return conn, err
	})
	if err != nil {
		return fmt.Errorf("set the mail client up: %w", err)
	}
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		// Also a refused password: an operator can mend it.
		return fmt.Errorf("connect to the mail server: %w", err)
	}
	if err := client.SendWithSMTPClient(server, letter); err != nil {
		return verdict(err)
	}
	_ = client.CloseWithSMTPClient(server)
	return nil
}

func (s *Transport) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSMandatory
	if s.cfg.TLS != StartTLS {
		policy = gomail.NoTLS // it is private by now, or never leaves this machine
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	options := []gomail.Option{gomail.WithPort(s.cfg.Port), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tls()),
		gomail.WithTimeout(timeout), gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithHELO(domain), gomail.WithDialContextFunc(dial)}
	if s.cfg.Username != "" {
		options = append(options, gomail.WithUsername(s.cfg.Username), gomail.WithPassword(s.cfg.Password), gomail.WithSMTPAuth(s.auth()))
	}
	return gomail.NewClient(s.cfg.Host, options...)
}

// auth is how to sign in: the library does not see that a connection is private
// which it did not make so itself.
func (s *Transport) auth() gomail.SMTPAuthType {
	if s.cfg.TLS == StartTLS {
		return gomail.SMTPAuthAutoDiscover
	}
	return gomail.SMTPAuthPlainNoEnc
}

func (s *Transport) tls() *tls.Config {
	return &tls.Config{ServerName: s.cfg.Host, RootCAs: s.cfg.RootCAs, MinVersion: tls.VersionTLS12}
}

// dial connects, and bounds everything that is said on the connection.
func (s *Transport) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address := net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	until, _ := ctx.Deadline()
	bound := &boundConn{Conn: conn, until: until}
	if s.cfg.TLS != TLS {
		return bound, bound.SetDeadline(until)
	}
	private := tls.Client(bound, s.tls())
	if err := errors.Join(bound.SetDeadline(until), private.HandshakeContext(ctx)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return private, nil
}

// A boundConn has a last instant that nobody can put off: a server that answers a
// line at a time must not hold a message for ever.
type boundConn struct {
	net.Conn
	until time.Time
}

// SetDeadline moves the deadline forward only.
func (c *boundConn) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.until) {
		t = c.until
	}
	return c.Conn.SetDeadline(t)
}

// verdict tells a refusal for good from one that may pass (RFC 5321, Section
// 4.2.1). That we are not let in is not the message's fault.
func verdict(err error) error {
	refused, ok := errors.AsType[*gomail.SendError](err)
	if !ok || refused.ErrorCode() < 500 || refused.IsTemp() {
		return fmt.Errorf("hand over: %w", err)
	}
	switch refused.ErrorCode() {
	case 530, 534, 535, 538: // RFC 4954, Section 6
		return fmt.Errorf("hand over: %w", err)
	}
	return &notify.RefusedError{Reason: reason(refused)}
}

// reason is what the server said, in its words. The library quotes them, among
// words of its own.
func reason(e *gomail.SendError) string {
	code := strconv.Itoa(e.ErrorCode())
	_, said, _ := strings.Cut(e.Error(), code+" ")
	if quoted, err := strconv.QuotedPrefix(said); err == nil {
		said, _ = strconv.Unquote(quoted)
	} else {
		said = ""
	}
	return strings.TrimSpace("the mail server refused it: " + code + " " + said)
}
