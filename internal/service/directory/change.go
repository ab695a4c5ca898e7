package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// A Ref names something of a realm, the version that it must still have, and who
// wants to change it.
type Ref[ID ~string] struct {
	ID      ID
	Version int64  // 0: any
	Actor   string // empty: the operator
}

// changeTries bounds how often a change is tried anew because the row changed
// under it.
const changeTries = 5

// UpdateIdentity changes the display name, the status and the traits of a person
// as edit says, which may be called more than once. It returns what edit returns,
// an [*InvalidError], [ErrUsernameTaken], [ErrChanged], [ErrLastAdmin], or
// model.ErrNotFound.
func (s *Service) UpdateIdentity(ctx context.Context, site *model.Site, ref Ref[model.IdentityID], edit func(*model.Identity) error) (model.Identity, error) {
	c := change{deed: s.deed(site, ref.Actor), id: ref.ID, version: ref.Version}
	c.edit = func(i *model.Identity) error {
		if err := edit(i); err != nil {
			return err
		}
		n, err := NewIdentity{DisplayName: i.DisplayName, Status: i.Status, Traits: i.Traits}.checked()
		i.DisplayName, i.Status, i.Traits = n.DisplayName, n.Status, n.Traits
		return err
	}
	return s.change(ctx, c)
}

// Suspend stops a person: from now on they can neither sign in nor decide, and
// the sessions and tokens that they have are dead, also after [Service.Activate].
func (s *Service) Suspend(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Identity, error) {
	return s.setStatus(ctx, change{deed: s.deed(site, actor), id: id}, model.IdentitySuspended)
}

// Activate lets a suspended person in again.
func (s *Service) Activate(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Identity, error) {
	return s.setStatus(ctx, change{deed: s.deed(site, actor), id: id}, model.IdentityActive)
}

// RevokeTokens makes every session and token of a person that there is by now
// invalid, on every node and at once; TokensInvalidBefore says up to when. They may
// sign in again, and what they get from then on is valid. It returns [ErrChanged]
// or model.ErrNotFound.
func (s *Service) RevokeTokens(ctx context.Context, site *model.Site, ref Ref[model.IdentityID]) (model.Identity, error) {
	c := change{deed: s.deed(site, ref.Actor), id: ref.ID, version: ref.Version, revoke: true}
	c.edit = func(*model.Identity) error { return nil }
	return s.change(ctx, c)
}

func (s *Service) setStatus(ctx context.Context, c change, status model.IdentityStatus) (model.Identity, error) {
	c.edit = func(i *model.Identity) error { i.Status = status; return nil }
	return s.change(ctx, c)
}

// A change is what somebody does to a person.
type change struct {
	deed
	id      model.IdentityID
	version int64 // that they must still have; 0: any
	edit    func(*model.Identity) error
	revoke  bool // all that was issued to them
}

// change writes what an edit made of a person, with all that follows from it.
func (s *Service) change(ctx context.Context, c change) (model.Identity, error) {
	for try := 1; ; try++ {
		old, err := s.Identity(ctx, c.site, c.id)
		if err != nil {
			return old, err
		}
		next, err := c.apply(old)
		if err != nil || next == old {
			return next, err
		}
		err = s.write(ctx, c, old, next)
		if err == nil {
			next.Version++
			return next, nil
		}
		if errors.Is(err, model.ErrConflict) {
			err = s.whyNot(ctx, c, old, next)
		}
		if !errors.Is(err, model.ErrConflict) || try == changeTries {
			return model.Identity{}, fmt.Errorf("change identity %s: %w", c.id, err)
		}
	}
}

// apply is the person as they will be.
func (c change) apply(old model.Identity) (model.Identity, error) {
	if c.version != 0 && c.version != old.Version {
		return old, fmt.Errorf("change identity %s: %w", c.id, ErrChanged)
	}
	next := old
	if err := c.edit(&next); err != nil {
		return old, err
	}
	if next == old && !c.revoke {
		return old, nil
	}
	next.UpdatedAt = c.at
	if c.revoke || next.Status == model.IdentitySuspended && old.Status != model.IdentitySuspended {
		next.RevokeTokens(c.lever)
	}
	return next, nil
}

// manages reports whether a person may manage their realm now.
func manages(i model.Identity) bool { return i.AdminSince != 0 && i.Status == model.IdentityActive }

// write has the database look whether somebody else manages the server where
// that matters: two who take each other's rights at once must not both win.
func (s *Service) write(ctx context.Context, c change, old, next model.Identity) error {
	fx := c.effects(old, next)
	if err := s.tellMoved(c.deed, &fx, old, next); err != nil {
		return err
	}
	if c.site.Realm.Default && manages(old) && !manages(next) {
		return s.store.StopAdmin(ctx, next, fx)
	}
	return s.store.UpdateIdentity(ctx, next, fx)
}

// whyNot says what stood in the way; model.ErrConflict: nothing that lasts.
func (s *Service) whyNot(ctx context.Context, c change, old, next model.Identity) error {
	now, err := s.Identity(ctx, c.site, c.id)
	if err != nil {
		return err
	}
	if now.Version != old.Version {
		return model.ErrConflict
	}
	if c.site.Realm.Default && manages(old) && !manages(next) {
		if last, err := s.store.LastAdmin(ctx, c.site.Realm.ID, c.id); err != nil || last {
			return errors.Join(err, ErrLastAdmin)
		}
	}
	if model.FoldName(old.Traits.Username) != model.FoldName(next.Traits.Username) {
		return ErrUsernameTaken
	}
	return model.ErrConflict
}

// effects are one event for each thing that is different.
func (c change) effects(old, next model.Identity) model.Effects {
	fx := model.Effects{Changes: []model.Change{c.identityChange(c.id)}}
	note := func(kind string, data map[string]string) {
		fx.Events = append(fx.Events, c.event(kind, string(c.id), data))
	}
	if changed := changedMembers(old, next); changed != "" {
		note("identity.updated", map[string]string{"changed": changed})
	}
	switch {
	case old.Status == next.Status:
	case next.Status == model.IdentitySuspended:
		note("identity.suspended", nil)
	default:
		note("identity.activated", nil)
	}
	if c.revoke {
		note("identity.tokens_revoked", nil)
	}
	if next.TokensInvalidBefore != old.TokensInvalidBefore {
		fx.Revocations = []model.Revocation{old.RevokeTokens(c.lever)} // as next has it
		// Its sessions are dead by now; this has the applications told.
		fx.Tell(c.site.Realm.ID, model.Ended{IdentityID: c.id, At: next.TokensInvalidBefore}, c.at)
	}
	switch {
	case old.AdminSince == 0 && next.AdminSince != 0:
		note("admin.added", nil)
	case old.AdminSince != 0 && next.AdminSince == 0:
		note("admin.removed", nil)
	}
	return fx
}

// changedMembers names what is different, without saying what it is: the audit
// trail outlives the person.
func changedMembers(old, next model.Identity) string {
	var names []string
	if old.DisplayName != next.DisplayName {
		names = append(names, "display_name")
	}
	if old.Traits != next.Traits {
		names = append(names, "traits")
	}
	return strings.Join(names, " ")
}
