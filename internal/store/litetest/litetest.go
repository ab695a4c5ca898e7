// Package litetest gives tests SQLite databases that have the schema already: making
// it is most of what a small test would do, the more so under the race detector.
package litetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/store"
)

// Database is the path of a new database of the test's own, empty but for the
// schema.
func Database(t testing.TB) string {
	t.Helper()
	blank, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "assent.sqlite")
	if err := os.WriteFile(path, blank, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// schema is what the migrations make of an empty file.
var schema = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "assent-schema-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "a.sqlite")
	s, err := store.Open(context.Background(), store.Config{URL: path})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
