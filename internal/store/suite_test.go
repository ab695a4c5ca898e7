package store_test

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/assent-id/assent/internal/store/pgtest"
	"github.com/assent-id/assent/internal/store/storetest"
)

// Stories per machine, unless the command line says otherwise: each step is a
// real transaction.
func init() { _ = flag.Set("rapid.checks", "25") }

func sqliteDatabase(t testing.TB) string { return filepath.Join(t.TempDir(), "assent.db") }

func TestSQLite(t *testing.T) { storetest.Run(t, sqliteDatabase) }

func TestPostgreSQL(t *testing.T) { storetest.Run(t, pgtest.Database) }
