package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

const (
	insertBindingJobSQL = `
INSERT INTO binding_job (realm_id, id, identity_id, token_digest, delivery_method, state, redirect_uri,
  authenticator_config_id, proof, created_by, failure, created_at, updated_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

	bindingJobColumns = `
SELECT realm_id, id, identity_id, token_digest, delivery_method, state, redirect_uri,
  authenticator_config_id, proof, created_by, failure, created_at, updated_at, expires_at
FROM binding_job WHERE realm_id = $1`
	bindingJobByTokenSQL = bindingJobColumns + ` AND token_digest = $2`
	bindingJobSQL        = bindingJobColumns + ` AND id = $2`
	bindingJobExistsSQL  = `SELECT id FROM binding_job WHERE realm_id = $1 AND id = $2`

	// A job that is open past its time is expired, whether or not anybody has
	// written that down ([model.BindingJob.StateAt]).
	bindingJobFilterSQL = `
  AND ($2 = '' OR id < $2) AND ($3 = '' OR delivery_method = $3)
  AND ($4 = '' OR $4 = CASE WHEN state IN ('LINK_SENT', 'LINK_OPENED') AND expires_at <= $5 THEN 'EXPIRED' ELSE state END)`
	bindingJobsSQL           = bindingJobColumns + bindingJobFilterSQL + ` ORDER BY id DESC LIMIT $6`
	bindingJobsOfIdentitySQL = bindingJobColumns + bindingJobFilterSQL + ` AND identity_id = $7 ORDER BY id DESC LIMIT $6`

	openBindingJobSQL = `
UPDATE binding_job SET updated_at = CASE WHEN state = 'LINK_SENT' THEN $3 ELSE updated_at END, state = 'LINK_OPENED'
WHERE realm_id = $1 AND id = $2 AND state IN ('LINK_SENT', 'LINK_OPENED') AND expires_at > $3`

	revokeBindingJobSQL = `
UPDATE binding_job SET state = 'REVOKED', updated_at = $3
WHERE realm_id = $1 AND id = $2 AND state IN ('LINK_SENT', 'LINK_OPENED') AND expires_at > $3`

	// Whoever has opened it got it: it was sent.
	failBindingJobSQL = `
UPDATE binding_job SET state = 'FAILED_TO_SEND', failure = $3, updated_at = $4
WHERE realm_id = $1 AND id = $2 AND state = 'LINK_SENT'`

	completeBindingSQL = `
UPDATE binding_job SET state = 'COMPLETE', updated_at = $4
WHERE realm_id = $1 AND id = $2 AND identity_id = $3
  AND state IN ('LINK_SENT', 'LINK_OPENED') AND expires_at > $4`

	// Who had a passkey once is no newcomer: revoked ones count too.
	completeFirstBindingSQL = completeBindingSQL + `
  AND NOT EXISTS (SELECT 1 FROM passkey p WHERE p.realm_id = $1 AND p.identity_id = $3)`

	// What was proved counts as long as a session counts that the same passkey opened
	// then.
	completeProvedBindingSQL = completeBindingSQL + `
  AND EXISTS (SELECT 1 FROM passkey p
    JOIN identity i ON i.realm_id = p.realm_id AND i.id = p.identity_id
    JOIN realm r ON r.id = p.realm_id
    WHERE p.realm_id = $1 AND p.id = $5 AND p.identity_id = $3 AND p.revoked_at = 0
      AND i.tokens_invalid_before < $6 AND r.tokens_invalid_before < $6)`

	// Whoever takes a way in away takes those with it that were only laid out. A link
	// for recovery is there for just that.
	revokeProvenJobsSQL = `
UPDATE binding_job SET state = 'REVOKED', updated_at = $3
WHERE realm_id = $1 AND identity_id = $2 AND state IN ('LINK_SENT', 'LINK_OPENED') AND proof = ''`

	// Of a person who never had a passkey a link is the first invitation: it works
	// again once they are active.
	revokeSuspendedJobsSQL = revokeProvenJobsSQL + ` AND created_at <= $4
  AND EXISTS (SELECT 1 FROM passkey p WHERE p.realm_id = $1 AND p.identity_id = $2)`
)

func (u *unit) insertBindingJob(j model.BindingJob) {
	u.do(insertBindingJobSQL, j.RealmID, string(j.ID), j.IdentityID, filled(j.TokenDigest), j.DeliveryMethod, string(j.State),
		j.RedirectURI, string(j.ConfigID), j.Proof, j.CreatedBy, j.Failure, j.CreatedAt, j.UpdatedAt, j.ExpiresAt)
}

func scanBindingJob(r row) model.BindingJob {
	return model.BindingJob{
		RealmID: model.RealmID(r.text()), ID: model.BindingJobID(r.text()), IdentityID: model.IdentityID(r.text()),
		TokenDigest: r.bytes(), DeliveryMethod: r.text(), State: model.BindingState(r.text()), RedirectURI: r.text(),
		ConfigID: model.AuthenticatorConfigID(r.text()), Proof: r.text(), CreatedBy: r.text(), Failure: r.text(),
		CreatedAt: millis(r), UpdatedAt: millis(r), ExpiresAt: millis(r),
	}
}

// CreateBindingJob implements the directory service's store.
func (s *Store) CreateBindingJob(ctx context.Context, j model.BindingJob, fx model.Effects) error {
	var u unit
	u.insertBindingJob(j)
	return wrap(s.write(ctx, &u, fx), "create binding job", j.ID)
}

// CreateBindingJobs implements the directory service's store.
func (s *Store) CreateBindingJobs(ctx context.Context, list []model.BindingJob, fx model.Effects) error {
	u := unit{alone: true} // it is long
	for _, j := range list {
		u.insertBindingJob(j)
	}
	return wrap(s.write(ctx, &u, fx), "create binding jobs", "")
}

// BindingJobByToken implements the directory service's store.
func (s *Store) BindingJobByToken(ctx context.Context, realm model.RealmID, digest []byte) (model.BindingJob, error) {
	j, err := readOne(ctx, s, scanBindingJob, bindingJobByTokenSQL, realm, filled(digest))
	return j, wrap(err, "find a binding job of realm", realm)
}

// BindingJob implements the directory service's store.
func (s *Store) BindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID) (model.BindingJob, error) {
	j, err := readOne(ctx, s, scanBindingJob, bindingJobSQL, realm, string(id))
	return j, wrap(err, "read binding job", id)
}

// BindingJobs implements the directory service's store.
func (s *Store) BindingJobs(ctx context.Context, realm model.RealmID, q directory.JobQuery) ([]model.BindingJob, error) {
	sql, args := bindingJobsSQL, []any{realm, string(q.After), q.Method, string(q.State), q.At, q.Limit}
	if q.IdentityID != "" {
		sql, args = bindingJobsOfIdentitySQL, append(args, q.IdentityID)
	}
	list, err := readAll(ctx, s, scanBindingJob, sql, args...)
	return list, wrap(err, "list binding jobs of realm", realm)
}

// OpenBindingJob implements the directory service's store. A job that cannot
// be opened any more is [model.ErrConflict].
func (s *Store) OpenBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis) error {
	var u unit
	u.expect(model.ErrConflict, openBindingJobSQL, realm, string(id), at)
	u.locks(lockRow, string(id))
	err := s.write(ctx, &u, model.Effects{})
	return wrap(s.lostOrMissing(ctx, err, bindingJobExistsSQL, realm, string(id)), "open binding job", id)
}

// RevokeBindingJob implements the directory service's store.
func (s *Store) RevokeBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, revokeBindingJobSQL, realm, string(id), at)
	u.locks(lockRow, string(id))
	err := s.lostOrMissing(ctx, s.write(ctx, &u, fx), bindingJobExistsSQL, realm, string(id))
	return wrap(err, "revoke binding job", id)
}

// FailBindingJob implements the directory service's store.
func (s *Store) FailBindingJob(ctx context.Context, realm model.RealmID, f directory.FailedLink, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, failBindingJobSQL, realm, string(f.Job), f.Failure, f.At)
	u.locks(lockRow, string(f.Job))
	return wrap(s.write(ctx, &u, fx), "note that a link was not sent", f.Job)
}

// CompleteBinding implements the directory service's store.
func (s *Store) CompleteBinding(ctx context.Context, b directory.Completion, fx model.Effects) error {
	// Two links of one person that bind a first passkey at once decide by rows
	// that neither has written yet.
	u, sql := unit{serializable: b.First}, completeBindingSQL
	args := []any{b.Passkey.RealmID, string(b.Job), b.Passkey.IdentityID, b.At}
	switch {
	case b.First:
		sql = completeFirstBindingSQL
	case b.Proof != (directory.Proof{}):
		sql, args = completeProvedBindingSQL, append(args, string(b.Proof.PasskeyID), b.Proof.At)
	}
	u.expect(model.ErrConflict, sql, args...)
	u.locks(lockRow, string(b.Job))
	u.insertPasskey(b.Passkey)
	if b.Session.ID != "" {
		u.insertSession(b.Session)
	}
	return wrap(s.write(ctx, &u, fx), "complete binding job", b.Job)
}

// IdentitiesByID implements the directory service's store. The lookups travel
// together.
func (s *Store) IdentitiesByID(ctx context.Context, realm model.RealmID, ids []model.IdentityID) ([]model.Identity, error) {
	var bad error
	rows, steps := make([]*list[model.Identity], len(ids)), make([]step, len(ids))
	for i, id := range ids {
		rows[i] = rowsOf(scanIdentity(&bad))
		steps[i] = step{sql: identitySQL, args: []any{realm, id}, rows: rows[i]}
	}
	if err := first(s.db.read(ctx, steps...), bad); err != nil {
		return nil, wrap(err, "read identities of realm", realm)
	}
	found := make([]model.Identity, 0, len(ids))
	for _, r := range rows {
		found = append(found, r.got...)
	}
	return found, nil
}
