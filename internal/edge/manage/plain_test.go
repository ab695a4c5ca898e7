package manage_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// engines makes the calls on both databases: they do not take the same text.
func engines(t *testing.T, test func(t *testing.T, g *generator)) {
	t.Helper()
	for name, change := range map[string]func(*testing.T, *server.Config){
		"sqlite":   nil,
		"postgres": func(t *testing.T, c *server.Config) { t.Helper(); c.Database = pgtest.Database(t) },
	} {
		t.Run(name, func(t *testing.T) { test(t, generateOn(t, change)) })
	}
}

// notText are what no text is, as it is written in a query.
var notText = []string{"%00", "a%00b", "%ff", "%ed%a0%80", "a%80"}

// Requirement: frame-plain-text
func TestNoOperationTakesWhatIsNoTextInItsQuery(t *testing.T) {
	engines(t, func(t *testing.T, g *generator) {
		t.Helper()
		site := g.elsewhere(t, "query")
		g.walk(t, func(t *testing.T, method, path string, o *operation) {
			at, body := g.URL+g.path(t, site, path), g.body(t, site, o)
			for _, odd := range notText {
				names := []string{"x", odd}
				for _, p := range o.Parameters {
					if p.In == "query" {
						names = append(names, p.Name)
					}
				}
				for _, name := range names {
					wants(t, name+"="+odd, g.send(t, o, method, at+"?"+name+"="+odd, body), http.StatusUnprocessableEntity, "invalid_request")
				}
			}
		})
	})
}

// Requirement: frame-plain-text
func TestNoOperationTakesWhatIsNoTextInItsBody(t *testing.T) {
	engines(t, func(t *testing.T, g *generator) {
		t.Helper()
		site := g.elsewhere(t, "body")
		for name := range g.parameters() {
			g.thing(t, site, name)
		}
		g.walk(t, func(t *testing.T, method, path string, o *operation) {
			if o.RequestBody == nil {
				return
			}
			at, good := g.URL+g.path(t, site, path), g.body(t, site, o)
			for _, odd := range []string{`\u0000`, `a\u0000b`, `\\\u0000`, "\xff", "a\xed\xa0\x80"} {
				for _, body := range spoiled(t, good, odd) {
					wants(t, body, g.send(t, o, method, at, body), http.StatusUnprocessableEntity, "invalid_request")
				}
			}
			for _, odd := range []string{`\\u0000`, `\ud800`, `\u0001`, `\ufffd`} { // these are text, for better or worse
				for _, body := range spoiled(t, good, odd) {
					g.send(t, o, method, at, body)
				}
			}
		})
	})
}

// spoiled are a good body with another text in place of each string in it, one after
// the other.
func spoiled(t *testing.T, good, text string) []string {
	t.Helper()
	const here = "spoil-me"
	var all []string
	var body any
	servertest.Check(t, json.Unmarshal([]byte(good), &body))
	note := func() { all = append(all, strings.Replace(encode(t, body), here, text, 1)) }
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				if _, ok := member.(string); ok {
					v[name] = here
					note()
					v[name] = member
				}
				visit(member)
			}
		case []any:
			for i, member := range v {
				if _, ok := member.(string); ok {
					v[i] = here
					note()
					v[i] = member
				}
				visit(member)
			}
		}
	}
	visit(body)
	return all
}
