package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	joinSessionSQL = `
INSERT INTO session_application (realm_id, session_id, application_id) VALUES ($1, $2, $3)
ON CONFLICT (realm_id, session_id, application_id) DO NOTHING`

	sessionApplicationsSQL = `
SELECT application_id FROM session_application WHERE realm_id = $1 AND session_id = $2 ORDER BY application_id`

	sessionColumns = `
SELECT realm_id, id, digest, identity_id, passkey_id, auth_time, last_seen_at, expires_at,
  idle_until, ended_at, user_agent, earlier
FROM session WHERE realm_id = $1`
	sessionsOfIdentitySQL = sessionColumns + ` AND identity_id = $2 AND expires_at > $3 ORDER BY auth_time, id`
)

// joinSession notes that an application was given something in a session.
func (u *unit) joinSession(g *model.Grant) {
	if id := g.Terms.SessionID; id != "" {
		u.do(joinSessionSQL, g.RealmID, string(id), g.ApplicationID)
		u.locks(lockJoined, string(id)+" "+string(g.ApplicationID))
	}
}

// SessionApplications implements the logout service's store.
func (s *Store) SessionApplications(ctx context.Context, realm model.RealmID, id model.SessionID) ([]model.ClientID, error) {
	scan := func(r row) model.ClientID { return model.ClientID(r.text()) }
	list, err := readAll(ctx, s, scan, sessionApplicationsSQL, realm, string(id))
	return list, wrap(err, "list the applications of session", id)
}

// Sessions implements the logout service's store.
func (s *Store) Sessions(ctx context.Context, realm model.RealmID, id model.IdentityID, now model.Millis) ([]model.Session, error) {
	list, err := readAll(ctx, s, scanSession, sessionsOfIdentitySQL, realm, id, now)
	return list, wrap(err, "list the sessions of identity", id)
}

// Record implements the logout service's store.
func (s *Store) Record(ctx context.Context, fx model.Effects) error {
	return wrap(s.write(ctx, new(unit), fx), "record effects", "")
}
