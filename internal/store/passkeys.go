package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

const (
	renamePasskeySQL = `
UPDATE passkey SET name = $3 WHERE realm_id = $1 AND id = $2 AND revoked_at = 0`

	passkeyLivesSQL = `SELECT id FROM passkey WHERE realm_id = $1 AND id = $3 AND identity_id = $2 AND revoked_at = 0`

	// Another passkey that lives, beside this one.
	otherPasskey = `EXISTS (SELECT 1 FROM passkey p
  WHERE p.realm_id = $1 AND p.identity_id = $2 AND p.id <> $3 AND p.revoked_at = 0`

	revokePasskeySQL = `
UPDATE passkey SET revoked_at = $4 WHERE realm_id = $1 AND id = $3 AND identity_id = $2 AND revoked_at = 0`

	// $5: an admin keeps a passkey, unless another one has one too. $6: a person keeps
	// one that signs in at $7, the realm's own relying party, or a recovery code.
	revokeHeldPasskeySQL = revokePasskeySQL + `
AND (NOT $5 OR ` + otherPasskey + `) OR ` + otherAdmin + `
  OR NOT EXISTS (SELECT 1 FROM identity i WHERE i.realm_id = $1 AND i.id = $2 AND i.admin_since > 0 AND i.status = 'active'))
AND (NOT $6 OR ` + otherPasskey + ` AND p.rp_id IN ('', $7))
  OR EXISTS (SELECT 1 FROM recovery_code c WHERE c.realm_id = $1 AND c.identity_id = $2 AND c.used_at = 0))`

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

// RevokePasskey implements the directory service's store. Two that are revoked at
// once decide by the row that the other writes.
func (s *Store) RevokePasskey(ctx context.Context, e directory.PasskeyEnd, fx model.Effects) error {
	args := []any{e.RealmID, e.IdentityID, string(e.ID)}
	u := unit{alone: true, serializable: e.KeepAdmin || e.KeepOne}
	if u.serializable {
		u.expect(model.ErrConflict, revokeHeldPasskeySQL, e.RealmID, e.IdentityID, string(e.ID), e.At, e.KeepAdmin, e.KeepOne, e.RPID)
	} else {
		u.expect(model.ErrConflict, revokePasskeySQL, e.RealmID, e.IdentityID, string(e.ID), e.At)
	}
	u.do(endPasskeySessionsSQL, e.RealmID, string(e.ID), e.At)
	u.do(revokeProvenJobsSQL, e.RealmID, e.IdentityID, e.At)
	err := s.lostOrMissing(ctx, s.write(ctx, &u, fx), passkeyLivesSQL, args...)
	return wrap(err, "revoke passkey", e.ID)
}
