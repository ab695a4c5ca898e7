package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
)

// An estate is a realm in which one of everything lies ready that a token can be
// had for, and one of everything that a token can be used for.
type estate struct {
	*servertest.Flow
	clock  *servertest.Clock
	opaque *servertest.Flow // the same person at an application with opaque tokens
	other  servertest.App   // a stranger, with every grant type
	asker  servertest.App   // the one who presents what is ready; other, where a foreign client is the reason

	code, refresh, device, request string // each good for one token
	pushed                         string
	jwt, reference                 string // access tokens
}

var everyGrant = []string{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantClientCredentials, oauth.GrantDevice, oauth.GrantCIBA,
	oauth.GrantExchange, oauth.GrantJWTBearer}

func newEstate(t *testing.T, w *servertest.World, clock *servertest.Clock, name string) *estate {
	t.Helper()
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: name, Policy: model.RealmPolicy{Development: true, AskAnyone: true}})
	servertest.Check(t, err)
	in := &servertest.World{Server: w.Server, Site: site, URL: site.Issuer}
	all := application.NewApplication{GrantTypes: everyGrant}
	e := &estate{Flow: in.Flow(t, all), clock: clock}
	all.Settings.OpaqueTokens = true
	opaque := in.Flow(t, all)
	opaque.Person, opaque.Identity = e.Person, e.Identity
	e.opaque, e.other = opaque, in.Flow(t, application.NewApplication{GrantTypes: everyGrant}).App
	e.asker = e.App
	e.fill(t)
	return e
}

func (e *estate) fill(t *testing.T) {
	t.Helper()
	tokens := e.Tokens(t)
	e.jwt, e.refresh = tokens.Text("access_token"), tokens.Text("refresh_token")
	e.reference = e.opaque.Tokens(t).Text("access_token")
	started := e.Post(t, "/oauth/device/code", e.Form("scope", "openid read"))
	e.device = started.Text("device_code")
	e.allowDevice(t, started.Text("user_code"))
	asked := e.Post(t, "/oauth/bc-authorize", e.Form("login_hint", string(e.Identity.ID)))
	_, err := e.Person.Decide(t.Context(), asked.Text("approval_id"), "approve")
	servertest.Check(t, err)
	e.request = asked.Text("auth_req_id")
	form := e.Params()
	form.Set("client_secret", e.App.Secret)
	e.pushed = e.Post(t, "/oauth/par", form).Text("request_uri")
	e.code = e.Code(t)
	for _, one := range []string{e.code, e.refresh, e.device, e.request, e.pushed, e.jwt, e.reference} {
		if one == "" {
			t.Fatalf("not everything is ready: %+v", e)
		}
	}
}

func (e *estate) allowDevice(t *testing.T, userCode string) {
	t.Helper()
	servertest.Check(t, e.Person.AllowDevice(t.Context(), userCode))
}

// as is a form of whoever presents.
func (e *estate) as(pairs ...string) url.Values { return e.asker.Form(pairs...) }

// A way obtains or uses a token. It answers the refusal, or "".
type way struct {
	name string
	once bool // what it takes can be used once
	try  func(*testing.T, *estate) string
}

func tokenWay(pairs func(*estate) []string) func(*testing.T, *estate) string {
	return func(t *testing.T, e *estate) string {
		return e.Post(t, "/oauth/token", e.as(pairs(e)...)).Text("error")
	}
}

func introspected(form func(*estate) url.Values) func(*testing.T, *estate) string {
	return func(t *testing.T, e *estate) string {
		got := e.Post(t, "/oauth/introspect", form(e))
		if got.Status == http.StatusOK && got.JSON["active"] != true {
			return "inactive"
		}
		return got.Text("error")
	}
}

func userinfo(token func(*estate) string) func(*testing.T, *estate) string {
	return func(t *testing.T, e *estate) string {
		return e.Get(t, "/userinfo", "Authorization", "Bearer "+token(e)).Text("error")
	}
}

func theJWT(e *estate) string { return e.jwt }

func theReference(e *estate) string { return e.reference }

// askAboutReference is by whom the opaque token was given to, or by a stranger.
func askAboutReference(e *estate) url.Values {
	if e.asker == e.other {
		return e.as("token", e.reference)
	}
	return e.opaque.Form("token", e.reference)
}

var everyWay = []way{
	{"client_credentials", false, tokenWay(func(*estate) []string { return []string{"grant_type", oauth.GrantClientCredentials, "scope", "read"} })},
	{"code", true, tokenWay(func(e *estate) []string {
		return []string{"grant_type", oauth.GrantCode, "code", e.code, "code_verifier", e.Verifier, "redirect_uri", e.Redirect}
	})},
	{"device", true, tokenWay(func(e *estate) []string { return []string{"grant_type", oauth.GrantDevice, "device_code", e.device} })},
	{"CIBA", true, tokenWay(func(e *estate) []string { return []string{"grant_type", oauth.GrantCIBA, "auth_req_id", e.request} })},
	{"exchange", false, tokenWay(func(e *estate) []string {
		return []string{"grant_type", oauth.GrantExchange, "subject_token", e.jwt, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"}
	})},
	{"userinfo", false, userinfo(theJWT)},
	{"introspection", false, introspected(func(e *estate) url.Values { return e.as("token", e.jwt) })},
	{"userinfo, opaque", false, userinfo(theReference)},
	{"introspection, opaque", false, introspected(askAboutReference)},
	{"refresh", false, tokenWay(func(e *estate) []string {
		return []string{"grant_type", oauth.GrantRefresh, "refresh_token", e.refresh}
	})},
	{"CIBA start", false, func(t *testing.T, e *estate) string {
		return e.Post(t, "/oauth/bc-authorize", e.as("login_hint", string(e.Identity.ID))).Text("error")
	}},
	{"device start", false, func(t *testing.T, e *estate) string {
		return e.Post(t, "/oauth/device/code", e.as("scope", "read")).Text("error")
	}},
	{"push", false, func(t *testing.T, e *estate) string {
		form := e.Params("client_id", e.asker.ID)
		form.Set("client_secret", e.asker.Secret)
		return e.Post(t, "/oauth/par", form).Text("error")
	}},
	{"authorize", false, func(t *testing.T, e *estate) string {
		return authorizeError(t, e, e.Params("prompt", "none", "client_id", e.asker.ID))
	}},
	{"authorize, pushed", true, func(t *testing.T, e *estate) string {
		return authorizeError(t, e, url.Values{"client_id": {e.asker.ID}, "request_uri": {e.pushed}})
	}},
}

// authorizeError is the error that goes to the client, "page" for a page of ours,
// and "sign-in" for the way to it.
func authorizeError(t *testing.T, e *estate, params url.Values) string {
	t.Helper()
	page, err := e.Person.Authorize(t.Context(), e.World.URL+"/oauth/authorize?"+params.Encode(), softperson.Choices{StopAtSignIn: true})
	servertest.Check(t, err)
	switch {
	case page.Left:
		return page.URL.Query().Get("error")
	case page.Status == http.StatusSeeOther:
		return "sign-in"
	default:
		return "page"
	}
}

// A stop is a reason to refuse. want has the refusal of each way that it closes;
// the others must go on.
type stop struct {
	name string
	do   func(*testing.T, *estate)
	want map[string]string
	// twice: each way is tried once before, and only its second time counts.
	twice bool
}

// all names the same refusal for several ways.
func all(refusal string, names ...string) map[string]string {
	m := map[string]string{}
	for _, n := range names {
		m[n] = refusal
	}
	return m
}

func merged(maps ...map[string]string) map[string]string {
	m := map[string]string{}
	for _, each := range maps {
		for k, v := range each {
			m[k] = v
		}
	}
	return m
}

var (
	tokenWays  = []string{"client_credentials", "code", "device", "CIBA", "exchange", "refresh"}
	heldWays   = []string{"code", "device", "CIBA", "exchange", "refresh"} // by what was given before
	clientWays = append(slices.Clone(tokenWays), "introspection", "introspection, opaque", "CIBA start", "device start", "push")
	useWays    = []string{"userinfo", "userinfo, opaque"}
	lookWays   = []string{"introspection", "introspection, opaque"}
)

var everyStop = []stop{
	{name: "nothing", do: func(*testing.T, *estate) {}},
	{name: "realm disabled", do: func(t *testing.T, e *estate) {
		servertest.Check(t, e.Server.Realms.SetStatus(t.Context(), e.Site.Realm.ID, model.RealmDisabled, "test"))
	}, want: merged(all("invalid_client", clientWays...), all("invalid_token", useWays...), all("page", "authorize", "authorize, pushed"))},
	{name: "application frozen", do: setApplication(model.ApplicationFrozen),
		want: merged(all("invalid_client", clientWays...), all("invalid_token", useWays...), all("page", "authorize", "authorize, pushed"))},
	{name: "application disabled", do: setApplication(model.ApplicationDisabled),
		want: merged(all("invalid_client", clientWays...), all("invalid_token", useWays...), all("page", "authorize", "authorize, pushed"))},
	{name: "not before: tokens of the application", do: func(t *testing.T, e *estate) {
		for _, app := range []servertest.App{e.App, e.opaque.App} {
			_, err := e.Server.Applications.RevokeTokens(t.Context(), e.Site, model.ClientID(app.ID), "test")
			servertest.Check(t, err)
		}
	}, want: merged(all("invalid_grant", heldWays...), all("invalid_token", useWays...), all("inactive", lookWays...),
		map[string]string{"exchange": "invalid_request"})},
	{name: "not before: tokens of the realm", do: func(t *testing.T, e *estate) {
		_, err := e.Server.Realms.RevokeTokens(t.Context(), e.Site.Realm.ID, "test")
		servertest.Check(t, err)
	}, want: merged(all("invalid_grant", heldWays...), all("invalid_token", useWays...), all("inactive", lookWays...),
		map[string]string{"exchange": "invalid_request", "authorize": "login_required", "authorize, pushed": "sign-in"})},
	{name: "not before: tokens of the person", do: func(t *testing.T, e *estate) {
		_, err := e.Server.Directory.RevokeTokens(t.Context(), e.Site, directory.Ref[model.IdentityID]{ID: e.Identity.ID})
		servertest.Check(t, err)
	}, want: merged(all("invalid_grant", heldWays...), all("invalid_token", useWays...), all("inactive", lookWays...),
		map[string]string{"exchange": "invalid_request", "authorize": "login_required", "authorize, pushed": "sign-in"})},
	{name: "not before: access tokens of the grants", do: func(t *testing.T, e *estate) {
		opaque := e.Post(t, "/oauth/introspect", e.opaque.Form("token", e.reference))
		for _, id := range []model.GrantID{claimsOf(t, e.jwt).GrantID, model.GrantID(opaque.Text("grant_id"))} {
			_, err := e.Server.RevokeGrantTokens(t.Context(), e.Site, id, "test")
			servertest.Check(t, err)
		}
	}, want: merged(all("invalid_token", useWays...), all("inactive", lookWays...), map[string]string{"exchange": "invalid_request"})},
	{name: "person suspended", do: suspend(false), want: merged(all("invalid_grant", heldWays...), all("invalid_token", useWays...),
		all("inactive", lookWays...), map[string]string{"exchange": "invalid_request", "authorize": "login_required", "authorize, pushed": "sign-in"})},
	{name: "person suspended and active again", do: suspend(true), want: merged(all("invalid_grant", heldWays...), all("invalid_token", useWays...),
		all("inactive", lookWays...), map[string]string{"exchange": "invalid_request", "authorize": "login_required", "authorize, pushed": "sign-in"})},
	{name: "foreign client", do: func(_ *testing.T, e *estate) { e.asker = e.other },
		want: merged(all("invalid_grant", "code", "device", "CIBA", "refresh"), map[string]string{"exchange": "invalid_request",
			"introspection": "inactive", "introspection, opaque": "inactive", "authorize": "consent_required", "authorize, pushed": "invalid_request_uri"})},
	{name: "used before", do: func(*testing.T, *estate) {}, twice: true,
		want: merged(all("invalid_grant", "code", "device", "CIBA"), all("invalid_request_uri", "authorize, pushed"))},
	// The last: it turns the clock.
	{name: "expired", do: func(_ *testing.T, e *estate) { e.clock.Turn(31 * 24 * time.Hour) },
		want: merged(all("invalid_grant", "code", "refresh"), all("expired_token", "device", "CIBA"), all("invalid_token", useWays...),
			map[string]string{"exchange": "invalid_request", "introspection": "inactive", "introspection, opaque": "inactive",
				"authorize": "login_required", "authorize, pushed": "invalid_request_uri"})},
}

func setApplication(status model.ApplicationStatus) func(*testing.T, *estate) {
	return func(t *testing.T, e *estate) {
		for _, app := range []servertest.App{e.App, e.opaque.App} {
			servertest.Check(t, e.Server.Applications.SetStatus(t.Context(), e.Site, model.ClientID(app.ID), status, "test"))
		}
	}
}

func suspend(again bool) func(*testing.T, *estate) {
	return func(t *testing.T, e *estate) {
		_, err := e.Server.Directory.Suspend(t.Context(), e.Site, e.Identity.ID, "test")
		servertest.Check(t, err)
		if again {
			_, err = e.Server.Directory.Activate(t.Context(), e.Site, e.Identity.ID, "test")
			servertest.Check(t, err)
		}
	}
}

// Each way to obtain or use a token, and each reason to refuse it.
//
// Requirement: token-matrix
func TestEachWayRefusesForEachReason(t *testing.T) {
	clock := &servertest.Clock{}
	w := servertest.Start(t, func(c *server.Config) { c.Now = clock.Now })
	for i, s := range everyStop {
		t.Run(s.name, func(t *testing.T) {
			e := newEstate(t, w, clock, "matrix-"+string(rune('a'+i)))
			s.do(t, e)
			for _, way := range everyWay {
				got := way.try(t, e)
				if s.twice && way.once {
					if got != "" {
						t.Errorf("%s: the first time refused as %q", way.name, got)
					}
					got = way.try(t, e)
				}
				if got != s.want[way.name] {
					t.Errorf("%s: refused as %q, want %q", way.name, got, s.want[way.name])
				}
			}
		})
	}
}
