package servertest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server"
)

// An Authority issues certificates.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes one with a certificate that it signed itself.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{key: newKey(t)}
	template := x509.Certificate{Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a.Certificate = sign(t, template, a.key.Public(), a)
	return a
}

// Intermediate makes an authority that this one vouches for.
func (a *Authority) Intermediate(t testing.TB) *Authority {
	t.Helper()
	below := &Authority{key: newKey(t)}
	below.Certificate = sign(t, x509.Certificate{Subject: pkix.Name{CommonName: "Test authority below"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, below.key.Public(), a)
	return below
}

// File is a PEM file with the authority's certificate.
func (a *Authority) File(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	Check(t, os.WriteFile(name, pemOf("CERTIFICATE", a.Certificate.Raw), 0o600))
	return name
}

// Pool holds the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// Issue makes a certificate for a key; nil: a new one. Without dates it is good
// now.
func (a *Authority) Issue(t testing.TB, template x509.Certificate, key crypto.Signer) tls.Certificate {
	t.Helper()
	if key == nil {
		key = newKey(t)
	}
	leaf := sign(t, template, key.Public(), a)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// Client issues a certificate for clients with a common name.
func (a *Authority) Client(t testing.TB, name string) tls.Certificate {
	t.Helper()
	return a.Issue(t, x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, nil)
}

// SelfSigned makes a certificate that nobody vouches for; key nil: a new one.
func SelfSigned(t testing.TB, key crypto.Signer) tls.Certificate {
	t.Helper()
	if key == nil {
		key = newKey(t)
	}
	return (&Authority{key: key}).Issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "self"}}, key)
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Check(t, err)
	return key
}

func sign(t testing.TB, template x509.Certificate, key crypto.PublicKey, by *Authority) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent := by.Certificate
	if parent == nil {
		parent = &template
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key, by.key)
	Check(t, err)
	c, err := x509.ParseCertificate(der)
	Check(t, err)
	return c
}

// WriteCertificate writes a certificate and its key as a server reads them.
func WriteCertificate(t testing.TB, c tls.Certificate, certFile, keyFile string) {
	t.Helper()
	var chain bytes.Buffer
	for _, der := range c.Certificate {
		chain.Write(pemOf("CERTIFICATE", der))
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	Check(t, err)
	Check(t, os.WriteFile(certFile, chain.Bytes(), 0o600))
	Check(t, os.WriteFile(keyFile, pemOf("PRIVATE KEY", pkcs8), 0o600))
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// ForServer is what the certificate of a server on this machine is made from.
var ForServer = x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
	ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}

// MTLS is a World that listens for clients with certificates too.
type MTLS struct {
	*World
	Base      string     // of that listener
	Authority *Authority // whose client certificates are trusted
	roots     *x509.CertPool
}

// StartMTLS runs a server with both listeners.
func StartMTLS(t testing.TB, change func(*server.Config)) *MTLS {
	t.Helper()
	own, trusted := NewAuthority(t), NewAuthority(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem")
	WriteCertificate(t, own.Issue(t, ForServer, nil), cert, key)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Check(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	Check(t, err)
	m := &MTLS{Base: "https://localhost:" + port, Authority: trusted, roots: own.Pool()}
	m.World = Start(t, func(c *server.Config) {
		c.MTLS = server.MTLS{Listener: l, BaseURL: m.Base, Cert: cert, Key: key, ClientCA: []string{trusted.File(t)}}
		if change != nil {
			change(c)
		}
	})
	return m
}

// With is a client that shows a certificate; nil: none.
func (m *MTLS) With(t testing.TB, certificate *tls.Certificate) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: m.roots}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: time.Minute, Transport: transport}
}

// PostWith sends a form to the listener for certificates. Headers are name, value
// pairs.
func (m *MTLS) PostWith(t testing.TB, certificate *tls.Certificate, path string, form url.Values, headers ...string) Answer {
	t.Helper()
	return m.SendWith(t, certificate, http.MethodPost, path, strings.NewReader(form.Encode()),
		append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// SendWith sends one request there.
func (m *MTLS) SendWith(t testing.TB, certificate *tls.Certificate, method, path string, body io.Reader, headers ...string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, m.Base+path, body)
	Check(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := m.With(t, certificate).Do(r)
	Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(resp.Body)
	Check(t, err)
	_ = json.Unmarshal(a.Body, &a.JSON) // pages have none
	return a
}
