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

	// The one statement about people that no realm bounds, see PasskeyHomes.
	passkeyHomesSQL = `
SELECT realm_id, rp_id FROM passkey WHERE credential_id = $1 AND revoked_at = 0 LIMIT 100`
)

// PasskeyHomes implements the sign-in service's store. It looks into all realms:
// those of one host are one relying party to a browser, and before a realm has a
// browser forget a passkey that it does not know it must know that it is no other
// realm's. The answer holds nothing of anybody.
func (s *Store) PasskeyHomes(ctx context.Context, credentialID []byte) ([]model.PasskeyHome, error) {
	scan := func(r row) model.PasskeyHome {
		return model.PasskeyHome{RealmID: model.RealmID(r.text()), RPID: r.text()}
	}
	homes, err := readAll(ctx, s, scan, passkeyHomesSQL, filled(credentialID))
	return homes, wrap(err, "find a passkey in", "all realms")
}

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
