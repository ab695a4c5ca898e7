package store

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
)

const (
	revocationsSQL = `
SELECT realm_id, kind, subject, before_at, expires_at, at FROM revocation
WHERE at >= $1 AND (expires_at = 0 OR expires_at > $2) ORDER BY at, realm_id, kind, subject`

	revokedSQL = `SELECT before_at FROM revocation WHERE realm_id = $1 AND kind = $2 AND subject = $3`
)

// Revocations implements the gate's store.
func (s *Store) Revocations(ctx context.Context, since, now model.Millis) ([]model.Revocation, error) {
	scan := func(r row) model.Revocation {
		return model.Revocation{RealmID: model.RealmID(r.text()), Kind: model.RevocationKind(r.text()), Key: r.text(),
			Before: millis(r), ExpiresAt: millis(r), At: millis(r)}
	}
	list, err := readAll(ctx, s, scan, revocationsSQL, since, now)
	return list, wrap(err, "list revocations", "")
}

// Revoked implements the gate's store.
func (s *Store) Revoked(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error) {
	before, err := readOne(ctx, s, millis, revokedSQL, realm, string(kind), key)
	if errors.Is(err, model.ErrNotFound) {
		return 0, nil
	}
	return before, wrap(err, "read the revocation of", key)
}
