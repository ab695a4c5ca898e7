package oauthhttp_test

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

const afterLogout = "https://app.example/bye?from=assent"

// An exit is a server whose fetches may reach loopback, and a person who is
// signed in at an application.
type exit struct {
	*servertest.Flow
	clock servertest.Clock
	page  *browser
}

func newExit(t *testing.T, n application.NewApplication) *exit {
	t.Helper()
	e := &exit{}
	w := servertest.Start(t, func(c *server.Config) {
		c.Now = e.clock.Now
		c.FetchAllow = []string{"127.0.0.1"}
	})
	if n.Settings.PostLogoutURIs == nil {
		n.Settings.PostLogoutURIs = []string{afterLogout}
	}
	if n.Settings.RedirectURIs == nil {
		n.Settings.RedirectURIs = []string{servertest.Callback}
	}
	e.Flow = w.Flow(t, n)
	e.page = browserOf(e.Person)
	return e
}

func (e *exit) logout(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return e.URL("") + "?" + v.Encode()
}

// URL hides that of the flow: it is that of the logout endpoint.
func (e *exit) URL(rest string) string { return e.World.URL + "/oauth/logout" + rest }

// signedIn reports whether the session still lives.
func (e *exit) signedIn(t *testing.T) bool {
	t.Helper()
	got := e.page.open(t, e.World.URL+"/oauth/authorize?"+e.Params("prompt", "none").Encode())
	if got.location == nil {
		t.Fatalf("authorize: %d %s", got.status, got.body)
	}
	switch got.location.Query().Get("error") {
	case "":
		return true
	case "login_required":
		return false
	}
	t.Fatalf("prompt=none: %s", got.location)
	return false
}

// Requirement: logout-redirect, logout-session-ended
func TestAHintEndsTheSessionAndLeadsBackWithState(t *testing.T) {
	for name, redirect := range map[string]string{"https": afterLogout, "a scheme of its own": "com.example.app:/bye"} {
		t.Run(name, func(t *testing.T) {
			e := newExit(t, application.NewApplication{Kind: model.KindNative, Settings: model.ApplicationSettings{PostLogoutURIs: []string{redirect}}})
			tokens, later := e.Tokens(t), e.Tokens(t, "scope", "openid offline_access")
			got := e.page.open(t, e.logout("id_token_hint", tokens.Text("id_token"), "post_logout_redirect_uri", redirect,
				"state", "a b&c=ü", "client_id", e.App.ID, "unknown", "x", "ui_locales", "de"))
			want := redirect + "?state=a+b%26c%3D%C3%BC"
			if strings.Contains(redirect, "?") {
				want = redirect + "&state=a+b%26c%3D%C3%BC"
			}
			if got.status != 303 || got.header.Get("Location") != want || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("got %d to %q, want %q", got.status, got.header.Get("Location"), want)
			}
			if e.signedIn(t) {
				t.Error("the session lives on")
			}
			wantError(t, "refresh", e.Refresh(t, tokens.Text("refresh_token")), "invalid_grant")
			if got := e.Refresh(t, later.Text("refresh_token")); got.Status != 200 {
				t.Errorf("refresh with offline_access: %d %s", got.Status, got.Body)
			}
			got2 := e.Post(t, "/oauth/introspect", e.Form("token", tokens.Text("access_token")))
			if got2.JSON["active"] != false {
				t.Errorf("the access token is active: %s", got2.Body)
			}
			again := e.page.open(t, e.logout("id_token_hint", tokens.Text("id_token"), "post_logout_redirect_uri", redirect))
			if again.status != 303 || again.header.Get("Location") != redirect {
				t.Errorf("again: %d to %q", again.status, again.header.Get("Location"))
			}
		})
	}
}

// Requirement: logout-hint-checked
func TestAnExpiredHintIsAsGoodAndAForgedOneIsNone(t *testing.T) {
	e := newExit(t, application.NewApplication{})
	tokens := e.Tokens(t)
	hint := tokens.Text("id_token")
	header, rest, _ := strings.Cut(hint, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	own, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	servertest.Check(t, err)
	foreign, err := own.Sign("JWT", raw)
	servertest.Check(t, err)
	e.clock.Turn(2 * time.Hour)
	for name, bad := range map[string]string{
		"signed by another": foreign, "altered": header + "." + payload[:len(payload)-4] + "AAAA." + signature,
		"unsigned": "eyJhbGciOiJub25lIn0." + payload + ".", "garbage": "x", "an access token": tokens.Text("access_token"),
	} {
		got := e.page.open(t, e.logout("id_token_hint", bad, "post_logout_redirect_uri", afterLogout))
		got.says(t, 400, "not valid any more", `id="sign-out"`)
		if got.location != nil || !e.signedIn(t) {
			t.Errorf("%s: led to %v", name, got.location)
		}
	}
	got := e.page.open(t, e.logout("id_token_hint", hint, "post_logout_redirect_uri", afterLogout))
	if got.status != 303 || e.signedIn(t) {
		t.Errorf("expired: %d %s", got.status, got.body)
	}
}

// Requirement: logout-off-page, logout-asks-first
func TestWhateverIsOffEndsAtAPageOfOurs(t *testing.T) {
	e := newExit(t, application.NewApplication{})
	other := e.World.Flow(t, application.NewApplication{})
	hint, theirs := e.Tokens(t).Text("id_token"), other.Tokens(t).Text("id_token")
	tests := []struct {
		name   string
		pairs  []string
		status int
	}{
		{"nothing", nil, 200},
		{"state alone", []string{"state", "x"}, 200},
		{"no hint", []string{"post_logout_redirect_uri", afterLogout, "state", "x"}, 200},
		{"a client in place of the hint", []string{"client_id", e.App.ID, "post_logout_redirect_uri", afterLogout}, 200},
		{"the hint of another person", []string{"id_token_hint", theirs}, 200},
		{"an unregistered address", []string{"id_token_hint", hint, "post_logout_redirect_uri", "https://app.example/bye"}, 400},
		{"a registered one and more", []string{"id_token_hint", hint, "post_logout_redirect_uri", afterLogout + "&x=y"}, 400},
		{"the redirect URI", []string{"id_token_hint", hint, "post_logout_redirect_uri", servertest.Callback}, 400},
		{"another client's address", []string{"id_token_hint", theirs, "post_logout_redirect_uri", afterLogout}, 400},
		{"another client", []string{"id_token_hint", hint, "client_id", other.App.ID, "post_logout_redirect_uri", afterLogout}, 400},
		{"an unknown client", []string{"client_id", "app_nobody", "post_logout_redirect_uri", afterLogout}, 400},
		{"an unregistered address without a hint", []string{"client_id", e.App.ID, "post_logout_redirect_uri", "https://evil.example/"}, 400},
		{"a state without end", []string{"id_token_hint", hint, "post_logout_redirect_uri", afterLogout, "state", strings.Repeat("x", 5000)}, 400},
		{"a parameter twice", []string{"id_token_hint", hint, "id_token_hint", hint}, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := e.page.open(t, e.logout(tt.pairs...))
			if got.status != tt.status || got.location != nil || got.header.Get("Set-Cookie") != "" {
				t.Errorf("got %d to %v\n%s", got.status, got.location, got.body)
			}
			if strings.Contains(got.body, "evil.example") {
				t.Error("a stranger's address is on the page")
			}
		})
	}
	if !e.signedIn(t) {
		t.Error("the session ended without a word of the person")
	}
}

// Requirement: logout-asks-first
func TestThePersonsYesEndsTheSession(t *testing.T) {
	e := newExit(t, application.NewApplication{Name: "Notes <1>"})
	hint := e.Tokens(t).Text("id_token")
	asked := e.page.open(t, e.logout("client_id", e.App.ID, "post_logout_redirect_uri", afterLogout, "state", "s"))
	asked.says(t, 200, "Sign out?", "Notes &lt;1&gt;", `id="sign-out"`, `id="stay"`)
	if p := asked.header.Get("Content-Security-Policy"); !strings.Contains(p, "form-action 'self' https:;") {
		t.Errorf("the form may not lead on: %s", p)
	}
	yes := url.Values{"question": {asked.hidden(t, "question")}}
	stranger, _ := e.World.Person(t, "sam")
	other := browserOf(stranger)
	if got := other.send(t, e.URL("/confirm"), yes); got.status != 303 || got.location.Path != "/oauth/logout" {
		t.Errorf("another session: %d to %v", got.status, got.location)
	}
	for name, headers := range map[string][]string{"another site": {"Sec-Fetch-Site", "cross-site"},
		"an old browser": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
		if got := e.page.send(t, e.URL("/confirm"), yes, headers...); got.status/100 != 4 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := e.page.send(t, e.URL("/confirm"), url.Values{"question": {"made up"}}); got.status != 303 {
		t.Errorf("made up: %d", got.status)
	}
	if !e.signedIn(t) {
		t.Fatal("the session ended without a word of the person")
	}
	got := e.page.send(t, e.URL("/confirm"), yes)
	if got.status != 303 || got.header.Get("Location") != afterLogout+"&state=s" || e.signedIn(t) {
		t.Errorf("got %d to %q", got.status, got.header.Get("Location"))
	}
	e.page.open(t, e.logout()).says(t, 200, "You are signed out")
	e.page.send(t, e.URL("/confirm"), yes).says(t, 200, "You are signed out")
	// Nobody is signed in: a link that anybody can make does not lead away by itself.
	link := e.page.open(t, e.logout("client_id", e.App.ID, "post_logout_redirect_uri", afterLogout))
	link.says(t, 200, "You are signed out", `id="continue" href="https://app.example/bye?from=assent"`)
	e.page.open(t, e.logout("id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/")).says(t, 400, "not registered")
}

// A form from another site brings no cookie: the session is found all the same.
//
// Requirement: logout-get-and-post
func TestLogoutTakesAFormFromAnotherSite(t *testing.T) {
	e := newExit(t, application.NewApplication{})
	hint := e.Tokens(t).Text("id_token")
	form := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {afterLogout}, "state": {"s"}}
	got := browserOf(nil).send(t, e.URL(""), form, "Sec-Fetch-Site", "cross-site", "Origin", "https://app.example")
	if got.status != 303 || got.location.Path != "/oauth/logout/continue" || strings.Contains(got.location.String(), hint) || got.header.Get("Set-Cookie") != "" {
		t.Fatalf("got %d to %v", got.status, got.location)
	}
	cut := *got.location
	cut.RawQuery += "x"
	if off := e.page.open(t, cut.String()); off.status != 303 || off.location.Path != "/oauth/logout" {
		t.Errorf("altered: %d to %v", off.status, off.location)
	}
	done := e.page.open(t, got.location.String())
	if done.status != 303 || done.header.Get("Location") != afterLogout+"&state=s" || e.signedIn(t) {
		t.Errorf("got %d to %q", done.status, done.header.Get("Location"))
	}
	off := browserOf(nil).send(t, e.URL(""), url.Values{"id_token_hint": {"x"}}, "Sec-Fetch-Site", "cross-site")
	if off.status != 303 {
		t.Fatalf("a bad hint: %d", off.status)
	}
	e.page.open(t, off.location.String()).says(t, 400, "not valid any more")
}

// OpenID Connect Front-Channel Logout 1.0, Section 2.
//
// Requirement: logout-frontchannel
func TestThePageFramesTheApplicationsThatTheBrowserHasToTell(t *testing.T) {
	e := newExit(t, application.NewApplication{Name: "Notes", Settings: model.ApplicationSettings{
		FrontchannelLogout: "https://app.example/fcl?a=b&c", FrontchannelSession: true}})
	plain := *e.Flow
	plain.App = e.World.App(t, application.NewApplication{Kind: model.KindWeb, GrantTypes: []string{oauth.GrantCode}, Scopes: []string{"openid"},
		Settings: model.ApplicationSettings{RedirectURIs: []string{"https://other.example/cb"}, FrontchannelLogout: "https://other.example/fcl"}})
	plain.Redirect = "https://other.example/cb"
	hint := e.Tokens(t).Text("id_token")
	plain.Tokens(t, "scope", "openid")
	sid, _ := claimsOf(t, hint)["sid"].(string)
	got := e.page.open(t, e.logout("id_token_hint", hint, "post_logout_redirect_uri", afterLogout, "state", "s"))
	more := url.Values{"iss": {e.World.URL}, "sid": {sid}}.Encode()
	got.says(t, 200, "You are signed out", `src="https://app.example/fcl?a=b&amp;c&amp;`+strings.ReplaceAll(more, "&", "&amp;")+`"`,
		`src="https://other.example/fcl"`, `id="continue" href="https://app.example/bye?from=assent&amp;state=s"`)
	policy := got.header.Get("Content-Security-Policy")
	_, frames, _ := strings.Cut(policy, "frame-src ")
	list := strings.Fields(frames)
	slices.Sort(list)
	if !slices.Equal(list, []string{"https://app.example", "https://other.example"}) || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if e.signedIn(t) {
		t.Error("the session lives on")
	}
	again := e.page.open(t, e.logout("id_token_hint", hint))
	again.says(t, 200, "You are signed out")
	if strings.Contains(again.body, "<iframe") || strings.Contains(again.header.Get("Content-Security-Policy"), "frame-src") {
		t.Error("nobody was signed in, and yet applications are framed")
	}
}

// Requirement: logout-off-page
func TestAStoppedApplicationLeadsNobodyAnywhere(t *testing.T) {
	e := newExit(t, application.NewApplication{})
	hint := e.Tokens(t).Text("id_token")
	servertest.Check(t, e.Server.Applications.SetStatus(t.Context(), e.Site, model.ClientID(e.App.ID), model.ApplicationFrozen, "test"))
	got := e.page.open(t, e.logout("id_token_hint", hint, "post_logout_redirect_uri", afterLogout))
	got.says(t, 400, "do not know the application", `id="sign-out"`)
	done := e.page.send(t, e.URL("/confirm"), url.Values{"question": {got.hidden(t, "question")}})
	done.says(t, 200, "You are signed out")
	if strings.Contains(done.body, "app.example") {
		t.Errorf("the page leads on:\n%s", done.body)
	}
}

// Requirement: paths-realms-apart
func TestALogoutOfOneRealmLeavesAnotherAlone(t *testing.T) {
	e := newExit(t, application.NewApplication{})
	hint := e.Tokens(t).Text("id_token")
	_, err := e.Server.Realms.Create(t.Context(), blueRealm())
	servertest.Check(t, err)
	got := e.page.open(t, e.World.URL+"/realms/blue/oauth/logout?"+url.Values{"id_token_hint": {hint}}.Encode())
	got.says(t, 400, "not valid any more")
	if !e.signedIn(t) {
		t.Error("another realm's logout ended the session")
	}
}
