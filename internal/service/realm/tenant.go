package realm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

var (
	// ErrTaken: the name is another's.
	ErrTaken = errors.New("the name is taken")
	// ErrLabel: what people read is 1 to 200 characters of printable text.
	ErrLabel = errors.New("a display name is 1 to 200 characters of printable text")
	// ErrInUse: the tenant has realms.
	ErrInUse = errors.New("the tenant has realms")
)

const maxLabel = 200 // characters

// label is a name for people as it is kept.
func label(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || model.Printable(name, maxLabel) != name {
		return "", ErrLabel
	}
	return name, nil
}

// Tenants lists all, ordered by id.
func (s *Service) Tenants(ctx context.Context) ([]model.Tenant, error) {
	return s.cfg.Store.Tenants(ctx)
}

// Tenant finds one: model.ErrNotFound.
func (s *Service) Tenant(ctx context.Context, id model.TenantID) (model.Tenant, error) {
	all, err := s.cfg.Store.Tenants(ctx)
	if err != nil {
		return model.Tenant{}, err
	}
	if i := slices.IndexFunc(all, func(t model.Tenant) bool { return t.ID == id }); i >= 0 {
		return all[i], nil
	}
	return model.Tenant{}, fmt.Errorf("tenant %s: %w", id, model.ErrNotFound)
}

// CreateTenant makes one: ErrLabel, ErrTaken.
func (s *Service) CreateTenant(ctx context.Context, name, actor string) (model.Tenant, error) {
	name, err := label(name)
	if err != nil {
		return model.Tenant{}, err
	}
	now := model.MillisOf(s.cfg.Now())
	t := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: name, CreatedAt: now, UpdatedAt: now, Version: 1}
	fx, err := s.tenantEffects(ctx, t.ID, "tenant.created", actor, now)
	if err != nil {
		return t, err
	}
	err = s.cfg.Store.CreateTenant(ctx, t, fx)
	if errors.Is(err, model.ErrConflict) {
		err = fmt.Errorf("%w: %w", ErrTaken, err)
	}
	return t, err
}

// A TenantChange is what somebody wants of a tenant.
type TenantChange struct {
	ID      model.TenantID
	Name    string
	Version int64 // that it must have; 0: any
	Actor   string
}

// UpdateTenant renames one: ErrLabel, ErrTaken, ErrChanged, model.ErrNotFound.
func (s *Service) UpdateTenant(ctx context.Context, c TenantChange) (model.Tenant, error) {
	name, err := label(c.Name)
	if err != nil {
		return model.Tenant{}, err
	}
	all, err := s.cfg.Store.Tenants(ctx)
	if err != nil {
		return model.Tenant{}, err
	}
	t, err := s.Tenant(ctx, c.ID)
	switch {
	case err != nil:
		return t, err
	case c.Version != 0 && t.Version != c.Version:
		return t, ErrChanged
	case t.Name == name:
		return t, nil
	case slices.ContainsFunc(all, func(o model.Tenant) bool { return o.Name == name }):
		return t, ErrTaken
	}
	t.Name, t.UpdatedAt = name, model.MillisOf(s.cfg.Now())
	fx, err := s.tenantEffects(ctx, t.ID, "tenant.renamed", c.Actor, t.UpdatedAt)
	if err != nil {
		return t, err
	}
	err = s.cfg.Store.UpdateTenant(ctx, t, fx)
	if errors.Is(err, model.ErrConflict) {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	t.Version++
	return t, err
}

// DeleteTenant removes one that has no realms: ErrInUse, ErrChanged,
// model.ErrNotFound. version is what it must have; 0: any.
func (s *Service) DeleteTenant(ctx context.Context, id model.TenantID, version int64, actor string) error {
	t, err := s.Tenant(ctx, id)
	if err != nil {
		return err
	}
	if version != 0 && t.Version != version {
		return ErrChanged
	}
	realms, err := s.cfg.Store.Realms(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(realms, func(r model.Realm) bool { return r.TenantID == id }) {
		return ErrInUse
	}
	fx, err := s.tenantEffects(ctx, id, "tenant.deleted", actor, model.MillisOf(s.cfg.Now()))
	if err != nil {
		return err
	}
	err = s.cfg.Store.DeleteTenant(ctx, t, fx)
	if errors.Is(err, model.ErrConflict) { // renamed, or given a realm, in this very moment
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return err
}

// tenantEffects are in the trail of the default realm: a tenant has none.
func (s *Service) tenantEffects(ctx context.Context, id model.TenantID, event, actor string, now model.Millis) (model.Effects, error) {
	site, err := s.Default(ctx)
	if err != nil {
		return model.Effects{}, err
	}
	return model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: site.Realm.ID, Type: event, Actor: actor,
		Target: string(id), At: now}}}, nil
}
