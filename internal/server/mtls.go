package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

// MTLS is the listener for clients with certificates (RFC 8705, Section 5). It is
// apart from the one for people, whose browsers would otherwise ask them for a
// certificate. It serves the same realms, and of them the endpoints at which a
// certificate means something. The zero value is none.
type MTLS struct {
	Listen    string       // host:port
	Listener  net.Listener // that is open already, in place of Listen
	BaseURL   string       // https://host[:port] under which clients reach it
	Cert, Key string       // files; empty: those of the main listener
	// ClientCA are PEM files with the authorities whose client certificates are
	// trusted (tls_client_auth). Without any only certificates whose keys the
	// clients registered are of use (self_signed_tls_client_auth).
	ClientCA []string
}

func (m *MTLS) on() bool { return m.Listen != "" || m.Listener != nil }

// validateMTLS fills in what the main listener has.
func (c *Config) validateMTLS() error {
	m := &c.MTLS
	if !m.on() {
		if m.BaseURL != "" || len(m.ClientCA) > 0 || m.Cert != "" || m.Key != "" {
			return errors.New("mTLS settings without an address to listen on")
		}
		return nil
	}
	if m.Cert == "" && m.Key == "" {
		m.Cert, m.Key = c.TLSCert, c.TLSKey
	}
	if m.Cert == "" || m.Key == "" {
		return errors.New("the mTLS listener needs a certificate and a key file: no proxy can stand in for it")
	}
	m.BaseURL = strings.TrimSuffix(m.BaseURL, "/")
	base, err := realm.ParseBaseURL(m.BaseURL)
	switch {
	case err != nil:
		return fmt.Errorf("mTLS base URL: %w", err)
	case base.Scheme != "https":
		return errors.New("the mTLS base URL must be https")
	case m.BaseURL == c.BaseURL:
		return errors.New("the mTLS base URL must differ from the base URL: another host name or another port")
	}
	return nil
}

// mtlsFront is that listener with its server.
func (s *Server) mtlsFront(ctx context.Context) (front, error) {
	tlsConfig, err := s.mtlsConfig()
	if err != nil {
		return front{}, fmt.Errorf("mTLS listener: %w", err)
	}
	authorities, err := s.authorities()
	if err != nil {
		return front{}, fmt.Errorf("client certificate authorities: %w", err)
	}
	l := s.cfg.MTLS.Listener
	if l == nil {
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.MTLS.Listen); err != nil {
			return front{}, fmt.Errorf("listen on %s: %w", s.cfg.MTLS.Listen, err)
		}
	}
	srv := s.httpServer(httpx.Recorded(s.cfg.Logger, s.metrics, onlyAliases(withChains(authorities, s.now, s.realms))), tlsConfig)
	srv.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, peerKey{}, &peer{})
	}
	return front{srv, l}, nil
}

// authorities answers the pool of those whose certificates are trusted; nil for
// none.
func (s *Server) authorities() (func() *x509.CertPool, error) {
	if len(s.cfg.MTLS.ClientCA) == 0 {
		return func() *x509.CertPool { return nil }, nil
	}
	files := reloading[*x509.CertPool]{files: s.cfg.MTLS.ClientCA, log: s.cfg.Logger,
		read: func() (*x509.CertPool, error) { return readAuthorities(s.cfg.MTLS.ClientCA) }}
	return files.get, files.start()
}

func (s *Server) now() time.Time {
	if s.cfg.Now != nil {
		return s.cfg.Now()
	}
	return time.Now()
}

// onlyAliases lets through what mtls_endpoint_aliases names.
func onlyAliases(next http.Handler) http.Handler {
	paths := oauth.MTLSPaths()
	missing := httpx.API(func(http.ResponseWriter, *http.Request) error {
		return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here."}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.URL.Path
		if _, rest, ok := splitRealm(at); ok {
			at = rest
		}
		if slices.Contains(paths, at) {
			next.ServeHTTP(w, r)
			return
		}
		missing.ServeHTTP(w, r)
	})
}

// withChains notes in the request's TLS state to which authorities the client's
// certificate leads. A header is never looked at (RFC 8705, Section 6.5).
func withChains(authorities func() *x509.CertPool, now func() time.Time, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := r.Context().Value(peerKey{}).(*peer); ok && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			state, inner := *r.TLS, *r
			state.VerifiedChains = p.chains(r.TLS, authorities(), now())
			inner.TLS = &state
			r = &inner
		}
		next.ServeHTTP(w, r)
	})
}

type peerKey struct{}

// A peer is what was found out about the certificate of one connection.
type peer struct {
	mu    sync.Mutex
	roots *x509.CertPool // that it was held against
	until time.Time      // when it is looked at again
	good  [][]*x509.Certificate
}

// peerFresh is how long a connection's certificate is believed before its dates
// are looked at again.
const peerFresh = time.Minute

// chains lead from the certificate to one of the authorities, by certificates
// that are meant for clients (RFC 5280, Sections 4.2.1.12 and 6).
func (p *peer) chains(state *tls.ConnectionState, roots *x509.CertPool, now time.Time) [][]*x509.Certificate {
	if roots == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.roots != roots || !now.Before(p.until) {
		p.roots, p.until, p.good = roots, now.Add(peerFresh), verify(state.PeerCertificates, roots, now)
	}
	return p.good
}

func verify(shown []*x509.Certificate, roots *x509.CertPool, now time.Time) [][]*x509.Certificate {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return nil
	}
	return chains
}
