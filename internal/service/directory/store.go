package directory

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	PeopleStore
	GroupStore
	RoleStore

	CreateIdentity(context.Context, model.Identity, model.Effects) error // ErrConflict: username taken, ignoring case
	Identity(context.Context, model.RealmID, model.IdentityID) (model.Identity, error)
	// IdentityByLogin finds the one identity that has this folded text as its
	// username or e-mail address; ErrNotFound if there is none, or more than one.
	IdentityByLogin(ctx context.Context, realm model.RealmID, folded string) (model.Identity, error)
	// UpdateIdentity needs the version as for applications. Of a person who is suspended
	// and ever had a passkey it takes back the open links that are not for recovery and
	// are no younger than TokensInvalidBefore, in the same transaction.
	UpdateIdentity(context.Context, model.Identity, model.Effects) error

	// Passkeys lists those of an identity, oldest first, revoked ones too.
	Passkeys(context.Context, model.RealmID, model.IdentityID) ([]model.Passkey, error)
	// RenamePasskey names an unrevoked passkey; ErrNotFound.
	RenamePasskey(ctx context.Context, realm model.RealmID, id model.PasskeyID, name string, fx model.Effects) error
	// RevokePasskey revokes a passkey, ends the sessions that it opened and takes back
	// the open links of its person that are not for recovery, in one transaction;
	// ErrNotFound if there is no unrevoked one of that id, ErrConflict if it must stay.
	RevokePasskey(context.Context, PasskeyEnd, model.Effects) error

	CreateBindingJob(context.Context, model.BindingJob, model.Effects) error
	// CreateBindingJobs writes all of them or none.
	CreateBindingJobs(context.Context, []model.BindingJob, model.Effects) error
	// IdentitiesByID finds those of the ids that there are.
	IdentitiesByID(context.Context, model.RealmID, []model.IdentityID) ([]model.Identity, error)
	BindingJob(context.Context, model.RealmID, model.BindingJobID) (model.BindingJob, error)
	// BindingJobs lists as the query says, newest first.
	BindingJobs(context.Context, model.RealmID, JobQuery) ([]model.BindingJob, error)
	// FailBindingJob moves LINK_SENT to FAILED_TO_SEND; ErrConflict if it is
	// another state by now.
	FailBindingJob(context.Context, model.RealmID, FailedLink, model.Effects) error
	BindingJobByToken(ctx context.Context, realm model.RealmID, digest []byte) (model.BindingJob, error)
	// OpenBindingJob moves LINK_SENT to LINK_OPENED; no error if it was open already.
	OpenBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis) error
	// RevokeBindingJob moves an open job (LINK_SENT, LINK_OPENED) to REVOKED;
	// ErrConflict if it is not open any more, ErrNotFound if there is none.
	RevokeBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis, fx model.Effects) error
	// CompleteBinding moves an unexpired open job to COMPLETE and stores the
	// passkey and the session, in one transaction. Of two at once exactly one
	// wins; the other gets ErrConflict, as do used, revoked and expired jobs and a
	// credential id that is already bound in the realm, a completion marked First
	// of an identity that has or had a passkey by now, and one with a Proof that
	// does not count any more.
	CompleteBinding(ctx context.Context, b Completion, fx model.Effects) error

	// ReplaceRecoveryCodes puts codes in place of all that a person had.
	ReplaceRecoveryCodes(context.Context, model.RealmID, model.IdentityID, []model.RecoveryCode, model.Effects) error
	RecoveryCodes(context.Context, model.RealmID, model.IdentityID) ([]model.RecoveryCode, error)
	// RemoveRecoveryCodes takes all away; ErrNotFound if there is none.
	RemoveRecoveryCodes(context.Context, model.RealmID, model.IdentityID, model.Effects) error
	// UseRecoveryCode marks an unused code used and writes the job that it buys, in
	// one transaction; ErrNotFound if there is no such unused code.
	UseRecoveryCode(context.Context, model.RecoveryCode, model.BindingJob, model.Effects) error

	// RecordEvents appends events that no other write causes.
	RecordEvents(context.Context, []model.Event) error
}

// A FailedLink is a link that could not be sent.
type FailedLink struct {
	Job     model.BindingJobID
	Failure string // a few words
	At      model.Millis
}

// A Completion is what a finished binding job leaves behind.
type Completion struct {
	Job model.BindingJobID
	At  model.Millis
	// First: nobody proved a passkey of this identity, so it must never have had
	// one when the transaction commits.
	First bool
	// Proof, unless zero: its passkey must be this identity's and unrevoked, and it
	// must be newer than what the identity and the realm refuse.
	Proof   Proof
	Passkey model.Passkey
	Session model.Session // without an id: none begins
}

// A Proof is a passkey that somebody proved, and when. The zero value: none.
type Proof struct {
	IdentityID model.IdentityID
	PasskeyID  model.PasskeyID
	At         model.Millis
}

// A PasskeyEnd is the revocation of a passkey.
type PasskeyEnd struct {
	RealmID    model.RealmID
	IdentityID model.IdentityID // whose it is
	ID         model.PasskeyID
	At         model.Millis
	// KeepAdmin: it stays where without it nobody who has a passkey could manage the
	// realm.
	KeepAdmin bool
	// KeepOne: it stays where its person would be left with neither another passkey for
	// the realm's own relying party, RPID, nor a recovery code.
	KeepOne bool
	RPID    string
}
