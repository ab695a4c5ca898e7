package realm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

var (
	// ErrDefault: the default realm is there for as long as the server, and works.
	ErrDefault = errors.New("the default realm cannot be disabled from here, nor deleted")
	// ErrNotDisabled: a realm that works is not deleted.
	ErrNotDisabled = errors.New("a realm is disabled before it is deleted")
)

// A Change is what somebody wants of a realm.
type Change struct {
	ID          model.RealmID
	DisplayName string
	Status      model.RealmStatus
	Version     int64 // that it must have; 0: any
	Actor       string
}

// Update names, disables or activates a realm and returns it as it is then:
// ErrLabel, ErrStatus, ErrDefault, ErrChanged.
func (s *Service) Update(ctx context.Context, c Change) (model.Realm, error) {
	name, err := label(c.DisplayName)
	if err != nil {
		return model.Realm{}, err
	}
	if c.Status != model.RealmActive && c.Status != model.RealmDisabled {
		return model.Realm{}, ErrStatus
	}
	return s.changed(ctx, c.ID, c.Version, func(r *model.Realm, now model.Millis) (model.Effects, error) {
		if r.Default && c.Status != model.RealmActive {
			return model.Effects{}, ErrDefault // nobody could activate it again from here
		}
		event := "realm.renamed"
		if r.Status != c.Status {
			event = "realm." + string(c.Status)
		} else if r.DisplayName == name {
			return model.Effects{}, nil
		}
		fx := effects(c.ID, event, c.Actor, now)
		if r.Status != c.Status && c.Status == model.RealmDisabled {
			fx.Revocations = []model.Revocation{r.RevokeTokens(s.lever())}
		}
		r.DisplayName, r.Status = name, c.Status
		return fx, nil
	})
}

// changed writes what change did to that version of the row (0: any), and returns
// it as it is then. Without effects there is nothing to write.
func (s *Service) changed(ctx context.Context, id model.RealmID, version int64,
	change func(*model.Realm, model.Millis) (model.Effects, error)) (after model.Realm, err error) {
	var refused error
	err = s.update(ctx, id, func(r *model.Realm, now model.Millis) model.Effects {
		var fx model.Effects
		if refused = nil; version != 0 && r.Version != version {
			refused = ErrChanged
		} else {
			fx, refused = change(r, now)
		}
		after = *r
		if refused != nil {
			return model.Effects{}
		}
		if len(fx.Events) > 0 {
			after.Version++
			after.UpdatedAt = now
		}
		return fx
	})
	if refused != nil {
		return after, refused
	}
	return after, err
}

// Delete removes a disabled realm with everything that is in it: ErrDefault,
// ErrNotDisabled, ErrChanged. version is what it must have; 0: any. The default
// realm's trail says so.
func (s *Service) Delete(ctx context.Context, id model.RealmID, version int64, actor string) error {
	r, err := s.read(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case r.Default:
		return ErrDefault
	case version != 0 && r.Version != version:
		return ErrChanged
	case r.Status != model.RealmDisabled:
		return ErrNotDisabled
	}
	home, err := s.Default(ctx)
	if err != nil {
		return err
	}
	fx := effects(id, "realm.deleted", actor, model.MillisOf(s.cfg.Now()))
	fx.Events[0].RealmID = home.Realm.ID
	if fx.Events[0].Data, err = json.Marshal(map[string]string{"name": r.Name}); err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	err = s.cfg.Store.DeleteRealm(ctx, r, fx)
	s.forget()
	if errors.Is(err, model.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return err
}
