package revocation_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/revocation"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// api is the resource server for which readers read.
const api = "https://api.example"

// A world is a database with one realm, and what its nodes share.
type world struct {
	url  string
	ring *seal.Keyring
	site *model.Site
}

// onBoth runs a test on each database.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	for _, engine := range []struct {
		name string
		open func(testing.TB) string
	}{{"sqlite", litetest.Database}, {"postgres", pgtest.Database}} {
		t.Run(engine.name, func(t *testing.T) { test(t, newWorld(t, engine.open(t))) })
	}
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	check(t, err)
	w := &world{url: url, ring: ring}
	db, err := store.Open(t.Context(), store.Config{URL: url})
	check(t, err)
	defer func() { check(t, db.Close()) }()
	realms, err := realm.New(realm.Config{Store: db, BaseURL: "http://localhost:8420"})
	check(t, err)
	w.site, _, err = realms.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
	check(t, err)
	return w
}

// A node is one process on the database: it hears what others do within about a
// second, and counts what memory reads.
type node struct {
	*revocation.Feed
	w      *world
	store  *store.Store
	hub    *hub.Hub
	apps   *application.Service
	memory *revocation.Memory
	reads  atomic.Int64
	unsure atomic.Bool
	asked  atomic.Int64 // how often it was asked whether it is sure: with each look, at least
	ahead  atomic.Int64 // of the real time
}

func (w *world) node(t *testing.T, change func(*revocation.FeedConfig)) *node {
	t.Helper()
	n := &node{w: w, hub: &hub.Hub{}}
	var err error
	n.store, err = store.Open(t.Context(), store.Config{URL: w.url, Publish: n.hub.Publish, Resync: n.hub.Resync})
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	followed := make(chan error, 1)
	go func() { followed <- n.store.Follow(ctx) }()
	t.Cleanup(func() {
		stop()
		check(t, <-followed)
		check(t, n.store.Close())
	})
	n.apps = application.New(application.Config{Store: n.store, Hub: n.hub})
	n.memory = revocation.NewMemory(revocation.Config{Store: counted{n.store, n}, Hub: n.hub, Now: n.now})
	cfg := revocation.FeedConfig{Memory: n.memory, Now: n.now, Trusted: n.sure,
		Names: oauth.New(oauth.Config{Store: n.store, Hub: n.hub, Keys: keys.New(keys.Config{Store: n.store, Hub: n.hub, Keyring: w.ring})})}
	if change != nil {
		change(&cfg)
	}
	n.Feed = revocation.NewFeed(cfg)
	return n
}

func (n *node) sure() bool       { n.asked.Add(1); return !n.unsure.Load() }
func (n *node) now() time.Time   { return time.Now().Add(time.Duration(n.ahead.Load())) }
func (n *node) ms() model.Millis { return model.MillisOf(n.now()) }

type counted struct {
	*store.Store
	n *node
}

func (c counted) Revocations(ctx context.Context, since, now model.Millis) ([]model.Revocation, error) {
	c.n.reads.Add(1)
	return c.Store.Revocations(ctx, since, now)
}

// revoke writes one as a service does, an hour before it expires.
func (n *node) revoke(t testing.TB, kind model.RevocationKind, key string) model.Revocation {
	t.Helper()
	now := n.ms()
	r := model.Revocation{RealmID: n.w.site.Realm.ID, Kind: kind, Key: key, Before: now, At: now, ExpiresAt: now.Add(time.Hour)}
	n.write(t, r)
	return r
}

func (n *node) write(t testing.TB, r model.Revocation) {
	t.Helper()
	check(t, n.store.Revoke(t.Context(), r,
		model.Effects{Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: r.Key, At: r.At}}}))
}

// read reads on from a cursor.
func (n *node) read(t testing.TB, since string) revocation.Page {
	t.Helper()
	page, err := n.Read(t.Context(), revocation.Query{Site: n.w.site, Since: since, Resources: []string{api}})
	check(t, err)
	return page
}

// ids are those of entries, in their order.
func idsOf(p revocation.Page) []string {
	list := []string{}
	for _, e := range p.Entries {
		list = append(list, e.ID)
	}
	return list
}

// until repeats a look until it is content: what another node did is heard soon,
// and nobody promises when.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
