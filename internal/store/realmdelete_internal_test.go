package store

import (
	"path/filepath"
	"slices"
	"testing"
)

// A new table with rows of realms must be in the list, or a deleted realm would
// leave them behind.
func TestDeletingARealmKnowsEveryTableWithRowsOfRealms(t *testing.T) {
	s, err := Open(t.Context(), Config{URL: filepath.Join(t.TempDir(), "a.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const tables = `
SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'realm_id' ORDER BY m.name`
	found, err := readAll(t.Context(), s, row.text, tables)
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Sorted(slices.Values(ofRealm))
	if len(found) < 25 || !slices.Equal(found, known) {
		t.Errorf("the schema has\n%v\nand deleting knows\n%v", found, known)
	}
}
