package realm

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// defaultPorts are left out of origins (RFC 6454, Section 6.1).
var defaultPorts = map[string]string{"https": "443", "http": "80"}

// ParseBaseURL reads a server's base URL. It must be spelled as browsers spell
// an origin, since it is compared with theirs byte for byte: scheme://host[:port],
// in lower case, without the scheme's own port, and nothing after it.
func ParseBaseURL(raw string) (*url.URL, error) {
	refuse := func(reason string) (*url.URL, error) {
		return nil, fmt.Errorf("base URL %q: %s", raw, reason)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	port, known := defaultPorts[u.Scheme]
	switch {
	case !known:
		return refuse("the scheme is https, or http on loopback")
	case u.Hostname() == "" || raw != u.Scheme+"://"+u.Host:
		return refuse("want scheme://host[:port] and nothing else")
	case u.Host != strings.ToLower(u.Host):
		return refuse("the host must be in lower case, as browsers write it")
	case u.Port() == port || strings.HasSuffix(u.Host, ":"):
		return refuse("leave the port out: it is the scheme's own")
	case strings.HasSuffix(u.Hostname(), "."):
		return refuse("the host must not end with a dot")
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.String() != u.Hostname() {
		return refuse("write the address as " + ip.String())
	}
	return u, nil
}
