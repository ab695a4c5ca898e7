package application

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// builtIns are the applications that every realm has. The one of programs has no
// secret until an operator makes one, so nobody can use it before. The one of
// admins is public, and is not believed to be what it says: any program on a
// device can use it (RFC 8252, Section 8.6), so people are asked each time. It has
// no device flow: a link that somebody sends must not be all that it takes to let
// them manage (RFC 8628, Section 5.4). What it gets ends with the admin's session.
func (s *Service) builtIns(realm model.RealmID) []model.Application {
	scopes := s.cfg.ManagementScopes
	now := model.MillisOf(s.cfg.Now())
	row := func(id model.ClientID, kind model.ApplicationKind, name string, settings model.ApplicationSettings) model.Application {
		settings.Origin, settings.TokenAlg = model.OriginBuiltIn, defaultTokenAlg
		return model.Application{RealmID: realm, ID: id, Kind: kind, Name: name, Status: model.ApplicationActive, Settings: settings, CreatedAt: now, Version: 1}
	}
	return []model.Application{
		row(model.ManagementApplication, model.KindService, "Management", model.ApplicationSettings{Management: true,
			AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"client_credentials"}, Scopes: scopes}),
		row(model.AdminApplication, model.KindNative, "Assent administration", model.ApplicationSettings{Profile: model.ProfileOAuth21,
			AuthMethod: model.AuthNone, GrantTypes: []string{grantCode, grantRefresh},
			Refresh:      model.RefreshRotate,
			Scopes:       append([]string{"openid", "profile", "email"}, scopes...),
			RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback"}}),
	}
}

// EnsureBuiltIn gives a realm the applications that every realm has, as this
// version of the server has them. Secrets and status stay as they are. It may run
// on many nodes at once, and again.
func (s *Service) EnsureBuiltIn(ctx context.Context, site *model.Site) error {
	for _, want := range s.builtIns(site.Realm.ID) {
		if err := s.ensure(ctx, want); err != nil && !errors.Is(err, model.ErrConflict) { // another node was first
			return fmt.Errorf("ensure application %s: %w", want.ID, err)
		}
		s.cache.Forget(string(want.RealmID) + "/" + string(want.ID))
	}
	return nil
}

func (s *Service) ensure(ctx context.Context, want model.Application) error {
	is, err := s.cfg.Store.Application(ctx, want.RealmID, want.ID)
	if errors.Is(err, model.ErrNotFound) {
		return s.cfg.Store.CreateApplication(ctx, want, silent(want, want.CreatedAt))
	}
	if err != nil || same(is, want) {
		return err
	}
	now := want.CreatedAt
	want.Status, want.Secrets, want.TokensInvalidBefore = is.Status, is.Secrets, is.TokensInvalidBefore
	want.CreatedAt, want.Version = is.CreatedAt, is.Version
	return s.cfg.Store.UpdateRegistration(ctx, want, silent(want, now))
}

// silent tells other nodes, and leaves the trail to what somebody did.
func silent(a model.Application, now model.Millis) model.Effects {
	fx := effects(a, "", now)
	fx.Events = nil
	return fx
}

// SetManagementSecret gives the realm's built-in management application a new
// secret, in place of the one before, and returns it: nobody can read it again.
// Tokens that the one before got are dead.
func (s *Service) SetManagementSecret(ctx context.Context, site *model.Site, actor string) (string, error) {
	for try := 1; ; try++ {
		a, err := s.cfg.Store.Application(ctx, site.Realm.ID, model.ManagementApplication)
		if err != nil {
			return "", fmt.Errorf("load the management application: %w", err)
		}
		now := model.MillisOf(s.cfg.Now())
		secret := ids.Secret()
		a.Secrets = []model.ClientSecret{newSecret(secret, now)}
		fx := by(actor, effects(a, "application.secret_set", now))
		fx.Revocations = []model.Revocation{a.RevokeTokens(s.lever())}
		err = s.cfg.Store.UpdateRegistration(ctx, a, fx)
		if errors.Is(err, model.ErrConflict) && try < tries {
			continue
		}
		s.cache.Forget(string(a.RealmID) + "/" + string(a.ID))
		if err != nil {
			return "", fmt.Errorf("set the secret of the management application: %w", err)
		}
		return secret, nil
	}
}
