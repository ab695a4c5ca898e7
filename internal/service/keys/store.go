package keys

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// SigningKeys lists every key of a realm, oldest first, retired ones too.
	SigningKeys(context.Context, model.RealmID) ([]model.SigningKey, error)
	// InsertSigningKey: ErrConflict if the kid is taken, or if the key is active
	// (or next) and the realm has another active (or next) one of its algorithm.
	InsertSigningKey(context.Context, model.SigningKey, model.Effects) error
	// ActivateSigningKey makes `next` active and the active one of that
	// algorithm retired, published until publishUntil, in one transaction.
	// ErrConflict if `next` is not in state next any more.
	ActivateSigningKey(ctx context.Context, next model.SigningKey, at, publishUntil model.Millis, fx model.Effects) error
	// RealmSecret: ErrNotFound.
	RealmSecret(ctx context.Context, realm model.RealmID, name string) (model.RealmSecret, error)
	// InsertRealmSecret: ErrConflict if the realm has one of that name.
	InsertRealmSecret(context.Context, model.RealmSecret) error
}
