package store

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
)

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
  tokens_invalid_before, created_at, version, theme, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

// CreateRealm implements the realm service's store.
func (s *Store) CreateRealm(ctx context.Context, r model.Realm, fx model.Effects) error {
	policy, theme, err := realmTexts(&r)
	if err != nil {
		return err
	}
	var u unit
	u.do(insertRealmSQL, r.ID, r.TenantID, r.Name, r.DisplayName, r.Default, r.Status, policy,
		r.TokensInvalidBefore, r.CreatedAt, r.Version, theme, r.UpdatedAt)
	return wrap(s.write(ctx, &u, fx), "create realm", r.ID)
}

const realmsSQL = `
SELECT id, tenant_id, name, display_name, is_default, status, policy,
  tokens_invalid_before, created_at, version, theme, updated_at
FROM realm ORDER BY id`

// Realms implements the realm service's store.
func (s *Store) Realms(ctx context.Context) ([]model.Realm, error) {
	var bad error
	scan := func(r row) model.Realm {
		realm := model.Realm{ID: model.RealmID(r.text()), TenantID: model.TenantID(r.text()), Name: r.text(),
			DisplayName: r.text(), Default: r.bool(), Status: model.RealmStatus(r.text())}
		decode(r.text(), &realm.Policy, &bad)
		realm.TokensInvalidBefore, realm.CreatedAt, realm.Version = millis(r), millis(r), r.int()
		decode(r.text(), &realm.Theme, &bad)
		realm.UpdatedAt = millis(r)
		return realm
	}
	list, err := readAll(ctx, s, scan, realmsSQL)
	return list, wrap(first(err, bad), "list realms", "")
}

const updateRealmSQL = `
UPDATE realm SET tenant_id = $3, name = $4, display_name = $5, is_default = $6, status = $7, policy = $8,
  tokens_invalid_before = $9, theme = $10, updated_at = $11, version = version + 1
WHERE id = $1 AND version = $2`

func (u *unit) updateRealm(r *model.Realm) error {
	policy, theme, err := realmTexts(r)
	if err != nil {
		return err
	}
	u.expect(model.ErrConflict, updateRealmSQL, r.ID, r.Version, r.TenantID, r.Name, r.DisplayName, r.Default,
		r.Status, policy, r.TokensInvalidBefore, theme, r.UpdatedAt)
	u.locks(lockRow, string(r.ID))
	return nil
}

// UpdateRealm implements the realm service's store.
func (s *Store) UpdateRealm(ctx context.Context, r model.Realm, fx model.Effects) error {
	var u unit
	if err := u.updateRealm(&r); err != nil {
		return err
	}
	return wrap(s.write(ctx, &u, fx), "update realm", r.ID)
}

func realmTexts(r *model.Realm) (policy, theme string, err error) {
	p, err := json.Marshal(r.Policy)
	if err != nil {
		return "", "", wrap(err, "encode the policy of realm", r.ID)
	}
	t, err := json.Marshal(r.Theme)
	return string(p), string(t), wrap(err, "encode the theme of realm", r.ID)
}

const (
	setLogoSQL = `
INSERT INTO realm_logo (realm_id, variant, media_type, data) VALUES ($1, $2, $3, $4)
ON CONFLICT (realm_id, variant) DO UPDATE SET media_type = excluded.media_type, data = excluded.data`
	removeLogoSQL = `DELETE FROM realm_logo WHERE realm_id = $1 AND variant = $2`
	logoSQL       = `SELECT realm_id, variant, media_type, data FROM realm_logo WHERE realm_id = $1 AND variant = $2`
)

// SetLogo implements the realm service's store.
func (s *Store) SetLogo(ctx context.Context, r model.Realm, l model.Logo, fx model.Effects) error {
	var u unit
	if err := u.updateRealm(&r); err != nil {
		return err
	}
	if len(l.Data) == 0 {
		u.do(removeLogoSQL, r.ID, l.Variant)
	} else {
		u.do(setLogoSQL, r.ID, l.Variant, l.MediaType, l.Data)
	}
	return wrap(s.write(ctx, &u, fx), "set a logo of realm", r.ID)
}

// Logo implements the realm service's store.
func (s *Store) Logo(ctx context.Context, realm model.RealmID, variant string) (model.Logo, error) {
	scan := func(r row) model.Logo {
		return model.Logo{RealmID: model.RealmID(r.text()), Variant: r.text(), MediaType: r.text(), Data: r.bytes()}
	}
	l, err := readOne(ctx, s, scan, logoSQL, realm, variant)
	return l, wrap(err, "read a logo of realm", realm)
}
