package store_test

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// aGrant is as long as those of real applications are.
func aGrant(realm model.RealmID, app model.ClientID, person model.IdentityID) model.Grant {
	now := model.MillisOf(time.Now())
	session := model.SessionID(ids.New("ses"))
	return model.Grant{RealmID: realm, ID: model.GrantID(ids.New("grt")), Kind: "authorization_code",
		IdentityID: person, ApplicationID: app, SessionID: session,
		Scope: "openid profile email", Refresh: 1, RefreshedAt: now, CreatedAt: now, ExpiresAt: now.Add(30 * 24 * time.Hour),
		Terms: model.GrantTerms{Resources: []string{"https://api.example.com/"}, AuthTime: now.Unix(), ACR: "urn:assent:acr:passkey",
			AMR: []string{"hwk", "user", "mfa"}, SessionID: session, JKT: ids.Secret()}}
}

func aRealm(t testing.TB, s *store.Store) model.RealmID {
	t.Helper()
	tenant, realm := model.TenantID(ids.New("ten")), model.RealmID(ids.New("rlm"))
	for _, err := range []error{s.CreateTenant(t.Context(), model.Tenant{ID: tenant, Name: "t"}, model.Effects{}),
		s.CreateRealm(t.Context(), model.Realm{ID: realm, TenantID: tenant, Name: "r", Status: model.RealmActive, Version: 1}, model.Effects{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return realm
}

func aPerson(t testing.TB, s *store.Store, realm model.RealmID) model.IdentityID {
	t.Helper()
	id := model.IdentityID(ids.New("idn"))
	err := s.CreateIdentity(t.Context(), model.Identity{RealmID: realm, ID: id, Status: model.IdentityActive, Version: 1,
		Traits: model.Traits{Type: "traits_v0", Username: string(id)}}, model.Effects{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// each does something with every grant, several at a time.
func each(t *testing.T, grants []model.Grant, do func(*model.Grant) error) {
	t.Helper()
	var wg sync.WaitGroup
	next := atomic.Int32{}
	for range 16 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(grants); i = int(next.Add(1)) - 1 {
				if err := do(&grants[i]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// stored is what tables take on disk with their indexes; without names, all.
func stored(t *testing.T, url string, tables ...string) (bytes int64) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const q = `SELECT sum(pg_total_relation_size(oid)) FROM pg_class
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND (relname = ANY ($1) OR cardinality($1) = 0)`
	if err := db.QueryRow(q, append([]string{}, tables...)).Scan(&bytes); err != nil {
		t.Fatal(err)
	}
	return bytes
}

// All that a grant keeps on disk for as long as it lives, and all that using its
// refresh token adds. What was used up for it is not counted: the sweeper forgets
// that within minutes, and the next takes its place.
func TestAGrantTakes1200BytesAtMostAndARotation300(t *testing.T) {
	// Many, because PostgreSQL adds pages for all who wait for one at once.
	const grants, rotations = 12000, 2
	url := pgtest.Database(t)
	s := open(t, store.Config{URL: url})
	ctx := t.Context()
	realm, app := aRealm(t, s), model.ClientID(ids.New("app"))
	// Each comes back ten times: what is kept once for a person at an application,
	// however often they come, is shared by as many.
	people := make([]model.IdentityID, grants/10)
	for i := range people {
		people[i] = aPerson(t, s, realm)
	}
	turn := atomic.Int64{}
	all := make([]model.Grant, grants)
	empty := stored(t, url)
	each(t, all, func(g *model.Grant) error {
		*g = aGrant(realm, app, people[int(turn.Add(1))%len(people)])
		once := model.Once{Namespace: model.OncePushed, RealmID: realm, Digest: ids.DigestOf(ids.Secret()), Until: g.ExpiresAt}
		return s.OpenGrant(ctx, oauth.Opening{Grant: *g, Once: &once, Decided: g.CreatedAt}, model.Effects{})
	})
	full := stored(t, url)
	forgotten := stored(t, url, "consumed")
	perGrant := (full - empty - forgotten) / grants
	for n := range int64(rotations) {
		each(t, all, func(g *model.Grant) error {
			r := model.Refreshing{RealmID: realm, ID: g.ID, From: n + 1, At: g.CreatedAt + 1, Expires: g.ExpiresAt + 1}
			return s.RefreshGrant(ctx, r, model.Effects{})
		})
	}
	perRotation := (stored(t, url) - full) / (grants * rotations)
	t.Logf("%d bytes per grant and %d for minutes, %d per rotation", perGrant, forgotten/grants, perRotation)
	if perGrant > 1200 || perRotation > 300 {
		t.Errorf("a grant takes %d bytes and a rotation %d, want at most 1200 and 300", perGrant, perRotation)
	}
	hot(t, url)
}

// hot demands that no index holds what a rotation changes: PostgreSQL then
// writes the new version into the page of the old one and leaves the indexes
// alone (https://www.postgresql.org/docs/15/storage-hot.html).
func hot(t *testing.T, url string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'access_grant'
		AND indexdef ~ '\m(refresh|refreshed_at|expires_at|revoked_at)\M'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			t.Fatal(err)
		}
		t.Errorf("index %s holds what a rotation changes: %s", name, definition)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// What concerns one grant must not cost more the more others there are.
func TestRevokingAFamilyDoesNotReadTheOtherGrants(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			s := open(t, store.Config{URL: url})
			alone := revokeFamilies(t, s)
			execute(t, e.driver, url, fmt.Sprintf(`
				INSERT INTO access_grant (realm_id, id, kind, identity_id, application_id, approval_id, scope, created_at, expires_at, revoked_at, parent_id)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				SELECT 'rlm_1', 'grt_' || i, 'x', 'idn_' || i, 'app_' || (i %% 100), '', '', 1, 9000, 0,
				  CASE WHEN i %% 2 = 0 THEN 'grt_' || (i - 1) ELSE '' END FROM n`, 30_000))
			crowded := revokeFamilies(t, s)
			t.Logf("%v alone, %v among 30,000", alone, crowded)
			if crowded > 10*alone+20*time.Millisecond {
				t.Errorf("revoking took %v among 30,000 grants, %v without them", crowded, alone)
			}
		})
	}
}

// revokeFamilies is how long it takes at best to revoke a line of 60 grants.
func revokeFamilies(t *testing.T, s *store.Store) time.Duration {
	t.Helper()
	best := time.Hour
	for range 4 {
		g := newGrant()
		root := g
		for range 60 {
			if err := s.OpenGrant(t.Context(), oauth.Opening{Grant: g}, model.Effects{}); err != nil {
				t.Fatal(err)
			}
			g.ParentID, g.ID = g.ID, model.GrantID(ids.New("grt"))
		}
		began := time.Now()
		list, err := s.RevokeGrants(t.Context(), oauth.GrantQuery{RealmID: root.RealmID, ID: root.ID, At: 2}, model.Effects{})
		if len(list) != 60 || err != nil {
			t.Fatalf("revoked %d grants: %v", len(list), err)
		}
		best = min(best, time.Since(began))
	}
	return best
}

// One sweep looks at a part of the grants, and the next goes on from there.
func TestSweepsComeToTheLastOfManyGrants(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			s := open(t, store.Config{URL: url})
			execute(t, e.driver, url, fmt.Sprintf(`
				INSERT INTO access_grant (realm_id, id, kind, identity_id, application_id, approval_id, scope, created_at, expires_at, revoked_at)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				SELECT 'rlm_1', 'grt_' || i, 'x', '', 'app_1', '', '', 1, 9000000000000, 0 FROM n`, 12_000))
			last := newGrant()
			last.RealmID = "rlm_2" // after all of the other realm
			if err := s.OpenGrant(t.Context(), oauth.Opening{Grant: last}, model.Effects{}); err != nil {
				t.Fatal(err)
			}
			now := model.MillisOf(time.Now())
			sweeps := 0
			for err := error(nil); err == nil; sweeps++ {
				if sweeps > 3 {
					t.Fatal("the last grant is never looked at")
				}
				if err := s.Sweep(t.Context(), now.Add(time.Duration(sweeps)*time.Minute)); err != nil {
					t.Fatal(err)
				}
				_, err = s.Grant(t.Context(), last.RealmID, last.ID)
			}
			if sweeps != 2 {
				t.Errorf("it took %d sweeps, want 2: each looks at a bounded number", sweeps)
			}
		})
	}
}
