package store

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

const (
	deviceColumns = `realm_id, digest, user_code, application_id, state, scope, terms, identity_id,
  user_agent, address, created_at, decided_at, expires_at`

	deviceRequestSQL    = `SELECT ` + deviceColumns + ` FROM device_request WHERE realm_id = $1 AND digest = $2`
	deviceByUserCodeSQL = `SELECT ` + deviceColumns + ` FROM device_request
WHERE realm_id = $1 AND user_code = $2 AND state = 'pending' AND expires_at > $3`

	// A code whose request is over is free, swept or not.
	freeUserCodeSQL = `DELETE FROM device_request WHERE realm_id = $1 AND user_code = $2 AND expires_at <= $3`

	insertDeviceSQL = `
INSERT INTO device_request (` + deviceColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

	decideDeviceSQL = `
UPDATE device_request SET state = $3, identity_id = $4, scope = $5, terms = $6, decided_at = $7
WHERE realm_id = $1 AND digest = $2 AND state = 'pending' AND expires_at > $7`

	redeemDeviceSQL = `
UPDATE device_request SET state = 'redeemed'
WHERE realm_id = $1 AND digest = $2 AND state = 'approved' AND application_id = $3 AND identity_id = $4`
)

func scanDevice(bad *error) func(row) model.DeviceRequest {
	return func(r row) model.DeviceRequest {
		d := model.DeviceRequest{
			RealmID: model.RealmID(r.text()), Digest: digestOf(r), UserCode: r.text(),
			ApplicationID: model.ClientID(r.text()), State: model.DeviceState(r.text()), Scope: r.text(),
		}
		decode(r.text(), &d.Terms, bad)
		d.IdentityID, d.UserAgent, d.Address = model.IdentityID(r.text()), r.text(), r.text()
		d.CreatedAt, d.DecidedAt, d.ExpiresAt = millis(r), millis(r), millis(r)
		return d
	}
}

// CreateDeviceRequest implements the OAuth service's store.
func (s *Store) CreateDeviceRequest(ctx context.Context, d model.DeviceRequest, fx model.Effects) error {
	terms, err := json.Marshal(&d.Terms)
	if err != nil {
		return wrap(err, "encode the terms of a device request of", d.ApplicationID)
	}
	var u unit
	u.do(freeUserCodeSQL, d.RealmID, d.UserCode, d.CreatedAt)
	u.locks(lockRow, d.UserCode)
	u.do(insertDeviceSQL, d.RealmID, d.Digest[:], d.UserCode, d.ApplicationID, string(d.State), d.Scope, string(terms),
		d.IdentityID, d.UserAgent, d.Address, d.CreatedAt, d.DecidedAt, d.ExpiresAt)
	return wrap(s.write(ctx, &u, fx), "create a device request of", d.ApplicationID)
}

// DeviceRequest implements the OAuth service's store. What is over is there
// for a while, so that the device can be told so.
func (s *Store) DeviceRequest(ctx context.Context, realm model.RealmID, digest [32]byte) (model.DeviceRequest, error) {
	var bad error
	d, err := readOne(ctx, s, scanDevice(&bad), deviceRequestSQL, realm, digest[:])
	return d, wrap(first(err, bad), "find a device request of realm", realm)
}

// DeviceByUserCode implements the OAuth service's store.
func (s *Store) DeviceByUserCode(ctx context.Context, realm model.RealmID, userCode string, now model.Millis) (model.DeviceRequest, error) {
	var bad error
	d, err := readOne(ctx, s, scanDevice(&bad), deviceByUserCodeSQL, realm, userCode, now)
	return d, wrap(first(err, bad), "find a device request of realm", realm)
}

// DecideDevice implements the OAuth service's store.
func (s *Store) DecideDevice(ctx context.Context, d model.DeviceRequest, fx model.Effects) error {
	terms, err := json.Marshal(&d.Terms)
	if err != nil {
		return wrap(err, "encode the terms of a device request of", d.ApplicationID)
	}
	var u unit
	u.expect(model.ErrConflict, decideDeviceSQL, d.RealmID, d.Digest[:], string(d.State), d.IdentityID, d.Scope,
		string(terms), d.DecidedAt)
	u.locks(lockRow, string(d.Digest[:]))
	return wrap(s.write(ctx, &u, fx), "decide a device request of", d.ApplicationID)
}

// RedeemDevice implements the OAuth service's store. The grant must be that of
// the application that asked and the person who agreed.
func (s *Store) RedeemDevice(ctx context.Context, digest [32]byte, o oauth.Opening, fx model.Effects) error {
	var u unit
	u.useUp(o.Once)
	u.expect(model.ErrConflict, redeemDeviceSQL, o.Grant.RealmID, digest[:], o.Grant.ApplicationID, o.Grant.IdentityID)
	u.locks(lockRow, string(digest[:]))
	if err := u.openGrant(&o); err != nil {
		return err
	}
	return wrap(s.write(ctx, &u, fx), "redeem a device request for grant", o.Grant.ID)
}
