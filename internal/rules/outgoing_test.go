package rules_test

import (
	"fmt"
	"slices"
	"testing"
)

// outgoing are the names by which a program of the standard library connects to
// others.
var outgoing = map[string][]string{
	"net/http": {"Client", "DefaultClient", "DefaultTransport", "Get", "Head", "NewRequest", "NewRequestWithContext", "Post", "PostForm", "Transport"},
	"net": {"Dial", "DialIP", "DialTCP", "DialTimeout", "DialUDP", "DialUnix", "Dialer", "Resolver", "DefaultResolver", "LookupAddr",
		"LookupHost", "LookupIP"},
	"crypto/tls":        {"Dial", "DialWithDialer", "Dialer"},
	"net/http/httputil": {"NewSingleHostReverseProxy", "ReverseProxy"},
}

// connecting may do so: the one way out, what reaches the mail server that the
// operator names and nobody else can, and a person in software, who is no part of
// the server.
var connecting = []string{"internal/fetch", "internal/service/notify/smtp", "internal/softperson"}

// outgoingFindings lists where the server connects to others past its guard.
func outgoingFindings(files []source) []string {
	var found []string
	for _, f := range files {
		if f.test() || !within(f.dir, "internal") || within(f.dir, connecting...) {
			continue
		}
		for _, u := range uses(f) {
			if slices.Contains(outgoing[u.dir], u.name) {
				found = append(found, fmt.Sprintf("%s uses %s.%s: whatever leaves this server goes through internal/fetch", u.at, u.dir, u.name))
			}
		}
	}
	return found
}

// Requirement: fetch-everywhere
func TestWhateverLeavesTheServerGoesThroughTheOneFetcher(t *testing.T) {
	report(t, outgoingFindings(module(t)))
}

func TestOutgoingRuleFindsWhatItForbids(t *testing.T) {
	tests := []struct {
		name, file, imports, use string
		want                     int // findings
	}{
		{"a client in a service", "internal/service/a/a.go", "net/http", "http.DefaultClient", 1},
		{"a request in the edge", "internal/edge/a/a.go", "net/http", "http.NewRequest", 1},
		{"a dialer in the server", "internal/server/a.go", "net", "net.Dialer{}", 1},
		{"TLS in the server", "internal/server/a.go", "crypto/tls", "tls.Dial", 1},
		{"a handler in the edge", "internal/edge/a/a.go", "net/http", "http.NotFound", 0},
		{"a listener in the server", "internal/server/a.go", "net", "net.Listen", 0},
		{"the one way out", "internal/fetch/a.go", "net/http", "http.Transport{}", 0},
		{"a test", "internal/server/a_test.go", "net/http", "http.DefaultClient", 0},
		{"the SDK", "sdk/assent/a.go", "net/http", "http.DefaultClient", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := tree(t, map[string]string{tt.file: "package a\nimport \"" + tt.imports + "\"\nvar _ = " + tt.use + "\n"})
			if found := outgoingFindings(files); len(found) != tt.want {
				t.Errorf("got %q, want %d findings", found, tt.want)
			}
		})
	}
}
