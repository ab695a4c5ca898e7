package limit

import "net/netip"

// Network is what one subscriber has, and so the key of what is counted by
// address: an IPv4 address, or 64 bits of IPv6 (RFC 6177, Section 2: nobody gets
// fewer). This machine is one whatever it calls itself. What is no address is
// itself.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
		return "loopback"
	case ip.Is4():
		return ip.String()
	}
	p, _ := ip.Prefix(64) // an IPv6 address has one of every length
	return p.String()
}
