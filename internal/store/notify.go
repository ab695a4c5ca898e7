package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/model"
)

const (
	// What is not worth sending any more must not be leased, and must not stay
	// due for ever either.
	dropOutboxSQL = `DELETE FROM outbox WHERE due_at <= $1 AND expires_at > 0 AND expires_at <= $1`

	// The outer condition decides between two nodes that chose the same items:
	// the second finds them leased when it gets their rows.
	leaseOutboxSQL = `
UPDATE outbox SET due_at = $2, node = $3, attempts = attempts + 1
WHERE due_at <= $1 AND id IN (SELECT id FROM outbox WHERE due_at <= $1 ORDER BY due_at, id LIMIT $4)
RETURNING id, realm_id, channel, payload, not_before, expires_at, attempts, last_error`

	doneOutboxSQL  = `DELETE FROM outbox WHERE id = $1 AND node = $2`
	retryOutboxSQL = `
UPDATE outbox SET due_at = $3, not_before = $3, last_error = $4, node = '' WHERE id = $1 AND node = $2`
)

func scanOutbox(r row) model.OutboxItem {
	return model.OutboxItem{ID: model.OutboxID(r.text()), RealmID: model.RealmID(r.text()), Channel: r.text(),
		Payload: []byte(r.text()), NotBefore: millis(r), ExpiresAt: millis(r), Attempts: int(r.int()), LastError: r.text()}
}

// LeaseOutbox implements the notify service's store.
func (s *Store) LeaseOutbox(ctx context.Context, node string, now model.Millis, lease time.Duration, limit int) ([]model.OutboxItem, error) {
	items := rowsOf(scanOutbox)
	u := unit{alone: true} // it locks whatever is due
	u.do(dropOutboxSQL, now)
	u.read(items, leaseOutboxSQL, now, now.Add(lease), node, limit)
	if err := s.write(ctx, &u, model.Effects{}); err != nil {
		return nil, wrap(err, "lease outbox items for", node)
	}
	slices.SortFunc(items.got, func(a, b model.OutboxItem) int {
		return cmp.Or(cmp.Compare(a.NotBefore, b.NotBefore), cmp.Compare(a.ID, b.ID))
	})
	return items.got, nil
}

// DoneOutbox implements the notify service's store.
func (s *Store) DoneOutbox(ctx context.Context, node string, id model.OutboxID) error {
	var u unit
	u.do(doneOutboxSQL, id, node)
	u.locks(lockRow, string(id))
	return wrap(s.write(ctx, &u, model.Effects{}), "finish outbox item", id)
}

// RetryOutbox implements the notify service's store.
func (s *Store) RetryOutbox(ctx context.Context, node string, id model.OutboxID, notBefore model.Millis, lastError string) error {
	var u unit
	u.do(retryOutboxSQL, id, node, notBefore, lastError)
	u.locks(lockRow, string(id))
	return wrap(s.write(ctx, &u, model.Effects{}), "give back outbox item", id)
}

// NextOutbox implements the notify service's store. An item that is leased
// falls due when its lease runs out.
func (s *Store) NextOutbox(ctx context.Context) (model.Millis, error) {
	at, err := readOne(ctx, s, millis, `SELECT coalesce(min(due_at), 0) FROM outbox`)
	return at, wrap(err, "read the outbox", "")
}

// Queue implements the OAuth service's store.
func (s *Store) Queue(ctx context.Context, item model.OutboxItem) error {
	var u unit
	return wrap(s.write(ctx, &u, model.Effects{Outbox: []model.OutboxItem{item}}), "queue outbox item", item.ID)
}
