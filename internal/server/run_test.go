package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

func developmentRing(t *testing.T) *seal.Keyring {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	servertest.Check(t, err)
	return ring
}

// A running server can be stopped before the test ends.
type running struct {
	*servertest.World
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	base := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	s, err := server.Open(t.Context(), server.Config{Database: filepath.Join(t.TempDir(), "a.sqlite"), BaseURL: base, Keyring: developmentRing(t), Development: true})
	servertest.Check(t, err)
	site, err := s.Site(t.Context(), "")
	servertest.Check(t, err)
	r := &running{World: &servertest.World{Server: s, Site: site, URL: base}, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	t.Cleanup(cancel)
	go func() { r.ended <- s.Serve(ctx, l, nil) }()
	return r
}

// stopped waits until the server has ended, and answers how.
func (r *running) stopped(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the server has not stopped in 30 s")
		return nil
	}
}

// half sends half of a request, and answers how to send the rest.
func (r *running) half(t *testing.T, app servertest.App) (rest func() *http.Response) {
	t.Helper()
	body := app.Form("grant_type", oauth.GrantClientCredentials).Encode()
	conn, err := net.Dial("tcp", strings.TrimPrefix(strings.Replace(r.URL, "localhost", "127.0.0.1", 1), "http://"))
	servertest.Check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body[:10])
	servertest.Check(t, err)
	return func() *http.Response {
		_, err := io.WriteString(conn, body[10:])
		servertest.Check(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		servertest.Check(t, err)
		return resp
	}
}

func TestStoppingAnswersThoseWhoWaitAndCutsNobody(t *testing.T) {
	r := start(t)
	app := r.App(t, application.NewApplication{})
	person, _ := r.Person(t, "alex")
	asked := r.Post(t, "/oauth/bc-authorize", app.Form("login_hint", "alex"))
	polls := make(chan servertest.Answer, 4)
	for range cap(polls) {
		go func() {
			polls <- r.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id")), "Prefer", "wait=25")
		}()
	}
	streams := make(chan error, 2)
	for range cap(streams) {
		resp, err := (&http.Client{Jar: person.HTTP.Jar}).Get(r.URL + "/v1/approvals/events")
		servertest.Check(t, err)
		go func() {
			_, err := io.Copy(io.Discard, resp.Body) // nil: ended as it should, not cut
			streams <- err
		}()
	}
	rest := r.half(t, app)
	time.Sleep(200 * time.Millisecond) // let all of them wait
	select {
	case got := <-polls:
		t.Fatalf("a poll was answered before the stop: %d %s", got.Status, got.Body)
	default:
	}
	began := time.Now()
	r.stop()
	for range cap(polls) {
		if got := <-polls; got.Status != 400 || got.Text("error") != "authorization_pending" {
			t.Errorf("a waiting poll: %d %s", got.Status, got.Body)
		}
	}
	for range cap(streams) {
		if err := <-streams; err != nil {
			t.Errorf("an open stream was cut: %v", err)
		}
	}
	if resp := rest(); resp.StatusCode != 200 || !resp.Close {
		t.Errorf("a request that was half sent: %d, close %v", resp.StatusCode, resp.Close)
	}
	if err := r.stopped(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	w := httptest.NewRecorder()
	r.Server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), `"stopping"`) {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(strings.Replace(r.URL, "localhost", "127.0.0.1", 1), "http://")); err == nil {
		t.Error("it still listens")
	}
}

func TestARequestThatDoesNotEndIsCutAfterTheGrace(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	base := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	s, err := server.Open(t.Context(), server.Config{Database: filepath.Join(t.TempDir(), "a.sqlite"), BaseURL: base, Keyring: developmentRing(t),
		Development: true, GracefulStop: 100 * time.Millisecond})
	servertest.Check(t, err)
	site, err := s.Site(t.Context(), "")
	servertest.Check(t, err)
	r := &running{World: &servertest.World{Server: s, Site: site, URL: base}, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { r.ended <- s.Serve(ctx, l, nil) }()
	r.half(t, r.App(t, application.NewApplication{}))
	time.Sleep(100 * time.Millisecond) // let the server read it
	cancel()
	if err := r.stopped(t); err == nil || !strings.Contains(err.Error(), "requests were cut") {
		t.Errorf("the server ended with %v", err)
	}
}

func TestReadyMeansThatTheDatabaseAnswers(t *testing.T) {
	file := ""
	w := servertest.Start(t, func(c *server.Config) { file = c.Database })
	for _, path := range []string{"/livez", "/readyz"} {
		if got := w.Get(t, path); got.Status != 200 {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)")
	servertest.Check(t, err)
	_, err = db.ExecContext(t.Context(), "DROP TABLE meta")
	servertest.Check(t, err)
	servertest.Check(t, db.Close())
	if got := w.Get(t, "/readyz"); got.Status != 503 || got.Text("code") != "database" || strings.Contains(string(got.Body), "meta") {
		t.Errorf("/readyz: %d %s", got.Status, got.Body)
	}
	if got := w.Get(t, "/livez"); got.Status != 200 { // restarting would not mend it
		t.Errorf("/livez: %d", got.Status)
	}
}

// Requirement: tls-https-issuer
func TestUnsafeConfigurationsAreRefused(t *testing.T) {
	production, err := seal.NewKeyring(seal.GenerateKey())
	servertest.Check(t, err)
	good := func() server.Config {
		return server.Config{Database: filepath.Join(t.TempDir(), "a.sqlite"), BaseURL: "https://id.example", Keyring: production, BehindProxy: true}
	}
	tests := []struct {
		name   string
		change func(*server.Config)
		want   string // empty: accepted
	}{
		{"behind a proxy", func(*server.Config) {}, ""},
		{"a slash behind the base URL", func(c *server.Config) { c.BaseURL += "/" }, ""},
		{"no database", func(c *server.Config) { c.Database = "" }, "no database"},
		{"no key", func(c *server.Config) { c.Keyring = nil }, "no key-encryption key"},
		{"a development key", func(c *server.Config) { c.Keyring = developmentRing(t) }, "development key"},
		{"a development key in development", func(c *server.Config) {
			c.Keyring, c.Development, c.BaseURL = developmentRing(t), true, "http://localhost:8420"
		}, ""},
		{"no base URL, and a database without one", func(c *server.Config) { c.BaseURL, c.BehindProxy = "", false }, "plain http"},
		{"a path in the base URL", func(c *server.Config) { c.BaseURL = "https://id.example/auth" }, "base URL"},
		{"an upper-case host", func(c *server.Config) { c.BaseURL = "https://ID.example" }, "lower case"},
		{"the default port", func(c *server.Config) { c.BaseURL = "https://id.example:443" }, "port"},
		{"another scheme", func(c *server.Config) { c.BaseURL = "ftp://id.example" }, "scheme"},
		{"https by nobody", func(c *server.Config) { c.BehindProxy = false }, "certificate"},
		{"half a certificate", func(c *server.Config) { c.TLSCert = "cert.pem" }, "both"},
		{"the other half", func(c *server.Config) { c.TLSKey = "key.pem" }, "both"},
		{"plain http to the world", func(c *server.Config) { c.BaseURL = "http://id.example" }, "plain http"},
		{"plain http to the world in development", func(c *server.Config) { c.BaseURL, c.Development = "http://id.example", true }, "plain http"},
		{"plain http on loopback in production", func(c *server.Config) { c.BaseURL, c.BehindProxy = "http://localhost:8420", false }, "plain http"},
		{"plain http on loopback behind a proxy", func(c *server.Config) { c.BaseURL = "http://localhost:8420" }, ""},
		{"a host that only sounds like loopback", func(c *server.Config) { c.BaseURL = "http://localhost.example" }, "plain http"},
		{"another database's key", func(c *server.Config) {
			s, err := server.Open(t.Context(), *c)
			servertest.Check(t, err)
			servertest.Check(t, s.Close())
			c.Keyring, err = seal.NewKeyring(seal.GenerateKey())
			servertest.Check(t, err)
		}, "right key-encryption key"},
		{"a database in no folder", func(c *server.Config) { c.Database = filepath.Join(c.Database, "b") }, "open database"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			s, err := server.Open(t.Context(), c)
			if err == nil {
				servertest.Check(t, s.Close())
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAPortInUseIsSaidAndNothingIsLeftBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	defer func() { servertest.Check(t, taken.Close()) }()
	file := filepath.Join(t.TempDir(), "a.sqlite")
	cfg := server.Config{Database: file, BaseURL: "http://localhost:8420", Listen: taken.Addr().String(), Keyring: developmentRing(t), Development: true}
	before := runtime.NumGoroutine()
	for range 3 {
		s, err := server.Open(t.Context(), cfg)
		servertest.Check(t, err)
		err = s.Run(t.Context(), func(string) { t.Error("said that it is ready") })
		if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "in use") {
			t.Errorf("got %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
	}
	eventually(t, 5*time.Second, func() bool { return runtime.NumGoroutine() <= before })
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the database was left open")
	}
}

// certificate makes a self-signed certificate for localhost.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	servertest.Check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	servertest.Check(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	servertest.Check(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	servertest.Check(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	servertest.Check(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	servertest.Check(t, err)
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}

// RFC 9325, Sections 3.1.1 and 4.2.
//
// Requirement: tls-versions
func TestTLSIsModernOrNotAtAll(t *testing.T) {
	cert, key, roots := certificate(t)
	w := servertest.Start(t, func(c *server.Config) {
		c.BaseURL = strings.Replace(c.BaseURL, "http:", "https:", 1)
		c.TLSCert, c.TLSKey = cert, key
	})
	addr := strings.TrimPrefix(w.URL, "https://")
	tests := []struct {
		name   string
		config *tls.Config
		want   uint16 // version; 0: refused
	}{
		{"1.3", &tls.Config{}, tls.VersionTLS13},
		{"1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, tls.VersionTLS12},
		{"1.2, ChaCha20", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}, tls.VersionTLS12},
		{"1.2 with CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, 0},
		{"1.2 without ephemeral keys", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, 0},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, 0},
	}
	for _, tt := range tests {
		tt.config.RootCAs = roots
		conn, err := tls.Dial("tcp", addr, tt.config)
		if err == nil {
			if got := conn.ConnectionState(); got.Version != tt.want {
				t.Errorf("%s: version %x, want %x", tt.name, got.Version, tt.want)
			}
			servertest.Check(t, conn.Close())
		} else if tt.want != 0 {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	t.Run("people sign in", func(t *testing.T) {
		who, err := w.Server.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{Traits: model.Traits{Username: "alex"}})
		servertest.Check(t, err)
		job, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: who.ID})
		servertest.Check(t, err)
		p, err := softperson.New(w.URL)
		servertest.Check(t, err)
		p.HTTP.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		servertest.Check(t, p.Bind(t.Context(), job.Link))
		servertest.Check(t, p.SignIn(t.Context()))
		_, err = p.List(t.Context(), "pending")
		servertest.Check(t, err)
		resp, err := p.HTTP.Get(w.URL + "/v1/me")
		servertest.Check(t, err)
		servertest.Check(t, resp.Body.Close())
		if resp.ProtoMajor != 2 || resp.StatusCode != 200 || resp.Request.Header.Get("Cookie") == "" {
			t.Errorf("HTTP/%d, %d", resp.ProtoMajor, resp.StatusCode)
		}
		if c := resp.Request.Header.Get("Cookie"); !strings.HasPrefix(c, "__Host-assent=") {
			t.Errorf("cookie = %.15s", c)
		}
	})
}

func TestACertificateThatCannotBeReadIsSaidBeforeTheServerIsReady(t *testing.T) {
	cert, _, _ := certificate(t)
	_, other, _ := certificate(t)
	for name, key := range map[string]string{"missing": "nowhere.pem", "of another certificate": other} {
		s, err := server.Open(t.Context(), server.Config{Database: filepath.Join(t.TempDir(), "a.sqlite"), BaseURL: "https://localhost:8420", Listen: "127.0.0.1:0",
			Keyring: developmentRing(t), Development: true, TLSCert: cert, TLSKey: key})
		servertest.Check(t, err)
		err = s.Run(t.Context(), func(string) { t.Error("said that it is ready") })
		if err == nil || !strings.Contains(err.Error(), "TLS certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
