package store_test

import (
	"errors"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
)

// revokedFor demands that a revocation is there, or answers errGone.
func revokedFor(t *testing.T, s *store.Store, r model.Revocation) error {
	t.Helper()
	before, err := s.Revoked(t.Context(), r.RealmID, r.Kind, r.Key)
	if err == nil && before == 0 {
		return errGone
	}
	return err
}

var errGone = errors.New("it is not there")

// Requirement: lever-atomic
func TestALeverWhoseCommitIsUnknownIsPulledAndNotedOrNeither(t *testing.T) {
	var app model.Application
	cutDeed(t, deed{
		prepare: func(s *store.Store) error {
			app = model.Application{RealmID: aRealm(t, s), ID: "app_1", Kind: model.KindService, Name: "A", Status: model.ApplicationActive, Version: 1}
			return s.CreateApplication(t.Context(), app, model.Effects{})
		},
		do: func(s *store.Store) error {
			next := app
			fx := model.Effects{Changes: toldOf.Changes, Revocations: []model.Revocation{next.RevokeTokens(5)}}
			return s.UpdateApplication(t.Context(), next, fx)
		},
		look: func(s *store.Store) error {
			got, err := s.Application(t.Context(), app.RealmID, app.ID)
			noted := revokedFor(t, s, model.Revocation{RealmID: app.RealmID, Kind: model.RevokeApplication, Key: string(app.ID)})
			if (got.TokensInvalidBefore == 5) != (noted == nil) {
				t.Errorf("tokens are invalid before %d, and noted: %v", got.TokensInvalidBefore, noted)
			}
			return errors.Join(err, noted)
		},
		again: model.ErrConflict,
	})
}

// Requirement: lever-atomic
func TestALeverOfAGrantWhoseCommitIsUnknownIsPulledOrNot(t *testing.T) {
	g := newGrant()
	r := model.Revocation{RealmID: g.RealmID, Kind: model.RevokeGrantTokens, Key: string(g.ID), Before: 5, ExpiresAt: 50, At: 5}
	cutDeed(t, deed{
		prepare: func(s *store.Store) error { return s.OpenGrant(t.Context(), oauth.Opening{Grant: g}, model.Effects{}) },
		do:      func(s *store.Store) error { return s.RevokeGrantTokens(t.Context(), r, model.Effects{}) },
		look:    func(s *store.Store) error { return revokedFor(t, s, r) },
		again:   model.ErrConflict,
	})
}
