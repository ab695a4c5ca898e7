package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/assent-id/assent/internal/model"
)

const (
	insertApplicationSQL = `
INSERT INTO application (realm_id, id, kind, name, status, owner_id, settings, origin, tokens_invalid_before, created_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

	insertApplicationKeySQL = `
INSERT INTO application_key (realm_id, application_id, kid, jwk, status, created_at, retire_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	// The last use is noted meanwhile by whoever sees it, and does not go backward,
	// unless the kid is another key's now.
	putApplicationKeySQL = insertApplicationKeySQL + `
ON CONFLICT (realm_id, application_id, kid) DO UPDATE SET
  jwk = excluded.jwk, status = excluded.status, created_at = excluded.created_at, retire_at = excluded.retire_at,
  last_used_at = CASE WHEN application_key.jwk = excluded.jwk AND application_key.last_used_at > excluded.last_used_at
    THEN application_key.last_used_at ELSE excluded.last_used_at END`

	insertApplicationSecretSQL = `
INSERT INTO application_secret (realm_id, application_id, digest, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5)`
)

// CreateApplication implements the application service's store.
func (s *Store) CreateApplication(ctx context.Context, a model.Application, fx model.Effects) error {
	settings, err := json.Marshal(a.Settings)
	if err != nil {
		return wrap(err, "encode the settings of application", a.ID)
	}
	var u unit
	u.holdAuthenticatorConfig(a.RealmID, a.Settings.AuthenticatorConfig)
	u.do(insertApplicationSQL, a.RealmID, a.ID, a.Kind, a.Name, a.Status, a.OwnerID, string(settings),
		string(a.Settings.Origin), a.TokensInvalidBefore, a.CreatedAt, a.Version)
	u.insertMembers(&a, insertApplicationKeySQL)
	return wrap(s.write(ctx, &u, fx), "create application", a.ID)
}

// insertMembers writes the keys and secrets of an application.
func (u *unit) insertMembers(a *model.Application, keySQL string) {
	for _, k := range a.Keys {
		u.do(keySQL, a.RealmID, a.ID, k.KID, filled(k.JWK), k.Status, k.CreatedAt, k.RetireAt, k.LastUsedAt)
	}
	for _, c := range a.Secrets {
		u.do(insertApplicationSecretSQL, a.RealmID, a.ID, filled(c.Digest), c.CreatedAt, c.ExpiresAt)
	}
}

// A member belongs to an application: a key or a secret.
type member[T any] struct {
	of    model.ClientID
	value T
}

func scanApplication(bad *error) func(row) model.Application {
	return func(r row) model.Application {
		a := model.Application{
			RealmID: model.RealmID(r.text()), ID: model.ClientID(r.text()), Kind: model.ApplicationKind(r.text()),
			Name: r.text(), Status: model.ApplicationStatus(r.text()), OwnerID: model.IdentityID(r.text()),
		}
		decode(r.text(), &a.Settings, bad)
		a.TokensInvalidBefore, a.CreatedAt, a.Version = millis(r), millis(r), r.int()
		return a
	}
}

func scanApplicationKey(r row) member[model.ClientKey] {
	return member[model.ClientKey]{model.ClientID(r.text()), model.ClientKey{
		KID: model.ClientKeyID(r.text()), JWK: r.bytes(), Status: model.KeyStatus(r.text()),
		CreatedAt: millis(r), RetireAt: millis(r), LastUsedAt: millis(r),
	}}
}

func scanApplicationSecret(r row) member[model.ClientSecret] {
	return member[model.ClientSecret]{model.ClientID(r.text()), model.ClientSecret{
		Digest: r.bytes(), CreatedAt: millis(r), ExpiresAt: millis(r),
	}}
}

const (
	applicationColumns = `
SELECT realm_id, id, kind, name, status, owner_id, settings, tokens_invalid_before, created_at, version
FROM application WHERE realm_id = $1`
	applicationKeyColumns = `
SELECT application_id, kid, jwk, status, created_at, retire_at, last_used_at
FROM application_key WHERE realm_id = $1`
	applicationSecretColumns = `
SELECT application_id, digest, created_at, expires_at
FROM application_secret WHERE realm_id = $1 AND (expires_at = 0 OR expires_at > $2)`

	applicationSQL         = applicationColumns + ` AND id = $2`
	applicationKeySQL      = applicationKeyColumns + ` AND application_id = $2 ORDER BY created_at, kid`
	applicationSecretSQL   = applicationSecretColumns + ` AND application_id = $3 ORDER BY created_at, digest`
	applicationsSQL        = applicationColumns + ` ORDER BY id`
	applicationKeysSQL     = applicationKeyColumns + ` ORDER BY application_id, created_at, kid`
	applicationsSecretsSQL = applicationSecretColumns + ` ORDER BY application_id, created_at, digest`
)

// Application implements the application service's store.
func (s *Store) Application(ctx context.Context, realm model.RealmID, id model.ClientID) (model.Application, error) {
	list, err := s.applications(ctx,
		step{sql: applicationSQL, args: []any{realm, id}},
		step{sql: applicationKeySQL, args: []any{realm, id}},
		step{sql: applicationSecretSQL, args: []any{realm, model.MillisOf(time.Now()), id}})
	if err == nil && len(list) == 0 {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.Application{}, wrap(err, "read application", id)
	}
	return list[0], nil
}

// Applications implements the application service's store.
func (s *Store) Applications(ctx context.Context, realm model.RealmID) ([]model.Application, error) {
	list, err := s.applications(ctx,
		step{sql: applicationsSQL, args: []any{realm}},
		step{sql: applicationKeysSQL, args: []any{realm}},
		step{sql: applicationsSecretsSQL, args: []any{realm, model.MillisOf(time.Now())}})
	return list, wrap(err, "list applications of realm", realm)
}

// applications reads rows, keys and secrets together and puts each where it
// belongs.
func (s *Store) applications(ctx context.Context, rows, keys, secrets step) ([]model.Application, error) {
	var bad error
	apps := rowsOf(scanApplication(&bad))
	k, c := rowsOf(scanApplicationKey), rowsOf(scanApplicationSecret)
	rows.rows, keys.rows, secrets.rows = apps, k, c
	if err := s.db.read(ctx, rows, keys, secrets); err != nil || bad != nil {
		return nil, first(err, bad)
	}
	at := make(map[model.ClientID]*model.Application, len(apps.got))
	for i := range apps.got {
		at[apps.got[i].ID] = &apps.got[i]
	}
	for _, m := range k.got {
		if a := at[m.of]; a != nil {
			a.Keys = append(a.Keys, m.value)
		}
	}
	for _, m := range c.got {
		if a := at[m.of]; a != nil {
			a.Secrets = append(a.Secrets, m.value)
		}
	}
	return apps.got, nil
}

const updateApplicationSQL = `
UPDATE application SET kind = $4, name = $5, status = $6, owner_id = $7, settings = $8, origin = $9,
  tokens_invalid_before = $10, version = version + 1
WHERE realm_id = $1 AND id = $2 AND version = $3`

// UpdateApplication implements the application service's store.
func (s *Store) UpdateApplication(ctx context.Context, a model.Application, fx model.Effects) error {
	var u unit
	if err := u.updateApplication(&a); err != nil {
		return err
	}
	return wrap(s.write(ctx, &u, fx), "update application", a.ID)
}

// updateApplication writes the row, or fails the unit with ErrConflict if its
// version is another.
func (u *unit) updateApplication(a *model.Application) error {
	settings, err := json.Marshal(a.Settings)
	if err != nil {
		return wrap(err, "encode the settings of application", a.ID)
	}
	u.expect(model.ErrConflict, updateApplicationSQL, a.RealmID, a.ID, a.Version, a.Kind, a.Name, a.Status,
		a.OwnerID, string(settings), string(a.Settings.Origin), a.TokensInvalidBefore)
	u.locks(lockRow, string(a.ID))
	u.holdAuthenticatorConfig(a.RealmID, a.Settings.AuthenticatorConfig)
	return nil
}
