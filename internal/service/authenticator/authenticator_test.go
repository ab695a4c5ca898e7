package authenticator_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// A node is one process: a store on the database of all, and the service over it.
type node struct {
	*authenticator.Service
	store *store.Store
}

func newNode(t *testing.T, database string) node {
	t.Helper()
	h := &hub.Hub{}
	db, err := store.Open(t.Context(), store.Config{URL: database, Publish: h.Publish, Resync: h.Resync})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- db.Follow(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-followed, db.Close()); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return node{authenticator.New(authenticator.Config{Store: db, Hub: h}), db}
}

// site makes a realm.
func (n node) site(t *testing.T, name string) *model.Site {
	t.Helper()
	now := model.MillisOf(time.Now())
	tenant := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: name, CreatedAt: now, Version: 1}
	realm := model.Realm{ID: model.RealmID(ids.New("rlm")), TenantID: tenant.ID, Name: name, DisplayName: name, Status: model.RealmActive, CreatedAt: now, Version: 1}
	if err := errors.Join(n.store.CreateTenant(t.Context(), tenant, model.Effects{}), n.store.CreateRealm(t.Context(), realm, model.Effects{})); err != nil {
		t.Fatal(err)
	}
	return &model.Site{Realm: realm, Issuer: "https://id.example", Origin: "https://id.example", RPID: "id.example"}
}

func oneNode(t *testing.T) (node, *model.Site) {
	t.Helper()
	n := newNode(t, litetest.Database(t))
	return n, n.site(t, "acme")
}

// good is an embedded config; change, where not nil, alters it.
func good(change func(*model.AuthenticatorSettings)) authenticator.Draft {
	s := model.AuthenticatorSettings{Type: model.AuthenticatorEmbedded, Invocation: model.InvokeAutomatic,
		InvokeURL: "https://shop.example/login?a=1", TrustedOrigins: []string{"https://shop.example", "https://www.shop.example:8443"}, RPID: "shop.example"}
	if change != nil {
		change(&s)
	}
	return authenticator.Draft{Name: "Shop", Settings: s, Actor: "svc_1"}
}

func (n node) create(t *testing.T, site *model.Site, d authenticator.Draft) model.AuthenticatorConfig {
	t.Helper()
	c, err := n.Create(t.Context(), site, d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Requirement: embedded-config
func TestSettingsThatContradictThemselvesOrOpenADoorAreRefused(t *testing.T) {
	n, site := oneNode(t)
	origins := func(list ...string) func(*model.AuthenticatorSettings) {
		return func(s *model.AuthenticatorSettings) { s.TrustedOrigins = append(s.TrustedOrigins, list...) }
	}
	invoke := func(url string) func(*model.AuthenticatorSettings) {
		return func(s *model.AuthenticatorSettings) { s.InvokeURL = url }
	}
	rp := func(id string, list ...string) func(*model.AuthenticatorSettings) {
		return func(s *model.AuthenticatorSettings) {
			if s.RPID = id; list != nil {
				s.TrustedOrigins, s.InvokeURL = list, list[0]+"/"
			}
		}
	}
	tests := []struct {
		name   string
		change func(*model.AuthenticatorSettings)
		ok     bool
	}{
		{"all good", nil, true},
		{"no type", func(s *model.AuthenticatorSettings) { s.Type = "" }, false},
		{"hosted with the rest of an embedded one", func(s *model.AuthenticatorSettings) { s.Type = model.AuthenticatorHosted }, false},
		{"hosted", func(s *model.AuthenticatorSettings) {
			*s = model.AuthenticatorSettings{Type: model.AuthenticatorHosted, TrustedOrigins: []string{"https://shop.example"}}
		}, true},
		{"no invocation", func(s *model.AuthenticatorSettings) { s.Invocation = "" }, false},
		{"another invocation", func(s *model.AuthenticatorSettings) { s.Invocation = "both" }, false},
		{"no origin", func(s *model.AuthenticatorSettings) { s.TrustedOrigins = nil }, false},
		{"an origin on loopback", rp("localhost", "http://localhost:3000"), true},
		{"an origin below localhost", rp("localhost", "http://app.localhost:3000"), true},
		{"loopback by address, with the realm's id", rp("", "http://127.0.0.1:3000"), true},
		{"plain http", rp("", "http://shop.example"), false},
		{"an origin with a path", origins("https://shop.example/x"), false},
		{"an origin with a slash", origins("https://b.shop.example/"), false},
		{"an origin with a query", origins("https://b.shop.example?"), false},
		{"an origin with a fragment", origins("https://b.shop.example#"), false},
		{"an origin with a user", origins("https://a@b.shop.example"), false},
		{"a wildcard", origins("https://*.shop.example"), false},
		{"null", origins("null"), false},
		{"upper case", origins("https://B.shop.example"), false},
		{"the default port", origins("https://b.shop.example:443"), false},
		{"an empty port", origins("https://b.shop.example:"), false},
		{"another scheme", origins("ftp://b.shop.example"), false},
		{"no scheme", origins("b.shop.example"), false},
		{"not ASCII", origins("https://bücher.shop.example"), false},
		{"twice", origins("https://shop.example"), false},
		{"too many", origins(slices.Repeat([]string{"https://shop.example"}, 50)...), false},
		{"the invoke URL at another origin", invoke("https://evil.example/"), false},
		{"the invoke URL at another port", invoke("https://shop.example:444/"), false},
		{"no invoke URL", invoke(""), false},
		{"an invoke URL with a fragment", invoke("https://shop.example/#x"), false},
		{"an invoke URL with a user", invoke("https://a:b@shop.example/"), false},
		{"an invoke URL that browsers read otherwise", invoke(`https://shop.example\@evil.example/`), false},
		{"a script", invoke("javascript:alert(1)"), false},
		{"a well-known protocol", invoke("mailto:a@b.example"), false},
		{"a plain word as scheme", invoke("shop://open"), false},
		{"a private-use scheme", invoke("com.example.shop://open"), true},
		{"a private-use scheme with a path", invoke("com.example.shop:/open"), true},
		{"a relying party that is no parent", rp("other.example"), false},
		{"a relying party of a sibling", rp("www.shop.example"), false},
		{"a suffix that is no label", rp("hop.example"), false},
		{"a top-level domain", rp("example"), false},
		{"an address", rp("127.0.0.1", "http://127.0.0.1:3000"), false},
		{"upper case relying party", rp("Shop.example"), false},
		{"the realm's relying party, at origins of anywhere", rp("id.example"), true},
		{"no relying party of its own", rp(""), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := n.Create(t.Context(), site, good(tt.change))
			if ok := err == nil; ok != tt.ok || !ok && !errors.Is(err, authenticator.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, name := range []string{"", " ", "a\nb", strings.Repeat("x", 201), "\xff"} {
		d := good(nil)
		d.Name = name
		if _, err := n.Create(t.Context(), site, d); !errors.Is(err, authenticator.ErrInvalid) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
}

func TestAConfigIsChangedInTheVersionThatIsMeantAndKeepsItsType(t *testing.T) {
	n, site := oneNode(t)
	c := n.create(t, site, good(nil))
	rename := func(name string) func(*model.AuthenticatorConfig) {
		return func(c *model.AuthenticatorConfig) { c.Name, c.Version = name, 99 }
	}
	got, err := n.Update(t.Context(), site, authenticator.Ref{ID: c.ID, Version: 1}, rename("Two"))
	if err != nil || got.Name != "Two" || got.Version != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := n.Update(t.Context(), site, authenticator.Ref{ID: c.ID, Version: 1}, rename("Three")); !errors.Is(err, authenticator.ErrChanged) {
		t.Errorf("an old version: %v", err)
	}
	_, err = n.Update(t.Context(), site, authenticator.Ref{ID: c.ID}, func(c *model.AuthenticatorConfig) {
		c.Settings = model.AuthenticatorSettings{Type: model.AuthenticatorHosted}
	})
	if !errors.Is(err, authenticator.ErrInvalid) {
		t.Errorf("another type: %v", err)
	}
	if err := n.Delete(t.Context(), site, authenticator.Ref{ID: c.ID, Version: 1}); !errors.Is(err, authenticator.ErrChanged) {
		t.Errorf("delete an old version: %v", err)
	}
	other := n.site(t, "other")
	for _, id := range []model.AuthenticatorConfigID{c.ID, "", "acf_x", model.AuthenticatorConfigID(ids.New("acf"))} {
		if err := n.Delete(t.Context(), other, authenticator.Ref{ID: id}); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%q in another realm: %v", id, err)
		}
	}
	if err := n.Delete(t.Context(), site, authenticator.Ref{ID: c.ID, Version: 2}); err != nil {
		t.Error(err)
	}
	if _, err := n.Config(t.Context(), site, c.ID); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("deleted, yet there: %v", err)
	}
}

func TestTrustIsOfEmbeddedConfigsOfTheRealmAlone(t *testing.T) {
	n, site := oneNode(t)
	other := n.site(t, "other")
	n.create(t, site, good(nil))
	n.create(t, site, good(func(s *model.AuthenticatorSettings) {
		s.RPID, s.TrustedOrigins, s.InvokeURL = "", []string{"https://related.example", "https://shop.example"}, "https://related.example"
	}))
	n.create(t, site, authenticator.Draft{Name: "Hosted", Settings: model.AuthenticatorSettings{Type: model.AuthenticatorHosted,
		TrustedOrigins: []string{"https://hosted.example"}}})
	want := []string{"https://related.example", "https://shop.example", "https://www.shop.example:8443"}
	if diff := cmp.Diff(want, n.TrustedOrigins(t.Context(), site)); diff != "" {
		t.Errorf("trusted (-want +got):\n%s", diff)
	}
	related, err := n.RelatedOrigins(t.Context(), site)
	if diff := cmp.Diff([]string{"https://related.example", "https://shop.example"}, related); diff != "" || err != nil {
		t.Errorf("related (-want +got):\n%s%v", diff, err)
	}
	if got := n.TrustedOrigins(t.Context(), other); len(got) != 0 {
		t.Errorf("another realm trusts %v", got)
	}
}

// The feed is read every second at least; the rest is for a busy machine.
//
// Requirement: embedded-config-nodes
func TestAnotherNodeHearsOfAChangeSoon(t *testing.T) {
	for name, database := range map[string]string{"sqlite": litetest.Database(t), "postgres": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			here, there := newNode(t, database), newNode(t, database)
			site := here.site(t, "acme")
			c := here.create(t, site, good(nil))
			if _, err := there.Config(t.Context(), site, c.ID); err != nil { // it is in memory there from now on
				t.Fatal(err)
			}
			begun := time.Now()
			if _, err := here.Update(t.Context(), site, authenticator.Ref{ID: c.ID}, func(c *model.AuthenticatorConfig) {
				c.Settings.TrustedOrigins = c.Settings.TrustedOrigins[:1]
			}); err != nil {
				t.Fatal(err)
			}
			for len(there.TrustedOrigins(t.Context(), site)) != 1 {
				if time.Since(begun) > 3*time.Second {
					t.Fatal("the other node still trusts what is trusted no more")
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

func TestListsComeInPagesOrderedByID(t *testing.T) {
	n, site := oneNode(t)
	var want []model.AuthenticatorConfigID
	for range 3 {
		want = append(want, n.create(t, site, good(nil)).ID)
	}
	var got []model.AuthenticatorConfigID
	after := ""
	for {
		page, err := n.List(t.Context(), site, authenticator.Query{After: after, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			got, after = append(got, c.ID), string(c.ID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
