package resource_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/resource"
)

const (
	where = `resource_metadata="https://api.example/.well-known/oauth-protected-resource"`
	algs  = `algs="ES256 EdDSA Ed25519 PS256 RS256"`
)

// ask sends one request through a handler. Headers are name, value pairs.
func ask(h http.Handler, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, api+path, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// echo answers with the token's subject and the body.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, resource.FromContext(r.Context()).Subject+" ")
	_, _ = io.Copy(w, r.Body)
})

// RFC 6750, Section 3; RFC 9449, Section 7.1; RFC 9470, Section 3; RFC 9728,
// Section 5.1.
//
// Requirement: mw-challenges
func TestEveryRefusalSaysExactlyWhatWouldPass(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	now := time.Now().Unix()
	token := func(claims map[string]any) string {
		return "Bearer " + sign(t, key, "k1", nil, f.claims(claims))
	}
	held := sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"jkt": holder.JKT(t)}, "scope": "read"}))
	h := s.Protect(echo, resource.Need{Scopes: []string{"read", "write"}, ACR: []string{"phr", "phrh"}, MaxAge: time.Minute})
	strict := f.unrevocable(t, func(c *resource.Config) { c.Metadata.DPoPRequired = true }).Require(echo)
	for _, tt := range []struct {
		name    string
		h       http.Handler
		headers []string
		status  int
		want    []string // WWW-Authenticate
		body    string
	}{
		{"all of it", h, []string{"Authorization", token(map[string]any{"acr": "phr", "auth_time": now - 30})}, 200, nil, "svc_1 "},
		{"scheme in another case", h, []string{"Authorization", "bEARER  " + token(map[string]any{"acr": "phrh", "auth_time": now})[7:]}, 200, nil, "svc_1 "},
		{"no token", h, nil, 401, []string{`Bearer scope="read write", ` + where, `DPoP scope="read write", ` + algs + `, ` + where}, `{}`},
		{"no token where DPoP is required", strict, nil, 401, []string{`DPoP ` + algs + `, ` + where}, `{}`},
		{"another scheme", h, []string{"Authorization", "Basic YTpi"}, 401, []string{`Bearer scope="read write", ` + where, `DPoP scope="read write", ` + algs + `, ` + where}, `{}`},
		{"a scheme alone", h, []string{"Authorization", "Bearer"}, 401, []string{`Bearer scope="read write", ` + where, `DPoP scope="read write", ` + algs + `, ` + where}, `{}`},
		{"two fields", h, []string{"Authorization", token(nil), "Authorization", token(nil)}, 400,
			[]string{`Bearer error="invalid_request", error_description="there is more than one Authorization field", ` + where},
			`{"error":"invalid_request","error_description":"there is more than one Authorization field"}`},
		{"a bad token", h, []string{"Authorization", "Bearer hello"}, 401,
			[]string{`Bearer error="invalid_token", error_description="the token is malformed", ` + where}, `{"error":"invalid_token","error_description":"the token is malformed"}`},
		{"too few scopes", h, []string{"Authorization", token(map[string]any{"scope": "read", "acr": "phr", "auth_time": now})}, 403,
			[]string{`Bearer error="insufficient_scope", error_description="the token does not reach that far", scope="read write", ` + where},
			`{"error":"insufficient_scope","error_description":"the token does not reach that far"}`},
		{"too few scopes with DPoP", h, []string{"Authorization", "DPoP " + held, "DPoP", holder.ResourceProof(t, "GET", api+"/", held, nil)}, 403,
			[]string{`DPoP error="insufficient_scope", error_description="the token does not reach that far", scope="read write", ` + algs + `, ` + where},
			`{"error":"insufficient_scope","error_description":"the token does not reach that far"}`},
		{"another way to authenticate", h, []string{"Authorization", token(map[string]any{"acr": "pwd", "auth_time": now})}, 401,
			[]string{`Bearer error="insufficient_user_authentication", error_description="the person must be authenticated in another way", acr_values="phr phrh", max_age="60", ` + where},
			`{"error":"insufficient_user_authentication","error_description":"the person must be authenticated in another way"}`},
		{"too long ago", h, []string{"Authorization", token(map[string]any{"acr": "phr", "auth_time": now - 70})}, 401,
			[]string{`Bearer error="insufficient_user_authentication", error_description="the person must be authenticated again", acr_values="phr phrh", max_age="60", ` + where},
			`{"error":"insufficient_user_authentication","error_description":"the person must be authenticated again"}`},
		{"nobody knows when", h, []string{"Authorization", token(map[string]any{"acr": "phr"})}, 401,
			[]string{`Bearer error="insufficient_user_authentication", error_description="the person must be authenticated again", acr_values="phr phrh", max_age="60", ` + where},
			`{"error":"insufficient_user_authentication","error_description":"the person must be authenticated again"}`},
		{"a bound token as Bearer", h, []string{"Authorization", "Bearer " + held}, 401,
			[]string{`DPoP error="invalid_token", error_description="the token is bound to a key, so its scheme is DPoP", ` + algs + `, ` + where},
			`{"error":"invalid_token","error_description":"the token is bound to a key, so its scheme is DPoP"}`},
		{"no proof", h, []string{"Authorization", "DPoP " + held}, 401,
			[]string{`DPoP error="invalid_dpop_proof", error_description="exactly one DPoP proof is needed, of at most 8 kB", ` + algs + `, ` + where},
			`{"error":"invalid_dpop_proof","error_description":"exactly one DPoP proof is needed, of at most 8 kB"}`},
		{"a token in the query alone", h, nil, 401, []string{`Bearer scope="read write", ` + where, `DPoP scope="read write", ` + algs + `, ` + where}, `{}`},
	} {
		w := ask(tt.h, http.MethodGet, "/?access_token="+token(nil)[7:], nil, tt.headers...)
		if got := w.Header().Values("WWW-Authenticate"); w.Code != tt.status || !slices.Equal(got, tt.want) || w.Body.String() != tt.body {
			t.Errorf("%s: %d %q %s", tt.name, w.Code, got, w.Body)
		}
		if w.Code != 200 && (w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Access-Control-Allow-Origin") != "*") {
			t.Errorf("%s: %v", tt.name, w.Header())
		}
	}
}

// RFC 9449, Section 9.
//
// Requirement: mw-dpop-nonce
func TestTheNonceComesInItsHeader(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	h := f.unrevocable(t, func(c *resource.Config) { c.NonceKey = []byte(strings.Repeat("k", 32)) }).Require(echo)
	token := bound(t, f, key, holder)
	w := ask(h, "GET", "/a%20b", nil, "Authorization", "DPoP "+token, "DPoP", holder.ResourceProof(t, "GET", api+"/a%20b", token, nil))
	nonce := w.Header().Get("DPoP-Nonce")
	want := `DPoP error="use_dpop_nonce", error_description="the DPoP proof needs the nonce of this answer", ` + algs + `, ` + where
	if w.Code != 401 || nonce == "" || w.Header().Get("WWW-Authenticate") != want || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	w = ask(h, "GET", "/a%20b", nil, "Authorization", "DPoP "+token, "DPoP", holder.ResourceProof(t, "GET", api+"/a%20b", token, map[string]any{"nonce": nonce}))
	if w.Code != 200 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// pay is an action that is made from the body of a request.
func pay(r *http.Request) (assent.Action, error) {
	var order struct{ To, Amount string }
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return assent.Action{}, errors.New("the order is no JSON")
	}
	return assent.Action{Message: "Pay " + order.Amount + " to " + order.To, Details: map[string]string{"amount": order.Amount, "to": order.To},
		Command: []string{"pay", order.To}}, nil
}

// draft-zehavi-oauth-rar-metadata; RFC 9396, Section 2.
//
// Requirement: mw-approval-challenge
func TestARequestWithoutAnApprovalIsToldExactlyWhatToAskFor(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	h := s.Protect(echo, resource.Need{Scopes: []string{"read"}, Approval: &resource.Approval{Scope: "payments:write", Action: pay}})
	token := "Bearer " + sign(t, key, "k1", nil, f.claims(nil))
	w := ask(h, "POST", "/", strings.NewReader(`{"to":"Ada","amount":"20 EUR"}`), "Authorization", token)
	want := `Bearer error="insufficient_authorization_details", error_description="a person must approve this request", scope="payments:write", ` + where
	if w.Code != 403 || w.Header().Get("WWW-Authenticate") != want {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	var got map[string]any
	servertest.Check(t, json.Unmarshal(w.Body.Bytes(), &got))
	body := map[string]any{"error": "insufficient_authorization_details", "error_description": "a person must approve this request", "scope": "payments:write",
		"resource": api, "binding_message": "Pay 20 EUR to Ada", "authorization_details": []any{map[string]any{"type": "assent_action",
			"details": map[string]any{"amount": "20 EUR", "to": "Ada"}, "command": []any{"pay", "Ada"}}}}
	if diff := cmp.Diff(body, got); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		name, token, body string
		status            int
	}{
		{"no token", "", `{}`, 401},
		{"a token without the scope to ask", "Bearer " + sign(t, key, "k1", nil, f.claims(map[string]any{"scope": "x"})), `{}`, 403},
		{"a body that is none", token, `hello`, 400},
		{"a body that is too long", token, `{"to":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
	} {
		headers := []string{"Authorization", tt.token}
		if tt.token == "" {
			headers = nil
		}
		if w := ask(h, "POST", "/", strings.NewReader(tt.body), headers...); w.Code != tt.status || strings.Contains(w.Body.String(), "binding_message") {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}
