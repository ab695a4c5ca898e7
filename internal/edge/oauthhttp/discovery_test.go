package oauthhttp_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/sdk/evidence"
)

// OpenID Connect Discovery 1.0, Section 4, and RFC 8414, Section 3.1: for an
// issuer with a path the well-known part may stand before or after it. Whatever
// the form, the bytes are the same.
//
// Requirement: discovery-three-forms, discovery-issuer-exact, discovery-types, discovery-s256-only
func TestDiscoveryInEveryForm(t *testing.T) {
	w := servertest.Start(t, nil)
	_, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Registration: model.RegistrationPolicy{Mode: model.RegistrationOpen}}})
	servertest.Check(t, err)
	for issuer, paths := range map[string][]string{
		w.URL: {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		w.URL + "/realms/acme": {"/realms/acme/.well-known/openid-configuration", "/realms/acme/.well-known/oauth-authorization-server",
			"/.well-known/openid-configuration/realms/acme", "/.well-known/oauth-authorization-server/realms/acme"},
	} {
		var first []byte
		for _, path := range paths {
			got := w.Get(t, path, "Origin", "https://app.example")
			if got.Status != 200 || got.Text("issuer") != issuer || got.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: %d %s", path, got.Status, got.Body)
			}
			if first == nil {
				first = got.Body
			}
			if string(first) != string(got.Body) {
				t.Errorf("%s differs from %s", path, paths[0])
			}
			checkMetadata(t, issuer, got.JSON)
		}
	}
	for _, path := range []string{"/realms/nobody/.well-known/openid-configuration", "/realms/default/oauth/jwks", "/.well-known/openid-configuration/realms/acme/x",
		"/.well-known/openid-configuration/acme", "/.well-known/oauth-authorization-server/realms/"} {
		if got := w.Get(t, path); got.Status != 404 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}

func checkMetadata(t *testing.T, issuer string, doc map[string]any) {
	t.Helper()
	for name, value := range doc {
		checkMember(t, name, value)
		isURL := strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri")
		if text, _ := value.(string); isURL && !strings.HasPrefix(text, issuer+"/") {
			t.Errorf("%s = %v is not absolute under the issuer", name, value)
		}
	}
	methods, _ := json.Marshal(doc["code_challenge_methods_supported"])
	if string(methods) != `["S256"]` {
		t.Errorf("code_challenge_methods_supported = %s", methods)
	}
}

// flags are the members of the metadata that say yes or no; the others that
// end in "_supported" are lists (RFC 8414, Section 2, and the registry).
var flags = []string{"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported",
	"authorization_response_iss_parameter_supported", "backchannel_user_code_parameter_supported",
	"backchannel_logout_supported", "backchannel_logout_session_supported", "frontchannel_logout_supported",
	"frontchannel_logout_session_supported", "client_id_metadata_document_supported"}

// checkMember: lists are lists, flags are flags, and nothing is null or empty.
func checkMember(t *testing.T, name string, value any) {
	t.Helper()
	list, isList := value.([]any)
	object, isObject := value.(map[string]any)
	if value == nil || value == "" || isList && len(list) == 0 || isObject && len(object) == 0 {
		t.Errorf("%s is null or empty", name)
	}
	_, isFlag := value.(bool)
	switch supported := strings.HasSuffix(name, "_supported"); {
	case slices.Contains(flags, name) && !isFlag, supported && !slices.Contains(flags, name) && !isList:
		t.Errorf("%s = %v is of the wrong type", name, value)
	}
}

// RFC 7517, Section 4 and 9.3: distinct kids, one use, nothing private.
//
// Requirement: keys-members, keys-public-only
func TestJWKSHoldsPublicKeysOnly(t *testing.T) {
	w := servertest.Start(t, nil)
	got := w.Get(t, "/oauth/jwks")
	keys, _ := got.JSON["keys"].([]any)
	if len(keys) < 2 {
		t.Fatalf("got %s", got.Body)
	}
	kids := map[any]bool{}
	for _, k := range keys {
		key, _ := k.(map[string]any)
		if kids[key["kid"]] || key["kid"] == nil || key["use"] != "sig" || key["alg"] == nil {
			t.Errorf("key = %v", key)
		}
		kids[key["kid"]] = true
		for name := range key {
			if slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "k"}, name) {
				t.Errorf("private member %q is published", name)
			}
		}
	}
}

// A client that nobody here wrote: go-oidc, through discovery alone.
func TestTokensVerifyWithGoOIDCThroughDiscoveryAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	_, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Development: true, AskAnyone: true}})
	servertest.Check(t, err)
	for _, name := range []string{"default", "acme"} {
		site, err := w.Server.Site(t.Context(), name)
		servertest.Check(t, err)
		provider, err := oidc.NewProvider(t.Context(), site.Issuer)
		servertest.Check(t, err)
		for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
			app := w.AppIn(t, site, application.NewApplication{TokenAlg: alg, Resources: []string{"https://api.example"}})
			got := servertest.Do(t, http.MethodPost, site.Issuer+"/oauth/token", strings.NewReader(app.Form("grant_type", "client_credentials").Encode()),
				"Content-Type", "application/x-www-form-urlencoded")
			token, err := provider.Verifier(&oidc.Config{ClientID: "https://api.example"}).Verify(t.Context(), got.Text("access_token"))
			if err != nil || token.Subject != app.ID {
				t.Errorf("%s, %s: %v, %+v", name, alg, err, token)
			}
		}
	}
}

func TestCIBAIDTokensVerifyWithGoOIDC(t *testing.T) {
	w := servertest.Start(t, nil)
	provider, err := oidc.NewProvider(t.Context(), w.URL)
	servertest.Check(t, err)
	app := w.App(t, application.NewApplication{})
	person, who := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex", "scope", "openid")
	_, err = person.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	got := poll(t, w, app, a.Text("auth_req_id"))
	token, err := provider.Verifier(&oidc.Config{ClientID: app.ID}).Verify(t.Context(), got.Text("id_token"))
	if err != nil || token.Subject != string(who.ID) {
		t.Fatalf("%v, %+v", err, token)
	}
	if err := token.VerifyAccessToken(got.Text("access_token")); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	// The ID token may serve as a hint for the next request.
	if next := ask(t, w, app, "id_token_hint", got.Text("id_token")); next.Status != 200 {
		t.Errorf("id_token_hint: %d %s", next.Status, next.Body)
	}
}
