package oauthhttp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/sdk/resource"
)

// A client that knows nothing but the address of a protected server finds out
// from its refusal who gives tokens for it, and all about who that is, in each
// of the three forms in which clients look.
//
// Requirement: mcp-discovery, mcp-resource-metadata, discovery-three-forms
func TestAClientFindsItsWayFromTheRefusalOfAProtectedServer(t *testing.T) {
	w := servertest.Start(t, nil)
	acme, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Registration: model.RegistrationPolicy{Mode: model.RegistrationOpen}}})
	servertest.Check(t, err)
	mux := http.NewServeMux()
	protected := httptest.NewServer(mux)
	t.Cleanup(protected.Close)
	api := resource.Metadata{Resource: protected.URL + "/mcp", AuthorizationServers: []string{acme.Issuer}, Scopes: []string{"tools:call"}}
	h, err := api.Handler()
	servertest.Check(t, err)
	mux.Handle(api.Path(), h)
	mux.HandleFunc("/mcp", func(w http.ResponseWriter, _ *http.Request) { api.Refuse(w, resource.Challenge{}) })

	refusal := servertest.Do(t, http.MethodPost, protected.URL+"/mcp", nil)
	at := regexp.MustCompile(`resource_metadata="([^"]+)"`).FindStringSubmatch(refusal.Header.Get("WWW-Authenticate"))
	if refusal.Status != 401 || at == nil {
		t.Fatalf("got %d %v", refusal.Status, refusal.Header)
	}
	about := servertest.Do(t, http.MethodGet, at[1], nil, "MCP-Protocol-Version", "2025-11-25")
	issuer := listed(t, about.JSON, "authorization_servers")[0]
	if about.Text("resource") != protected.URL+"/mcp" || issuer != acme.Issuer {
		t.Fatalf("got %s", about.Body)
	}
	u, err := url.Parse(issuer)
	servertest.Check(t, err)
	for _, target := range []string{u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + u.Path,
		u.Scheme + "://" + u.Host + "/.well-known/openid-configuration" + u.Path, issuer + "/.well-known/openid-configuration"} {
		got := servertest.Do(t, http.MethodGet, target, nil, "MCP-Protocol-Version", "2025-11-25")
		if got.Status != 200 || got.Text("issuer") != issuer || got.Text("registration_endpoint") != issuer+"/oauth/register" {
			t.Errorf("%s: %d %s", target, got.Status, got.Body)
		}
	}
}

// The server is a protected resource itself, for userinfo and its API.
//
// Requirement: mcp-resource-metadata
func TestTheServerDescribesItselfAsAResource(t *testing.T) {
	w := servertest.Start(t, nil)
	_, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme"})
	servertest.Check(t, err)
	for path, issuer := range map[string]string{"/.well-known/oauth-protected-resource": w.URL, "/.well-known/oauth-protected-resource/realms/acme": w.URL + "/realms/acme",
		"/realms/acme/.well-known/oauth-protected-resource": w.URL + "/realms/acme"} {
		got := w.Get(t, path)
		if got.Status != 200 || got.Text("resource") != issuer || listed(t, got.JSON, "authorization_servers")[0] != issuer {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
		for name, value := range got.JSON {
			checkMember(t, name, value)
		}
		if want := (resource.Metadata{Resource: issuer}).URL(); path == "/.well-known/oauth-protected-resource" && want != w.URL+path {
			t.Errorf("clients look at %s", want)
		}
	}
}
