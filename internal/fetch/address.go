package fetch

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// special are the networks that are not the public internet: those of the IANA
// IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190) that
// are not globally reachable, multicast, and every form in which an IPv6
// address carries an IPv4 address, behind which any of the others may hide.
// The few anycast services inside them that are globally reachable serve no
// documents, so there are no exceptions.
var special = []network{
	in("0.0.0.0/8", never),         // this network, RFC 791, Section 3.2
	in("10.0.0.0/8", local),        // private use, RFC 1918
	in("100.64.0.0/10", local),     // shared address space of carriers, RFC 6598
	in("127.0.0.0/8", local),       // loopback, RFC 1122, Section 3.2.1.3
	in("169.254.0.0/16", never),    // link-local, RFC 3927; clouds answer for their machines here
	in("172.16.0.0/12", local),     // private use, RFC 1918
	in("192.0.0.0/24", never),      // IETF protocol assignments, RFC 6890, Section 2.1
	in("192.0.2.0/24", never),      // documentation, RFC 5737
	in("192.31.196.0/24", never),   // AS112, RFC 7535
	in("192.52.193.0/24", never),   // automatic multicast tunneling, RFC 7450
	in("192.88.99.0/24", never),    // relays of 6to4, RFC 7526
	in("192.168.0.0/16", local),    // private use, RFC 1918
	in("192.175.48.0/24", never),   // AS112, RFC 7534
	in("198.18.0.0/15", never),     // benchmarking, RFC 2544
	in("198.51.100.0/24", never),   // documentation, RFC 5737
	in("203.0.113.0/24", never),    // documentation, RFC 5737
	in("224.0.0.0/4", never),       // multicast, RFC 5771
	in("240.0.0.0/4", never),       // reserved, RFC 1112, Section 4; with broadcast, RFC 919
	in("::1/128", local),           // loopback, RFC 4291, Section 2.5.3
	in("::/96", never),             // unspecified, and IPv4-compatible, RFC 4291, Section 2.5.5.1
	in("::ffff:0:0/96", never),     // IPv4-mapped, RFC 4291, Section 2.5.5.2
	in("::ffff:0:0:0/96", never),   // IPv4-translated, RFC 2765, Section 2.1
	in("64:ff9b::/96", never),      // NAT64, RFC 6052
	in("64:ff9b:1::/48", never),    // local-use NAT64, RFC 8215
	in("100::/64", never),          // discard, RFC 6666
	in("100:0:0:1::/64", never),    // dummy prefix, RFC 9780
	in("2001::/23", never),         // IETF protocol assignments, RFC 2928: Teredo, ORCHID, DETs, ...
	in("2001:db8::/32", never),     // documentation, RFC 3849
	in("2002::/16", never),         // 6to4, RFC 3056
	in("2620:4f:8000::/48", never), // AS112, RFC 7534
	in("3fff::/20", never),         // documentation, RFC 9637
	in("5f00::/16", never),         // segment routing, RFC 9602
	in("fc00::/7", local),          // unique local, RFC 4193
	in("fe80::/10", never),         // link-local, RFC 4291, Section 2.5.6
	in("fec0::/10", never),         // site-local, RFC 3879
	in("ff00::/8", never),          // multicast, RFC 4291, Section 2.7
}

type network struct {
	prefix netip.Prefix
	reach  reach
}

func in(prefix string, r reach) network { return network{netip.MustParsePrefix(prefix), r} }

// reach says who may go to an address.
type reach uint8

const (
	never    reach = iota // nobody
	local                 // hosts that the operator allows
	anywhere              // everybody: a public address
)

// global is where IPv6 unicast addresses are assigned from at all (IANA IPv6
// Global Unicast Address Assignments).
var global = netip.MustParsePrefix("2000::/3")

// reachOf finds the narrowest network of the table that holds an address.
func reachOf(a netip.Addr) reach {
	a = a.WithZone("") // no prefix holds an address with a zone
	found, bits := anywhere, -1
	if !a.IsValid() || a.Is6() && !global.Contains(a) {
		found = never
	}
	for _, n := range special {
		if n.prefix.Contains(a) && n.prefix.Bits() > bits {
			found, bits = n.reach, n.prefix.Bits()
		}
	}
	return found
}

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool { return reachOf(a) == anywhere }

// dial connects. The guard stands behind name resolution, at the address of
// each attempt, so a name that resolves differently each time gains nothing.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	guard := f.guardPublic
	if f.allows(host, port) {
		guard = guardAllowed
	}
	d := net.Dialer{Resolver: f.cfg.Resolver, Timeout: handshake, Control: guard}
	return d.DialContext(ctx, network, address)
}

func (f *Fetcher) guardPublic(_, address string, _ syscall.RawConn) error {
	if a, err := netip.ParseAddrPort(address); err != nil || !f.public(a.Addr()) {
		return &Error{Kind: RefusedAddress, Reason: "the host is not on a public address"}
	}
	return nil
}

// guardAllowed: an allowed host may be near, but it is still a host. No setting
// leads to a cloud's metadata service.
func guardAllowed(_, address string, _ syscall.RawConn) error {
	if a, err := netip.ParseAddrPort(address); err != nil || reachOf(a.Addr()) == never {
		return &Error{Kind: RefusedAddress, Reason: "the host is on an address that no setting allows"}
	}
	return nil
}
