package realm

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	CreateTenant(context.Context, model.Tenant, model.Effects) error // ErrConflict: id or name taken
	Tenants(context.Context) ([]model.Tenant, error)                 // ordered by id
	// UpdateTenant writes if the stored version is t.Version and makes it
	// t.Version+1; ErrConflict otherwise, or if the name is taken.
	UpdateTenant(context.Context, model.Tenant, model.Effects) error
	// DeleteTenant removes that version of a tenant without realms; ErrConflict
	// otherwise.
	DeleteTenant(context.Context, model.Tenant, model.Effects) error
	CreateRealm(context.Context, model.Realm, model.Effects) error // ErrConflict: id or name taken, or a second default
	Realms(context.Context) ([]model.Realm, error)                 // ordered by id
	// UpdateRealm writes if the stored version is r.Version and makes it
	// r.Version+1; ErrConflict otherwise.
	UpdateRealm(context.Context, model.Realm, model.Effects) error
	// DeleteRealm removes that version of a realm, and every row of it, if it is
	// disabled and not the default one; ErrConflict otherwise.
	DeleteRealm(context.Context, model.Realm, model.Effects) error
	// SetLogo is UpdateRealm together with a logo in place of the one of its
	// variant; one without data takes it away.
	SetLogo(context.Context, model.Realm, model.Logo, model.Effects) error
	Logo(ctx context.Context, realm model.RealmID, variant string) (model.Logo, error) // ErrNotFound
	// Application is one of those that may act for a resource server; ErrNotFound.
	Application(context.Context, model.RealmID, model.ClientID) (model.Application, error)
	Applications(context.Context, model.RealmID) ([]model.Application, error)
	// ResourcesWithRoles lists the resource servers for which there are roles.
	ResourcesWithRoles(context.Context, model.RealmID) ([]string, error)
}
