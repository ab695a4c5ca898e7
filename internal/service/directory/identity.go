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
	DisplayName string               // empty: the username
	Status      model.IdentityStatus // empty: active
	Traits      model.Traits
	Admin       bool   // may manage the realm
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
		DisplayName: n.DisplayName, Status: n.Status, Traits: n.Traits,
		CreatedAt: d.at, UpdatedAt: d.at, Version: 1}
	fx := model.Effects{
		Events:  []model.Event{d.event("identity.created", string(identity.ID), nil)},
		Changes: []model.Change{d.identityChange(identity.ID)},
	}
	if n.Admin {
		identity.AdminSince = d.at
		fx.Events = append(fx.Events, d.event("admin.added", string(identity.ID), nil))
	}
	err = s.store.CreateIdentity(ctx, identity, fx)
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
