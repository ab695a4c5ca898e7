package keys_test

import (
	"database/sql"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A world is a database with two realms in it, and a clock. Servers open it.
type world struct {
	url         string
	ring        *seal.Keyring
	clock       atomic.Int64 // Unix milliseconds
	site, other *model.Site
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateKey())
	check(t, err)
	w := &world{url: url, ring: ring}
	w.clock.Store(time.Now().UnixMilli())
	db, err := store.Open(t.Context(), store.Config{URL: url})
	check(t, err)
	defer func() { check(t, db.Close()) }()
	realms, err := realm.New(realm.Config{Store: db, BaseURL: "http://localhost:8420"})
	check(t, err)
	w.site, _, err = realms.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
	check(t, err)
	w.other, err = realms.Create(t.Context(), realm.NewRealm{Name: "other"})
	check(t, err)
	return w
}

func (w *world) now() time.Time          { return time.UnixMilli(w.clock.Load()) }
func (w *world) advance(d time.Duration) { w.clock.Add(d.Milliseconds()) }

// server opens the world's database as one more server, with a cold memory.
func (w *world) server(t *testing.T, ring *seal.Keyring) *keys.Service {
	t.Helper()
	h := &hub.Hub{}
	db, err := store.Open(t.Context(), store.Config{URL: w.url, Publish: h.Publish, Resync: h.Resync})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	return keys.New(keys.Config{Store: db, Hub: h, Keyring: ring, Now: w.now})
}

func sqlite(t *testing.T) *world {
	t.Helper()
	return newWorld(t, litetest.Database(t))
}

// engines runs a test on every database that there is.
func engines(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, sqlite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newWorld(t, pgtest.Database(t))) })
}

// exec changes the SQLite file behind everybody's back.
func (w *world) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", w.url)
	check(t, err)
	defer func() { check(t, db.Close()) }()
	done, err := db.ExecContext(t.Context(), query, args...)
	check(t, err)
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: %d rows, %v", query, n, err)
	}
}

func sign(t *testing.T, s *keys.Service, site *model.Site, alg jose.Alg) (compact, kid string) {
	t.Helper()
	compact, err := s.Sign(t.Context(), site, string(alg), "test+jwt", []byte(`{"a":1}`))
	check(t, err)
	u, err := jose.Peek(compact)
	check(t, err)
	return compact, u.Header().KID
}

// kids lists the keys in a set.
func kids(t *testing.T, set []byte, err error) map[string]bool {
	t.Helper()
	check(t, err)
	var doc struct {
		Keys []struct{ Kid string }
	}
	check(t, json.Unmarshal(set, &doc))
	found := map[string]bool{}
	for _, k := range doc.Keys {
		found[k.Kid] = true
	}
	return found
}
