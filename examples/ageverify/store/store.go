// Package store keeps what the age verification example knows, in one SQLite
// file: devices, locations, employees, and the transactions, which are written
// once and never changed.
//
// If this package is wrong, a shop cannot show that it asked.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// What callers branch on.
var (
	ErrNotFound   = errors.New("store: not found")
	ErrNoLocation = errors.New("store: there is no such location, or it is closed")
	ErrNoDevice   = errors.New("store: there is no such device")
	ErrNoEmployee = errors.New("store: there is no such employee")
	ErrRenamed    = errors.New("store: the location has another name by now")
	ErrInUse      = errors.New("store: devices or employees are still there")
)

// A Store is safe for concurrent use, and for several processes on one machine.
type Store struct {
	db     *sql.DB
	record *sql.Stmt // what is done at every till, prepared once
	// writing lets one write of this process at a time in, in place of waiting for
	// the file.
	writing sync.Mutex
}

//go:embed schema.sql
var schema string

// Open opens a file, or makes it. A transaction that was answered is on the disk.
func Open(ctx context.Context, file string) (*Store, error) {
	query := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "recursive_triggers(1)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	db.SetMaxOpenConns(4)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), db.Close())
	}
	record, err := db.PrepareContext(ctx, recordTransaction)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), db.Close())
	}
	return &Store{db: db, record: record}, nil
}

// Close lets go of the file.
func (s *Store) Close() error { return errors.Join(s.record.Close(), s.db.Close()) }

// Ping reports whether the file can be read.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// newID makes a name that nobody can guess: 128 bits.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

// A Page is a part of a list: at most Size after the one at After.
type Page struct {
	After int64
	Size  int
}

// next cuts a list that was read one longer than the page, and returns where the
// next page begins; 0: there is none.
func next[T any](list []T, size int, seq func(T) int64) ([]T, int64) {
	if len(list) <= size {
		return list, 0
	}
	list = list[:size]
	return list, seq(list[size-1])
}

// optional is NULL for "".
func optional(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

func instant(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}
