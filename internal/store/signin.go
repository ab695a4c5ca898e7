package store

import (
	"context"
	"errors"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// PasskeyByCredential implements the sign-in service's store.
func (s *Store) PasskeyByCredential(ctx context.Context, realm model.RealmID, credentialID []byte) (model.Passkey, error) {
	p, err := readOne(ctx, s, scanPasskey, passkeyByCredentialSQL, realm, filled(credentialID))
	return p, wrap(err, "find a passkey of realm", realm)
}

const (
	insertSessionSQL = `
INSERT INTO session (realm_id, id, digest, identity_id, passkey_id, auth_time, last_seen_at, expires_at,
  idle_until, ended_at, user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

	// Who signs in again in a session that lives keeps it, under a new cookie. It
	// goes on to depend on what opened it before.
	openSessionSQL = insertSessionSQL + `
ON CONFLICT (realm_id, id) DO UPDATE SET digest = excluded.digest, passkey_id = excluded.passkey_id,
  earlier = CASE
    WHEN session.passkey_id = excluded.passkey_id OR session.earlier || ' ' LIKE '% ' || session.passkey_id || ' %' THEN session.earlier
    ELSE session.earlier || ' ' || session.passkey_id END,
  auth_time = excluded.auth_time, last_seen_at = excluded.last_seen_at, expires_at = excluded.expires_at,
  idle_until = excluded.idle_until, user_agent = excluded.user_agent
WHERE session.identity_id = excluded.identity_id AND session.ended_at = 0`

	sessionByDigestSQL = `
SELECT realm_id, id, digest, identity_id, passkey_id, auth_time, last_seen_at, expires_at,
  idle_until, ended_at, user_agent, earlier
FROM session WHERE realm_id = $1 AND digest = $2`

	touchSessionSQL = `
UPDATE session SET
  last_seen_at = CASE WHEN last_seen_at > $3 THEN last_seen_at ELSE $3 END,
  idle_until = CASE WHEN idle_until > $4 THEN idle_until ELSE $4 END
WHERE realm_id = $1 AND id = $2 AND ended_at = 0 AND (last_seen_at < $3 OR idle_until < $4)`

	endSessionSQL = `
UPDATE session SET ended_at = $3 WHERE realm_id = $1 AND id = $2 AND ended_at = 0`
)

func sessionArgs(s model.Session) []any {
	return []any{s.RealmID, string(s.ID), filled(s.Digest), s.IdentityID, string(s.PasskeyID), s.AuthTime,
		s.LastSeenAt, s.ExpiresAt, s.IdleUntil, s.EndedAt, s.UserAgent}
}

func (u *unit) insertSession(s model.Session) { u.do(insertSessionSQL, sessionArgs(s)...) }

// SignIn implements the sign-in service's store. A session that is there already
// is opened anew.
func (s *Store) SignIn(ctx context.Context, once model.Once, session model.Session, use model.PasskeyUse, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, consumeSQL, once.RealmID, once.Namespace, once.Digest[:], once.Until)
	u.locks(lockOnce, string(once.Digest[:]))
	u.expect(model.ErrConflict, openSessionSQL, sessionArgs(session)...)
	u.locks(lockRow, string(session.ID))
	u.usePasskey(use)
	return wrap(s.write(ctx, &u, fx), "sign in with passkey", use.ID)
}

func scanSession(r row) model.Session {
	return model.Session{
		RealmID: model.RealmID(r.text()), ID: model.SessionID(r.text()), Digest: r.bytes(),
		IdentityID: model.IdentityID(r.text()), PasskeyID: model.PasskeyID(r.text()), AuthTime: millis(r),
		LastSeenAt: millis(r), ExpiresAt: millis(r), IdleUntil: millis(r), EndedAt: millis(r), UserAgent: r.text(),
		Earlier: scanEarlier(r.text()),
	}
}

// scanEarlier reads ids that each come after a space.
func scanEarlier(text string) []model.PasskeyID {
	var list []model.PasskeyID
	for id := range strings.SplitSeq(text, " ") {
		list = append(list, model.PasskeyID(id))
	}
	if len(list) == 1 {
		return nil
	}
	return list[1:]
}

// SessionByDigest implements the sign-in service's store.
func (s *Store) SessionByDigest(ctx context.Context, realm model.RealmID, digest []byte) (model.Session, error) {
	v, err := readOne(ctx, s, scanSession, sessionByDigestSQL, realm, filled(digest))
	return v, wrap(err, "find a session of realm", realm)
}

const sessionWithIdentitySQL = `
SELECT s.realm_id, s.id, s.digest, s.identity_id, s.passkey_id, s.auth_time, s.last_seen_at, s.expires_at,
  s.idle_until, s.ended_at, s.user_agent, s.earlier,
  i.realm_id, i.id, i.display_name, i.status, i.traits, i.tokens_invalid_before, i.created_at, i.updated_at, i.version,
  i.admin_since
FROM session s JOIN identity i ON i.realm_id = s.realm_id AND i.id = s.identity_id
WHERE s.realm_id = $1 AND s.digest = $2`

// SessionWithIdentity implements the sign-in service's store. Both come in one
// row: every request of a person begins with them.
func (s *Store) SessionWithIdentity(ctx context.Context, realm model.RealmID, digest []byte) (model.Session, model.Identity, error) {
	type both struct {
		session  model.Session
		identity model.Identity
	}
	var bad error
	identity := scanIdentity(&bad)
	scan := func(r row) (b both) {
		b.session = scanSession(r)
		b.identity = identity(r)
		return b
	}
	b, err := readOne(ctx, s, scan, sessionWithIdentitySQL, realm, filled(digest))
	return b.session, b.identity, wrap(first(err, bad), "find a session of realm", realm)
}

// TouchSession implements the sign-in service's store. A session that ended,
// or that was seen later already, stays as it is.
func (s *Store) TouchSession(ctx context.Context, realm model.RealmID, id model.SessionID, seen, idleUntil model.Millis) error {
	var u unit
	u.do(touchSessionSQL, realm, string(id), seen, idleUntil)
	u.locks(lockRow, string(id))
	return wrap(s.write(ctx, &u, model.Effects{}), "touch session", id)
}

// EndSession implements the sign-in service's store. Ending it again changes
// nothing and writes no effects.
func (s *Store) EndSession(ctx context.Context, realm model.RealmID, id model.SessionID, at model.Millis, fx model.Effects) error {
	var u unit
	u.expect(errEndedAlready, endSessionSQL, realm, string(id), at)
	u.locks(lockRow, string(id))
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errEndedAlready) {
		_, err = readOne(ctx, s, row.text, `SELECT id FROM session WHERE realm_id = $1 AND id = $2`, realm, id)
	}
	return wrap(err, "end session", id)
}

var errEndedAlready = errors.New("ended already")
