package oauthhttp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
)

// openPaths are what scripts of any origin may call, with a method that each
// serves.
var openPaths = map[string]string{
	"/.well-known/openid-configuration": "GET", "/.well-known/oauth-authorization-server": "GET", "/.well-known/oauth-protected-resource": "GET",
	"/oauth/jwks": "GET", "/userinfo": "GET", "/oauth/token": "POST", "/oauth/par": "POST", "/oauth/revoke": "POST",
	"/oauth/device/code": "POST", "/oauth/register": "POST", "/oauth/register/app_1": "DELETE", "/.well-known/did.json": "GET",
}

// Requirement: cors-headers, cors-open-endpoints
func TestScriptsOfAnyOriginMayAskFirst(t *testing.T) {
	w := servertest.Start(t, nil)
	for path, method := range openPaths {
		got := servertest.Do(t, http.MethodOptions, w.URL+path, nil, "Origin", "https://app.example",
			"Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization, content-type, dpop, mcp-protocol-version")
		h := got.Header
		if got.Status != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), method) {
			t.Errorf("%s: %d %v", path, got.Status, h)
		}
		allowed := strings.ToLower(h.Get("Access-Control-Allow-Headers"))
		for _, name := range []string{"mcp-protocol-version", "authorization", "dpop", "content-type", "accept"} {
			if !strings.Contains(allowed, name) {
				t.Errorf("%s: %s is not allowed: %s", path, name, allowed)
			}
		}
	}
}

// What they get can be read, the refusal of a method that is not served included.
//
// Requirement: cors-headers, cors-open-endpoints
func TestScriptsOfAnyOriginMayReadAnswersAndErrors(t *testing.T) {
	w := servertest.Start(t, nil)
	for path, method := range openPaths {
		for _, m := range []string{method, http.MethodPatch} {
			got := servertest.Do(t, m, w.URL+path, nil, "Origin", "null")
			exposed := got.Header.Get("Access-Control-Expose-Headers")
			if got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" ||
				!strings.Contains(exposed, "WWW-Authenticate") || !strings.Contains(exposed, "DPoP-Nonce") {
				t.Errorf("%s %s: %d %v", m, path, got.Status, got.Header)
			}
			if m == http.MethodPatch && (got.Status != 405 || !strings.Contains(got.Header.Get("Allow"), method)) {
				t.Errorf("%s %s: %d, Allow %q", m, path, got.Status, got.Header.Get("Allow"))
			}
		}
	}
}

// Requirement: cors-not-authorize
func TestPagesAndWhatServersCallAreNotForScripts(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, path := range []string{"/oauth/authorize", "/oauth/consent", "/oauth/logout", "/device", "/signin", "/oauth/bc-authorize", "/oauth/introspect", "/v1/me"} {
		for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
			got := servertest.Do(t, method, w.URL+path, nil, "Origin", "https://app.example", "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "dpop, mcp-protocol-version")
			for name := range got.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, path, name)
				}
			}
		}
	}
}

// A client that guessed the method wrong gets one answer, in the form of the
// endpoint's other errors; a script may read it where it may read those.
//
// Requirement: cors-headers, token-errors-json
func TestAnotherMethodIsRefusedInOneForm(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, tt := range []struct {
		method, path, allow string
		open                bool
	}{
		{"GET", "/oauth/token", "POST, OPTIONS", true}, {"PUT", "/oauth/revoke", "POST, OPTIONS", true}, {"GET", "/oauth/par", "POST, OPTIONS", true},
		{"DELETE", "/userinfo", "GET, HEAD, POST, OPTIONS", true}, {"POST", "/oauth/jwks", "GET, HEAD, OPTIONS", true},
		{"GET", "/oauth/device/code", "POST, OPTIONS", true}, {"GET", "/oauth/register", "POST, OPTIONS", true},
		{"POST", "/.well-known/openid-configuration", "GET, HEAD, OPTIONS", true}, {"POST", "/.well-known/did.json", "GET, HEAD, OPTIONS", true},
		{"GET", "/oauth/introspect", "POST", false}, {"OPTIONS", "/oauth/introspect", "POST", false}, {"GET", "/oauth/bc-authorize", "POST", false},
	} {
		got := servertest.Do(t, tt.method, w.URL+tt.path, nil, "Origin", "https://app.example")
		if got.Status != 405 || got.Header.Get("Allow") != tt.allow || got.Header.Get("Content-Type") != "application/json" ||
			got.Text("error") != "invalid_request" || got.Text("error_description") == "" || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d %v %s", tt.method, tt.path, got.Status, got.Header, got.Body)
		}
		if got.Header.Get("Access-Control-Allow-Origin") == "*" != tt.open {
			t.Errorf("%s %s: %v", tt.method, tt.path, got.Header)
		}
	}
}

// Requirement: cors-headers
func TestScriptsMayReadThatAWellKnownDocumentIsNotThere(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, path := range []string{"/.well-known/nothing", "/.well-known/openid-configuration/x", "/.well-known/oauth-authorization-server/realms/nobody",
		"/realms/nobody/.well-known/openid-configuration"} {
		got := w.Get(t, path, "Origin", "https://app.example")
		if got.Status != 404 || got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Text("code") != "not_found" {
			t.Errorf("%s: %d %v %s", path, got.Status, got.Header, got.Body)
		}
	}
	if got := servertest.Do(t, http.MethodOptions, w.URL+"/.well-known/nothing", nil, "Origin", "https://app.example"); got.Status != 204 {
		t.Errorf("asked first: %d", got.Status)
	}
	if got := w.Get(t, "/nothing", "Origin", "https://app.example"); got.Status != 404 || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page that is not there: %d %v", got.Status, got.Header)
	}
}
