package store

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kept are tables that name a person and stay when the person is deleted.
var kept = map[string]string{
	"session":        "says whom to tell that it ended; the sweeper removes it",
	"approval":       "evidence",
	"access_grant":   "revoked; the sweeper removes it",
	"device_request": "gives nothing any more; the sweeper removes it",
}

// A new table that names a person is deleted with them, or says here why not.
func TestWhatIsOnlyThereBecauseOfAPersonGoesWithThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	s, err := Open(t.Context(), Config{URL: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tables := namingPeople(t, db)
	if len(tables) < len(kept)+len(deleteOfIdentitySQL)-1 {
		t.Fatalf("only %v name people", tables)
	}
	for _, table := range tables {
		goes := slices.ContainsFunc(deleteOfIdentitySQL, func(statement string) bool {
			return strings.HasPrefix(statement, "DELETE FROM "+table+" ")
		})
		if goes == (kept[table] != "") {
			t.Errorf("%s: deleted with the person: %v, kept because: %q", table, goes, kept[table])
		}
	}
}

func namingPeople(t *testing.T, db *sql.DB) (tables []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c
WHERE m.type = 'table' AND c.name IN ('identity_id', 'member_id') ORDER BY m.name`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return tables
}
