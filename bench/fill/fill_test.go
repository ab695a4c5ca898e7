package fill_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/assent-id/assent/bench/fill"
	"github.com/assent-id/assent/internal/store"
)

// An operator who reads "N grants" must find N, in the mixture that is promised.
func TestADatabaseHoldsWhatThePlanSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	s, err := store.Open(t.Context(), store.Config{URL: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`INSERT INTO tenant (id, name, created_at) VALUES ('ten_a', 'a', 0)`,
		`INSERT INTO realm (id, tenant_id, name, display_name, is_default, status, policy, tokens_invalid_before, created_at, version)
			VALUES ('rlm_a', 'ten_a', 'default', 'A', 1, 'active', '{}', 0, 0, 1)`} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	if err := fill.Fill(t.Context(), fill.Plan{Database: path, Identities: 1000, Issuer: "http://localhost", Shop: "shop",
		Scopes: []string{"openid", "read"}, Now: now}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM identity`:                                                                       1000,
		`SELECT count(*) FROM passkey JOIN identity i ON i.id = identity_id`:                                  1000,
		`SELECT count(DISTINCT application_id) > 50 FROM access_grant`:                                        1,
		`SELECT count(*) FROM access_grant`:                                                                   1000,
		`SELECT count(*) FROM access_grant WHERE expires_at <= ?`:                                             50,
		`SELECT count(*) FROM access_grant g JOIN revocation r ON r.subject = g.id WHERE g.revoked_at = r.at`: 10,
		`SELECT count(*) FROM access_grant c JOIN access_grant p ON p.id = c.parent_id`:                       50,
		// The sweeper would have deleted these.
		`SELECT count(*) FROM access_grant WHERE expires_at <= ? - 864e5 OR revoked_at > 0 AND revoked_at <= ?1 - 864e5`: 0,
		`SELECT count(*) FROM session JOIN consent c ON c.identity_id = session.identity_id WHERE idle_until > ?`:        1000,
	} {
		var got int
		if err := db.QueryRowContext(t.Context(), query, now.UnixMilli()).Scan(&got); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}
