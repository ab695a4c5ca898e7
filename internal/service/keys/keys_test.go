package keys_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/store"
)

var quick = []jose.Alg{jose.EdDSA, jose.ES256} // RSA takes long to generate

// active counts the active keys by algorithm.
func active(t *testing.T, s *keys.Service, site *model.Site) map[string]int {
	t.Helper()
	rows, err := s.List(t.Context(), site)
	check(t, err)
	n := map[string]int{}
	for _, k := range rows {
		if k.State == model.SigningActive {
			n[k.Alg]++
		}
	}
	return n
}

func TestManyWhoMakeTheFirstKeyAtOnceUseOneKey(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		servers := []*keys.Service{w.server(t, w.ring), w.server(t, w.ring)}
		var mu sync.Mutex
		used := map[string]int{}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				s := servers[i%2]
				if err := s.Ensure(t.Context(), w.site, quick...); err != nil {
					t.Error(err)
					return
				}
				for _, alg := range quick {
					compact, err := s.Sign(t.Context(), w.site, string(alg), "t", []byte(`{}`))
					if err != nil {
						t.Error(err)
						continue
					}
					u, err := jose.Peek(compact)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					used[u.Header().KID]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(used) != len(quick) {
			t.Errorf("signed with %v, want one key for each of %v", used, quick)
		}
		if n := active(t, w.server(t, w.ring), w.site); n["EdDSA"] != 1 || n["ES256"] != 1 {
			t.Errorf("active keys: %v", n)
		}
	})
}

// Requirement: keys-next-published-first, keys-old-kept
func TestAKeyIsPublishedBeforeItSignsAndAfterItSignedAndAsEvidenceForEver(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.server(t, w.ring)
		oldToken, oldKID := sign(t, s, w.site, jose.EdDSA)
		published := func() map[string]bool { set, err := s.JWKS(ctx, w.site); return kids(t, set, err) }

		check(t, s.Prepare(ctx, w.site, jose.EdDSA))
		check(t, s.Prepare(ctx, w.site, jose.EdDSA)) // again: still one
		if n := len(published()); n != 2 {
			t.Fatalf("%d keys are published, want the old one and the next", n)
		}
		if _, kid := sign(t, s, w.site, jose.EdDSA); kid != oldKID {
			t.Error("the next key signs before it was activated")
		}
		announced := published()

		check(t, s.Activate(ctx, w.site, jose.EdDSA))
		_, newKID := sign(t, s, w.site, jose.EdDSA)
		if newKID == oldKID || !announced[newKID] {
			t.Error("want a key to sign that had been published")
		}
		w.advance(24*time.Hour - time.Millisecond)
		if got := published(); !got[oldKID] || !got[newKID] {
			t.Errorf("until its last token has expired the old key is published, got %v", got)
		}
		if _, err := s.Verify(ctx, w.site, oldToken); err != nil {
			t.Errorf("verify by the old key: %v", err)
		}
		w.advance(time.Millisecond)
		if got := published(); got[oldKID] || !got[newKID] {
			t.Errorf("afterwards it is not, got %v", got)
		}
		if _, err := s.Verify(ctx, w.site, oldToken); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("verify by a key that is published no more: %v", err)
		}
		w.advance(20 * 365 * 24 * time.Hour)
		set, err := w.server(t, w.ring).EvidenceKeys(ctx, w.site)
		if got := kids(t, set, err); !got[oldKID] || !got[newKID] {
			t.Errorf("evidence keys %v lack one that signed evidence", got)
		}
		if err := s.Activate(ctx, w.site, jose.EdDSA); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("activate with no next key: %v", err)
		}
	})
}

// Requirement: keys-next-published-first
func TestTheCalendarRotatesKeys(t *testing.T) {
	w := sqlite(t)
	ctx := t.Context()
	servers := []*keys.Service{w.server(t, w.ring), w.server(t, w.ring)}
	maintain := func() {
		t.Helper()
		var wg sync.WaitGroup
		for _, s := range servers { // any node may, at any time
			wg.Go(func() {
				if err := s.Maintain(ctx, w.site); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	count := func(want map[model.SigningKeyState]int) {
		t.Helper()
		rows, err := w.server(t, w.ring).List(ctx, w.site)
		check(t, err)
		got := map[model.SigningKeyState]int{}
		for _, k := range rows {
			if got[k.State]++; k.Sealed != nil {
				t.Error("a listed key has its private half with it")
			}
		}
		if len(got) != len(want) || got[model.SigningActive] != want[model.SigningActive] ||
			got[model.SigningNext] != want[model.SigningNext] || got[model.SigningRetired] != want[model.SigningRetired] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	n := len(keys.Algorithms)
	maintain()
	count(map[model.SigningKeyState]int{model.SigningActive: n})
	w.advance(90*24*time.Hour - time.Minute)
	maintain()
	count(map[model.SigningKeyState]int{model.SigningActive: n})
	w.advance(time.Minute)
	maintain()
	count(map[model.SigningKeyState]int{model.SigningActive: n, model.SigningNext: n})
	w.advance(time.Hour - time.Minute)
	maintain()
	count(map[model.SigningKeyState]int{model.SigningActive: n, model.SigningNext: n})
	w.advance(time.Minute)
	maintain()
	count(map[model.SigningKeyState]int{model.SigningActive: n, model.SigningRetired: n})
}

// A row must not stand in for another: not of another key, not of another
// realm, and not with somebody else's public half.
func TestAlteredRowsAreRefused(t *testing.T) {
	thief, err := jose.Generate(jose.EdDSA)
	check(t, err)
	kidOf := func(alg string) string {
		return `(SELECT kid FROM signing_key WHERE realm_id = $1 AND alg = '` + alg + `')`
	}
	tests := []struct {
		name, query string
		args        func(w *world) []any
	}{
		{"sealed half of another key", `UPDATE signing_key SET sealed = (SELECT sealed FROM signing_key WHERE realm_id = $1 AND alg = 'ES256')
			WHERE realm_id = $1 AND alg = 'EdDSA'`, nil},
		{"sealed half of another realm", `UPDATE signing_key SET sealed = (SELECT sealed FROM signing_key WHERE realm_id = $2 AND alg = 'EdDSA')
			WHERE realm_id = $1 AND alg = 'EdDSA'`, func(w *world) []any { return []any{string(w.site.Realm.ID), string(w.other.Realm.ID)} }},
		{"whole row of another realm", `UPDATE signing_key SET (kid, public_jwk, sealed) =
			(SELECT kid, public_jwk, sealed FROM signing_key WHERE realm_id = $2 AND alg = 'EdDSA')
			WHERE realm_id = $1 AND alg = 'EdDSA'`, func(w *world) []any { return []any{string(w.site.Realm.ID), string(w.other.Realm.ID)} }},
		{"another name", `UPDATE signing_key SET kid = 'x' WHERE realm_id = $1 AND alg = 'EdDSA'`, nil},
		{"another algorithm", `UPDATE signing_key SET alg = 'RS256' WHERE realm_id = $1 AND alg = 'EdDSA'`, nil},
		{"a thief's public half", `UPDATE signing_key SET public_jwk = $2 WHERE realm_id = $1 AND alg = 'EdDSA'`,
			func(w *world) []any { return []any{string(w.site.Realm.ID), thief.Public().JSON()} }},
		{"a thief's public half under our name", `UPDATE signing_key
			SET public_jwk = CAST(replace(CAST($2 AS TEXT), $3, ` + kidOf("EdDSA") + `) AS BLOB) WHERE realm_id = $1 AND alg = 'EdDSA'`,
			func(w *world) []any {
				return []any{string(w.site.Realm.ID), string(thief.Public().JSON()), thief.KID()}
			}},
		{"a byte of the sealed half", `UPDATE signing_key SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)
			WHERE realm_id = $1 AND alg = 'EdDSA'`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := sqlite(t)
			s := w.server(t, w.ring)
			check(t, s.Ensure(t.Context(), w.site, quick...))
			check(t, s.Ensure(t.Context(), w.other, quick...))
			args := []any{string(w.site.Realm.ID)}
			if tt.args != nil {
				args = tt.args(w)
			}
			w.exec(t, tt.query, args...)
			s = w.server(t, w.ring)
			if _, err := s.Sign(t.Context(), w.site, "EdDSA", "t", []byte(`{}`)); err == nil {
				t.Error("the realm signs with it")
			}
			if set, err := s.JWKS(t.Context(), w.site); err == nil {
				t.Errorf("the realm publishes it: %s", set)
			}
			if _, err := s.Sign(t.Context(), w.other, "EdDSA", "t", []byte(`{}`)); err != nil {
				t.Errorf("the other realm: %v", err)
			}
		})
	}
}

func TestAnotherKeyEncryptionKeyIsNamedAsTheTrouble(t *testing.T) {
	w := sqlite(t)
	check(t, w.server(t, w.ring).Ensure(t.Context(), w.site, jose.EdDSA))
	other, err := seal.NewKeyring(seal.GenerateKey())
	check(t, err)
	for _, try := range []func(*keys.Service) error{
		func(s *keys.Service) error { return s.Ensure(t.Context(), w.site, jose.EdDSA) },
		func(s *keys.Service) error {
			_, err := s.Sign(t.Context(), w.site, "EdDSA", "t", []byte(`{}`))
			return err
		},
	} {
		err := try(w.server(t, other))
		if !errors.Is(err, seal.ErrOpen) || !strings.Contains(err.Error(), "right key-encryption key") {
			t.Errorf("got %v", err)
		}
	}
}

// Better the old key than none.
func TestANextKeyThatCannotBeOpenedIsNotActivated(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	_, kid := sign(t, s, w.site, jose.EdDSA)
	check(t, s.Prepare(t.Context(), w.site, jose.EdDSA))
	w.exec(t, `UPDATE signing_key SET sealed = x'00' WHERE state = 'next'`)
	s = w.server(t, w.ring)
	if err := s.Activate(t.Context(), w.site, jose.EdDSA); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("activate: %v", err)
	}
	if _, still := sign(t, w.server(t, w.ring), w.site, jose.EdDSA); still != kid {
		t.Error("another key signs")
	}
}

func TestPrivateKeysAreNotInTheDatabaseFile(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	check(t, s.Ensure(t.Context(), w.site, quick...))
	check(t, s.Prepare(t.Context(), w.site, jose.EdDSA))
	_, kid := sign(t, s, w.site, jose.EdDSA)
	files, err := filepath.Glob(w.url + "*")
	check(t, err)
	var all []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		check(t, err)
		all = append(all, text...)
	}
	if !bytes.Contains(all, []byte(kid)) {
		t.Fatal("the key is not in these files at all")
	}
	if bytes.Contains(all, []byte(`"d":`)) { // the private member of a JWK (RFC 7518, Section 6.2.2)
		t.Error("a private key is in the database in the clear")
	}
}

func TestARealmSignsWithTheAlgorithmsOfTheTableOnly(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	for _, alg := range []string{"HS256", "none", "", "ES384"} {
		if _, err := s.Sign(t.Context(), w.site, alg, "t", []byte(`{}`)); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("%q: %v", alg, err)
		}
	}
}

func TestARealmVerifiesItsOwnSignaturesOnly(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	own, _ := sign(t, s, w.site, jose.ES256)
	foreign, _ := sign(t, s, w.other, jose.ES256)
	if v, err := s.Verify(t.Context(), w.site, own); err != nil || string(v.Payload) != `{"a":1}` {
		t.Errorf("own: %v", err)
	}
	for name, compact := range map[string]string{"another realm's": foreign, "garbage": "x"} {
		if _, err := s.Verify(t.Context(), w.site, compact); err == nil {
			t.Errorf("%s signature passes", name)
		}
	}
}

// The audit trail names who had keys rotated, and the server where the calendar
// did.
//
// Requirement: keys-rotate-now
func TestTheTrailSaysWhoRotatedKeys(t *testing.T) {
	w := sqlite(t)
	s := w.server(t, w.ring)
	check(t, s.Ensure(t.Context(), w.site, quick...))
	check(t, s.RotateNow(t.Context(), w.site, "app_1", jose.ES256))
	check(t, s.Prepare(t.Context(), w.site, jose.EdDSA))
	db, err := store.Open(t.Context(), store.Config{URL: w.url})
	check(t, err)
	defer func() { check(t, db.Close()) }()
	events, err := db.Events(t.Context(), w.site.Realm.ID, "", 100)
	check(t, err)
	got := map[string]int{}
	for _, e := range events {
		if strings.HasPrefix(e.Type, "signing_key.") {
			got[e.Type+" by "+e.Actor]++
		}
	}
	want := map[string]int{"signing_key.created by server": 3, "signing_key.created by app_1": 1, "signing_key.activated by app_1": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
