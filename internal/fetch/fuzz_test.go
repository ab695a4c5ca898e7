package fetch_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/fetch"
)

// Whatever a stranger names, what would be tried is https, or plain http to a
// host that was allowed, and the request goes to the host that the URL shows.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"https://a.example/b?c#d", "http://allowed.example:8080/", "https://u:p@a.example", "https://[::1]:443/",
		"https://a.example:0", "https://127.1/", "HTTPS://A.EXAMPLE", "https:a", "https://[fe80::1%25lo]/", "https://a.example\\@b.example/"} {
		f.Add(seed)
	}
	fetcher := fetch.New(fetch.Config{Allow: []string{"allowed.example:8080"}})
	f.Fuzz(func(t *testing.T, target string) {
		if !fetcher.Allows(target) {
			return
		}
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		plain := u.Scheme == "http" && strings.EqualFold(strings.TrimSuffix(u.Hostname(), "."), "allowed.example") && u.Port() == "8080"
		if u.Scheme != "https" && !plain || u.User != nil || strings.Contains(target, "#") || u.Hostname() == "" ||
			strings.ContainsAny(u.Host, "@\\/?# \t\r\n\x00") {
			t.Errorf("%q would be tried", target)
		}
	})
}

// What the standard library knows to be no public address is none here, in any
// spelling.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%lo", "1.1.1.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := netip.ParseAddr(text)
		if err != nil || !fetch.Public(a) {
			return
		}
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Is4In6() || !a.IsGlobalUnicast() {
			t.Errorf("%s passes for public", a)
		}
	})
}
