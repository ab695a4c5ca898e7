package resource_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/sdk/resource"
)

// RFC 9728, Section 3.1.
//
// Requirement: mcp-resource-metadata
func TestTheWellKnownPartStandsBeforeThePath(t *testing.T) {
	for _, tt := range []struct{ resource, url, path string }{
		{"https://resource.example.com", "https://resource.example.com/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource"},
		{"https://resource.example.com/", "https://resource.example.com/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource"},
		{"https://resource.example.com/resource1", "https://resource.example.com/.well-known/oauth-protected-resource/resource1", "/.well-known/oauth-protected-resource/resource1"},
		{"https://resource.example.com/a/b/", "https://resource.example.com/.well-known/oauth-protected-resource/a/b/", "/.well-known/oauth-protected-resource/a/b/"},
		{"https://resource.example.com/a?k=v", "https://resource.example.com/.well-known/oauth-protected-resource/a?k=v", "/.well-known/oauth-protected-resource/a"},
		{"https://resource.example.com/a%20b", "https://resource.example.com/.well-known/oauth-protected-resource/a%20b", "/.well-known/oauth-protected-resource/a b"},
		{"http://localhost:8080/mcp", "http://localhost:8080/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource/mcp"},
	} {
		m := resource.Metadata{Resource: tt.resource}
		if err := m.Validate(); err != nil || m.URL() != tt.url || m.Path() != tt.path {
			t.Errorf("%s: %q, %q, %v", tt.resource, m.URL(), m.Path(), err)
		}
	}
}

// Requirement: mcp-resource-metadata
func TestOnlyWhatAClientCanUseIsServed(t *testing.T) {
	good := "https://api.example"
	for _, m := range []resource.Metadata{
		{}, {Resource: "api.example"}, {Resource: "/mcp"}, {Resource: "http://api.example"}, {Resource: "https://api.example#x"}, {Resource: "https://api.example#"},
		{Resource: "https://user@api.example"}, {Resource: "https://"}, {Resource: "ftp://api.example"}, {Resource: "https://a b"},
		{Resource: good, AuthorizationServers: []string{"http://id.example"}}, {Resource: good, AuthorizationServers: []string{"https://id.example?x"}},
		{Resource: good, AuthorizationServers: []string{"https://id.example", ""}},
	} {
		if h, err := m.Handler(); !errors.Is(err, resource.ErrMetadata) || h != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// Requirement: mcp-resource-metadata
func TestTheMetadataAreServedToScriptsToo(t *testing.T) {
	m := resource.Metadata{Resource: "https://api.example/mcp", AuthorizationServers: []string{"https://id.example/realms/acme"}, Scopes: []string{"a", "b"},
		BearerMethods: []string{"header"}, DPoPAlgs: []string{"ES256"}, DPoPRequired: true, Name: "Notes"}
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(m.Path(), h)
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodHead: 200, http.MethodOptions: 204, http.MethodPost: 405} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, m.URL(), nil))
		if w.Code != want || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
		if method != http.MethodGet {
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Header().Get("Content-Type") != "application/json" {
			t.Fatal(err, w.Header())
		}
		wantBody := map[string]any{"resource": "https://api.example/mcp", "authorization_servers": []any{"https://id.example/realms/acme"}, "scopes_supported": []any{"a", "b"},
			"bearer_methods_supported": []any{"header"}, "dpop_signing_alg_values_supported": []any{"ES256"}, "dpop_bound_access_tokens_required": true, "resource_name": "Notes"}
		if diff := cmp.Diff(wantBody, got); diff != "" {
			t.Error(diff)
		}
	}
}

// RFC 9728, Section 5.1; RFC 6750, Section 3; RFC 9470, Section 3.
//
// Requirement: mcp-resource-metadata
func TestARefusalPointsToTheMetadata(t *testing.T) {
	m := resource.Metadata{Resource: "https://api.example/mcp"}
	const where = `resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp"`
	for _, tt := range []struct {
		name   string
		c      resource.Challenge
		status int
		want   string
		body   string
	}{
		{"no token", resource.Challenge{}, 401, "Bearer " + where, `{}`},
		{"a bad token", resource.Challenge{Error: resource.InvalidToken, Description: "expired"}, 401,
			`Bearer error="invalid_token", error_description="expired", ` + where, `{"error":"invalid_token","error_description":"expired"}`},
		{"a token that does not reach", resource.Challenge{Error: resource.InsufficientScope, Scope: []string{"a", "b"}}, 403,
			`Bearer error="insufficient_scope", scope="a b", ` + where, `{"error":"insufficient_scope"}`},
		{"a person who must show more", resource.Challenge{Error: resource.InsufficientUserAuth, ACRValues: []string{"phr"}, MaxAge: 60}, 401,
			`Bearer error="insufficient_user_authentication", acr_values="phr", max_age="60", ` + where, `{"error":"insufficient_user_authentication"}`},
		{"a bad request", resource.Challenge{Error: resource.InvalidRequest}, 400, `Bearer error="invalid_request", ` + where, `{"error":"invalid_request"}`},
		{"DPoP", resource.Challenge{Scheme: "DPoP", Algs: []string{"ES256", "EdDSA"}}, 401, `DPoP algs="ES256 EdDSA", ` + where, `{}`},
		{"what would break out of its quotes", resource.Challenge{Error: resource.InvalidToken, Description: "a\", realm=\"x\r\nSet-Cookie: y\\"}, 401,
			`Bearer error="invalid_token", error_description="a, realm=xSet-Cookie: y", ` + where, `{"error":"invalid_token","error_description":"a\", realm=\"x\r\nSet-Cookie: y\\"}`},
	} {
		w := httptest.NewRecorder()
		m.Refuse(w, tt.c)
		if got := w.Header().Get("WWW-Authenticate"); w.Code != tt.status || got != tt.want || w.Body.String() != tt.body || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %s", tt.name, w.Code, got, w.Body)
		}
	}
}
