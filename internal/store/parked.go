package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

const (
	parkSQL   = `INSERT INTO parked (realm_id, digest, sealed, expires_at) VALUES ($1, $2, $3, $4)`
	parkedSQL = `SELECT realm_id, digest, sealed, expires_at FROM parked WHERE realm_id = $1 AND digest = $2`

	saveOpaqueSQL = `INSERT INTO opaque_token (realm_id, digest, claims, expires_at) VALUES ($1, $2, $3, $4)`
	opaqueSQL     = `SELECT realm_id, digest, claims, expires_at FROM opaque_token WHERE realm_id = $1 AND digest = $2`
)

// Park implements the OAuth service's store.
func (s *Store) Park(ctx context.Context, p model.Parked) error {
	var u unit
	u.do(parkSQL, p.RealmID, p.Digest[:], filled(p.Sealed), p.ExpiresAt)
	return wrap(s.write(ctx, &u, model.Effects{}), "park state of realm", p.RealmID)
}

// Parked implements the OAuth service's store. What is over may still be there.
func (s *Store) Parked(ctx context.Context, realm model.RealmID, digest [32]byte) (model.Parked, error) {
	scan := func(r row) model.Parked {
		return model.Parked{RealmID: model.RealmID(r.text()), Digest: digestOf(r), Sealed: r.bytes(), ExpiresAt: millis(r)}
	}
	p, err := readOne(ctx, s, scan, parkedSQL, realm, digest[:])
	return p, wrap(err, "find parked state of realm", realm)
}

// SaveOpaque implements the OAuth service's store.
func (s *Store) SaveOpaque(ctx context.Context, t model.OpaqueToken) error {
	var u unit
	u.do(saveOpaqueSQL, t.RealmID, t.Digest[:], filled(t.Claims), t.ExpiresAt)
	return wrap(s.write(ctx, &u, model.Effects{}), "save an opaque token of realm", t.RealmID)
}

// Opaque implements the OAuth service's store. What is over may still be there.
func (s *Store) Opaque(ctx context.Context, realm model.RealmID, digest [32]byte) (model.OpaqueToken, error) {
	scan := func(r row) model.OpaqueToken {
		return model.OpaqueToken{RealmID: model.RealmID(r.text()), Digest: digestOf(r), Claims: r.bytes(), ExpiresAt: millis(r)}
	}
	t, err := readOne(ctx, s, scan, opaqueSQL, realm, digest[:])
	return t, wrap(err, "find an opaque token of realm", realm)
}

// digestOf reads a column that holds a digest.
func digestOf(r row) (d [32]byte) {
	copy(d[:], r.bytes())
	return d
}
