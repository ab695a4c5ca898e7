package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// engines are the databases that a test of this file may ask for.
var engines = []struct {
	name, driver string
	fresh        func(testing.TB) string
}{
	{"SQLite", "sqlite", sqliteDatabase},
	{"PostgreSQL", "pgx", pgtest.Database},
}

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// execute speaks to the database past the store, as an operator could.
func execute(t testing.TB, driver, url, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestProcessesThatStartAtOnceOnAnEmptyDatabaseAllSucceed(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					s, err := store.Open(t.Context(), store.Config{URL: url})
					if err != nil {
						t.Error(err)
						return
					}
					if err := errors.Join(s.Ping(t.Context()), s.Close()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if path := url + ".migrating"; e.name == "SQLite" {
				if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", path, err)
				}
			}
		})
	}
}

func TestADatabaseFromTheFutureIsRefused(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			open(t, store.Config{URL: url})
			execute(t, e.driver, url, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
			_, err := store.Open(t.Context(), store.Config{URL: url})
			if err == nil || !strings.Contains(err.Error(), "99999") {
				t.Errorf("got %v, want a refusal that names the version", err)
			}
		})
	}
}

func TestTheDatabaseFileIsForItsOwnerAlone(t *testing.T) {
	path := sqliteDatabase(t)
	s := open(t, store.Config{URL: "sqlite:" + path})
	if err := s.CreateTenant(t.Context(), model.Tenant{ID: "ten_1", Name: "Acme"}, model.Effects{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

func TestURLsThatNameNoDatabaseAreRefused(t *testing.T) {
	for _, url := range []string{"", "postgres://%zz", "/nobody/has/made/this/folder/x.db"} {
		if s, err := store.Open(t.Context(), store.Config{URL: url}); err == nil {
			s.Close()
			t.Errorf("%q was opened", url)
		}
	}
}

// A process that dies between its commit and its notification leaves only the
// row in the table.
func TestAChangeWithoutANotificationIsFoundByThePoll(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			heard := make(chan model.Change, 10)
			s := open(t, store.Config{URL: url, Publish: func(list []model.Change) {
				for _, c := range list {
					heard <- c
				}
			}})
			follow(t, s)
			id := ids.New("chg")
			execute(t, e.driver, url, fmt.Sprintf(
				`INSERT INTO change (id, node, topic, subject, at) VALUES ('%s', 'another', 'realm', 'rlm_1', 7)`, id))
			want := model.Change{ID: id, Topic: "realm", Key: "rlm_1", At: 7}
			select {
			case got := <-heard:
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			case <-time.After(10 * time.Second):
				t.Error("nothing was heard")
			}
		})
	}
}

// follow follows the feed until the test ends.
func follow(t testing.TB, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Follow(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("follow: %v", err)
		}
	})
	eventually(t, "the feed is fresh", func() bool { return !s.FeedFreshAt().IsZero() })
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 15*time.Second {
			t.Fatalf("it never happens that %s", what)
		}
	}
}

func TestALostListenerComesBackAndResyncs(t *testing.T) {
	url := pgtest.Database(t)
	var resyncs atomic.Int32
	heard := make(chan []model.Change, 10)
	s := open(t, store.Config{URL: url, Resync: func() { resyncs.Add(1) }, Publish: func(l []model.Change) { heard <- l }})
	follow(t, s)
	other := open(t, store.Config{URL: url})
	announce := func(name string) time.Duration {
		began := time.Now()
		err := other.CreateTenant(t.Context(), model.Tenant{ID: model.TenantID("ten_" + name), Name: name},
			model.Effects{Changes: []model.Change{{Topic: "realm", Key: name}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got[0].Key != name {
			t.Errorf("heard %+v, want %s", got, name)
		}
		return time.Since(began)
	}
	announce("before")
	eventually(t, "the listener is ended", func() bool {
		execute(t, "pgx", url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`)
		return resyncs.Load() > 0
	})
	announce("after")
}

func TestWithoutAServerTheStoreIsUnavailableAndRecovers(t *testing.T) {
	ctx := t.Context()
	c, err := pgtest.Start(ctx)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	url, err := c.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, store.Config{URL: url})
	follow(t, s)
	if first, err := s.Consume(ctx, newOnce()); !first || err != nil {
		t.Fatal(first, err)
	}
	if err := c.Crash(ctx); err != nil {
		t.Fatal(err)
	}
	stale := time.Now()
	for range 3 {
		if _, err := s.Consume(ctx, newOnce()); !errors.Is(err, model.ErrUnavailable) && !errors.Is(err, model.ErrCommitUnknown) {
			t.Errorf("while the server is down: got %v, want %v", err, model.ErrUnavailable)
		}
		if err := s.Ping(ctx); !errors.Is(err, model.ErrUnavailable) {
			t.Errorf("while the server is down: got %v, want %v", err, model.ErrUnavailable)
		}
	}
	if at := s.FeedFreshAt(); at.After(stale) {
		t.Errorf("the feed says it is fresh at %v without a server since %v", at, stale)
	}
	if err := c.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if first, err := s.Consume(ctx, newOnce()); !first || err != nil {
		t.Errorf("after the restart: got %v, %v", first, err)
	}
	eventually(t, "the feed is fresh again", func() bool { return s.FeedFreshAt().After(stale) })
}
