package application

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// adopt makes the row say what the document says, and returns the client. What
// the operator decides stays: the status, and since when tokens are dead.
func (s *Service) adopt(ctx context.Context, r documentRequest, d document) (*model.Client, error) {
	for try := 1; ; try++ {
		err := s.write(ctx, r, d)
		if errors.Is(err, model.ErrConflict) && try < tries {
			continue // another node, or the operator, was first
		}
		if err != nil {
			return nil, err
		}
		s.cache.Forget(r.key)
		return s.row(ctx, r.key)
	}
}

func (s *Service) write(ctx context.Context, r documentRequest, d document) error {
	old, err := s.cfg.Store.Application(ctx, r.realm, r.id)
	if errors.Is(err, model.ErrNotFound) {
		a := d.over(model.Application{RealmID: r.realm, ID: r.id, Status: model.ApplicationActive, CreatedAt: r.at, Version: 1})
		fx := effects(a, "application.created", r.at)
		fx.Events = nil // it is seen, not used: the trail begins with what a person gives to it
		return errKeep(r.id, s.cfg.Store.CreateApplication(ctx, a, fx))
	}
	if err != nil {
		return fmt.Errorf("load application %s: %w", r.id, err)
	}
	a := d.over(old)
	if old.Settings.Origin != model.OriginDocument || same(old, a) { // registered otherwise, or nothing is new
		return nil
	}
	fx := renaming(by(string(r.id), effects(a, "application.updated", r.at)), pairwiseSector(&old.Settings), &a, s.lever())
	if _, ok := s.documents.noted.Allow(string(r.realm), s.cfg.Now()); !ok {
		fx.Events = nil // a trail that strangers fill is read by nobody
	}
	return errKeep(r.id, s.cfg.Store.UpdateRegistration(ctx, a, fx))
}

func errKeep(id model.ClientID, err error) error {
	if err != nil {
		return fmt.Errorf("keep application %s: %w", id, err)
	}
	return nil
}

// over puts what the document says over a row. Switches that no metadata has
// are the operator's and stay as they are.
func (d document) over(a model.Application) model.Application {
	old, known := a.Settings, a.Settings.Origin == model.OriginDocument
	a.Kind, a.Name, a.Settings, a.Keys = d.Kind, d.Name, d.Settings, d.keys
	if known {
		s := &a.Settings
		s.Profile, s.OptionalPKCE, s.FirstParty, s.StrictAudience = old.Profile, old.OptionalPKCE, old.FirstParty, old.StrictAudience
		s.Scopes, s.DefaultScopes, s.AnyScope, s.Resources = old.Scopes, old.DefaultScopes, old.AnyScope, old.Resources
		s.CodeLifetime, s.TokenLifetime, s.RefreshLifetime = old.CodeLifetime, old.TokenLifetime, old.RefreshLifetime
		s.DPoPNonce, s.OpaqueTokens, s.TokenAlg, s.Exchange = old.DPoPNonce, old.OpaqueTokens, old.TokenAlg, old.Exchange
		s.ResponseModes, s.AuthenticatorConfig, s.Description = old.ResponseModes, old.AuthenticatorConfig, old.Description
	}
	return a
}

// same reports whether a document says of an application what its row says.
func same(row, d model.Application) bool {
	equal := func(a, b model.ClientKey) bool { return a.KID == b.KID && string(a.JWK) == string(b.JWK) }
	byKID := func(a, b model.ClientKey) int { return cmp.Compare(a.KID, b.KID) }
	have, want := slices.SortedFunc(slices.Values(row.Keys), byKID), slices.SortedFunc(slices.Values(d.Keys), byKID)
	return row.Kind == d.Kind && row.Name == d.Name && slices.EqualFunc(have, want, equal) && encoded(row.Settings) == encoded(d.Settings)
}

func encoded(s model.ApplicationSettings) string {
	text, err := json.Marshal(s)
	if err != nil {
		return ids.New("x") // like nothing else: then it is written, which says what is wrong
	}
	return string(text)
}
