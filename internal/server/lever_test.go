package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// A stopped clock shows one instant until it is set.
type stoppedClock struct{ at atomic.Int64 } // Unix milliseconds

func (c *stoppedClock) Now() time.Time          { return time.UnixMilli(c.at.Load()) }
func (c *stoppedClock) forward(d time.Duration) { c.at.Add(d.Milliseconds()) }

// middle is an instant in the middle of a second, near the real one.
func middle() *stoppedClock {
	c := &stoppedClock{}
	c.at.Store(time.Now().Truncate(time.Second).UnixMilli() + 500)
	return c
}

// A pair is two servers of one issuer on one database, each with a clock that
// stands still.
type pair struct {
	first, second   *servertest.World
	clock, other    *stoppedClock
	database        string
	flow, bystander *servertest.Flow
	agent           servertest.App
}

var leverEngines = map[string]func(testing.TB) string{"sqlite": litetest.Database, "postgres": pgtest.Database}

// newPair starts the second server with a clock that is behind.
func newPair(t *testing.T, database func(testing.TB) string, behind time.Duration) *pair {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	servertest.Check(t, err)
	p := &pair{clock: middle(), other: middle()}
	p.other.forward(time.Duration(p.clock.at.Load()-p.other.at.Load())*time.Millisecond - behind)
	p.database = database(t)
	node := func(c *stoppedClock, issuer string) *servertest.World {
		var own string
		w := servertest.Start(t, func(cfg *server.Config) {
			own = cfg.BaseURL
			cfg.Database, cfg.Keyring, cfg.Now, cfg.DefaultPolicy.AskAnyone = p.database, ring, c.Now, true
			if issuer != "" {
				cfg.BaseURL = issuer
			}
		})
		return &servertest.World{Server: w.Server, Site: w.Site, URL: own}
	}
	p.first = node(p.clock, "")
	p.second = node(p.other, p.first.URL)
	all := application.NewApplication{GrantTypes: everyGrant}
	p.flow, p.bystander = p.first.Flow(t, all), p.first.Flow(t, all)
	p.agent = p.first.App(t, application.NewApplication{Kind: model.KindAgent, OwnerID: p.bystander.Identity.ID, GrantTypes: everyGrant})
	return p
}

// held is an access token with what asks about it.
type held struct {
	token, refresh string
	app            servertest.App
	person         bool // it is a person's
}

// tokens signs the person in at a server, or finds them signed in, and takes the
// code there.
func (p *pair) tokens(t *testing.T, w *servertest.World, f *servertest.Flow) held {
	t.Helper()
	who := *f.Person
	who.Issuer = w.URL
	authorize := func() softperson.Page {
		page, err := who.Authorize(t.Context(), w.URL+"/oauth/authorize?"+f.Params().Encode(), softperson.Choices{})
		servertest.Check(t, err)
		return page
	}
	page := authorize()
	if strings.HasSuffix(page.URL.Path, "/signin") { // a browser takes the second server for another site
		servertest.Check(t, who.SignIn(t.Context()))
		page = authorize()
	}
	if !page.Left || !page.URL.Query().Has("code") {
		t.Fatalf("no code: %d %s\n%s", page.Status, page.URL, page.Body)
	}
	got := w.Post(t, "/oauth/token", f.Form("grant_type", oauth.GrantCode, "code", page.URL.Query().Get("code"),
		"redirect_uri", f.Redirect, "code_verifier", f.Verifier))
	return p.got(t, got, f.App, true)
}

func (p *pair) own(t *testing.T, w *servertest.World, app servertest.App) held {
	t.Helper()
	return p.got(t, w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials)), app, false)
}

func (p *pair) refreshed(t *testing.T, w *servertest.World, h held) held {
	t.Helper()
	return p.got(t, w.Post(t, "/oauth/token", h.app.Form("grant_type", oauth.GrantRefresh, "refresh_token", h.refresh)), h.app, h.person)
}

func (p *pair) got(t *testing.T, a servertest.Answer, app servertest.App, person bool) held {
	t.Helper()
	h := held{token: a.Text("access_token"), refresh: a.Text("refresh_token"), app: app, person: person}
	if a.Status != http.StatusOK || h.token == "" {
		t.Fatalf("no token: %d %s", a.Status, a.Body)
	}
	return h
}

// demand holds a token to be alive, or dead, wherever it is used, at both servers.
func (p *pair) demand(t *testing.T, what string, h held, alive bool) {
	t.Helper()
	for name, w := range map[string]*servertest.World{"first": p.first, "second": p.second} {
		p.hears(t, w, h, alive)
		p.demandAt(t, what+", "+name+" server", w, h, alive)
	}
}

// hears waits until a server has heard what another did.
func (p *pair) hears(t *testing.T, w *servertest.World, h held, alive bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if got := w.Post(t, "/oauth/introspect", h.app.Form("token", h.token)); (got.JSON["active"] == true) == alive {
			return
		}
	}
}

func (p *pair) demandAt(t *testing.T, what string, w *servertest.World, h held, alive bool) {
	t.Helper()
	if got := w.Post(t, "/oauth/introspect", h.app.Form("token", h.token)); got.Status != 200 || (got.JSON["active"] == true) != alive {
		t.Errorf("%s: introspection: %d %s, want alive %v", what, got.Status, got.Body, alive)
	}
	got := w.Post(t, "/oauth/token", h.app.Form("grant_type", oauth.GrantExchange, "subject_token", h.token, "subject_token_type", accessTokenType))
	if (got.Status == 200) != alive || got.Status >= 500 {
		t.Errorf("%s: exchange: %d %s, want alive %v", what, got.Status, got.Body, alive)
	}
	if h.person {
		if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+h.token); (got.Status == 200) != alive || got.Status >= 500 {
			t.Errorf("%s: userinfo: %d %s, want alive %v", what, got.Status, got.Body, alive)
		}
	}
}

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// claimsOf reads a JWT without a check.
func claimsOf(t *testing.T, token string) (c struct {
	JTI     string        `json:"jti"`
	Iat     int64         `json:"iat"`
	Exp     int64         `json:"exp"`
	GrantID model.GrantID `json:"grant_id"`
}) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %s", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	servertest.Check(t, err)
	servertest.Check(t, json.Unmarshal(raw, &c))
	return c
}

// A lever is pulled at a server. again is how whoever had a token gets another.
type lever struct {
	name  string
	mint  func(*testing.T, *pair, *servertest.World) held
	again func(*testing.T, *pair, *servertest.World, held) held
	pull  func(*testing.T, *pair, *servertest.World, held) (model.Millis, error)
	// refresh: the refresh token lives on.
	refresh bool
	// all: nobody is spared.
	all bool
}

func personTokens(t *testing.T, p *pair, w *servertest.World) held { return p.tokens(t, w, p.flow) }

func signedInAgain(t *testing.T, p *pair, w *servertest.World, _ held) held {
	return p.tokens(t, w, p.flow)
}

func agentTokens(t *testing.T, p *pair, w *servertest.World) held { return p.own(t, w, p.agent) }

var everyLever = []lever{
	{name: "application", mint: personTokens, again: signedInAgain,
		pull: func(t *testing.T, p *pair, w *servertest.World, _ held) (model.Millis, error) {
			return w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(p.flow.App.ID), "test")
		}},
	{name: "agent", mint: agentTokens,
		again: func(t *testing.T, p *pair, w *servertest.World, _ held) held { return agentTokens(t, p, w) },
		pull: func(t *testing.T, p *pair, w *servertest.World, _ held) (model.Millis, error) {
			return w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(p.agent.ID), "test")
		}},
	{name: "identity", mint: personTokens, again: signedInAgain,
		pull: func(t *testing.T, p *pair, w *servertest.World, _ held) (model.Millis, error) {
			who, err := w.Server.Directory.RevokeTokens(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: p.flow.Identity.ID})
			return who.TokensInvalidBefore, err
		}},
	{name: "grant", mint: personTokens, refresh: true,
		again: func(t *testing.T, p *pair, w *servertest.World, h held) held { return p.refreshed(t, w, h) },
		pull: func(t *testing.T, _ *pair, w *servertest.World, h held) (model.Millis, error) {
			return w.Server.RevokeGrantTokens(t.Context(), w.Site, claimsOf(t, h.token).GrantID, "test")
		}},
	{name: "realm", mint: personTokens, again: signedInAgain, all: true,
		pull: func(t *testing.T, _ *pair, w *servertest.World, _ held) (model.Millis, error) {
			return w.Server.Realms.RevokeTokens(t.Context(), w.Site.Realm.ID, "test")
		}},
}

// eachLever runs a test for each lever on each database.
func eachLever(t *testing.T, behind time.Duration, test func(*testing.T, *pair, lever)) {
	for engine, database := range leverEngines {
		t.Run(engine, func(t *testing.T) { onEachLever(t, database, behind, test) })
	}
}

func onEachLever(t *testing.T, database func(testing.TB) string, behind time.Duration, test func(*testing.T, *pair, lever)) {
	t.Helper()
	for _, l := range everyLever {
		t.Run(l.name, func(t *testing.T) { test(t, newPair(t, database, behind), l) })
	}
}

// All of it happens within one millisecond of both clocks.
//
// Requirement: lever-millisecond, lever-everywhere, lever-others, lever-twice
func TestATokenFromRightBeforeARevocationIsDeadAndOneFromRightAfterItLives(t *testing.T) {
	eachLever(t, 0, func(t *testing.T, p *pair, l lever) {
		others := []held{p.tokens(t, p.first, p.bystander), p.own(t, p.second, p.bystander.App)}
		h := l.mint(t, p, p.first)
		p.demand(t, "before", h, true)
		last := model.Millis(0)
		for _, w := range []*servertest.World{p.first, p.second, p.first} {
			before, err := l.pull(t, p, w, h)
			servertest.Check(t, err)
			if before <= last {
				t.Errorf("revoked up to %d, and before that to %d: it must grow", before, last)
			}
			last = before
			p.demand(t, "revoked", h, false)
			if h.refresh != "" && !l.refresh {
				if got := w.Post(t, "/oauth/token", h.app.Form("grant_type", oauth.GrantRefresh, "refresh_token", h.refresh)); got.Text("error") != "invalid_grant" {
					t.Errorf("its refresh token: %d %s, want invalid_grant", got.Status, got.Body)
				}
			}
			next := l.again(t, p, w, h)
			p.demand(t, "issued right after", next, true)
			p.demand(t, "still revoked", h, false)
			h = next
		}
		for _, o := range others {
			p.demand(t, "somebody else's", o, !l.all)
		}
	})
}

// A server whose clock is behind dates what it makes later than what was revoked.
//
// Requirement: lever-clock-behind
func TestAServerWhoseClockIsBehindIssuesTokensThatLive(t *testing.T) {
	eachLever(t, 5*time.Second, func(t *testing.T, p *pair, l lever) {
		h := l.mint(t, p, p.first)
		before, err := l.pull(t, p, p.first, h)
		servertest.Check(t, err)
		p.demand(t, "revoked", h, false)
		next := l.again(t, p, p.second, h)
		p.demand(t, "issued by the one that is behind", next, true)
		c := claimsOf(t, next.token)
		if made, ok := ids.Time(c.JTI); !ok || model.MillisOf(made) <= before || made.Unix() != c.Iat || c.Exp <= c.Iat {
			t.Errorf("dated %v (iat %d, exp %d), want later than %d", made, c.Iat, c.Exp, before)
		}
		if next.refresh != "" {
			p.demand(t, "refreshed", p.refreshed(t, p.second, next), true)
		}
		p.demand(t, "still revoked", h, false)
	})
}

// A server whose clock is behind takes with it what the others issued until then by
// theirs: it has heard what time it is there.
//
// Requirement: lever-clock-behind
func TestAServerWhoseClockIsBehindRevokesWhatOthersIssued(t *testing.T) {
	eachLever(t, 5*time.Second, func(t *testing.T, p *pair, l lever) {
		h := l.mint(t, p, p.first) // heard of there by what was registered on the first
		p.demand(t, "before", h, true)
		before, err := l.pull(t, p, p.second, h)
		servertest.Check(t, err)
		if issued, _ := ids.Time(claimsOf(t, h.token).JTI); before < model.MillisOf(issued) {
			t.Errorf("revoked up to %d, and issued at %d", before, model.MillisOf(issued))
		}
		p.demand(t, "revoked by the one that is behind", h, false)
		for name, w := range map[string]*servertest.World{"first": p.first, "second": p.second} {
			p.demand(t, "issued right after by the "+name, l.again(t, p, w, h), true)
			if l.name == "grant" {
				break // its refresh token is another now
			}
		}
		p.demand(t, "still revoked", h, false)
	})
}

// Nothing of it is in memory alone.
//
// Requirement: lever-restart
func TestWhatWasRevokedIsDeadAfterARestart(t *testing.T) {
	for _, l := range everyLever {
		t.Run(l.name, func(t *testing.T) {
			ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
			servertest.Check(t, err)
			database, address := litetest.Database(t), ""
			p := &pair{}
			var h, next held
			t.Run("before", func(t *testing.T) {
				p.first = servertest.Start(t, func(c *server.Config) { c.Database, c.Keyring, address = database, ring, c.BaseURL })
				p.flow = p.first.Flow(t, application.NewApplication{GrantTypes: everyGrant})
				p.agent = p.first.App(t, application.NewApplication{Kind: model.KindAgent, OwnerID: p.flow.Identity.ID, GrantTypes: everyGrant})
				h = l.mint(t, p, p.first)
				_, err := l.pull(t, p, p.first, h)
				servertest.Check(t, err)
				next = l.again(t, p, p.first, h)
			})
			var own string
			w := servertest.Start(t, func(c *server.Config) { own = c.BaseURL; c.Database, c.Keyring, c.BaseURL = database, ring, address })
			w = &servertest.World{Server: w.Server, Site: w.Site, URL: own}
			p.demandAt(t, "revoked", w, h, false)
			p.demandAt(t, "issued right after", w, next, true)
		})
	}
}

// Requirement: lever-exchanged
func TestWhatWasExchangedForARevokedTokenIsDeadToo(t *testing.T) {
	onEachLever(t, litetest.Database, 0, func(t *testing.T, p *pair, l lever) {
		exchange := func(h held) held {
			t.Helper()
			got := p.first.Post(t, "/oauth/token", h.app.Form("grant_type", oauth.GrantExchange, "subject_token", h.token, "subject_token_type", accessTokenType))
			return p.got(t, got, h.app, h.person)
		}
		h := l.mint(t, p, p.first)
		once := exchange(h)
		twice := exchange(once)
		p.demand(t, "before", twice, true)
		_, err := l.pull(t, p, p.first, h)
		servertest.Check(t, err)
		p.demand(t, "exchanged", once, false)
		p.demand(t, "exchanged twice", twice, false)
		next := l.again(t, p, p.first, h)
		p.demand(t, "exchanged right after", exchange(exchange(next)), true)
	})
}

// The grant of an exchanged token has a lever of its own.
//
// Requirement: lever-exchanged
func TestTheTokenThatAnotherWasExchangedForOutlivesIt(t *testing.T) {
	p := newPair(t, litetest.Database, 0)
	h := p.tokens(t, p.first, p.flow)
	got := p.first.Post(t, "/oauth/token", h.app.Form("grant_type", oauth.GrantExchange, "subject_token", h.token, "subject_token_type", accessTokenType))
	exchanged := p.got(t, got, h.app, true)
	_, err := p.first.Server.RevokeGrantTokens(t.Context(), p.first.Site, claimsOf(t, exchanged.token).GrantID, "test")
	servertest.Check(t, err)
	p.demand(t, "exchanged", exchanged, false)
	p.demand(t, "what it was exchanged for", h, true)
}

// A person decides, somebody pulls the lever, and the asker has been waiting for the
// answer all the time: it gets nothing that works.
//
// Requirement: lever-long-poll
func TestALongPollGivesNothingForADecisionFromBeforeARevocation(t *testing.T) {
	p := newPair(t, litetest.Database, 0)
	for range 5 {
		asked := p.first.Post(t, "/oauth/bc-authorize", p.flow.App.Form("login_hint", string(p.flow.Identity.ID), "scope", "openid"))
		answered := make(chan servertest.Answer, 1)
		go func() {
			answered <- p.first.Post(t, "/oauth/token", p.flow.App.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id")), "Prefer", "wait=20")
		}()
		_, err := p.flow.Person.Decide(t.Context(), asked.Text("approval_id"), "approve")
		servertest.Check(t, err)
		_, err = p.first.Server.Applications.RevokeTokens(t.Context(), p.first.Site, model.ClientID(p.flow.App.ID), "test")
		servertest.Check(t, err)
		got := <-answered
		switch {
		case got.Status == http.StatusOK: // it was faster than the lever
			p.demand(t, "handed out before", held{token: got.Text("access_token"), app: p.flow.App, person: true}, false)
		case got.Text("error") != "invalid_grant":
			t.Errorf("got %d %s, want invalid_grant", got.Status, got.Body)
		}
		// What is decided from now on is good, within the same millisecond.
		asked = p.first.Post(t, "/oauth/bc-authorize", p.flow.App.Form("login_hint", string(p.flow.Identity.ID), "scope", "openid"))
		_, err = p.flow.Person.Decide(t.Context(), asked.Text("approval_id"), "approve")
		servertest.Check(t, err)
		got = p.first.Post(t, "/oauth/token", p.flow.App.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id")))
		p.demand(t, "decided right after", p.got(t, got, p.flow.App, true), true)
		p.clock.forward(time.Second)
		p.other.forward(time.Second)
	}
}

// Whoever is stopped, or gone, is in the list that resource servers hear of, by the
// transaction that stopped them.
//
// Requirement: lever-noted
func TestWhateverKillsTokensIsNotedForResourceServers(t *testing.T) {
	p := newPair(t, litetest.Database, 0)
	s, site := p.first.Server, p.first.Site
	app, owner := model.ClientID(p.flow.App.ID), p.bystander.Identity.ID
	now := model.MillisOf(p.clock.Now())
	db, err := store.Open(t.Context(), store.Config{URL: p.database})
	servertest.Check(t, err)
	t.Cleanup(func() { servertest.Check(t, db.Close()) })
	steps := []struct {
		name string
		do   func() error
		want model.Revocation
	}{
		{"application frozen", func() error { return s.Applications.SetStatus(t.Context(), site, app, model.ApplicationFrozen, "test") },
			model.Revocation{Kind: model.RevokeApplication, Key: string(app), Before: now}},
		{"application disabled", func() error {
			return s.Applications.SetStatus(t.Context(), site, app, model.ApplicationDisabled, "test")
		},
			model.Revocation{Kind: model.RevokeApplication, Key: string(app), Before: now + 1}},
		{"application deleted", func() error { return s.Applications.Delete(t.Context(), site, app, "test") },
			model.Revocation{Kind: model.RevokeApplication, Key: string(app), Before: now + 2}},
		{"a new secret", func() error { _, err := s.Applications.SetManagementSecret(t.Context(), site, "test"); return err },
			model.Revocation{Kind: model.RevokeApplication, Key: string(model.ManagementApplication), Before: now}},
		{"person suspended", func() error { _, err := s.Directory.Suspend(t.Context(), site, p.flow.Identity.ID, "test"); return err },
			model.Revocation{Kind: model.RevokeIdentity, Key: string(p.flow.Identity.ID), Before: now}},
		{"person deleted", func() error {
			return s.Directory.DeleteIdentity(t.Context(), site, directory.Ref[model.IdentityID]{ID: owner})
		},
			model.Revocation{Kind: model.RevokeIdentity, Key: string(owner), Before: now}},
		{"their agent", func() error { return nil }, model.Revocation{Kind: model.RevokeApplication, Key: p.agent.ID, Before: now}},
		{"realm disabled", func() error { return s.Realms.SetStatus(t.Context(), site.Realm.ID, model.RealmDisabled, "test") },
			model.Revocation{Kind: model.RevokeRealm, Key: string(site.Realm.ID), Before: now}},
	}
	for _, step := range steps {
		servertest.Check(t, step.do())
		want := step.want
		want.RealmID, want.At, want.ExpiresAt = site.Realm.ID, now, want.Before.Add(model.LongestToken)
		list, err := db.Revocations(t.Context(), 0, now)
		servertest.Check(t, err)
		found := false
		for _, r := range list {
			found = found || r == want
		}
		if !found {
			t.Errorf("%s: want %+v among %+v", step.name, want, list)
		}
	}
}

// Requirement: lever-trail
func TestWhoeverPulledALeverIsInTheTrail(t *testing.T) {
	p := newPair(t, litetest.Database, 0)
	want := map[string]bool{}
	for _, l := range everyLever {
		_, err := l.pull(t, p, p.first, l.mint(t, p, p.first))
		servertest.Check(t, err)
		kind := strings.Replace(l.name, "agent", "application", 1)
		want[kind+".tokens_revoked"] = true
	}
	events, err := p.first.Server.Audit.Page(t.Context(), p.first.Site, "", 200)
	servertest.Check(t, err)
	for _, e := range events {
		delete(want, e.Type)
	}
	if len(want) > 0 {
		t.Errorf("not in the trail: %v", want)
	}
}

// An ID token has whole seconds only, unless everything was revoked in its own.
//
// Requirement: lever-millisecond, lever-exchanged
func TestAnIDTokenFromRightBeforeARevocationIsDeadAndOneFromRightAfterItLives(t *testing.T) {
	p := newPair(t, litetest.Database, 0)
	exchanged := func(token string) string {
		t.Helper()
		return p.first.Post(t, "/oauth/token", p.flow.App.Form("grant_type", oauth.GrantExchange, "subject_token", token,
			"subject_token_type", "urn:ietf:params:oauth:token-type:id_token")).Text("error")
	}
	old := p.flow.Tokens(t).Text("id_token")
	if got := exchanged(old); got != "" || claimsOf(t, old).JTI != "" {
		t.Errorf("before: %q, and its jti is %q", got, claimsOf(t, old).JTI)
	}
	_, err := p.first.Server.Directory.RevokeTokens(t.Context(), p.first.Site, directory.Ref[model.IdentityID]{ID: p.flow.Identity.ID})
	servertest.Check(t, err)
	next := p.flow.Tokens(t).Text("id_token")
	if got := exchanged(next); got != "" {
		t.Errorf("issued right after: %q", got)
	}
	if got := exchanged(old); got != "invalid_request" {
		t.Errorf("issued right before: %q, want invalid_request", got)
	}
	if c := claimsOf(t, next); c.Iat > p.clock.Now().Unix() {
		t.Errorf("issued at %d, in the future", c.Iat)
	}
	p.clock.forward(2 * time.Second)
	if later := p.flow.Tokens(t).Text("id_token"); exchanged(later) != "" || claimsOf(t, later).JTI != "" {
		t.Errorf("seconds later: %q, and its jti is %q", exchanged(later), claimsOf(t, later).JTI)
	}
}

// An id can be chosen again.
//
// Requirement: lever-reborn
func TestTokensOfADeletedApplicationStayDeadWhenItsIDIsTakenAgain(t *testing.T) {
	p := newPair(t, litetest.Database, 0)
	s, site := p.first.Server, p.first.Site
	app := servertest.App{ID: "shop", Secret: "a secret of thirty-two characters!"}
	create := func() {
		t.Helper()
		put := application.Put{Made: true, Actor: "test"}
		put.ID, put.Static = model.ClientID(app.ID), application.Static{ID: model.ClientID(app.ID), Name: "Shop", Kind: model.KindService, Secret: app.Secret,
			Settings: model.ApplicationSettings{AuthMethod: model.AuthClientSecretPost, GrantTypes: everyGrant}}
		_, err := s.Applications.Put(t.Context(), site, put)
		servertest.Check(t, err)
	}
	create()
	old := p.own(t, p.first, app)
	servertest.Check(t, s.Applications.Delete(t.Context(), site, model.ClientID(app.ID), "test"))
	create()
	p.demandAt(t, "of the one that was deleted", p.first, old, false)
	p.demandAt(t, "of the one that is there", p.first, p.own(t, p.first, app), true)
}
