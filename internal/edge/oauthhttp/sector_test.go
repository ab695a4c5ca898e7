package oauthhttp_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/oauth"
)

// sectors is a site with sector documents: /all lists the redirect URI and the
// keys of an application, /redirects its redirect URI alone.
func sectors(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for path, list := range map[string][]string{"/all": {callback, s.URL + "/jwks"}, "/redirects": {callback}} {
		body, err := json.Marshal(list)
		servertest.Check(t, err)
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		})
	}
	return s
}

// A stranger can write down the redirect URIs of another application, its sector
// document and the address of its keys, and ask by grants that never lead to its
// redirect URIs. Who authenticates by the keys of the sector belongs to it; nobody
// else learns the names under which it knows people.
//
// Requirement: subject-sector, register-sector
func TestNobodyJoinsASectorWithoutProof(t *testing.T) {
	w, site := registrar(t), sectors(t)
	const keys, none = "private_key_jwt", "none"
	const own, others = "https://app.example/jwks", "https://evil.example/jwks"
	native, evil := []string{"com.evil.app://app.example/callback"}, []string{"http://localhost/callback"}
	inline := map[string]any{"keys": []any{publicJWK(t, jose.ES256)}}
	code := []string{"authorization_code", "refresh_token"}
	device, ciba := append(slices.Clone(code), oauth.GrantDevice), []string{oauth.GrantCIBA}
	for _, tt := range []struct {
		name string
		m    map[string]any
		good bool
	}{
		{"codes alone", about("grant_types", code), true},
		{"codes, for a scheme of its own that names another's host", about("redirect_uris", native, "application_type", "native"), false},
		{"codes, for loopback, where everybody is", about("redirect_uris", evil), false},
		{"a public device", about("grant_types", device, "token_endpoint_auth_method", none), false},
		{"a device with a secret", about("grant_types", device), false},
		{"a device without redirect URIs", about("redirect_uris", nil, "grant_types", device[2:], "token_endpoint_auth_method", none), false},
		{"a device that names the sector", about("grant_types", device, "sector_identifier_uri", site.URL+"/redirects"), false},
		{"a device with keys of its own", about("grant_types", device, "token_endpoint_auth_method", keys, "jwks", inline), false},
		{"the same, in the sector", about("grant_types", device, "token_endpoint_auth_method", keys, "jwks", inline, "sector_identifier_uri", site.URL+"/redirects"), false},
		{"a device with keys at another host", about("grant_types", device, "token_endpoint_auth_method", keys, "jwks_uri", others), false},
		{"a device that names the keys and has a secret", about("grant_types", device, "jwks_uri", own), false},
		{"a device with the keys of the host", about("grant_types", device, "token_endpoint_auth_method", keys, "jwks_uri", own), true},
		{"keys that the sector does not list", about("grant_types", device, "token_endpoint_auth_method", keys, "jwks_uri", site.URL+"/jwks",
			"sector_identifier_uri", site.URL+"/redirects"), false},
		{"keys that the sector lists", about("grant_types", device, "token_endpoint_auth_method", keys, "jwks_uri", site.URL+"/jwks",
			"sector_identifier_uri", site.URL+"/all"), true},
		{"CIBA alone, of any sector", about("redirect_uris", nil, "grant_types", ciba, "sector_identifier_uri", site.URL+"/redirects"), false},
		{"CIBA alone, with another's keys and a secret", about("redirect_uris", nil, "grant_types", ciba, "jwks_uri", own), false},
		{"CIBA alone, with the keys", about("redirect_uris", nil, "grant_types", ciba, "token_endpoint_auth_method", keys, "jwks_uri", own), true},
	} {
		if got := register(t, w, tt.m); got.Status != 201 { // it is the pairwise subject that is refused
			t.Errorf("%s, public: %d %s", tt.name, got.Status, got.Body)
		}
		tt.m["subject_type"] = "pairwise"
		got := register(t, w, tt.m)
		if tt.good && (got.Status != 201 || got.Text("subject_type") != "pairwise") || !tt.good && (got.Status != 400 || got.Text("error") != "invalid_client_metadata") {
			t.Errorf("%s: %d %s, want good: %t", tt.name, got.Status, got.Body, tt.good)
		}
	}
}

// Requirement: subject-sector, register-update
func TestNobodyJoinsASectorByAChangeOfRegistration(t *testing.T) {
	w := registrar(t)
	first := registered(t, w, about("subject_type", "pairwise"))
	got := sendJSON(t, http.MethodPut, first.Text("registration_client_uri"), first.Text("registration_access_token"),
		about("client_id", first.Text("client_id"), "subject_type", "pairwise", "grant_types", []string{"authorization_code", oauth.GrantDevice}))
	if got.Status != 400 || got.Text("error") != "invalid_client_metadata" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
