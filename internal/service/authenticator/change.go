package authenticator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A Draft is what a config is to be.
type Draft struct {
	Name     string
	Settings model.AuthenticatorSettings
	Actor    string // who does it; empty: the operator
}

// Create makes a config of the realm: ErrInvalid.
func (s *Service) Create(ctx context.Context, site *model.Site, d Draft) (model.AuthenticatorConfig, error) {
	d.Name = strings.TrimSpace(d.Name)
	if err := check(site, d.Name, &d.Settings); err != nil {
		return model.AuthenticatorConfig{}, err
	}
	all, err := s.cfg.Store.AuthenticatorConfigs(ctx, site.Realm.ID)
	if err != nil {
		return model.AuthenticatorConfig{}, fmt.Errorf("count authenticator configs: %w", err)
	}
	if len(all) >= maxConfigs { // two at once may go one over; nothing breaks
		return model.AuthenticatorConfig{}, invalid("a realm has at most %d authenticator configs", maxConfigs)
	}
	now := model.MillisOf(s.cfg.Now())
	c := model.AuthenticatorConfig{RealmID: site.Realm.ID, ID: model.AuthenticatorConfigID(ids.New("acf")), Name: d.Name,
		Settings: d.Settings, CreatedAt: now, UpdatedAt: now, Version: 1}
	err = s.cfg.Store.CreateAuthenticatorConfig(ctx, c, effects(c, "created", d.Actor))
	s.cache.Forget(string(site.Realm.ID))
	if err != nil {
		return model.AuthenticatorConfig{}, fmt.Errorf("create authenticator config: %w", err)
	}
	return c, nil
}

// A Ref names a config and the version that it must have; 0: any.
type Ref struct {
	ID      model.AuthenticatorConfigID
	Version int64
	Actor   string // who does it; empty: the operator
}

// Update changes a config: ErrInvalid, ErrChanged, model.ErrNotFound. Its type stays:
// whoever names it relies on that. Links that open by it are taken back where it leads
// people elsewhere now: they were given for the place that it led to before.
func (s *Service) Update(ctx context.Context, site *model.Site, ref Ref, change func(*model.AuthenticatorConfig)) (model.AuthenticatorConfig, error) {
	old, err := s.meant(ctx, site, ref)
	if err != nil {
		return old, err
	}
	c := old
	change(&c)
	c.RealmID, c.ID, c.CreatedAt, c.Version = old.RealmID, old.ID, old.CreatedAt, old.Version
	c.Name = strings.TrimSpace(c.Name)
	if c.Settings.Type != old.Settings.Type {
		return old, invalid("the type of a config stays; make another one")
	}
	if err := check(site, c.Name, &c.Settings); err != nil {
		return old, err
	}
	c.UpdatedAt = model.MillisOf(s.cfg.Now())
	fx, elsewhere := effects(c, "updated", ref.Actor), moved(old.Settings, c.Settings)
	if elsewhere {
		fx.Events[0].Data = json.RawMessage(`{"open_links":"revoked"}`)
	}
	err = s.cfg.Store.UpdateAuthenticatorConfig(ctx, c, elsewhere, fx)
	s.cache.Forget(string(site.Realm.ID))
	if errors.Is(err, model.ErrConflict) {
		return old, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	c.Version++
	return c, err
}

// moved reports whether other pages than before get to see links.
func moved(old, next model.AuthenticatorSettings) bool {
	return old.InvokeURL != next.InvokeURL || old.RPID != next.RPID || !slices.Equal(sorted(slices.Clone(old.TrustedOrigins)), sorted(slices.Clone(next.TrustedOrigins)))
}

// meant reads the config that a Ref names.
func (s *Service) meant(ctx context.Context, site *model.Site, ref Ref) (model.AuthenticatorConfig, error) {
	c, err := s.Read(ctx, site, ref.ID)
	if err == nil && ref.Version != 0 && c.Version != ref.Version {
		err = ErrChanged
	}
	return c, err
}

// Delete removes a config that nobody names: ErrInUse, ErrChanged, model.ErrNotFound.
func (s *Service) Delete(ctx context.Context, site *model.Site, ref Ref) error {
	c, err := s.meant(ctx, site, ref)
	if err != nil {
		return err
	}
	c.Version, c.UpdatedAt = ref.Version, model.MillisOf(s.cfg.Now())
	err = s.cfg.Store.DeleteAuthenticatorConfig(ctx, c, c.UpdatedAt, effects(c, "deleted", ref.Actor))
	s.cache.Forget(string(site.Realm.ID))
	switch {
	case errors.Is(err, model.ErrConflict):
		return fmt.Errorf("%w: %w", ErrInUse, err)
	case errors.Is(err, model.ErrNotFound) && ref.Version != 0: // it was there a moment ago
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return err
}

// effects tell the audit trail and every node.
func effects(c model.AuthenticatorConfig, did, actor string) model.Effects {
	if actor == "" {
		actor = "operator"
	}
	return model.Effects{
		Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: c.RealmID, Type: "authenticator_config." + did,
			Actor: actor, Target: string(c.ID), At: c.UpdatedAt}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicAuthenticator, Key: string(c.RealmID), At: c.UpdatedAt}},
	}
}
