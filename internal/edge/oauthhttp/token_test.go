package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// claimsOf reads a token without verifying it.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	u, err := jose.Peek(token)
	servertest.Check(t, err)
	var c map[string]any
	servertest.Check(t, json.Unmarshal(u.Claims(), &c))
	return c
}

// RFC 6749, Section 4.4 and RFC 9068, Section 2.2.
//
// Requirement: access-token-jwt, cc-no-refresh, token-no-store
func TestClientCredentialsGiveAnAccessTokenOfRFC9068(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Scopes: []string{"a", "b"}, Resources: []string{"https://api.example"}})
	before := time.Now().Unix()
	got := w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials", "scope", "b"))
	if got.Status != http.StatusOK || got.Text("token_type") != "Bearer" || got.Text("scope") != "b" || got.JSON["expires_in"] != 300.0 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control = %q", got.Header.Get("Cache-Control"))
	}
	if got.JSON["refresh_token"] != nil || got.JSON["id_token"] != nil {
		t.Error("a refresh token or an ID token was issued")
	}
	u, err := jose.Peek(got.Text("access_token"))
	servertest.Check(t, err)
	if u.Header().Typ != "at+jwt" || u.Header().Alg != jose.ES256 || u.Header().KID == "" {
		t.Errorf("header = %+v", u.Header())
	}
	c := claimsOf(t, got.Text("access_token"))
	want := map[string]any{"iss": w.URL, "sub": app.ID, "aud": "https://api.example", "client_id": app.ID, "scope": "b"}
	for name, value := range want {
		if c[name] != value {
			t.Errorf("%s = %v, want %v", name, c[name], value)
		}
	}
	iat := int64(c["iat"].(float64))
	if iat < before || c["exp"].(float64) != c["iat"].(float64)+300 || !strings.HasPrefix(c["jti"].(string), "tok_") {
		t.Errorf("iat, exp, jti = %v, %v, %v", c["iat"], c["exp"], c["jti"])
	}
}

// Requirement: token-no-store, token-errors-json, token-unknown-grant-type, client-auth-401
func TestTokenEndpointRefuses(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Scopes: []string{"a"},
		Resources: []string{"https://api.example", "https://api.example/v1", "https://slash.example/"}})
	basicApp := w.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic, Scopes: []string{"a"}})
	noGrant := w.App(t, application.NewApplication{GrantTypes: []string{}})
	public := w.App(t, application.NewApplication{Kind: model.KindSPA, AuthMethod: model.AuthNone, GrantTypes: []string{}})
	with := func(v url.Values, name, value string) url.Values { v.Add(name, value); return v }
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(basicApp.ID+":"+basicApp.Secret))
	const cc = "client_credentials"
	tests := []struct {
		name    string
		form    url.Values
		headers []string
		status  int
		want    string
	}{
		{"no grant_type", app.Form(), nil, 400, "invalid_request"},
		{"unknown grant_type", app.Form("grant_type", "password"), nil, 400, "unsupported_grant_type"},
		{"grant_type not registered", noGrant.Form("grant_type", cc), nil, 400, "unauthorized_client"},
		// Requirement: cc-confidential-only
		{"public client", url.Values{"client_id": {public.ID}, "grant_type": {cc}}, nil, 400, "unauthorized_client"},
		{"no client", url.Values{"grant_type": {cc}}, nil, 401, "invalid_client"},
		{"unknown client", url.Values{"client_id": {"svc_x"}, "client_secret": {"x"}, "grant_type": {cc}}, nil, 401, "invalid_client"},
		{"wrong secret", url.Values{"client_id": {app.ID}, "client_secret": {"x"}, "grant_type": {cc}}, nil, 401, "invalid_client"},
		{"secret left out", url.Values{"client_id": {app.ID}, "grant_type": {cc}}, nil, 401, "invalid_client"},
		// Requirement: client-auth-registered-method
		{"post where basic is registered", basicApp.Form("grant_type", cc), nil, 401, "invalid_client"},
		// Requirement: client-auth-one-method
		{"two methods", basicApp.Form("grant_type", cc), []string{"Authorization", basic}, 400, "invalid_request"},
		{"client_id of another", url.Values{"client_id": {app.ID}, "grant_type": {cc}}, []string{"Authorization", basic}, 401, "invalid_client"},
		{"malformed basic", url.Values{"grant_type": {cc}}, []string{"Authorization", "Basic !!!"}, 401, "invalid_client"},
		{"a scope named twice", app.Form("grant_type", cc, "scope", "a a"), nil, 200, ""},
		{"grant_type twice", with(app.Form("grant_type", cc), "grant_type", cc), nil, 400, "invalid_request"},
		{"scope not registered", app.Form("grant_type", cc, "scope", "a admin"), nil, 400, "invalid_scope"},
		{"openid in one's own name", app.Form("grant_type", cc, "scope", "openid"), nil, 400, "invalid_scope"},
		// Requirement: resource-form
		{"resource not registered", app.Form("grant_type", cc, "resource", "https://other.example"), nil, 400, "invalid_target"},
		{"resource with a fragment", app.Form("grant_type", cc, "resource", "https://api.example#x"), nil, 400, "invalid_target"},
		{"relative resource", app.Form("grant_type", cc, "resource", "/v1"), nil, 400, "invalid_target"},
		// Requirement: resource-trailing-slash
		{"resource with a slash", app.Form("grant_type", cc, "resource", "https://api.example/"), nil, 200, ""},
		{"resource without its slash", app.Form("grant_type", cc, "resource", "https://slash.example"), nil, 200, ""},
		{"a slash behind a path", app.Form("grant_type", cc, "resource", "https://api.example/v1/"), nil, 400, "invalid_target"},
		{"details nobody approved", app.Form("grant_type", cc, "authorization_details", `[{"type":"assent_action"}]`), nil, 400, "invalid_authorization_details"},
		{"JSON body", nil, []string{"Content-Type", "application/json"}, 400, "invalid_request"},
		{"empty body", nil, nil, 401, "invalid_client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.Post(t, "/oauth/token", tt.form, tt.headers...)
			if got.Status != tt.status || got.Text("error") != tt.want {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
			if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers = %v", got.Header)
			}
			basicUsed := len(tt.headers) > 1 && strings.HasPrefix(tt.headers[1], "Basic")
			if challenged := got.Header.Get("WWW-Authenticate") != ""; challenged != (basicUsed && tt.want == "invalid_client") {
				t.Errorf("WWW-Authenticate = %q", got.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

// RFC 6749, Sections 2.3.1 and 3.2: nothing is read from the URL, where it
// would end in logs.
//
// Requirement: token-form-only, client-auth-post
func TestTheTokenEndpointTakesPostedFormsOnly(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Scopes: []string{"a"}})
	form := app.Form("grant_type", "client_credentials")
	secret := url.Values{"client_id": {app.ID}, "client_secret": {app.Secret}}
	rest := url.Values{"grant_type": {"client_credentials"}}
	twice := app.Form("grant_type", "client_credentials", "scope", "a")
	twice.Add("scope", "a")
	const path, encoded, asJSON = "/oauth/token", "application/x-www-form-urlencoded", `{"grant_type":"client_credentials"}`
	tests := []struct {
		name, method, path, contentType, body string
		status                                int
		want                                  string // "": granted
	}{
		{"a form", "POST", path, encoded, form.Encode(), 200, ""},
		{"a form with a charset", "POST", path, encoded + "; charset=UTF-8", form.Encode(), 200, ""},
		{"GET", "GET", path + "?" + form.Encode(), "", "", 405, "invalid_request"},
		{"all in the query", "POST", path + "?" + form.Encode(), encoded, "", 401, "invalid_client"},
		{"the secret in the query", "POST", path + "?" + secret.Encode(), encoded, rest.Encode(), 401, "invalid_client"},
		{"the grant type in the query", "POST", path + "?" + rest.Encode(), encoded, secret.Encode(), 400, "invalid_request"},
		{"JSON", "POST", path, "application/json", asJSON, 400, "invalid_request"},
		{"text", "POST", path, "text/plain", form.Encode(), 400, "invalid_request"},
		{"no type", "POST", path, "", form.Encode(), 400, "invalid_request"},
		{"a parameter twice", "POST", path, encoded, twice.Encode(), 400, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := servertest.Do(t, tt.method, w.URL+tt.path, strings.NewReader(tt.body), "Content-Type", tt.contentType)
			if got.Status != tt.status || got.Text("error") != tt.want {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
}

// RFC 6749, Section 2.3.1, and what clients in the field send.
//
// Requirement: client-auth-basic
func TestBasicCredentialsInTheFormsThatClientsSend(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic})
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, raw := range map[string]string{
		"plain":           app.ID + ":" + app.Secret,
		"percent-encoded": strings.ReplaceAll(app.ID, "_", "%5F") + ":" + strings.ReplaceAll(app.Secret, "-", "%2D"),
	} {
		for _, scheme := range []string{"Basic ", "basic ", "BASIC "} {
			got := w.Post(t, "/oauth/token", form, "Authorization", scheme+base64.StdEncoding.EncodeToString([]byte(raw)))
			if got.Status != http.StatusOK {
				t.Errorf("%s, %s: %d %s", name, scheme, got.Status, got.Body)
			}
		}
	}
}

// The answer must not tell an unknown client from a wrong secret.
//
// Requirement: client-auth-401, client-auth-uniform
func TestClientRefusalsAreOneAnswer(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	keyed := w.KeyApp(t, jose.ES256, application.NewApplication{})
	stranger := keyed
	stranger.ID = "svc_stranger"
	frozen := w.App(t, application.NewApplication{})
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(frozen.ID), model.ApplicationFrozen, "test"))
	const cc = "client_credentials"
	want := `{"error":"invalid_client","error_description":"client authentication failed"}`
	for name, form := range map[string]url.Values{
		"unknown":           {"client_id": {"svc_x"}, "client_secret": {"x"}, "grant_type": {cc}},
		"wrong secret":      {"client_id": {app.ID}, "client_secret": {"x"}, "grant_type": {cc}},
		"unknown assertion": stranger.AssertionForm(t, w.URL, nil, "grant_type", cc),
		"bad assertion":     keyed.AssertionForm(t, "https://other.example", nil, "grant_type", cc),
		"frozen":            frozen.Form("grant_type", cc),
	} {
		if got := w.Post(t, "/oauth/token", form); got.Status != 401 || string(got.Body) != want {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

func TestAFrozenApplicationGetsNothingUntilItIsThawed(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	form := app.Form("grant_type", "client_credentials")
	for _, step := range []struct {
		status model.ApplicationStatus
		want   int
	}{{model.ApplicationActive, 200}, {model.ApplicationFrozen, 401}, {model.ApplicationDisabled, 401}, {model.ApplicationActive, 200}} {
		servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(app.ID), step.status, "test"))
		if got := w.Post(t, "/oauth/token", form); got.Status != step.want {
			t.Errorf("%s: %d, want %d", step.status, got.Status, step.want)
		}
	}
}

func TestMalformedBodiesAreRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	for name, body := range map[string]string{
		"broken escape":       "grant_type=%zz",
		"semicolons":          "grant_type=client_credentials;scope=a",
		"too large":           "grant_type=" + strings.Repeat("a", 70_000),
		"too many parameters": strings.Repeat("a&", 10) + manyParameters(),
	} {
		got := servertest.Do(t, http.MethodPost, w.URL+"/oauth/token", strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded")
		if got.Status != 400 || got.Text("error") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

func manyParameters() string {
	v := url.Values{}
	for i := range 101 {
		v.Set(strconv.Itoa(i), "x")
	}
	return v.Encode()
}
