package keys_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/service/keys"
)

func secret(t *testing.T, s *keys.Service, w *world, name string) []byte {
	t.Helper()
	got, err := s.Secret(t.Context(), w.site, name)
	check(t, err)
	if len(got) != 32 {
		t.Fatalf("a secret of %d bytes", len(got))
	}
	return got
}

func TestManyWhoAskForASecretAtOnceGetOne(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		servers := []*keys.Service{w.server(t, w.ring), w.server(t, w.ring)}
		got := make([][]byte, 16)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = servers[i%2].Secret(t.Context(), w.site, "a"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		restarted := secret(t, w.server(t, w.ring), w, "a")
		for _, g := range got {
			if len(g) != 32 || !bytes.Equal(g, restarted) {
				t.Fatal("two callers got two secrets")
			}
		}
	})
}

func TestSecretsOfOtherNamesAndRealmsDiffer(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	a, b := secret(t, s, w, "a"), secret(t, s, w, "b")
	there, err := s.Secret(t.Context(), w.other, "a")
	check(t, err)
	if bytes.Equal(a, b) || bytes.Equal(a, there) || bytes.Equal(a, make([]byte, 32)) {
		t.Error("want three different secrets")
	}
}

func TestSecretsAreSealedInTheDatabaseFile(t *testing.T) {
	w := sqlite(t)
	want := secret(t, w.server(t, w.ring), w, "a")
	files, err := filepath.Glob(w.url + "*")
	check(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		check(t, err)
		if bytes.Contains(text, want) {
			t.Errorf("the secret is in %s in the clear", filepath.Base(name))
		}
	}
	ring, err := seal.NewKeyring(seal.GenerateKey())
	check(t, err)
	if _, err := w.server(t, ring).Secret(t.Context(), w.site, "a"); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("with another key-encryption key: %v", err)
	}
}

// A row must not stand in for another.
func TestASecretOfAnotherNameOrRealmIsRefused(t *testing.T) {
	for name, query := range map[string]string{
		"another name":  `UPDATE realm_secret SET sealed = (SELECT sealed FROM realm_secret WHERE realm_id = $1 AND name = 'b') WHERE realm_id = $1 AND name = 'a'`,
		"another realm": `UPDATE realm_secret SET sealed = (SELECT sealed FROM realm_secret WHERE realm_id <> $1) WHERE realm_id = $1 AND name = 'a'`,
	} {
		w := sqlite(t)
		s := w.server(t, w.ring)
		secret(t, s, w, "a")
		secret(t, s, w, "b")
		_, err := s.Secret(t.Context(), w.other, "a")
		check(t, err)
		w.exec(t, query, string(w.site.Realm.ID))
		if got, err := w.server(t, w.ring).Secret(t.Context(), w.site, "a"); err == nil {
			t.Errorf("%s: %x", name, got)
		}
	}
}

// Requirement: id-token-algorithm
func TestARealmSignsWithEveryAlgorithmAndVerifiesUnderTheKeysOwn(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	seen := map[string]bool{}
	for _, alg := range keys.Algorithms {
		compact, kid := sign(t, s, w.site, alg)
		u, err := jose.Peek(compact)
		check(t, err)
		if u.Header().Alg != alg || seen[kid] {
			t.Errorf("%s: signed as %s by %s", alg, u.Header().Alg, kid)
		}
		seen[kid] = true
		if _, err := s.Verify(t.Context(), w.site, compact); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d keys signed, want one each for EdDSA, ES256, RS256, PS256", len(seen))
	}
	set, err := s.JWKS(t.Context(), w.site)
	published := kids(t, set, err)
	for kid := range seen {
		if !published[kid] {
			t.Errorf("%s is not published", kid)
		}
	}
}

// RFC 9864 gives Ed25519 a name of its own. A client that is registered under
// it gets the realm's one Ed25519 key, which calls itself EdDSA everywhere.
func TestEd25519IsTheKeyOfEdDSA(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	_, kid := sign(t, s, w.site, jose.EdDSA)
	compact, again := sign(t, s, w.site, jose.Ed25519)
	if u, err := jose.Peek(compact); err != nil || u.Header().Alg != jose.EdDSA || again != kid {
		t.Errorf("signed as %s by %s, want EdDSA by %s: %v", u.Header().Alg, again, kid, err)
	}
	if n := active(t, s, w.site); len(n) != 1 {
		t.Errorf("keys: %v", n)
	}
}
