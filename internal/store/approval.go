package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

const (
	// Whoever asks takes the row of this person and application first. The
	// count that follows sees everything that was committed under that lock, so
	// the limit holds without SERIALIZABLE and its false alarms.
	askSQL = `
INSERT INTO asker (realm_id, identity_id, application_id, asked) VALUES ($1, $2, $3, 1)
ON CONFLICT (realm_id, identity_id, application_id) DO UPDATE SET asked = asker.asked + 1`

	insertApprovalSQL = `
INSERT INTO approval (realm_id, id, kind, state, identity_id, application_id, statement, statement_hash,
  auth_req_digest, poll_interval, first_time, created_at, expires_at, ended_at, evidence, grant_id,
  fulfilled_at, redeemed_at, ping)
SELECT $1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9,
  $10 AND NOT EXISTS (SELECT 1 FROM approved_asker WHERE realm_id = $1 AND identity_id = $4 AND application_id = $5),
  $11, $12, 0, $13, '', 0, 0, $15
WHERE (SELECT count(*) FROM approval
  WHERE realm_id = $1 AND identity_id = $4 AND application_id = $5 AND ended_at < 1 AND expires_at > $11) < $14`
)

// CreateApproval implements the approval service's store. Whether it is the
// first time is decided where it is stored.
func (s *Store) CreateApproval(ctx context.Context, a model.Approval, maxPending int, fx model.Effects) error {
	var u unit
	u.do(askSQL, a.RealmID, a.IdentityID, a.ApplicationID)
	u.locks(lockAsker, string(a.IdentityID))
	u.expect(model.ErrTooMany, insertApprovalSQL, a.RealmID, a.ID, a.Kind, a.IdentityID, a.ApplicationID,
		filled(a.Statement), string(a.StatementHash), orNull(a.AuthReqDigest), a.Interval, a.FirstTime,
		a.CreatedAt, a.ExpiresAt, []byte{}, maxPending, orNull(a.Ping))
	return wrap(s.write(ctx, &u, fx), "create approval", a.ID)
}

const (
	approvalColumns = `
SELECT realm_id, id, kind, state, identity_id, application_id, statement, statement_hash, auth_req_digest,
  poll_interval, first_time, created_at, expires_at, ended_at, grant_id, fulfilled_at, redeemed_at, ping`
	oneApproval   = approvalColumns + `, evidence FROM approval WHERE `
	manyApprovals = approvalColumns + ` FROM approval WHERE `

	approvalSQL          = oneApproval + `realm_id = $1 AND id = $2`
	approvalByRequestSQL = oneApproval + `realm_id = $1 AND auth_req_digest = $2`

	// One person's. No index can find realm_id || '', so that a planner does not
	// walk through the realm's approvals by primary key, which have the right order.
	ofIdentity          = manyApprovals + `realm_id || '' = $1 AND identity_id = $2 AND `
	pendingApprovalsSQL = ofIdentity + `ended_at < 1
  AND expires_at > $3 AND (id < $4 OR $4 = '') ORDER BY id DESC LIMIT $5`
	endedApprovalsSQL       = ofIdentity + `ended_at > 0 ORDER BY id DESC LIMIT $3`
	endedApprovalsBeforeSQL = ofIdentity + `ended_at > 0 AND id < $3 ORDER BY id DESC LIMIT $4`

	dueApprovalsSQL = manyApprovals + `ended_at = 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2`
)

func scanApproval(r row) model.Approval {
	a := scanListedApproval(r)
	a.Evidence = r.bytes()
	return a
}

// scanListedApproval leaves out the evidence, which lists do not show.
func scanListedApproval(r row) model.Approval {
	return model.Approval{
		RealmID: model.RealmID(r.text()), ID: model.ApprovalID(r.text()), Kind: r.text(),
		State: model.ApprovalState(r.text()), IdentityID: model.IdentityID(r.text()), ApplicationID: model.ClientID(r.text()),
		Statement: r.bytes(), StatementHash: model.StatementHash(r.text()), AuthReqDigest: r.bytes(),
		Interval: int(r.int()), FirstTime: r.bool(), CreatedAt: millis(r), ExpiresAt: millis(r), EndedAt: millis(r),
		GrantID: model.GrantID(r.text()), FulfilledAt: millis(r), RedeemedAt: millis(r), Ping: r.bytes(),
	}
}

// Approval implements the approval service's store.
func (s *Store) Approval(ctx context.Context, realm model.RealmID, id model.ApprovalID) (model.Approval, error) {
	a, err := readOne(ctx, s, scanApproval, approvalSQL, realm, id)
	return a, wrap(err, "read approval", id)
}

// ApprovalByRequest implements the approval service's store.
func (s *Store) ApprovalByRequest(ctx context.Context, realm model.RealmID, authReqDigest []byte) (model.Approval, error) {
	a, err := readOne(ctx, s, scanApproval, approvalByRequestSQL, realm, filled(authReqDigest))
	return a, wrap(err, "find an approval of realm", realm)
}

// Approvals implements the approval service's store.
func (s *Store) Approvals(ctx context.Context, q approval.Query) ([]model.Approval, error) {
	sql, args := endedApprovalsSQL, []any{q.RealmID, q.IdentityID, q.Limit}
	switch {
	case q.Pending:
		sql, args = pendingApprovalsSQL, []any{q.RealmID, q.IdentityID, q.Now, q.Before, q.Limit}
	case q.Before != "":
		sql, args = endedApprovalsBeforeSQL, []any{q.RealmID, q.IdentityID, q.Before, q.Limit}
	}
	list, err := readAll(ctx, s, scanListedApproval, sql, args...)
	return list, wrap(err, "list approvals of identity", q.IdentityID)
}

const (
	endApprovalSQL = `
UPDATE approval SET state = $3, ended_at = $4, evidence = $5, ping = NULL
WHERE realm_id = $1 AND id = $2 AND state = 'pending'`
	decideApprovalSQL = endApprovalSQL + ` AND expires_at > $4`

	noteApprovedSQL = `
INSERT INTO approved_asker (realm_id, identity_id, application_id, approved_at)
SELECT realm_id, identity_id, application_id, $3 FROM approval WHERE realm_id = $1 AND id = $2
ON CONFLICT (realm_id, identity_id, application_id) DO NOTHING`

	approvalExistsSQL = `SELECT id FROM approval WHERE realm_id = $1 AND id = $2`
)

// EndApproval implements the approval service's store.
func (s *Store) EndApproval(ctx context.Context, e model.Ending, fx model.Effects) error {
	sql := endApprovalSQL
	if e.State == model.ApprovalApproved || e.State == model.ApprovalDenied {
		sql = decideApprovalSQL
	}
	var u unit
	u.expect(model.ErrConflict, sql, e.RealmID, e.ID, string(e.State), e.At, filled(e.Evidence))
	u.locks(lockRow, string(e.ID))
	if e.Passkey != nil {
		u.usePasskey(*e.Passkey)
	}
	if e.State == model.ApprovalApproved {
		u.do(noteApprovedSQL, e.RealmID, e.ID, e.At)
	}
	err := s.lostOrMissing(ctx, s.write(ctx, &u, fx), approvalExistsSQL, e.RealmID, e.ID)
	return wrap(err, "end approval", e.ID)
}

const (
	// What was decided before everything of the realm, the application or the
	// person was revoked gives nothing any more. The gate said so too, but from
	// memory that may be a moment old on this node. A person who is not there any more
	// is given nothing. Why values and not NOT EXISTS:
	// refreshGrantSQL says it.
	fulfilApprovalSQL = `
UPDATE approval SET state = 'fulfilled', grant_id = $3, fulfilled_at = $4
WHERE realm_id = $1 AND id = $2 AND state = 'approved'
AND coalesce((SELECT tokens_invalid_before FROM realm WHERE id = $1), -1) < approval.ended_at
AND coalesce((SELECT tokens_invalid_before FROM application
  WHERE realm_id = $1 AND id = approval.application_id), -1) < approval.ended_at
AND coalesce((SELECT tokens_invalid_before FROM identity
  WHERE realm_id = $1 AND id = approval.identity_id), approval.ended_at) < approval.ended_at
AND coalesce((SELECT disallowed_at FROM allowance WHERE realm_id = $1 AND identity_id = approval.identity_id
  AND application_id = approval.application_id), -1) < approval.ended_at`
)

// FulfilApproval implements the approval service's store.
func (s *Store) FulfilApproval(ctx context.Context, g model.Grant, at model.Millis, fx model.Effects) error {
	args, err := grantArgs(&g)
	if err != nil {
		return err
	}
	var u unit
	u.expect(model.ErrConflict, fulfilApprovalSQL, g.RealmID, g.ApprovalID, string(g.ID), at)
	u.locks(lockRow, string(g.ApprovalID))
	u.do(insertGrantSQL, args...)
	err = s.lostOrMissing(ctx, s.write(ctx, &u, fx), approvalExistsSQL, g.RealmID, g.ApprovalID)
	return wrap(err, "fulfil approval", g.ApprovalID)
}

const redeemApprovalSQL = `
UPDATE approval SET redeemed_at = $3
WHERE realm_id = $1 AND id = $2 AND state = 'fulfilled' AND redeemed_at = 0`

// RedeemApproval implements the approval service's store.
func (s *Store) RedeemApproval(ctx context.Context, realm model.RealmID, id model.ApprovalID, at model.Millis, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, redeemApprovalSQL, realm, id, at)
	u.locks(lockRow, string(id))
	err := s.lostOrMissing(ctx, s.write(ctx, &u, fx), approvalExistsSQL+` AND state = 'fulfilled'`, realm, id)
	return wrap(err, "redeem approval", id)
}

// DueApprovals implements the approval service's store.
func (s *Store) DueApprovals(ctx context.Context, now model.Millis, limit int) ([]model.Approval, error) {
	list, err := readAll(ctx, s, scanListedApproval, dueApprovalsSQL, now, limit)
	return list, wrap(err, "list due approvals", "")
}
