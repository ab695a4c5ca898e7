package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// RoleStore keeps what people are at resource servers.
type RoleStore interface {
	CreateRole(context.Context, model.Role, model.Effects) error // ErrConflict: the name is taken
	Role(context.Context, model.RealmID, model.RoleID) (model.Role, error)
	// Roles lists as the query says, ordered by id.
	Roles(context.Context, model.RealmID, RoleQuery) ([]model.Role, error)
	// UpdateRole needs the version; ErrConflict also if the name is taken.
	UpdateRole(context.Context, model.Role, model.Effects) error
	// DeleteRole takes it from everybody. ErrConflict if it is another version by
	// now; ErrNotFound.
	DeleteRole(context.Context, model.Role, model.Effects) error
	// AddRoleMember writes nothing where they have it already; ErrNotFound if the
	// role, or the identity or group, is not there.
	AddRoleMember(context.Context, Membership, model.Effects) error
	RemoveRoleMember(context.Context, Membership, model.Effects) error // ErrNotFound
	// RoleMembers lists who was given a role, ordered by id.
	RoleMembers(context.Context, MemberQuery) ([]Member, error)
	// RoleNames lists what an identity is at a resource server, by itself or through
	// a group, ordered by name.
	RoleNames(ctx context.Context, of RolesOf, limit int) ([]string, error)
	// ResourcesWithRoles lists the resource servers for which there are roles.
	ResourcesWithRoles(context.Context, model.RealmID) ([]string, error)
}

// RolesOf is somebody at a resource server.
type RolesOf struct {
	RealmID  model.RealmID
	Identity model.IdentityID
	Resource string
}

// A RoleQuery selects roles of a realm. What is empty selects all.
type RoleQuery struct {
	Resource string
	Member   model.IdentityID // by themselves or through a group
	After    model.RoleID     // exclusive; empty: from the first
	Limit    int
}

// maxRoleName is in characters. Names of roles are for programs.
const maxRoleName = 128

// MaxTokenRoles is how many roles a token holds at most: the first by name.
const MaxTokenRoles = 100

func checkRole(site *model.Site, r *model.Role) error {
	known := slices.ContainsFunc(site.Realm.Policy.Resources, func(p model.ResourcePolicy) bool { return p.Resource == r.Resource })
	if !known {
		return invalid("resource", "must be one of the realm's resource servers")
	}
	if err := checkText("name", r.Name, maxRoleName); err != nil {
		return err
	}
	return checkDescription(r.Description)
}

// rolesChange tells every node that there are other roles.
func (d deed) rolesChange(kind string, id model.RoleID, data map[string]string) model.Effects {
	return model.Effects{Events: []model.Event{d.event(kind, string(id), data)},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRole, Key: string(d.site.Realm.ID), At: d.at}}}
}

// CreateRole makes a role of that resource server, name and description. It
// returns an [*InvalidError], or [ErrNameTaken].
func (s *Service) CreateRole(ctx context.Context, site *model.Site, r model.Role, actor string) (model.Role, error) {
	if err := checkRole(site, &r); err != nil {
		return r, err
	}
	d := s.deed(site, actor)
	r.RealmID, r.ID, r.CreatedAt, r.UpdatedAt, r.Version = site.Realm.ID, model.RoleID(ids.New("rol")), d.at, d.at, 1
	err := s.store.CreateRole(ctx, r, d.rolesChange("role.created", r.ID, map[string]string{"resource": r.Resource, "name": r.Name}))
	if errors.Is(err, model.ErrConflict) {
		err = ErrNameTaken
	}
	if err != nil {
		return r, fmt.Errorf("create role: %w", err)
	}
	return r, nil
}

// Role finds a role; model.ErrNotFound.
func (s *Service) Role(ctx context.Context, site *model.Site, id model.RoleID) (model.Role, error) {
	r, err := s.store.Role(ctx, site.Realm.ID, id)
	if err != nil {
		return r, fmt.Errorf("find role %s: %w", id, err)
	}
	return r, nil
}

// Roles lists roles in the order of their ids.
func (s *Service) Roles(ctx context.Context, site *model.Site, q RoleQuery) ([]model.Role, error) {
	list, err := s.store.Roles(ctx, site.Realm.ID, q)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	return list, nil
}

// UpdateRole changes the name and the description of a role as edit says, which
// may be called more than once. It returns what edit returns, an [*InvalidError],
// [ErrNameTaken], [ErrChanged], or model.ErrNotFound.
func (s *Service) UpdateRole(ctx context.Context, site *model.Site, ref Ref[model.RoleID], edit func(*model.Role) error) (model.Role, error) {
	d := s.deed(site, ref.Actor)
	for try := 1; ; try++ {
		old, err := s.Role(ctx, site, ref.ID)
		if err != nil {
			return old, err
		}
		next, err := edited(old, ref.Version, old.Version, edit)
		if err == nil && next.Resource != old.Resource {
			// Whoever has it would be something elsewhere that nobody gave them.
			err = invalid("resource", "is settled when the role is created")
		}
		if err == nil && next != old {
			err = errors.Join(checkText("name", next.Name, maxRoleName), checkDescription(next.Description))
		}
		if err != nil || next == old {
			return old, err
		}
		next.UpdatedAt = d.at
		err = s.store.UpdateRole(ctx, next, d.rolesChange("role.updated", old.ID, map[string]string{"name": next.Name}))
		if err == nil {
			next.Version++
			return next, nil
		}
		if now, e := s.Role(ctx, site, ref.ID); errors.Is(err, model.ErrConflict) && e == nil && now.Version == old.Version {
			err = ErrNameTaken
		}
		if !errors.Is(err, model.ErrConflict) || try == changeTries {
			return old, fmt.Errorf("change role %s: %w", ref.ID, err)
		}
	}
}

// DeleteRole removes a role and takes it from everybody. It returns [ErrChanged]
// or model.ErrNotFound.
func (s *Service) DeleteRole(ctx context.Context, site *model.Site, ref Ref[model.RoleID]) error {
	d := s.deed(site, ref.Actor)
	r := model.Role{RealmID: site.Realm.ID, ID: ref.ID, Version: ref.Version}
	err := s.store.DeleteRole(ctx, r, d.rolesChange("role.deleted", ref.ID, nil))
	if errors.Is(err, model.ErrConflict) {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("delete role %s: %w", ref.ID, err)
	}
	return nil
}

// AddRoleMember gives a role to a person or group; they may have it already. It
// returns model.ErrNotFound.
func (s *Service) AddRoleMember(ctx context.Context, site *model.Site, ref Ref[model.RoleID], member string) error {
	m, fx := s.membership(site, ref.Actor, string(ref.ID), member, "role.given")
	if err := s.store.AddRoleMember(ctx, m, fx); err != nil {
		return fmt.Errorf("give role %s to %s: %w", ref.ID, member, err)
	}
	return nil
}

// RemoveRoleMember takes a role from whom it was given to. It returns
// model.ErrNotFound.
func (s *Service) RemoveRoleMember(ctx context.Context, site *model.Site, ref Ref[model.RoleID], member string) error {
	m, fx := s.membership(site, ref.Actor, string(ref.ID), member, "role.taken")
	if err := s.store.RemoveRoleMember(ctx, m, fx); err != nil {
		return fmt.Errorf("take role %s from %s: %w", ref.ID, member, err)
	}
	return nil
}

// RoleMembers lists whom a role was given to in the order of their ids. It returns
// model.ErrNotFound.
func (s *Service) RoleMembers(ctx context.Context, site *model.Site, q MemberQuery) ([]Member, error) {
	if _, err := s.Role(ctx, site, model.RoleID(q.Of)); err != nil {
		return nil, err
	}
	q.RealmID = site.Realm.ID
	list, err := s.store.RoleMembers(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list who has role %s: %w", q.Of, err)
	}
	return list, nil
}
