package limit_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/limit"
)

func TestANetworkIsWhatOneSubscriberHas(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2::1":      "2001:db8:1:2::/64",
		"2001:db8:1:2:ff::9":   "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"127.0.0.1":            "loopback",
		"127.8.0.1":            "loopback",
		"::1":                  "loopback",
		"::ffff:127.0.0.1":     "loopback",
		"":                     "",
		"what a proxy made up": "what a proxy made up",
		"192.0.2.1:443":        "192.0.2.1:443",
	} {
		if got := limit.Network(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}
