package storetest

import (
	"encoding/json"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

func (p place) device() model.DeviceRequest {
	return model.DeviceRequest{RealmID: p.realm.ID, Digest: ids.DigestOf(ids.Secret()), UserCode: ids.Secret()[:8],
		ApplicationID: p.app.ID, State: model.DevicePending, Scope: "openid", UserAgent: "tv/1", Address: "192.0.2.1",
		Terms:     model.GrantTerms{Resources: []string{"https://api.example"}, Details: []json.RawMessage{json.RawMessage(`{"type":"a"}`)}},
		CreatedAt: start, ExpiresAt: start.Add(10 * time.Minute)}
}

// device stores a pending request.
func (w *world) device(p place) model.DeviceRequest {
	w.Helper()
	d := p.device()
	w.ok(w.CreateDeviceRequest(w.ctx, d, model.Effects{}))
	return d
}

// decided is a request as the person of home leaves it.
func (w *world) decided(d model.DeviceRequest, state model.DeviceState) model.DeviceRequest {
	d.State, d.IdentityID, d.DecidedAt = state, w.home.person.ID, start.Add(time.Minute)
	d.Scope, d.Terms = "openid email", model.GrantTerms{AuthTime: 9}
	return d
}

// approvedDevice is a request that the person of home agreed to.
func (w *world) approvedDevice() model.DeviceRequest {
	w.Helper()
	d := w.decided(w.device(w.home), model.DeviceApproved)
	w.ok(w.DecideDevice(w.ctx, d, model.Effects{}))
	return d
}

// deviceGrant is what an approved request gives.
func (w *world) deviceGrant(d model.DeviceRequest) oauth.Opening {
	g := w.home.grant()
	g.IdentityID, g.ApplicationID, g.Scope, g.Terms = d.IdentityID, d.ApplicationID, d.Scope, d.Terms
	return oauth.Opening{Grant: g, Decided: d.DecidedAt}
}

// deviceNow reads one back.
func (w *world) deviceNow(d model.DeviceRequest) model.DeviceRequest {
	w.Helper()
	return got(w.DeviceRequest(w.ctx, d.RealmID, d.Digest))
}

var devicePromises = []promise{
	{"ADeviceRequestComesBackByItsCodeAndByItsUserCode", func(w *world) {
		d := w.device(w.home)
		same(w, w.deviceNow(d), d)
		same(w, got(w.DeviceByUserCode(w.ctx, d.RealmID, d.UserCode, start)), d)
		_, err := w.DeviceRequest(w.ctx, d.RealmID, ids.DigestOf("other"))
		w.refused(err, model.ErrNotFound)
		_, err = w.DeviceByUserCode(w.ctx, d.RealmID, "OTHER", start)
		w.refused(err, model.ErrNotFound)
	}},
	{"AUserCodeMeansOneLiveRequest", func(w *world) {
		d := w.device(w.home)
		again := w.home.device()
		again.UserCode = d.UserCode
		w.refused(w.CreateDeviceRequest(w.ctx, again, model.Effects{}), model.ErrConflict)
		again.CreatedAt = d.ExpiresAt - 1
		w.refused(w.CreateDeviceRequest(w.ctx, again, model.Effects{}), model.ErrConflict)
		again.CreatedAt, again.ExpiresAt = d.ExpiresAt, d.ExpiresAt.Add(time.Minute)
		w.ok(w.CreateDeviceRequest(w.ctx, again, model.Effects{}))
		same(w, got(w.DeviceByUserCode(w.ctx, d.RealmID, d.UserCode, again.CreatedAt)), again)
	}},
	{"AUserCodeFindsWhatIsPendingAndNotOver", func(w *world) {
		d := w.device(w.home)
		same(w, got(w.DeviceByUserCode(w.ctx, d.RealmID, d.UserCode, d.ExpiresAt-1)), d)
		_, err := w.DeviceByUserCode(w.ctx, d.RealmID, d.UserCode, d.ExpiresAt)
		w.refused(err, model.ErrNotFound)
		d = w.approvedDevice()
		_, err = w.DeviceByUserCode(w.ctx, d.RealmID, d.UserCode, start)
		w.refused(err, model.ErrNotFound)
	}},
	{"ADecisionIsWrittenOnceAndStays", func(w *world) {
		for _, state := range []model.DeviceState{model.DeviceApproved, model.DeviceDenied} {
			d := w.decided(w.device(w.home), state)
			w.ok(w.DecideDevice(w.ctx, d, model.Effects{}))
			same(w, w.deviceNow(d), d)
			for _, other := range []model.DeviceState{model.DeviceApproved, model.DeviceDenied} {
				w.refused(w.DecideDevice(w.ctx, w.decided(d, other), model.Effects{}), model.ErrConflict)
			}
			same(w, w.deviceNow(d), d)
		}
	}},
	{"WhatIsOverOrUnknownIsNotDecided", func(w *world) {
		d := w.decided(w.device(w.home), model.DeviceApproved)
		d.DecidedAt = d.ExpiresAt
		w.refused(w.DecideDevice(w.ctx, d, model.Effects{}), model.ErrConflict)
		d.DecidedAt--
		w.ok(w.DecideDevice(w.ctx, d, model.Effects{}))
		w.refused(w.DecideDevice(w.ctx, w.decided(w.home.device(), model.DeviceApproved), model.Effects{}), model.ErrConflict)
	}},
	{"AnApprovedRequestGivesItsGrantOnce", func(w *world) {
		d := w.approvedDevice()
		o := w.deviceGrant(d)
		w.ok(w.RedeemDevice(w.ctx, d.Digest, o, model.Effects{}))
		same(w, w.grant(o.Grant), o.Grant)
		d.State = model.DeviceRedeemed
		same(w, w.deviceNow(d), d)
		again := w.deviceGrant(d)
		w.refused(w.RedeemDevice(w.ctx, d.Digest, again, model.Effects{}), model.ErrConflict)
		w.noGrant(again)
	}},
	{"WhatIsNotApprovedGivesNoGrant", func(w *world) {
		pending, denied := w.device(w.home), w.decided(w.device(w.home), model.DeviceDenied)
		w.ok(w.DecideDevice(w.ctx, denied, model.Effects{}))
		for _, d := range []model.DeviceRequest{pending, denied, w.home.device()} {
			o := w.deviceGrant(w.decided(d, d.State))
			w.refused(w.RedeemDevice(w.ctx, d.Digest, o, model.Effects{}), model.ErrConflict)
			w.noGrant(o)
		}
		same(w, w.deviceNow(pending), pending)
		same(w, w.deviceNow(denied), denied)
	}},
	{"AnApprovedRequestGivesNothingToAnotherApplicationOrForAnotherPerson", func(w *world) {
		d := w.approvedDevice()
		app, person := w.deviceGrant(d), w.deviceGrant(d)
		app.Grant.ApplicationID, person.Grant.IdentityID = "app_other", "idn_other"
		for _, o := range []oauth.Opening{app, person} {
			w.refused(w.RedeemDevice(w.ctx, d.Digest, o, model.Effects{}), model.ErrConflict)
			w.noGrant(o)
		}
		same(w, w.deviceNow(d), d)
	}},
	{"WhatWasRevokedSinceADeviceWasApprovedGivesNothing", func(w *world) {
		for _, what := range revocable {
			d := w.approvedDevice()
			o := w.deviceGrant(d)
			w.revokedAt(what, d.DecidedAt)
			w.refused(w.RedeemDevice(w.ctx, d.Digest, o, model.Effects{}), model.ErrConflict)
			w.noGrant(o)
			same(w, w.deviceNow(d), d)
			w.revokedAt(what, d.DecidedAt-1)
			w.ok(w.RedeemDevice(w.ctx, d.Digest, o, model.Effects{}))
		}
	}},
}
