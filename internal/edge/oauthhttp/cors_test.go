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
			if m == http.MethodPatch && (path == "/userinfo" || strings.HasSuffix(path, "did.json")) {
				continue
			}
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
