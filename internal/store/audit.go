package store

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/audit"
)

const (
	eventColumns = `SELECT realm_id, id, type, actor, target, at, data FROM event WHERE realm_id = $1`

	eventsSQL       = eventColumns + ` ORDER BY id DESC LIMIT $2`
	eventsBeforeSQL = eventColumns + ` AND id < $2 ORDER BY id DESC LIMIT $3`

	// The trail has no other index than that of its order: it would cost every event
	// that is written. So a question looks at a part of it at a time.
	someEvents = ` WHERE realm_id = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4`

	findEventsSQL = `
SELECT realm_id, id, type, actor, target, at, data
FROM (SELECT realm_id, id, type, actor, target, at, data FROM event` + someEvents + `) AS looked_at
WHERE ($5 = '' OR type = $5) AND ($6 = '' OR actor = $6) AND ($7 = '' OR target = $7)
  AND at >= $8 AND at < $9 ORDER BY id DESC LIMIT $10`
	lookedAtSQL = `SELECT count(*), coalesce(min(id), '') FROM (SELECT id FROM event` + someEvents + `) AS looked_at`
)

// eventsLookedAt is how many events one question looks at.
const eventsLookedAt = 20_000

// FindEvents implements the audit service's store. Ids of events begin with the
// instant at which they were made, give or take the clocks of nodes.
func (s *Store) FindEvents(ctx context.Context, q audit.Query) (audit.Listing, error) {
	const skew = time.Minute
	from, until, end := afterAll, "", model.Millis(math.MaxInt64)
	if q.Before != 0 {
		from, end = ids.At("evt", q.Before.Add(skew).Time()), q.Before
	}
	if q.From != "" {
		from = min(from, string(q.From))
	}
	if q.After > model.Millis(skew.Milliseconds()) {
		until = ids.At("evt", q.After.Add(-skew).Time())
	}
	part := []any{q.RealmID, from, until, eventsLookedAt}
	type seen struct {
		count int64
		last  model.EventID
	}
	events, looked := rowsOf(scanEvent), rowsOf(func(r row) seen { return seen{r.int(), model.EventID(r.text())} })
	err := s.db.read(ctx,
		step{sql: findEventsSQL, rows: events, args: append(part[:4:4], q.Type, q.Actor, q.Target, q.After, end, q.Limit)},
		step{sql: lookedAtSQL, rows: looked, args: part})
	if err != nil {
		return audit.Listing{}, wrap(err, "find events of realm", q.RealmID)
	}
	l := audit.Listing{Events: events.got}
	switch {
	case len(l.Events) == q.Limit:
		l.Next = l.Events[len(l.Events)-1].ID
	case looked.got[0].count == eventsLookedAt:
		l.Next = looked.got[0].last
	}
	return l, nil
}

func scanEvent(r row) model.Event {
	e := model.Event{RealmID: model.RealmID(r.text()), ID: model.EventID(r.text()), Type: r.text(),
		Actor: r.text(), Target: r.text(), At: millis(r)}
	if data := r.text(); data != "" {
		e.Data = json.RawMessage(data)
	}
	return e
}

// Events implements the audit service's store.
func (s *Store) Events(ctx context.Context, realm model.RealmID, before model.EventID, limit int) ([]model.Event, error) {
	sql, args := eventsSQL, []any{realm, limit}
	if before != "" {
		sql, args = eventsBeforeSQL, []any{realm, before, limit}
	}
	list, err := readAll(ctx, s, scanEvent, sql, args...)
	return list, wrap(err, "list events of realm", realm)
}

// RecordEvents implements the audit service's store.
func (s *Store) RecordEvents(ctx context.Context, events []model.Event) error {
	return wrap(s.write(ctx, new(unit), model.Effects{Events: events}), "record events", "")
}
