package realm_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// engines runs a test on both databases, with two nodes on each.
func engines(t *testing.T, test func(t *testing.T, a, b *node, site *model.Site)) {
	t.Helper()
	for engine, url := range map[string]func(*testing.T) string{"sqlite": sqlite, "postgres": func(t *testing.T) string { t.Helper(); return pgtest.Database(t) }} {
		t.Run(engine, func(t *testing.T) {
			at := url(t)
			a, b := open(t, at, base, nil), open(t, at, base, nil)
			site, err := a.Create(t.Context(), realm.NewRealm{Name: "acme"})
			check(t, err)
			test(t, a, b, site)
		})
	}
}

// rename is a change of one resource server.
func rename(to string) func(*model.ResourcePolicy) error {
	return func(p *model.ResourcePolicy) error { p.Name = to; return nil }
}

func orders() model.ResourcePolicy {
	return model.ResourcePolicy{Resource: "https://orders.example", Name: "Orders", Scopes: []string{"read", "pay"}, DefaultScopes: []string{"read"},
		ApprovalScopes: []string{"pay"}, ScopeTexts: map[string]string{"pay": "Pay for an order"}, TokenFormat: model.TokenOpaque, TokenLifetime: 60}
}

// Requirement: rs-registered
func TestAResourceServerIsKeptAsItWasRegistered(t *testing.T) {
	engines(t, func(t *testing.T, a, b *node, site *model.Site) {
		id := site.Realm.ID
		made, err := a.CreateResourceServer(t.Context(), id, orders(), "tester")
		check(t, err)
		if !ids.Valid("rsv", string(made.ID)) || made.Version != 1 || made.CreatedAt == 0 || made.UpdatedAt != made.CreatedAt {
			t.Errorf("made: %+v", made)
		}
		got, err := b.ResourceServer(t.Context(), id, made.ID)
		check(t, err)
		if diff := gocmp.Diff(made, got); diff != "" {
			t.Errorf("read back (-made +got):\n%s", diff)
		}
		if _, err := b.CreateResourceServer(t.Context(), id, model.ResourcePolicy{Resource: "https://orders.example/"}, "tester"); !errors.Is(err, realm.ErrIdentifierTaken) {
			t.Errorf("the same origin: %v", err)
		}
		changed, err := b.UpdateResourceServer(t.Context(), id, realm.ResourceRef{ID: made.ID, Version: 1, Actor: "tester"}, rename("Ordering"))
		check(t, err)
		if changed.Version != 2 || changed.Name != "Ordering" || changed.CreatedAt != made.CreatedAt || changed.ID != made.ID {
			t.Errorf("changed: %+v", changed)
		}
		same, err := a.UpdateResourceServer(t.Context(), id, realm.ResourceRef{ID: made.ID, Actor: "tester"}, rename("Ordering"))
		if err != nil || same.Version != 2 {
			t.Errorf("a change that changes nothing: %+v, %v", same, err)
		}
		if err := a.DeleteResourceServer(t.Context(), id, realm.ResourceRef{ID: made.ID, Version: 1}); !errors.Is(err, realm.ErrChanged) {
			t.Errorf("delete the version before: %v", err)
		}
		check(t, a.DeleteResourceServer(t.Context(), id, realm.ResourceRef{ID: made.ID, Version: 2}))
		_, err = b.ResourceServer(t.Context(), id, made.ID)
		if !errors.Is(err, model.ErrNotFound) || !errors.Is(a.DeleteResourceServer(t.Context(), id, realm.ResourceRef{ID: made.ID}), model.ErrNotFound) {
			t.Errorf("after it was deleted: %v", err)
		}
		if _, err := a.UpdateResourceServer(t.Context(), id, realm.ResourceRef{}, rename("x")); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("no id: %v", err)
		}
	})
}

// Requirement: rs-one-of-two
func TestOfTwoChangesOfOneVersionOfAResourceServerOneWins(t *testing.T) {
	engines(t, func(t *testing.T, a, b *node, site *model.Site) {
		made, err := a.CreateResourceServer(t.Context(), site.Realm.ID, orders(), "tester")
		check(t, err)
		for round := range 5 {
			var won, lost atomic.Int64
			var all sync.WaitGroup
			for i := range 8 {
				n := []*node{a, b}[i%2]
				all.Go(func() {
					_, err := n.UpdateResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: made.ID, Version: int64(round + 1)}, rename(fmt.Sprintf("Round %d of %d", round, i)))
					switch {
					case err == nil:
						won.Add(1)
					case errors.Is(err, realm.ErrChanged):
						lost.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 || lost.Load() != 7 {
				t.Errorf("round %d: %d won, %d lost", round, won.Load(), lost.Load())
			}
		}
	})
}

// Requirement: rs-apart
func TestChangesOfOneResourceServerStandWhateverElseOfTheRealmChangesMeanwhile(t *testing.T) {
	engines(t, func(t *testing.T, a, b *node, site *model.Site) {
		id := site.Realm.ID
		made, err := a.CreateResourceServer(t.Context(), id, orders(), "tester")
		check(t, err)
		var all sync.WaitGroup
		for i := range 6 {
			n := []*node{a, b}[i%2]
			all.Go(func() {
				_, err := n.CreateResourceServer(t.Context(), id, model.ResourcePolicy{Resource: fmt.Sprintf("https://%d.example", i)}, "tester")
				if err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := n.ChangePolicy(t.Context(), id, func(p *model.RealmPolicy) { p.DPoPAlgs = append(p.DPoPAlgs, "ES256") }, "tester"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Go(func() { // each with the version that the last one answered
			for i := range 6 {
				_, err := b.UpdateResourceServer(t.Context(), id, realm.ResourceRef{ID: made.ID, Version: int64(i + 1)}, rename(fmt.Sprint("Name ", i)))
				if err != nil {
					t.Error(err)
				}
			}
		})
		all.Wait()
		r, err := a.Read(t.Context(), id)
		check(t, err)
		if len(r.Policy.Resources) != 7 || len(r.Policy.DPoPAlgs) != 6 || r.Policy.Resources[0].Name != "Name 5" || r.Policy.Resources[0].Version != 7 {
			t.Errorf("a change is lost: %+v", r.Policy)
		}
	})
}

// Requirement: rs-named-by-identifier
func TestAPolicyKeepsTheIdsOfItsResourceServersByTheirIdentifiers(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Resources: []model.ResourcePolicy{
		{Resource: "https://a.example", ID: "rsv_made-up", Version: 99, CreatedAt: 5}, {Resource: "https://b.example"}}}})
	check(t, err)
	first := site.Realm.Policy.Resources
	if !ids.Valid("rsv", string(first[0].ID)) || first[0].Version != 1 || first[0].CreatedAt == 5 || first[0].ID == first[1].ID {
		t.Fatalf("made with the realm: %+v", first)
	}
	patch := func(members string) []model.ResourcePolicy {
		t.Helper()
		r, err := n.PatchPolicy(t.Context(), site.Realm.ID, realm.PolicyChange{Members: []byte(members)})
		check(t, err)
		stored, err := n.Read(t.Context(), site.Realm.ID)
		check(t, err)
		if diff := gocmp.Diff(stored.Policy, r.Policy); diff != "" {
			t.Errorf("answered and stored differ:\n%s", diff)
		}
		return r.Policy.Resources
	}
	next := patch(`{"resources":[{"resource":"https://b.example","scopes":["read"]},{"resource":"https://c.example"},{"resource":"https://a.example"}]}`)
	b, c, a := next[0], next[1], next[2]
	if diff := gocmp.Diff(first[0], a); diff != "" {
		t.Errorf("the one that is as it was:\n%s", diff)
	}
	if b.ID != first[1].ID || b.Version != 2 || b.CreatedAt != first[1].CreatedAt || b.UpdatedAt < b.CreatedAt {
		t.Errorf("the changed one: %+v, then %+v", first[1], b)
	}
	if !ids.Valid("rsv", string(c.ID)) || c.ID == a.ID || c.ID == b.ID || c.Version != 1 {
		t.Errorf("the new one: %+v", c)
	}
	text, err := json.Marshal(map[string]any{"resources": next, "passwords": true})
	check(t, err)
	if diff := gocmp.Diff(next, patch(string(text))); diff != "" {
		t.Errorf("what was printed and put back:\n%s", diff)
	}
	again := patch(`{"resources":[{"resource":"https://a.example","id":"` + string(b.ID) + `","version":7}]}`)
	if again[0].ID != a.ID || again[0].Version != 1 {
		t.Errorf("the id of another one was taken over: %+v", again)
	}
	check(t, n.ChangePolicy(t.Context(), site.Realm.ID, func(p *model.RealmPolicy) { p.Resources[0].Name = "A" }, "tester"))
	if one, err := n.ResourceServer(t.Context(), site.Realm.ID, a.ID); err != nil || one.Version != 2 || one.Name != "A" {
		t.Errorf("changed in place: %+v, %v", one, err)
	}
}

// Requirement: rs-named-by-identifier
func TestResourceServersOfAnEarlierVersionGetIds(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme"})
	check(t, err)
	old := site.Realm
	old.Policy.Resources = []model.ResourcePolicy{{Resource: "https://a.example"}, {Resource: "made-when-rules-were-others", Scopes: []string{"openid"}}}
	check(t, n.store.UpdateRealm(t.Context(), old, model.Effects{Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRealm, Key: string(old.ID), At: old.CreatedAt}}}))
	old.Version++
	named := func() []model.ResourcePolicy {
		check(t, n.NameResources(t.Context(), &model.Site{Realm: old}))
		list, err := n.ResourceServers(t.Context(), old.ID)
		check(t, err)
		return list
	}
	first := named()
	if len(first) != 2 || first[0].ID == "" || first[1].ID == "" || first[0].Version != 1 {
		t.Fatalf("named: %+v", first)
	}
	if diff := gocmp.Diff(first, named()); diff != "" {
		t.Errorf("named again:\n%s", diff)
	}
	// What does not fit the rules of today stands against nothing else.
	if _, err := n.PatchPolicy(t.Context(), old.ID, realm.PolicyChange{Members: []byte(`{"passwords":true}`)}); err != nil {
		t.Error(err)
	}
	_, err = n.CreateResourceServer(t.Context(), old.ID, orders(), "tester")
	check(t, err)
}

const goodURL = "https://api.example"

// rules are resource servers, and the part that is to blame; empty: it is taken.
var rules = []struct {
	name, part string
	p          model.ResourcePolicy
}{
	{"https", "", model.ResourcePolicy{Resource: "https://api.example/v1?tenant=7"}},
	{"this machine", "", model.ResourcePolicy{Resource: "http://127.0.0.1:8080/api"}},
	{"this machine by name", "", model.ResourcePolicy{Resource: "http://localhost:8080"}},
	{"this machine, IPv6", "", model.ResourcePolicy{Resource: "http://[::1]:8080"}},
	{"a urn", "", model.ResourcePolicy{Resource: "urn:example:orders"}},
	{"512 bytes", "", model.ResourcePolicy{Resource: goodURL + "/" + strings.Repeat("a", 512-len(goodURL)-1)}},
	{"513 bytes", "identifier", model.ResourcePolicy{Resource: goodURL + "/" + strings.Repeat("a", 513-len(goodURL)-1)}},
	{"no identifier", "identifier", model.ResourcePolicy{}},
	{"relative", "identifier", model.ResourcePolicy{Resource: "/api"}},
	{"another machine without TLS", "identifier", model.ResourcePolicy{Resource: "http://api.example"}},
	{"looks like this machine", "identifier", model.ResourcePolicy{Resource: "http://localhost.example"}},
	{"a fragment", "identifier", model.ResourcePolicy{Resource: goodURL + "/#a"}},
	{"an empty fragment", "identifier", model.ResourcePolicy{Resource: goodURL + "#"}},
	{"a user", "identifier", model.ResourcePolicy{Resource: "https://me@api.example"}},
	{"a space", "identifier", model.ResourcePolicy{Resource: goodURL + "/a b"}},
	{"a quote", "identifier", model.ResourcePolicy{Resource: goodURL + `/"`}},
	{"not ASCII", "identifier", model.ResourcePolicy{Resource: "https://äpi.example"}},
	{"no host", "identifier", model.ResourcePolicy{Resource: "https:///x"}},
	{"a scheme of nobody", "identifier", model.ResourcePolicy{Resource: "api://orders"}},
	{"a urn without a name", "identifier", model.ResourcePolicy{Resource: "urn:example:"}},
	{"capitals", "identifier", model.ResourcePolicy{Resource: "HTTPS://api.example"}},
	{"the issuer", "identifier", model.ResourcePolicy{Resource: base + "/realms/acme"}},
	{"a name with a control character", "display_name", model.ResourcePolicy{Resource: goodURL, Name: "A\nB"}},
	{"a name that is too long", "display_name", model.ResourcePolicy{Resource: goodURL, Name: strings.Repeat("a", 201)}},
	{"a scope with a space", "scopes[1].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{"a", "b c"}}},
	{"a scope with a quote", "scopes[0].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{`a"`}}},
	{"a scope with a backslash", "scopes[0].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{`a\b`}}},
	{"a scope with an umlaut", "scopes[0].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{"ä"}}},
	{"a scope of 128", "", model.ResourcePolicy{Resource: "https://128.example", Scopes: []string{strings.Repeat("a", 128)}}},
	{"a scope of 129", "scopes[0].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{strings.Repeat("a", 129)}}},
	{"an empty scope", "scopes[0].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{""}}},
	{"OpenID Connect's scope", "scopes[0].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{"offline_access"}}},
	{"a scope twice", "scopes[1].name", model.ResourcePolicy{Resource: goodURL, Scopes: []string{"a", "a"}}},
	{"200 scopes", "", model.ResourcePolicy{Resource: "https://200.example", Scopes: scopesOf(200)}},
	{"201 scopes", "scopes", model.ResourcePolicy{Resource: goodURL, Scopes: scopesOf(201)}},
	{"an approval by default", "scopes[1].default", model.ResourcePolicy{Resource: goodURL, Scopes: []string{"a", "b"}, DefaultScopes: []string{"b"}, ApprovalScopes: []string{"b"}}},
	{"an approval for no scope", "scopes", model.ResourcePolicy{Resource: goodURL, ApprovalScopes: []string{"a"}}},
	{"a text for no scope", "scopes", model.ResourcePolicy{Resource: goodURL, ScopeTexts: map[string]string{"a": "A"}}},
	{"a text of 121", "scopes[0].description", model.ResourcePolicy{Resource: goodURL, Scopes: []string{"a"}, ScopeTexts: map[string]string{"a": strings.Repeat("ä", 121)}}},
	{"an unknown format", "access_token_format", model.ResourcePolicy{Resource: goodURL, TokenFormat: "xml"}},
	{"a lifetime of 9 s", "access_token_lifetime", model.ResourcePolicy{Resource: goodURL, TokenLifetime: 9}},
	{"a lifetime below nothing", "access_token_lifetime", model.ResourcePolicy{Resource: goodURL, TokenLifetime: -1}},
	{"a lifetime of a day", "", model.ResourcePolicy{Resource: "https://day.example", TokenLifetime: 86400}},
	{"a lifetime of more", "access_token_lifetime", model.ResourcePolicy{Resource: goodURL, TokenLifetime: 86401}},
	{"a client of nobody", "clients[0]", model.ResourcePolicy{Resource: goodURL, Clients: []model.ClientID{"nobody"}}},
	{"too many clients", "clients", model.ResourcePolicy{Resource: goodURL, Clients: make([]model.ClientID, 101)}},
}

// scopesOf is that many scopes.
func scopesOf(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("s%d", i)
	}
	return list
}

// Requirement: rs-rules
func TestAResourceServerThatBreaksARuleIsRefused(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme"})
	check(t, err)
	for _, tt := range rules {
		_, err := n.CreateResourceServer(t.Context(), site.Realm.ID, tt.p, "tester")
		_, patched := n.PatchPolicy(t.Context(), site.Realm.ID, realm.PolicyChange{Members: patchTo(t, n, site.Realm.ID, tt.p)})
		for how, err := range map[string]error{"created": err, "patched": patched} {
			e, _ := errors.AsType[*realm.ResourceError](err)
			switch {
			case tt.part == "" && err != nil:
				t.Errorf("%s, %s: %v", tt.name, how, err)
			case tt.part != "" && (e == nil || e.Part != tt.part || !errors.Is(err, realm.ErrPolicy)):
				t.Errorf("%s, %s: got %v (%+v), want %s", tt.name, how, err, e, tt.part)
			}
		}
	}
}

// Requirement: rs-rules
func TestAnIdentifierIsOfOneResourceServerAndStays(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme"})
	check(t, err)
	made, err := n.CreateResourceServer(t.Context(), site.Realm.ID, orders(), "tester")
	check(t, err)
	same := `{"resources":[{"resource":"https://a.example"},{"resource":"https://a.example/"}]}`
	if _, err := n.PatchPolicy(t.Context(), site.Realm.ID, realm.PolicyChange{Members: []byte(same)}); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("one identifier twice: %v", err)
	}
	if _, err := n.Create(t.Context(), realm.NewRealm{Name: "other", Policy: model.RealmPolicy{Resources: []model.ResourcePolicy{{Resource: base + "/realms/other"}}}}); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("a realm whose issuer is its resource server: %v", err)
	}
	moved := func(p *model.ResourcePolicy) error { p.Resource = "https://moved.example"; return nil }
	if _, err := n.UpdateResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: made.ID}, moved); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("another identifier: %v", err)
	}
}

// patchTo is a patch that adds a resource server, or has it where it is there.
func patchTo(t *testing.T, n *node, id model.RealmID, p model.ResourcePolicy) []byte {
	t.Helper()
	r, err := n.Read(t.Context(), id)
	check(t, err)
	list := slices.DeleteFunc(r.Policy.Resources, func(o model.ResourcePolicy) bool { return o.Resource == p.Resource })
	text, err := json.Marshal(map[string]any{"resources": append(list, p)})
	check(t, err)
	return text
}

// Requirement: rs-limit
func TestARealmHasUpTo500ResourceServersAndEachCanBeChanged(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme"})
	check(t, err)
	var list []model.ResourcePolicy
	for i := range 500 {
		list = append(list, model.ResourcePolicy{Resource: fmt.Sprintf("https://%d.example", i), Scopes: []string{"read", "write"}})
	}
	text, err := json.Marshal(map[string]any{"resources": append(slices.Clone(list), model.ResourcePolicy{Resource: "https://more.example"})})
	check(t, err)
	if _, err := n.PatchPolicy(t.Context(), site.Realm.ID, realm.PolicyChange{Members: text}); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("501 in a policy: %v", err)
	}
	text, err = json.Marshal(map[string]any{"resources": list})
	check(t, err)
	r, err := n.PatchPolicy(t.Context(), site.Realm.ID, realm.PolicyChange{Members: text})
	check(t, err)
	if _, err := n.CreateResourceServer(t.Context(), site.Realm.ID, model.ResourcePolicy{Resource: "https://more.example"}, "tester"); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("the 501st: %v", err)
	}
	last := r.Policy.Resources[499]
	changed, err := n.UpdateResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: last.ID, Version: 1}, rename("The last"))
	if err != nil || changed.Version != 2 {
		t.Errorf("the 500th: %+v, %v", changed, err)
	}
	check(t, n.DeleteResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: r.Policy.Resources[0].ID}))
	_, err = n.CreateResourceServer(t.Context(), site.Realm.ID, model.ResourcePolicy{Resource: "https://more.example"}, "tester")
	check(t, err)
	sorted, err := n.ResourceServers(t.Context(), site.Realm.ID)
	check(t, err)
	if len(sorted) != 500 || !slices.IsSortedFunc(sorted, func(a, b model.ResourcePolicy) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Errorf("%d, in order: no", len(sorted))
	}
}

// Requirement: rs-clients
func TestWhoActsForAResourceServerIsAnApplicationOfTheRealmWhenItIsNamed(t *testing.T) {
	n := open(t, sqlite(t), base, nil)
	site, err := n.Create(t.Context(), realm.NewRealm{Name: "acme"})
	check(t, err)
	other, err := n.Create(t.Context(), realm.NewRealm{Name: "other"})
	check(t, err)
	app := func(id model.ClientID, in model.RealmID) {
		now := model.MillisOf(time.Now())
		a := model.Application{RealmID: in, ID: id, Name: string(id), Kind: model.KindService, Status: model.ApplicationActive, CreatedAt: now, Version: 1}
		check(t, n.store.CreateApplication(t.Context(), a, model.Effects{}))
	}
	app("mine", site.Realm.ID)
	app("theirs", other.Realm.ID)
	p := orders()
	p.Clients = []model.ClientID{"theirs"}
	if _, err := n.CreateResourceServer(t.Context(), site.Realm.ID, p, "tester"); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("an application of another realm: %v", err)
	}
	p.Clients = []model.ClientID{"mine", "mine"}
	if _, err := n.CreateResourceServer(t.Context(), site.Realm.ID, p, "tester"); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("twice: %v", err)
	}
	p.Clients = p.Clients[:1]
	made, err := n.CreateResourceServer(t.Context(), site.Realm.ID, p, "tester")
	check(t, err)
	check(t, n.store.DeleteApplication(t.Context(), site.Realm.ID, "mine", model.MillisOf(time.Now()), model.Effects{}))
	// Who was deleted since is named still, and stands against no other change.
	changed, err := n.UpdateResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: made.ID}, rename("Ordering"))
	if err != nil || !slices.Equal(changed.Clients, p.Clients) {
		t.Errorf("after it was deleted: %+v, %v", changed, err)
	}
	check(t, n.DeleteResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: made.ID}))
	if _, err := n.CreateResourceServer(t.Context(), site.Realm.ID, p, "tester"); !errors.Is(err, realm.ErrPolicy) {
		t.Errorf("named anew: %v", err)
	}
}

// Requirement: rs-roles
func TestAResourceServerWithRolesIsNotDeleted(t *testing.T) {
	engines(t, func(t *testing.T, a, b *node, site *model.Site) {
		made, err := a.CreateResourceServer(t.Context(), site.Realm.ID, orders(), "tester")
		check(t, err)
		role := model.Role{RealmID: site.Realm.ID, ID: model.RoleID(ids.New("rol")), Resource: made.Resource, Name: "clerk", CreatedAt: made.CreatedAt, UpdatedAt: made.CreatedAt, Version: 1}
		check(t, a.store.CreateRole(t.Context(), role, model.Effects{}))
		if err := b.DeleteResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: made.ID}); !errors.Is(err, realm.ErrHasRoles) {
			t.Errorf("with a role: %v", err)
		}
		check(t, b.store.DeleteRole(t.Context(), role, model.Effects{}))
		check(t, b.DeleteResourceServer(t.Context(), site.Realm.ID, realm.ResourceRef{ID: made.ID}))
	})
}
