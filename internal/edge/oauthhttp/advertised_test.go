package oauthhttp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

var update = flag.Bool("update", false, "write testdata anew")

const goldenMetadata = "testdata/discovery.json"

// offering is a realm in which everything is switched on.
func offering(c *server.Config) {
	c.DefaultPolicy = model.RealmPolicy{Registration: model.RegistrationPolicy{Mode: model.RegistrationOpen}, Passwords: true,
		CIMD:           model.DocumentPolicy{Enabled: true},
		Resources:      []model.ResourcePolicy{{Resource: "https://api.example", Scopes: []string{"notes:read", "notes:write"}, DefaultScopes: []string{"notes:read"}}},
		TrustedIssuers: []model.TrustedIssuer{{Issuer: "https://idp.example", JWKSURI: "https://idp.example/jwks", IdentityAssertions: true}}}
	c.FetchAllow = []string{"localhost", "127.0.0.1"}
}

func TestTheDiscoveryDocumentIsTheOneThatWasReviewed(t *testing.T) {
	w := servertest.Start(t, offering)
	var got bytes.Buffer
	servertest.Check(t, json.Indent(&got, w.Get(t, "/.well-known/openid-configuration").Body, "", "  "))
	text := strings.ReplaceAll(got.String(), w.URL, "ISSUER") + "\n"
	if *update {
		servertest.Check(t, os.WriteFile(goldenMetadata, []byte(text), 0o600))
	}
	want, err := os.ReadFile(goldenMetadata)
	servertest.Check(t, err)
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("run with -update if this is meant:\n%s", diff)
	}
}

// listed is a list of the discovery document.
func listed(t *testing.T, doc map[string]any, name string) []string {
	t.Helper()
	members, ok := doc[name].([]any)
	if !ok {
		t.Fatalf("%s = %v", name, doc[name])
	}
	var list []string
	for _, m := range members {
		s, _ := m.(string)
		list = append(list, s)
	}
	return list
}

// Requirement: discovery-advertises-what-works
func TestEveryAdvertisedEndpointAnswers(t *testing.T) {
	w := servertest.Start(t, offering)
	type answer struct {
		Status int
		Error  string
	}
	others := map[string]answer{"authorization_endpoint": {400, ""}, "end_session_endpoint": {303, ""},
		"userinfo_endpoint": {401, ""}, "registration_endpoint": {400, "invalid_request"}, "revocation_feed_endpoint": {405, ""}} // the last takes GET
	endpoints := 0
	for name, value := range w.Get(t, "/.well-known/openid-configuration").JSON {
		target, _ := value.(string)
		switch {
		case strings.HasSuffix(name, "_uri"):
			if got := servertest.Do(t, http.MethodGet, target, nil); got.Status != 200 {
				t.Errorf("GET %s: %d", name, got.Status)
			}
		case strings.HasSuffix(name, "_endpoint"):
			endpoints++
			want, named := others[name]
			if !named {
				want = answer{401, "invalid_client"}
			}
			got := servertest.Do(t, http.MethodPost, target, nil, "Content-Type", "application/x-www-form-urlencoded")
			if (answer{got.Status, got.Text("error")}) != want {
				t.Errorf("POST %s: %d %s, want %v", name, got.Status, got.Text("error"), want)
			}
		}
	}
	if endpoints != 11 {
		t.Errorf("%d endpoints are advertised", endpoints)
	}
}

// Requirement: discovery-advertises-what-works
func TestEveryAdvertisedGrantTypeIsKnownAndNoOther(t *testing.T) {
	w := servertest.Start(t, offering)
	doc := w.Get(t, "/.well-known/openid-configuration").JSON
	grants := listed(t, doc, "grant_types_supported")
	app := w.App(t, application.NewApplication{GrantTypes: grants})
	for _, g := range append(slices.Clone(grants), "password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer") {
		got := w.Post(t, "/oauth/token", app.Form("grant_type", g))
		known := got.Text("error") != "unsupported_grant_type" && got.Text("error") != "unauthorized_client"
		if advertised := slices.Contains(grants, g); known != advertised {
			t.Errorf("%s: advertised %v, answered %d %s", g, advertised, got.Status, got.Body)
		}
	}
	plain := servertest.Start(t, nil).Get(t, "/.well-known/openid-configuration").JSON
	if list := listed(t, plain, "grant_types_supported"); slices.Contains(list, oauth.GrantJWTBearer) {
		t.Errorf("assertions of nobody are advertised: %v", list)
	}
}

// Requirement: discovery-advertises-what-works, discovery-id-token-algs, discovery-iss-parameter
func TestWhatIsSignedIsSignedWithEachAdvertisedAlgorithm(t *testing.T) {
	w := servertest.Start(t, offering)
	doc := w.Get(t, "/.well-known/openid-configuration").JSON
	algs := listed(t, doc, "id_token_signing_alg_values_supported")
	if diff := cmp.Diff([]string{"RS256", "ES256", "PS256", "EdDSA"}, algs); diff != "" {
		t.Error(diff)
	}
	if doc["authorization_response_iss_parameter_supported"] != true {
		t.Errorf("iss: %v", doc["authorization_response_iss_parameter_supported"])
	}
	for _, member := range []string{"userinfo", "authorization", "introspection"} {
		if diff := cmp.Diff(algs, listed(t, doc, member+"_signing_alg_values_supported")); diff != "" {
			t.Errorf("%s: %s", member, diff)
		}
	}
	for _, alg := range algs {
		f := w.Flow(t, application.NewApplication{AuthMethod: model.AuthClientSecretPost, Settings: model.ApplicationSettings{
			IDTokenAlg: alg, UserinfoAlg: alg, AuthorizationAlg: alg, IntrospectionAlg: alg, TokenAlg: alg}})
		page := f.Open(t, "response_mode", "jwt", "scope", "openid email")
		response := page.URL.Query().Get("response")
		code, _ := claimsOf(t, response)["code"].(string)
		got := f.Redeem(t, code)
		userinfo := servertest.Do(t, http.MethodGet, doc["userinfo_endpoint"].(string), nil, "Authorization", "Bearer "+got.Text("access_token"))
		about := w.Post(t, "/oauth/introspect", f.Form("token", got.Text("access_token")))
		for what, signed := range map[string]string{"id_token": got.Text("id_token"), "access_token": got.Text("access_token"),
			"response": response, "userinfo": string(userinfo.Body), "introspection": string(about.Body)} {
			if used := headerOf(t, signed)["alg"]; used != alg {
				t.Errorf("%s is signed with %v, not with %s", what, used, alg)
			}
		}
	}
}

// headerOf is the header of a JWT.
func headerOf(t *testing.T, compact string) map[string]any {
	t.Helper()
	head, _, _ := strings.Cut(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	servertest.Check(t, err)
	var object map[string]any
	servertest.Check(t, json.Unmarshal(raw, &object))
	return object
}

// Requirement: discovery-advertises-what-works
func TestEveryAdvertisedResponseModeWorks(t *testing.T) {
	w := servertest.Start(t, offering)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{AuthorizationAlg: "ES256"}})
	for _, mode := range listed(t, w.Get(t, "/.well-known/openid-configuration").JSON, "response_modes_supported") {
		page := f.Open(t, "response_mode", mode)
		answer := page.URL.Query()
		if strings.HasPrefix(mode, "form_post") {
			answer = page.Posted
		}
		if strings.HasSuffix(mode, "jwt") {
			answer = url.Values{}
			for name, value := range claimsOf(t, page.URL.Query().Get("response")+page.Posted.Get("response")) {
				if text, ok := value.(string); ok {
					answer.Set(name, text)
				}
			}
		}
		if answer.Get("code") == "" || answer.Get("state") != "st-1" {
			t.Errorf("%s: %s %v", mode, page.URL, page.Posted)
		}
	}
	if got := f.Open(t, "response_mode", "fragment"); got.URL.Query().Get("error") != "invalid_request" {
		t.Errorf("fragment: %s", got.URL)
	}
}

// Requirement: discovery-advertises-what-works
func TestEveryAdvertisedMethodAuthenticates(t *testing.T) {
	w := servertest.Start(t, offering)
	doc := w.Get(t, "/.well-known/openid-configuration").JSON
	cc := "client_credentials"
	for _, method := range listed(t, doc, "token_endpoint_auth_methods_supported") {
		n := application.NewApplication{AuthMethod: model.ClientAuthMethod(method), Scopes: []string{"a"}}
		var got servertest.Answer
		switch n.AuthMethod {
		case model.AuthNone:
			n.Kind, n.GrantTypes, n.Scopes = model.KindNative, []string{oauth.GrantCode, oauth.GrantRefresh}, nil
			got = w.Flow(t, n).Tokens(t)
		case model.AuthPrivateKeyJWT:
			app := w.KeyApp(t, jose.ES256, n)
			got = w.Post(t, "/oauth/token", app.AssertionForm(t, w.URL, nil, "grant_type", cc))
		case model.AuthClientSecretBasic:
			app := w.App(t, n)
			got = w.Post(t, "/oauth/token", url.Values{"grant_type": {cc}}, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(app.ID+":"+app.Secret)))
		default:
			got = w.Post(t, "/oauth/token", w.App(t, n).Form("grant_type", cc))
		}
		if got.Status != 200 {
			t.Errorf("%s: %d %s", method, got.Status, got.Body)
		}
	}
	for _, alg := range listed(t, doc, "token_endpoint_auth_signing_alg_values_supported") {
		app := w.KeyApp(t, jose.Alg(alg), application.NewApplication{Settings: model.ApplicationSettings{Profile: model.ProfileOIDC}})
		if got := w.Post(t, "/oauth/token", app.AssertionForm(t, w.URL, nil, "grant_type", cc)); got.Status != 200 {
			t.Errorf("%s: %d %s", alg, got.Status, got.Body)
		}
	}
}

// What a realm does not offer is not advertised, and a change is seen at once.
//
// Requirement: discovery-advertises-what-works
func TestDiscoveryFollowsTheRealmsPolicy(t *testing.T) {
	w := servertest.Start(t, nil)
	doc := w.Get(t, "/.well-known/openid-configuration").JSON
	for _, name := range []string{"registration_endpoint", "protected_resources", "authorization_grant_profiles_supported"} {
		if doc[name] != nil {
			t.Errorf("%s = %v", name, doc[name])
		}
	}
	if diff := cmp.Diff([]string{"phr"}, listed(t, doc, "acr_values_supported")); diff != "" {
		t.Error(diff)
	}
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.Registration.Mode = model.RegistrationToken
	}, "operator"))
	if got := w.Get(t, "/.well-known/openid-configuration").Text("registration_endpoint"); got != w.URL+"/oauth/register" {
		t.Errorf("registration_endpoint = %q", got)
	}
}
