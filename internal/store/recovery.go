package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	recoveryCodesSQL = `
SELECT realm_id, identity_id, digest, created_at, used_at FROM recovery_code
WHERE realm_id = $1 AND identity_id = $2 ORDER BY digest`
	insertRecoveryCodeSQL = `
INSERT INTO recovery_code (realm_id, identity_id, digest, created_at, used_at) VALUES ($1, $2, $3, $4, $5)`
	removeRecoveryCodesSQL = `DELETE FROM recovery_code WHERE realm_id = $1 AND identity_id = $2`

	// Of all who bring one code, one finds it unused.
	useRecoveryCodeSQL = `
UPDATE recovery_code SET used_at = $4 WHERE realm_id = $1 AND identity_id = $2 AND digest = $3 AND used_at = 0`
)

// ReplaceRecoveryCodes implements the directory service's store.
func (s *Store) ReplaceRecoveryCodes(ctx context.Context, realm model.RealmID, id model.IdentityID, codes []model.RecoveryCode, fx model.Effects) error {
	// Of two at once, one replaces what the other wrote.
	u := unit{serializable: true}
	u.do(removeRecoveryCodesSQL, realm, id)
	for _, c := range codes {
		u.do(insertRecoveryCodeSQL, realm, id, filled(c.Digest), c.CreatedAt, c.UsedAt)
	}
	return wrap(s.write(ctx, &u, fx), "replace recovery codes of identity", id)
}

// RecoveryCodes implements the directory service's store.
func (s *Store) RecoveryCodes(ctx context.Context, realm model.RealmID, id model.IdentityID) ([]model.RecoveryCode, error) {
	scan := func(r row) model.RecoveryCode {
		return model.RecoveryCode{RealmID: model.RealmID(r.text()), IdentityID: model.IdentityID(r.text()), Digest: r.bytes(),
			CreatedAt: millis(r), UsedAt: millis(r)}
	}
	list, err := readAll(ctx, s, scan, recoveryCodesSQL, realm, id)
	return list, wrap(err, "read recovery codes of identity", id)
}

// RemoveRecoveryCodes implements the directory service's store.
func (s *Store) RemoveRecoveryCodes(ctx context.Context, realm model.RealmID, id model.IdentityID, fx model.Effects) error {
	u := unit{alone: true} // it locks several rows
	u.expect(model.ErrNotFound, removeRecoveryCodesSQL, realm, id)
	return wrap(s.write(ctx, &u, fx), "remove recovery codes of identity", id)
}

// UseRecoveryCode implements the directory service's store.
func (s *Store) UseRecoveryCode(ctx context.Context, c model.RecoveryCode, j model.BindingJob, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, useRecoveryCodeSQL, c.RealmID, c.IdentityID, filled(c.Digest), c.UsedAt)
	u.locks(lockRow, string(c.IdentityID)+string(c.Digest))
	u.insertBindingJob(j)
	return wrap(s.write(ctx, &u, fx), "use a recovery code of identity", c.IdentityID)
}
