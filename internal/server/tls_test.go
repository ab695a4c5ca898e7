package server_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
)

// A tlsServer is a server with a certificate in two files.
type tlsServer struct {
	addr      string
	cert, key string
	authority *servertest.Authority
}

func startTLS(t *testing.T, key crypto.Signer, change func(*server.Config)) tlsServer {
	t.Helper()
	dir := t.TempDir()
	s := tlsServer{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	s.authority = s.renew(t, key)
	w := servertest.Start(t, func(c *server.Config) {
		c.BaseURL = strings.Replace(c.BaseURL, "http:", "https:", 1)
		c.TLSCert, c.TLSKey = s.cert, s.key
		if change != nil {
			change(c)
		}
	})
	s.addr = strings.TrimPrefix(w.URL, "https://")
	return s
}

// renew puts a certificate of a new authority in place.
func (s tlsServer) renew(t *testing.T, key crypto.Signer) *servertest.Authority {
	t.Helper()
	a := servertest.NewAuthority(t)
	servertest.WriteCertificate(t, a.Issue(t, servertest.ForServer, key), s.cert, s.key)
	return a
}

// shake reports with what a handshake ended.
func shake(addr string, config *tls.Config) (tls.ConnectionState, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", addr, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState(), nil
}

// lenient is a listener that takes every suite and version, to show that it is
// not the client that refuses them.
func lenient(t *testing.T, certificate tls.Certificate) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, s.ID)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	servertest.Check(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).Handshake()
				_ = conn.Close()
			}()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	servertest.Check(t, err)
	return "localhost:" + port
}

func keysOfBothKinds(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	servertest.Check(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	servertest.Check(t, err)
	return map[string]crypto.Signer{"ECDSA": ec, "RSA": rsaKey}
}

// Each suite that a client and a lenient server agree on is accepted or refused
// here by its name: RFC 9325, Section 4.2, wants ephemeral keys and AEAD.
//
// Requirement: tls-versions
func TestOf12OnlySuitesWithEphemeralKeysAndAEADAreAccepted(t *testing.T) {
	accepted, refused := 0, 0
	for kind, key := range keysOfBothKinds(t) {
		s := startTLS(t, key, nil)
		other := lenient(t, s.authority.Issue(t, servertest.ForServer, key))
		for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			config := &tls.Config{RootCAs: s.authority.Pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}}
			if _, err := shake(other, config); err != nil {
				continue // not for this kind of key, or for 1.3
			}
			state, err := shake(s.addr, config)
			want := strings.Contains(suite.Name, "_ECDHE_") && (strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_CHACHA20_"))
			if (err == nil) != want || err == nil && (state.CipherSuite != suite.ID || state.Version != tls.VersionTLS12) {
				t.Errorf("%s with a key for %s: %v, want accepted %v", suite.Name, kind, err, want)
			}
			if want {
				accepted++
			} else {
				refused++
			}
		}
	}
	if accepted != 6 || refused < 10 {
		t.Errorf("%d suites were to be accepted and %d to be refused", accepted, refused)
	}
}

// Requirement: tls-versions
func TestVersionsBefore12AreRefused(t *testing.T) {
	s := startTLS(t, nil, nil)
	other := lenient(t, s.authority.Issue(t, servertest.ForServer, nil))
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{RootCAs: s.authority.Pool(), MinVersion: version, MaxVersion: version}
		if _, err := shake(other, config); err != nil {
			t.Errorf("%s: not even a lenient server takes it: %v", tls.VersionName(version), err)
		}
		if state, err := shake(s.addr, config); (err == nil) != (version >= tls.VersionTLS12) || err == nil && state.Version != version {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestRenewedCertificatesAreServedWithoutARestart(t *testing.T) {
	s := startTLS(t, nil, nil)
	served := func(by *servertest.Authority) bool {
		_, err := shake(s.addr, &tls.Config{RootCAs: by.Pool()})
		return err == nil
	}
	if !served(s.authority) {
		t.Fatal("the first certificate is not served")
	}
	second := s.renew(t, nil)
	if !served(second) || served(s.authority) {
		t.Error("the renewed certificate is not served")
	}
	for _, breakIt := range []struct {
		name string
		do   func() error
	}{
		{"a certificate without its key", func() error { return os.WriteFile(s.cert, mustRead(t, second.File(t)), 0o600) }},
		{"a key file cut short", func() error { return os.Truncate(s.key, 10) }},
		{"no key file", func() error { return os.Remove(s.key) }},
	} {
		servertest.Check(t, breakIt.do())
		for range 3 {
			if !served(second) {
				t.Errorf("%s: the certificate before is not served any more", breakIt.name)
			}
		}
	}
	third := s.renew(t, nil)
	eventually(t, 5*time.Second, func() bool { return served(third) })
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	servertest.Check(t, err)
	return b
}

// Browsers ask people which certificate to show where a server wants one.
//
// Requirement: mtls-listener
func TestOnlyTheListenerForItAsksForACertificate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	servertest.Check(t, err)
	s := startTLS(t, nil, func(c *server.Config) {
		c.MTLS = server.MTLS{Listener: l, BaseURL: "https://localhost:" + port} // with the main certificate
	})
	asked := func(addr string, version uint16) (asked bool) {
		_, err := shake(addr, &tls.Config{RootCAs: s.authority.Pool(), MaxVersion: version, NextProtos: []string{"h2"},
			GetClientCertificate: func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				if len(i.AcceptableCAs) > 0 {
					t.Error("authorities are named, so self-signed certificates would not be sent")
				}
				return &tls.Certificate{}, nil
			}})
		servertest.Check(t, err)
		return asked
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if asked(s.addr, version) {
			t.Errorf("%s: the main listener asks for a certificate", tls.VersionName(version))
		}
		if !asked("localhost:"+port, version) {
			t.Errorf("%s: the other listener asks for none", tls.VersionName(version))
		}
	}
}

// Requirement: tls-versions
func TestTheListenerForCertificatesIsAsStrict(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	addr := strings.TrimPrefix(m.Base, "https://")
	for _, tt := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"1.2 with CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
	} {
		tt.config.InsecureSkipVerify = true
		if _, err := shake(addr, tt.config); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestMTLSSettingsThatCannotWorkAreRefused(t *testing.T) {
	a := servertest.NewAuthority(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	servertest.WriteCertificate(t, a.Issue(t, x509.Certificate{}, nil), cert, key)
	notPEM := filepath.Join(dir, "ca.pem")
	servertest.Check(t, os.WriteFile(notPEM, []byte("no certificate"), 0o600))
	for _, tt := range []struct {
		name string
		mtls server.MTLS
		want string // empty: accepted
	}{
		{"none", server.MTLS{}, ""},
		{"whole", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example", Cert: cert, Key: key}, ""},
		{"no address", server.MTLS{BaseURL: "https://mtls.example"}, "address"},
		{"authorities without an address", server.MTLS{ClientCA: []string{a.File(t)}}, "address"},
		{"no base URL", server.MTLS{Listen: "127.0.0.1:0", Cert: cert, Key: key}, "base URL"},
		{"plain http", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "http://localhost:9443", Cert: cert, Key: key}, "https"},
		{"a path", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example/mtls", Cert: cert, Key: key}, "base URL"},
		{"the main base URL", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://id.example", Cert: cert, Key: key}, "differ"},
		{"no certificate", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example"}, "certificate"},
		{"half a certificate", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example", Cert: cert}, "certificate"},
		{"a certificate that is not there", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example", Cert: cert + "x", Key: key}, "no such file"},
		{"an authority that is none", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example", Cert: cert, Key: key, ClientCA: []string{notPEM}}, "PEM"},
		{"an authority that is not there", server.MTLS{Listen: "127.0.0.1:0", BaseURL: "https://mtls.example", Cert: cert, Key: key, ClientCA: []string{notPEM + "x"}}, "no such file"},
	} {
		if err := startsAndStops(t, tt.mtls); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// startsAndStops runs a server until it is ready.
func startsAndStops(t *testing.T, mtls server.MTLS) error {
	t.Helper()
	cfg := server.Config{Database: filepath.Join(t.TempDir(), "a.sqlite"), BaseURL: "https://id.example", BehindProxy: true,
		Keyring: developmentRing(t), Development: true, Listen: "127.0.0.1:0", MTLS: mtls}
	s, err := server.Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	return s.Run(ctx, func(string) { stop() })
}
