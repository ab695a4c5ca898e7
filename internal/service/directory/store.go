package directory

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	CreateIdentity(context.Context, model.Identity, model.Effects) error // ErrConflict: username taken, ignoring case
	Identity(context.Context, model.RealmID, model.IdentityID) (model.Identity, error)
	// IdentityByLogin finds the one identity that has this folded text as its
	// username or e-mail address; ErrNotFound if there is none, or more than one.
	IdentityByLogin(ctx context.Context, realm model.RealmID, folded string) (model.Identity, error)
	UpdateIdentity(context.Context, model.Identity, model.Effects) error // version as for applications

	// Passkeys lists those of an identity, oldest first, revoked ones too.
	Passkeys(context.Context, model.RealmID, model.IdentityID) ([]model.Passkey, error)
	// RenamePasskey names an unrevoked passkey; ErrNotFound.
	RenamePasskey(ctx context.Context, realm model.RealmID, id model.PasskeyID, name string, fx model.Effects) error
	// RevokePasskey revokes a passkey and ends the sessions that it opened, in
	// one transaction; ErrNotFound if there is no unrevoked one of that id.
	RevokePasskey(ctx context.Context, realm model.RealmID, id model.PasskeyID, at model.Millis, fx model.Effects) error

	CreateBindingJob(context.Context, model.BindingJob, model.Effects) error
	BindingJobByToken(ctx context.Context, realm model.RealmID, digest []byte) (model.BindingJob, error)
	// OpenBindingJob moves LINK_SENT to LINK_OPENED; no error if it was open already.
	OpenBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis) error
	// RevokeBindingJob moves an open job (LINK_SENT, LINK_OPENED) to REVOKED;
	// ErrConflict if it is not open any more, ErrNotFound if there is none.
	RevokeBindingJob(ctx context.Context, realm model.RealmID, id model.BindingJobID, at model.Millis, fx model.Effects) error
	// CompleteBinding moves an unexpired open job to COMPLETE and stores the
	// passkey and the session, in one transaction. Of two at once exactly one
	// wins; the other gets ErrConflict, as do used, revoked and expired jobs and a
	// credential id that is already bound in the realm, and a completion marked
	// First of an identity that has an unrevoked passkey by now.
	CompleteBinding(ctx context.Context, b Completion, fx model.Effects) error

	// RecordEvents appends events that no other write causes.
	RecordEvents(context.Context, []model.Event) error
}

// A Completion is what a finished binding job leaves behind.
type Completion struct {
	Job model.BindingJobID
	At  model.Millis
	// First: nobody proved a passkey of this identity, so it must not have an
	// unrevoked one when the transaction commits.
	First   bool
	Passkey model.Passkey
	Session model.Session
}
