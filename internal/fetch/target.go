package fetch

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ErrAllow: not a host, or host and port, that could be allowed.
var ErrAllow = errors.New("an allowed host is a host name or address with or without a port, such as localhost, 127.0.0.1:8080 or [::1]")

// ValidateAllow checks one entry of Config.Allow.
func ValidateAllow(entry string) error {
	if _, ok := parseAllow(entry); !ok {
		return ErrAllow
	}
	return nil
}

// parseAllow brings an entry into the form "host:port", with "*" for any port.
func parseAllow(entry string) (string, bool) {
	host, port := entry, "*"
	if h, p, err := net.SplitHostPort(entry); err == nil {
		host, port = h, p
	} else if rest, ok := strings.CutPrefix(entry, "["); ok && strings.HasSuffix(rest, "]") {
		host = rest[:len(rest)-1]
	}
	if !hostName(host) || port != "*" && !portNumber(port) {
		return "", false
	}
	return canonical(host) + " " + port, true
}

func allowed(entries []string) map[string]bool {
	m := make(map[string]bool, len(entries))
	for _, e := range entries {
		if key, ok := parseAllow(e); ok {
			m[key] = true
		}
	}
	return m
}

func (f *Fetcher) allows(host, port string) bool {
	host = canonical(host)
	return f.allow[host+" *"] || f.allow[host+" "+port]
}

// canonical spells a host in one way: lower case, no final dot, addresses as
// netip writes them.
func canonical(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String()
	}
	return host
}

// hostName reports whether a host is an address without a zone, or a name of
// letters, digits, hyphens and underscores. International names are written as
// they are resolved (RFC 5890, Section 2.3.2.1).
func hostName(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Zone() == ""
	}
	if host == "" || len(host) > 254 || strings.HasPrefix(host, ".") || strings.Contains(host, "..") {
		return false
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

func portNumber(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// Allows reports whether Get and Post would try a URL: https with a host, no
// user, no fragment; plain http for allowed hosts alone. Where its host leads
// is known only when it is connected to.
func (f *Fetcher) Allows(target string) bool {
	_, err := f.check(target)
	return err == nil
}

func (f *Fetcher) check(target string) (*url.URL, error) {
	refused := func(reason string) (*url.URL, error) { return nil, &Error{Kind: RefusedURL, Reason: reason} }
	if len(target) > maxURL {
		return refused("the URL is too long")
	}
	u, err := url.Parse(target)
	if err != nil || u.Opaque != "" {
		return refused("it is not a URL")
	}
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	switch {
	case u.User != nil:
		return refused("the URL holds a user")
	case strings.Contains(target, "#"):
		return refused("the URL has a fragment")
	case !hostName(u.Hostname()):
		return refused("the URL has no plain host")
	case !portNumber(port) || strings.HasSuffix(u.Host, ":"):
		return refused("the URL has no plain port")
	case u.Scheme == "https", u.Scheme == "http" && f.allows(u.Hostname(), port):
		return u, nil
	default:
		return refused("the URL is not https")
	}
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}
