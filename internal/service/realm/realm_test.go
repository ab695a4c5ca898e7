package realm_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A node is one server's realms on a database that it may share.
type node struct {
	*realm.Service
	store *store.Store
	reads atomic.Int64
}

// counting is the store with the node's count of reads.
type counting struct {
	*store.Store
	n *node
}

func (c counting) Realms(ctx context.Context) ([]model.Realm, error) {
	c.n.reads.Add(1)
	return c.Store.Realms(ctx)
}

func open(t *testing.T, url, base string, trusted func() bool) *node {
	t.Helper()
	n, h := &node{}, &hub.Hub{}
	var err error
	n.store, err = store.Open(t.Context(), store.Config{URL: url, Publish: h.Publish, Resync: h.Resync})
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	followed := make(chan error, 1)
	go func() { followed <- n.store.Follow(ctx) }()
	t.Cleanup(func() { stop(); check(t, <-followed); check(t, n.store.Close()) })
	n.Service, err = realm.New(realm.Config{Store: counting{n.store, n}, Hub: h, BaseURL: base, Trusted: trusted})
	check(t, err)
	return n
}

const base = "https://id.example"

func sqlite(t *testing.T) string { t.Helper(); return litetest.Database(t) }

func TestNamesFitIntoThePathOfAnIssuer(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	tests := []struct {
		name string
		want error
	}{
		{"a", nil}, {"0", nil}, {"a-b", nil}, {"acme-2", nil}, {strings.Repeat("a", 63), nil},
		{"", realm.ErrName}, {"-a", realm.ErrName}, {"a-", realm.ErrName}, {"-", realm.ErrName}, {"A", realm.ErrName}, {"ä", realm.ErrName},
		{"a b", realm.ErrName}, {"a/b", realm.ErrName}, {"a.b", realm.ErrName}, {"..", realm.ErrName}, {"a%2f", realm.ErrName}, {"a\n", realm.ErrName},
		{"a_b", realm.ErrName}, {strings.Repeat("a", 64), realm.ErrName},
	}
	for _, tt := range tests {
		if _, err := n.Create(t.Context(), realm.NewRealm{Name: tt.name}); !errors.Is(err, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.name, err, tt.want)
		}
	}
	if _, err := n.Create(t.Context(), realm.NewRealm{Name: "acme-2"}); !errors.Is(err, model.ErrConflict) {
		t.Errorf("a name that is taken: %v", err)
	}
	if _, err := n.Create(t.Context(), realm.NewRealm{Name: "x", TenantID: "ten_unknown"}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("an unknown tenant: %v", err)
	}
}

func TestARealmIsAddressedByItsIssuer(t *testing.T) {
	tests := []struct {
		base            string
		n               realm.NewRealm
		issuer, path    string
		origin, rp, jar string
	}{
		{base, realm.NewRealm{Name: "default", Default: true}, base, "", base, "id.example", "__Host-assent"},
		{base, realm.NewRealm{Name: "acme"}, base + "/realms/acme", "/realms/acme", base, "id.example", "__Host-assent-acme"},
		{base, realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Host: "login.acme.example", RPID: "acme.example"}}, "https://login.acme.example", "", "https://login.acme.example", "acme.example", "__Host-assent-acme"},
		{"http://localhost:8420", realm.NewRealm{Name: "acme"}, "http://localhost:8420/realms/acme", "/realms/acme", "http://localhost:8420", "localhost", "assent-acme"},
		{"http://[::1]:8420", realm.NewRealm{Name: "default", Default: true}, "http://[::1]:8420", "", "http://[::1]:8420", "::1", "assent"},
	}
	for _, tt := range tests {
		n := open(t, sqlite(t), tt.base, nil)
		made, err := n.Create(t.Context(), tt.n)
		check(t, err)
		for how, find := range map[string]func() (*model.Site, error){
			"as created": func() (*model.Site, error) { return made, nil },
			"by name":    func() (*model.Site, error) { return n.ByName(t.Context(), tt.n.Name) },
			"by id":      func() (*model.Site, error) { return n.ByID(t.Context(), made.Realm.ID) },
		} {
			got, err := find()
			check(t, err)
			if got.Issuer != tt.issuer || got.Path != tt.path || got.Origin != tt.origin || got.RPID != tt.rp || got.CookieName() != tt.jar {
				t.Errorf("%s, %s: %+v, cookie %s", tt.issuer, how, got, got.CookieName())
			}
		}
		if _, err := n.Default(t.Context()); errors.Is(err, model.ErrNotFound) == tt.n.Default {
			t.Errorf("%s: default realm: %v", tt.issuer, err)
		}
	}
}

// Origins are compared byte for byte with what browsers send.
func TestABaseURLIsSpelledAsBrowsersSpellAnOrigin(t *testing.T) {
	for raw, want := range map[string]string{
		"https://id.example": "", "https://id.example:8443": "", "http://localhost:8420": "", "http://127.0.0.1:1": "", "https://[2001:db8::1]": "",
		"":                                 "scheme",
		"id.example":                       "scheme",
		"ftp://id.example":                 "scheme",
		"HTTPS://id.example":               "nothing else", // url.Parse folds the scheme
		"https://":                         "nothing else",
		"https://:443":                     "nothing else",
		"https://id.example/":              "nothing else",
		"https://id.example/x":             "nothing else",
		"https://id.example?":              "nothing else",
		"https://id.example?a=b":           "nothing else",
		"https://id.example#":              "nothing else",
		"https://user@id.example":          "nothing else",
		"https://@id.example":              "nothing else",
		"https://ID.example":               "lower case",
		"https://id.example:443":           "port",
		"http://localhost:80":              "port",
		"https://id.example:":              "port",
		"https://id.example.":              "dot",
		"https://[2001:0db8::1]":           "2001:db8::1",
		"https://id.example:port":          "base URL",
		"https://id.example\n":             "base URL",
		"https://id.example https://other": "base URL",
	} {
		_, err := realm.ParseBaseURL(raw)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", raw, err, want)
		}
		if _, again := realm.New(realm.Config{BaseURL: raw}); (again == nil) != (err == nil) {
			t.Errorf("%q: New says %v", raw, again)
		}
	}
}

func TestOfServersThatStartAtOnceOneCreatesTheDefaultRealm(t *testing.T) {
	for engine, url := range map[string]func(*testing.T) string{"sqlite": sqlite, "postgres": func(t *testing.T) string { t.Helper(); return pgtest.Database(t) }} {
		t.Run(engine, func(t *testing.T) {
			db := url(t)
			servers := []*node{open(t, db, base, nil), open(t, db, base, nil)}
			var created atomic.Int32
			var mu sync.Mutex
			found := map[model.RealmID]bool{}
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					site, made, err := servers[i%2].EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
					if err != nil {
						t.Error(err)
						return
					}
					if made {
						created.Add(1)
					}
					mu.Lock()
					defer mu.Unlock()
					found[site.Realm.ID] = true
				})
			}
			wg.Wait()
			if created.Load() != 1 || len(found) != 1 {
				t.Errorf("%d created %d realms, want one and one", created.Load(), len(found))
			}
			if tenants, err := servers[0].store.Tenants(t.Context()); err != nil || len(tenants) != 1 {
				t.Errorf("%d tenants, %v", len(tenants), err)
			}
		})
	}
}

func TestEveryServerHearsOfAChange(t *testing.T) {
	db := sqlite(t)
	a, b := open(t, db, base, nil), open(t, db, base, nil)
	site, _, err := a.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
	check(t, err)
	if _, err := a.ByName(t.Context(), "new"); !errors.Is(err, model.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	eventually(t, func() bool { _, err := b.Default(t.Context()); return err == nil })
	// Once it has heard of all of it, it asks no more.
	eventually(t, func() bool {
		reads := b.reads.Load()
		for range 5 {
			_, err := b.Default(t.Context())
			check(t, err)
		}
		return b.reads.Load() == reads
	})
	_, err = b.Create(t.Context(), realm.NewRealm{Name: "new"})
	check(t, err)
	eventually(t, func() bool { _, err := a.ByName(t.Context(), "new"); return err == nil })
	check(t, b.SetStatus(t.Context(), site.Realm.ID, model.RealmDisabled, "op"))
	eventually(t, func() bool {
		got, err := a.Default(t.Context())
		return err == nil && got.Realm.Status == model.RealmDisabled
	})
	if all, err := a.All(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d realms, %v", len(all), err)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("not so within 5 s")
			return
		}
	}
}

// Without the feed memory may be wrong, so it is not asked.
func TestWhileMemoryIsNotTrustedTheDatabaseIsAsked(t *testing.T) {
	var trusted atomic.Bool
	trusted.Store(true)
	db := sqlite(t)
	n := open(t, db, base, trusted.Load)
	site, _, err := n.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
	check(t, err)
	_, err = n.Default(t.Context())
	check(t, err)
	site.Realm.DisplayName = "Changed" // by a server that this one does not hear
	check(t, n.store.UpdateRealm(t.Context(), site.Realm, model.Effects{}))
	if got, err := n.Default(t.Context()); err != nil || got.Realm.DisplayName != "Acme" {
		t.Fatalf("got %+v, %v: this test shows nothing", got, err)
	}
	trusted.Store(false)
	if got, err := n.Default(t.Context()); err != nil || got.Realm.DisplayName != "Changed" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestStoppingARealmIsAuditedAndSurvivesAConcurrentChange(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	ctx := t.Context()
	site, err := n.Create(ctx, realm.NewRealm{Name: "acme"})
	check(t, err)
	id := site.Realm.ID
	var wg sync.WaitGroup
	for range 4 { // each other's conflict
		wg.Go(func() {
			if _, err := n.RevokeTokens(ctx, id, "idn_admin"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	before := time.Now().UnixMilli()
	check(t, n.SetStatus(ctx, id, model.RealmDisabled, "idn_admin"))
	check(t, n.SetStatus(ctx, id, model.RealmDisabled, "idn_admin")) // again: nothing to do
	got, err := n.ByID(ctx, id)
	check(t, err)
	if got.Realm.Status != model.RealmDisabled || int64(got.Realm.TokensInvalidBefore) < before {
		t.Errorf("realm = %+v", got.Realm)
	}
	check(t, n.SetStatus(ctx, id, model.RealmActive, "idn_admin"))
	if got, err = n.ByID(ctx, id); err != nil || got.Realm.Status != model.RealmActive || int64(got.Realm.TokensInvalidBefore) < before {
		t.Errorf("active again, and what was dead must stay dead: %+v, %v", got.Realm, err)
	}
	events, err := n.store.Events(ctx, id, "", 100)
	check(t, err)
	count := map[string]int{}
	for _, e := range events {
		if count[e.Type]++; e.Type != "realm.created" && e.Actor != "idn_admin" {
			t.Errorf("%s by %s", e.Type, e.Actor)
		}
	}
	if count["realm.disabled"] != 1 || count["realm.active"] != 1 || count["realm.tokens_revoked"] != 4 {
		t.Errorf("events = %v", count)
	}
	if err := n.SetStatus(ctx, id, "paused", "x"); !errors.Is(err, realm.ErrStatus) {
		t.Errorf("unknown status: %v", err)
	}
	if _, err := n.RevokeTokens(ctx, "rlm_unknown", "x"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("unknown realm: %v", err)
	}
}
