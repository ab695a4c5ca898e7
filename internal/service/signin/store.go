package signin

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// Identity: ErrNotFound if there is none in this realm.
	Identity(context.Context, model.RealmID, model.IdentityID) (model.Identity, error)
	// PasskeyByCredential finds an unrevoked passkey of the realm; ErrNotFound.
	PasskeyByCredential(ctx context.Context, realm model.RealmID, credentialID []byte) (model.Passkey, error)
	// Passkeys lists those of an identity, revoked ones too.
	Passkeys(context.Context, model.RealmID, model.IdentityID) ([]model.Passkey, error)
	// SignIn consumes the ceremony (ErrConflict if it was used), stores the
	// session and records the use of the passkey (ErrNotFound if it was revoked
	// meanwhile), in one transaction. A session that is there is opened anew:
	// ErrConflict if it has ended.
	SignIn(ctx context.Context, once model.Once, s model.Session, use model.PasskeyUse, fx model.Effects) error
	// SessionWithIdentity reads a session and whose it is; ErrNotFound if either
	// is missing in this realm.
	SessionWithIdentity(ctx context.Context, realm model.RealmID, digest []byte) (model.Session, model.Identity, error)
	// SessionByDigest: ErrNotFound if there is none in this realm.
	SessionByDigest(ctx context.Context, realm model.RealmID, digest []byte) (model.Session, error)
	// TouchSession moves LastSeenAt and IdleUntil forward, never back.
	TouchSession(ctx context.Context, realm model.RealmID, id model.SessionID, seen, idleUntil model.Millis) error
	EndSession(ctx context.Context, realm model.RealmID, id model.SessionID, at model.Millis, fx model.Effects) error
	// RecordEvents appends events that no state change causes: refusals.
	RecordEvents(context.Context, []model.Event) error
}
