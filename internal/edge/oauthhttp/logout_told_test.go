package oauthhttp_test

import (
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
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

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
	if ours["sid"] == theirs["sid"] {
		t.Fatalf("a pairwise application sees the session as all do: %v", ours["sid"])
	}
	e.page.open(t, e.logout("id_token_hint", hint))
	for _, want := range []struct {
		rp       *relyingParty
		aud, alg string
		sub, sid any
	}{{first, e.App.ID, "ES256", ours["sub"], ours["sid"]}, {second, also.ID, "EdDSA", theirs["sub"], theirs["sid"]}} {
		token := want.rp.heard(t, 1)[0]
		verifyLogout(t, e.World, token, want.alg)
		c := claimsOf(t, token)
		events, _ := json.Marshal(c["events"])
		iat, _ := c["iat"].(float64)
		exp, _ := c["exp"].(float64)
		if c["iss"] != e.World.URL || c["aud"] != want.aud || c["sub"] != want.sub || c["sid"] != want.sid || c["jti"] == "" || c["jti"] == nil ||
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
		"the passkey is taken away, after another signed in": func(t *testing.T, e *exit) {
			t.Helper()
			keys, err := e.Server.Directory.Passkeys(t.Context(), e.Site, e.Identity.ID)
			servertest.Check(t, err)
			servertest.Check(t, e.secondPasskey(t).SignIn(t.Context()))
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

// secondPasskey binds another passkey of the same person in the same browser.
func (e *exit) secondPasskey(t *testing.T) *softperson.Person {
	t.Helper()
	job, err := e.Server.Directory.CreateBindingJob(t.Context(), e.Site, directory.NewBinding{IdentityID: e.Identity.ID})
	servertest.Check(t, err)
	second, err := softperson.New(e.Site.Issuer)
	servertest.Check(t, err)
	second.HTTP.Jar = e.Person.HTTP.Jar
	servertest.Check(t, second.Bind(t.Context(), job.Link))
	return second
}

// Who signs in again, or adds a passkey, keeps the session, and nobody is told of
// an end.
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
	second := e.secondPasskey(t)
	servertest.Check(t, second.SignIn(t.Context()))
	if c := claimsOf(t, e.Tokens(t).Text("id_token")); c["sid"] != after["sid"] {
		t.Errorf("with a second passkey the sid is %v, want %v", c["sid"], after["sid"])
	}
	e.page.open(t, e.logout("id_token_hint", before.Text("id_token")))
	if got := rp.heard(t, 1); len(got) != 1 || claimsOf(t, got[0])["sid"] != after["sid"] {
		t.Errorf("heard %d logout tokens", len(got))
	}
}
