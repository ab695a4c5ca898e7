package resource

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

const maxCertificate = 16 << 10 // bytes of the field

// checkCertificate: RFC 8705, Section 3.
func checkCertificate(shown *x509.Certificate, x5t string) *Refusal {
	if shown == nil {
		return bad("", "the token is bound to a certificate, and the connection shows none")
	}
	sum := sha256.Sum256(shown.Raw)
	if base64.RawURLEncoding.EncodeToString(sum[:]) != x5t {
		return bad("", "the token is bound to another certificate than that of the connection")
	}
	return nil
}

// certificate is what the client showed in this connection, or in the one to the
// proxy before us; nil: none. Whoever terminated TLS has checked that the client
// has its key.
func (s *Server) certificate(r *http.Request) *x509.Certificate {
	if name := s.cfg.CertificateHeader; name != "" && s.fromProxy(r.RemoteAddr) {
		values := r.Header.Values(name)
		if len(values) != 1 || len(values[0]) > maxCertificate {
			return nil
		}
		return parseCertificate(values[0])
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

func (s *Server) fromProxy(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, trusted := range s.cfg.TrustedProxies {
		if trusted.Contains(at.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// parseCertificate reads a byte sequence (RFC 9440, Section 2.2) or URL-encoded
// PEM.
func parseCertificate(value string) *x509.Certificate {
	var der []byte
	if inner, ok := strings.CutPrefix(value, ":"); ok {
		inner, closed := strings.CutSuffix(inner, ":")
		raw, err := base64.StdEncoding.DecodeString(inner)
		if !closed || err != nil {
			return nil
		}
		der = raw
	} else {
		text, err := url.PathUnescape(value) // a plus is a plus: PEM has many
		block, _ := pem.Decode([]byte(text))
		if err != nil || block == nil || block.Type != "CERTIFICATE" {
			return nil
		}
		der = block.Bytes
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return c
}
