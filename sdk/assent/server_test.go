package assent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/sdk/assent"
)

const (
	apiURI = "https://api.example"
	dbURI  = "https://db.example"
)

// A wire carries requests to a real server and remembers their forms by path.
type wire struct {
	mu    sync.Mutex
	forms map[string][]url.Values
	cut   bool // nothing arrives
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	form, _ := url.ParseQuery(string(body))
	w.mu.Lock()
	if w.forms == nil {
		w.forms = map[string][]url.Values{}
	}
	w.forms[r.URL.Path] = append(w.forms[r.URL.Path], form)
	cut := w.cut
	w.mu.Unlock()
	if cut {
		return nil, errNetwork
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (w *wire) sent(path string) []url.Values {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forms[path]
}

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

// clientOf is a client of a registered application.
func clientOf(t *testing.T, w *servertest.World, app servertest.App, change ...func(*assent.Config)) (*assent.Client, *wire) {
	t.Helper()
	out := &wire{}
	cfg := assent.Config{Issuer: w.Site.Issuer, ClientID: app.ID, ClientSecret: app.Secret, HTTPClient: &http.Client{Transport: out}}
	if app.Key != nil {
		var err error
		cfg.ClientSecret = ""
		cfg.Key, err = app.Key.MarshalPrivate()
		check(t, err)
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := assent.NewClient(t.Context(), cfg)
	check(t, err)
	return c, out
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("this never came: " + what)
		}
	}
}

// claimsOf are those of a token, unverified.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	u, err := jose.Peek(token)
	check(t, err)
	var c map[string]any
	check(t, json.Unmarshal(u.Claims(), &c))
	return c
}

// serviceApp is what the services of these tests are registered with.
func serviceApp(name string, resources ...string) application.NewApplication {
	return application.NewApplication{Name: name, Scopes: []string{"read", "write", "payments:write"}, Resources: resources,
		AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantExchange, oauth.GrantCIBA}}
}

// RFC 7523, Section 3: an assertion is for one request.
//
// Requirement: client-authentication
func TestEveryWayToAuthenticateGetsTokensAndAnAssertionIsSentOnce(t *testing.T) {
	w := servertest.Start(t, nil)
	secret, key := serviceApp("Secret", apiURI), serviceApp("Key", apiURI)
	for name, app := range map[string]servertest.App{
		"secret": w.App(t, secret), "ES256": w.KeyApp(t, jose.ES256, key), "EdDSA": w.KeyApp(t, jose.EdDSA, key),
	} {
		c, out := clientOf(t, w, app)
		for _, scope := range []string{"read", "write", "read"} {
			got, err := c.Token(t.Context(), assent.TokenRequest{Scope: scope, Resource: []string{apiURI}})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			cl := claimsOf(t, got.Token)
			if cl["aud"] != apiURI || cl["scope"] != scope || cl["sub"] != app.ID || got.Scope != scope || time.Until(got.ExpiresAt) < time.Minute {
				t.Errorf("%s: got %+v of %v", name, got, cl)
			}
		}
		out.setCut(true)
		if _, err := c.Token(t.Context(), assent.TokenRequest{}); !errors.Is(err, assent.ErrUnreachable) {
			t.Errorf("%s: a lost request: %v", name, err)
		}
		out.setCut(false)
		own(t, c, assent.TokenRequest{})
		assertions := map[string]bool{}
		for _, form := range out.sent("/oauth/token") {
			assertions[form.Get("client_assertion")] = true
		}
		if n := len(out.sent("/oauth/token")); n != 4 || app.Key != nil && len(assertions) != 4 {
			t.Errorf("%s: %d token requests with %d assertions", name, n, len(assertions))
		}
	}
}

// Requirement: client-token-one-flight
func TestAHundredCallersAreOneRequestToTheServer(t *testing.T) {
	w := servertest.Start(t, nil)
	c, out := clientOf(t, w, w.KeyApp(t, jose.ES256, serviceApp("Busy")), func(c *assent.Config) { c.Lazy = true })
	tokens := make(chan string, 100)
	for range cap(tokens) {
		go func() {
			got, err := c.Token(t.Context(), assent.TokenRequest{Scope: "read"})
			if err != nil {
				t.Error(err)
				got = &assent.AccessToken{}
			}
			tokens <- got.Token
		}()
	}
	first := <-tokens
	for range cap(tokens) - 1 {
		if another := <-tokens; another != first {
			t.Error("another token")
		}
	}
	for _, path := range []string{"/oauth/token", "/.well-known/openid-configuration"} {
		if n := len(out.sent(path)); n != 1 {
			t.Errorf("%d requests to %s", n, path)
		}
	}
}

// Requirement: client-token-early
func TestTheServersTokenIsRenewedInTheBackground(t *testing.T) {
	var clock servertest.Clock
	w := servertest.Start(t, func(c *server.Config) { c.Now = clock.Now })
	c, out := clientOf(t, w, w.KeyApp(t, jose.ES256, serviceApp("Early")), func(c *assent.Config) { c.Now = clock.Now })
	first := own(t, c, assent.TokenRequest{})
	clock.Turn(200 * time.Second)
	if again := own(t, c, assent.TokenRequest{}); again != first || len(out.sent("/oauth/token")) != 1 {
		t.Error("a token in the middle of its life was not kept")
	}
	clock.Turn(45 * time.Second)
	if own(t, c, assent.TokenRequest{}) != first {
		t.Error("somebody waited for the new token")
	}
	eventually(t, "a new token", func() bool { return own(t, c, assent.TokenRequest{}) != first })
	if n := len(out.sent("/oauth/token")); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

func wantRefusal(t *testing.T, what string, err error, code string) {
	t.Helper()
	refused, ok := errors.AsType[*assent.ServerError](err)
	if !errors.Is(err, assent.ErrInvalid) || !ok || refused.Code != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

// Requirement: client-refusals
func TestRefusalsOfTokensAreNamed(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, serviceApp("Service", apiURI))
	c, _ := clientOf(t, w, app)
	_, err := c.Token(t.Context(), assent.TokenRequest{Scope: "admin"})
	wantRefusal(t, "a scope that it does not have", err, "invalid_scope")
	_, err = c.Token(t.Context(), assent.TokenRequest{Resource: []string{"https://other.example"}})
	wantRefusal(t, "a resource that it does not have", err, "invalid_target")
	app.Secret = "wrong"
	c, _ = clientOf(t, w, app)
	_, err = c.Token(t.Context(), assent.TokenRequest{})
	wantRefusal(t, "a wrong secret", err, "invalid_client")
	_, err = c.Exchange(t.Context(), assent.ExchangeRequest{SubjectToken: "x"})
	wantRefusal(t, "a wrong secret for an exchange", err, "invalid_client")
	_, err = c.Introspect(t.Context(), "x")
	wantRefusal(t, "a wrong secret for an introspection", err, "invalid_client")
	nobody, _ := clientOf(t, w, app, func(c *assent.Config) { c.ClientSecret = "" })
	_, ofToken := nobody.Token(t.Context(), assent.TokenRequest{})
	_, ofExchange := nobody.Exchange(t.Context(), assent.ExchangeRequest{SubjectToken: "x"})
	_, ofIntrospect := nobody.Introspect(t.Context(), "x")
	if ofToken == nil || ofExchange == nil || ofIntrospect == nil {
		t.Error("a client without credentials asks")
	}
}

// exchangeChain is a person at a front end, whose token is for a service behind it,
// which calls a database.
type exchangeChain struct {
	*servertest.Flow
	back      servertest.App
	client    *assent.Client
	wire      *wire
	fromFront string
}

func newExchangeChain(t *testing.T) *exchangeChain {
	t.Helper()
	w := servertest.Start(t, nil)
	n := serviceApp("Back", dbURI)
	n.Settings.Exchange.Audiences = []string{dbURI}
	x := &exchangeChain{back: w.KeyApp(t, jose.ES256, n)}
	x.Flow = w.Flow(t, application.NewApplication{Name: "Front", Resources: []string{x.back.ID}})
	x.client, x.wire = clientOf(t, w, x.back)
	x.fromFront = x.Tokens(t, "scope", "openid read write").Text("access_token")
	return x
}

// RFC 8693, Sections 2.2.1 and 4.1.
//
// Requirement: client-exchange
func TestAnExchangedTokenIsNarrowerAndNamesTheActor(t *testing.T) {
	x := newExchangeChain(t)
	got, err := x.client.Exchange(t.Context(), assent.ExchangeRequest{SubjectToken: x.fromFront, Scope: "read", Audience: []string{dbURI}})
	check(t, err)
	cl := claimsOf(t, got.Token)
	want := map[string]any{"aud": dbURI, "scope": "read", "sub": string(x.Identity.ID), "client_id": x.back.ID,
		"act": map[string]any{"sub": x.back.ID}}
	for name, value := range want {
		if diff := cmp.Diff(value, cl[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got.IssuedTokenType != assent.TokenTypeAccess || got.Type != "Bearer" || got.Scope != "read" || !got.ExpiresAt.After(time.Now()) {
		t.Errorf("got %+v", got)
	}
	again, err := x.client.Exchange(t.Context(), assent.ExchangeRequest{SubjectToken: got.Token, SubjectTokenType: assent.TokenTypeAccess})
	check(t, err)
	chain := map[string]any{"sub": x.back.ID, "act": map[string]any{"sub": x.back.ID}}
	if diff := cmp.Diff(chain, claimsOf(t, again.Token)["act"]); diff != "" {
		t.Error(diff)
	}
}

// Requirement: client-exchange
func TestAnActorTokenSaysWhoActs(t *testing.T) {
	x := newExchangeChain(t)
	actor, err := x.client.Token(t.Context(), assent.TokenRequest{})
	check(t, err)
	got, err := x.client.Exchange(t.Context(), assent.ExchangeRequest{SubjectToken: x.fromFront, ActorToken: actor.Token,
		Resource: []string{dbURI}, RequestedTokenType: assent.TokenTypeAccess})
	check(t, err)
	form := x.wire.sent("/oauth/token")[1]
	if form.Get("actor_token") != actor.Token || form.Get("actor_token_type") != assent.TokenTypeAccess || form.Get("resource") != dbURI {
		t.Errorf("sent %v", slicesOf(form))
	}
	if cl := claimsOf(t, got.Token); cl["act"].(map[string]any)["sub"] != x.back.ID || cl["aud"] != dbURI {
		t.Errorf("got %v", cl)
	}
}

// slicesOf are the names in a form, without what might be secret.
func slicesOf(form url.Values) []string {
	var names []string
	for name := range form {
		names = append(names, name)
	}
	return names
}

// RFC 8693, Sections 2.2.2 and 4.4.
//
// Requirement: client-exchange-refusals
func TestRefusalsOfExchangesAreNamed(t *testing.T) {
	x := newExchangeChain(t)
	limited := func(mayAct string) string {
		now := time.Now().Unix()
		payload, err := json.Marshal(map[string]any{"iss": x.Site.Issuer, "aud": x.back.ID, "jti": ids.New("tok"), "iat": now, "exp": now + 300,
			"scope": "read", "sub": x.Identity.ID, "client_id": x.back.ID, "may_act": map[string]any{"sub": mayAct}})
		check(t, err)
		token, err := x.Server.Keys.Sign(t.Context(), x.Site, "ES256", "at+jwt", payload)
		check(t, err)
		return token
	}
	for _, tt := range []struct {
		name  string
		ask   assent.ExchangeRequest
		want  string // empty: granted
		actor bool
	}{
		{"may_act names the application", assent.ExchangeRequest{SubjectToken: limited(x.back.ID)}, "", false},
		{"may_act names another", assent.ExchangeRequest{SubjectToken: limited("svc_other")}, "invalid_request", true},
		{"a scope that the subject token does not have", assent.ExchangeRequest{SubjectToken: x.fromFront, Scope: "payments:write"}, "invalid_scope", false},
		{"a target that nobody allows", assent.ExchangeRequest{SubjectToken: x.fromFront, Audience: []string{"https://other.example"}}, "invalid_target", false},
		{"no token", assent.ExchangeRequest{SubjectToken: "nonsense"}, "invalid_request", false},
		{"a token type that is not known", assent.ExchangeRequest{SubjectToken: x.fromFront, SubjectTokenType: "urn:x"}, "invalid_request", false},
	} {
		got, err := x.client.Exchange(t.Context(), tt.ask)
		if tt.want == "" {
			check(t, err)
			continue
		}
		wantRefusal(t, tt.name, err, tt.want)
		if errors.Is(err, assent.ErrActor) != tt.actor || got != nil {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
	sent := len(x.wire.sent("/oauth/token"))
	for _, r := range []assent.ExchangeRequest{{}, {SubjectToken: "x", ActorTokenType: assent.TokenTypeAccess}} {
		if _, err := x.client.Exchange(t.Context(), r); err == nil {
			t.Errorf("%+v was sent", r)
		}
	}
	if len(x.wire.sent("/oauth/token")) != sent {
		t.Error("what cannot work was sent")
	}
}

// RFC 7662, Section 2.2.
//
// Requirement: client-introspect
func TestAResourceServerIntrospectsWhatIsForIt(t *testing.T) {
	w := servertest.Start(t, nil)
	rs := w.KeyApp(t, jose.ES256, serviceApp("API"))
	caller := w.App(t, serviceApp("Caller", rs.ID))
	other, _ := clientOf(t, w, w.App(t, serviceApp("Other")))
	api, out := clientOf(t, w, rs)
	c, _ := clientOf(t, w, caller)
	token := own(t, c, assent.TokenRequest{Scope: "read"})
	active := func(c *assent.Client) map[string]any {
		text, err := c.Introspect(t.Context(), token)
		check(t, err)
		var m map[string]any
		check(t, json.Unmarshal(text, &m))
		return m
	}
	want := claimsOf(t, token)
	maps.Copy(want, map[string]any{"active": true, "token_type": "Bearer"})
	if diff := cmp.Diff(want, active(api)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"active": false}, active(other)); diff != "" {
		t.Errorf("a stranger: %s", diff)
	}
	_, err := w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(caller.ID), "admin")
	check(t, err)
	eventually(t, "the end of a revoked token", func() bool { return active(api)["active"] == false })
	out.setCut(true)
	if _, err := api.Introspect(t.Context(), token); !errors.Is(err, assent.ErrUnreachable) {
		t.Errorf("the server is away: %v", err)
	}
	if _, err := api.Introspect(t.Context(), ""); err == nil {
		t.Error("an empty token was introspected")
	}
}
