package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	passwordSQL = `
SELECT realm_id, identity_id, hash, set_at, used_at FROM password WHERE realm_id = $1 AND identity_id = $2`

	setPasswordSQL = `
INSERT INTO password (realm_id, identity_id, hash, set_at, used_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (realm_id, identity_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at, used_at = excluded.used_at`

	// One that was changed since it was compared opens nothing any more.
	usePasswordSQL = `
UPDATE password SET hash = $4, used_at = CASE WHEN used_at > $5 THEN used_at ELSE $5 END
WHERE realm_id = $1 AND identity_id = $2 AND hash = $3`

	removePasswordSQL = `DELETE FROM password WHERE realm_id = $1 AND identity_id = $2`
)

func scanPassword(r row) model.Password {
	return model.Password{RealmID: model.RealmID(r.text()), IdentityID: model.IdentityID(r.text()), Hash: r.text(),
		SetAt: millis(r), UsedAt: millis(r)}
}

// Password implements the sign-in service's store.
func (s *Store) Password(ctx context.Context, realm model.RealmID, id model.IdentityID) (model.Password, error) {
	v, err := readOne(ctx, s, scanPassword, passwordSQL, realm, id)
	return v, wrap(err, "read the password of identity", id)
}

// SetPassword implements the sign-in service's store.
func (s *Store) SetPassword(ctx context.Context, p model.Password, fx model.Effects) error {
	var u unit
	u.do(setPasswordSQL, p.RealmID, p.IdentityID, p.Hash, p.SetAt, p.UsedAt)
	u.locks(lockRow, string(p.IdentityID))
	return wrap(s.write(ctx, &u, fx), "set the password of identity", p.IdentityID)
}

// RemovePassword implements the sign-in service's store.
func (s *Store) RemovePassword(ctx context.Context, realm model.RealmID, id model.IdentityID, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, removePasswordSQL, realm, id)
	u.locks(lockRow, string(id))
	return wrap(s.write(ctx, &u, fx), "remove the password of identity", id)
}

// SignInWithPassword implements the sign-in service's store.
func (s *Store) SignInWithPassword(ctx context.Context, session model.Session, use model.PasswordUse, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, usePasswordSQL, use.RealmID, use.IdentityID, use.Was, use.Now, use.At)
	u.locks(lockRow, string(use.IdentityID))
	u.expect(model.ErrConflict, openSessionSQL, sessionArgs(session)...)
	u.locks(lockRow, string(session.ID))
	return wrap(s.write(ctx, &u, fx), "sign in with the password of identity", use.IdentityID)
}
