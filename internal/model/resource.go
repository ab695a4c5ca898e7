package model

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

const maxResource = 512 // bytes of an identifier

// ResourceFault says what is wrong with the identifier of a resource server, as it
// goes on behind the word for one; empty: nothing. RFC 8707, Section 2, wants an
// absolute URI without a fragment; ours is one of those that somebody can own.
func ResourceFault(id string) string {
	u, err := url.Parse(id)
	switch {
	case len(id) > maxResource:
		return fmt.Sprintf("has at most %d bytes", maxResource)
	case err != nil || !u.IsAbs() || strings.Contains(id, "#") || strings.ContainsFunc(id, notInURI):
		return "is an absolute URI without a fragment"
	case u.User != nil:
		return "names no user"
	case strings.HasPrefix(id, "https://") && u.Hostname() != "":
		return ""
	case strings.HasPrefix(id, "http://") && loopbackHost(u.Hostname()):
		return ""
	case strings.HasPrefix(id, "urn:") && wellFormedURN(u.Opaque):
		return ""
	default:
		return "is an https URI, an http URI of this machine, or a urn"
	}
}

// notInURI: RFC 3986, Section 2.
func notInURI(r rune) bool {
	return r <= 0x20 || r > 0x7e || strings.ContainsRune("\"<>\\^`{|}", r)
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// wellFormedURN: a namespace and a name in it (RFC 8141, Section 2).
func wellFormedURN(rest string) bool {
	space, name, ok := strings.Cut(rest, ":")
	return ok && len(space) >= 2 && name != ""
}

// SameResource reports whether two identifiers name one resource server. An origin
// is the same with and without its trailing slash (RFC 3986, Section 6.2.3).
func SameResource(a, b string) bool {
	return a == b || strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") && originOnly(a)
}

func originOnly(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == ""
}
