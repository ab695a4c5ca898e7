package store

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
)

const (
	authenticatorConfigColumns = `
SELECT realm_id, id, name, settings, created_at, updated_at, version
FROM authenticator_config WHERE realm_id = $1`
	authenticatorConfigSQL  = authenticatorConfigColumns + ` AND id = $2`
	authenticatorConfigsSQL = authenticatorConfigColumns + ` ORDER BY id`

	insertAuthenticatorConfigSQL = `
INSERT INTO authenticator_config (realm_id, id, name, settings, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

	updateAuthenticatorConfigSQL = `
UPDATE authenticator_config SET name = $4, settings = $5, updated_at = $6, version = version + 1
WHERE realm_id = $1 AND id = $2 AND version = $3`

	revokeConfigJobsSQL = `
UPDATE binding_job SET state = 'REVOKED', updated_at = $3
WHERE realm_id = $1 AND authenticator_config_id = $2 AND state IN ('LINK_SENT', 'LINK_OPENED') AND expires_at > $3`

	// Changes nothing, but takes the row: whoever names the config waits for whoever
	// deletes it, and the other way round. $3 is the version that is meant; 0: any.
	takeAuthenticatorConfigSQL = `
UPDATE authenticator_config SET version = version WHERE realm_id = $1 AND id = $2 AND ($3 = 0 OR version = $3)`

	// Settings are written by encoding/json, which puts no space between a name and
	// its value and escapes every quote within a text. A job that is over needs it
	// no more.
	deleteAuthenticatorConfigSQL = `
DELETE FROM authenticator_config WHERE realm_id = $1 AND id = $2
AND NOT EXISTS (SELECT 1 FROM application WHERE realm_id = $1 AND settings LIKE '%"authenticator_config_id":"' || $2 || '"%')
AND NOT EXISTS (SELECT 1 FROM binding_job WHERE realm_id = $1 AND authenticator_config_id = $2
  AND state IN ('LINK_SENT', 'LINK_OPENED') AND expires_at > $3)`
)

func scanAuthenticatorConfig(bad *error) func(row) model.AuthenticatorConfig {
	return func(r row) model.AuthenticatorConfig {
		c := model.AuthenticatorConfig{RealmID: model.RealmID(r.text()), ID: model.AuthenticatorConfigID(r.text()), Name: r.text()}
		decode(r.text(), &c.Settings, bad)
		c.CreatedAt, c.UpdatedAt, c.Version = millis(r), millis(r), r.int()
		return c
	}
}

// AuthenticatorConfigs implements the authenticator service's store.
func (s *Store) AuthenticatorConfigs(ctx context.Context, realm model.RealmID) ([]model.AuthenticatorConfig, error) {
	var bad error
	l := rowsOf(scanAuthenticatorConfig(&bad))
	err := s.db.read(ctx, step{sql: authenticatorConfigsSQL, args: []any{realm}, rows: l})
	return l.got, wrap(first(err, bad), "list authenticator configs of realm", realm)
}

// AuthenticatorConfig implements the authenticator service's store.
func (s *Store) AuthenticatorConfig(ctx context.Context, realm model.RealmID, id model.AuthenticatorConfigID) (model.AuthenticatorConfig, error) {
	var bad error
	c, err := readOne(ctx, s, scanAuthenticatorConfig(&bad), authenticatorConfigSQL, realm, id)
	return c, wrap(first(err, bad), "read authenticator config", id)
}

// CreateAuthenticatorConfig implements the authenticator service's store.
func (s *Store) CreateAuthenticatorConfig(ctx context.Context, c model.AuthenticatorConfig, fx model.Effects) error {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return wrap(err, "encode the settings of authenticator config", c.ID)
	}
	var u unit
	u.do(insertAuthenticatorConfigSQL, c.RealmID, c.ID, c.Name, string(settings), c.CreatedAt, c.UpdatedAt, c.Version)
	return wrap(s.write(ctx, &u, fx), "create authenticator config", c.ID)
}

// UpdateAuthenticatorConfig implements the authenticator service's store.
func (s *Store) UpdateAuthenticatorConfig(ctx context.Context, c model.AuthenticatorConfig, moved bool, fx model.Effects) error {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return wrap(err, "encode the settings of authenticator config", c.ID)
	}
	var u unit
	u.expect(model.ErrConflict, updateAuthenticatorConfigSQL, c.RealmID, c.ID, c.Version, c.Name, string(settings), c.UpdatedAt)
	u.locks(lockRow, string(c.ID))
	if moved {
		// A statement of its own, which sees what was committed while the row was
		// waited for: whoever makes a job takes the row, too.
		u.do(revokeConfigJobsSQL, c.RealmID, c.ID, c.UpdatedAt)
	}
	return wrap(s.write(ctx, &u, fx), "update authenticator config", c.ID)
}

// DeleteAuthenticatorConfig implements the authenticator service's store.
func (s *Store) DeleteAuthenticatorConfig(ctx context.Context, c model.AuthenticatorConfig, at model.Millis, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, takeAuthenticatorConfigSQL, c.RealmID, c.ID, c.Version)
	u.locks(lockRow, string(c.ID))
	// A statement of its own, which sees what was committed while the row was waited
	// for.
	u.expect(model.ErrConflict, deleteAuthenticatorConfigSQL, c.RealmID, c.ID, at)
	return wrap(s.write(ctx, &u, fx), "delete authenticator config", c.ID)
}

// holdAuthenticatorConfig fails a unit with ErrConflict that writes the name of a
// config which is not there when it commits.
func (u *unit) holdAuthenticatorConfig(realm model.RealmID, id model.AuthenticatorConfigID) {
	if id == "" {
		return
	}
	u.expect(model.ErrConflict, takeAuthenticatorConfigSQL, realm, id, 0)
	u.locks(lockJoined, string(id))
}
