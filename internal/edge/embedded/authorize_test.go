package embedded_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/internal/softperson"
)

// errorAt is the error that the application is sent.
func errorAt(t testing.TB, a servertest.Answer) string {
	t.Helper()
	to, err := url.Parse(a.Header.Get("Location"))
	servertest.Check(t, err)
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(to.String(), servertest.Callback) || to.Query().Get("state") != "st-1" {
		t.Errorf("not sent to the application: %d %s", a.Status, to)
	}
	return to.Query().Get("error")
}

// Requirement: embedded-authorize
func TestWhatTheRequestAsksForHoldsAsOnOurOwnPage(t *testing.T) {
	s := newShop(t, recipe{})
	for name, tt := range map[string]struct{ pairs, want string }{
		"prompt none":                   {"prompt=none", "login_required"},
		"an unknown scope":              {"scope=openid admin", "invalid_scope"},
		"no PKCE":                       {"code_challenge=", "invalid_request"},
		"plain PKCE":                    {"code_challenge_method=plain", "invalid_request"},
		"a form that the browser posts": {"response_mode=form_post", "invalid_request"},
		"a signed form":                 {"response_mode=form_post.jwt", "invalid_request"},
	} {
		pair, value, _ := strings.Cut(tt.pairs, "=")
		if got := errorAt(t, s.authorize(t, pair, value)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	// There is no page of ours on which somebody could agree.
	to := landed(t, s.answer(t, s.begin(t, "prompt", "consent"), s.device))
	if to.Query().Get("error") != "consent_required" || to.Query().Get("code") != "" {
		t.Errorf("prompt consent: %s", to)
	}
	for _, pairs := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"max_age", "5"}, {"acr_values", "phr"}} {
		if to := landed(t, s.answer(t, s.begin(t, pairs...), s.device)); to.Query().Get("code") == "" {
			t.Errorf("%v: %s", pairs, to)
		}
	}
}

// A request for one person is not answered with another.
//
// Requirement: embedded-authorize
func TestWhoIsNotMeantIsSentBackWithoutACode(t *testing.T) {
	s := newShop(t, recipe{})
	tokens := s.redeem(t, landed(t, s.answer(t, s.begin(t), s.device)).Query().Get("code"), s.verifier, model.AuthClientSecretPost)
	theirs := s.newDevice(t, rpID, origin)
	if got := s.bindAs(t, theirs, s.link(t, s.identity(t, "bob").ID, s.config.ID)); got.Status != http.StatusOK {
		t.Fatalf("bind: %d %s", got.Status, got.Body)
	}
	hint := []string{"id_token_hint", tokens.Text("id_token")}
	if to := landed(t, s.answer(t, s.begin(t, hint...), theirs)); to.Query().Get("error") != "login_required" || to.Query().Get("code") != "" {
		t.Errorf("somebody else: %s", to)
	}
	if to := landed(t, s.answer(t, s.begin(t, hint...), s.device)); to.Query().Get("code") == "" {
		t.Errorf("who is meant: %s", to)
	}
}

// Requirement: embedded-authorize
func TestPushedAndSignedRequestsAndSignedAnswersWorkTheSame(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	s := newShop(t, recipe{app: func(n *application.NewApplication) {
		n.JWKS = []byte(`{"keys":[` + string(key.Public().JSON()) + `]}`)
		n.Settings.AuthorizationAlg = "ES256"
	}})
	form := s.params()
	form.Set("client_secret", s.app.Secret)
	pushed := s.Post(t, "/oauth/par", form)
	link := url.Values{"client_id": {s.app.ID}, "request_uri": {pushed.Text("request_uri")}}
	r := read(t, invoked(t, s.Get(t, "/oauth/authorize?"+link.Encode())))
	if to := landed(t, s.answer(t, r, s.device)); to.Query().Get("code") == "" || to.Query().Get("state") != "st-1" {
		t.Errorf("pushed: %s", to)
	}
	again := read(t, invoked(t, s.Get(t, "/oauth/authorize?"+link.Encode()))) // looked at, not completed
	if to := landed(t, s.answer(t, again, s.device)); to.Query().Get("error") != "invalid_request_uri" {
		t.Errorf("pushed once, completed twice: %s", to)
	}
	form.Set("response_mode", "form_post")
	if got := s.Post(t, "/oauth/par", form); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_request" {
		t.Errorf("a form is refused when it is pushed: %d %s", got.Status, got.Body)
	}
	claims := object{"iss": s.app.ID, "aud": s.Site.Issuer, "exp": time.Now().Unix() + 60, "nbf": time.Now().Unix(), "jti": ids.Secret()}
	for name, values := range s.params("state", "signed", "response_mode", "jwt") {
		claims[name] = values[0]
	}
	raw, err := json.Marshal(claims)
	servertest.Check(t, err)
	signed, err := key.Sign("oauth-authz-req+jwt", raw)
	servertest.Check(t, err)
	r = read(t, invoked(t, s.Get(t, "/oauth/authorize?"+url.Values{"client_id": {s.app.ID}, "request": {signed}}.Encode())))
	answer := payload(t, landed(t, s.answer(t, r, s.device)).Query().Get("response"))
	if answer["state"] != "signed" || answer["code"] == "" || answer["aud"] != s.app.ID {
		t.Errorf("signed: %v", answer)
	}
}

// Whoever is signed in on the realm's own pages is not asked again, and whoever
// must prove themselves anew does so within the application.
//
// Requirement: embedded-sso
func TestASessionOfTheRealmsPagesCounts(t *testing.T) {
	s := newShop(t, recipe{})
	person, err := softperson.New(s.Site.Issuer)
	servertest.Check(t, err)
	_, token, _ := strings.Cut(s.hostedLink(t), "?token=")
	servertest.Check(t, person.Bind(t.Context(), s.Site.Issuer+"/bind?token="+token))
	open := func(pairs ...string) softperson.Page {
		t.Helper()
		page, err := person.Authorize(t.Context(), s.URL+"/oauth/authorize?"+s.params(pairs...).Encode(), softperson.Choices{StopAtSignIn: true})
		servertest.Check(t, err)
		return page
	}
	if page := open(); !page.Left || page.URL.Query().Get("code") == "" {
		t.Errorf("got %d %s", page.Status, page.URL)
	}
	if page := open("prompt", "login"); !page.Left || !strings.HasPrefix(page.URL.String(), origin+"/login/assent-authenticate?") {
		t.Errorf("anew: %d %s", page.Status, page.URL)
	}
}

func (s *shop) hostedLink(t testing.TB) string {
	t.Helper()
	return s.URL + "/bind?token=" + s.link(t, s.identity(t, "hosted").ID, "")
}

// Applications without a config, or with a hosted one, are led to our own page.
//
// Requirement: embedded-hosted
func TestOthersAreLedToTheRealmsPage(t *testing.T) {
	s := newShop(t, recipe{})
	hosted := s.newConfig(t, func(c *model.AuthenticatorSettings) {
		*c = model.AuthenticatorSettings{Type: model.AuthenticatorHosted, TrustedOrigins: []string{origin}}
	})
	for name, id := range map[string]model.AuthenticatorConfigID{"none": "", "hosted": hosted.ID} {
		app := s.newApp(t, s.config, func(n *application.NewApplication) { n.Settings.AuthenticatorConfig = id })
		got := s.authorize(t, "client_id", app.ID)
		if got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/signin?") || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
	}
}

// Requirement: embedded-first-party
func TestAnApplicationNamesAConfigOfItsRealmAndIsFirstParty(t *testing.T) {
	s := newShop(t, recipe{})
	change := func(f func(*model.ApplicationSettings)) error {
		return s.Server.Applications.Configure(t.Context(), s.Site, model.ClientID(s.app.ID), "", f)
	}
	for name, f := range map[string]func(*model.ApplicationSettings){
		"not first party": func(a *model.ApplicationSettings) { a.FirstParty = false },
		"a config of nobody": func(a *model.ApplicationSettings) {
			a.AuthenticatorConfig = model.AuthenticatorConfigID(ids.New("acf"))
		},
		"answers as forms":      func(a *model.ApplicationSettings) { a.ResponseModes = []string{"form_post", "query"} },
		"a config of that name": func(a *model.ApplicationSettings) { a.AuthenticatorConfig = "Shop" },
	} {
		if err := change(f); err == nil || !strings.Contains(err.Error(), application.ErrInvalid.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := change(func(a *model.ApplicationSettings) { a.FirstParty, a.AuthenticatorConfig = false, "" }); err != nil {
		t.Errorf("neither: %v", err)
	}
}

// A native application has an address of its own scheme.
//
// Requirement: embedded-native
func TestANativeApplicationIsOpenedByItsScheme(t *testing.T) {
	s := newShop(t, recipe{settings: func(c *model.AuthenticatorSettings) { c.InvokeURL = "com.example.shop://open" }})
	got := s.authorize(t)
	if !strings.HasPrefix(got.Header.Get("Location"), "com.example.shop://open/assent-authenticate?request=") {
		t.Fatalf("got %d %v", got.Status, got.Header)
	}
	if to := landed(t, s.answer(t, read(t, got.Header.Get("Location")), s.device)); to.Query().Get("code") == "" {
		t.Errorf("got %s", to)
	}
}

// Requirement: embedded-shared-rp, embedded-related
func TestPasskeysOfAParentDomainAndOfRelatedOriginsWork(t *testing.T) {
	s := newShop(t, recipe{settings: func(c *model.AuthenticatorSettings) {
		c.RPID, c.InvokeURL = "app.example", "https://www.app.example"
		c.TrustedOrigins = []string{origin, "https://www.app.example", "https://login.app.example:8443"}
	}})
	for _, at := range []string{"https://www.app.example", "https://login.app.example:8443"} {
		moved := s.moved(t, s.device, at)
		r := s.begin(t)
		if got := s.postFrom(t, at, "authenticate", object{"request": r.jwt, "response": r.assert(t, moved)}); got.Status != http.StatusOK {
			t.Errorf("one passkey at %s: %d %s", at, got.Status, got.Body)
		}
	}
	related := s.newConfig(t, func(c *model.AuthenticatorSettings) {
		c.RPID, c.TrustedOrigins, c.InvokeURL = "", []string{"https://far.example"}, "https://far.example/x"
	})
	doc := s.Get(t, "/.well-known/webauthn")
	if origins, _ := doc.JSON["origins"].([]any); len(origins) != 2 || origins[0] != s.Site.Origin || origins[1] != "https://far.example" {
		t.Errorf("related origins: %s", doc.Body)
	}
	s.app = s.newApp(t, related, nil)
	d := s.newDevice(t, s.Site.RPID, "https://far.example")
	token := s.link(t, s.identity(t, "bob").ID, related.ID)
	options, err := json.Marshal(s.postFrom(t, "https://far.example", "bind", object{"token": token}).JSON)
	servertest.Check(t, err)
	var step struct {
		State   string
		Options json.RawMessage
	}
	servertest.Check(t, json.Unmarshal(options, &step))
	response, err := d.Create(step.Options)
	servertest.Check(t, err)
	bound := s.postFrom(t, "https://far.example", "bind/finish", object{"state": step.State, "response": json.RawMessage(response)})
	if key, _ := bound.JSON["passkey"].(object); bound.Status != http.StatusOK || key["rp_id"] != s.Site.RPID {
		t.Fatalf("bind: %d %s", bound.Status, bound.Body)
	}
	r := s.begin(t)
	if got := s.postFrom(t, "https://far.example", "authenticate", object{"request": r.jwt, "response": r.assert(t, d)}); got.Status != http.StatusOK {
		t.Errorf("the realm's relying party at another site: %d %s", got.Status, got.Body)
	}
}

// moved is the same passkey on a page of another origin.
func (s *shop) moved(t testing.TB, d *passkey.Software, at string) *passkey.Software {
	t.Helper()
	raw, err := d.Marshal()
	servertest.Check(t, err)
	var members object
	servertest.Check(t, json.Unmarshal(raw, &members))
	members["origin"] = at
	raw, err = json.Marshal(members)
	servertest.Check(t, err)
	moved, err := passkey.ParseSoftware(raw)
	servertest.Check(t, err)
	return moved
}

// What a trusted page runs with the realm's passkeys counts for its own application,
// and what it brings as a request counts as nothing else.
//
// Requirement: embedded-origin, embedded-request
func TestWhatRunsWithinAnApplicationCountsNowhereElse(t *testing.T) {
	s := newShop(t, recipe{settings: func(c *model.AuthenticatorSettings) { c.RPID = "" }, device: "localhost"})
	c, err := s.Server.SignIn.Begin(t.Context(), s.Site)
	servertest.Check(t, err)
	response, err := s.device.Assert(signintest.Challenge(t, c.Options))
	servertest.Check(t, err)
	_, err = s.Server.SignIn.Finish(t.Context(), s.Site, signin.Answer{State: c.State, Response: response})
	if refusal, ok := errors.AsType[*signin.Refused](err); !ok || refusal.Cause != signin.CauseAssertion {
		t.Errorf("on the realm's own page: %v", err)
	}
	other := s.newConfig(t, func(c *model.AuthenticatorSettings) {
		c.RPID, c.TrustedOrigins, c.InvokeURL = "", []string{"https://second.example"}, "https://second.example"
	})
	second := s.newApp(t, other, nil)
	r := s.begin(t, "client_id", second.ID)
	refused(t, "for another application", s.answer(t, r, s.device), http.StatusForbidden, "origin_not_trusted")
	if got := s.Get(t, "/userinfo", "Authorization", "Bearer "+r.jwt); got.Status != http.StatusUnauthorized {
		t.Errorf("a request as an access token: %d %s", got.Status, got.Body)
	}
	if got := errorAt(t, s.authorize(t, "id_token_hint", r.jwt)); got != "invalid_request" {
		t.Errorf("a request as a hint: %s", got)
	}
}

// Requirement: embedded-first-party
func TestAnApplicationThatRegistersItselfNamesNoConfig(t *testing.T) {
	s := newShop(t, recipe{server: func(c *server.Config) { c.DefaultPolicy.Registration.Mode = model.RegistrationOpen }})
	got := servertest.Do(t, http.MethodPost, s.URL+"/oauth/register", strings.NewReader(`{"redirect_uris":["https://shop.example/cb"],"first_party":true,`+
		`"authenticator_config_id":"`+string(s.config.ID)+`"}`), "Content-Type", "application/json")
	if got.Status != http.StatusCreated {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	client, err := s.Server.Applications.Get(t.Context(), s.Site, model.ClientID(got.Text("client_id")))
	servertest.Check(t, err)
	if client.Settings.AuthenticatorConfig != "" || client.Settings.FirstParty {
		t.Errorf("got %+v", client.Settings)
	}
}
