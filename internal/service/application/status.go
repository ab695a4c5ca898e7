package application

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// tries bounds how often a change is tried anew because the row changed under it.
const tries = 5

// SetStatus activates, freezes or disables an application. Tokens of one that
// was stopped stay dead when it is active again.
func (s *Service) SetStatus(ctx context.Context, site *model.Site, id model.ClientID, status model.ApplicationStatus, actor string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	return s.update(ctx, site, id, func(a *model.Application, now model.Millis) model.Effects {
		if a.Status == status {
			return model.Effects{}
		}
		a.Status = status
		fx := by(actor, effects(*a, "application."+string(status), now))
		if status != model.ApplicationActive {
			fx.Revocations = []model.Revocation{a.RevokeTokens(s.lever())}
		}
		return fx
	})
}

func checkStatus(status model.ApplicationStatus) error {
	switch status {
	case model.ApplicationActive, model.ApplicationFrozen, model.ApplicationDisabled:
		return nil
	default:
		return fmt.Errorf("%w: unknown status %q", ErrInvalid, status)
	}
}

// FreezeOf freezes the applications that act for a person, because they go.
func (s *Service) FreezeOf(ctx context.Context, site *model.Site, owner model.IdentityID, actor string) error {
	all, err := s.List(ctx, site)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.OwnerID != owner || a.Status != model.ApplicationActive {
			continue
		}
		if err := s.SetStatus(ctx, site, a.ID, model.ApplicationFrozen, actor); err != nil {
			return err
		}
	}
	return nil
}

// RevokeTokens makes every token of the application that there is by now
// invalid, on every node and at once, and answers up to when: model.ErrNotFound.
// What is issued from then on is valid.
func (s *Service) RevokeTokens(ctx context.Context, site *model.Site, id model.ClientID, actor string) (before model.Millis, err error) {
	err = s.update(ctx, site, id, func(a *model.Application, now model.Millis) model.Effects {
		fx := by(actor, effects(*a, "application.tokens_revoked", now))
		fx.Revocations = []model.Revocation{a.RevokeTokens(s.lever())}
		before = a.TokensInvalidBefore
		return fx
	})
	return before, err
}

// lever is when what is revoked is revoked: by then somebody's clock may have been.
func (s *Service) lever() model.Millis { return model.MillisOf(s.cfg.Latest()) }

func by(actor string, fx model.Effects) model.Effects {
	fx.Events[0].Actor = actor
	return fx
}

// update writes what change did to the row, unless it wants no effects: then
// there is nothing to write.
func (s *Service) update(ctx context.Context, site *model.Site, id model.ClientID, change func(*model.Application, model.Millis) model.Effects) error {
	for try := 1; ; try++ {
		a, err := s.cfg.Store.Application(ctx, site.Realm.ID, id)
		if err != nil {
			return fmt.Errorf("load application %s: %w", id, err)
		}
		fx := change(&a, model.MillisOf(s.cfg.Now()))
		if len(fx.Events) == 0 {
			return nil
		}
		err = s.cfg.Store.UpdateApplication(ctx, a, fx)
		if errors.Is(err, model.ErrConflict) && try < tries {
			continue
		}
		if err != nil {
			return fmt.Errorf("update application %s: %w", id, err)
		}
		return nil
	}
}
