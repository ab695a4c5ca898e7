package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	renamePasskeySQL = `
UPDATE passkey SET name = $3 WHERE realm_id = $1 AND id = $2 AND revoked_at = 0`

	revokePasskeySQL = `
UPDATE passkey SET revoked_at = $3 WHERE realm_id = $1 AND id = $2 AND revoked_at = 0`

	// Also those that another has opened again since.
	endPasskeySessionsSQL = `
UPDATE session SET ended_at = $3 WHERE realm_id = $1 AND ended_at = 0
AND identity_id = (SELECT identity_id FROM passkey WHERE realm_id = $1 AND id = $2)
AND (passkey_id = $2 OR earlier || ' ' LIKE '% ' || $2 || ' %')`

	revokeBindingJobSQL = `
UPDATE binding_job SET state = 'REVOKED', updated_at = $3
WHERE realm_id = $1 AND id = $2 AND state IN ('LINK_SENT', 'LINK_OPENED')`
)

// RenamePasskey implements the directory service's store.
func (s *Store) RenamePasskey(ctx context.Context, realm model.RealmID, id model.PasskeyID, name string, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, renamePasskeySQL, realm, string(id), name)
	return wrap(s.write(ctx, &u, fx), "rename passkey", id)
}

// RevokePasskey implements the directory service's store.
func (s *Store) RevokePasskey(ctx context.Context, realm model.RealmID, id model.PasskeyID, at model.Millis, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, revokePasskeySQL, realm, string(id), at)
	u.do(endPasskeySessionsSQL, realm, string(id), at)
	return wrap(s.write(ctx, &u, fx), "revoke passkey", id)
}

// RevokeBindingJob implements the directory service's store.
func (s *Store) RevokeBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, revokeBindingJobSQL, realm, string(id), at)
	err := s.lostOrMissing(ctx, s.write(ctx, &u, fx), `SELECT id FROM binding_job WHERE realm_id = $1 AND id = $2`, realm, id)
	return wrap(err, "revoke binding job", id)
}
