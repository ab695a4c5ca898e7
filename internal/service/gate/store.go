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
	// Revocations lists those of all realms that were written at or after
	// `since` and have not expired at `now`.
	Revocations(ctx context.Context, since, now model.Millis) ([]model.Revocation, error)
	// Revoked reads one directly: the latest Before of this key, 0 if none. It
	// is asked while the change feed is not known to be fresh.
	Revoked(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error)
}
