package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

const afterLogout = "https://app.example/bye?from=assent"

// A relying party is told of logouts at an address of its own on loopback.
type relyingParty struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []string
	status []int // of the next answers; then 200
	header http.Header
}

func newRelyingParty(t *testing.T, status ...int) *relyingParty {
	t.Helper()
	rp := &relyingParty{status: status}
	rp.Server = httptest.NewServer(http.HandlerFunc(rp.hear))
	t.Cleanup(rp.Close)
	return rp
}

func (rp *relyingParty) hear(w http.ResponseWriter, r *http.Request) {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	rp.tokens, rp.header = append(rp.tokens, form.Get("logout_token")), r.Header
	if len(rp.status) > 0 {
		w.WriteHeader(rp.status[0])
		rp.status = rp.status[1:]
	}
}

// heard waits until n logout tokens have come.
func (rp *relyingParty) heard(t *testing.T, n int) []string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		rp.mu.Lock()
		got := slices.Clone(rp.tokens)
		rp.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("heard %d logout tokens, want %d", len(got), n)
		}
	}
}

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
		got.says(t, 400, "could not show which sign-in it means", `id="sign-out"`)
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
	if p := asked.header.Get("Content-Security-Policy"); !strings.Contains(p, "form-action 'self' https://app.example;") {
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
	e.page.open(t, off.location.String()).says(t, 400, "could not show")
}

// OpenID Connect Back-Channel Logout 1.0, Section 2.4.
//
// Requirement: logout-backchannel
func TestEveryApplicationOfTheSessionHearsThatItEnded(t *testing.T) {
	first, second := newRelyingParty(t), newRelyingParty(t)
	e := newExit(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: first.Server.URL + "/bcl?x=y", IDTokenAlg: "ES256"}})
	also := e.World.App(t, application.NewApplication{Kind: model.KindWeb, GrantTypes: []string{oauth.GrantCode}, Scopes: []string{"openid", "offline_access"},
		Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback}, SubjectType: "pairwise", IDTokenAlg: "EdDSA",
			BackchannelLogout: second.Server.URL + "/bcl", BackchannelSession: true}})
	silent := newRelyingParty(t) // registered, and never used in this session
	e.World.App(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: silent.Server.URL}})
	hint := e.Tokens(t).Text("id_token")
	other := *e.Flow
	other.App = also
	theirs := claimsOf(t, other.Tokens(t, "scope", "openid offline_access").Text("id_token"))
	ours := claimsOf(t, hint)
	if ours["sid"] != theirs["sid"] {
		t.Fatalf("two sids in one session: %v, %v", ours["sid"], theirs["sid"])
	}
	e.page.open(t, e.logout("id_token_hint", hint))
	for _, want := range []struct {
		rp       *relyingParty
		aud, alg string
		sub      any
	}{{first, e.App.ID, "ES256", ours["sub"]}, {second, also.ID, "EdDSA", theirs["sub"]}} {
		token := want.rp.heard(t, 1)[0]
		verifyLogout(t, e.World, token, want.alg)
		c := claimsOf(t, token)
		events, _ := json.Marshal(c["events"])
		iat, _ := c["iat"].(float64)
		exp, _ := c["exp"].(float64)
		if c["iss"] != e.World.URL || c["aud"] != want.aud || c["sub"] != want.sub || c["sid"] != ours["sid"] || c["jti"] == "" || c["jti"] == nil ||
			exp-iat != 120 || string(events) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` {
			t.Errorf("logout token %v", c)
		}
		if _, there := c["nonce"]; there {
			t.Error("a logout token with a nonce")
		}
		if got := want.rp.header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			t.Errorf("Content-Type %q", got)
		}
	}
	if len(silent.tokens) != 0 {
		t.Error("an application that was never used in the session was told")
	}
}

// verifyLogout checks a logout token with nothing but the published keys.
func verifyLogout(t *testing.T, w *servertest.World, token, alg string) {
	t.Helper()
	u, err := jose.Peek(token)
	servertest.Check(t, err)
	if u.Header().Typ != "logout+jwt" || string(u.Header().Alg) != alg {
		t.Errorf("header %+v, want %s", u.Header(), alg)
	}
	var set struct{ Keys []json.RawMessage }
	servertest.Check(t, json.Unmarshal(w.Get(t, "/oauth/jwks").Body, &set))
	for _, raw := range set.Keys {
		if key, err := jose.ParsePublic(raw); err == nil && key.KID() == u.Header().KID {
			_, err = jose.Verify(u, key)
			servertest.Check(t, err)
			return
		}
	}
	t.Errorf("no published key %s", u.Header().KID)
}

// A kicker makes the outbox look at what is due: it has an application told of a
// logout of its own, and waits until that has come.
type kicker struct {
	*exit
	rp    *relyingParty
	flow  *servertest.Flow
	kicks int
}

func newKicker(t *testing.T, e *exit) *kicker {
	t.Helper()
	k := &kicker{exit: e, rp: newRelyingParty(t)}
	k.flow = e.World.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: k.rp.Server.URL}})
	return k
}

// kick looks twice: what is found the first time has been told by the second.
func (k *kicker) kick(t *testing.T) {
	t.Helper()
	for range 2 {
		servertest.Check(t, k.flow.Person.SignIn(t.Context()))
		k.flow.Tokens(t)
		browserOf(k.flow.Person).send(t, k.World.URL+"/signout", nil)
		k.kicks++
		k.rp.heard(t, k.kicks)
	}
}

// Requirement: logout-backchannel-retries
func TestALogoutThatDidNotArriveIsToldAgainAndNotForEver(t *testing.T) {
	rp := newRelyingParty(t, 500, 404)
	e := newExit(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: rp.Server.URL}})
	k := newKicker(t, e)
	e.Tokens(t)
	e.page.send(t, e.World.URL+"/signout", nil)
	seen := map[any]bool{}
	for try := 1; try <= 3; try++ {
		got := claimsOf(t, rp.heard(t, try)[try-1])
		if seen[got["jti"]] || seen[got["iat"]] {
			t.Errorf("try %d brings the token of an earlier one", try)
		}
		seen[got["jti"]], seen[got["iat"]] = true, true
		k.kick(t) // too early
		e.clock.Turn(11 * time.Minute)
		k.kick(t)
	}
	if got := rp.heard(t, 3); len(got) != 3 {
		t.Errorf("heard %d tokens, want 3: two failed, and one was taken", len(got))
	}

	deaf := newRelyingParty(t, slices.Repeat([]int{503}, 100)...)
	d := e.World.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: deaf.Server.URL}})
	d.Tokens(t)
	browserOf(d.Person).send(t, e.World.URL+"/signout", nil)
	deaf.heard(t, 1)
	e.clock.Turn(6 * time.Hour)
	k.kick(t)
	if got := deaf.heard(t, 1); len(got) != 1 {
		t.Errorf("told again after six hours")
	}
}

// Back-Channel Logout 1.0, Section 2.8: who looked at the token and said no is
// not asked again.
//
// Requirement: logout-backchannel-retries
func TestAnApplicationThatRefusesALogoutIsLeftAlone(t *testing.T) {
	rp := newRelyingParty(t, 400)
	e := newExit(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: rp.Server.URL}})
	k := newKicker(t, e)
	sid := claimsOf(t, e.Tokens(t).Text("id_token"))["sid"]
	e.page.send(t, e.World.URL+"/signout", nil)
	rp.heard(t, 1)
	e.clock.Turn(11 * time.Minute)
	k.kick(t)
	if got := rp.heard(t, 1); len(got) != 1 {
		t.Errorf("told %d times", len(got))
	}
	events, err := e.Server.Audit.Page(t.Context(), e.Site, "", 100)
	servertest.Check(t, err)
	i := slices.IndexFunc(events, func(ev model.Event) bool { return ev.Type == "logout.refused" })
	if i < 0 || events[i].Actor != e.App.ID || !strings.Contains(string(events[i].Data), sid.(string)) {
		t.Errorf("the audit trail does not say so: %v", events)
	}
}

// However a session ends, the applications hear of it.
//
// Requirement: logout-backchannel
func TestApplicationsHearOfEveryEndOfASession(t *testing.T) {
	ends := map[string]func(*testing.T, *exit){
		"sign out": func(t *testing.T, e *exit) {
			t.Helper()
			e.page.send(t, e.World.URL+"/signout", nil)
		},
		"suspended": func(t *testing.T, e *exit) {
			t.Helper()
			_, err := e.Server.Directory.Suspend(t.Context(), e.Site, e.Identity.ID, "test")
			servertest.Check(t, err)
		},
		"the passkey is taken away": func(t *testing.T, e *exit) {
			t.Helper()
			keys, err := e.Server.Directory.Passkeys(t.Context(), e.Site, e.Identity.ID)
			servertest.Check(t, err)
			servertest.Check(t, e.Server.Directory.RevokePasskey(t.Context(), e.Site,
				directory.PasskeyRef{IdentityID: e.Identity.ID, PasskeyID: keys[0].ID}))
		},
		"another person signs in": func(t *testing.T, e *exit) {
			t.Helper()
			other, _ := e.World.Person(t, "sam")
			other.HTTP.Jar = e.Person.HTTP.Jar
			servertest.Check(t, other.SignIn(t.Context()))
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			rp := newRelyingParty(t)
			e := newExit(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: rp.Server.URL}})
			tokens := e.Tokens(t)
			end(t, e)
			c := claimsOf(t, rp.heard(t, 1)[0])
			if c["sid"] != claimsOf(t, tokens.Text("id_token"))["sid"] {
				t.Errorf("logout token %v", c)
			}
			wantError(t, "refresh", e.Refresh(t, tokens.Text("refresh_token")), "invalid_grant")
		})
	}
}

// Who signs in again keeps the session, and nobody is told of an end.
//
// Requirement: id-token-sid
func TestSigningInAgainKeepsTheSession(t *testing.T) {
	rp := newRelyingParty(t)
	e := newExit(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: rp.Server.URL}})
	before := e.Tokens(t)
	e.clock.Turn(time.Minute)
	servertest.Check(t, e.Person.SignIn(t.Context()))
	after := claimsOf(t, e.Tokens(t).Text("id_token"))
	first := claimsOf(t, before.Text("id_token"))
	if first["sid"] != after["sid"] || first["auth_time"] == after["auth_time"] {
		t.Errorf("sid %v and %v, auth_time %v and %v", first["sid"], after["sid"], first["auth_time"], after["auth_time"])
	}
	if got := e.Refresh(t, before.Text("refresh_token")); got.Status != 200 {
		t.Errorf("refresh: %d %s", got.Status, got.Body)
	}
	e.page.open(t, e.logout("id_token_hint", before.Text("id_token")))
	if got := rp.heard(t, 1); len(got) != 1 || claimsOf(t, got[0])["sid"] != after["sid"] {
		t.Errorf("heard %d logout tokens", len(got))
	}
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

// Requirement: paths-realms-apart
func TestALogoutOfOneRealmLeavesAnotherAlone(t *testing.T) {
	e := newExit(t, application.NewApplication{})
	hint := e.Tokens(t).Text("id_token")
	_, err := e.Server.Realms.Create(t.Context(), blueRealm())
	servertest.Check(t, err)
	got := e.page.open(t, e.World.URL+"/realms/blue/oauth/logout?"+url.Values{"id_token_hint": {hint}}.Encode())
	got.says(t, 400, "could not show which sign-in it means")
	if !e.signedIn(t) {
		t.Error("another realm's logout ended the session")
	}
}
