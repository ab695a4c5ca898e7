package store

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

const (
	grantColumns = `realm_id, id, kind, identity_id, application_id, approval_id, session_id, parent_id,
  scope, terms, refresh, refreshed_at, created_at, expires_at, revoked_at`

	grantSQL = `SELECT ` + grantColumns + ` FROM access_grant WHERE realm_id = $1 AND id = $2`

	insertGrantSQL = `
INSERT INTO access_grant (` + grantColumns + `)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15`

	// What was decided before everything of the realm, the application or the
	// person was revoked gives nothing any more, nor does a session that ended, nor
	// a person who is not there any more.
	openGrantSQL = insertGrantSQL + `
WHERE NOT EXISTS (SELECT 1 FROM session WHERE realm_id = $1 AND id = $7 AND ended_at > 0)
AND ($16 = 0
  OR NOT EXISTS (SELECT 1 FROM realm WHERE id = $1 AND tokens_invalid_before >= $16)
  AND NOT EXISTS (SELECT 1 FROM application WHERE realm_id = $1 AND id = $5 AND tokens_invalid_before >= $16)
  AND ($4 = '' OR EXISTS (SELECT 1 FROM identity WHERE realm_id = $1 AND id = $4 AND tokens_invalid_before < $16)))
ON CONFLICT (realm_id, id) DO NOTHING`

	// Changes nothing, but takes the parent's row: whoever revokes the parent
	// comes before, and this finds it revoked, or after, and then finds the child.
	underParentSQL = `
UPDATE access_grant SET revoked_at = revoked_at WHERE realm_id = $1 AND id = $2 AND revoked_at = 0`

	// Comes after the parent's row was taken: of who revokes its access tokens and who
	// opens a grant for one of them, the second sees what the first did.
	underTokensSQL = `
UPDATE access_grant SET revoked_at = revoked_at WHERE realm_id = $1 AND id = $2
AND NOT EXISTS (SELECT 1 FROM revocation WHERE realm_id = $1 AND kind = 'grant_tokens' AND subject = $2 AND before_at >= $3)`

	// Values and not NOT EXISTS: PostgreSQL would join these tables to the one row
	// and, before it knows how large they are, read all of the realm for that.
	refreshGrantSQL = `
UPDATE access_grant SET refresh = refresh + 1, refreshed_at = $4, expires_at = $5
WHERE realm_id = $1 AND id = $2 AND refresh = $3 AND refresh > 0 AND revoked_at = 0 AND expires_at > $4
AND coalesce((SELECT ended_at FROM session WHERE realm_id = $1 AND id = access_grant.session_id), 0) <= 0
AND coalesce((SELECT tokens_invalid_before FROM realm WHERE id = $1), -1) < access_grant.created_at
AND coalesce((SELECT tokens_invalid_before FROM application
  WHERE realm_id = $1 AND id = access_grant.application_id), -1) < access_grant.created_at
AND coalesce((SELECT tokens_invalid_before FROM identity
  WHERE realm_id = $1 AND id = access_grant.identity_id), -1) < access_grant.created_at`
)

func scanGrant(bad *error) func(row) model.Grant {
	return func(r row) model.Grant {
		g := model.Grant{
			RealmID: model.RealmID(r.text()), ID: model.GrantID(r.text()), Kind: r.text(),
			IdentityID: model.IdentityID(r.text()), ApplicationID: model.ClientID(r.text()),
			ApprovalID: model.ApprovalID(r.text()), SessionID: model.SessionID(r.text()),
			ParentID: model.GrantID(r.text()), Scope: r.text(),
		}
		decode(r.text(), &g.Terms, bad)
		g.Refresh, g.RefreshedAt = r.int(), millis(r)
		g.CreatedAt, g.ExpiresAt, g.RevokedAt = millis(r), millis(r), millis(r)
		return g
	}
}

// grantArgs are the columns of a grant in their order.
func grantArgs(g *model.Grant) ([]any, error) {
	terms, err := json.Marshal(&g.Terms)
	if err != nil {
		return nil, wrap(err, "encode the terms of grant", g.ID)
	}
	return []any{g.RealmID, string(g.ID), g.Kind, g.IdentityID, g.ApplicationID, g.ApprovalID, string(g.SessionID),
		string(g.ParentID), g.Scope, string(terms), g.Refresh, g.RefreshedAt, g.CreatedAt, g.ExpiresAt, g.RevokedAt}, nil
}

// Grant implements the OAuth service's store.
func (s *Store) Grant(ctx context.Context, realm model.RealmID, id model.GrantID) (model.Grant, error) {
	var bad error
	g, err := readOne(ctx, s, scanGrant(&bad), grantSQL, realm, string(id))
	return g, wrap(first(err, bad), "read grant", id)
}

// OpenGrant implements the OAuth service's store.
func (s *Store) OpenGrant(ctx context.Context, o oauth.Opening, fx model.Effects) error {
	var u unit
	u.useUp(o.Once)
	if err := u.openGrant(&o); err != nil {
		return err
	}
	return wrap(s.write(ctx, &u, fx), "open grant", o.Grant.ID)
}

// useUp fails the unit with ErrConflict if the thing was used before.
func (u *unit) useUp(once *model.Once) {
	if once == nil {
		return
	}
	u.expect(model.ErrConflict, consumeSQL, once.RealmID, once.Namespace, once.Digest[:], once.Until)
	u.locks(lockOnce, string(once.Digest[:]))
}

// openGrant fails the unit with ErrConflict if the right to the grant is gone.
func (u *unit) openGrant(o *oauth.Opening) error {
	args, err := grantArgs(&o.Grant)
	if err != nil {
		return err
	}
	if o.Grant.ParentID != "" {
		u.expect(model.ErrConflict, underParentSQL, o.Grant.RealmID, string(o.Grant.ParentID))
		u.locks(lockGrant, string(o.Grant.ParentID))
	}
	if g := &o.Grant; g.IdentityID != "" {
		u.expect(model.ErrConflict, useAllowanceSQL, g.RealmID, g.IdentityID, g.ApplicationID, g.CreatedAt, o.Decided)
		u.locks(lockJoined, consentName(model.Consent{IdentityID: g.IdentityID, ApplicationID: g.ApplicationID}))
	}
	if o.ForToken {
		u.expect(model.ErrConflict, underTokensSQL, o.Grant.RealmID, string(o.Grant.ParentID), o.Decided)
	}
	u.expect(model.ErrConflict, openGrantSQL, append(args, o.Decided)...)
	u.joinSession(&o.Grant)
	return nil
}

// RefreshGrant implements the OAuth service's store.
func (s *Store) RefreshGrant(ctx context.Context, r model.Refreshing, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, refreshGrantSQL, r.RealmID, string(r.ID), r.From, r.At, r.Expires)
	u.locks(lockGrant, string(r.ID))
	return wrap(s.write(ctx, &u, fx), "refresh grant", r.ID)
}
