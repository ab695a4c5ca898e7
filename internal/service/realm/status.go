package realm

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// ErrStatus: a realm is active or disabled.
var ErrStatus = errors.New("unknown status of a realm")

// tries bounds how often a change is tried anew because the row changed under it.
// Changes of one node wait for each other, so only those of others come between.
const tries = 25

// SetStatus activates or disables a realm. Sessions and tokens of a realm that
// was disabled stay dead when it is active again.
func (s *Service) SetStatus(ctx context.Context, id model.RealmID, status model.RealmStatus, actor string) error {
	if status != model.RealmActive && status != model.RealmDisabled {
		return fmt.Errorf("%w: %q", ErrStatus, status)
	}
	return s.update(ctx, id, func(r *model.Realm, now model.Millis) model.Effects {
		if r.Status == status {
			return model.Effects{}
		}
		r.Status = status
		fx := effects(id, "realm."+string(status), actor, now)
		if status == model.RealmDisabled {
			fx.Revocations = []model.Revocation{r.RevokeTokens(s.lever())}
		}
		return fx
	})
}

// RevokeTokens makes every session and token of the realm that there is by now
// invalid, on every node and at once, and answers up to when: model.ErrNotFound.
// What is issued from then on is valid.
func (s *Service) RevokeTokens(ctx context.Context, id model.RealmID, actor string) (before model.Millis, err error) {
	err = s.update(ctx, id, func(r *model.Realm, now model.Millis) model.Effects {
		fx := effects(id, "realm.tokens_revoked", actor, now)
		fx.Revocations = []model.Revocation{r.RevokeTokens(s.lever())}
		before = r.TokensInvalidBefore
		return fx
	})
	return before, err
}

// lever is when what is revoked is revoked: by then somebody's clock may have been.
func (s *Service) lever() model.Millis { return model.MillisOf(s.cfg.Latest()) }

// update writes what change did to the row, unless it wants no effects: then
// there is nothing to write.
func (s *Service) update(ctx context.Context, id model.RealmID, change func(*model.Realm, model.Millis) model.Effects) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	for try := 1; ; try++ {
		r, err := s.read(ctx, id)
		if err != nil {
			return err
		}
		now := model.MillisOf(s.cfg.Now())
		fx := change(&r, now)
		if len(fx.Events) == 0 {
			return nil
		}
		r.UpdatedAt = now
		err = s.cfg.Store.UpdateRealm(ctx, r, fx)
		if errors.Is(err, model.ErrConflict) && try < tries {
			continue
		}
		s.forget()
		if err != nil {
			return fmt.Errorf("update realm %s: %w", id, err)
		}
		return nil
	}
}

// read asks the database: memory may be a version behind.
func (s *Service) read(ctx context.Context, id model.RealmID) (model.Realm, error) {
	all, err := s.cfg.Store.Realms(ctx)
	if err != nil {
		return model.Realm{}, fmt.Errorf("load realms: %w", err)
	}
	for _, r := range all {
		if r.ID == id {
			return r, nil
		}
	}
	return model.Realm{}, fmt.Errorf("realm %s: %w", id, model.ErrNotFound)
}

func effects(id model.RealmID, event, actor string, now model.Millis) model.Effects {
	return model.Effects{
		Events:  []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: id, Type: event, Actor: actor, Target: string(id), At: now}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRealm, Key: string(id), At: now}},
	}
}
