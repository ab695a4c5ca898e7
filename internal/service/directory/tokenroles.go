package directory

import (
	"context"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// tokenRoles remembers for which resource servers there are roles at all: almost
// every token is for another, and costs nothing then.
type tokenRoles struct {
	resources *hub.Cache[[]string]
	trusted   func() bool
}

// maxRolesRealms bounds how many realms are remembered.
const maxRolesRealms = 10_000

func newTokenRoles(c Config) tokenRoles {
	t := tokenRoles{trusted: c.Trusted}
	if t.trusted == nil {
		t.trusted = func() bool { return true }
	}
	t.resources = hub.NewCache(maxRolesRealms, func(ctx context.Context, realm string) ([]string, error) {
		return c.Store.ResourcesWithRoles(ctx, model.RealmID(realm))
	})
	if c.Hub != nil {
		c.Hub.Listen(model.TopicRole, func(change model.Change) { t.resources.Forget(change.Key) })
		c.Hub.OnResync(t.resources.Clear)
	}
	return t
}

// RoleNames lists what a person is at a resource server, by themselves or through
// groups, by name and at most [MaxTokenRoles]. What people were given is read from
// the database each time.
func (s *Service) RoleNames(ctx context.Context, site *model.Site, id model.IdentityID, resource string) ([]string, error) {
	if s.roles.trusted() {
		known, err := s.roles.resources.Get(ctx, string(site.Realm.ID))
		if err != nil {
			return nil, fmt.Errorf("find resource servers with roles: %w", err)
		}
		if !slices.Contains(known, resource) {
			return nil, nil
		}
	}
	names, err := s.store.RoleNames(ctx, RolesOf{RealmID: site.Realm.ID, Identity: id, Resource: resource}, MaxTokenRoles)
	if err != nil {
		return nil, fmt.Errorf("list roles of %s: %w", id, err)
	}
	return names, nil
}
