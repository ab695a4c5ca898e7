package store

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
)

const (
	// A row that has expired and was not swept yet is as good as none.
	reserveIdempotentSQL = `
INSERT INTO idempotent (realm_id, digest, request, status, answer, created_at, expires_at)
VALUES ($1, $2, $3, 0, $4, $5, $6)
ON CONFLICT (realm_id, digest) DO UPDATE SET request = excluded.request, status = 0, answer = excluded.answer,
  created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotent.expires_at <= $7`

	idempotentSQL = `
SELECT realm_id, digest, request, status, answer, created_at, expires_at
FROM idempotent WHERE realm_id = $1 AND digest = $2`

	answerIdempotentSQL = `
UPDATE idempotent SET status = $4, answer = $5
WHERE realm_id = $1 AND digest = $2 AND created_at = $3 AND status = 0`

	releaseIdempotentSQL = `
DELETE FROM idempotent WHERE realm_id = $1 AND digest = $2 AND created_at = $3 AND status = 0`

	deleteIdempotentSQL = `
DELETE FROM idempotent WHERE (realm_id, digest) IN (
  SELECT realm_id, digest FROM idempotent WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
RETURNING expires_at`
)

// ReserveIdempotent implements the idempotency service's store.
func (s *Store) ReserveIdempotent(ctx context.Context, i model.Idempotent, now model.Millis) error {
	var u unit
	u.expect(model.ErrConflict, reserveIdempotentSQL, i.RealmID, filled(i.Digest), filled(i.Request), []byte{}, i.CreatedAt, i.ExpiresAt, now)
	u.locks(lockRow, string(i.Digest))
	return wrap(s.write(ctx, &u, model.Effects{}), "reserve an idempotency key of realm", i.RealmID)
}

// Idempotent implements the idempotency service's store.
func (s *Store) Idempotent(ctx context.Context, realm model.RealmID, digest []byte) (model.Idempotent, error) {
	scan := func(r row) model.Idempotent {
		return model.Idempotent{RealmID: model.RealmID(r.text()), Digest: r.bytes(), Request: r.bytes(), Status: int(r.int()),
			Answer: r.bytes(), CreatedAt: millis(r), ExpiresAt: millis(r)}
	}
	i, err := readOne(ctx, s, scan, idempotentSQL, realm, filled(digest))
	return i, wrap(err, "read an idempotency key of realm", realm)
}

// AnswerIdempotent implements the idempotency service's store. A reservation that
// is answered, or gone, is model.ErrConflict.
func (s *Store) AnswerIdempotent(ctx context.Context, i model.Idempotent) error {
	var u unit
	u.expect(model.ErrConflict, answerIdempotentSQL, i.RealmID, filled(i.Digest), i.CreatedAt, i.Status, filled(i.Answer))
	u.locks(lockRow, string(i.Digest))
	return wrap(s.write(ctx, &u, model.Effects{}), "answer an idempotency key of realm", i.RealmID)
}

var errReleased = errors.New("released already")

// ReleaseIdempotent implements the idempotency service's store. Releasing what is
// answered, or gone, changes nothing.
func (s *Store) ReleaseIdempotent(ctx context.Context, i model.Idempotent) error {
	var u unit
	u.expect(errReleased, releaseIdempotentSQL, i.RealmID, filled(i.Digest), i.CreatedAt)
	u.locks(lockRow, string(i.Digest))
	err := s.write(ctx, &u, model.Effects{})
	if errors.Is(err, errReleased) {
		return nil
	}
	return wrap(err, "release an idempotency key of realm", i.RealmID)
}
