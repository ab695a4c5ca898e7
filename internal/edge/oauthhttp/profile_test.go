package oauthhttp_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// A keyedFlow is a person at an application that authenticates by its key and
// proves another key to bind its tokens to.
type keyedFlow struct {
	*servertest.Flow
	prover *servertest.Prover
}

func newKeyedFlow(t *testing.T, alg jose.Alg, profile model.Profile) keyedFlow {
	t.Helper()
	w := servertest.Start(t, nil)
	n := application.NewApplication{AuthMethod: model.AuthPrivateKeyJWT, Settings: model.ApplicationSettings{Profile: profile, Refresh: model.RefreshKeep}}
	key, err := jose.Generate(alg)
	servertest.Check(t, err)
	n.JWKS = publicKeys(key)
	f := w.Flow(t, n)
	f.App.Key = key
	return keyedFlow{f, servertest.NewProver(t)}
}

// send posts a form with an assertion for that audience, and with a proof where
// one is wanted.
func (k keyedFlow) send(t *testing.T, path, audience string, proof bool, form url.Values) servertest.Answer {
	t.Helper()
	for name, values := range k.App.AssertionForm(t, audience, nil) {
		form[name] = values
	}
	var headers []string
	if proof {
		headers = []string{"DPoP", k.prover.Proof(t, http.MethodPost, k.URLOf(path), nil)}
	}
	return k.Post(t, path, form, headers...)
}

func (k keyedFlow) URLOf(path string) string { return k.World.URL + path }

// code opens what was pushed as the person who agrees.
func (k keyedFlow) code(t *testing.T, pushed servertest.Answer) string {
	t.Helper()
	target := k.URLOf("/oauth/authorize?") + url.Values{"client_id": {k.App.ID}, "request_uri": {pushed.Text("request_uri")}}.Encode()
	page, err := k.Person.Authorize(t.Context(), target, softperson.Choices{})
	servertest.Check(t, err)
	return page.URL.Query().Get("code")
}

// FAPI 2.0 Security Profile, Section 5.3.2: each rule is broken once, then all
// are kept. Nothing that was refused spent the code.
//
// Requirement: profile-fapi2, profile-sender-constraint, assertion-audience-token-endpoint
func TestAFAPI2ApplicationIsHeldToItsProfile(t *testing.T) {
	k := newKeyedFlow(t, jose.ES256, model.ProfileFAPI2)
	issuer := k.World.URL
	if page := k.Open(t); page.URL.Query().Get("error") != "invalid_request" {
		t.Errorf("not pushed: %s", page.URL)
	}
	if got := k.send(t, "/oauth/par", issuer, false, k.Params("code_challenge", "", "code_challenge_method", "")); got.Text("error") != "invalid_request" {
		t.Errorf("without PKCE: %d %s", got.Status, got.Body)
	}
	for _, audience := range []string{issuer + "/oauth/token", issuer + "/oauth/par"} {
		if got := k.send(t, "/oauth/par", audience, false, k.Params()); got.Status != 401 || got.Text("error") != "invalid_client" {
			t.Errorf("assertion for %s: %d %s", audience, got.Status, got.Body)
		}
	}
	pushed := k.send(t, "/oauth/par", issuer, false, k.Params())
	if pushed.Status != 201 {
		t.Fatalf("pushed: %d %s", pushed.Status, pushed.Body)
	}
	redeem := url.Values{"grant_type": {oauth.GrantCode}, "code": {k.code(t, pushed)}, "redirect_uri": {k.Redirect}, "code_verifier": {k.Verifier}}
	if got := k.send(t, "/oauth/token", issuer, false, redeem); got.Status != 400 || got.Text("error") != "invalid_dpop_proof" || got.JSON["access_token"] != nil {
		t.Errorf("without a proof: %d %s", got.Status, got.Body)
	}
	got := k.send(t, "/oauth/token", issuer, true, redeem)
	if got.Status != 200 || got.Text("token_type") != "DPoP" || headerOf(t, got.Text("id_token"))["alg"] != "ES256" {
		t.Fatalf("tokens: %d %s", got.Status, got.Body)
	}
	for range 2 { // refresh tokens are not rotated (number 9)
		refreshed := k.send(t, "/oauth/token", issuer, true, url.Values{"grant_type": {oauth.GrantRefresh}, "refresh_token": {got.Text("refresh_token")}})
		if next := refreshed.Text("refresh_token"); refreshed.Status != 200 || next != "" && next != got.Text("refresh_token") {
			t.Errorf("refresh: %d %s", refreshed.Status, refreshed.Body)
		}
	}
}

// Section 5.4.1: PS256, ES256 and EdDSA, and nothing else.
//
// Requirement: profile-fapi2, profile-algorithms
func TestAFAPI2ApplicationDoesNotSignWithRS256(t *testing.T) {
	for alg, want := range map[jose.Alg]int{jose.ES256: 201, jose.PS256: 201, jose.EdDSA: 201, jose.RS256: 401} {
		k := newKeyedFlow(t, alg, model.ProfileFAPI2)
		if got := k.send(t, "/oauth/par", k.World.URL, false, k.Params()); got.Status != want {
			t.Errorf("%s: %d %s", alg, got.Status, got.Body)
		}
	}
}

// MCP Authorization: whoever it is, PKCE is required, and tokens are for the
// server that was named.
//
// Requirement: profile-mcp, mcp-no-state, mcp-no-scope, mcp-resource-tolerant
func TestAnMCPApplicationGetsTokensForTheServerItNamed(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy.Resources = []model.ResourcePolicy{{Resource: "https://mcp.example", Scopes: []string{"tools:read", "tools:call"}, DefaultScopes: []string{"tools:read"}},
			{Resource: "https://other.example/mcp", Scopes: []string{"other"}}}
	})
	for _, method := range []model.ClientAuthMethod{model.AuthNone, model.AuthClientSecretPost} {
		f := w.Flow(t, application.NewApplication{Kind: model.KindNative, AuthMethod: method, Scopes: []string{}, Settings: model.ApplicationSettings{Profile: model.ProfileMCP}})
		if page := f.Open(t, "code_challenge", "", "code_challenge_method", ""); page.URL.Query().Get("error") != "invalid_request" {
			t.Errorf("%s without PKCE: %s", method, page.URL)
		}
		for _, tt := range []struct{ resource, scope, wantAudience, wantScope string }{
			{"https://mcp.example", "", "https://mcp.example", "tools:read"},
			{"https://mcp.example/", "tools:call", "https://mcp.example", "tools:call"},
			{"https://other.example/mcp", "other", "https://other.example/mcp", "other"},
		} {
			got := f.Tokens(t, "resource", tt.resource, "scope", tt.scope, "state", "")
			for _, answer := range []servertest.Answer{got, f.Refresh(t, got.Text("refresh_token"))} { // resource is often missing there
				if aud := claimsOf(t, answer.Text("access_token"))["aud"]; aud != tt.wantAudience || answer.Text("scope") != tt.wantScope {
					t.Errorf("%s, %q: aud %v, scope %q", tt.resource, tt.scope, aud, answer.Text("scope"))
				}
			}
		}
		if page := f.Open(t, "resource", "https://stranger.example", "scope", ""); page.URL.Query().Get("error") != "invalid_target" {
			t.Errorf("a stranger's resource: %s", page.URL)
		}
	}
}

// Clients that come by registration alone do what MCP clients do: a callback on
// a port of the moment, offline_access with prompt=consent, and a wider scope
// once a tool asks for it.
//
// Requirement: mcp-registration-ways, mcp-localhost-callback, mcp-offline-access, mcp-step-up
func TestAnMCPClientThatRegistersItselfWorks(t *testing.T) {
	w := registrar(t)
	person, _ := w.Person(t, "ada")
	made := registered(t, w, about("client_name", "Editor", "redirect_uris", []string{"http://localhost:33418/callback"}, "token_endpoint_auth_method", "none",
		"grant_types", []string{"authorization_code", "refresh_token"}, "response_types", []string{"code"}, "scope", "notes:read"))
	f := &servertest.Flow{World: w, App: servertest.App{ID: made.Text("client_id")}, Person: person, Verifier: strings.Repeat("v", 43), Redirect: "http://localhost:50123/callback"}
	tokens := func(pairs ...string) servertest.Answer {
		page, err := person.Authorize(t.Context(), w.URL+"/oauth/authorize?"+f.Params(append(pairs, "resource", "https://api.example/", "nonce", "")...).Encode(), softperson.Choices{})
		servertest.Check(t, err)
		if page.URL.Host != "localhost:50123" {
			t.Fatalf("left to %s\n%s", page.URL, page.Body)
		}
		return f.Redeem(t, page.URL.Query().Get("code"))
	}
	first := tokens("scope", "notes:read offline_access", "prompt", "consent")
	if first.Status != 200 || first.Text("refresh_token") == "" || first.Text("scope") != "notes:read offline_access" {
		t.Errorf("got %d %s", first.Status, first.Body)
	}
	wider := tokens("scope", "notes:read notes:write")
	if wider.Status != 200 || wider.Text("scope") != "notes:read notes:write" || claimsOf(t, wider.Text("access_token"))["aud"] != "https://api.example" {
		t.Errorf("got %d %s", wider.Status, wider.Body)
	}
}

// Each switch is set for one application; its profile stays, and so does the
// other application.
//
// Requirement: profile-switch-alone
func TestEachSwitchIsSetForOneApplicationAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	oidc := application.NewApplication{AuthMethod: model.AuthClientSecretPost, Settings: model.ApplicationSettings{Profile: model.ProfileOIDC}}
	other := w.Flow(t, oidc)
	noPKCE := []string{"code_challenge", "", "code_challenge_method", ""}
	refused := func(page softperson.Page) bool { return page.URL.Query().Get("error") == "invalid_request" }
	for _, tt := range []struct {
		name   string
		change func(*model.ApplicationSettings)
		seen   func(*servertest.Flow) bool // does this application behave so?
	}{
		{"PKCE", func(s *model.ApplicationSettings) { s.OptionalPKCE = false }, func(f *servertest.Flow) bool { return refused(f.Open(t, noPKCE...)) }},
		{"PAR", func(s *model.ApplicationSettings) { s.RequirePAR = true }, func(f *servertest.Flow) bool { return refused(f.Open(t)) }},
		{"signed requests", func(s *model.ApplicationSettings) { s.RequireSigned = true }, func(f *servertest.Flow) bool { return refused(f.Open(t)) }},
		{"sender constraint", func(s *model.ApplicationSettings) { s.Sender = model.SenderDPoP }, func(f *servertest.Flow) bool {
			return f.Redeem(t, f.Code(t)).Text("error") == "invalid_dpop_proof"
		}},
		{"method", func(s *model.ApplicationSettings) { s.AuthMethod = model.AuthClientSecretBasic }, func(f *servertest.Flow) bool {
			basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(f.App.ID+":"+f.App.Secret))
			return f.Post(t, "/oauth/revoke", f.Form("token", "x")).Status == 401 &&
				f.Post(t, "/oauth/revoke", url.Values{"token": {"x"}}, "Authorization", basic).Status == 200
		}},
		{"no refresh tokens", func(s *model.ApplicationSettings) { s.Refresh = model.RefreshNone }, func(f *servertest.Flow) bool {
			return f.Tokens(t).JSON["refresh_token"] == nil
		}},
		{"refresh tokens that stay", func(s *model.ApplicationSettings) { s.Refresh = model.RefreshKeep }, func(f *servertest.Flow) bool {
			token := f.Tokens(t).Text("refresh_token")
			next := f.Refresh(t, token).Text("refresh_token")
			return next == "" || next == token
		}},
		{"lifetime", func(s *model.ApplicationSettings) { s.TokenLifetime = 77 }, func(f *servertest.Flow) bool { return f.Tokens(t).JSON["expires_in"] == 77.0 }},
		{"opaque tokens", func(s *model.ApplicationSettings) { s.OpaqueTokens = true }, func(f *servertest.Flow) bool {
			return !strings.Contains(f.Tokens(t).Text("access_token"), ".")
		}},
		{"access token algorithm", func(s *model.ApplicationSettings) { s.TokenAlg = "EdDSA" }, func(f *servertest.Flow) bool {
			return headerOf(t, f.Tokens(t).Text("access_token"))["alg"] == "EdDSA"
		}},
		{"ID token algorithm", func(s *model.ApplicationSettings) { s.IDTokenAlg = "PS256" }, func(f *servertest.Flow) bool {
			return headerOf(t, f.Tokens(t).Text("id_token"))["alg"] == "PS256"
		}},
		{"pairwise subjects", func(s *model.ApplicationSettings) { s.SubjectType = "pairwise" }, func(f *servertest.Flow) bool {
			return claimsOf(t, f.Tokens(t).Text("id_token"))["sub"] != string(f.Identity.ID)
		}},
	} {
		f := w.Flow(t, oidc)
		if tt.seen(f) {
			t.Errorf("%s: already so", tt.name)
		}
		servertest.Check(t, w.Server.Applications.Configure(t.Context(), w.Site, model.ClientID(f.App.ID), "operator", tt.change))
		if !tt.seen(f) || tt.seen(other) {
			t.Errorf("%s: at this application %v, at the other %v", tt.name, tt.seen(f), tt.seen(other))
		}
		c, err := w.Server.Applications.Get(t.Context(), w.Site, model.ClientID(f.App.ID))
		servertest.Check(t, err)
		if c.Settings.Profile != model.ProfileOIDC {
			t.Errorf("%s: the profile is %s", tt.name, c.Settings.Profile)
		}
	}
}
