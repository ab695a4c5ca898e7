package realm

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	CreateTenant(context.Context, model.Tenant, model.Effects) error // ErrConflict: id or name taken
	Tenants(context.Context) ([]model.Tenant, error)
	CreateRealm(context.Context, model.Realm, model.Effects) error // ErrConflict: id or name taken, or a second default
	Realms(context.Context) ([]model.Realm, error)
	// UpdateRealm writes if the stored version is r.Version and makes it
	// r.Version+1; ErrConflict otherwise.
	UpdateRealm(context.Context, model.Realm, model.Effects) error
}
