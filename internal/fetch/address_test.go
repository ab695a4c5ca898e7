package fetch_test

import (
	"net/netip"
	"testing"

	"github.com/assent-id/assent/internal/fetch"
)

// Requirement: fetch-public-only
func TestOnlyAddressesOfThePublicInternetAreOnes(t *testing.T) {
	special := map[string][]string{
		"this network":       {"0.0.0.0", "0.1.2.3", "::"},
		"loopback":           {"127.0.0.1", "127.0.0.53", "127.255.255.255", "::1"},
		"private":            {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"},
		"carriers":           {"100.64.0.1", "100.127.255.255"},
		"with a zone":        {"2001:db8::1%eth0", "2002::1%1", "fd00::1%x"},
		"link-local":         {"169.254.0.1", "169.254.169.254", "fe80::1", "febf::1", "fe80::1%eth0"},
		"protocols":          {"192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.0.255", "2001:1::1", "2001:2::1", "2001:20::1", "2001:30::1"},
		"documentation":      {"192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "3fff::1", "3fff:fff:ffff::1"},
		"benchmarking":       {"198.18.0.1", "198.19.255.255", "2001:2:0:1::1"},
		"6to4":               {"192.88.99.1", "2002::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1"},
		"multicast":          {"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"},
		"reserved":           {"240.0.0.1", "255.255.255.254", "255.255.255.255"},
		"IPv4-mapped":        {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"},
		"IPv4-compatible":    {"::127.0.0.1", "::7f00:1", "::8.8.8.8"},
		"IPv4-translated":    {"::ffff:0:127.0.0.1"},
		"NAT64":              {"64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b:1:ffff:ffff:ffff:10.0.0.1"},
		"Teredo":             {"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"},
		"unique local":       {"fc00::1", "fd00:ec2::254", "fdff:ffff::1"},
		"site-local":         {"fec0::1", "feff::1"},
		"discard":            {"100::1", "100:0:0:1::1"},
		"segment routing":    {"5f00::1"},
		"AS112":              {"192.31.196.1", "192.175.48.1", "2620:4f:8000::1"},
		"multicast tunnels":  {"192.52.193.1"},
		"not assigned":       {"4000::1", "8000::1", "f000::1", "200::1"},
		"neighbours of ::1":  {"::2"},
		"outside 2000::/3":   {"1fff::1"},
		"ORCHID, and its v2": {"2001:10::1", "2001:2f::1"},
	}
	for name, list := range special {
		for _, a := range list {
			if fetch.Public(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s passes for public", name, a)
			}
		}
	}
	if fetch.Public(netip.Addr{}) {
		t.Error("no address at all passes for public")
	}
	for _, a := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
		"2001:200::1", "2001:db7:ffff::1", "2001:db9::1", "2003::1", "2606:4700::1111", "2a00:1450::1", "3ffe::1"} {
		if !fetch.Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is public, yet refused", a)
		}
	}
}
