package realm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// registered is an application of the realm that an operator registered.
func registered(t *testing.T, n *node, site *model.Site, id model.ClientID, s model.ApplicationSettings) {
	t.Helper()
	check(t, n.store.CreateApplication(t.Context(), model.Application{RealmID: site.Realm.ID, ID: id, Name: string(id), Kind: model.KindService,
		Status: model.ApplicationActive, Settings: s, Version: 1}, model.Effects{}))
}

// The API may still run: it would take the scope from whoever gets it for the asking.
//
// Requirement: rs-approval-kept
func TestAScopeNeedsItsApprovalForAsLongAsSomebodyIsRegisteredForIt(t *testing.T) {
	engines(t, func(t *testing.T, a, b *node, site *model.Site) {
		id := site.Realm.ID
		made, err := a.CreateResourceServer(t.Context(), id, orders(), "tester")
		check(t, err)
		ref := realm.ResourceRef{ID: made.ID, Actor: "tester"}
		for name, s := range map[model.ClientID]model.ApplicationSettings{
			"plain":     {Scopes: []string{"read"}, Resources: []string{made.Resource}},
			"elsewhere": {Scopes: []string{"pay"}, Resources: []string{"https://other.example"}},
			"stranger":  {AnyScope: true, Scopes: []string{"pay"}, Resources: []string{made.Resource}},
		} {
			registered(t, a, site, name, s)
		}
		unmark := func(p *model.ResourcePolicy) error { p.ApprovalScopes = nil; return nil }
		mark := func(p *model.ResourcePolicy) error { p.ApprovalScopes = []string{"pay"}; return nil }
		_, err = b.UpdateResourceServer(t.Context(), id, ref, unmark)
		check(t, err)
		_, err = b.UpdateResourceServer(t.Context(), id, ref, mark)
		check(t, err)

		for name, s := range map[model.ClientID]model.ApplicationSettings{
			"payer":    {Scopes: []string{"pay"}, Resources: []string{"https://orders.example/"}},
			"gateway":  {Scopes: []string{"read", "pay"}, Exchange: model.ExchangePolicy{Audiences: []string{made.Resource}}},
			"defaults": {DefaultScopes: []string{"pay"}, Resources: []string{made.Resource}},
		} {
			registered(t, a, site, name, s)
			keeps(t, b, site, ref, string(name))
			check(t, a.store.DeleteApplication(t.Context(), id, name, made.CreatedAt, model.Effects{}))
		}
		check(t, b.DeleteResourceServer(t.Context(), id, ref))
	})
}

// keeps tries every way to take the approval from the scope.
func keeps(t *testing.T, n *node, site *model.Site, ref realm.ResourceRef, who string) {
	t.Helper()
	id := site.Realm.ID
	for name, change := range map[string]func(*model.ResourcePolicy) error{
		"its mark": func(p *model.ResourcePolicy) error { p.ApprovalScopes = nil; return nil },
		"the scope": func(p *model.ResourcePolicy) error {
			p.Scopes, p.ApprovalScopes, p.ScopeTexts = []string{"read"}, nil, nil
			return nil
		},
	} {
		if _, err := n.UpdateResourceServer(t.Context(), id, ref, change); !errors.Is(err, realm.ErrHasClients) || !strings.Contains(err.Error(), who) {
			t.Errorf("%s, while %s is registered for it: %v", name, who, err)
		}
	}
	if err := n.DeleteResourceServer(t.Context(), id, ref); !errors.Is(err, realm.ErrHasClients) || !strings.Contains(err.Error(), who) {
		t.Errorf("deleted, while %s is registered for it: %v", who, err)
	}
	for _, members := range []string{`{"resources":null}`, `{"resources":[{"resource":"https://orders.example","scopes":["read","pay"]}]}`,
		`{"resources":[{"resource":"https://orders.example:8443","scopes":["read","pay"],"approval_scopes":["pay"]}]}`} {
		if _, err := n.PatchPolicy(t.Context(), id, realm.PolicyChange{Members: []byte(members)}); !errors.Is(err, realm.ErrPolicy) || errors.Is(err, realm.ErrHasClients) ||
			!strings.Contains(err.Error(), who) {
			t.Errorf("%s, while %s is registered for it: %v", members, who, err)
		}
	}
	// Everything else about it can be changed.
	if _, err := n.UpdateResourceServer(t.Context(), id, ref, rename("For "+who)); err != nil {
		t.Errorf("another name: %v", err)
	}
	after, err := n.ResourceServer(t.Context(), id, ref.ID)
	check(t, err)
	if len(after.ApprovalScopes) != 1 {
		t.Errorf("the mark is gone: %+v", after)
	}
}
