package gate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/revocation"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A world is a realm with an application and a person on a real database. Its
// hub hears of changes only while it is connected.
type world struct {
	store     *store.Store
	hub       hub.Hub
	connected atomic.Bool
	fresh     atomic.Int64 // Unix nanoseconds
	clock     atomic.Int64 // Unix nanoseconds
	reads     atomic.Int64 // of the gate
	down      atomic.Bool  // the gate's reads fail

	realms *realm.Service
	apps   *application.Service
	people *directory.Service
	site   *model.Site
	app    model.Application
	person model.Identity
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.connected.Store(true)
	w.at(time.Now())
	var err error
	w.store, err = store.Open(t.Context(), store.Config{URL: litetest.Database(t), Publish: func(c []model.Change) {
		if w.connected.Load() {
			w.hub.Publish(c)
		}
	}})
	check(t, err)
	t.Cleanup(func() { check(t, w.store.Close()) })
	w.realms, err = realm.New(realm.Config{Store: w.store, BaseURL: "http://localhost:8420", Now: w.now})
	check(t, err)
	w.site, _, err = w.realms.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
	check(t, err)
	w.people = directory.New(directory.Config{Store: w.store, Now: w.now})
	w.person, err = w.people.CreateIdentity(t.Context(), w.site, directory.NewIdentity{Traits: model.Traits{Username: "alex"}})
	check(t, err)
	w.apps = application.New(application.Config{Store: w.store, Now: w.now})
	w.app = w.register(t, "")
	return w
}

func (w *world) register(t *testing.T, owner model.IdentityID) model.Application {
	t.Helper()
	made, err := w.apps.Create(t.Context(), w.site, application.NewApplication{Name: "A", Kind: model.KindService,
		AuthMethod: model.AuthClientSecretPost, OwnerID: owner})
	check(t, err)
	return made.Application
}

func (w *world) at(t time.Time)   { w.clock.Store(t.UnixNano()) }
func (w *world) now() time.Time   { return time.Unix(0, w.clock.Load()) }
func (w *world) ms() model.Millis { return model.MillisOf(w.now()) }

func (w *world) gate(cfg gate.Config) *gate.Gate {
	cfg.Store, cfg.Hub, cfg.Now = counted{w.store, w}, &w.hub, w.now
	cfg.Revocations = revocation.NewMemory(revocation.Config{Store: counted{w.store, w}, Hub: &w.hub, Now: w.now})
	return gate.New(cfg)
}

// use is a token of the person and the application that was issued at the
// world's present.
func (w *world) use() gate.Use {
	return gate.Use{Site: w.site, Application: &w.app, Identity: w.person.ID, JTI: "tok_1", Grant: "grt_1", IssuedAt: w.ms()}
}

// counted is the database as the gate reads it.
type counted struct {
	*store.Store
	w *world
}

var errDown = errors.New("the database is down")

func (c counted) read() error {
	c.w.reads.Add(1)
	if c.w.down.Load() {
		return errDown
	}
	return nil
}

func (c counted) Realms(ctx context.Context) ([]model.Realm, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	return c.Store.Realms(ctx)
}

func (c counted) Application(ctx context.Context, r model.RealmID, id model.ClientID) (model.Application, error) {
	if err := c.read(); err != nil {
		return model.Application{}, err
	}
	return c.Store.Application(ctx, r, id)
}

func (c counted) Identity(ctx context.Context, r model.RealmID, id model.IdentityID) (model.Identity, error) {
	if err := c.read(); err != nil {
		return model.Identity{}, err
	}
	return c.Store.Identity(ctx, r, id)
}

func (c counted) Revocations(ctx context.Context, since, now model.Millis) ([]model.Revocation, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	return c.Store.Revocations(ctx, since, now)
}

func (c counted) Revoked(ctx context.Context, r model.RealmID, kind model.RevocationKind, key string) (model.Millis, error) {
	if err := c.read(); err != nil {
		return 0, err
	}
	return c.Store.Revoked(ctx, r, kind, key)
}

// revoke revokes by itself what has a key, for an hour.
func (w *world) revoke(t *testing.T, kind model.RevocationKind, key string, expires model.Millis) {
	t.Helper()
	now := w.ms()
	check(t, w.store.Revoke(t.Context(), model.Revocation{RealmID: w.site.Realm.ID, Kind: kind, Key: key, Before: now, At: now, ExpiresAt: expires},
		model.Effects{Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: key, At: now}}}))
}

// stops are the ways to stop somebody, with the reason that the gate gives. Each
// happens in the millisecond in which the token was issued.
var stops = []struct {
	name string
	stop func(*testing.T, *world)
	want gate.Reason
}{
	{"realm disabled", func(t *testing.T, w *world) {
		check(t, w.realms.SetStatus(t.Context(), w.site.Realm.ID, model.RealmDisabled, "op"))
	}, gate.RealmDisabled},
	{"tokens of the realm revoked", func(t *testing.T, w *world) {
		_, err := w.realms.RevokeTokens(t.Context(), w.site.Realm.ID, "op")
		check(t, err)
	}, gate.IssuedBefore},
	{"application frozen", func(t *testing.T, w *world) {
		check(t, w.apps.SetStatus(t.Context(), w.site, w.app.ID, model.ApplicationFrozen, "op"))
	}, gate.ApplicationNotActive},
	{"application disabled", func(t *testing.T, w *world) {
		check(t, w.apps.SetStatus(t.Context(), w.site, w.app.ID, model.ApplicationDisabled, "op"))
	}, gate.ApplicationNotActive},
	{"tokens of the application revoked", func(t *testing.T, w *world) {
		_, err := w.apps.RevokeTokens(t.Context(), w.site, w.app.ID, "op")
		check(t, err)
	}, gate.IssuedBefore},
	{"frozen and thawed", func(t *testing.T, w *world) {
		check(t, w.apps.SetStatus(t.Context(), w.site, w.app.ID, model.ApplicationFrozen, "op"))
		check(t, w.apps.SetStatus(t.Context(), w.site, w.app.ID, model.ApplicationActive, "op"))
	}, gate.IssuedBefore},
	{"person suspended", func(t *testing.T, w *world) {
		_, err := w.people.Suspend(t.Context(), w.site, w.person.ID, "op")
		check(t, err)
	}, gate.IdentityNotActive},
	{"suspended and activated", func(t *testing.T, w *world) {
		_, err := w.people.Suspend(t.Context(), w.site, w.person.ID, "op")
		check(t, err)
		_, err = w.people.Activate(t.Context(), w.site, w.person.ID, "op")
		check(t, err)
	}, gate.IssuedBefore},
	{"token revoked", func(t *testing.T, w *world) { w.revoke(t, model.RevokeToken, "tok_1", w.ms().Add(time.Hour)) }, gate.TokenRevoked},
	{"token revoked for ever", func(t *testing.T, w *world) { w.revoke(t, model.RevokeToken, "tok_1", 0) }, gate.TokenRevoked},
	{"grant revoked", func(t *testing.T, w *world) { w.revoke(t, model.RevokeGrant, "grt_1", w.ms().Add(time.Hour)) }, gate.GrantRevoked},
}

func TestWhoeverIsStoppedIsStoppedAtOnce(t *testing.T) {
	for _, tt := range stops {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			g, use := w.gate(gate.Config{}), w.use()
			check(t, g.Check(t.Context(), use))
			reads := w.reads.Load()
			check(t, g.Check(t.Context(), use))
			if now := w.reads.Load(); now != reads {
				t.Errorf("a second look cost %d reads, want none", now-reads)
			}
			tt.stop(t, w)
			for range 2 {
				if got, _ := gate.Refused(g.Check(t.Context(), use)); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// While this node does not know whether it heard everything, memory is not
// believed.
func TestAStaleFeedMeansThatTheDatabaseIsAsked(t *testing.T) {
	for _, tt := range stops {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			fresh := func() time.Time { return time.Unix(0, w.fresh.Load()) }
			w.fresh.Store(w.clock.Load())
			g, use := w.gate(gate.Config{Fresh: fresh, MaxStale: 3 * time.Second}), w.use()
			check(t, g.Check(t.Context(), use))
			w.connected.Store(false)
			tt.stop(t, w)
			w.at(w.now().Add(3 * time.Second))
			check(t, g.Check(t.Context(), use)) // nothing was heard, and nothing is known to be missing
			for _, bad := range []struct {
				name string
				age  time.Duration // of the feed's last complete instant
			}{
				{"the feed is old", 3*time.Second + time.Millisecond},
				{"the clock jumped back", -time.Hour},
				{"the feed was never complete", time.Duration(w.clock.Load())},
			} {
				w.fresh.Store(w.now().Add(-bad.age).UnixNano())
				if got, _ := gate.Refused(g.Check(t.Context(), use)); got != tt.want {
					t.Errorf("%s: got %q, want %q", bad.name, got, tt.want)
				}
			}
		})
	}
}

func TestAfterAResyncNothingIsRemembered(t *testing.T) {
	for _, tt := range stops {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			g, use := w.gate(gate.Config{}), w.use()
			check(t, g.Check(t.Context(), use))
			w.connected.Store(false)
			tt.stop(t, w)
			w.hub.Resync()
			if got, _ := gate.Refused(g.Check(t.Context(), use)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatWasGivenLaterPasses(t *testing.T) {
	w := newWorld(t)
	g := w.gate(gate.Config{})
	_, err := w.realms.RevokeTokens(t.Context(), w.site.Realm.ID, "op")
	check(t, err)
	_, err = w.apps.RevokeTokens(t.Context(), w.site, w.app.ID, "op")
	check(t, err)
	use := w.use()
	if got, _ := gate.Refused(g.Check(t.Context(), use)); got != gate.IssuedBefore {
		t.Errorf("in the same millisecond: %q", got)
	}
	use.IssuedAt++
	check(t, g.Check(t.Context(), use))
	use.IssuedAt, use.JTI, use.Grant = 0, "", "" // one that is being made
	check(t, g.Check(t.Context(), use))
}

// A caller that waited holds what it read before.
func TestTheGateLooksAtThePresentNotAtWhatTheCallerHolds(t *testing.T) {
	w := newWorld(t)
	g, held := w.gate(gate.Config{}), w.use()
	held.IssuedAt = 0
	check(t, w.apps.SetStatus(t.Context(), w.site, w.app.ID, model.ApplicationFrozen, "op"))
	if held.Application.Status != model.ApplicationActive {
		t.Fatal("the caller's copy changed: this test shows nothing")
	}
	if got, _ := gate.Refused(g.Check(t.Context(), held)); got != gate.ApplicationNotActive {
		t.Errorf("got %q", got)
	}
}

func TestAGateThatCannotTellStaysClosed(t *testing.T) {
	w := newWorld(t)
	g := w.gate(gate.Config{})
	w.down.Store(true)
	err := g.Check(t.Context(), w.use())
	if _, refused := gate.Refused(err); err == nil || refused || !errors.Is(err, errDown) {
		t.Errorf("got %v, want the cause and no refusal", err)
	}
	w.down.Store(false)
	check(t, g.Check(t.Context(), w.use()))
}

// A revocation that could not be read once is not forgotten.
func TestARevocationIsSeenAfterAReadThatFailed(t *testing.T) {
	w := newWorld(t)
	g, use := w.gate(gate.Config{}), w.use()
	check(t, g.Check(t.Context(), use))
	w.revoke(t, model.RevokeToken, "tok_1", w.ms().Add(time.Hour))
	w.down.Store(true)
	for range 2 {
		if err := g.Check(t.Context(), use); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	}
	w.down.Store(false)
	if got, _ := gate.Refused(g.Check(t.Context(), use)); got != gate.TokenRevoked {
		t.Errorf("got %q", got)
	}
}

// Nodes' clocks differ, and one's own may be set back: a revocation counts
// whatever time its writer had.
func TestARevocationByAClockThatIsBehindCounts(t *testing.T) {
	w := newWorld(t)
	g, use := w.gate(gate.Config{}), w.use()
	use.IssuedAt = w.ms().Add(-24 * time.Hour)
	check(t, g.Check(t.Context(), use))
	w.revoke(t, model.RevokeToken, "tok_other", w.ms().Add(time.Hour)) // everything until now was read
	check(t, g.Check(t.Context(), use))
	w.at(w.now().Add(-2 * time.Hour))
	w.revoke(t, model.RevokeToken, "tok_1", w.ms().Add(time.Hour))
	if got, _ := gate.Refused(g.Check(t.Context(), use)); got != gate.TokenRevoked {
		t.Errorf("got %q", got)
	}
}

func TestARevocationIsForgottenWhenItsTokenHasExpired(t *testing.T) {
	w := newWorld(t)
	g, use := w.gate(gate.Config{}), w.use()
	w.revoke(t, model.RevokeToken, "tok_1", w.ms().Add(time.Minute))
	if got, _ := gate.Refused(g.Check(t.Context(), use)); got != gate.TokenRevoked {
		t.Fatalf("got %q", got)
	}
	w.at(w.now().Add(time.Hour))
	w.revoke(t, model.RevokeToken, "tok_2", w.ms().Add(time.Minute)) // looks around
	check(t, g.Check(t.Context(), use))
}

func TestManyLookWhileManyRevoke(t *testing.T) {
	w := newWorld(t)
	g, use := w.gate(gate.Config{}), w.use()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 5 {
				jti := ids.New("tok")
				mine := use
				mine.JTI = jti
				if err := g.Check(t.Context(), mine); err != nil {
					t.Errorf("%d, %d: before: %v", i, n, err)
				}
				w.revoke(t, model.RevokeToken, jti, w.ms().Add(time.Hour))
				if got, _ := gate.Refused(g.Check(t.Context(), mine)); got != gate.TokenRevoked {
					t.Errorf("%d, %d: after: %q", i, n, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestAnApplicationAsksThoseWhomItActsForOrWhomTheRealmAllows(t *testing.T) {
	w := newWorld(t)
	g := w.gate(gate.Config{})
	own := w.register(t, w.person.ID)
	open := *w.site
	open.Realm.Policy.AskAnyone = true
	tests := []struct {
		name   string
		site   *model.Site
		app    *model.Application
		person model.IdentityID
		want   gate.Reason
	}{
		{"its owner", w.site, &own, w.person.ID, ""},
		{"a stranger", w.site, &w.app, w.person.ID, gate.NoRelation},
		{"a stranger where all may ask", &open, &w.app, w.person.ID, ""},
		{"nobody", w.site, &w.app, "", gate.NoRelation},
		{"nobody where all may ask", &open, &w.app, "", gate.NoRelation},
		{"somebody unknown", &open, &own, "idn_unknown", gate.IdentityUnknown},
	}
	for _, tt := range tests {
		err := g.MayAsk(t.Context(), gate.Use{Site: tt.site, Application: tt.app, Identity: tt.person})
		if got, _ := gate.Refused(err); got != tt.want || (err == nil) != (tt.want == "") {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	_, err := w.people.Suspend(t.Context(), w.site, w.person.ID, "op")
	check(t, err)
	err = g.MayAsk(t.Context(), gate.Use{Site: w.site, Application: &own, Identity: w.person.ID})
	if got, _ := gate.Refused(err); got != gate.IdentityNotActive {
		t.Errorf("a suspended owner: %v", err)
	}
}

func refusal(_ model.Millis, err error) error { return err }

func TestAPersonPassesWhileTheyAndTheirRealmAreActive(t *testing.T) {
	w := newWorld(t)
	g := w.gate(gate.Config{})
	other, suspended := w.person, w.person
	other.RealmID = "rlm_other"
	suspended.Status = model.IdentitySuspended
	for name, tt := range map[string]struct {
		who  model.Identity
		want gate.Reason
	}{"active": {w.person, ""}, "of another realm": {other, gate.IdentityUnknown}, "suspended": {suspended, gate.IdentityNotActive}} {
		if got, _ := gate.Refused(refusal(g.Person(t.Context(), w.site, tt.who))); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	check(t, w.realms.SetStatus(t.Context(), w.site.Realm.ID, model.RealmDisabled, "op"))
	if got, _ := gate.Refused(refusal(g.Person(t.Context(), w.site, w.person))); got != gate.RealmDisabled {
		t.Errorf("in a disabled realm: %q", got)
	}
}

// Whole seconds are too coarse to say what came first; our token ids know more.
func TestTheIssueOfATokenIsKnownToTheMillisecond(t *testing.T) {
	jti := ids.New("tok")
	made, _ := ids.Time(jti)
	tests := []struct {
		name string
		jti  string
		iat  int64
		want model.Millis
	}{
		{"ours", jti, made.Unix(), model.MillisOf(made)},
		{"a jti of another second", jti, made.Unix() - 10, model.Millis((made.Unix() - 10) * 1000)},
		{"no time in it", "x", 7, 7000},
	}
	for _, tt := range tests {
		if got := gate.IssuedAt(tt.jti, tt.iat); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Whoever makes something by what the gate lets pass is told what it must be later
// than.
//
// Requirement: lever-millisecond
func TestTheGateSaysWhatANewTokenMustBeLaterThan(t *testing.T) {
	w := newWorld(t)
	g := w.gate(gate.Config{})
	fresh := gate.Use{Site: w.site, Application: &w.app, Identity: w.person.ID, Grant: "grt_1"}
	pass := func() model.Millis {
		t.Helper()
		before, err := g.Pass(t.Context(), fresh)
		check(t, err)
		return before
	}
	if got := pass(); got != 0 {
		t.Errorf("nothing was revoked, and yet %d", got)
	}
	start := w.ms()
	pulls := []func() (model.Millis, error){
		func() (model.Millis, error) { return w.apps.RevokeTokens(t.Context(), w.site, w.app.ID, "op") },
		func() (model.Millis, error) {
			who, err := w.people.RevokeTokens(t.Context(), w.site, directory.Ref[model.IdentityID]{ID: w.person.ID})
			return who.TokensInvalidBefore, err
		},
		func() (model.Millis, error) { return w.realms.RevokeTokens(t.Context(), w.site.Realm.ID, "op") },
		func() (model.Millis, error) {
			w.revoke(t, model.RevokeGrantTokens, "grt_1", w.ms().Add(time.Hour))
			return w.ms(), nil
		},
	}
	for i, pull := range pulls {
		w.at(start.Add(time.Duration(i) * time.Millisecond).Time())
		at, err := pull()
		check(t, err)
		if got := pass(); got != at || at != w.ms() {
			t.Errorf("lever %d: got %d, want %d", i, got, at)
		}
	}
	if made := gate.After(w.now(), pass()); model.MillisOf(made) != w.ms()+1 {
		t.Errorf("dated %d, want one millisecond after %d", model.MillisOf(made), w.ms())
	}
	if later := w.now().Add(time.Hour); !gate.After(later, pass()).Equal(later) {
		t.Error("a date that is later already was moved")
	}
}

// A clock that is behind, or stands, raises the mark all the same: what was issued
// after the last time was dated later than that.
//
// Requirement: lever-twice
func TestALeverAlwaysMovesOn(t *testing.T) {
	w := newWorld(t)
	last := model.Millis(0)
	for _, back := range []time.Duration{0, 0, 5 * time.Second, 0} {
		w.at(w.now().Add(-back))
		at, err := w.apps.RevokeTokens(t.Context(), w.site, w.app.ID, "op")
		check(t, err)
		if at <= last {
			t.Errorf("revoked up to %d after %d", at, last)
		}
		last = at
	}
}

// Requirement: lever-grant
func TestTheTokensOfAGrantAreRevokedWhileItLives(t *testing.T) {
	w := newWorld(t)
	g, old := w.gate(gate.Config{}), w.use()
	check(t, g.Check(t.Context(), old))
	w.revoke(t, model.RevokeGrantTokens, "grt_1", w.ms().Add(time.Hour))
	if got, _ := gate.Refused(g.Check(t.Context(), old)); got != gate.IssuedBefore {
		t.Errorf("a token from before: %q", got)
	}
	grant, next, other := old, old, old
	grant.JTI = "" // its refresh token
	next.IssuedAt++
	other.Grant = "grt_2"
	for name, u := range map[string]gate.Use{"the grant itself": grant, "a token from after": next, "one of another grant": other} {
		if err := g.Check(t.Context(), u); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
