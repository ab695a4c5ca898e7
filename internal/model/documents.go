package model

import "strings"

// TakesDocuments reports whether client id metadata documents are taken at all
// in the realm. Development realms take them.
func (p RealmPolicy) TakesDocuments() bool { return p.CIMD.Enabled || p.Development }

// Admits reports whether documents of a host are taken: what is denied never
// is, and where some are named, only those are.
func (p DocumentPolicy) Admits(host string) bool {
	return !matchesHost(p.Deny, host) && (len(p.Allow) == 0 || matchesHost(p.Allow, host))
}

// matchesHost: "*.example.com" stands for every name below example.com and not
// for example.com itself.
func matchesHost(patterns []string, host string) bool {
	host = plainHost(host)
	for _, p := range patterns {
		p = plainHost(p)
		if suffix, ok := strings.CutPrefix(p, "*"); ok && strings.HasPrefix(suffix, ".") {
			if len(host) > len(suffix) && strings.HasSuffix(host, suffix) {
				return true
			}
		} else if host == p {
			return true
		}
	}
	return false
}

// plainHost: case does not matter in host names, nor does a final dot.
func plainHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }
