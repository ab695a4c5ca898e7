package authenticator

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/model"
)

// Limits on what may be set.
const (
	maxName    = 200  // bytes
	maxURL     = 2048 // bytes
	maxOrigins = 50
	maxHost    = 253 // bytes (RFC 1035, Section 2.3.4)
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// check refuses settings that contradict themselves or would let a page in that
// nobody meant.
func check(site *model.Site, name string, s *model.AuthenticatorSettings) error {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return invalid("name is text of 1 to %d bytes without control characters", maxName)
	}
	if err := checkOrigins(s.TrustedOrigins); err != nil {
		return err
	}
	switch s.Type {
	case model.AuthenticatorHosted:
		if s.Invocation != "" || s.InvokeURL != "" || s.RPID != "" {
			return invalid("invocation_type, invoke_url and rp_id are for embedded configs")
		}
		return nil
	case model.AuthenticatorEmbedded:
		return checkEmbedded(site, s)
	}
	return invalid("type is hosted or embedded")
}

func checkEmbedded(site *model.Site, s *model.AuthenticatorSettings) error {
	switch {
	case s.Invocation != model.InvokeAutomatic && s.Invocation != model.InvokeManual:
		return invalid("invocation_type is automatic or manual")
	case len(s.TrustedOrigins) == 0:
		return invalid("an embedded config needs trusted_origins")
	}
	if err := checkInvokeURL(s); err != nil {
		return err
	}
	return checkRPID(site, s)
}

func checkOrigins(origins []string) error {
	if len(origins) > maxOrigins {
		return invalid("trusted_origins has more than %d origins", maxOrigins)
	}
	seen := map[string]bool{}
	for _, o := range origins {
		if fault := originFault(o); fault != "" {
			return invalid("an origin of trusted_origins %s", fault)
		}
		if seen[o] {
			return invalid("trusted_origins has an origin twice")
		}
		seen[o] = true
	}
	return nil
}

// originFault says why a text is not an origin as browsers write it (RFC 6454,
// Section 6.2), or nothing. They compare it to the letter.
func originFault(origin string) string {
	u, fault := plainURL(origin)
	switch {
	case fault != "":
		return fault
	case u.Scheme != "https" && u.Scheme != "http" || u.Scheme+"://"+u.Host != origin:
		return "is not scheme://host[:port] in lower case"
	case u.Port() == map[string]string{"https": "443", "http": "80"}[u.Scheme] || strings.HasSuffix(u.Host, ":"):
		return "names the port that browsers leave out"
	case !hostName(u.Hostname()) && net.ParseIP(u.Hostname()) == nil:
		return "has no host name in lower case"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "is plain http and not on loopback"
	}
	return ""
}

// plainURL parses what reads the same to Go and to browsers.
func plainURL(text string) (*url.URL, string) {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`\"<>^{|}*`+"`", r) }
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return nil, "is too long"
	case err != nil || strings.ContainsFunc(text, odd):
		return nil, "is not plain ASCII without wildcards and quotes"
	case !u.IsAbs():
		return nil, "has no scheme"
	case u.User != nil:
		return nil, "holds a user"
	case strings.Contains(text, "#"):
		return nil, "has a fragment"
	}
	return u, ""
}

// hostName reports whether text is a host name in lower case (RFC 1123, Section
// 2.1): labels of letters, digits and inner hyphens.
func hostName(text string) bool {
	if text == "" || len(text) > maxHost || net.ParseIP(text) != nil {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		odd := func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_') }
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return true
}

// loopback: Secure Contexts, Section 3.1, steps 4 and 5.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// checkInvokeURL: a web page at a trusted origin, or what a native application is
// opened by (RFC 8252, Section 7.1).
func checkInvokeURL(s *model.AuthenticatorSettings) error {
	u, fault := plainURL(s.InvokeURL)
	if fault != "" {
		return invalid("invoke_url %s", fault)
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		// The reverse of a domain that its maker has, so nobody else's protocol.
		if u.Opaque != "" || !strings.Contains(u.Scheme, ".") {
			return invalid("invoke_url is https, or a private-use scheme such as com.example.app://open")
		}
		return nil
	}
	origin := u.Scheme + "://" + u.Host
	for _, o := range s.TrustedOrigins {
		if o == origin {
			return nil
		}
	}
	return invalid("the origin of invoke_url must be one of trusted_origins")
}

// checkRPID: browsers take a relying party id that is the host of the page or a
// parent of it (Web Authentication Level 3, Section 5.1.3, step 8). Origins beyond
// the realm's own id are related ones, which the realm publishes; for another id
// nobody does.
func checkRPID(site *model.Site, s *model.AuthenticatorSettings) error {
	if s.RPID == "" || s.RPID == site.RPID {
		return nil
	}
	if !hostName(s.RPID) || s.RPID != "localhost" && !strings.Contains(s.RPID, ".") {
		return invalid("rp_id is a host name in lower case")
	}
	for _, o := range s.TrustedOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Hostname() != s.RPID && !strings.HasSuffix(u.Hostname(), "."+s.RPID) {
			return invalid("rp_id must be the host of every trusted origin or a parent of it, or the realm's own")
		}
	}
	return nil
}
