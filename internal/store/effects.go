package store

import (
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

const (
	insertEventSQL = `
INSERT INTO event (realm_id, id, type, actor, target, at, data)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

	insertOutboxSQL = `
INSERT INTO outbox (id, realm_id, channel, payload, not_before, due_at, expires_at, attempts, last_error, node)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, '')`

	insertChangeSQL = `
INSERT INTO change (id, node, topic, subject, at) VALUES ($1, $2, $3, $4, $5)`
)

// addRevocations writes which tokens are dead, and tells everybody. Whoever
// revokes the same thing at once holds the row of that thing already, so these
// rows are locked in its order.
func addRevocations(u *unit, fx *model.Effects) {
	if len(fx.Revocations) == 0 {
		return
	}
	fx.Changes = slices.Clip(fx.Changes)
	for i := range fx.Revocations {
		r := &fx.Revocations[i]
		u.do(revokeSQL, r.RealmID, string(r.Kind), r.Key, r.Before, r.ExpiresAt, r.At)
		fx.Changes = append(fx.Changes, model.Change{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: r.Key, At: r.At})
	}
}

// addEffects ends a unit with what it writes beside the change of state, so
// that one cannot be there without the other.
func addEffects(u *unit, events []model.Event, outbox []model.OutboxItem, changes []model.Change, node string) {
	for i := range events {
		e := &events[i]
		u.do(insertEventSQL, string(e.RealmID), string(e.ID), e.Type, e.Actor, e.Target, int64(e.At), string(e.Data))
	}
	for i := range outbox {
		o := &outbox[i]
		u.do(insertOutboxSQL, string(o.ID), string(o.RealmID), o.Channel, string(o.Payload),
			int64(o.NotBefore), int64(o.ExpiresAt), int64(o.Attempts), o.LastError)
	}
	for i := range changes {
		c := &changes[i]
		u.do(insertChangeSQL, c.ID, node, c.Topic, c.Key, int64(c.At))
	}
}
