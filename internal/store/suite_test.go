package store_test

import (
	"flag"
	"testing"

	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
	"github.com/assent-id/assent/internal/store/storetest"
)

// Stories per machine, unless the command line says otherwise: each step is a
// real transaction.
func init() { _ = flag.Set("rapid.checks", "25") }

func sqliteDatabase(t testing.TB) string { return litetest.Database(t) }

func TestSQLite(t *testing.T) { storetest.Run(t, sqliteDatabase) }

func TestPostgreSQL(t *testing.T) { storetest.Run(t, pgtest.Database) }
