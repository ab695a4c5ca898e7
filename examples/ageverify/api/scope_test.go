package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// needed is the scope of each operation, as README.md has it.
var needed = map[string]string{
	"GET /devices": "devices:read", "GET /devices/x": "devices:read", "POST /devices": "devices:write", "PATCH /devices/x": "devices:write", "DELETE /devices/x": "devices:write",
	"GET /locations": "locations:read", "GET /locations/x": "locations:read", "POST /locations": "locations:write", "PATCH /locations/x": "locations:write", "DELETE /locations/x": "locations:write",
	"GET /employees": "employees:read", "GET /employees/x": "employees:read", "POST /employees": "employees:write", "PATCH /employees/x": "employees:write", "DELETE /employees/x": "employees:write",
	"GET /transactions": "transactions:read", "GET /transactions/x": "transactions:read", "POST /verification/pass": "transactions:write",
}

// RFC 6750, Section 3.1; RFC 9728, Section 5.1.
//
// Requirement: age-scopes
func TestEachOperationNeedsItsOwnScopeAndNoOther(t *testing.T) {
	s := open(t, nil)
	metadata := `resource_metadata="` + strings.TrimSuffix(s.base, "/api") + `/.well-known/oauth-protected-resource/api"`
	with, without := make(map[string]string), make(map[string]string)
	for _, scope := range api.Scopes {
		with[scope] = s.token(t, s.client, scope)
		without[scope] = s.token(t, s.client, slices.DeleteFunc(slices.Clone(api.Scopes), func(name string) bool { return name == scope })...)
	}
	verification := question(t, pass.Base64(s.pass(t, 18, time.Hour)), 18, nil)
	before := len(s.recorded(t))
	for operation, scope := range needed {
		method, path, _ := strings.Cut(operation, " ")
		body := ""
		if method == http.MethodPost || method == http.MethodPatch {
			body = verification
		}
		a := s.call(t, without[scope], method, path, body)
		challenge := a.Header.Get("WWW-Authenticate")
		if a.Status != http.StatusForbidden || a.Text("error") != "insufficient_scope" || !strings.HasPrefix(challenge, "Bearer ") ||
			!strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="`+scope+`"`) || !strings.Contains(challenge, metadata) {
			t.Errorf("%s without %s: %d %q %s", operation, scope, a.Status, challenge, a.Body)
		}
		a = s.call(t, "", method, path, body)
		if challenge := a.Header.Get("WWW-Authenticate"); a.Status != http.StatusUnauthorized || strings.Contains(challenge, "error") || !strings.Contains(challenge, metadata) {
			t.Errorf("%s without a token: %d %q", operation, a.Status, challenge)
		}
		if a = s.call(t, with[scope][:len(with[scope])-4]+"AAAA", method, path, body); a.Status != http.StatusUnauthorized || a.Text("error") != "invalid_token" {
			t.Errorf("%s with a forged token: %d %s", operation, a.Status, a.Body)
		}
		if got := len(s.recorded(t)); got != before {
			t.Fatalf("%s: recorded without leave", operation)
		}
		if a = s.call(t, with[scope], method, path, body); a.Status >= 500 || a.Status == http.StatusForbidden || a.Status == http.StatusUnauthorized {
			t.Errorf("%s with %s alone: %d %s", operation, scope, a.Status, a.Body)
		}
		before = len(s.recorded(t))
	}
	if before != 1 {
		t.Errorf("%d recorded, want one", before)
	}
}

// recorded reads the transactions past the API.
func (s *shop) recorded(t testing.TB) []string {
	t.Helper()
	var ids []string
	for after := int64(0); ; {
		list, next, err := s.config.Store.Transactions(t.Context(), store.Page{After: after, Size: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, each := range list {
			ids = append(ids, each.ID)
		}
		if after = next; after == 0 {
			return ids
		}
	}
}

// Every operation of the API is in the table above, or needs an approval.
//
// Requirement: age-scopes
func TestNoOperationIsWithoutAScope(t *testing.T) {
	s := open(t, nil)
	for _, path := range []string{"/devices", "/devices/x", "/locations", "/locations/x", "/employees", "/employees/x", "/transactions", "/transactions/x",
		"/verification/pass", "/locations/x/close"} {
		allow := s.call(t, "", http.MethodTrace, path, "").Header.Get("Allow")
		if allow == "" {
			t.Fatalf("%s: no methods", path)
		}
		for method := range strings.SplitSeq(allow, ", ") {
			if needed[method+" "+path] == "" && path != "/locations/x/close" {
				t.Errorf("%s %s has no scope", method, path)
			}
		}
	}
}

// RFC 8707, Section 2.
//
// Requirement: age-scopes
func TestATokenForAnotherAPIOrRealmIsRefused(t *testing.T) {
	s, other := open(t, nil), open(t, nil)
	const elsewhere = "https://elsewhere.example/api"
	app := s.App(t, application.NewApplication{Scopes: []string{"devices:read"}, Resources: []string{elsewhere}})
	another := s.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials, "scope", "devices:read", "resource", elsewhere))
	for name, token := range map[string]string{"API": another.Text("access_token"), "realm": other.token(t, other.client, "devices:read")} {
		if token == "" {
			t.Fatalf("no token: %s", another.Body)
		}
		if a := s.call(t, token, http.MethodGet, "/devices", ""); a.Status != http.StatusUnauthorized || a.Text("error") != "invalid_token" {
			t.Errorf("for another %s: %d %s", name, a.Status, a.Body)
		}
	}
}
