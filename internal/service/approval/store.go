package approval

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// PasskeyByCredential finds an unrevoked passkey of the realm; ErrNotFound.
	PasskeyByCredential(ctx context.Context, realm model.RealmID, credentialID []byte) (model.Passkey, error)
	// Passkeys lists those of an identity, oldest first, revoked ones too.
	Passkeys(context.Context, model.RealmID, model.IdentityID) ([]model.Passkey, error)

	// CreateApproval stores a pending approval, as the first time only if
	// FirstTime is set and the person never approved this application before.
	// ErrTooMany if this application already has maxPending unexpired pending
	// ones for this person.
	CreateApproval(ctx context.Context, a model.Approval, maxPending int, fx model.Effects) error
	Approval(context.Context, model.RealmID, model.ApprovalID) (model.Approval, error)
	ApprovalByRequest(ctx context.Context, realm model.RealmID, authReqDigest []byte) (model.Approval, error)
	// Approvals lists those of a person, newest first, with Evidence left out.
	Approvals(context.Context, Query) ([]model.Approval, error)
	// EndApproval closes a pending approval, records the use of the passkey if
	// there is one, and writes the effects. ErrConflict if it is not pending
	// any more, or if End.State is approved or denied and At is not before
	// its expiry. Exactly one caller ever wins.
	EndApproval(context.Context, model.Ending, model.Effects) error
	// FulfilApproval moves approved to fulfilled and stores the grant;
	// ErrConflict if it is not approved (any more), or if everything of its realm,
	// application or person was revoked since it was decided.
	FulfilApproval(ctx context.Context, g model.Grant, at model.Millis, fx model.Effects) error
	// RedeemApproval notes the one use of the approval's token; ErrConflict if it was
	// redeemed before, ErrNotFound if it is not a fulfilled approval.
	RedeemApproval(ctx context.Context, realm model.RealmID, id model.ApprovalID, at model.Millis, fx model.Effects) error
	// RecordEvents appends events that no state change causes.
	RecordEvents(context.Context, []model.Event) error
	// DueApprovals lists pending ones of all realms whose time is up, oldest first.
	DueApprovals(ctx context.Context, now model.Millis, limit int) ([]model.Approval, error)
}

// A Query selects approvals of one person.
type Query struct {
	RealmID    model.RealmID
	IdentityID model.IdentityID
	Pending    bool // pending and unexpired at Now; otherwise ended ones
	Now        model.Millis
	Before     model.ApprovalID // exclusive; empty: from the newest
	Limit      int
}
