package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// GroupStore keeps groups of people.
type GroupStore interface {
	CreateGroup(context.Context, model.Group, model.Effects) error // ErrConflict: the name is taken
	Group(context.Context, model.RealmID, model.GroupID) (model.Group, error)
	// Groups lists as the query says, ordered by id.
	Groups(context.Context, model.RealmID, GroupQuery) ([]model.Group, error)
	// UpdateGroup needs the version; ErrConflict also if the name is taken.
	UpdateGroup(context.Context, model.Group, model.Effects) error
	// DeleteGroup removes it from its members and roles too. ErrConflict if it is
	// another version by now; ErrNotFound.
	DeleteGroup(context.Context, model.Group, model.Effects) error
	// AddGroupMember writes nothing where the identity is in it already; ErrNotFound
	// if one of the two is not there.
	AddGroupMember(context.Context, Membership, model.Effects) error
	RemoveGroupMember(context.Context, Membership, model.Effects) error // ErrNotFound
	// GroupMembers lists who is in a group, ordered by id.
	GroupMembers(context.Context, MemberQuery) ([]Member, error)
}

// A GroupQuery selects groups of a realm. What is empty selects all.
type GroupQuery struct {
	Name   string // ignoring case
	Member model.IdentityID
	After  model.GroupID // exclusive; empty: from the first
	Limit  int
}

// A Membership puts a member into a group, or gives them a role.
type Membership struct {
	RealmID model.RealmID
	Of      string // id of the group or role
	Member  string // id of the identity; of roles, or of a group
	At      model.Millis
}

// A MemberQuery selects members of a group or role.
type MemberQuery struct {
	RealmID model.RealmID
	Of      string // id of the group or role
	After   string // exclusive; empty: from the first
	Limit   int
}

// A Member is in a group or has a role.
type Member struct {
	ID   string // of an identity; of roles, or of a group
	Name string // as people read it
	At   model.Millis
}

// Limits in characters.
const (
	maxGroupName   = 200
	maxDescription = 1000
)

func checkGroup(g *model.Group) error {
	if err := checkText("name", g.Name, maxGroupName); err != nil {
		return err
	}
	return checkDescription(g.Description)
}

func checkDescription(text string) error {
	if text == "" {
		return nil
	}
	return checkText("description", text, maxDescription)
}

// CreateGroup makes a group of that name and description. It returns an
// [*InvalidError], or [ErrNameTaken].
func (s *Service) CreateGroup(ctx context.Context, site *model.Site, g model.Group, actor string) (model.Group, error) {
	if err := checkGroup(&g); err != nil {
		return g, err
	}
	d := s.deed(site, actor)
	g.RealmID, g.ID, g.CreatedAt, g.UpdatedAt, g.Version = site.Realm.ID, model.GroupID(ids.New("grp")), d.at, d.at, 1
	err := s.store.CreateGroup(ctx, g, model.Effects{Events: []model.Event{d.event("group.created", string(g.ID), nil)}})
	if errors.Is(err, model.ErrConflict) {
		err = ErrNameTaken
	}
	if err != nil {
		return g, fmt.Errorf("create group: %w", err)
	}
	return g, nil
}

// Group finds a group; model.ErrNotFound.
func (s *Service) Group(ctx context.Context, site *model.Site, id model.GroupID) (model.Group, error) {
	g, err := s.store.Group(ctx, site.Realm.ID, id)
	if err != nil {
		return g, fmt.Errorf("find group %s: %w", id, err)
	}
	return g, nil
}

// Groups lists groups in the order of their ids.
func (s *Service) Groups(ctx context.Context, site *model.Site, q GroupQuery) ([]model.Group, error) {
	q.Name = model.FoldName(q.Name)
	list, err := s.store.Groups(ctx, site.Realm.ID, q)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	return list, nil
}

// UpdateGroup changes the name and the description of a group as edit says, which
// may be called more than once. It returns what edit returns, an [*InvalidError],
// [ErrNameTaken], [ErrChanged], or model.ErrNotFound.
func (s *Service) UpdateGroup(ctx context.Context, site *model.Site, ref Ref[model.GroupID], edit func(*model.Group) error) (model.Group, error) {
	d := s.deed(site, ref.Actor)
	for try := 1; ; try++ {
		old, err := s.Group(ctx, site, ref.ID)
		if err != nil {
			return old, err
		}
		next, err := edited(old, ref.Version, old.Version, edit)
		if err == nil {
			err = checkGroup(&next)
		}
		if err != nil || next == old {
			return old, err
		}
		next.UpdatedAt = d.at
		err = s.store.UpdateGroup(ctx, next, model.Effects{Events: []model.Event{d.event("group.updated", string(old.ID), nil)}})
		if err == nil {
			next.Version++
			return next, nil
		}
		if now, e := s.Group(ctx, site, ref.ID); errors.Is(err, model.ErrConflict) && e == nil && now.Version == old.Version {
			err = ErrNameTaken
		}
		if !errors.Is(err, model.ErrConflict) || try == changeTries {
			return old, fmt.Errorf("change group %s: %w", ref.ID, err)
		}
	}
}

// edited is what an edit made of something, if it is still the version that was
// read.
func edited[T any](old T, want, is int64, edit func(*T) error) (T, error) {
	if want != 0 && want != is {
		return old, ErrChanged
	}
	next := old
	err := edit(&next)
	return next, err
}

// DeleteGroup removes a group. Its members stay; what they were through it, they
// are not any more. It returns [ErrChanged] or model.ErrNotFound.
func (s *Service) DeleteGroup(ctx context.Context, site *model.Site, ref Ref[model.GroupID]) error {
	d := s.deed(site, ref.Actor)
	g := model.Group{RealmID: site.Realm.ID, ID: ref.ID, Version: ref.Version}
	err := s.store.DeleteGroup(ctx, g, model.Effects{Events: []model.Event{d.event("group.deleted", string(ref.ID), nil)}})
	if errors.Is(err, model.ErrConflict) {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("delete group %s: %w", ref.ID, err)
	}
	return nil
}

// AddGroupMember puts a person into a group; they may be in it already. It returns
// model.ErrNotFound.
func (s *Service) AddGroupMember(ctx context.Context, site *model.Site, ref Ref[model.GroupID], member model.IdentityID) error {
	m, fx := s.membership(site, ref.Actor, string(ref.ID), string(member), "group.member_added")
	if err := s.store.AddGroupMember(ctx, m, fx); err != nil {
		return fmt.Errorf("add %s to group %s: %w", member, ref.ID, err)
	}
	return nil
}

// RemoveGroupMember takes a person out of a group. It returns model.ErrNotFound.
func (s *Service) RemoveGroupMember(ctx context.Context, site *model.Site, ref Ref[model.GroupID], member model.IdentityID) error {
	m, fx := s.membership(site, ref.Actor, string(ref.ID), string(member), "group.member_removed")
	if err := s.store.RemoveGroupMember(ctx, m, fx); err != nil {
		return fmt.Errorf("take %s out of group %s: %w", member, ref.ID, err)
	}
	return nil
}

// GroupMembers lists who is in a group in the order of their ids. It returns
// model.ErrNotFound.
func (s *Service) GroupMembers(ctx context.Context, site *model.Site, q MemberQuery) ([]Member, error) {
	if _, err := s.Group(ctx, site, model.GroupID(q.Of)); err != nil {
		return nil, err
	}
	q.RealmID = site.Realm.ID
	list, err := s.store.GroupMembers(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list the members of %s: %w", q.Of, err)
	}
	return list, nil
}

func (s *Service) membership(site *model.Site, actor, of, member, kind string) (Membership, model.Effects) {
	d := s.deed(site, actor)
	return Membership{RealmID: site.Realm.ID, Of: of, Member: member, At: d.at},
		model.Effects{Events: []model.Event{d.event(kind, of, map[string]string{"member": member})}}
}
