package store

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
)

// CreateTenant implements the realm service's store.
func (s *Store) CreateTenant(ctx context.Context, t model.Tenant, fx model.Effects) error {
	var u unit
	u.do(`INSERT INTO tenant (id, name, created_at) VALUES ($1, $2, $3)`, t.ID, t.Name, t.CreatedAt)
	return wrap(s.write(ctx, &u, fx), "create tenant", t.ID)
}

// Tenants implements the realm service's store.
func (s *Store) Tenants(ctx context.Context) ([]model.Tenant, error) {
	scan := func(r row) model.Tenant {
		return model.Tenant{ID: model.TenantID(r.text()), Name: r.text(), CreatedAt: millis(r)}
	}
	list, err := readAll(ctx, s, scan, `SELECT id, name, created_at FROM tenant ORDER BY id`)
	return list, wrap(err, "list tenants", "")
}

// BaseURL is the base URL that this database belongs to; [model.ErrNotFound] as
// long as it belongs to none.
func (s *Store) BaseURL(ctx context.Context) (string, error) {
	base, err := readOne(ctx, s, row.text, `SELECT value FROM meta WHERE name = 'base_url'`)
	return base, wrap(err, "read the base URL", "")
}

// ClaimBaseURL makes the database belong to a base URL, unless it belongs to
// one already, and returns the one that it belongs to. Of several that claim at
// once one wins, and all hear which.
func (s *Store) ClaimBaseURL(ctx context.Context, base string) (string, error) {
	var u unit
	u.do(`INSERT INTO meta (name, value) VALUES ('base_url', $1) ON CONFLICT (name) DO NOTHING`, base)
	if err := s.write(ctx, &u, model.Effects{}); err != nil {
		return "", wrap(err, "claim the base URL", base)
	}
	return s.BaseURL(ctx)
}

const insertRealmSQL = `
INSERT INTO realm (id, tenant_id, name, display_name, is_default, status, policy,
  tokens_invalid_before, created_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// CreateRealm implements the realm service's store.
func (s *Store) CreateRealm(ctx context.Context, r model.Realm, fx model.Effects) error {
	policy, err := json.Marshal(r.Policy)
	if err != nil {
		return wrap(err, "encode the policy of realm", r.ID)
	}
	var u unit
	u.do(insertRealmSQL, r.ID, r.TenantID, r.Name, r.DisplayName, r.Default, r.Status, string(policy),
		r.TokensInvalidBefore, r.CreatedAt, r.Version)
	return wrap(s.write(ctx, &u, fx), "create realm", r.ID)
}

const realmsSQL = `
SELECT id, tenant_id, name, display_name, is_default, status, policy,
  tokens_invalid_before, created_at, version
FROM realm ORDER BY id`

// Realms implements the realm service's store.
func (s *Store) Realms(ctx context.Context) ([]model.Realm, error) {
	var bad error
	scan := func(r row) model.Realm {
		realm := model.Realm{ID: model.RealmID(r.text()), TenantID: model.TenantID(r.text()), Name: r.text(),
			DisplayName: r.text(), Default: r.bool(), Status: model.RealmStatus(r.text())}
		decode(r.text(), &realm.Policy, &bad)
		realm.TokensInvalidBefore, realm.CreatedAt, realm.Version = millis(r), millis(r), r.int()
		return realm
	}
	list, err := readAll(ctx, s, scan, realmsSQL)
	return list, wrap(first(err, bad), "list realms", "")
}

const updateRealmSQL = `
UPDATE realm SET tenant_id = $3, name = $4, display_name = $5, is_default = $6, status = $7, policy = $8,
  tokens_invalid_before = $9, version = version + 1
WHERE id = $1 AND version = $2`

// UpdateRealm implements the realm service's store.
func (s *Store) UpdateRealm(ctx context.Context, r model.Realm, fx model.Effects) error {
	policy, err := json.Marshal(r.Policy)
	if err != nil {
		return wrap(err, "encode the policy of realm", r.ID)
	}
	var u unit
	u.expect(model.ErrConflict, updateRealmSQL, r.ID, r.Version, r.TenantID, r.Name, r.DisplayName, r.Default,
		r.Status, string(policy), r.TokensInvalidBefore)
	u.locks(lockRow, string(r.ID))
	return wrap(s.write(ctx, &u, fx), "update realm", r.ID)
}
