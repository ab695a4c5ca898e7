package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// ofRealm are the tables with rows of realms, those that others refer to last. A
// test holds the list against the schema.
var ofRealm = []string{
	"role_member", "resource_role", "group_member", "people_group", "recovery_code", "password", "binding_job", "passkey",
	"session_application", "session", "approval", "asker", "approved_asker", "consent", "allowance", "access_grant", "opaque_token", "parked",
	"device_request", "consumed", "revocation", "idempotent", "outbox", "event",
	"application_key", "application_secret", "application", "authenticator_config", "identity",
	"signing_key", "realm_secret", "realm_logo",
}

const (
	// Changes nothing of it, but takes the row, and finds out whether it may go.
	deletableRealmSQL = `
UPDATE realm SET updated_at = updated_at WHERE id = $1 AND version = $2 AND status = 'disabled' AND NOT is_default`
	deleteRealmSQL = `DELETE FROM realm WHERE id = $1`
)

// DeleteRealm implements the realm service's store: everything of the realm goes in
// one transaction, or nothing.
func (s *Store) DeleteRealm(ctx context.Context, r model.Realm, fx model.Effects) error {
	u := unit{alone: true}
	u.expect(model.ErrConflict, deletableRealmSQL, r.ID, r.Version)
	u.locks(lockRow, string(r.ID))
	for _, table := range ofRealm {
		u.do(`DELETE FROM `+table+` WHERE realm_id = $1`, r.ID)
	}
	u.do(deleteRealmSQL, r.ID)
	return wrap(s.write(ctx, &u, fx), "delete realm", r.ID)
}
