package oauthhttp_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/sdk/evidence"
)

const callback = "https://app.example/callback"

// registrar is a server whose default realm lets anybody register, and which may
// fetch from this machine.
func registrar(t *testing.T) *servertest.World { t.Helper(); return servertest.Start(t, offering) }

// about is metadata: name, value pairs over those of a plain web application.
func about(pairs ...any) map[string]any {
	m := map[string]any{"redirect_uris": []string{callback}}
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		if m[name] = pairs[i+1]; pairs[i+1] == nil {
			delete(m, name)
		}
	}
	return m
}

// sendJSON sends metadata with a token, or without one.
func sendJSON(t *testing.T, method, target, token string, m any) servertest.Answer {
	t.Helper()
	body, err := json.Marshal(m)
	servertest.Check(t, err)
	headers := []string{"Content-Type", "application/json"}
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return servertest.Do(t, method, target, strings.NewReader(string(body)), headers...)
}

func register(t *testing.T, w *servertest.World, m map[string]any) servertest.Answer {
	t.Helper()
	return sendJSON(t, http.MethodPost, w.URL+"/oauth/register", "", m)
}

// registered registers and fails the test if that is refused.
func registered(t *testing.T, w *servertest.World, m map[string]any) servertest.Answer {
	t.Helper()
	got := register(t, w, m)
	if got.Status != 201 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	return got
}

func publicJWK(t *testing.T, alg jose.Alg) json.RawMessage {
	t.Helper()
	k, err := jose.Generate(alg)
	servertest.Check(t, err)
	return k.Public().JSON()
}

// Requirement: register-answer, register-unknown-metadata
func TestRegistrationAnswersWhatIsRegistered(t *testing.T) {
	w := registrar(t)
	jwks := map[string]any{"keys": []any{publicJWK(t, jose.ES256)}}
	sent := about("client_name", "Notes", "grant_types", []string{"authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"},
		"response_types", []string{"code"}, "token_endpoint_auth_method", "private_key_jwt", "token_endpoint_auth_signing_alg", "ES256", "jwks", jwks,
		"application_type", "web", "subject_type", "public", "scope", "openid notes:read", "contacts", []string{"ops@app.example"},
		"client_uri", "https://app.example/", "logo_uri", "https://app.example/logo.png", "policy_uri", "https://app.example/privacy", "tos_uri", "https://app.example/terms",
		"id_token_signed_response_alg", "ES256", "userinfo_signed_response_alg", "PS256", "introspection_signed_response_alg", "EdDSA",
		"authorization_signed_response_alg", "RS256", "request_object_signing_alg", "ES256", "require_signed_request_object", true,
		"require_pushed_authorization_requests", true, "dpop_bound_access_tokens", true, "default_max_age", 3600, "require_auth_time", true,
		"default_acr_values", []string{"phr"}, "initiate_login_uri", "https://app.example/login", "post_logout_redirect_uris", []string{"https://app.example/bye"},
		"backchannel_logout_uri", "https://app.example/logout/back", "backchannel_logout_session_required", true,
		"frontchannel_logout_uri", "https://app.example/logout/front", "frontchannel_logout_session_required", true,
		"backchannel_token_delivery_mode", "ping", "backchannel_client_notification_endpoint", "https://app.example/ping",
		"backchannel_authentication_request_signing_alg", "ES256", "authorization_details_types", []string{"assent_action"},
		"software_id", "4NRB1-0XZABZI9E6-5SM3R", "software_version", "2.1")
	asked := about()
	for name, value := range sent {
		asked[name] = value
	}
	asked["favourite_colour"], asked["client_name#de"], asked["Client_URI"], asked["client_id"] = "blue", "Notizen", "https://evil.example/", "mine"
	before := time.Now().Unix()
	got := registered(t, w, asked)
	id := got.Text("client_id")
	if got.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(id, "app_") || len(got.Text("registration_access_token")) < 43 ||
		got.Text("registration_client_uri") != w.URL+"/oauth/register/"+id || got.JSON["client_secret"] != nil {
		t.Errorf("got %v %s", got.Header, got.Body)
	}
	if at, _ := got.JSON["client_id_issued_at"].(float64); int64(at) < before || int64(at) > time.Now().Unix() {
		t.Errorf("client_id_issued_at = %v", at)
	}
	for _, name := range []string{"client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri"} {
		delete(got.JSON, name)
	}
	if diff := cmp.Diff(plain(t, sent), got.JSON); diff != "" {
		t.Error(diff)
	}
}

// plain is what a value is once it was JSON.
func plain(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	servertest.Check(t, err)
	var m map[string]any
	servertest.Check(t, json.Unmarshal(text, &m))
	return m
}

// Requirement: register-answer, register-empty-uris
func TestARegistrationThatSaysLittleGetsTheDefaults(t *testing.T) {
	w := registrar(t)
	got := registered(t, w, about("client_uri", "", "logo_uri", "", "jwks_uri", "", "tos_uri", nil, "post_logout_redirect_uris", []string{""},
		"redirect_uris", []string{callback, "", callback}, "backchannel_logout_uri", "", "initiate_login_uri", "", "contacts", nil, "policy_uri", json.RawMessage("null")))
	secret := got.Text("client_secret")
	if len(secret) < 43 || got.JSON["client_secret_expires_at"] != 0.0 {
		t.Errorf("got %s", got.Body)
	}
	for _, name := range []string{"client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at", "registration_access_token", "registration_client_uri"} {
		delete(got.JSON, name)
	}
	want := map[string]any{"redirect_uris": []any{callback}, "token_endpoint_auth_method": "client_secret_basic", "grant_types": []any{"authorization_code"},
		"response_types": []any{"code"}, "client_name": "app.example", "application_type": "web", "subject_type": "public", "id_token_signed_response_alg": "RS256"}
	if diff := cmp.Diff(want, got.JSON); diff != "" {
		t.Error(diff)
	}
}

// Requirement: profile-registered-default
func TestTheProfileOfARegisteredClientFollowsItsMethod(t *testing.T) {
	w := registrar(t)
	for method, want := range map[string]model.Profile{"client_secret_basic": model.ProfileOIDC, "client_secret_post": model.ProfileOIDC, "none": model.ProfileOAuth21} {
		got := registered(t, w, about("token_endpoint_auth_method", method, "grant_types", []string{"authorization_code", "refresh_token"}))
		c, err := w.Server.Applications.Get(t.Context(), w.Site, model.ClientID(got.Text("client_id")))
		servertest.Check(t, err)
		if c.Settings.Profile != want || c.Settings.OptionalPKCE != (method != "none") || c.Settings.Refresh != model.RefreshRotate || c.Settings.Origin != model.OriginDynamic {
			t.Errorf("%s: %+v", method, c.Settings)
		}
		// A plain relying party needs no PKCE, a public client does.
		answer := browserOf(nil).open(t, w.URL+"/oauth/authorize?response_type=code&scope=openid&client_id="+got.Text("client_id"))
		refused := answer.location != nil && answer.location.Query().Get("error") == "invalid_request"
		if refused != (method == "none") {
			t.Errorf("%s without PKCE: %d %v", method, answer.status, answer.location)
		}
	}
}

// A realm says who may register: nobody, who brings a token, or anybody.
//
// Requirement: register-modes
func TestARealmSaysWhoMayRegister(t *testing.T) {
	w := servertest.Start(t, nil)
	site := func(name string, mode model.RegistrationMode) *model.Site {
		s, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: name, Policy: model.RealmPolicy{Registration: model.RegistrationPolicy{Mode: mode}}})
		servertest.Check(t, err)
		return s
	}
	off, open, token := site("off", ""), site("open", model.RegistrationOpen), site("token", model.RegistrationToken)
	initial := func(s *model.Site, uses int) string {
		text, err := w.Server.Applications.NewInitialToken(s, uses, time.Hour)
		servertest.Check(t, err)
		return text
	}
	good := initial(token, 2)
	for _, tt := range []struct {
		name, token string
		at          *model.Site
		status      int
		code        string
	}{
		{"off", "", off, 403, "access_denied"},
		{"off, with a token", initial(off, 1), off, 403, "access_denied"},
		{"open", "", open, 201, ""},
		{"open, with a token", initial(open, 1), open, 201, ""},
		{"open, with a bad token", "x", open, 401, "invalid_token"},
		{"no token", "", token, 401, ""},
		{"a bad token", "x", token, 401, "invalid_token"},
		{"another realm's token", initial(open, 1), token, 401, "invalid_token"},
		{"the first use", good, token, 201, ""},
		{"the second use", good, token, 201, ""},
		{"one use too many", good, token, 401, "invalid_token"},
	} {
		got := sendJSON(t, http.MethodPost, tt.at.Issuer+"/oauth/register", tt.token, about())
		if got.Status != tt.status || got.Text("error") != tt.code {
			t.Errorf("%s: got %d %s", tt.name, got.Status, got.Body)
		}
		if challenge := got.Header.Get("WWW-Authenticate"); (tt.status == 401) != strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s: WWW-Authenticate %q", tt.name, challenge)
		}
	}
}

// A token that is refused registers nobody, and costs no use.
//
// Requirement: register-modes
func TestABadRegistrationCostsNoUseOfAToken(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.Registration.Mode = model.RegistrationToken })
	token, err := w.Server.Applications.NewInitialToken(w.Site, 1, time.Hour)
	servertest.Check(t, err)
	if got := sendJSON(t, http.MethodPost, w.URL+"/oauth/register", token, about("redirect_uris", []string{"x"})); got.Text("error") != "invalid_redirect_uri" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := sendJSON(t, http.MethodPost, w.URL+"/oauth/register", token, about()); got.Status != 201 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Requirement: register-modes
func TestOf32UsesOfOneInitialTokenOneWins(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.Registration.Mode = model.RegistrationToken })
	token, err := w.Server.Applications.NewInitialToken(w.Site, 1, time.Hour)
	servertest.Check(t, err)
	var won, lost atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			switch got := sendJSON(t, http.MethodPost, w.URL+"/oauth/register", token, about()); {
			case got.Status == 201:
				won.Add(1)
			case got.Status == 401 && got.Text("error") == "invalid_token":
				lost.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d registered, %d were refused", won.Load(), lost.Load())
	}
}

// Requirement: register-modes
func TestAnInitialTokenEnds(t *testing.T) {
	clock := &servertest.Clock{}
	w := servertest.Start(t, func(c *server.Config) {
		c.Now, c.DefaultPolicy.Registration.Mode = clock.Now, model.RegistrationToken
	})
	token, err := w.Server.Applications.NewInitialToken(w.Site, 5, time.Hour)
	servertest.Check(t, err)
	for turned, want := range []int{201, 401} {
		clock.Turn(time.Duration(turned) * time.Hour)
		if got := sendJSON(t, http.MethodPost, w.URL+"/oauth/register", token, about()); got.Status != want {
			t.Errorf("after %d h: %d %s", turned, got.Status, got.Body)
		}
	}
}

// Who registers without anybody's leave gets no tokens for it alone: a person
// has to agree. Who was let in may have them.
//
// Requirement: register-modes
func TestGrantsWithoutAPersonNeedAnInitialToken(t *testing.T) {
	w := registrar(t)
	token, err := w.Server.Applications.NewInitialToken(w.Site, 1, time.Hour)
	servertest.Check(t, err)
	asked := about("grant_types", []string{"client_credentials"}, "redirect_uris", nil, "token_endpoint_auth_method", "client_secret_post")
	if got := register(t, w, asked); got.Status != 400 || got.Text("error") != "invalid_client_metadata" {
		t.Errorf("without: %d %s", got.Status, got.Body)
	}
	got := sendJSON(t, http.MethodPost, w.URL+"/oauth/register", token, asked)
	if got.Status != 201 || got.JSON["response_types"] != nil {
		t.Fatalf("with: %d %s", got.Status, got.Body)
	}
	app := servertest.App{ID: got.Text("client_id"), Secret: got.Text("client_secret")}
	if got := w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials")); got.Status != 200 {
		t.Errorf("token: %d %s", got.Status, got.Body)
	}
	// What it has it keeps when it changes its registration.
	asked["client_id"], asked["client_name"] = app.ID, "Robot"
	if got := sendJSON(t, http.MethodPut, w.URL+"/oauth/register/"+app.ID, got.Text("registration_access_token"), asked); got.Status != 200 || got.Text("client_name") != "Robot" {
		t.Errorf("changed: %d %s", got.Status, got.Body)
	}
}

// Nobody makes a scope up by registering for it.
//
// Requirement: register-answer
func TestARegistrationGetsScopesThatTheRealmOffers(t *testing.T) {
	w := registrar(t)
	got := registered(t, w, about("scope", "openid notes:write everything:delete offline_access"))
	if got.Text("scope") != "openid notes:write offline_access" {
		t.Errorf("scope = %q", got.Text("scope"))
	}
}

// Requirement: register-read, register-update
func TestARegistrationCanBeReadAndReplaced(t *testing.T) {
	w := registrar(t)
	first := registered(t, w, about("client_name", "Notes", "client_uri", "https://app.example/", "token_endpoint_auth_method", "client_secret_post"))
	id, token, secret := first.Text("client_id"), first.Text("registration_access_token"), first.Text("client_secret")
	uri := first.Text("registration_client_uri")
	read := sendJSON(t, http.MethodGet, uri, token, nil)
	delete(first.JSON, "client_secret") // nobody can read it again
	if diff := cmp.Diff(first.JSON, read.JSON); read.Status != 200 || diff != "" {
		t.Errorf("read: %d %s", read.Status, diff)
	}
	// What is not sent is gone, the secret stays.
	changed := sendJSON(t, http.MethodPut, uri, token, about("client_id", id, "client_secret", secret, "redirect_uris", []string{"https://app.example/other"},
		"token_endpoint_auth_method", "client_secret_post", "registration_access_token", token))
	if changed.Status != 200 || changed.Text("client_name") != "app.example" || changed.JSON["client_uri"] != nil || changed.JSON["client_secret"] != nil ||
		changed.Text("client_id") != id || changed.Text("registration_access_token") != token {
		t.Errorf("changed: %d %s", changed.Status, changed.Body)
	}
	again := sendJSON(t, http.MethodGet, uri, token, nil)
	if diff := cmp.Diff(changed.JSON, again.JSON); diff != "" {
		t.Error(diff)
	}
	app := servertest.App{ID: id, Secret: secret}
	if got := w.Post(t, "/oauth/revoke", app.Form("token", "x")); got.Status != 200 {
		t.Errorf("the secret: %d %s", got.Status, got.Body)
	}
	for target, want := range map[string]int{"https://app.example/other": 303, callback: 400} {
		got := browserOf(nil).open(t, w.URL+"/oauth/authorize?response_type=code&client_id="+id+"&redirect_uri="+target)
		if got.status != want {
			t.Errorf("redirect to %s: %d", target, got.status)
		}
	}
}

// A change that is refused changes nothing.
//
// Requirement: register-update
func TestAReplacementMustNameItsOwnClient(t *testing.T) {
	w := registrar(t)
	first, other := registered(t, w, about()), registered(t, w, about())
	uri, token := first.Text("registration_client_uri"), first.Text("registration_access_token")
	before := sendJSON(t, http.MethodGet, uri, token, nil)
	id := first.Text("client_id")
	for name, m := range map[string]map[string]any{
		"no client_id":           about(),
		"another client_id":      about("client_id", other.Text("client_id")),
		"a client_id as a list":  about("client_id", []string{id}),
		"another client_secret":  about("client_id", id, "client_secret", other.Text("client_secret")),
		"an empty client_secret": about("client_id", id, "client_secret", ""),
		"a bad redirect URI":     about("client_id", id, "redirect_uris", []string{"http://app.example/"}),
		"contradictions":         about("client_id", id, "grant_types", []string{"refresh_token"}),
	} {
		if got := sendJSON(t, http.MethodPut, uri, token, m); got.Status != 400 || got.Text("error") == "" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if after := sendJSON(t, http.MethodGet, uri, token, nil); string(after.Body) != string(before.Body) {
		t.Errorf("changed to %s", after.Body)
	}
}

// A client that changes its way to authenticate gets a secret, or loses it.
//
// Requirement: register-update
func TestASecretComesAndGoesWithTheMethod(t *testing.T) {
	w := registrar(t)
	first := registered(t, w, about("token_endpoint_auth_method", "none"))
	uri, token, id := first.Text("registration_client_uri"), first.Text("registration_access_token"), first.Text("client_id")
	given := sendJSON(t, http.MethodPut, uri, token, about("client_id", id, "token_endpoint_auth_method", "client_secret_post"))
	app := servertest.App{ID: id, Secret: given.Text("client_secret")}
	if got := w.Post(t, "/oauth/revoke", app.Form("token", "x")); got.Status != 200 || given.JSON["client_secret_expires_at"] != 0.0 {
		t.Errorf("with its secret: %d %s", got.Status, given.Body)
	}
	taken := sendJSON(t, http.MethodPut, uri, token, about("client_id", id, "token_endpoint_auth_method", "none"))
	if taken.Status != 200 || taken.JSON["client_secret_expires_at"] != nil {
		t.Errorf("got %d %s", taken.Status, taken.Body)
	}
	if got := w.Post(t, "/oauth/revoke", app.Form("token", "x")); got.Status != 401 {
		t.Errorf("with the secret that it had: %d %s", got.Status, got.Body)
	}
}

// What an operator decided about a client stays when the client changes what it
// says of itself.
//
// Requirement: register-update
func TestAClientDoesNotUndoWhatAnOperatorDecided(t *testing.T) {
	w := registrar(t)
	first := registered(t, w, about("jwks", map[string]any{"keys": []any{publicJWK(t, jose.ES256)}}, "token_endpoint_auth_method", "private_key_jwt"))
	id := model.ClientID(first.Text("client_id"))
	servertest.Check(t, w.Server.Applications.Configure(t.Context(), w.Site, id, "operator", func(s *model.ApplicationSettings) {
		s.TokenLifetime, s.OpaqueTokens, s.FirstParty, s.OptionalPKCE = 60, true, true, false
	}))
	got := sendJSON(t, http.MethodPut, first.Text("registration_client_uri"), first.Text("registration_access_token"),
		about("client_id", id, "token_endpoint_auth_method", "client_secret_basic"))
	c, err := w.Server.Applications.Get(t.Context(), w.Site, id)
	servertest.Check(t, err)
	if s := c.Settings; got.Status != 200 || s.TokenLifetime != 60 || !s.OpaqueTokens || !s.FirstParty || s.OptionalPKCE || s.AuthMethod != model.AuthClientSecretBasic {
		t.Errorf("got %d %+v", got.Status, s)
	}
}

// A registration access token changes what the client says of itself, and loosens
// nothing.
//
// Requirement: register-update
func TestAClientDoesNotLoosenWhatAnOperatorTightened(t *testing.T) {
	w := registrar(t)
	first := registered(t, w, about("scope", "openid notes:read notes:write"))
	id, uri, token := model.ClientID(first.Text("client_id")), first.Text("registration_client_uri"), first.Text("registration_access_token")
	servertest.Check(t, w.Server.Applications.Configure(t.Context(), w.Site, id, "operator", func(s *model.ApplicationSettings) {
		s.AnyScope, s.Scopes, s.DetailsTypes = false, []string{"openid", "notes:read"}, []string{"assent_action"}
		s.Sender, s.RequirePAR, s.RequireSigned, s.RequireSignedCIBA = model.SenderDPoP, true, true, true
		s.StrictAudience, s.Refresh = true, model.RefreshNone
	}))
	now := func() *model.ApplicationSettings {
		c, err := w.Server.Applications.Get(t.Context(), w.Site, id)
		servertest.Check(t, err)
		return &c.Settings
	}
	for _, tt := range []struct {
		scope any
		want  []string
	}{
		{"openid notes:write notes:read", []string{"openid", "notes:read"}}, {nil, []string{"openid", "notes:read"}},
		{"notes:write notes:read", []string{"notes:read"}}, {"openid notes:read", []string{"notes:read"}},
	} {
		got := sendJSON(t, http.MethodPut, uri, token, about("client_id", id, "scope", tt.scope, "dpop_bound_access_tokens", false,
			"require_pushed_authorization_requests", false, "require_signed_request_object", false, "authorization_details_types", []string{"payment"}))
		if s := now(); got.Status != 200 || s.AnyScope || !slices.Equal(s.Scopes, tt.want) || !slices.Equal(s.DetailsTypes, []string{"assent_action"}) {
			t.Errorf("scope %v: %d %s", tt.scope, got.Status, got.Body)
		}
		if s := now(); s.Sender != model.SenderDPoP || !s.RequirePAR || !s.RequireSigned || !s.RequireSignedCIBA || !s.StrictAudience ||
			s.Refresh != model.RefreshNone {
			t.Errorf("loosened: %+v", s)
		}
	}
}

// The answer to a wrong token is the same bytes whatever there is.
//
// Requirement: register-token-only
func TestARegistrationTokenIsForItsClientAlone(t *testing.T) {
	w := registrar(t)
	mine, other := registered(t, w, about()), registered(t, w, about())
	operators := w.App(t, application.NewApplication{})
	acme, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme"})
	servertest.Check(t, err)
	token := mine.Text("registration_access_token")
	bodies := map[string]bool{}
	for _, tt := range []struct{ name, uri, token string }{
		{"another client's token", mine.Text("registration_client_uri"), other.Text("registration_access_token")},
		{"a wrong token", mine.Text("registration_client_uri"), "x"},
		{"an unknown client", w.URL + "/oauth/register/app_unknown", token},
		{"an operator's client", w.URL + "/oauth/register/" + operators.ID, token},
		{"another realm", acme.Issuer + "/oauth/register/" + mine.Text("client_id"), token},
		{"bytes that are no id", w.URL + "/oauth/register/%00%ff", token},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			got := sendJSON(t, method, tt.uri, tt.token, about("client_id", mine.Text("client_id")))
			if got.Status != 401 || got.Text("error") != "invalid_token" || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
				t.Errorf("%s, %s: %d %s", method, tt.name, got.Status, got.Body)
			}
			bodies[string(got.Body)] = true
		}
	}
	if len(bodies) != 1 {
		t.Errorf("the answers differ: %v", bodies)
	}
	if got := servertest.Do(t, http.MethodGet, mine.Text("registration_client_uri"), nil); got.Status != 401 || got.Header.Get("WWW-Authenticate") != "Bearer" || len(got.Body) > 0 {
		t.Errorf("no token: %d %v %s", got.Status, got.Header, got.Body)
	}
	if got := sendJSON(t, http.MethodGet, mine.Text("registration_client_uri"), token, nil); got.Status != 200 {
		t.Errorf("its own token: %d %s", got.Status, got.Body)
	}
}

// Requirement: register-token-only
func TestAStoppedClientCannotManageItself(t *testing.T) {
	w := registrar(t)
	mine := registered(t, w, about())
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(mine.Text("client_id")), model.ApplicationFrozen, "operator"))
	if got := sendJSON(t, http.MethodDelete, mine.Text("registration_client_uri"), mine.Text("registration_access_token"), nil); got.Status != 401 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Requirement: register-delete, register-deleted-401, mcp-register-again
func TestAClientThatUnregistersIsGoneWithItsTokens(t *testing.T) {
	w := registrar(t)
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) { p.AskAnyone = true }, "operator"))
	mine := registered(t, w, about("redirect_uris", nil, "grant_types", []string{"urn:openid:params:grant-type:ciba"}, "token_endpoint_auth_method", "client_secret_post"))
	app := servertest.App{ID: mine.Text("client_id"), Secret: mine.Text("client_secret")}
	person, _ := w.Person(t, "alex")
	question := ask(t, w, app, "login_hint", "alex", "scope", "openid")
	_, err := person.Decide(t.Context(), question.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	access := poll(t, w, app, question.Text("auth_req_id")).Text("access_token")
	userinfo := func() int { return w.Get(t, "/userinfo", "Authorization", "Bearer "+access).Status }
	if got := userinfo(); got != 200 {
		t.Fatalf("userinfo before: %d", got)
	}
	uri, token := mine.Text("registration_client_uri"), mine.Text("registration_access_token")
	if got := servertest.Do(t, http.MethodDelete, uri, nil, "Authorization", "bearer "+token); got.Status != 204 || len(got.Body) != 0 || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v %s", got.Status, got.Header, got.Body)
	}
	if got := userinfo(); got != 401 {
		t.Errorf("userinfo after: %d", got)
	}
	events, err := w.Server.Audit.Page(t.Context(), w.Site, "", 100)
	servertest.Check(t, err)
	for _, kind := range []string{"application.registered", "application.grants_revoked", "application.deleted"} {
		if count(events, kind) != 1 {
			t.Errorf("%d events %s", count(events, kind), kind)
		}
	}
	for _, path := range []string{"/oauth/token", "/oauth/bc-authorize", "/oauth/introspect", "/oauth/revoke", "/oauth/par"} {
		got := w.Post(t, path, app.Form("grant_type", "client_credentials", "login_hint", "alex", "token", access))
		if got.Status != 401 || got.Text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if got := sendJSON(t, http.MethodGet, uri, token, nil); got.Status != 401 || got.Text("error") != "invalid_token" {
		t.Errorf("read after: %d %s", got.Status, got.Body)
	}
	if again := registered(t, w, about()); again.Text("client_id") == app.ID {
		t.Error("an id came back")
	}
}

// Requirement: register-answer
func TestOnlyJSONIsARegistration(t *testing.T) {
	w := registrar(t)
	for _, tt := range []struct{ name, contentType, body, want string }{
		{"a form", "application/x-www-form-urlencoded", "redirect_uris=x", "invalid_request"},
		{"no type", "", `{}`, "invalid_request"},
		{"nothing", "application/json", "", "invalid_client_metadata"},
		{"a list", "application/json", "[]", "invalid_client_metadata"},
		{"null", "application/json", "null", "invalid_client_metadata"},
		{"a member twice", "application/json", `{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}`, "invalid_client_metadata"},
		{"more after it", "application/json", `{"redirect_uris":["https://a.example/"]}{}`, "invalid_client_metadata"},
		{"more than 64 kB", "application/json", `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, "invalid_client_metadata"},
		{"with a charset", "application/json; charset=utf-8", `{"redirect_uris":["https://a.example/"]}`, ""},
	} {
		got := servertest.Do(t, http.MethodPost, w.URL+"/oauth/register", strings.NewReader(tt.body), "Content-Type", tt.contentType)
		if got.Text("error") != tt.want || !slices.Contains([]int{201, 400}, got.Status) {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
}
