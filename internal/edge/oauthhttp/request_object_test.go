package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// A signer is a flow whose application signs its requests.
type signer struct {
	*servertest.Flow
	key *jose.PrivateKey
}

func newKey(t testing.TB, alg jose.Alg) *jose.PrivateKey {
	t.Helper()
	key, err := jose.Generate(alg)
	servertest.Check(t, err)
	return key
}

func publicKeys(keys ...*jose.PrivateKey) []byte {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = string(k.Public().JSON())
	}
	return []byte(`{"keys":[` + strings.Join(all, ",") + `]}`)
}

func newSigner(t testing.TB, w *servertest.World, settings model.ApplicationSettings) signer {
	t.Helper()
	key := newKey(t, jose.ES256)
	return signer{w.Flow(t, application.NewApplication{JWKS: publicKeys(key), Settings: settings}), key}
}

// claims are those of a good request object; changes replace some, and nil
// leaves one out.
func (s signer) claims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": s.App.ID, "aud": s.World.URL, "iat": now, "nbf": now, "exp": now + 300, "jti": ids.Secret()}
	for name, values := range s.Params("state", "signed") {
		c[name] = values[0]
	}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(t testing.TB, key *jose.PrivateKey, typ string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	servertest.Check(t, err)
	compact, err := key.Sign(typ, payload)
	servertest.Check(t, err)
	return compact
}

func (s signer) object(t testing.TB, changes map[string]any) string {
	t.Helper()
	return sign(t, s.key, "oauth-authz-req+jwt", s.claims(changes))
}

// direct opens a request object at the authorization endpoint.
func (s signer) direct(t testing.TB, object string, outside ...string) softperson.Page {
	t.Helper()
	v := url.Values{"client_id": {s.App.ID}, "request": {object}}
	for i := 0; i < len(outside); i += 2 {
		v.Set(outside[i], outside[i+1])
	}
	page, err := s.Person.Authorize(t.Context(), s.World.URL+"/oauth/authorize?"+v.Encode(), softperson.Choices{})
	servertest.Check(t, err)
	return page
}

// pushed sends a request object by the back channel.
func (s signer) pushed(t testing.TB, object string) servertest.Answer {
	t.Helper()
	return s.World.Post(t, "/oauth/par", s.Form("request", object))
}

// RFC 9101, Section 6.3: what stands outside counts for nothing, also where the
// object is silent.
//
// Requirement: jar-verified, jar-only-client-id-outside
func TestOnlyTheSignedParametersOfARequestCount(t *testing.T) {
	s := newSigner(t, servertest.Start(t, nil), model.ApplicationSettings{})
	outside := []string{"state", "outside", "scope", "openid write", "redirect_uri", "https://evil.example/", "response_type", "token",
		"nonce", "outside", "response_mode", "form_post", "claims", "{"}
	page := s.direct(t, s.object(t, map[string]any{"nonce": nil}), outside...)
	members(t, page.URL.Query(), "code", "state", "iss")
	if page.URL.Query().Get("state") != "signed" || page.URL.Host != "app.example" {
		t.Fatalf("got %s", page.URL)
	}
	got := s.Redeem(t, page.URL.Query().Get("code"))
	if got.Text("scope") != "openid read" {
		t.Errorf("tokens: %d %s", got.Status, got.Body)
	}
	if c := claimsOf(t, got.Text("id_token")); c["nonce"] != nil {
		t.Errorf("the nonce of outside came in: %v", c)
	}
	uri := s.pushed(t, s.object(t, nil)).Text("request_uri")
	if page := openPushed(t, s.Flow, uri); page.URL.Query().Get("state") != "signed" || page.URL.Query().Get("code") == "" {
		t.Errorf("pushed: %s", page.URL)
	}
}

// RFC 9101, Section 4: what is JSON stays JSON; numbers need no quotes.
//
// Requirement: jar-verified
func TestClaimsOfARequestObjectMayBeJSON(t *testing.T) {
	w := servertest.Start(t, nil)
	key := newKey(t, jose.ES256)
	s := signer{w.Flow(t, application.NewApplication{JWKS: publicKeys(key), Resources: []string{"https://a.example", "https://b.example"}}), key}
	code := s.direct(t, s.object(t, map[string]any{
		"max_age":               3600,
		"claims":                map[string]any{"id_token": map[string]any{"email": nil}},
		"resource":              []string{"https://a.example", "https://b.example"},
		"authorization_details": []any{map[string]any{"type": "assent_action", "details": map[string]string{"a": "b"}}},
		"display":               nil, "unheard_of": []any{1, true, nil}, "prompt": nil,
	})).URL.Query().Get("code")
	got := s.Redeem(t, code)
	access, id := claimsOf(t, got.Text("access_token")), claimsOf(t, got.Text("id_token"))
	aud, _ := access["aud"].([]any)
	if len(aud) != 2 || access["authorization_details"] == nil || id["auth_time"] == nil || id["email"] == nil {
		t.Errorf("access token %v\nID token %v", access, id)
	}
}

// Requirement: jar-verified, jar-times, jar-audience, jar-algorithm, jar-client-id-equal, jar-no-nesting, profile-algorithms
func TestRequestObjectsThatAreWrongAreRefused(t *testing.T) {
	s := newSigner(t, servertest.Start(t, nil), model.ApplicationSettings{})
	now := time.Now().Unix()
	good := s.object(t, nil)
	head, rest, _ := strings.Cut(good, ".")
	other := newKey(t, jose.ES256)
	tests := []struct {
		name    string
		object  string
		changes map[string]any
	}{
		{"signed by a stranger", sign(t, other, "", s.claims(nil)), nil},
		{"damaged", head + "." + rest[:len(rest)-4] + "AAAA", nil},
		{"another header", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + rest, nil},
		{"encrypted", "a.b.c.d.e", nil},
		{"of another type", sign(t, s.key, "dpop+jwt", s.claims(nil)), nil},
		{"an access token", sign(t, s.key, "at+jwt", s.claims(nil)), nil},
		{"expired", "", map[string]any{"exp": now - 1}},
		{"without exp", "", map[string]any{"exp": nil}},
		{"exp as text", "", map[string]any{"exp": "tomorrow"}},
		{"not valid yet", "", map[string]any{"nbf": now + 60}},
		{"issued in the future", "", map[string]any{"iat": now + 60, "nbf": nil}},
		{"nbf over an hour old", "", map[string]any{"nbf": now - 3700, "exp": now - 100 + 200}},
		{"living longer than an hour since nbf", "", map[string]any{"exp": now + 3700}},
		{"living longer than an hour since iat", "", map[string]any{"nbf": nil, "exp": now + 3700}},
		{"living longer than an hour since now", "", map[string]any{"nbf": nil, "iat": nil, "exp": now + 3700}},
		{"for another issuer", "", map[string]any{"aud": "https://else.example"}},
		{"for the endpoint", "", map[string]any{"aud": s.World.URL + "/oauth/authorize"}},
		{"for nobody", "", map[string]any{"aud": nil}},
		{"of another issuer", "", map[string]any{"iss": "app_else"}},
		{"for another client", "", map[string]any{"client_id": "app_else"}},
		{"without client_id", "", map[string]any{"client_id": nil}},
		{"about the client, as an assertion is", "", map[string]any{"sub": s.App.ID}},
		{"with a request inside", "", map[string]any{"request": good}},
		{"with a request_uri inside", "", map[string]any{"request_uri": "urn:ietf:params:oauth:request_uri:x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			object := tt.object
			if object == "" {
				object = s.object(t, tt.changes)
			}
			if got := s.pushed(t, object); got.Status != 400 || got.Text("error") != "invalid_request_object" {
				t.Errorf("pushed: %d %s", got.Status, got.Body)
			}
			page := s.direct(t, object, "state", "outside")
			members(t, page.URL.Query(), "error", "error_description", "state", "iss")
			if got := page.URL.Query(); got.Get("error") != "invalid_request_object" || got.Get("state") != "outside" || !page.Left {
				t.Errorf("direct: %s", page.URL)
			}
		})
	}
}

// Requirement: jar-verified, jar-audience
func TestRequestObjectsInFormsThatAreAllowedAreTaken(t *testing.T) {
	s := newSigner(t, servertest.Start(t, nil), model.ApplicationSettings{})
	tests := []struct {
		name, typ string
		changes   map[string]any
	}{
		{"no type", "", nil},
		{"any JWT", "JWT", nil},
		{"its own type in full", "application/oauth-authz-req+jwt", nil},
		{"several audiences", "", map[string]any{"aud": []string{"https://else.example", s.World.URL}}},
		{"no issuer, where signing is the client's idea", "", map[string]any{"iss": nil}},
		{"no nbf and no iat", "", map[string]any{"nbf": nil, "iat": nil}},
		{"an hour long", "", map[string]any{"exp": time.Now().Unix() + 3590}},
		{"a clock that is 5 s ahead", "", map[string]any{"nbf": time.Now().Unix() + 5}},
	}
	for _, tt := range tests {
		if got := s.pushed(t, sign(t, s.key, tt.typ, s.claims(tt.changes))); got.Status != 201 {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
}

// Requirement: jar-none-never
func TestUnsignedRequestObjectsAreNotSupported(t *testing.T) {
	s := newSigner(t, servertest.Start(t, nil), model.ApplicationSettings{})
	payload, err := json.Marshal(s.claims(nil))
	servertest.Check(t, err)
	for _, head := range []string{`{"alg":"none"}`, `{"alg":"NONE","typ":"oauth-authz-req+jwt"}`} {
		object := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
		if got := s.pushed(t, object); got.Status != 400 || got.Text("error") != "request_not_supported" {
			t.Errorf("pushed: %d %s", got.Status, got.Body)
		}
		if got := s.direct(t, object).URL.Query(); got.Get("error") != "request_not_supported" {
			t.Errorf("direct: %v", got)
		}
	}
}

// RFC 9101, Section 10.1, and RFC 8725, Section 3.1.
//
// Requirement: jar-algorithm, profile-algorithms, profile-switch-alone
func TestARequestIsSignedByTheRegisteredAlgorithm(t *testing.T) {
	w := servertest.Start(t, nil)
	keys := map[string]*jose.PrivateKey{}
	var all []*jose.PrivateKey
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256} {
		keys[string(alg)] = newKey(t, alg)
		all = append(all, keys[string(alg)])
	}
	tests := []struct {
		registered string
		want       []string
	}{
		{"", []string{"ES256", "EdDSA", "PS256"}},
		{"ES256", []string{"ES256"}},
		{"RS256", []string{"RS256"}},
		{"EdDSA", []string{"EdDSA"}},
	}
	for _, tt := range tests {
		f := w.Flow(t, application.NewApplication{JWKS: publicKeys(all...), Settings: model.ApplicationSettings{RequestAlg: tt.registered}})
		for alg, key := range keys {
			s := signer{f, key}
			want := http.StatusBadRequest
			for _, ok := range tt.want {
				if ok == alg {
					want = http.StatusCreated
				}
			}
			if got := s.pushed(t, s.object(t, nil)); got.Status != want {
				t.Errorf("registered %q, signed with %s: %d %s", tt.registered, alg, got.Status, got.Body)
			}
		}
	}
}

// A key that names no algorithm is used with the registered one.
//
// Requirement: jar-algorithm
func TestAnRSAKeyWithoutAnAlgorithmTakesTheRegisteredOne(t *testing.T) {
	w := servertest.Start(t, nil)
	key := newKey(t, jose.PS256)
	var jwk map[string]any
	servertest.Check(t, json.Unmarshal(key.Public().JSON(), &jwk))
	delete(jwk, "alg")
	plain, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	servertest.Check(t, err)
	s := signer{w.Flow(t, application.NewApplication{JWKS: plain, Settings: model.ApplicationSettings{RequestAlg: "PS256"}}), key}
	if got := s.pushed(t, s.object(t, nil)); got.Status != 201 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// RFC 9101, Section 10.5; FAPI 2.0 Message Signing, Section 5.3.1. A person may
// take their time in between, and a pushed request stays signed.
//
// Requirement: profile-signed-request-required, jar-times, profile-switch-alone
func TestWhereSigningIsRequiredNothingElseWorks(t *testing.T) {
	s := newSigner(t, servertest.Start(t, nil), model.ApplicationSettings{RequireSigned: true})
	if got := s.Open(t).URL.Query(); got.Get("error") != "invalid_request" {
		t.Errorf("direct and unsigned: %v", got)
	}
	if got := push(t, s.Flow); got.Status != 400 || got.Text("error") != "invalid_request" {
		t.Errorf("pushed and unsigned: %d %s", got.Status, got.Body)
	}
	for _, missing := range []string{"nbf", "iss", "exp"} {
		if got := s.pushed(t, s.object(t, map[string]any{missing: nil})); got.Text("error") != "invalid_request_object" {
			t.Errorf("without %s: %d %s", missing, got.Status, got.Body)
		}
	}
	if page := s.direct(t, s.object(t, nil)); page.URL.Query().Get("code") == "" || page.Asked != 1 {
		t.Errorf("direct and signed, over sign-in and consent: %s", page.URL)
	}
	if page := openPushed(t, s.Flow, s.pushed(t, s.object(t, nil)).Text("request_uri")); page.URL.Query().Get("code") == "" {
		t.Errorf("pushed and signed: %s", page.URL)
	}
}

// The redirect URI outside a request object that is refused is believed no more
// than that of an unsigned request.
//
// Requirement: jar-verified, authorize-bad-redirect-page
func TestARefusedRequestObjectLeadsNowhereUnregistered(t *testing.T) {
	s := newSigner(t, servertest.Start(t, nil), model.ApplicationSettings{})
	page := s.direct(t, "a.b.c", "redirect_uri", "https://evil.example/")
	if page.Left || page.Status != http.StatusBadRequest || strings.Contains(page.Body, "evil.example") {
		t.Errorf("got %d %s\n%s", page.Status, page.URL, page.Body)
	}
}

// Requirement: jar-request-uri-ours
func TestARequestURIOfSomebodyElseIsNeverFetched(t *testing.T) {
	var fetched bool
	there := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched = true }))
	defer there.Close()
	w := servertest.Start(t, func(c *server.Config) { c.FetchAllow = []string{"127.0.0.1"} })
	f := w.Flow(t, application.NewApplication{})
	for _, uri := range []string{there.URL + "/request", "https://app.example/request", "urn:ietf:params:oauth:request_uri:made-up", "urn:x"} {
		page, err := f.Person.Authorize(t.Context(), w.URL+"/oauth/authorize?"+url.Values{"client_id": {f.App.ID}, "request_uri": {uri}}.Encode(), softperson.Choices{})
		servertest.Check(t, err)
		if got := page.URL.Query(); got.Get("error") != "request_uri_not_supported" && got.Get("error") != "invalid_request_uri" || got.Has("code") {
			t.Errorf("%s: %d %s", uri, page.Status, page.URL)
		}
	}
	if fetched {
		t.Error("it was fetched")
	}
}

// Whatever a client signs, the answer is a pushed request or an error of RFC
// 9126, Section 2.3.
//
// Requirement: limits-fuzz-request-object
func FuzzRequestObject(f *testing.F) {
	g := newTarget(f)
	key := newKey(f, jose.ES256)
	app := g.App(f, application.NewApplication{Kind: model.KindWeb, GrantTypes: []string{oauth.GrantCode, oauth.GrantCIBA}, JWKS: publicKeys(key),
		Scopes: []string{"openid", "read"}, Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback}}})
	s := signer{&servertest.Flow{World: g.World, App: app, Verifier: "v", Redirect: servertest.Callback}, key}
	good, err := json.Marshal(s.claims(nil))
	servertest.Check(f, err)
	for _, claims := range []string{string(good), `{}`, `[]`, `{"request":"a.b.c"}`, `{"exp":1e300,"aud":null}`, `{"aud":[` + `"x"]}`,
		`{"iss":1}`, `{"resource":[1]}`, `{"resource":"\u0000"}`, `{"exp":9999999999,"nbf":-1,"iat":1e18}`,
		strings.Replace(string(good), `"openid read"`, `{"a":[[[[]]]]}`, 1), strings.Replace(string(good), `"S256"`, "null", 1)} {
		f.Add(claims, "JWT", false)
		f.Add(claims, "oauth-authz-req+jwt", true)
	}
	f.Add("a.b.c", "", true)
	f.Fuzz(func(t *testing.T, claims, typ string, raw bool) {
		object := claims
		if !raw {
			if object, err = key.Sign(typ, []byte(claims)); err != nil {
				t.Skip()
			}
		}
		g.send(t, "/oauth/par", app.Form("request", object).Encode())
		g.send(t, "/oauth/bc-authorize", app.Form("request", object).Encode())
	})
}
