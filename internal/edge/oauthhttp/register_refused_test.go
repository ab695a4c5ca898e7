package oauthhttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// Requirement: register-bad-redirect
func TestOnlySafeRedirectURIsAreRegistered(t *testing.T) {
	w := registrar(t)
	for uri, kinds := range map[string]string{ // the application types that may have it; "-" is none named
		"https://app.example/cb":                         "web native -",
		"https://app.example/cb?tenant=1&x=%20":          "web native -",
		"https://app.example:8443/cb":                    "web native -",
		"http://localhost:33418/callback":                "web native -",
		"http://127.0.0.1/cb":                            "web native -",
		"http://[::1]:1234/cb":                           "web native -",
		"com.example.app:/cb":                            "native -",
		"com.example.app://cb/x":                         "native -",
		"http://app.example/cb":                          "",
		"http://localhost.evil.example/cb":               "",
		"http://127.0.0.1.evil.example/cb":               "",
		"http://127.0.0.2/cb":                            "",
		"https://app.example/cb#":                        "",
		"https://app.example/cb#x":                       "",
		"com.example.app:/cb#x":                          "",
		"https://user@app.example/cb":                    "",
		"https://user:pass@app.example/cb":               "",
		"https://*.example/cb":                           "",
		"https://app.example/*":                          "",
		"https:///cb":                                    "",
		"https:/cb":                                      "",
		"https:cb":                                       "",
		"/cb":                                            "",
		"cb":                                             "",
		"//app.example/cb":                               "",
		"javascript:alert(1)":                            "",
		"JavaScript://app.example/%0aalert(1)":           "",
		"data:text/html,x":                               "",
		"file:///etc/passwd":                             "",
		"vbscript:x":                                     "",
		"blob:https://app.example/1":                     "",
		"about:blank":                                    "",
		"cursor://anysphere.cursor-retrieval/oauth/cb":   "native -",
		"vscode://vscode.github-authentication/did-auth": "native -",
		"myapp:/cb":                                      "native -",
		"myapp:cb":                                       "",
		"mailto://a@b.example":                           "",
		"tel:/1":                                         "",
		"sms:///1":                                       "",
		"Intent://scan/#x":                               "",
		"intent://scan/":                                 "",
		"chrome://settings":                              "",
		"chrome-extension://abc/cb":                      "",
		"ms-settings://x":                                "",
		"web+app://x":                                    "",
		"ws://localhost/cb":                              "",
		"wss://app.example/cb":                           "",
		"ftp://app.example/cb":                           "",
		"FILE:///etc/passwd":                             "",
		"data:///x":                                      "",
		"vbscript:/x":                                    "",
		"blob:///1":                                      "",
		"about:/blank":                                   "",
		"urn:ietf:wg:oauth:2.0:oob":                      "",
		"https://app.example/ cb":                        "",
		"https://app.example\\@evil.example/":            "",
		"https://app.example/\x00":                       "",
		"https://app.example/\n":                         "",
		"https://äpp.example/cb":                         "",
		"https://app.example/%zz":                        "",
		"https://app.example:port/cb":                    "",
		"https://app.example/" + strings.Repeat("x", 2048): "",
	} {
		for _, kind := range []string{"web", "native", "-"} {
			m := about("redirect_uris", []string{"https://good.example/", uri}, "application_type", kind, "token_endpoint_auth_method", "none")
			if kind == "-" {
				delete(m, "application_type")
			}
			got, want := register(t, w, m), strings.Contains(" "+kinds+" ", " "+kind+" ")
			if want != (got.Status == 201) || !want && (got.Status != 400 || got.Text("error") != "invalid_redirect_uri") {
				t.Errorf("%q as %s: %d %s", uri, kind, got.Status, got.Body)
			}
		}
	}
}

// Requirement: register-contradictory, register-initiate-login, register-bad-redirect
func TestMetadataThatCannotBeAreRefused(t *testing.T) {
	w := registrar(t)
	private, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	secretJWK, err := private.MarshalPrivate()
	servertest.Check(t, err)
	keys := func(list ...json.RawMessage) map[string]any { return map[string]any{"keys": list} }
	ec := publicJWK(t, jose.ES256)
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("https://app.example/%d", i)
	}
	const ciba, code, refresh, device = "urn:openid:params:grant-type:ciba", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"
	const bad, badRedirect = "invalid_client_metadata", "invalid_redirect_uri"
	for _, tt := range []struct {
		name string
		m    map[string]any
		want string // error code; empty: registered
	}{
		{"nothing", map[string]any{}, badRedirect},
		{"no redirect URI left", about("redirect_uris", []string{""}), badRedirect},
		{"redirect_uris that is a string", about("redirect_uris", callback), bad},
		{"20 redirect URIs", about("redirect_uris", many[:20]), ""},
		{"21 redirect URIs", about("redirect_uris", many), badRedirect},
		{"a device needs none", about("redirect_uris", nil, "grant_types", []string{device}, "token_endpoint_auth_method", "none"), ""},
		{"an unknown grant type", about("grant_types", []string{code, "password"}), bad},
		{"implicit", about("grant_types", []string{"implicit"}, "response_types", []string{"token"}), bad},
		{"no grant type", about("grant_types", []string{}), bad},
		{"code without its grant type", about("grant_types", []string{ciba}, "response_types", []string{"code"}), bad},
		{"the grant type without code", about("grant_types", []string{code}, "response_types", []string{}), bad},
		{"a hybrid response type", about("response_types", []string{"code", "code id_token"}), bad},
		{"refresh alone", about("grant_types", []string{refresh}, "response_types", []string{}), bad},
		{"refresh and code", about("grant_types", []string{code, refresh}), ""},
		{"an unknown method", about("token_endpoint_auth_method", "client_secret_jwt"), bad},
		{"a TLS method where there is no mutual TLS", about("token_endpoint_auth_method", "tls_client_auth", "tls_client_auth_san_dns", "app.example"), bad},
		{"a public client in its own name", about("token_endpoint_auth_method", "none", "grant_types", []string{code, "client_credentials"}), bad},
		{"a public client that asks people", about("token_endpoint_auth_method", "none", "grant_types", []string{ciba}, "response_types", []string{}), bad},
		{"private_key_jwt without keys", about("token_endpoint_auth_method", "private_key_jwt"), bad},
		{"private_key_jwt with jwks", about("token_endpoint_auth_method", "private_key_jwt", "jwks", keys(ec)), ""},
		{"private_key_jwt with jwks_uri", about("token_endpoint_auth_method", "private_key_jwt", "jwks_uri", "https://app.example/jwks"), ""},
		{"jwks and jwks_uri", about("jwks", keys(ec), "jwks_uri", "https://app.example/jwks"), bad},
		{"a private key", about("jwks", keys(secretJWK)), bad},
		{"a symmetric key", about("jwks", keys(json.RawMessage(`{"kty":"oct","k":"c2VjcmV0"}`))), bad},
		{"a weak key", about("jwks", keys(json.RawMessage(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`))), bad},
		{"an empty key set", about("jwks", keys()), bad},
		{"jwks that is a string", about("jwks", string(ec)), bad},
		{"two keys of one kid", about("jwks", keys(ec, ec)), bad},
		{"jwks_uri over plain http", about("jwks_uri", "http://app.example/jwks"), bad},
		{"signed requests without keys", about("require_signed_request_object", true), bad},
		{"a signing algorithm without keys", about("request_object_signing_alg", "ES256"), bad},
		{"an assertion algorithm without keys", about("token_endpoint_auth_signing_alg", "ES256"), bad},
		{"unsigned requests", about("jwks", keys(ec), "request_object_signing_alg", "none"), bad},
		{"HS256 requests", about("jwks", keys(ec), "request_object_signing_alg", "HS256"), bad},
		{"HS256 assertions", about("jwks", keys(ec), "token_endpoint_auth_method", "private_key_jwt", "token_endpoint_auth_signing_alg", "HS256"), bad},
		{"Ed25519 under its own name", about("jwks", keys(ec), "request_object_signing_alg", "Ed25519"), ""},
		{"HS256 ID tokens", about("id_token_signed_response_alg", "HS256"), bad},
		{"unsigned ID tokens", about("id_token_signed_response_alg", "none"), bad},
		{"ID tokens under an algorithm that is not offered", about("id_token_signed_response_alg", "ES512"), bad},
		{"unsigned userinfo by name", about("userinfo_signed_response_alg", "none"), bad},
		{"HS512 introspection", about("introspection_signed_response_alg", "HS512"), bad},
		{"HS256 answers", about("authorization_signed_response_alg", "HS256"), bad},
		{"encrypted ID tokens", about("id_token_encrypted_response_alg", "RSA-OAEP"), bad},
		{"encrypted requests", about("request_object_encryption_alg", "RSA-OAEP"), bad},
		{"bound by both", about("dpop_bound_access_tokens", true, "tls_client_certificate_bound_access_tokens", true), bad},
		{"bound by certificates where there is no mutual TLS", about("tls_client_certificate_bound_access_tokens", true), bad},
		{"an unknown application type", about("application_type", "toaster"), bad},
		{"an unknown subject type", about("subject_type", "private"), bad},
		{"pairwise for two hosts", about("subject_type", "pairwise", "redirect_uris", []string{callback, "https://other.example/"}), bad},
		{"pairwise for one host", about("subject_type", "pairwise"), ""},
		{"push", about("grant_types", []string{code, ciba}, "backchannel_token_delivery_mode", "push", "backchannel_client_notification_endpoint", "https://app.example/"), bad},
		{"ping without an endpoint", about("grant_types", []string{code, ciba}, "backchannel_token_delivery_mode", "ping"), bad},
		{"ping over plain http", about("grant_types", []string{code, ciba}, "backchannel_token_delivery_mode", "ping", "backchannel_client_notification_endpoint", "http://app.example/"), bad},
		{"user codes", about("backchannel_user_code_parameter", true), bad},
		{"initiate_login_uri over https", about("initiate_login_uri", "https://app.example/login"), ""},
		{"initiate_login_uri over http", about("initiate_login_uri", "http://app.example/login"), bad},
		{"initiate_login_uri over http on loopback", about("initiate_login_uri", "http://localhost/login"), bad},
		{"initiate_login_uri that is relative", about("initiate_login_uri", "/login"), bad},
		{"a logo by script", about("logo_uri", "javascript:alert(1)"), bad},
		{"a logo as data", about("logo_uri", "data:image/png;base64,AA=="), bad},
		{"a policy on a disk", about("policy_uri", "file:///etc/passwd"), bad},
		{"terms that are relative", about("tos_uri", "terms"), bad},
		{"a home page over http", about("client_uri", "http://app.example/"), ""},
		{"a home page that is too long", about("client_uri", "https://app.example/"+strings.Repeat("x", 2048)), bad},
		{"a back-channel logout with a fragment", about("backchannel_logout_uri", "https://app.example/#x"), bad},
		{"a front-channel logout elsewhere", about("frontchannel_logout_uri", "https://other.example/"), bad},
		{"a front-channel logout at another port", about("frontchannel_logout_uri", "https://app.example:8443/"), bad},
		{"a front-channel logout at home", about("frontchannel_logout_uri", "https://app.example:443/bye"), ""},
		{"a logout redirect by script", about("post_logout_redirect_uris", []string{"javascript:alert(1)"}), bad},
		{"a name with a line break", about("client_name", "a\nb"), bad},
		{"a name that turns round", about("client_name", "a\u202eb"), bad},
		{"a name that is too long", about("client_name", strings.Repeat("x", 201)), bad},
		{"a name that is a number", about("client_name", 7), bad},
		{"a scope with a quote", about("scope", `a"b`), bad},
		{"a negative default_max_age", about("default_max_age", -1), bad},
		{"default_max_age that is text", about("default_max_age", "60"), bad},
		{"a flag that is text", about("require_auth_time", "true"), bad},
		{"21 contacts", about("contacts", many), bad},
	} {
		got := register(t, w, tt.m)
		if got.Text("error") != tt.want || (tt.want == "") != (got.Status == 201) || tt.want != "" && got.Status != 400 {
			t.Errorf("%s: got %d %s, want %q", tt.name, got.Status, got.Body, tt.want)
		}
	}
}

// Requirement: register-sector, subject-sector
func TestASectorMustListTheRedirectURIs(t *testing.T) {
	w := registrar(t)
	documents := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]string{"/all": `["https://b.example/","` + callback + `"]`, "/one": `["https://b.example/"]`, "/similar": `["` + callback + `/"]`,
			"/object": `{"redirect_uris":["` + callback + `"]}`, "/text": `callback`, "/empty": `[]`}[r.URL.Path]
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/all", http.StatusFound)
		case body == "":
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}
	}))
	t.Cleanup(documents.Close)
	for path, want := range map[string]string{"/all": "", "/one": "invalid_client_metadata", "/similar": "invalid_client_metadata", "/object": "invalid_client_metadata",
		"/text": "invalid_client_metadata", "/empty": "invalid_client_metadata", "/missing": "invalid_client_metadata", "/moved": "invalid_client_metadata"} {
		for _, subject := range []string{"pairwise", "public"} {
			got := register(t, w, about("sector_identifier_uri", documents.URL+path, "subject_type", subject))
			if got.Text("error") != want {
				t.Errorf("%s, %s: %d %s", path, subject, got.Status, got.Body)
			}
			if want != "" {
				continue
			}
			c, err := w.Server.Applications.Get(t.Context(), w.Site, model.ClientID(got.Text("client_id")))
			servertest.Check(t, err)
			if c.Settings.Sector != "127.0.0.1" {
				t.Errorf("the sector is %q", c.Settings.Sector)
			}
		}
	}
	for _, uri := range []string{"http://sector.example/all", "ftp://127.0.0.1/all", "/all", "https://u@127.0.0.1/all"} {
		if got := register(t, w, about("sector_identifier_uri", uri)); got.Status != 400 || got.Text("error") != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", uri, got.Status, got.Body)
		}
	}
}

// statementRealm is a realm that believes the software statements of one issuer with
// that key.
func statementRealm(t *testing.T, require bool) (*servertest.World, *jose.PrivateKey) {
	t.Helper()
	key, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	w := servertest.Start(t, func(c *server.Config) {
		jwks := json.RawMessage(`{"keys":[` + string(key.Public().JSON()) + `]}`)
		c.DefaultPolicy = model.RealmPolicy{TrustedIssuers: []model.TrustedIssuer{{Issuer: "https://vendor.example", JWKS: jwks}, {Issuer: "https://idp.example", JWKS: jwks}},
			Registration: model.RegistrationPolicy{Mode: model.RegistrationOpen, SoftwareStatements: []string{"https://vendor.example", "https://unconfigured.example"}, RequireStatement: require}}
	})
	return w, key
}

// Requirement: register-software-statement
func TestASoftwareStatementOverridesTheMetadataBesideIt(t *testing.T) {
	w, key := statementRealm(t, false)
	statement := signed(t, key, map[string]any{"iss": "https://vendor.example", "software_id": "notes", "client_name": "Notes by Vendor",
		"redirect_uris": []string{"https://notes.example/cb"}, "sub": "x", "client_id": "mine", "exp": time.Now().Unix() + 60})
	got := registered(t, w, about("client_name", "Bank", "software_id", "bank", "client_uri", "https://app.example/", "software_statement", statement))
	uris, _ := got.JSON["redirect_uris"].([]any)
	if got.Text("client_name") != "Notes by Vendor" || got.Text("software_id") != "notes" || len(uris) != 1 || uris[0] != "https://notes.example/cb" ||
		got.Text("client_uri") != "https://app.example/" || got.Text("software_statement") != statement || got.Text("client_id") == "mine" {
		t.Errorf("got %s", got.Body)
	}
	if got := register(t, w, about()); got.Status != 201 {
		t.Errorf("without a statement: %d %s", got.Status, got.Body)
	}
}

// signed is a JWT with these claims.
func signed(t *testing.T, key *jose.PrivateKey, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	servertest.Check(t, err)
	compact, err := key.Sign("JWT", payload)
	servertest.Check(t, err)
	return compact
}

// Requirement: register-software-statement
func TestASoftwareStatementIsBelievedFromWhomTheRealmTrusts(t *testing.T) {
	w, key := statementRealm(t, true)
	stranger, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	now := time.Now().Unix()
	good := func(pairs ...any) map[string]any {
		m := map[string]any{"iss": "https://vendor.example", "software_id": "notes"}
		for i := 0; i < len(pairs); i += 2 {
			name, _ := pairs[i].(string)
			m[name] = pairs[i+1]
		}
		return m
	}
	whole := signed(t, key, good())
	const invalid, unapproved = "invalid_software_statement", "unapproved_software_statement"
	for _, tt := range []struct {
		name, statement, want string
	}{
		{"good", whole, ""},
		{"for this issuer", signed(t, key, good("aud", w.URL)), ""},
		{"for this endpoint, among others", signed(t, key, good("aud", []string{"https://x.example", w.URL + "/oauth/register"})), ""},
		{"for somebody else", signed(t, key, good("aud", "https://x.example")), invalid},
		{"none where one is needed", "", invalid},
		{"no JWT", "x", invalid},
		{"damaged", whole[:len(whole)-8] + "AAAAAAAA", invalid},
		{"by another key", signed(t, stranger, good()), invalid},
		{"by a trusted issuer whose statements are not believed", signed(t, key, good("iss", "https://idp.example")), unapproved},
		{"by an issuer without keys", signed(t, key, good("iss", "https://unconfigured.example")), unapproved},
		{"by a stranger", signed(t, key, good("iss", "https://stranger.example")), unapproved},
		{"by nobody", signed(t, key, map[string]any{"software_id": "notes"}), unapproved},
		{"about no software", signed(t, key, map[string]any{"iss": "https://vendor.example", "client_name": "Notes"}), invalid},
		{"about software without a name", signed(t, key, good("software_id", "")), invalid},
		{"about no software, of its type", sign(t, key, "software-statement+jwt", map[string]any{"iss": "https://vendor.example", "client_name": "Notes"}), ""},
		{"of the type of an access token", sign(t, key, "at+jwt", good()), invalid},
		{"expired", signed(t, key, good("exp", now-1)), invalid},
		{"not valid yet", signed(t, key, good("nbf", now+60)), invalid},
		{"with a bad redirect URI", signed(t, key, good("redirect_uris", []string{"http://app.example/"})), "invalid_redirect_uri"},
		{"with a member of the wrong type", signed(t, key, good("client_name", 7)), "invalid_client_metadata"},
	} {
		m := about("software_statement", tt.statement)
		if got := register(t, w, m); got.Text("error") != tt.want || (got.Status == 201) != (tt.want == "") {
			t.Errorf("%s: got %d %s, want %q", tt.name, got.Status, got.Body, tt.want)
		}
	}
}

// Whatever is sent, nothing is a fault of the server, and every answer is JSON.
//
// Requirement: limits-fuzz-registration
func FuzzRegistration(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", `"x"`, "{", `{"redirect_uris":["https://app.example/cb"]}`, `{"redirect_uris":["http://localhost:1/callback"],"token_endpoint_auth_method":"none"}`,
		`{"redirect_uris":["com.example.app:/cb"],"application_type":"native","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		`{"redirect_uris":["javascript:alert(1)"]}`, `{"redirect_uris":[""]}`, `{"redirect_uris":[null]}`, `{"redirect_uris":{}}`, `{"redirect_uris":["https://a/\u0000"]}`,
		`{"redirect_uris":["https://a/"],"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]},"token_endpoint_auth_method":"private_key_jwt"}`,
		`{"redirect_uris":["https://a/"],"jwks":{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}}`, `{"redirect_uris":["https://a/"],"jwks":"x","jwks_uri":"https://a/"}`,
		`{"redirect_uris":["https://a/"],"sector_identifier_uri":"http://127.0.0.1:1/x","subject_type":"pairwise"}`, `{"redirect_uris":["https://a/","https://b/"],"subject_type":"pairwise"}`,
		`{"redirect_uris":["https://a/"],"default_max_age":1e400}`, `{"redirect_uris":["https://a/"],"default_max_age":99999999999999999999}`, `{"redirect_uris":["https://a/"],"default_max_age":0}`,
		`{"redirect_uris":["https://a/"],"software_statement":"eyJhbGciOiJub25lIn0.e30."}`, `{"redirect_uris":["https://a/"],"client_name":"\ud800"}`, `{"redirect_uris":["https://a/"],"client_name":"\u202e"}`,
		`{"grant_types":["urn:openid:params:grant-type:ciba"],"jwks_uri":"https://a/","subject_type":"pairwise"}`, `{"grant_types":["client_credentials"]}`,
		`{"redirect_uris":["https://a/"],"scope":"openid \" \\"}`, `{"redirect_uris":["https://a/"],"contacts":["\n"]}`, `{"a":1,"a":2}`, `{"redirect_uris":["https://a/"],"frontchannel_logout_uri":"https://a/%zz"}`,
	} {
		f.Add(seed)
	}
	g := newTarget(f)
	servertest.Check(f, g.Server.Realms.ChangePolicy(f.Context(), g.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.Registration.Mode = model.RegistrationOpen
		p.Registration.SoftwareStatements = []string{"https://vendor.example"}
	}, "operator"))
	// Registrations are slowed down after a while, changes are not.
	r := httptest.NewRecorder()
	post := httptest.NewRequest(http.MethodPost, fuzzBase+"/oauth/register", strings.NewReader(`{"redirect_uris":["https://app.example/"]}`))
	post.Header.Set("Content-Type", "application/json")
	g.handler.ServeHTTP(r, post)
	var mine struct {
		ID    string `json:"client_id"`
		Token string `json:"registration_access_token"`
	}
	servertest.Check(f, json.Unmarshal(r.Body.Bytes(), &mine))
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "sector_identifier_uri") && !strings.Contains(body, `"http://127.0.0.1:1/`) {
			t.Skip("the server would look for a host that is not there, which takes seconds")
		}
		g.sendRegistration(t, http.MethodPost, "/oauth/register", "", body)
		if rest, ok := strings.CutPrefix(body, "{"); ok { // a change names its client
			body = `{"client_id":"` + mine.ID + `"`
			if !strings.HasPrefix(rest, "}") {
				body += ","
			}
			body += rest
		}
		at := "/oauth/register/" + mine.ID
		changed := g.sendRegistration(t, http.MethodPut, at, mine.Token, body)
		read := g.sendRegistration(t, http.MethodGet, at, mine.Token, "")
		delete(changed, "client_secret")
		delete(changed, "software_statement")
		if read == nil || changed != nil && !cmp.Equal(changed, read) {
			t.Fatalf("changed to %v, reads as %v", changed, read)
		}
	})
}

// sendRegistration holds the answer to what every answer must be, and returns it
// if it is a registration.
func (g *target) sendRegistration(t *testing.T, method, path, token, body string) map[string]any {
	t.Helper()
	r := httptest.NewRequest(method, fuzzBase+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	if token == "" {
		r.Header.Del("Authorization")
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= 500 || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %q: %v", w.Code, w.Header(), w.Body, err)
	}
	code, _ := answer["error"].(string)
	if (code == "") != (w.Code == 200 || w.Code == 201) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	checkDescription(t, answer)
	if code != "" {
		return nil
	}
	for name, value := range answer { // what is not there is not answered
		if list, isList := value.([]any); value == nil || value == "" || isList && len(list) == 0 {
			t.Fatalf("%s is empty: %s", name, w.Body)
		}
	}
	return answer
}

// checkDescription: RFC 6749, Section 5.2.
func checkDescription(t *testing.T, answer map[string]any) {
	t.Helper()
	description, _ := answer["error_description"].(string)
	for _, c := range description {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			t.Fatalf("error_description %q", description)
		}
	}
}

// Whatever a member holds, the fault is the sender's, on no database.
//
// Requirement: token-never-5xx, register-answer
func TestNoRegistrationIsTheServersFault(t *testing.T) {
	for name, database := range map[string]func() string{"sqlite": nil, "postgres": func() string { return pgtest.Database(t) }} {
		t.Run(name, func(t *testing.T) {
			w := servertest.Start(t, func(c *server.Config) {
				offering(c)
				if database != nil {
					c.Database = database()
				}
			})
			mine := registered(t, w, about())
			id := mine.Text("client_id")
			var key map[string]any
			servertest.Check(t, json.Unmarshal(publicJWK(t, jose.ES256), &key))
			for _, value := range []any{"", "\x00", "a\x00b", "\ufffe", "\u202e", "'", "%00", "{}", 7, 1e300, -1, true, []any{"\x00", nil}, map[string]any{"a": 1}, strings.Repeat("é", 3000)} {
				key["kid"] = value
				tries := []map[string]any{about("jwks", map[string]any{"keys": []any{key}}), about("redirect_uris", []any{callback, value}), about("contacts", []any{value})}
				for _, name := range metadataMembers {
					tries = append(tries, about(name, value))
				}
				for _, m := range tries {
					if m["client_id"] == nil {
						m["client_id"] = id
					}
					// Changes are not slowed down as registrations are.
					if got := sendJSON(t, http.MethodPut, mine.Text("registration_client_uri"), mine.Text("registration_access_token"), m); got.Status != 200 && got.Status != 400 {
						t.Errorf("%v: %d %s", m, got.Status, got.Body)
					}
				}
			}
		})
	}
}

// metadataMembers are members of registrations that hold anything but lists.
var metadataMembers = strings.Fields(`client_name client_uri logo_uri policy_uri tos_uri scope jwks jwks_uri software_id software_version software_statement
	application_type sector_identifier_uri subject_type id_token_signed_response_alg request_object_signing_alg default_max_age require_auth_time initiate_login_uri
	tls_client_auth_subject_dn tls_client_auth_san_ip post_logout_redirect_uris backchannel_logout_uri frontchannel_logout_uri default_acr_values
	backchannel_token_delivery_mode authorization_details_types grant_types response_types token_endpoint_auth_method`)
