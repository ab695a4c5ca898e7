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
const tries = 5

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
		if status == model.RealmDisabled {
			r.TokensInvalidBefore = max(r.TokensInvalidBefore, now)
		}
		return effects(id, "realm."+string(status), actor, now)
	})
}

// RevokeTokens makes every session and token of the realm that there is by now
// invalid, on every node and at once.
func (s *Service) RevokeTokens(ctx context.Context, id model.RealmID, actor string) error {
	return s.update(ctx, id, func(r *model.Realm, now model.Millis) model.Effects {
		r.TokensInvalidBefore = max(r.TokensInvalidBefore, now)
		return effects(id, "realm.tokens_revoked", actor, now)
	})
}

// update writes what change did to the row, unless it wants no effects: then
// there is nothing to write.
func (s *Service) update(ctx context.Context, id model.RealmID, change func(*model.Realm, model.Millis) model.Effects) error {
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
