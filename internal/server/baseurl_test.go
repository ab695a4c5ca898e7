package server_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// What a passkey, a token and a piece of evidence name must not change under
// them because somebody mistyped a flag.
func TestADatabaseKeepsItsBaseURL(t *testing.T) {
	const own, other = "https://id.example", "https://id.other.example"
	for engine, database := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "a.sqlite") },
		"postgres": func(t *testing.T) string { return pgtest.Database(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			cfg := server.Config{Database: database(t), Keyring: developmentRing(t), Development: true, BehindProxy: true, MaxConns: 4}
			for _, step := range []struct {
				name, base, issuer string
				guest              bool // leaves the default realm alone
				refused            bool
			}{
				{name: "nobody said one yet", issuer: server.UnclaimedBaseURL},
				{name: "a guest before anybody", base: other, issuer: other, guest: true},
				{name: "the first that is given is kept", base: own, issuer: own},
				{name: "again, with a slash", base: own + "/", issuer: own},
				{name: "another", base: other, refused: true},
				{name: "the same host without TLS in between", base: "http://localhost:8420", refused: true},
				{name: "the database's own", issuer: own},
				{name: "a guest", base: other, issuer: other, guest: true},
				{name: "the database's own for a guest", issuer: own, guest: true},
			} {
				cfg.BaseURL, cfg.NoDefaultRealm = step.base, step.guest
				s, err := server.Open(t.Context(), cfg)
				if step.refused {
					if err == nil || !strings.Contains(err.Error(), own+",") || !strings.Contains(err.Error(), step.base) {
						t.Errorf("%s: got %v, want an error that names both", step.name, err)
					}
					continue
				}
				servertest.Check(t, err)
				site, err := s.Site(t.Context(), "")
				servertest.Check(t, err)
				if site.Issuer != step.issuer {
					t.Errorf("%s: issuer %s, want %s", step.name, site.Issuer, step.issuer)
				}
				servertest.Check(t, s.Close())
			}
		})
	}
}
