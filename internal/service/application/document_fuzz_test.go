package application

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
)

// Whatever is published, a client that comes of it has no secret, no private
// key, is called back at an address that answers may go to, and must use PKCE.
//
// Requirement: limits-fuzz-cimd
func FuzzDocument(f *testing.F) {
	const id = "https://editor.example/client"
	for _, seed := range []string{
		`{"client_id":"` + id + `","redirect_uris":["http://127.0.0.1/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["com.example.app:/cb"],"grant_types":["authorization_code","refresh_token"],"scope":"a b"}`,
		`{"client_id":"` + id + `","redirect_uris":["https://editor.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://editor.example/k"}`,
		`{"client_id":"` + id + `","redirect_uris":["https://editor.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[` +
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}}`,
		`{"client_id":"` + id + `","client_secret":"x","redirect_uris":["https://editor.example/cb"]}`,
		`{"client_id":"` + id + `","redirect_uris":["javascript:alert(1)"],"logo_uri":"data:,x"}`,
	} {
		f.Add([]byte(seed))
	}
	allows := func(uri string) bool { return strings.HasPrefix(uri, "https://") }
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parseDocument(documentRequest{id: id, host: "editor.example"}, body, allows)
		if err != nil {
			return
		}
		s := d.Settings
		if s.AuthMethod != model.AuthNone && s.AuthMethod != model.AuthPrivateKeyJWT || s.OptionalPKCE || s.FirstParty ||
			s.Origin != model.OriginDocument || s.Profile != model.ProfileMCP || len(s.RedirectURIs) == 0 || !nameText(d.Name) {
			t.Errorf("got %+v", d)
		}
		if slices.ContainsFunc(s.GrantTypes, func(g string) bool { return g != grantCode && g != grantRefresh }) {
			t.Errorf("grants %q", s.GrantTypes)
		}
		for _, uri := range s.RedirectURIs {
			u, err := url.Parse(uri)
			if err != nil || u.Fragment != "" || u.Scheme == "javascript" || u.Scheme == "data" || u.Scheme == "http" && !onLoopback(u.Hostname()) {
				t.Errorf("called back at %q", uri)
			}
		}
		for _, uri := range []string{s.LogoURI, s.ClientURI, s.PolicyURI, s.TermsURI, s.JWKSURI} {
			if uri != "" && !allows(uri) {
				t.Errorf("it leads to %q", uri)
			}
		}
		if _, err := model.NewClient(model.Application{Keys: d.keys}); err != nil {
			t.Error(err)
		}
		if strings.Contains(string(keySetOf(d.keys)), `"d":`) {
			t.Error("a private key")
		}
	})
}

// What passes for a client identifier URL has one spelling, a path, and nothing
// hidden in it.
func FuzzDocumentURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/c", "https://a.example:8443/a/b?c=d", "https://[2001:db8::1]/c", "https://a.example/%2e%2e/c",
		"https://u:p@a.example/c", "https://a.example/c#f", "https://a.example\\@b.example/c", "https://a.example/a/..", "https:a.example/c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		host, err := documentHost(model.ClientID(id))
		if err != nil || !looksLikeURL(model.ClientID(id)) {
			return
		}
		u, err := url.Parse(id)
		if err != nil || u.Hostname() != host || u.User != nil || u.Fragment != "" || u.Path == "" || u.String() != id ||
			strings.ContainsAny(id, "#@\\ \t\n") && strings.ContainsAny(u.Host, "@\\ ") {
			t.Errorf("%q has the host %q", id, host)
		}
		if slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }) {
			t.Errorf("%q has dot segments", id)
		}
	})
}
