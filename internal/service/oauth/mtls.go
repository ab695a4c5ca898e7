package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/dn"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// mtlsBase is the origin of the endpoints for clients with certificates (RFC
// 8705, Section 5), or "".
func (e *Engine) mtlsBase() string { return e.cfg.MTLSBaseURL }

// mtlsIssuer is what precedes the path of an endpoint of the realm there, or "".
func (e *Engine) mtlsIssuer(site *model.Site) string {
	if e.mtlsBase() == "" {
		return ""
	}
	if site.OwnHost() {
		return e.mtlsBase() + site.NamedPath()
	}
	return e.mtlsBase() + site.Path
}

// mtlsPaths are the endpoints at which a client certificate means something.
var mtlsPaths = []string{token.path(), par.path(), ciba.path(), device.path(), introspect.path(), revoke.path(), userinfo.path()}

// MTLSPaths are the endpoints, under a realm, that are served to clients with
// certificates (RFC 8705, Section 5).
func MTLSPaths() []string { return slices.Clone(mtlsPaths) }

// certificateThumbprint is x5t#S256 (RFC 8705, Section 3.1).
func certificateThumbprint(c *Certificate) string {
	sum := sha256.Sum256(c.DER)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// checkCertificate authenticates a client that is registered for one of the
// methods of RFC 8705, Section 2. The handshake proved that it has the private
// key of its certificate.
func (e *Engine) checkCertificate(ctx context.Context, x *exchange, client *model.Client) error {
	if x.Certificate == nil {
		return clientRefused(x, "no client certificate", nil)
	}
	certificate, err := x509.ParseCertificate(x.Certificate.DER)
	if err != nil {
		return clientRefused(x, "client certificate", err)
	}
	if client.Settings.AuthMethod == model.AuthSelfSignedTLS {
		err = e.checkRegisteredKey(ctx, x, client, certificate)
	} else {
		err = checkSubject(x, client, certificate)
	}
	if err != nil {
		return err
	}
	x.client = client
	return nil
}

// checkRegisteredKey: RFC 8705, Section 2.2: the certificate's key is one that
// the client registered. Nobody vouches for anything else in the certificate, so
// nothing else is looked at.
func (e *Engine) checkRegisteredKey(ctx context.Context, x *exchange, client *model.Client, c *x509.Certificate) error {
	key, err := jose.FromKey(c.PublicKey)
	if err != nil {
		return clientRefused(x, "key of the client certificate", err)
	}
	known, err := e.cfg.Clients.HasKey(ctx, x.Site, client, key.Thumbprint(), x.now)
	if err != nil {
		return err
	}
	if !known {
		return clientRefused(x, "the key of the client certificate is not registered", nil)
	}
	return nil
}

// checkSubject: RFC 8705, Section 2.1: a certificate of an authority that the
// operator trusts, with the one registered subject in it.
func checkSubject(x *exchange, client *model.Client, c *x509.Certificate) error {
	if !x.Certificate.Trusted {
		return clientRefused(x, "the client certificate is of no trusted authority", nil)
	}
	if err := matchSubject(client.Settings, c); err != nil {
		return clientRefused(x, "subject of the client certificate", err)
	}
	return nil
}

var errOtherSubject = errors.New("not the registered one")

// matchSubject: exactly one of the five is registered (RFC 8705, Section 2.1.2).
func matchSubject(s model.ApplicationSettings, c *x509.Certificate) error {
	rules := []struct {
		want  string
		match func(string) bool
	}{
		{s.TLSSubjectDN, func(want string) bool { return hasSubject(c, want) }},
		{s.TLSSanDNS, func(want string) bool { return containsFold(c.DNSNames, want) }},
		{s.TLSSanURI, func(want string) bool { return hasURI(c, want) }},
		{s.TLSSanIP, func(want string) bool { return hasIP(c, want) }},
		{s.TLSSanEmail, func(want string) bool { return hasEmail(c, want) }},
	}
	set := slices.DeleteFunc(rules, func(r struct {
		want  string
		match func(string) bool
	}) bool {
		return r.want == ""
	})
	if len(set) != 1 {
		return errors.New("the client must have exactly one registered subject")
	}
	if !set[0].match(set[0].want) {
		return errOtherSubject
	}
	return nil
}

// hasSubject: a name that cannot be read matches nothing, not another such one.
func hasSubject(c *x509.Certificate, want string) bool {
	registered, err := dn.Parse(want)
	if err != nil {
		return false
	}
	shown, err := dn.FromDER(c.RawSubject)
	return err == nil && shown.Equal(registered)
}

// containsFold compares whole DNS names. A wildcard stands for itself alone.
func containsFold(names []string, want string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, want) })
}

func hasURI(c *x509.Certificate, want string) bool {
	for _, u := range c.URIs {
		if u.String() == want {
			return true
		}
	}
	return false
}

func hasIP(c *x509.Certificate, want string) bool {
	ip := net.ParseIP(want)
	return ip != nil && slices.ContainsFunc(c.IPAddresses, ip.Equal)
}

// hasEmail: the host of a mailbox ignores case, its name does not (RFC 5280,
// Section 7.5).
func hasEmail(c *x509.Certificate, want string) bool {
	name, host, ok := cutLast(want)
	return ok && slices.ContainsFunc(c.EmailAddresses, func(e string) bool {
		n, h, ok := cutLast(e)
		return ok && n == name && strings.EqualFold(h, host)
	})
}

func cutLast(email string) (name, host string, ok bool) {
	i := strings.LastIndexByte(email, '@')
	if i < 0 {
		return "", "", false
	}
	return email[:i], email[i+1:], true
}
