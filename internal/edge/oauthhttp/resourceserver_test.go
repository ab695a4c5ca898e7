package oauthhttp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// At the bank every payment is approved; the shop means something harmless by a scope
// of the same name.
const (
	bankURL = "https://bank.example/api"
	shopURL = "https://shop.example"
)

// A till is a realm with both, and an application that may use every grant.
type till struct {
	*servertest.Flow
	idp *outside
}

func newTill(t *testing.T, bank, shop model.ResourcePolicy) *till {
	t.Helper()
	idp := newOutside(t, "ES256", `{"alg":"ES256","kid":"k"}`, `{"iss":"https://idp.example","sub":"job","jti":"x"}`)
	bank.Resource, shop.Resource = bankURL, shopURL
	w := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy.Resources = []model.ResourcePolicy{bank, shop}
		c.DefaultPolicy.TrustedIssuers = []model.TrustedIssuer{{Issuer: "https://idp.example", JWKS: idp.jwks(t, nil), Subjects: []model.SubjectRule{{Subject: "job"}}}}
	})
	return &till{idp: idp, Flow: w.Flow(t, application.NewApplication{Name: "Till", Scopes: []string{"openid", "offline_access", "read", "pay"},
		Resources:  []string{bankURL, shopURL},
		GrantTypes: []string{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantExchange, oauth.GrantClientCredentials, oauth.GrantCIBA, oauth.GrantJWTBearer, oauth.GrantDevice}})}
}

// approving are the two servers as most tests have them.
func approving() (bank, shop model.ResourcePolicy) {
	return model.ResourcePolicy{Name: "Bank", Scopes: []string{"read", "pay"}, ApprovalScopes: []string{"pay"}, DefaultScopes: []string{"read"}},
		model.ResourcePolicy{Name: "Shop", Scopes: []string{"pay"}}
}

// ways are all ways to an access token but CIBA.
var ways = []string{"code", "par", "device", "client_credentials", "jwt-bearer", "exchange", "refresh"}

// get goes one of them with those parameters, as far as it goes.
func (w *till) get(t *testing.T, way string, pairs ...string) servertest.Answer {
	t.Helper()
	with := func(own ...string) url.Values { return w.Form(append(own, pairs...)...) }
	switch way {
	case "code":
		page := w.Open(t, append([]string{"scope", ""}, pairs...)...)
		q := page.URL.Query()
		if !page.Left || q.Get("error") != "" {
			return servertest.Answer{Status: 400, JSON: map[string]any{"error": q.Get("error"), "error_description": q.Get("error_description")}, Body: []byte(page.URL.String())}
		}
		return w.Redeem(t, q.Get("code"))
	case "par":
		got := push(t, w.Flow, append([]string{"scope", ""}, pairs...)...)
		if got.Status != http.StatusCreated {
			return got
		}
		page, err := w.Person.Authorize(t.Context(), w.World.URL+"/oauth/authorize?"+url.Values{"client_id": {w.App.ID}, "request_uri": {got.Text("request_uri")}}.Encode(), softperson.Choices{})
		servertest.Check(t, err)
		return w.Redeem(t, page.URL.Query().Get("code"))
	case "device":
		got := w.Post(t, "/oauth/device/code", with())
		if got.Status != 200 {
			return got
		}
		(&den{World: w.World}).answer(t, browserOf(w.Person), got.Text("user_code"), "allow")
		return w.Post(t, "/oauth/token", w.Form("grant_type", oauth.GrantDevice, "device_code", got.Text("device_code")))
	case "client_credentials":
		return w.Post(t, "/oauth/token", with("grant_type", oauth.GrantClientCredentials))
	case "jwt-bearer":
		return w.Post(t, "/oauth/token", with("grant_type", oauth.GrantJWTBearer, "assertion", w.idp.token(t, w.World.URL, nil)))
	case "exchange":
		first := w.Tokens(t, "scope", "openid read", "resource", bankURL)
		return w.Post(t, "/oauth/token", with("grant_type", oauth.GrantExchange, "subject_token", first.Text("access_token"), "subject_token_type", accessType))
	case "refresh":
		first := w.Tokens(t, "scope", "openid read offline_access", "resource", bankURL)
		return w.Refresh(t, first.Text("refresh_token"), pairs...)
	}
	t.Fatalf("no way is called %q", way)
	return servertest.Answer{}
}

// approved asks the person, who says yes, and answers the poll.
func (w *till) approved(t *testing.T, pairs ...string) servertest.Answer {
	t.Helper()
	asked := ask(t, w.World, w.App, append([]string{"login_hint", string(w.Identity.ID), "binding_message", "Pay 20"}, pairs...)...)
	if asked.Status != 200 {
		return asked
	}
	_, err := w.Person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	return poll(t, w.World, w.App, asked.Text("auth_req_id"))
}

// change is a change of the policy, as an operator makes it.
func (w *till) change(t *testing.T, change func(*model.RealmPolicy)) {
	t.Helper()
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, change, "tester"))
}

func (w *till) saysAskThePerson(t *testing.T, name string, got servertest.Answer) {
	t.Helper()
	wantError(t, name, got, "invalid_scope")
	if !strings.Contains(got.Text("error_description"), "ask the person for it by CIBA") {
		t.Errorf("%s does not say what to do: %q", name, got.Text("error_description"))
	}
}

// Requirement: rs-approval-named
func TestAScopeThatNeedsAnApprovalIsGivenByNoOtherWayThanCIBA(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	for _, way := range ways {
		w.saysAskThePerson(t, way, w.get(t, way, "scope", "pay", "resource", bankURL))
		w.saysAskThePerson(t, way+" among others", w.get(t, way, "scope", "read pay", "resource", bankURL))
		if way == "exchange" || way == "refresh" {
			continue // those below are of a token that is for the bank
		}
		w.saysAskThePerson(t, way+" at the default resource", w.get(t, way, "scope", "pay"))
		w.saysAskThePerson(t, way+" at nobody who has it", w.get(t, way, "scope", "pay", "resource", w.World.URL))
	}
	w.saysAskThePerson(t, "refresh of what it has", w.get(t, "refresh", "scope", "read pay"))
	w.saysAskThePerson(t, "exchange of what it has", w.get(t, "exchange", "scope", "pay"))
	both := w.Form("grant_type", oauth.GrantClientCredentials, "scope", "pay", "resource", shopURL)
	both.Add("resource", bankURL)
	w.saysAskThePerson(t, "for both", w.Post(t, "/oauth/token", both))
	slash := w.Form("grant_type", oauth.GrantClientCredentials, "scope", "pay", "resource", bankURL+"/")
	wantError(t, "another spelling", w.Post(t, "/oauth/token", slash), "invalid_target")
}

// Requirement: rs-approval-default
func TestAScopeThatNeedsAnApprovalNeverComesByDefault(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	for _, way := range ways {
		got := w.get(t, way, "resource", bankURL)
		if got.Status != 200 || !slices.Contains(strings.Fields(got.Text("scope")), "read") || slices.Contains(strings.Fields(got.Text("scope")), "pay") {
			t.Errorf("%s: %d %s", way, got.Status, got.Body)
			continue
		}
		if c := claimsOf(t, got.Text("access_token")); c["scope"] != got.Text("scope") || c["aud"] != bankURL {
			t.Errorf("%s: %v", way, c)
		}
	}
	if got := w.approved(t); got.Status != 200 || got.JSON["scope"] != nil {
		t.Errorf("CIBA: %d %s", got.Status, got.Body)
	}
	// The registered default is no way in either.
	apps := w.App
	w.App = w.World.App(t, application.NewApplication{Scopes: []string{"read", "pay"}, Resources: []string{bankURL},
		Settings: model.ApplicationSettings{DefaultScopes: []string{"read", "pay"}}})
	if got := w.get(t, "client_credentials"); got.Status != 200 || got.Text("scope") != "read" {
		t.Errorf("a registered default: %d %s", got.Status, got.Body)
	}
	w.App = apps
}

// Requirement: rs-approval-ciba
func TestAScopeThatNeedsAnApprovalIsGivenForWhatAPersonApproved(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	for name, pairs := range map[string][]string{"named": {"scope", "pay", "resource", bankURL}, "by default": {"scope", "openid pay"}} {
		got := w.approved(t, pairs...)
		if got.Status != 200 || !slices.Contains(strings.Fields(got.Text("scope")), "pay") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
			continue
		}
		c := claimsOf(t, got.Text("access_token"))
		approval, _ := c["approval"].(map[string]any)
		if c["aud"] != bankURL || approval["id"] == nil || approval["statement"] == nil || got.JSON["refresh_token"] != nil {
			t.Errorf("%s: %v", name, c)
		}
	}
	app := func(n application.NewApplication) servertest.App {
		n.GrantTypes = []string{oauth.GrantCIBA}
		return w.World.App(t, n)
	}
	for name, tt := range map[string]struct {
		app   servertest.App
		pairs []string
	}{
		"a client that is not registered for the scope":   {app(application.NewApplication{Scopes: []string{"read"}, Resources: []string{bankURL}}), nil},
		"one that registered itself for everything":       {app(application.NewApplication{Resources: []string{bankURL}, Settings: model.ApplicationSettings{AnyScope: true}}), nil},
		"one that registered itself for it":               {app(application.NewApplication{Scopes: []string{"pay"}, Resources: []string{bankURL}, Settings: model.ApplicationSettings{AnyScope: true}}), nil},
		"one whose default resource does not have it":     {app(application.NewApplication{Scopes: []string{"pay"}}), nil},
		"one that names another resource than that it is": {w.App, []string{"resource", w.World.URL}},
	} {
		got := ask(t, w.World, tt.app, append([]string{"login_hint", string(w.Identity.ID), "scope", "pay"}, tt.pairs...)...)
		wantError(t, name, got, "invalid_scope")
	}
}

// Requirement: rs-shared-scope
func TestAScopeNameMayMeanSomethingElseAtAnotherResourceServer(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	for _, way := range ways {
		if way == "exchange" || way == "refresh" { // of a token for the bank
			continue
		}
		if got := w.get(t, way, "scope", "pay", "resource", shopURL); got.Status != 200 || got.Text("scope") != "pay" {
			t.Errorf("%s: %d %s", way, got.Status, got.Body)
		}
		if got := w.get(t, way, "scope", "pay", "resource", shopURL+"/"); got.Status != 200 || claimsOf(t, got.Text("access_token"))["aud"] != shopURL {
			t.Errorf("%s, with a slash: %d %s", way, got.Status, got.Body)
		}
	}
}

// Requirement: rs-approval-any-scope
func TestWhoRegisteredThemselvesGetsNoScopeThatNeedsAnApproval(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	w.App = w.World.App(t, application.NewApplication{Scopes: []string{"pay"}, GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantCIBA},
		Settings: model.ApplicationSettings{AnyScope: true}})
	w.saysAskThePerson(t, "by name", w.get(t, "client_credentials", "scope", "pay", "resource", bankURL))
	if got := w.get(t, "client_credentials", "resource", bankURL); got.Status != 200 || got.Text("scope") != "read" {
		t.Errorf("by default: %d %s", got.Status, got.Body)
	}
	if got := w.get(t, "client_credentials", "scope", "pay", "resource", shopURL); got.Status != 200 || got.Text("scope") != "pay" {
		t.Errorf("at the shop: %d %s", got.Status, got.Body)
	}
}

// Requirement: rs-approval-carried
func TestWhatAnApprovalGaveIsNotExchanged(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	first := w.approved(t, "scope", "read pay", "resource", bankURL).Text("access_token")
	if got := swap(t, w.World, w.App, first); got.Status != 200 || got.Text("scope") != "read" {
		t.Errorf("by default: %d %s", got.Status, got.Body)
	}
	w.saysAskThePerson(t, "by name", swap(t, w.World, w.App, first, "scope", "pay"))
	w.saysAskThePerson(t, "by name among others", swap(t, w.World, w.App, first, "scope", "read pay", "resource", bankURL))
	// At the shop anybody may have a scope of that name, but not from the bank's.
	w.settle(t, func(s *model.ApplicationSettings) { s.Exchange.Audiences = []string{shopURL, bankURL} })
	if got := swap(t, w.World, w.App, first, "audience", shopURL); got.Status != 200 || got.Text("scope") != "read" {
		t.Errorf("elsewhere: %d %s", got.Status, got.Body)
	}
	w.saysAskThePerson(t, "elsewhere by name", swap(t, w.World, w.App, first, "audience", shopURL, "scope", "pay"))
	// What the shop gave is nothing at the bank.
	mine := w.get(t, "client_credentials", "scope", "pay", "resource", shopURL).Text("access_token")
	if got := swap(t, w.World, w.App, mine, "audience", bankURL); got.Status != 200 || got.JSON["scope"] != nil {
		t.Errorf("from the shop: %d %s", got.Status, got.Body)
	}
	w.saysAskThePerson(t, "from the shop by name", swap(t, w.World, w.App, mine, "audience", bankURL, "scope", "pay"))
}

// settle changes the till's own settings.
func (w *till) settle(t *testing.T, change func(*model.ApplicationSettings)) {
	t.Helper()
	servertest.Check(t, w.Server.Applications.Configure(t.Context(), w.Site, model.ClientID(w.App.ID), "tester", change))
}

// Requirement: rs-approval-carried
func TestAGrantFromBeforeAScopeNeededAnApprovalGivesItNoMore(t *testing.T) {
	bank, shop := approving()
	marked := bank.ApprovalScopes
	bank.ApprovalScopes = nil
	w := newTill(t, bank, shop)
	first := w.Tokens(t, "scope", "openid read pay offline_access", "resource", bankURL)
	if first.Text("scope") != "openid read pay offline_access" {
		t.Fatalf("before: %s", first.Body)
	}
	code := w.Code(t, "scope", "openid read pay", "resource", bankURL)
	w.change(t, func(p *model.RealmPolicy) { p.Resources[0].ApprovalScopes = marked })
	if got := w.Redeem(t, code); got.Status != 200 || got.Text("scope") != "openid read" {
		t.Errorf("a code from before: %d %s", got.Status, got.Body)
	}
	got := w.Refresh(t, first.Text("refresh_token"))
	if got.Status != 200 || got.Text("scope") != "openid read offline_access" || claimsOf(t, got.Text("access_token"))["scope"] != got.Text("scope") {
		t.Errorf("refreshed: %d %s", got.Status, got.Body)
	}
	w.saysAskThePerson(t, "by name", w.Refresh(t, got.Text("refresh_token"), "scope", "read pay"))
	w.change(t, func(p *model.RealmPolicy) { p.Resources[0].ApprovalScopes = nil })
	if got := w.Refresh(t, got.Text("refresh_token")); got.Status != 200 || got.Text("scope") != "openid read pay offline_access" {
		t.Errorf("when it needs none any more: %d %s", got.Status, got.Body)
	}
}

// Requirement: rs-format
func TestWhomATokenIsForSaysHowItIsWritten(t *testing.T) {
	const plain = "https://plain.example"
	w := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy.Resources = []model.ResourcePolicy{{Resource: bankURL, TokenFormat: model.TokenOpaque}, {Resource: shopURL, TokenFormat: model.TokenJWT}, {Resource: plain}}
	})
	for _, opaque := range []bool{false, true} {
		app := w.App(t, application.NewApplication{Resources: []string{w.URL, bankURL, shopURL, plain, apiURL}, Settings: model.ApplicationSettings{OpaqueTokens: opaque}})
		for _, tt := range []struct {
			to   []string
			want bool
		}{
			{[]string{bankURL}, true}, {[]string{shopURL}, false}, {[]string{plain}, opaque}, {[]string{apiURL}, opaque}, {[]string{w.URL}, opaque}, {nil, opaque},
			{[]string{shopURL, bankURL}, true}, {[]string{shopURL, plain}, opaque}, {[]string{plain, bankURL, w.URL}, true}, {[]string{shopURL + "/"}, false},
		} {
			form := app.Form("grant_type", oauth.GrantClientCredentials)
			form["resource"] = tt.to
			got := w.Post(t, "/oauth/token", form)
			if is := strings.HasPrefix(got.Text("access_token"), "at_"); got.Status != 200 || is != tt.want {
				t.Errorf("opaque %t, for %q: %s", opaque, tt.to, got.Body)
			}
			if !active(t, w, app, got.Text("access_token")) {
				t.Errorf("opaque %t, for %q: not active", opaque, tt.to)
			}
		}
	}
}

// Requirement: rs-lifetime, rs-format
func TestTokensOfEveryGrantHaveTheFormatAndTheLifetimeOfWhomTheyAreFor(t *testing.T) {
	bank, shop := approving()
	bank.TokenFormat, bank.TokenLifetime, shop.TokenLifetime = model.TokenOpaque, 70, 3600
	w := newTill(t, bank, shop)
	for _, way := range append(slices.Clone(ways), "ciba") {
		get := func(resource string) servertest.Answer {
			if way == "ciba" {
				return w.approved(t, "scope", "openid", "resource", resource)
			}
			return w.get(t, way, "resource", resource)
		}
		w.lives(t, way+" at the bank", get(bankURL), 70, true)
		if way == "exchange" || way == "refresh" {
			continue
		}
		w.lives(t, way+" at the shop", get(shopURL), 300, false) // the application's is shorter
	}
	if both := w.bothResources(t); both.JSON["expires_in"] != 70.0 {
		t.Errorf("for both: %s", both.Body)
	}
	w.settle(t, func(s *model.ApplicationSettings) { s.TokenLifetime = 40 })
	w.lives(t, "a shorter application", w.get(t, "client_credentials", "resource", bankURL), 40, true)
}

func (w *till) bothResources(t *testing.T) servertest.Answer {
	t.Helper()
	form := w.Form("grant_type", oauth.GrantClientCredentials, "resource", shopURL)
	form.Add("resource", bankURL)
	return w.Post(t, "/oauth/token", form)
}

// lives checks how long a token says that it lives, in all three places.
func (w *till) lives(t *testing.T, name string, got servertest.Answer, seconds float64, opaque bool) {
	t.Helper()
	token := got.Text("access_token")
	if got.Status != 200 || strings.HasPrefix(token, "at_") != opaque || got.JSON["expires_in"].(float64) > seconds || got.JSON["expires_in"].(float64) < seconds-10 {
		t.Errorf("%s: %d %s", name, got.Status, got.Body)
		return
	}
	seen := w.Post(t, "/oauth/introspect", w.Form("token", token)).JSON
	if seen["active"] != true || seen["exp"].(float64)-seen["iat"].(float64) != got.JSON["expires_in"] {
		t.Errorf("%s: %s, and introspection: %v", name, got.Body, seen)
	}
	if !opaque {
		if c := claimsOf(t, token); c["exp"] != seen["exp"] {
			t.Errorf("%s: %v, and introspection: %v", name, c, seen)
		}
	}
	if raw := got.Text("id_token"); raw != "" { // it is for the application
		if c := claimsOf(t, raw); c["exp"].(float64)-c["iat"].(float64) != 300 {
			t.Errorf("%s: ID token of %v s", name, c["exp"].(float64)-c["iat"].(float64))
		}
	}
}

// Requirement: rs-new-tokens
func TestAnotherFormatOrLifetimeIsThatOfNewTokensAlone(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	first := w.get(t, "client_credentials", "resource", bankURL)
	w.change(t, func(p *model.RealmPolicy) {
		p.Resources[0].TokenFormat, p.Resources[0].TokenLifetime = model.TokenOpaque, 20
	})
	w.lives(t, "the one from before", first, 300, false)
	w.lives(t, "a new one", w.get(t, "client_credentials", "resource", bankURL), 20, true)
}

// Requirement: rs-introspection
func TestIntrospectionAnswersWhoActsForAResourceServer(t *testing.T) {
	bank, shop := approving()
	w := newTill(t, bank, shop)
	acts := w.World.App(t, application.NewApplication{Name: "Acts for the bank"})
	signs := w.World.App(t, application.NewApplication{Name: "Acts for it, signed", Settings: model.ApplicationSettings{IntrospectionAlg: "ES256"}})
	shops := w.World.App(t, application.NewApplication{Name: "Acts for the shop"})
	spa := w.World.App(t, application.NewApplication{Name: "Public", Kind: model.KindSPA, AuthMethod: model.AuthNone, GrantTypes: []string{oauth.GrantCode},
		Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback}}})
	w.change(t, func(p *model.RealmPolicy) {
		p.Resources[0].Clients = []model.ClientID{model.ClientID(acts.ID), model.ClientID(signs.ID), model.ClientID(spa.ID)}
		p.Resources[1].Clients = []model.ClientID{model.ClientID(shops.ID)}
	})
	for _, format := range []model.TokenFormat{model.TokenJWT, model.TokenOpaque} {
		w.change(t, func(p *model.RealmPolicy) { p.Resources[0].TokenFormat = format })
		token := w.get(t, "client_credentials", "resource", bankURL).Text("access_token")
		for name, tt := range map[string]struct {
			app  servertest.App
			want bool
		}{"its own": {w.App, true}, "who acts for the bank": {acts, true}, "who acts for the shop": {shops, false}, "a stranger": {w.World.App(t, application.NewApplication{}), false}} {
			if active(t, w.World, tt.app, token) != tt.want {
				t.Errorf("%s, %s: active is %t", format, name, !tt.want)
			}
		}
		got := w.Post(t, "/oauth/introspect", signs.Form("token", token))
		if c, _ := claimsOf(t, string(got.Body))["token_introspection"].(map[string]any); c["active"] != true || c["aud"] != bankURL {
			t.Errorf("%s, signed: %s", format, got.Body)
		}
		wantError(t, "a public client", w.Post(t, "/oauth/introspect", url.Values{"client_id": {spa.ID}, "token": {token}}), "invalid_client")
		both := w.bothResources(t).Text("access_token")
		if !active(t, w.World, acts, both) || !active(t, w.World, shops, both) {
			t.Errorf("%s: one of two whom it is for does not see it", format)
		}
		elsewhere := w.get(t, "client_credentials", "resource", w.World.URL).Text("access_token")
		if active(t, w.World, acts, elsewhere) {
			t.Errorf("%s: a token for this server is seen", format)
		}
	}
	token := w.get(t, "client_credentials", "resource", bankURL).Text("access_token")
	if got := swap(t, w.World, acts, token); got.Status == 200 {
		t.Errorf("who may look at it can exchange it: %s", got.Body)
	}
	w.change(t, func(p *model.RealmPolicy) { p.Resources[0].Clients = nil })
	if active(t, w.World, acts, token) {
		t.Error("who acts for it no more sees it")
	}
}

// Requirement: rs-metadata
func TestTheMetadataSayWhichScopesNeedAnApproval(t *testing.T) {
	bank, shop := approving()
	shop.Scopes = []string{"browse"}
	w := newTill(t, bank, shop)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		doc := w.Get(t, path).JSON
		if diff := cmp.Diff([]string{"openid", "profile", "email", "phone", "offline_access", "read", "browse"}, listed(t, doc, "scopes_supported")); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if diff := cmp.Diff([]string{"pay"}, listed(t, doc, "approval_scopes_supported")); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if diff := cmp.Diff([]string{bankURL, shopURL}, listed(t, doc, "protected_resources")); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	own := w.Get(t, "/.well-known/oauth-protected-resource").JSON
	if diff := cmp.Diff([]string{"openid", "profile", "email", "phone", "offline_access"}, listed(t, own, "scopes_supported")); diff != "" {
		t.Errorf("this server as a resource: %s", diff)
	}
	w.change(t, func(p *model.RealmPolicy) { p.Resources[0].ApprovalScopes = nil })
	doc := w.Get(t, "/.well-known/openid-configuration").JSON
	if !slices.Contains(listed(t, doc, "scopes_supported"), "pay") || doc["approval_scopes_supported"] != nil {
		t.Errorf("when none does: %v", doc)
	}
}

// Requirement: rs-no-scope
func TestAClientWithoutScopesGetsATokenForThisServer(t *testing.T) {
	w := servertest.Start(t, nil)
	for name, n := range map[string]application.NewApplication{"no resource": {}, "a resource of its own": {Resources: []string{bankURL}}} {
		app := w.App(t, n)
		got := w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials, "resource", w.URL))
		if got.Status != 200 || got.JSON["scope"] != nil {
			t.Fatalf("%s: %d %s", name, got.Status, got.Body)
		}
		c := claimsOf(t, got.Text("access_token"))
		if c["aud"] != w.Site.Issuer || c["sub"] != app.ID || c["client_id"] != app.ID || c["scope"] != nil {
			t.Errorf("%s: %v", name, c)
		}
	}
}

// Requirement: rs-limit
func TestARealmWith500ResourceServersStillGivesTokensAndMetadata(t *testing.T) {
	w := servertest.Start(t, nil)
	list := make([]model.ResourcePolicy, 500)
	for i := range list {
		n := string(rune('a'+i/26/26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
		list[i] = model.ResourcePolicy{Resource: "https://" + n + ".example", Scopes: []string{n + ":read", n + ":pay"}, ApprovalScopes: []string{n + ":pay"}, TokenLifetime: 100 + i}
	}
	text, err := json.Marshal(map[string]any{"resources": list})
	servertest.Check(t, err)
	_, err = w.Server.Realms.PatchPolicy(t.Context(), w.Site.Realm.ID, realm.PolicyChange{Members: text, Actor: "tester"})
	servertest.Check(t, err)
	last := list[150]
	app := w.App(t, application.NewApplication{Scopes: last.Scopes, Resources: []string{last.Resource}})
	got := w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials))
	if got.Status != 200 || got.Text("scope") != last.Scopes[0] || got.JSON["expires_in"] != 250.0 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	doc := w.Get(t, "/.well-known/openid-configuration").JSON
	if len(listed(t, doc, "protected_resources")) != 500 || len(listed(t, doc, "approval_scopes_supported")) != 500 {
		t.Error("the metadata do not name all")
	}
}
