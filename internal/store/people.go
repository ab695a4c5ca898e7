package store

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Each way to look for people walks through an index of its own, and what else is
// asked for is held against what it finds. No index can find realm_id || ”, so
// that a planner does not walk through the realm by primary key instead, which has
// the right order.
const (
	peopleFrom = identityList + ` FROM identity WHERE realm_id || '' = $1`

	peopleAsked = `
  AND id > $2 AND ($3 = '' OR username = $3) AND ($4 = '' OR email = $4) AND ($5 = '' OR external_id = $5)
  AND ($6 = '' OR status = $6) AND ($7 = '' OR name_folded >= $7 AND name_folded <= $8) AND (NOT $9 OR admin_since > 0)
  AND ($10 = '' OR EXISTS (SELECT 1 FROM group_member m
    WHERE m.realm_id = $1 AND m.group_id = $10 AND m.identity_id = identity.id))
ORDER BY id LIMIT $11`

	peopleSQL           = identityList + ` FROM identity WHERE realm_id = $1` + peopleAsked
	peopleByUsernameSQL = peopleFrom + ` AND username = $3 AND username <> ''` + peopleAsked
	peopleByEmailSQL    = peopleFrom + ` AND email = $4 AND email <> ''` + peopleAsked
	peopleByExternalSQL = peopleFrom + ` AND external_id = $5 AND external_id <> ''` + peopleAsked
	peopleByNameSQL     = peopleFrom + ` AND name_folded >= $7 AND name_folded <= $8` + peopleAsked
	adminsSQL           = peopleFrom + ` AND admin_since > 0` + peopleAsked
	suspendedSQL        = peopleFrom + ` AND status = 'suspended'` + peopleAsked

	peopleOfGroupSQL = `
SELECT i.realm_id, i.id, i.display_name, i.status, i.traits, i.tokens_invalid_before, i.created_at, i.updated_at, i.version,
  i.admin_since
FROM group_member m JOIN identity i ON i.realm_id = m.realm_id AND i.id = m.identity_id
WHERE m.realm_id = $1 AND m.group_id = $3 AND m.identity_id > $2
  AND ($4 = '' OR i.status = $4) AND ($5 = '' OR i.name_folded >= $5 AND i.name_folded <= $6) AND (NOT $7 OR i.admin_since > 0)
ORDER BY m.identity_id LIMIT $8`
)

// afterAll comes after whatever may follow a prefix.
const afterAll = "\U0010FFFF"

// People implements the directory service's store.
func (s *Store) People(ctx context.Context, realm model.RealmID, q directory.PeopleQuery) ([]model.Identity, error) {
	var bad error
	sql, args := peopleQuery(realm, q)
	list, err := readAll(ctx, s, scanIdentity(&bad), sql, args...)
	return list, wrap(first(err, bad), "list people of realm", realm)
}

// peopleQuery takes the way that finds the fewest.
func peopleQuery(realm model.RealmID, q directory.PeopleQuery) (sql string, args []any) {
	args = []any{realm, q.After, q.Username, q.Email, q.ExternalID, string(q.Status), q.NamePrefix, q.NamePrefix + afterAll,
		q.Admins, string(q.GroupID), q.Limit}
	switch {
	case q.Username != "":
		return peopleByUsernameSQL, args
	case q.ExternalID != "":
		return peopleByExternalSQL, args
	case q.Email != "":
		return peopleByEmailSQL, args
	case q.Admins:
		return adminsSQL, args
	case q.GroupID != "":
		return peopleOfGroupSQL, []any{realm, q.After, string(q.GroupID), string(q.Status), q.NamePrefix, q.NamePrefix + afterAll, q.Admins, q.Limit}
	case q.NamePrefix != "":
		return peopleByNameSQL, args
	case q.Status == model.IdentitySuspended:
		return suspendedSQL, args
	default:
		return peopleSQL, args
	}
}

const (
	hasPasskey = `EXISTS (SELECT 1 FROM passkey p WHERE p.realm_id = $1 AND p.identity_id = $2 AND p.revoked_at = 0)`

	// Whoever is an admin and has a passkey, beside this one.
	otherAdmin = `EXISTS (SELECT 1 FROM identity o JOIN passkey p ON p.realm_id = o.realm_id AND p.identity_id = o.id
  WHERE o.realm_id || '' = $1 AND o.id > '' AND o.id <> $2 AND o.admin_since > 0 AND o.status = 'active' AND p.revoked_at = 0)`

	stopAdminSQL = updateIdentitySQL + ` AND (NOT ` + hasPasskey + ` OR ` + otherAdmin + `)`
	lastAdminSQL = `SELECT id FROM identity WHERE realm_id = $1 AND id = $2 AND ` + hasPasskey + ` AND NOT ` + otherAdmin
)

// StopAdmin implements the directory service's store. Two who stop each other at
// once decide by rows that the other writes.
func (s *Store) StopAdmin(ctx context.Context, i model.Identity, fx model.Effects) error {
	u := unit{serializable: true}
	if err := u.updateIdentity(stopAdminSQL, i); err != nil {
		return err
	}
	return wrap(s.write(ctx, &u, fx), "update identity", i.ID)
}

// LastAdmin implements the directory service's store.
func (s *Store) LastAdmin(ctx context.Context, realm model.RealmID, id model.IdentityID) (bool, error) {
	_, err := readOne(ctx, s, row.text, lastAdminSQL, realm, id)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, wrap(err, "find other admins than", id)
}

const (
	takeIdentitySQL = `
UPDATE identity SET version = version + 1 WHERE realm_id = $1 AND id = $2 AND version = $3 AND status = 'suspended'`

	// The sweeper removes sessions: until then they say whom to tell that they ended.
	endSessionsOfIdentitySQL = `
UPDATE session SET ended_at = CASE WHEN ended_at = 0 THEN $3 ELSE ended_at END, user_agent = ''
WHERE realm_id = $1 AND identity_id = $2`

	deleteIdentitySQL = `DELETE FROM identity WHERE realm_id = $1 AND id = $2`
)

// deleteOfIdentitySQL is what is only there because of an identity. A test holds it
// against the schema.
var deleteOfIdentitySQL = []string{
	`DELETE FROM passkey WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM binding_job WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM recovery_code WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM password WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM group_member WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM role_member WHERE realm_id = $1 AND member_id = $2`,
	`DELETE FROM consent WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM allowance WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM asker WHERE realm_id = $1 AND identity_id = $2`,
	`DELETE FROM approved_asker WHERE realm_id = $1 AND identity_id = $2`,
}

// DeleteIdentity implements the directory service's store.
func (s *Store) DeleteIdentity(ctx context.Context, r directory.Removal, fx model.Effects) error {
	u := unit{alone: true}
	u.expect(model.ErrConflict, takeIdentitySQL, r.RealmID, r.ID, r.Version)
	u.locks(lockRow, string(r.ID))
	u.do(endSessionsOfIdentitySQL, r.RealmID, r.ID, r.At)
	for _, sql := range deleteOfIdentitySQL {
		u.do(sql, r.RealmID, r.ID)
	}
	u.do(deleteIdentitySQL, r.RealmID, r.ID)
	return wrap(s.write(ctx, &u, fx), "delete identity", r.ID)
}

const revokeBindingJobsSQL = `
UPDATE binding_job SET state = 'REVOKED', updated_at = $3
WHERE realm_id = $1 AND identity_id = $2 AND state IN ('LINK_SENT', 'LINK_OPENED')`

var errNoLinks = errors.New("there are no open links")

// RevokeBindingJobs implements the directory service's store. Where nothing is to
// be taken back, no effects are written.
func (s *Store) RevokeBindingJobs(ctx context.Context, realm model.RealmID, id model.IdentityID, at model.Millis, fx model.Effects) error {
	u := unit{alone: true}
	u.expect(errNoLinks, revokeBindingJobsSQL, realm, id, at)
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errNoLinks) {
		return nil
	}
	return wrap(err, "revoke the binding jobs of identity", id)
}
