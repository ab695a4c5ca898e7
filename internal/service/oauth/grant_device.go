package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// entitleDevice: RFC 8628, Section 3.4. Like a poll for an approval it waits as
// long as the client asked, and answers the moment the person does.
func (e *Engine) entitleDevice(ctx context.Context, x *exchange) (*entitlement, error) {
	code := x.Params.Get("device_code")
	if code == "" {
		return nil, &Error{Code: InvalidRequest, Description: "device_code is missing"}
	}
	d, err := e.awaitDevice(ctx, x, code)
	if err != nil {
		return nil, err
	}
	now := model.MillisOf(e.cfg.Now())
	switch d.State {
	case model.DevicePending:
		if now >= d.ExpiresAt {
			return nil, deviceExpired()
		}
		return nil, e.devicePending(x, code)
	case model.DeviceDenied:
		return nil, &Error{Code: AccessDenied, Description: "the person said no"}
	case model.DeviceApproved:
		// An answer in the last second must reach the poll that waits for it.
		if now > max(d.ExpiresAt, d.DecidedAt.Add(grace)) {
			return nil, deviceExpired()
		}
		return e.deviceEntitlement(ctx, x, d, now)
	default:
		return nil, deviceRefused(errors.New("redeemed before"))
	}
}

func deviceExpired() error {
	return &Error{Code: ExpiredToken, Description: "the device code has expired"}
}

// deviceRefused: unknown, foreign and used codes look the same on purpose.
func deviceRefused(cause error) error {
	return &Error{Code: InvalidGrant, Description: "device_code is not valid", Cause: cause}
}

func (e *Engine) awaitDevice(ctx context.Context, x *exchange, code string) (model.DeviceRequest, error) {
	digest := ids.DigestOf(code)
	d, err := e.readDevice(ctx, x, digest)
	if err != nil || d.State != model.DevicePending || x.Wait <= 0 {
		return d, err
	}
	watch := e.cfg.Hub.Watch(model.TopicDevice, deviceKey(digest))
	defer watch.Stop()
	err = e.hold(ctx, x, held{id: code, woken: watch.C, until: d.ExpiresAt}, func() (bool, error) {
		d, err = e.readDevice(ctx, x, digest)
		return d.State != model.DevicePending, err
	})
	return d, err
}

func (e *Engine) readDevice(ctx context.Context, x *exchange, digest ids.Digest) (model.DeviceRequest, error) {
	// A stopping server answers its waiting polls; it must still be able to read.
	d, err := e.cfg.Store.DeviceRequest(context.WithoutCancel(ctx), x.Site.Realm.ID, digest)
	if errors.Is(err, model.ErrNotFound) {
		return d, deviceRefused(err)
	}
	if err != nil {
		return d, fmt.Errorf("find device: %w", err)
	}
	if d.ApplicationID != x.client.ID { // RFC 8628, Section 3.4: it was issued to another client
		return d, deviceRefused(errors.New("another client's"))
	}
	return d, nil
}

// devicePending: RFC 8628, Section 3.5. Who polls too often has to wait 5 s longer
// from then on. This node alone remembers that.
func (e *Engine) devicePending(x *exchange, code string) error {
	if !x.held {
		if _, ok := e.devices.polls.Visit(code, x.started); !ok {
			return &Error{Code: SlowDown, Description: "polled more often than the interval allows"}
		}
	}
	return &Error{Code: AuthorizationPending, Description: "the person has not answered yet"}
}

func (e *Engine) deviceEntitlement(ctx context.Context, x *exchange, d model.DeviceRequest, now model.Millis) (*entitlement, error) {
	g := model.Grant{RealmID: d.RealmID, ID: model.GrantID(ids.New("grt")), Kind: GrantDevice, IdentityID: d.IdentityID,
		ApplicationID: d.ApplicationID, Scope: d.Scope, Terms: d.Terms, CreatedAt: max(now, d.DecidedAt)}
	ent := &entitlement{identity: d.IdentityID, grantID: g.ID, scope: strings.Fields(d.Scope), details: d.Terms.Details,
		auth: &authentication{at: d.Terms.AuthTime, acr: d.Terms.ACR, amr: d.Terms.AMR}, sid: d.Terms.SessionID, decided: d.DecidedAt}
	if err := narrowTo(x, ent, g); err != nil {
		return nil, err
	}
	if slices.Contains(strings.Fields(d.Scope), "openid") {
		ent.idToken = func(*object) {} // OpenID Connect Core 1.0, Section 2; there was no nonce
	}
	var err error
	if ent.refresh, err = e.firstRefresh(ctx, x, &g); err != nil {
		return nil, err
	}
	ent.commit = func(ctx context.Context) error { return e.redeemDevice(ctx, d, g) }
	return ent, nil
}

// redeemDevice: of all who poll at once, one gets the tokens.
func (e *Engine) redeemDevice(ctx context.Context, d model.DeviceRequest, g model.Grant) error {
	err := e.cfg.Store.RedeemDevice(ctx, d.Digest, Opening{Grant: g, Decided: d.DecidedAt}, model.Effects{})
	if errors.Is(err, model.ErrCommitUnknown) {
		if _, readErr := e.cfg.Store.Grant(ctx, g.RealmID, g.ID); readErr == nil {
			return nil // it is there, and its id is ours alone
		}
	}
	if errors.Is(err, model.ErrConflict) {
		return deviceRefused(errors.New("redeemed before, or revoked"))
	}
	if err != nil {
		return fmt.Errorf("redeem device code: %w", err)
	}
	return nil
}

// A held is a poll that is held back.
type held struct {
	id    string          // what is polled for, so that nobody waits for it too often at once
	woken <-chan struct{} // something may have changed
	until model.Millis    // nothing to wait for after that
}

// hold looks now and whenever it is woken, until look says that it has seen
// enough or the time is over for which the client would wait (RFC 7240, Section
// 4.3).
func (e *Engine) hold(ctx context.Context, x *exchange, h held, look func() (bool, error)) error {
	give, ok := e.waiting.Take(h.id)
	if !ok { // as many wait already as one asker needs: answer at once
		return nil
	}
	defer give()
	x.held = true
	timer := time.NewTimer(min(x.Wait, e.cfg.MaxWait, h.until.Time().Sub(e.cfg.Now())))
	defer timer.Stop()
	for {
		// Watched first, read second: nothing falls between the two.
		if enough, err := look(); enough || err != nil {
			return err
		}
		select {
		case <-h.woken:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil // the server is stopping, or nobody listens any more
		}
	}
}
