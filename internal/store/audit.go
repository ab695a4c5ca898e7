package store

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
)

const (
	eventColumns = `SELECT realm_id, id, type, actor, target, at, data FROM event WHERE realm_id = $1`

	eventsSQL       = eventColumns + ` ORDER BY id DESC LIMIT $2`
	eventsBeforeSQL = eventColumns + ` AND id < $2 ORDER BY id DESC LIMIT $3`
)

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
