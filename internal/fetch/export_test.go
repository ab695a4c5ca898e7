package fetch

import "net/netip"

// TreatAsPublic makes some addresses pass for public ones, so that what follows
// the decision can be tested on this machine alone.
func (f *Fetcher) TreatAsPublic(public func(netip.Addr) bool) { f.public = public }
