package model

import (
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/assent-id/assent/internal/format/passkey"
)

// A Site is a realm as the world addresses it. It is computed once per realm
// from the server's base URL, shared, and never changed in place.
type Site struct {
	Realm  Realm
	Issuer string // no trailing slash; the default realm's is the base URL
	Path   string // "" or "/realms/{name}": what precedes every path of the realm
	Origin string // scheme://host[:port] of the issuer
	RPID   string // WebAuthn relying party id
	Secure bool   // the issuer is https
}

// RP is the realm as the relying party of WebAuthn ceremonies.
func (s *Site) RP() passkey.RP {
	return passkey.RP{ID: s.RPID, Name: s.Realm.DisplayName, Origins: s.Origins(), Attestation: s.Realm.Policy.Attestation.Rules()}
}

// Origins are those whose pages may use the realm's passkeys: its own, and those
// that it names (Web Authentication Level 3, Section 5.11).
func (s *Site) Origins() []string {
	return append([]string{s.Origin}, s.Realm.Policy.RelatedOrigins...)
}

// NamedPath leads to the realm on a host that is not its own.
func (s *Site) NamedPath() string {
	if s.Realm.Default {
		return ""
	}
	return "/realms/" + s.Realm.Name
}

// OwnHost reports whether the realm has a host name of its own.
func (s *Site) OwnHost() bool { return !s.Realm.Default && s.Realm.Policy.Host != "" }

// CookieName is the name of the realm's session cookie. The __Host- prefix
// (RFC 6265bis, Section 4.1.3) needs https; the realm's name keeps realms of
// one host apart, as such cookies always have the path "/".
func (s *Site) CookieName() string {
	name := "assent"
	if s.Secure {
		name = "__Host-assent"
	}
	if !s.Realm.Default {
		name += "-" + s.Realm.Name
	}
	return name
}

// LocalPath reports whether target is a path of this realm, with or without a
// query, and leads nowhere else whatever a browser makes of it: no scheme, no
// host, no backslash, no control or space, no dot segment (WHATWG URL, Section
// 4.4 reads all of those more kindly than RFC 3986).
func (s *Site) LocalPath(target string) bool {
	odd := func(r rune) bool { return r == '\\' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsFunc(target, odd) {
		return false
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" {
		return false
	}
	if strings.ContainsAny(u.Path, "\\") || strings.TrimSuffix(u.Path, "/") != strings.TrimSuffix(path.Clean(u.Path), "/") {
		return false
	}
	return u.Path == s.Path || strings.HasPrefix(u.Path, s.Path+"/")
}
