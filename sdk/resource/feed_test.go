package resource_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// A notice is an entry of the feed.
type notice struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Before  int64  `json:"before"`
	Expires int64  `json:"expires"`
}

// A board is the feed of a forge.
type board struct {
	f       *forge
	mu      sync.Mutex
	parts   [][]notice // what came with each cursor
	reset   bool       // cursors are no longer known
	paged   bool       // each part is a page of its own
	stop    int        // pages beyond are not there now; 0: all are
	stuck   bool       // there is always more, and the cursor stays
	status  int
	polls   atomic.Int64
	refused atomic.Int64 // requests for tokens
	wait    atomic.Value
	waits   []string // of all polls
}

// newBoard makes a forge announce revocations and give tokens for that.
func newBoard(t testing.TB) *board {
	t.Helper()
	b := &board{f: newForge(t), status: 200}
	b.wait.Store("")
	for path, doc := range map[string]func(http.ResponseWriter, *http.Request){
		"/.well-known/openid-configuration": func(w http.ResponseWriter, _ *http.Request) {
			u := b.f.url
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": u, "jwks_uri": u + "/jwks", "revocation_feed_endpoint": u + "/feed", "token_endpoint": u + "/token",
				"backchannel_authentication_endpoint": u + "/bc", "revocation_endpoint": u + "/revoke", "introspection_endpoint": u + "/introspect",
				"backchannel_token_delivery_modes_supported": []string{"poll"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"}})
		},
		"/token": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token":"t","token_type":"Bearer","expires_in":300}`))
		},
		"/feed": b.serve,
	} {
		b.f.answer(path, doc)
	}
	return b
}

func (b *board) serve(w http.ResponseWriter, r *http.Request) {
	b.polls.Add(1)
	b.wait.Store(r.Header.Get("Prefer"))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waits = append(b.waits, r.Header.Get("Prefer"))
	if b.status != 200 {
		http.Error(w, `{"code":"not_a_resource_server"}`, b.status)
		return
	}
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	complete := err != nil || b.reset
	if complete {
		after, b.reset = 0, false
	}
	list, from, to := []notice{}, min(after, len(b.parts)), len(b.parts)
	if b.paged {
		to = min(from+1, to)
	}
	if b.stop > 0 && to > b.stop {
		http.Error(w, "{}", http.StatusServiceUnavailable)
		return
	}
	for _, part := range b.parts[from:to] {
		list = append(list, part...)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"revocations": list, "cursor": fmt.Sprint(to), "complete": complete, "more": b.stuck || to < len(b.parts)})
}

// set changes what the feed does from now on.
func (b *board) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *board) post(entries ...notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append(b.parts, entries)
}

func (b *board) config() resource.Config {
	return resource.Config{Issuer: b.f.url, Resource: api, ClientID: "rs", ClientSecret: "x", MaxStale: 3 * time.Second}
}

// Requirement: mw-revocation-rule
func TestATokenIsRevokedByEveryNameItGoesByUpToTheMillisecond(t *testing.T) {
	b, key := newBoard(t), servertest.NewProver(t)
	b.f.publish(t, "k1", key, nil)
	now := time.Now()
	sec := now.Unix()
	ms := sec*1000 + 500
	jti := ids.At("tok", time.UnixMilli(ms))
	end := now.Add(time.Hour).UnixMilli()
	claims := func(with map[string]any) string {
		all := map[string]any{"iat": sec, "exp": sec + 300, "jti": jti, "sub": "person", "client_id": "app", "grant_id": "grt", "parents": []string{"tok_p", "grt_p", "app_p", "idn_p"}}
		for name, value := range with {
			all[name] = value
		}
		return sign(t, key, "k1", nil, b.f.claims(all))
	}
	for _, tt := range []struct {
		name  string
		entry notice
		token map[string]any
		want  bool // refused
	}{
		{"the realm", notice{"realm", b.f.url, ms, end}, nil, true},
		{"the realm a millisecond earlier", notice{"realm", b.f.url, ms - 1, end}, nil, false},
		{"another realm", notice{"realm", b.f.url + "/x", ms, end}, nil, false},
		{"the client", notice{"client", "app", ms, end}, nil, true},
		{"the client a millisecond earlier", notice{"client", "app", ms - 1, end}, nil, false},
		{"the subject", notice{"subject", "person", ms, end}, nil, true},
		{"the subject as a client", notice{"client", "person", ms, end}, nil, true},
		{"the grant", notice{"grant", "grt", end, end}, nil, true},
		{"no grant", notice{"grant", "", end, end}, map[string]any{"grant_id": nil}, false},
		{"the token", notice{"token", jti, end, end}, nil, true},
		{"a parent token", notice{"token", "tok_p", end, end}, nil, true},
		{"a parent client", notice{"client", "app_p", ms, end}, nil, true},
		{"a parent grant", notice{"grant", "grt_p", ms, end}, nil, true},
		{"a parent grant a millisecond earlier", notice{"grant", "grt_p", ms - 1, end}, nil, false},
		{"a parent subject", notice{"subject", "idn_p", ms, end}, nil, true},
		{"a parent subject a millisecond earlier", notice{"subject", "idn_p", ms - 1, end}, nil, false},
		{"a parent token's name as a subject", notice{"subject", "tok_p", ms, end}, nil, false},
		{"a parent grant's name as a client", notice{"client", "grt_p", ms, end}, nil, false},
		{"a parent client's name as a token", notice{"token", "app_p", ms, end}, nil, false},
		{"another kind", notice{"grant", "app", ms, end}, nil, false},
		{"a kind of the future", notice{"planet", "app", ms, end}, nil, false},
		{"a jti of another second: iat decides", notice{"client", "app", sec * 1000, end}, map[string]any{"jti": ids.At("tok", now.Add(-time.Hour))}, true},
		{"a jti of another second, one earlier", notice{"client", "app", sec*1000 - 1, end}, map[string]any{"jti": ids.At("tok", now.Add(time.Hour))}, false},
		{"a jti of another kind: iat decides", notice{"client", "app", sec * 1000, end}, map[string]any{"jti": "x" + jti[1:]}, true},
	} {
		b.mu.Lock()
		b.parts = [][]notice{{tt.entry}}
		b.mu.Unlock()
		s := ready(t, b.config())
		got := refusal(t, s, bearer(claims(tt.token)))
		if (got != nil) != tt.want || got != nil && got.Challenge.Description != revoked {
			t.Errorf("%s: %v", tt.name, got)
		}
		s.Close()
	}
}

// Requirement: mw-feed
func TestEntriesAreMergedAndForgottenInTheirTimeAlone(t *testing.T) {
	b, key := newBoard(t), servertest.NewProver(t)
	b.f.publish(t, "k1", key, nil)
	clock := &servertest.Clock{}
	cfg := b.config()
	cfg.Now = clock.Now
	now := time.Now()
	at, end := now.UnixMilli(), now.Add(time.Hour).UnixMilli()
	b.post(notice{"client", "a", at, end}, notice{"client", "b", at, now.Add(time.Minute).UnixMilli()})
	s := ready(t, cfg)
	soon(t, "two entries", func() bool { return s.Entries() == 2 })
	b.post(notice{"client", "a", at - 5000, now.UnixMilli()}) // older than what is known
	b.post(notice{"token", "c", end, end})
	soon(t, "a third", func() bool { return s.Entries() == 3 })
	old := sign(t, key, "k1", nil, b.f.claims(map[string]any{"client_id": "a", "sub": "a", "iat": now.Unix() - 1}))
	if got := refusal(t, s, bearer(old)); got == nil {
		t.Error("an older entry replaced a newer one")
	}
	if b.wait.Load() != "wait=1" {
		t.Errorf("Prefer: %v", b.wait.Load())
	}
	// Another node knows no cursors and less: what was heard stays.
	b.mu.Lock()
	b.parts, b.reset = [][]notice{{{"client", "d", at, end}}}, true
	b.mu.Unlock()
	soon(t, "a fourth", func() bool { return s.Entries() == 4 })
	clock.Turn(4 * time.Minute)
	soon(t, "the short one is forgotten", func() bool { return s.Entries() == 3 })
	clock.Turn(2 * time.Hour)
	soon(t, "all are forgotten", func() bool { return s.Entries() == 0 })
}

// Requirement: mw-feed
func TestAClientThatMayNotReadTheFeedIsToldSo(t *testing.T) {
	b, key := newBoard(t), servertest.NewProver(t)
	b.f.publish(t, "k1", key, nil)
	b.status = 403
	cfg := b.config()
	cfg.Lost = resource.Refuse
	logged := &notes{}
	cfg.Logger = logged.logger()
	s := started(t, cfg)
	soon(t, "the log says why", func() bool {
		return strings.Contains(logged.text(), "refuses the revocation feed to this client with HTTP status 403 (not_a_resource_server)")
	})
	if got := refusal(t, s, bearer(sign(t, key, "k1", nil, b.f.claims(nil)))); got == nil || got.Status() != 503 {
		t.Errorf("%v", got)
	}
	if n := strings.Count(logged.text(), "feed is lost"); n != 1 {
		t.Errorf("said %d times:\n%s", n, logged.text())
	}
	b.mu.Lock()
	b.status = 200
	b.mu.Unlock()
	soon(t, "it may now", func() bool { return s.Health() == nil })
	passes(t, s, sign(t, key, "k1", nil, b.f.claims(nil)))
	b.mu.Lock()
	b.status = 403
	b.mu.Unlock()
	soon(t, "it may not any more", func() bool { return errors.Is(s.Health(), resource.ErrFeedLost) })
	soon(t, "the log says so again", func() bool { return strings.Count(logged.text(), "feed is lost") == 2 })
}

// A feed that does not hold its answers is not asked in a circle.
//
// Requirement: mw-feed
func TestAFeedThatDoesNotWaitIsAskedInPeace(t *testing.T) {
	b := newBoard(t)
	b.f.publish(t, "k1", servertest.NewProver(t), nil)
	s := ready(t, b.config())
	before, start := b.polls.Load(), time.Now()
	soon(t, "some polls", func() bool { return b.polls.Load() >= before+4 })
	if took := time.Since(start); took < time.Second { // four pauses of half a second to a second
		t.Errorf("4 polls in %v", took)
	}
	soon(t, "the feed is there", func() bool { return s.Health() == nil })
}

// Requirement: mw-steady
func TestInTheSteadyStateNoRequestOfATokenReachesTheIssuer(t *testing.T) {
	h, p := far(t)
	cfg := h.patient(resource.Introspect)
	cfg.MaxStale = 0 // the default: a machine that stalls for two seconds has lost the feed of the others
	s := ready(t, cfg)
	raw, opaque := h.token(t, h.service(t, model.ApplicationSettings{})), h.token(t, h.service(t, model.ApplicationSettings{OpaqueTokens: true}))
	passes(t, s, raw)
	passes(t, s, opaque)
	before := p.carried(func(path string) bool { return !theFeed(path) && !strings.HasPrefix(path, "/oauth/token") })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if got := refusal(t, s, bearer(raw)); got != nil {
					t.Error(got)
				}
				if got := refusal(t, s, bearer(opaque)); got != nil {
					t.Error(got)
				}
			}
		})
	}
	all.Wait()
	if got := p.carried(func(path string) bool { return !theFeed(path) && !strings.HasPrefix(path, "/oauth/token") }); got != before {
		t.Errorf("%d requests to the issuer", got-before)
	}
}

// Requirement: mw-feed
func TestTheFeedIsThereWhenItsLastPageIs(t *testing.T) {
	b := newBoard(t)
	end := time.Now().Add(time.Hour).UnixMilli()
	for i := range 5 {
		b.post(notice{"client", fmt.Sprint(i), end, end})
	}
	b.set(func() { b.paged, b.stop = true, 3 })
	s := started(t, b.config())
	soon(t, "three pages", func() bool { return s.Entries() == 3 })
	polls := b.polls.Load()
	soon(t, "the fourth is asked for again", func() bool { return b.polls.Load() >= polls+2 })
	if s.Health() == nil {
		t.Error("the API counts on what it has not heard yet")
	}
	b.set(func() { b.stop, b.waits = 0, nil })
	soon(t, "all of it", func() bool { return s.Health() == nil })
	if s.Entries() != 5 {
		t.Errorf("%d entries", s.Entries())
	}
	b.set(func() {
		if len(b.waits) < 2 || b.waits[0] != "" || b.waits[1] != "" {
			t.Errorf("pages are waited for: %q", b.waits)
		}
	})
	soon(t, "from then on it waits", func() bool { return b.wait.Load() == "wait=1" })

	// Pages that come later are heard like the first.
	for i := range 3 {
		b.post(notice{"grant", fmt.Sprint(i), end, end})
	}
	soon(t, "more pages", func() bool { return s.Entries() == 8 })
}

// Requirement: mw-feed
func TestAFeedThatAlwaysHasMoreIsNeverThere(t *testing.T) {
	b := newBoard(t)
	b.set(func() { b.stuck = true })
	cfg, logged := b.config(), &notes{}
	cfg.Logger = logged.logger()
	s := started(t, cfg)
	soon(t, "the log says why", func() bool { return strings.Contains(logged.text(), "the page does not lead there") })
	if s.Health() == nil {
		t.Error("the API counts on a feed that has no end")
	}
	b.set(func() { b.stuck = false })
	soon(t, "its end", func() bool { return s.Health() == nil })
}

// Requirement: mw-feed
func TestEntriesAreGoneThroughNowAndThenOnly(t *testing.T) {
	b := newBoard(t)
	start := time.Now()
	var at atomic.Int64
	turn := func(d time.Duration) { at.Store(start.Add(d).UnixNano()) }
	turn(0)
	cfg := b.config()
	cfg.Now = func() time.Time { return time.Unix(0, at.Load()) }
	end := start.Add(time.Hour).UnixMilli()
	b.post(notice{"client", "short", end, start.Add(time.Minute).UnixMilli()}) // and two minutes for clocks that differ
	s := ready(t, cfg)
	turn(175 * time.Second)
	b.post(notice{"client", "a", end, end})
	soon(t, "gone through, and all are kept", func() bool { return s.Entries() == 2 })
	turn(181 * time.Second)
	b.post(notice{"client", "b", end, end})
	soon(t, "not gone through again", func() bool { return s.Entries() == 3 })
	turn(186 * time.Second)
	soon(t, "gone through, and one is forgotten", func() bool { return s.Entries() == 2 })
}

// An issuer that says no has not gone silent: waiting would only delay what is
// known.
//
// Requirement: mw-feed-lost
func TestARefusalByTheIssuerLosesTheFeedAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		feed  int // status; 401 makes the API get another token
		token string
		lost  bool
	}{
		"the feed, with a new token": {401, "", true},
		"the feed":                   {403, "", true},
		"the token endpoint":         {401, "invalid_client", true},
		"the token endpoint too":     {401, "unauthorized_client", true},
		"nobody: it is away":         {503, "", false},
		"nobody: a new token is due": {401, "temporarily_unavailable", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, key := newBoard(t), servertest.NewProver(t)
			b.f.publish(t, "k1", key, nil)
			tokens := b.gives(t)
			cfg := b.config()
			cfg.MaxStale, cfg.Lost = time.Hour, resource.Refuse
			s := ready(t, cfg)
			raw := sign(t, key, "k1", nil, b.f.claims(nil))
			passes(t, s, raw)
			polls := b.polls.Load()
			tokens(tt.token)
			b.set(func() { b.status = tt.feed })
			if tt.lost {
				soon(t, "it is lost", func() bool { return errors.Is(s.Health(), resource.ErrFeedLost) })
				if got := refusal(t, s, bearer(raw)); got == nil || got.Status() != 503 {
					t.Errorf("%v", got)
				}
			} else {
				soon(t, "some attempts", func() bool { return b.polls.Load() >= polls+3 || tt.token != "" && b.refused.Load() >= 2 })
				passes(t, s, raw)
			}
			tokens("")
			b.set(func() { b.status = 200 })
			soon(t, "it is back", func() bool { return s.Health() == nil })
			passes(t, s, raw)
		})
	}
}

// gives makes the token endpoint of a board refuse with a code, or no more.
func (b *board) gives(t testing.TB) func(code string) {
	t.Helper()
	var refuse atomic.Value
	refuse.Store("")
	statuses := map[string]int{"invalid_client": 401, "unauthorized_client": 400, "temporarily_unavailable": 503}
	b.f.answer("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if code, _ := refuse.Load().(string); code != "" {
			b.refused.Add(1)
			w.WriteHeader(statuses[code])
			_ = json.NewEncoder(w).Encode(map[string]any{"error": code})
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"t","token_type":"Bearer","expires_in":300}`))
	})
	return func(code string) { refuse.Store(code) }
}

// The client that reads the feed is frozen, or its realm disabled: both at an
// issuer that goes on answering.
//
// Requirement: mw-feed-lost, mw-revocation
func TestWhenAssentStopsTheRealmOrTheClientOfTheAPINoTokenIsTakenUnasked(t *testing.T) {
	for name, stop := range map[string]func(t *testing.T, h *house){
		"the realm": func(t *testing.T, h *house) {
			servertest.Check(t, h.Server.Realms.SetStatus(t.Context(), h.Site.Realm.ID, model.RealmDisabled, "operator"))
		},
		"the client": func(t *testing.T, h *house) {
			servertest.Check(t, h.Server.Applications.SetStatus(t.Context(), h.Site, model.ClientID(h.actor.ID), model.ApplicationFrozen, "operator"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			cfg := h.config()
			cfg.MaxStale = time.Hour
			s := ready(t, cfg)
			raw := h.token(t, h.service(t, model.ApplicationSettings{}))
			passes(t, s, raw)
			stop(t, h)
			soon(t, "the token is refused", func() bool { return refusal(t, s, bearer(raw)) != nil })
		})
	}
}
