package oauth_test

import (
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/service/oauth"
)

// The first two rows of each kind are examples of RFC 3986, Sections 6.2.2 and
// 6.2.3.
//
// Requirement: dpop-htu-normalised
func TestURLsAreComparedInTheNormalFormOfRFC3986(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"HTTP://www.EXAMPLE.com/", "http://www.example.com/", true},
		{"http://example.com/a%c2%b1b", "http://example.com/a%C2%B1b", true},
		{"http://example.com/%7Euser", "http://example.com/~user", true},
		{"http://example.com/%74%6f%6B%65%6e", "http://example.com/token", true},
		{"http://example.com/a/./b/../c", "http://example.com/a/c", true},
		{"http://example.com/a/%2e%2E/c", "http://example.com/c", true},
		{"http://example.com/../../c", "http://example.com/c", true},
		{"http://example.com/a/b/..", "http://example.com/a/", true},
		{"http://example.com/a/.", "http://example.com/a/", true},
		{"http://example.com", "http://example.com/", true},
		{"http://example.com:/", "http://example.com:80/", true},
		{"https://example.com:443/token", "https://example.com/token", true},
		{"https://example.com/token?a=b#c", "https://example.com/token", true},
		{"https://[::1]:443/token", "https://[::1]/token", true},
		{"https://EXAMPLE.com/realms/caf\u00e9/token", "https://example.com/realms/caf%C3%A9/token", true},

		{"https://example.com/Token", "https://example.com/token", false},
		{"https://example.com/token/", "https://example.com/token", false},
		{"https://example.com//token", "https://example.com/token", false},
		{"https://example.com/a%2Fb", "https://example.com/a/b", false},
		{"https://example.com/a%3Fb", "https://example.com/a", false},
		{"https://example.com:80/token", "https://example.com/token", false},
		{"http://example.com:443/token", "http://example.com/token", false},
		{"http://example.com/token", "https://example.com/token", false},
		{"https://example.com.evil.example/token", "https://example.com/token", false},
		{"https://[::1]:8443/token", "https://[::1]/token", false},
		{"https://example.com/.../c", "https://example.com/c", false},
		{"https://example.com/.well-known/x", "https://example.com/well-known/x", false},
	} {
		a, errA := oauth.NormalURL(tt.a)
		b, errB := oauth.NormalURL(tt.b)
		if errA != nil || errB != nil || (a == b) != tt.same {
			t.Errorf("%s and %s: %s and %s (%v, %v), want same %v", tt.a, tt.b, a, b, errA, errB, tt.same)
		}
		if again, err := oauth.NormalURL(a); err != nil || again != a {
			t.Errorf("the normal form of %s is %s, and of that %s", tt.a, a, again)
		}
	}
}

func TestWhatIsNoWebAddressIsNoHTU(t *testing.T) {
	for _, raw := range []string{"", "/token", "//example.com/token", "ftp://example.com/", "https:///token", "https:token", "urn:x",
		"https://user@example.com/", "https://a:b@example.com/", "https://example.com/%zz", "https://exa mple.com/", "https://:443/",
		"https://example.com:port/", "https://example.com/\x00", strings.Repeat("x", 100)} {
		if n, err := oauth.NormalURL(raw); err == nil {
			t.Errorf("%q passes as %q", raw, n)
		}
	}
}
