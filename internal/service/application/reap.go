package application

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// registrationKept is how long a registration stays that has no grant.
const registrationKept = 24 * time.Hour

const reapBatch = 100

// Reap removes applications that came by themselves and that nobody uses: those
// that never got a grant within a day, and others a day after their last grant
// ended. It returns how many.
func (s *Service) Reap(ctx context.Context) (int, error) {
	now := model.MillisOf(s.cfg.Now())
	olderThan := now.Add(-registrationKept)
	idle, err := s.cfg.Store.IdleRegistrations(ctx, olderThan, reapBatch)
	if err != nil {
		return 0, fmt.Errorf("find idle registrations: %w", err)
	}
	gone := 0
	for _, a := range idle {
		fx := by("server", effects(a, "application.reaped", now))
		fx.Revocations = []model.Revocation{a.RevokeTokens(s.lever())}
		if a.Settings.Origin == model.OriginDocument {
			fx.Events = nil // nor was its coming worth one
		}
		err := s.cfg.Store.ReapRegistration(ctx, a.RealmID, a.ID, olderThan, fx)
		switch {
		case errors.Is(err, model.ErrNotFound): // used meanwhile, or gone
		case err != nil:
			return gone, fmt.Errorf("reap application %s: %w", a.ID, err)
		default:
			gone++
		}
	}
	return gone, nil
}
