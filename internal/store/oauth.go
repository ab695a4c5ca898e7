package store

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
)

// consumeSQL inserts the row or not; that is the whole decision. What the
// sweeper may have forgotten counts as used, because its row may be gone: so a
// clock that jumps back revives nothing. A row that is as good as forgotten
// but still there does not stand in the way of a new thing.
const consumeSQL = `
INSERT INTO consumed (realm_id, namespace, digest, until_at)
SELECT $1, $2, $3, $4 WHERE $4 > (SELECT at FROM mark WHERE name = 'forgotten')
ON CONFLICT (realm_id, namespace, digest) DO UPDATE SET until_at = excluded.until_at
WHERE consumed.until_at <= (SELECT at FROM mark WHERE name = 'forgotten')`

// Consume implements the OAuth service's store.
func (s *Store) Consume(ctx context.Context, o model.Once) (bool, error) {
	firstUse, err := s.db.consume(ctx, &o)
	return firstUse, wrap(err, "consume", o.Namespace)
}

const (
	revokeSQL = `
INSERT INTO revocation (realm_id, kind, subject, before_at, expires_at, at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (realm_id, kind, subject) DO UPDATE SET before_at = excluded.before_at, at = excluded.at,
  expires_at = CASE WHEN revocation.expires_at = 0 OR excluded.expires_at = 0 THEN 0
    WHEN excluded.expires_at > revocation.expires_at THEN excluded.expires_at ELSE revocation.expires_at END
WHERE excluded.before_at > revocation.before_at`

	revokeGrantSQL = `UPDATE access_grant SET revoked_at = $3 WHERE realm_id = $1 AND id = $2 AND revoked_at = 0`
)

// Revoke implements the OAuth service's store. Revoking what is revoked as
// far already writes nothing, effects included.
func (s *Store) Revoke(ctx context.Context, r model.Revocation, fx model.Effects) error {
	var u unit
	u.expect(errRevokedAlready, revokeSQL, r.RealmID, string(r.Kind), r.Key, r.Before, r.ExpiresAt, r.At)
	u.locks(lockRow, r.Key)
	if r.Kind == model.RevokeGrant {
		u.do(revokeGrantSQL, r.RealmID, r.Key, r.At)
		u.locks(lockGrant, r.Key)
	}
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errRevokedAlready) {
		return nil
	}
	return wrap(err, "revoke", r.Key)
}

var errRevokedAlready = errors.New("revoked already")
