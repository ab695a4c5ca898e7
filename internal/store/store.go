package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// Config says where the database is and who wants to hear of changes.
type Config struct {
	// URL is the path of an SQLite file, with or without "sqlite:" before it,
	// or a postgres:// or postgresql:// URL.
	URL string
	// Publish hears every change once: those of this store after its own
	// commits, on the goroutine that committed, and those of others while
	// Follow runs. It may be called from several goroutines at once and must
	// not block. nil: nobody listens.
	Publish func([]model.Change)
	// Resync is called when changes may have been missed: anything may be
	// different now. nil: nobody listens.
	Resync func()
	// Logger gets what no caller hears of; nil: nobody does.
	Logger *slog.Logger
	// MaxConns bounds the connections to PostgreSQL, or the readers of SQLite;
	// 0: a number that suits the machine.
	MaxConns int
}

func (c *Config) complete() {
	if c.Publish == nil {
		c.Publish = func([]model.Change) {}
	}
	if c.Resync == nil {
		c.Resync = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// How long a caller without a deadline of its own waits.
const (
	// waitTimeout bounds the wait for a turn: a connection of the pool, a place
	// in the queue of the writer, the lock of another process.
	waitTimeout = 5 * time.Second
	// runTimeout bounds the work itself once it has begun.
	runTimeout = 10 * time.Second
)

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	name() string
	// write runs the unit in one transaction and returns once it is durable.
	write(context.Context, *unit) error
	// read runs statements that only read and see committed data.
	read(context.Context, ...step) error
	consume(context.Context, *model.Once) (first bool, err error)
	follow(context.Context) error
	ping(context.Context) error
	// clock is the present as the table of changes sees it.
	clock(context.Context) (int64, error)
	close() error
}

// A Store is the database of one process. It is safe for concurrent use.
type Store struct {
	db     engine
	feed   *feed
	grants grantSweep
}

// Open connects, brings the schema up to date under a lock, and returns the
// store. The caller closes it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg.complete()
	f := newFeed(cfg, rand.Text()[:10])
	var db engine
	var err error
	switch scheme, rest, found := strings.Cut(cfg.URL, ":"); {
	case cfg.URL == "":
		return nil, errors.New("open store: no database URL")
	case found && (scheme == "postgres" || scheme == "postgresql"):
		db, err = openPostgres(ctx, cfg, f)
	case found && scheme == "sqlite":
		db, err = openSQLite(ctx, strings.TrimPrefix(rest, "//"), cfg, f)
	default:
		db, err = openSQLite(ctx, cfg.URL, cfg, f)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &Store{db: db, feed: f}, nil
}

// Close finishes what was accepted and lets go of the database. Follow must
// have ended before. Calls that come later fail with [model.ErrUnavailable].
func (s *Store) Close() error { return s.db.close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.ping(ctx) }

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.db.name() }

// write runs a unit with its effects, and tells of the changes once they are
// durable.
func (s *Store) write(ctx context.Context, u *unit, fx model.Effects) error {
	addRevocations(u, &fx)
	changes := s.feed.stamp(fx.Changes)
	addEffects(u, fx.Events, fx.Outbox, changes, s.feed.node)
	if len(u.steps) == 0 {
		return nil
	}
	err := s.db.write(ctx, u)
	// After an unknown commit the change may have happened. Saying so is safe:
	// who hears of a change reads again.
	if len(changes) > 0 && (err == nil || errors.Is(err, model.ErrCommitUnknown)) {
		s.feed.committed(changes)
	}
	return err
}

// readOne finds one row or says [model.ErrNotFound].
func readOne[T any](ctx context.Context, s *Store, scan func(row) T, sql string, args ...any) (T, error) {
	got := rowsOf(scan)
	if err := s.db.read(ctx, step{sql: sql, args: args, rows: got}); err != nil {
		var zero T
		return zero, err
	}
	return got.one()
}

// readAll lists rows.
func readAll[T any](ctx context.Context, s *Store, scan func(row) T, sql string, args ...any) ([]T, error) {
	got := rowsOf(scan)
	if err := s.db.read(ctx, step{sql: sql, args: args, rows: got}); err != nil {
		return nil, err
	}
	return got.got, nil
}

// lostOrMissing tells a caller who lost from one whose row was never there in
// this realm. The answer was decided before; this only names it.
func (s *Store) lostOrMissing(ctx context.Context, err error, existsSQL string, args ...any) error {
	if !errors.Is(err, model.ErrConflict) {
		return err
	}
	if _, e := readOne(ctx, s, row.text, existsSQL, args...); errors.Is(e, model.ErrNotFound) {
		return e
	}
	return err
}
