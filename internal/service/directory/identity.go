package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// NewIdentity is a person to be.
type NewIdentity struct {
	DisplayName string // empty: the username
	Traits      model.Traits
	Actor       string // who does it; empty: the operator
}

// CreateIdentity adds a person to the realm. It returns an [*InvalidError], or
// [ErrUsernameTaken].
func (s *Service) CreateIdentity(ctx context.Context, site *model.Site, n NewIdentity) (model.Identity, error) {
	n, err := n.checked()
	if err != nil {
		return model.Identity{}, err
	}
	d := s.deed(site, n.Actor)
	identity := model.Identity{RealmID: site.Realm.ID, ID: model.IdentityID(ids.New("idn")),
		DisplayName: n.DisplayName, Status: model.IdentityActive, Traits: n.Traits,
		CreatedAt: d.at, UpdatedAt: d.at, Version: 1}
	err = s.store.CreateIdentity(ctx, identity, model.Effects{
		Events:  []model.Event{d.event("identity.created", string(identity.ID), nil)},
		Changes: []model.Change{d.identityChange(identity.ID)},
	})
	if errors.Is(err, model.ErrConflict) {
		return model.Identity{}, fmt.Errorf("create identity %s: %w", n.Traits.Username, ErrUsernameTaken)
	}
	if err != nil {
		return model.Identity{}, fmt.Errorf("create identity: %w", err)
	}
	return identity, nil
}

// Identity finds a person of the realm by id; model.ErrNotFound otherwise.
func (s *Service) Identity(ctx context.Context, site *model.Site, id model.IdentityID) (model.Identity, error) {
	identity, err := s.store.Identity(ctx, site.Realm.ID, id)
	if err != nil {
		return identity, fmt.Errorf("find identity %s: %w", id, err)
	}
	return identity, nil
}

// Find looks a person of the realm up by id, username or e-mail address, the
// latter two ignoring case. It returns model.ErrNotFound also where several
// have that address: better nobody than somebody else.
func (s *Service) Find(ctx context.Context, site *model.Site, login string) (model.Identity, error) {
	if ids.Valid("idn", login) {
		return s.Identity(ctx, site, model.IdentityID(login))
	}
	folded := model.FoldName(login)
	if folded == "" || len(folded) > maxLogin {
		return model.Identity{}, fmt.Errorf("find identity: %w", model.ErrNotFound)
	}
	identity, err := s.store.IdentityByLogin(ctx, site.Realm.ID, folded)
	if err != nil {
		return identity, fmt.Errorf("find identity by login: %w", err)
	}
	return identity, nil
}

// Suspend stops a person: from now on they can neither sign in nor decide, and
// the sessions and tokens that they have are dead, also after [Service.Activate].
func (s *Service) Suspend(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Identity, error) {
	return s.setStatus(ctx, statusChange{s.deed(site, actor), id, model.IdentitySuspended, "identity.suspended"})
}

// Activate lets a suspended person in again.
func (s *Service) Activate(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Identity, error) {
	return s.setStatus(ctx, statusChange{s.deed(site, actor), id, model.IdentityActive, "identity.activated"})
}

type statusChange struct {
	deed
	id     model.IdentityID
	status model.IdentityStatus
	kind   string
}

// statusTries bounds how often a change of status is tried anew because the
// row changed under it.
const statusTries = 5

func (s *Service) setStatus(ctx context.Context, c statusChange) (model.Identity, error) {
	for try := 1; ; try++ {
		identity, err := s.Identity(ctx, c.site, c.id)
		if err != nil || identity.Status == c.status {
			return identity, err
		}
		identity.Status, identity.UpdatedAt = c.status, c.at
		if c.status == model.IdentitySuspended {
			identity.TokensInvalidBefore = max(identity.TokensInvalidBefore, c.at)
		}
		err = s.store.UpdateIdentity(ctx, identity, c.effects())
		if errors.Is(err, model.ErrConflict) && try < statusTries {
			continue
		}
		if err != nil {
			return model.Identity{}, fmt.Errorf("set status of %s: %w", c.id, err)
		}
		identity.Version++
		return identity, nil
	}
}

func (c statusChange) effects() model.Effects {
	fx := model.Effects{
		Events:  []model.Event{c.event(c.kind, string(c.id), nil)},
		Changes: []model.Change{c.identityChange(c.id)},
	}
	if c.status == model.IdentitySuspended {
		// Its sessions are dead by now; this has the applications told.
		fx.Tell(c.site.Realm.ID, model.Ended{IdentityID: c.id, At: c.at}, c.at)
	}
	return fx
}
