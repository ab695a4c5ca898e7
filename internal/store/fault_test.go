package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// A wire is a network between the store and the server that can be cut at the
// worst moments.
type wire struct {
	listener net.Listener
	server   string
	fault    atomic.Int32
	spare    atomic.Int32 // how much of what the fault hits goes through first
	mu       sync.Mutex
	open     []net.Conn
}

// What a wire does with the next words of a client.
const (
	healthy  = iota
	cutAsk   // close before they reach the server
	cutReply // let the server act, and swallow its answer
)

// newWire returns the wire and the URL that leads through it.
func newWire(t *testing.T, direct string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	if !filepath.IsAbs(query.Get("host")) {
		t.Skip("the wire needs a server on a unix socket")
	}
	dir, err := os.MkdirTemp("", "wire") // t.TempDir() is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &wire{server: filepath.Join(query.Get("host"), ".s.PGSQL.5432")}
	if w.listener, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.listener.Close(); w.cut() })
	go w.accept()
	query.Set("host", dir)
	u.RawQuery = query.Encode()
	return w, u.String()
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", w.server)
		if err != nil {
			client.Close()
			continue
		}
		w.mu.Lock()
		w.open = append(w.open, client, server)
		w.mu.Unlock()
		go w.ask(client, server)
		go w.reply(client, server)
	}
}

func (w *wire) ask(client, server net.Conn) {
	defer client.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil || w.fault.Load() == cutAsk && w.spare.Add(-1) < 0 {
			server.Close()
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) reply(client, server net.Conn) {
	defer client.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil || w.fault.Load() == cutReply && w.spare.Add(-1) < 0 {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut ends all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		c.Close()
	}
	w.open = nil
}

// cuts are the two moments between which nobody can tell.
var cuts = []struct {
	name     string
	fault    int32
	happened bool
}{
	{"BeforeTheServerHearsOfIt", cutAsk, false},
	{"BeforeTheAnswerComes", cutReply, true},
}

func TestAChangeWhoseCommitIsUnknownIsNamedSoAndTold(t *testing.T) {
	for _, tt := range cuts {
		t.Run(tt.name, func(t *testing.T) {
			ctx, direct := t.Context(), pgtest.Database(t)
			w, through := newWire(t, direct)
			var told atomic.Int32
			s := open(t, store.Config{URL: through, MaxConns: 1, Publish: func([]model.Change) { told.Add(1) }})
			create := func(name string, fx model.Effects) error {
				return s.CreateTenant(ctx, model.Tenant{ID: model.TenantID("ten_" + name), Name: name}, fx)
			}
			if err := create("warm", model.Effects{}); err != nil { // the connection is there now
				t.Fatal(err)
			}
			w.fault.Store(tt.fault)
			err := create("lost", model.Effects{Changes: []model.Change{{Topic: "realm", Key: "lost"}}})
			w.fault.Store(healthy)
			if !errors.Is(err, model.ErrCommitUnknown) {
				t.Errorf("got %v, want %v", err, model.ErrCommitUnknown)
			}
			if told.Load() != 1 {
				t.Error("a change that may have happened was not told")
			}
			tenants, err := open(t, store.Config{URL: direct}).Tenants(ctx)
			if err != nil || (len(tenants) == 2) != tt.happened {
				t.Errorf("got %d tenants, happened should be %v (%v)", len(tenants), tt.happened, err)
			}
			if err := create("next", model.Effects{}); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAConsumptionWhoseCommitIsUnknownIsNamedSo(t *testing.T) {
	for _, tt := range cuts {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			w, through := newWire(t, pgtest.Database(t))
			s := open(t, store.Config{URL: through, MaxConns: 1})
			warm, lost := newOnce(), newOnce()
			if first, err := s.Consume(ctx, warm); !first || err != nil {
				t.Fatal(first, err)
			}
			w.fault.Store(tt.fault)
			_, err := s.Consume(ctx, lost)
			w.fault.Store(healthy)
			if !errors.Is(err, model.ErrCommitUnknown) {
				t.Errorf("got %v, want %v", err, model.ErrCommitUnknown)
			}
			if first, err := s.Consume(ctx, lost); err != nil || first == tt.happened {
				t.Errorf("afterwards: got first=%v (%v), happened should be %v", first, err, tt.happened)
			}
		})
	}
}

func newOnce() model.Once {
	return model.Once{Namespace: "x", RealmID: "rlm_1", Digest: ids.DigestOf(ids.Secret()), Until: 1000}
}

func TestIdleConnectionsThatDiedAreReplacedSilently(t *testing.T) {
	w, through := newWire(t, pgtest.Database(t))
	s := open(t, store.Config{URL: through})
	for i := range 3 {
		if err := s.CreateTenant(t.Context(), model.Tenant{ID: model.TenantID(ids.New("ten")), Name: ids.New("n")}, model.Effects{}); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if _, err := s.Realms(t.Context()); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		time.Sleep(10 * time.Millisecond) // long enough to be looked at before use
		w.cut()
	}
}

func TestABusyPoolIsUnavailableAndNotForEver(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, store.Config{URL: url, MaxConns: 1})
	ctx := t.Context()
	r := realmWithTenant(t, s)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`SELECT * FROM realm WHERE id = $1 FOR UPDATE`, string(r.ID)); err != nil {
		t.Fatal(err)
	}
	stuck := make(chan error, 1)
	go func() { stuck <- s.UpdateRealm(ctx, r, model.Effects{}) }()
	eventually(t, "the only connection waits for the lock", func() bool {
		var n int
		err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).Scan(&n)
		return err == nil && n > 0
	})
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Ping(short); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, model.ErrUnavailable)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-stuck; err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func realmWithTenant(t *testing.T, s *store.Store) model.Realm {
	t.Helper()
	r := model.Realm{ID: "rlm_1", TenantID: "ten_1", Name: "one", Version: 1}
	err := errors.Join(s.CreateTenant(t.Context(), model.Tenant{ID: "ten_1", Name: "Acme"}, model.Effects{}),
		s.CreateRealm(t.Context(), r, model.Effects{}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
