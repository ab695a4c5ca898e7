package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	insertTenantSQL = `INSERT INTO tenant (id, name, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5)`
	tenantsSQL      = `SELECT id, name, created_at, updated_at, version FROM tenant ORDER BY id`
	updateTenantSQL = `
UPDATE tenant SET name = $3, updated_at = $4, version = version + 1 WHERE id = $1 AND version = $2`
	deleteTenantSQL = `
DELETE FROM tenant WHERE id = $1 AND version = $2 AND NOT EXISTS (SELECT 1 FROM realm WHERE tenant_id = $1)`
)

// CreateTenant implements the realm service's store.
func (s *Store) CreateTenant(ctx context.Context, t model.Tenant, fx model.Effects) error {
	var u unit
	u.do(insertTenantSQL, t.ID, t.Name, t.CreatedAt, t.UpdatedAt, t.Version)
	return wrap(s.write(ctx, &u, fx), "create tenant", t.ID)
}

// Tenants implements the realm service's store.
func (s *Store) Tenants(ctx context.Context) ([]model.Tenant, error) {
	scan := func(r row) model.Tenant {
		return model.Tenant{ID: model.TenantID(r.text()), Name: r.text(), CreatedAt: millis(r), UpdatedAt: millis(r), Version: r.int()}
	}
	list, err := readAll(ctx, s, scan, tenantsSQL)
	return list, wrap(err, "list tenants", "")
}

// UpdateTenant implements the realm service's store.
func (s *Store) UpdateTenant(ctx context.Context, t model.Tenant, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, updateTenantSQL, t.ID, t.Version, t.Name, t.UpdatedAt)
	u.locks(lockRow, string(t.ID))
	return wrap(s.write(ctx, &u, fx), "update tenant", t.ID)
}

// DeleteTenant implements the realm service's store.
func (s *Store) DeleteTenant(ctx context.Context, t model.Tenant, fx model.Effects) error {
	var u unit
	u.expect(model.ErrConflict, deleteTenantSQL, t.ID, t.Version)
	u.locks(lockRow, string(t.ID))
	return wrap(s.write(ctx, &u, fx), "delete tenant", t.ID)
}
