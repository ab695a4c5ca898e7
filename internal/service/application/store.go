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
}
