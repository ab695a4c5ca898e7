package application

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	CreateApplication(context.Context, model.Application, model.Effects) error // with its keys and secrets
	// Application reads one with its keys and unexpired secrets; ErrNotFound.
	Application(context.Context, model.RealmID, model.ClientID) (model.Application, error)
	Applications(context.Context, model.RealmID) ([]model.Application, error) // ordered by id
	// UpdateApplication writes the row (not keys and secrets) if the stored
	// version is a.Version and makes it a.Version+1; ErrConflict otherwise.
	UpdateApplication(context.Context, model.Application, model.Effects) error
	// UpdateRegistration is UpdateApplication with keys and secrets in place of
	// those that were there. The last use of a key that stays does not go backward.
	UpdateRegistration(context.Context, model.Application, model.Effects) error
	// DeleteApplication removes one with its keys, its secrets and what people
	// agreed to for it; ErrNotFound. Its grants must have been revoked.
	DeleteApplication(context.Context, model.RealmID, model.ClientID, model.Millis, model.Effects) error
	// IdleRegistrations lists applications that came by themselves before
	// olderThan and have no grant that was alive then or later.
	IdleRegistrations(ctx context.Context, olderThan model.Millis, limit int) ([]model.Application, error)
	// ReapRegistration is DeleteApplication for one that is still such; else
	// ErrNotFound.
	ReapRegistration(ctx context.Context, realm model.RealmID, id model.ClientID, olderThan model.Millis, fx model.Effects) error
	// KeysUsed writes down when keys were last used, each at most once in the list.
	// None goes backward, and those that are gone stay so.
	KeysUsed(context.Context, []model.KeyUse) error
	// Revoked reads a revocation: its Before, 0 if there is none.
	Revoked(context.Context, model.RealmID, model.RevocationKind, string) (model.Millis, error)
	RecordEvents(context.Context, []model.Event) error
	// Consume reports whether this is the first use.
	Consume(context.Context, model.Once) (first bool, err error)
}
