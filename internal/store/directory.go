package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

const insertIdentitySQL = `
INSERT INTO identity (realm_id, id, display_name, status, username, email, traits,
  tokens_invalid_before, created_at, updated_at, version, external_id, admin_since,
  name_folded)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// CreateIdentity implements the directory service's store.
func (s *Store) CreateIdentity(ctx context.Context, i model.Identity, fx model.Effects) error {
	traits, err := json.Marshal(i.Traits)
	if err != nil {
		return wrap(err, "encode the traits of identity", i.ID)
	}
	var u unit
	u.do(insertIdentitySQL, i.RealmID, i.ID, i.DisplayName, i.Status, model.FoldName(i.Traits.Username),
		model.FoldName(i.Traits.PrimaryEmailAddress), string(traits),
		i.TokensInvalidBefore, i.CreatedAt, i.UpdatedAt, i.Version, i.Traits.ExternalID, i.AdminSince,
		model.FoldName(i.DisplayName))
	return wrap(s.write(ctx, &u, fx), "create identity", i.ID)
}

const (
	identityList = `
SELECT realm_id, id, display_name, status, traits, tokens_invalid_before, created_at, updated_at, version,
  admin_since`
	identityColumns       = identityList + ` FROM identity WHERE realm_id = $1`
	identitySQL           = identityColumns + ` AND id = $2`
	identityByUsernameSQL = identityColumns + ` AND username = $2 AND username <> ''`
	identityByEmailSQL    = identityColumns + ` AND email = $2 AND email <> '' LIMIT 2`
)

func scanIdentity(bad *error) func(row) model.Identity {
	return func(r row) model.Identity {
		i := model.Identity{RealmID: model.RealmID(r.text()), ID: model.IdentityID(r.text()),
			DisplayName: r.text(), Status: model.IdentityStatus(r.text())}
		decode(r.text(), &i.Traits, bad)
		i.TokensInvalidBefore, i.CreatedAt, i.UpdatedAt, i.Version = millis(r), millis(r), millis(r), r.int()
		i.AdminSince = millis(r)
		return i
	}
}

// Identity implements the directory service's store.
func (s *Store) Identity(ctx context.Context, realm model.RealmID, id model.IdentityID) (model.Identity, error) {
	var bad error
	i, err := readOne(ctx, s, scanIdentity(&bad), identitySQL, realm, id)
	return i, wrap(first(err, bad), "read identity", id)
}

// IdentityByLogin implements the directory service's store. Both lookups
// travel together.
func (s *Store) IdentityByLogin(ctx context.Context, realm model.RealmID, folded string) (model.Identity, error) {
	var bad error
	byName, byMail := rowsOf(scanIdentity(&bad)), rowsOf(scanIdentity(&bad))
	err := s.db.read(ctx,
		step{sql: identityByUsernameSQL, args: []any{realm, folded}, rows: byName},
		step{sql: identityByEmailSQL, args: []any{realm, folded}, rows: byMail})
	switch {
	case err != nil || bad != nil:
		return model.Identity{}, wrap(first(err, bad), "find an identity of realm", realm)
	}
	// Whoever takes somebody else's address as a username must not be found in
	// their place: a name that means two people means nobody.
	found := byName.got
	for _, i := range byMail.got {
		if len(found) == 0 || found[0].ID != i.ID {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		return model.Identity{}, wrap(model.ErrNotFound, "find an identity of realm", realm)
	}
	return found[0], nil
}

const updateIdentitySQL = `
UPDATE identity SET display_name = $4, status = $5, username = $6, email = $7, traits = $8,
  tokens_invalid_before = $9, updated_at = $10, external_id = $11, admin_since = $12, name_folded = $13,
  version = version + 1
WHERE realm_id = $1 AND id = $2 AND version = $3`

// UpdateIdentity implements the directory service's store.
func (s *Store) UpdateIdentity(ctx context.Context, i model.Identity, fx model.Effects) error {
	var u unit
	if err := u.updateIdentity(updateIdentitySQL, i); err != nil {
		return err
	}
	return wrap(s.write(ctx, &u, fx), "update identity", i.ID)
}

// updateIdentity writes the row, or fails the unit with ErrConflict if what the
// statement asks of it is not so.
func (u *unit) updateIdentity(sql string, i model.Identity) error {
	traits, err := json.Marshal(i.Traits)
	if err != nil {
		return wrap(err, "encode the traits of identity", i.ID)
	}
	u.expect(model.ErrConflict, sql, i.RealmID, i.ID, i.Version, i.DisplayName, i.Status,
		model.FoldName(i.Traits.Username), model.FoldName(i.Traits.PrimaryEmailAddress), string(traits),
		i.TokensInvalidBefore, i.UpdatedAt, i.Traits.ExternalID, i.AdminSince, model.FoldName(i.DisplayName))
	u.locks(lockRow, string(i.ID))
	if i.Status == model.IdentitySuspended && i.TokensInvalidBefore > 0 {
		u.alone = true // it may lock several jobs
		u.do(revokeSuspendedJobsSQL, i.RealmID, i.ID, i.UpdatedAt, i.TokensInvalidBefore)
	}
	return nil
}

const (
	passkeyColumns = `
SELECT realm_id, id, identity_id, name, credential_id, public_key, aaguid, sign_count, backup_eligible,
  backup_state, transports, binding, created_at, last_used_at, revoked_at, rp_id, attestation
FROM passkey WHERE realm_id = $1`
	passkeysSQL            = passkeyColumns + ` AND identity_id = $2 ORDER BY created_at, id`
	passkeyByCredentialSQL = passkeyColumns + ` AND credential_id = $2 AND revoked_at = 0`

	insertPasskeySQL = `
INSERT INTO passkey (realm_id, id, identity_id, name, credential_id, public_key, aaguid, sign_count,
  backup_eligible, backup_state, transports, binding, created_at, last_used_at, revoked_at,
  rp_id, attestation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`

	// An older use that arrives late teaches nothing.
	usePasskeySQL = `
UPDATE passkey SET
  sign_count = CASE WHEN sign_count > $3 THEN sign_count ELSE $3 END,
  backup_state = CASE WHEN last_used_at > $5 THEN backup_state ELSE $4 END,
  last_used_at = CASE WHEN last_used_at > $5 THEN last_used_at ELSE $5 END
WHERE realm_id = $1 AND id = $2 AND revoked_at = 0`
)

func scanPasskey(r row) model.Passkey {
	return model.Passkey{
		RealmID: model.RealmID(r.text()), ID: model.PasskeyID(r.text()), IdentityID: model.IdentityID(r.text()),
		Name: r.text(), CredentialID: r.bytes(), PublicKey: r.bytes(), AAGUID: r.bytes(),
		SignCount: uint32(r.int()), BackupEligible: r.bool(), BackupState: r.bool(),
		Transports: strings.Fields(r.text()), Binding: r.text(),
		CreatedAt: millis(r), LastUsedAt: millis(r), RevokedAt: millis(r), RPID: r.text(), Attestation: r.text(),
	}
}

// Passkeys implements the directory service's store.
func (s *Store) Passkeys(ctx context.Context, realm model.RealmID, id model.IdentityID) ([]model.Passkey, error) {
	list, err := readAll(ctx, s, scanPasskey, passkeysSQL, realm, id)
	return list, wrap(err, "list passkeys of identity", id)
}

func (u *unit) insertPasskey(p model.Passkey) {
	u.do(insertPasskeySQL, p.RealmID, p.ID, p.IdentityID, p.Name, filled(p.CredentialID), filled(p.PublicKey),
		filled(p.AAGUID), p.SignCount, p.BackupEligible, p.BackupState, strings.Join(p.Transports, " "),
		p.Binding, p.CreatedAt, p.LastUsedAt, p.RevokedAt, p.RPID, p.Attestation)
}

// usePasskey fails the unit with ErrNotFound if the passkey was revoked in the
// meantime: what it signed must not count then.
func (u *unit) usePasskey(use model.PasskeyUse) {
	u.expect(model.ErrNotFound, usePasskeySQL, use.RealmID, string(use.ID), int64(use.SignCount), use.BackupState, use.At)
	u.locks(lockPasskey, string(use.ID))
}
