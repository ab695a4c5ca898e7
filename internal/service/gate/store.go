package gate

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	Realms(context.Context) ([]model.Realm, error)
	Application(context.Context, model.RealmID, model.ClientID) (model.Application, error)
	Identity(context.Context, model.RealmID, model.IdentityID) (model.Identity, error)
	// Revoked reads one directly: the latest Before of this key, 0 if none. It
	// is asked while the change feed is not known to be fresh.
	Revoked(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error)
}

// Revocations remembers which tokens and grants were revoked.
type Revocations interface {
	// Before is up to when, in milliseconds, tokens of this key are dead; 0: nothing
	// of it was revoked.
	Before(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error)
}
