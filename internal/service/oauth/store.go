package oauth

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	Onces
	Grants
	Parking
	Consents
	Devices
	Tokens
	Queuing
	Registered
}

// Registered are the applications of a realm.
type Registered interface {
	Applications(context.Context, model.RealmID) ([]model.Application, error)
}

// Onces decides what may happen once.
type Onces interface {
	// Consume reports whether this is the first use. Concurrent callers on all
	// nodes are decided by the database; many calls share one commit.
	Consume(context.Context, model.Once) (first bool, err error)
	// Revoke is idempotent: revoking again keeps the earlier row and its time
	// unless Before is later.
	Revoke(context.Context, model.Revocation, model.Effects) error
}

// Grants keeps what was given.
type Grants interface {
	// Grant finds one; ErrNotFound.
	Grant(context.Context, model.RealmID, model.GrantID) (model.Grant, error)
	// ListGrants lists those that q means, the newest first; those of an application
	// alone, by identity and then so.
	ListGrants(context.Context, GrantList) ([]model.Grant, error)
	// OpenGrant uses a single-use thing up, where one is named, and stores the
	// grant that it gives, both or neither: ErrConflict if it was used before, if
	// there is a grant of that id, or if everything of the realm, the application
	// or the person was revoked, or the application disallowed by the person, since
	// o.Decided.
	OpenGrant(context.Context, Opening, model.Effects) error
	// RefreshGrant moves the number of the refresh token on. ErrConflict if
	// another number counts now, or the grant was revoked or is over.
	RefreshGrant(context.Context, model.Refreshing, model.Effects) error
	// RevokeGrants revokes the grants that q means and all that descend from
	// them, writes a revocation and a change for each, and reports which they
	// were. Those that were revoked before are left alone. The effects are
	// written if there was at least one.
	RevokeGrants(context.Context, GrantQuery, model.Effects) ([]model.Grant, error)
	// RevokeGrantTokens writes a revocation of the access tokens of a grant that
	// lives on, and a change for it: ErrNotFound if there is no such grant,
	// ErrConflict if they are revoked as far already.
	RevokeGrantTokens(context.Context, model.Revocation, model.Effects) error
	// Revoked reads a revocation: its Before, 0 if there is none.
	Revoked(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error)
}

// An Opening is a grant and what it is given for.
type Opening struct {
	Grant   model.Grant
	Once    *model.Once  // nil: nothing is used up
	Decided model.Millis // when the right was given
	// ForToken: the right is an access token of the parent, so nothing is opened once
	// those were revoked.
	ForToken bool
}

// A GrantQuery means the grant of that id, or those that were opened under another
// until some time, or those of a session, or those that an identity (or everybody,
// if it is empty) gave an application (or all of them).
type GrantQuery struct {
	RealmID       model.RealmID
	ID            model.GrantID
	ParentID      model.GrantID
	OpenedBy      model.Millis // with ParentID
	SessionID     model.SessionID
	IdentityID    model.IdentityID
	ApplicationID model.ClientID
	At            model.Millis
	// Until is how long the revocations must be remembered: no token of these
	// grants lives longer.
	Until model.Millis
}

// Parking keeps sealed state under a reference.
type Parking interface {
	Park(context.Context, model.Parked) error
	Parked(context.Context, model.RealmID, [32]byte) (model.Parked, error) // ErrNotFound
}

// Consents are what people agreed to.
type Consents interface {
	Consents(context.Context, model.RealmID, model.IdentityID, model.ClientID) ([]string, error)
	AddConsents(context.Context, []model.Consent, model.Effects) error // what is there already stays
	// ConsentsOf lists all that a person agreed to, by application and item.
	ConsentsOf(context.Context, model.RealmID, model.IdentityID) ([]model.Consent, error)
	// GrantsOf lists a person's grants, oldest first: for a while also those that
	// are over or revoked.
	GrantsOf(context.Context, model.RealmID, model.IdentityID) ([]model.Grant, error)
	// Allowances lists the applications that were ever given something of a
	// person's, by id.
	Allowances(context.Context, model.RealmID, model.IdentityID) ([]model.Allowance, error)
	// Disallow removes what the person agreed to until a.DisallowedAt. OpenGrant then
	// refuses what was decided by then; the grants that are there are for
	// RevokeGrants. Where that was done as far already, nothing is written.
	Disallow(ctx context.Context, a model.Allowance, fx model.Effects) error
}

// Devices are devices that wait for people (RFC 8628).
type Devices interface {
	// CreateDeviceRequest: ErrConflict if a live request has that user code.
	CreateDeviceRequest(context.Context, model.DeviceRequest, model.Effects) error
	DeviceRequest(context.Context, model.RealmID, [32]byte) (model.DeviceRequest, error)
	// DeviceByUserCode finds one that is pending and not over.
	DeviceByUserCode(ctx context.Context, realm model.RealmID, userCode string, now model.Millis) (model.DeviceRequest, error)
	// DecideDevice writes State, IdentityID, Scope, Terms and DecidedAt of a
	// pending, unexpired request; ErrConflict otherwise.
	DecideDevice(context.Context, model.DeviceRequest, model.Effects) error
	// RedeemDevice turns an approved request into the grant, once; ErrConflict.
	RedeemDevice(context.Context, [32]byte, Opening, model.Effects) error
}

// Tokens are access tokens that are references.
type Tokens interface {
	SaveOpaque(context.Context, model.OpaqueToken) error
	Opaque(context.Context, model.RealmID, [32]byte) (model.OpaqueToken, error) // ErrNotFound
}

// Queuing is for what is sent later without anything having changed.
type Queuing interface {
	Queue(context.Context, model.OutboxItem) error
}
