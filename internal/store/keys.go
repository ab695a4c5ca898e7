package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const signingKeysSQL = `
SELECT realm_id, kid, alg, public_jwk, sealed, state, created_at, activated_at, retired_at, publish_until
FROM signing_key WHERE realm_id = $1 ORDER BY created_at, kid`

func scanSigningKey(r row) model.SigningKey {
	return model.SigningKey{
		RealmID: model.RealmID(r.text()), KID: model.SigningKeyID(r.text()), Alg: r.text(),
		PublicJWK: r.bytes(), Sealed: r.bytes(), State: model.SigningKeyState(r.text()),
		CreatedAt: millis(r), ActivatedAt: millis(r), RetiredAt: millis(r), PublishUntil: millis(r),
	}
}

// SigningKeys implements the keys service's store.
func (s *Store) SigningKeys(ctx context.Context, realm model.RealmID) ([]model.SigningKey, error) {
	list, err := readAll(ctx, s, scanSigningKey, signingKeysSQL, realm)
	return list, wrap(err, "list signing keys of realm", realm)
}

const insertSigningKeySQL = `
INSERT INTO signing_key (realm_id, kid, alg, public_jwk, sealed, state, created_at, activated_at, retired_at, publish_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// InsertSigningKey implements the keys service's store. Partial unique indexes
// keep a second active or next key of one algorithm out.
func (s *Store) InsertSigningKey(ctx context.Context, k model.SigningKey, fx model.Effects) error {
	var u unit
	u.do(insertSigningKeySQL, k.RealmID, k.KID, k.Alg, filled(k.PublicJWK), filled(k.Sealed), k.State,
		k.CreatedAt, k.ActivatedAt, k.RetiredAt, k.PublishUntil)
	return wrap(s.write(ctx, &u, fx), "insert signing key", k.KID)
}

const (
	// The old key goes first: two active ones are not allowed even for a moment.
	retireSigningKeySQL = `
UPDATE signing_key SET state = 'retired', retired_at = $4, publish_until = $5
WHERE realm_id = $1 AND state = 'active'
  AND alg = (SELECT alg FROM signing_key WHERE realm_id = $1 AND kid = $2 AND alg = $3 AND state = 'next')`

	activateSigningKeySQL = `
UPDATE signing_key SET state = 'active', activated_at = $4
WHERE realm_id = $1 AND kid = $2 AND alg = $3 AND state = 'next'`
)

// ActivateSigningKey implements the keys service's store.
func (s *Store) ActivateSigningKey(ctx context.Context, next model.SigningKey, at, publishUntil model.Millis, fx model.Effects) error {
	u := unit{serializable: true}
	u.do(retireSigningKeySQL, next.RealmID, next.KID, next.Alg, at, publishUntil)
	u.expect(model.ErrConflict, activateSigningKeySQL, next.RealmID, next.KID, next.Alg, at)
	return wrap(s.write(ctx, &u, fx), "activate signing key", next.KID)
}

const (
	realmSecretSQL = `
SELECT realm_id, name, sealed, created_at FROM realm_secret WHERE realm_id = $1 AND name = $2`

	insertRealmSecretSQL = `
INSERT INTO realm_secret (realm_id, name, sealed, created_at) VALUES ($1, $2, $3, $4)`
)

// RealmSecret implements the keys service's store.
func (s *Store) RealmSecret(ctx context.Context, realm model.RealmID, name string) (model.RealmSecret, error) {
	scan := func(r row) model.RealmSecret {
		return model.RealmSecret{RealmID: model.RealmID(r.text()), Name: r.text(), Sealed: r.bytes(), CreatedAt: millis(r)}
	}
	v, err := readOne(ctx, s, scan, realmSecretSQL, realm, name)
	return v, wrap(err, "read the realm secret", name)
}

// InsertRealmSecret implements the keys service's store.
func (s *Store) InsertRealmSecret(ctx context.Context, v model.RealmSecret) error {
	var u unit
	u.do(insertRealmSecretSQL, v.RealmID, v.Name, filled(v.Sealed), v.CreatedAt)
	return wrap(s.write(ctx, &u, model.Effects{}), "insert the realm secret", v.Name)
}
