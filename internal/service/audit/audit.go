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

// A Query means events: those of a type, of who did it, of what it was done to, and
// of a time. What is empty is of any kind.
type Query struct {
	RealmID             model.RealmID // set by [Service.List]
	Type, Actor, Target string
	After, Before       model.Millis  // from After on, and before Before
	From                model.EventID // the list begins after it; empty: with the newest
	Limit               int
}

// A Listing is a part of the trail, newest first. A part may hold fewer events than
// it could although there are more: only so many are looked at for one.
type Listing struct {
	Events []model.Event
	Next   model.EventID // where the next part begins after; empty: there is none
}

// List looks events up.
func (s *Service) List(ctx context.Context, site *model.Site, q Query) (Listing, error) {
	q.RealmID = site.Realm.ID
	l, err := s.store.FindEvents(ctx, q)
	if err != nil {
		return Listing{}, fmt.Errorf("find events: %w", err)
	}
	return l, nil
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
