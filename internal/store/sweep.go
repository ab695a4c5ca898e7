package store

import (
	"context"
	"errors"
	"time"

	"github.com/assent-id/assent/internal/model"
)

const (
	// forgetAfter is how long a used single-use thing is remembered past its
	// end: longer than clocks of nodes differ, and than a statement that began
	// before a sweep can take.
	forgetAfter = 2 * time.Minute
	// sweepEvery is how often the database is swept at most, over all nodes.
	sweepEvery = 20 * time.Second
	// sweepBatch is how many rows go at once: each batch is a short transaction.
	sweepBatch = 500
	// deviceKept is how long a device request stays past its end, so that a
	// device that still polls is told that it is over.
	deviceKept = time.Hour
)

const (
	claimSweepSQL = `UPDATE mark SET at = $1 WHERE name = 'sweep' AND at <= $2`
	// The mark moves before the rows go and never back.
	forgetSQL = `UPDATE mark SET at = $1 WHERE name = 'forgotten' AND at < $1`

	usedUpFirstSQL = `
SELECT realm_id, namespace, digest, until_at FROM consumed ORDER BY realm_id, namespace, digest LIMIT $1`
	usedUpNextSQL = `
SELECT realm_id, namespace, digest, until_at FROM consumed
WHERE (realm_id, namespace, digest) > ($1, $2, $3) ORDER BY realm_id, namespace, digest LIMIT $4`
	deleteUsedUpSQL = `
DELETE FROM consumed WHERE realm_id = $1 AND namespace = $2 AND digest = $3 AND until_at <= $4`

	deleteRevocationsSQL = `
DELETE FROM revocation WHERE (realm_id, kind, subject) IN (
  SELECT realm_id, kind, subject FROM revocation WHERE expires_at > 0 AND expires_at <= $1 LIMIT $2)
RETURNING at`
	deleteOutboxSQL = `
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE expires_at > 0 AND expires_at <= $1 LIMIT $2)
RETURNING due_at`
	deleteParkedSQL = `
DELETE FROM parked WHERE (realm_id, digest) IN (
  SELECT realm_id, digest FROM parked WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
RETURNING expires_at`
	deleteOpaqueSQL = `
DELETE FROM opaque_token WHERE (realm_id, digest) IN (
  SELECT realm_id, digest FROM opaque_token WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
RETURNING expires_at`
	deleteDevicesSQL = `
DELETE FROM device_request WHERE (realm_id, digest) IN (
  SELECT realm_id, digest FROM device_request WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
RETURNING expires_at`
	// By the database's clock, like the instants themselves.
	deleteChangesSQL = `
DELETE FROM change WHERE (noted_at, id) IN (
  SELECT noted_at, id FROM change WHERE noted_at <= $1 ORDER BY noted_at, id LIMIT $2)
RETURNING noted_at`
)

// Sweep deletes what has expired at now, in small transactions: single-use
// things, revocations, old changes, things not worth sending any more, parked
// state, opaque tokens, idempotency keys, device requests, and grants that ended a
// day ago. Every node may call it as often as it likes; one of them does the work,
// at most every 20 seconds.
func (s *Store) Sweep(ctx context.Context, now model.Millis) error {
	if claimed, err := s.claimSweep(ctx, now); err != nil || !claimed {
		return wrap(err, "claim the sweep", "")
	}
	forgotten := now.Add(-forgetAfter)
	if err := s.forget(ctx, forgotten); err != nil {
		return wrap(err, "forget what was consumed", "")
	}
	clock, err := s.db.clock(ctx)
	if err != nil {
		return wrap(err, "read the clock", "")
	}
	for _, table := range []struct {
		sql   string
		until model.Millis
	}{
		{deleteRevocationsSQL, forgotten},
		{deleteOutboxSQL, now},
		{deleteParkedSQL, forgotten},
		{deleteOpaqueSQL, forgotten},
		{deleteIdempotentSQL, now},
		{deleteDevicesSQL, now.Add(-deviceKept)},
		{deleteChangesSQL, model.Millis(clock).Add(-changeLife)},
	} {
		if err := s.deleteBatches(ctx, table.sql, table.until); err != nil {
			return wrap(err, "sweep", "")
		}
	}
	if err := s.sweepSessions(ctx, now.Add(-sessionKept)); err != nil {
		return wrap(err, "sweep sessions", "")
	}
	return wrap(s.sweepGrants(ctx, now.Add(-grantKept)), "sweep grants", "")
}

var errNotNow = errors.New("swept a moment ago")

func (s *Store) claimSweep(ctx context.Context, now model.Millis) (bool, error) {
	u := unit{alone: true}
	u.expect(errNotNow, claimSweepSQL, now, now.Add(-sweepEvery))
	err := s.db.write(ctx, &u)
	if errors.Is(err, errNotNow) {
		return false, nil
	}
	return err == nil, err
}

// A usedUp names a row of what was consumed.
type usedUp struct {
	realm, namespace string
	digest           []byte
	until            int64
}

// forget walks through the whole table of what was consumed, reading beside
// the writers, and deletes what ended long enough ago.
func (s *Store) forget(ctx context.Context, until model.Millis) error {
	mark := unit{alone: true}
	mark.do(forgetSQL, until)
	if err := s.db.write(ctx, &mark); err != nil {
		return err
	}
	scan := func(r row) usedUp { return usedUp{r.text(), r.text(), r.bytes(), r.int()} }
	sql, args := usedUpFirstSQL, []any{sweepBatch}
	for {
		rows, err := readAll(ctx, s, scan, sql, args...)
		if err != nil || len(rows) == 0 {
			return err
		}
		u := unit{alone: true}
		for _, r := range rows {
			if r.until <= int64(until) {
				u.do(deleteUsedUpSQL, r.realm, r.namespace, r.digest, until)
			}
		}
		if len(u.steps) > 0 {
			if err := s.db.write(ctx, &u); err != nil {
				return err
			}
		}
		last := rows[len(rows)-1]
		sql, args = usedUpNextSQL, []any{last.realm, last.namespace, last.digest, sweepBatch}
	}
}

// deleteBatches repeats a statement that deletes up to a batch and returns a
// row for each.
func (s *Store) deleteBatches(ctx context.Context, sql string, until model.Millis) error {
	for {
		gone := rowsOf(row.int)
		u := unit{alone: true}
		u.read(gone, sql, until, sweepBatch)
		if err := s.db.write(ctx, &u); err != nil {
			return err
		}
		if len(gone.got) < sweepBatch {
			return nil
		}
	}
}
