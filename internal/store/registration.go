package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	// Keys that are not put back in between are deleted.
	doubtApplicationKeysSQL     = `UPDATE application_key SET retire_at = -1 WHERE realm_id = $1 AND application_id = $2`
	deleteDoubtfulKeysSQL       = deleteApplicationKeysSQL + ` AND retire_at = -1`
	deleteApplicationKeysSQL    = `DELETE FROM application_key WHERE realm_id = $1 AND application_id = $2`
	deleteApplicationSecretsSQL = `DELETE FROM application_secret WHERE realm_id = $1 AND application_id = $2`
	deleteApplicationSQL        = `DELETE FROM application WHERE realm_id = $1 AND id = $2`

	// realm_id || '' is realm_id, and keeps SQLite from looking through the whole
	// realm: the primary key begins with it, the index with the application.
	deleteConsentsSQL = `DELETE FROM consent WHERE realm_id || '' = $1 AND application_id = $2`

	// Takes the row before those that refer to it, as an update does.
	takeApplicationSQL = `UPDATE application SET version = version + 1 WHERE realm_id = $1 AND id = $2`

	// One that an operator stopped stays: gone, it could come back by itself.
	takeIdleSQL = takeApplicationSQL + ` AND origin IN ('dcr', 'cimd') AND status = 'active' AND created_at < $3
AND NOT EXISTS (SELECT 1 FROM access_grant g WHERE g.realm_id = application.realm_id
  AND g.application_id = application.id AND g.revoked_at = 0 AND g.expires_at > $3)`

	// A grant counts for as long as it had not ended at $1: so one that ended
	// just now keeps its application for as long as a new one is kept.
	idleRegistrationsSQL = `
SELECT realm_id, id FROM application
WHERE origin <> '' AND origin IN ('dcr', 'cimd') AND status = 'active' AND created_at < $1
AND NOT EXISTS (SELECT 1 FROM access_grant g WHERE g.realm_id = application.realm_id
  AND g.application_id = application.id AND g.revoked_at = 0 AND g.expires_at > $1)
ORDER BY created_at, realm_id, id LIMIT $2`
)

// UpdateRegistration writes an application with its keys and secrets in place
// of those that were there, if the stored version is a.Version, and makes it
// a.Version+1; [model.ErrConflict] otherwise.
func (s *Store) UpdateRegistration(ctx context.Context, a model.Application, fx model.Effects) error {
	var u unit
	if err := u.updateApplication(&a); err != nil {
		return err
	}
	u.do(doubtApplicationKeysSQL, a.RealmID, a.ID)
	u.do(deleteApplicationSecretsSQL, a.RealmID, a.ID)
	u.insertMembers(&a, putApplicationKeySQL)
	u.do(deleteDoubtfulKeysSQL, a.RealmID, a.ID)
	return wrap(s.write(ctx, &u, fx), "update the registration of application", a.ID)
}

// DeleteApplication removes an application with its keys, its secrets and what
// people agreed to for it; [model.ErrNotFound] if there is none. Its grants are
// for the caller to revoke before.
func (s *Store) DeleteApplication(ctx context.Context, realm model.RealmID, id model.ClientID, _ model.Millis, fx model.Effects) error {
	u := unit{alone: true} // several in one transaction would all take the row before one removes it
	u.expect(model.ErrNotFound, takeApplicationSQL, realm, id)
	u.locks(lockRow, string(id))
	u.deleteApplication(realm, id)
	return wrap(s.write(ctx, &u, fx), "delete application", id)
}

func (u *unit) deleteApplication(realm model.RealmID, id model.ClientID) {
	for _, sql := range []string{deleteApplicationKeysSQL, deleteApplicationSecretsSQL, deleteConsentsSQL, deleteApplicationSQL} {
		u.do(sql, realm, id)
	}
}

// ReapRegistration removes an application as DeleteApplication does, if it is
// one that IdleRegistrations lists; [model.ErrNotFound] otherwise.
func (s *Store) ReapRegistration(ctx context.Context, realm model.RealmID, id model.ClientID, olderThan model.Millis, fx model.Effects) error {
	u := unit{alone: true} // as for DeleteApplication
	u.expect(model.ErrNotFound, takeIdleSQL, realm, id, olderThan)
	u.locks(lockRow, string(id))
	u.deleteApplication(realm, id)
	return wrap(s.write(ctx, &u, fx), "reap application", id)
}

// IdleRegistrations lists applications that came to be by themselves (dynamic
// registration, metadata document) before olderThan, that nobody stopped, and
// that have no grant which is alive then or later, oldest first. RealmID and ID
// are filled in.
func (s *Store) IdleRegistrations(ctx context.Context, olderThan model.Millis, limit int) ([]model.Application, error) {
	scan := func(r row) model.Application {
		return model.Application{RealmID: model.RealmID(r.text()), ID: model.ClientID(r.text())}
	}
	list, err := readAll(ctx, s, scan, idleRegistrationsSQL, olderThan, limit)
	return list, wrap(err, "list idle registrations", "")
}
