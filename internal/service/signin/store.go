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
	// PasskeyHomes lists where an unrevoked passkey of this credential id is, in
	// whichever realm.
	PasskeyHomes(ctx context.Context, credentialID []byte) ([]model.PasskeyHome, error)
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
	// IdentityByLogin finds the one identity that has this folded text as its
	// username or e-mail address; ErrNotFound if there is none, or more than one.
	IdentityByLogin(ctx context.Context, realm model.RealmID, folded string) (model.Identity, error)
	// Password: ErrNotFound if the identity has none.
	Password(context.Context, model.RealmID, model.IdentityID) (model.Password, error)
	// SetPassword stores it in place of the one before.
	SetPassword(context.Context, model.Password, model.Effects) error
	RemovePassword(context.Context, model.RealmID, model.IdentityID, model.Effects) error // ErrNotFound
	// SignInWithPassword stores the session, as SignIn does, and the use of the
	// password: ErrNotFound if another hash is stored by now.
	SignInWithPassword(ctx context.Context, s model.Session, use model.PasswordUse, fx model.Effects) error
	// Sessions lists those of an identity that may be alive.
	Sessions(ctx context.Context, realm model.RealmID, id model.IdentityID, now model.Millis) ([]model.Session, error)
	// RecordEvents appends events that no state change causes: refusals.
	RecordEvents(context.Context, []model.Event) error
}
