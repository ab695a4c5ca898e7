// Package audit reads the trail of what was done, and notes what no state
// change notes: refusals that somebody should see.
//
// Events of state changes are written by the transactions that make them
// (model.Effects), so none of them is lost or invented.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A Service reads and appends events.
type Service struct {
	store Store
	now   func() time.Time
}

// New makes a Service; now may be nil.
func New(store Store, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store: store, now: now}
}

// Page lists up to limit events, newest first. before is exclusive; empty:
// from the newest.
func (s *Service) Page(ctx context.Context, site *model.Site, before model.EventID, limit int) ([]model.Event, error) {
	events, err := s.store.Events(ctx, site.Realm.ID, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return events, nil
}

// Record appends one event that no state change causes.
func (s *Service) Record(ctx context.Context, site *model.Site, event, actor, target string) error {
	e := model.Event{ID: model.EventID(ids.New("evt")), RealmID: site.Realm.ID, Type: event,
		Actor: actor, Target: target, At: model.MillisOf(s.now())}
	if err := s.store.RecordEvents(ctx, []model.Event{e}); err != nil {
		return fmt.Errorf("record %s: %w", event, err)
	}
	return nil
}
