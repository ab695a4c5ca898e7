package storetest

import (
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/store"
)

// A deed is a change of state that takes effects with it.
type deed struct {
	name string
	// prepare makes what the deed needs and returns it. Done twice, the second
	// time is refused, or changes nothing.
	prepare func(*world) func(model.Effects) error
}

// deeds is every method that takes effects.
var deeds = []deed{
	{"CreateTenant", func(w *world) func(model.Effects) error {
		t := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: "T", CreatedAt: start}
		return func(fx model.Effects) error { return w.CreateTenant(w.ctx, t, fx) }
	}},
	{"CreateRealm", func(w *world) func(model.Effects) error {
		r := w.away.realm
		r.ID, r.Name = model.RealmID(ids.New("rlm")), "third"
		return func(fx model.Effects) error { return w.CreateRealm(w.ctx, r, fx) }
	}},
	{"UpdateRealm", func(w *world) func(model.Effects) error {
		return func(fx model.Effects) error { return w.UpdateRealm(w.ctx, w.home.realm, fx) }
	}},
	{"InsertSigningKey", func(w *world) func(model.Effects) error {
		k := newSigningKey(w.home.realm.ID, "ES256", model.SigningActive)
		return func(fx model.Effects) error { return w.InsertSigningKey(w.ctx, k, fx) }
	}},
	{"ActivateSigningKey", func(w *world) func(model.Effects) error {
		k := newSigningKey(w.home.realm.ID, "ES256", model.SigningNext)
		w.ok(w.InsertSigningKey(w.ctx, k, model.Effects{}))
		return func(fx model.Effects) error { return w.ActivateSigningKey(w.ctx, k, start, start, fx) }
	}},
	{"CreateApplication", func(w *world) func(model.Effects) error {
		a := newApp(w.home.realm.ID)
		return func(fx model.Effects) error { return w.CreateApplication(w.ctx, a, fx) }
	}},
	{"UpdateApplication", func(w *world) func(model.Effects) error {
		return func(fx model.Effects) error { return w.UpdateApplication(w.ctx, w.home.app, fx) }
	}},
	{"CreateIdentity", func(w *world) func(model.Effects) error {
		i := newPerson(w.home.realm.ID, "bob")
		return func(fx model.Effects) error { return w.CreateIdentity(w.ctx, i, fx) }
	}},
	{"UpdateIdentity", func(w *world) func(model.Effects) error {
		return func(fx model.Effects) error { return w.UpdateIdentity(w.ctx, w.home.person, fx) }
	}},
	{"CreateBindingJob", func(w *world) func(model.Effects) error {
		j := newJob(w.home.person)
		return func(fx model.Effects) error { return w.CreateBindingJob(w.ctx, j, fx) }
	}},
	{"CreateBindingJobs", func(w *world) func(model.Effects) error {
		list := []model.BindingJob{newJob(w.home.person), newJob(w.home.person)}
		return func(fx model.Effects) error { return w.CreateBindingJobs(w.ctx, list, fx) }
	}},
	{"FailBindingJob", func(w *world) func(model.Effects) error {
		j := w.job(w.home.person)
		return func(fx model.Effects) error {
			return w.FailBindingJob(w.ctx, j.RealmID, directory.FailedLink{Job: j.ID, Failure: "no", At: start}, fx)
		}
	}},
	{"RevokeBindingJob", func(w *world) func(model.Effects) error {
		j := w.job(w.home.person)
		return func(fx model.Effects) error { return w.RevokeBindingJob(w.ctx, j.RealmID, j.ID, start, fx) }
	}},
	{"UseRecoveryCode", func(w *world) func(model.Effects) error {
		c, j := w.recoveryCode(), newJob(w.home.person)
		return func(fx model.Effects) error { return w.UseRecoveryCode(w.ctx, c, j, fx) }
	}},
	{"RemoveRecoveryCodes", func(w *world) func(model.Effects) error {
		c := w.recoveryCode()
		return func(fx model.Effects) error { return w.RemoveRecoveryCodes(w.ctx, c.RealmID, c.IdentityID, fx) }
	}},
	{"CompleteBinding", func(w *world) func(model.Effects) error {
		c := w.completion()
		return func(fx model.Effects) error { return w.CompleteBinding(w.ctx, c, fx) }
	}},
	{"SignIn", func(w *world) func(model.Effects) error {
		once, s := newOnce(w.home.realm.ID, model.OnceCeremony), newSession(w.home.passkey)
		return func(fx model.Effects) error { return w.SignIn(w.ctx, once, s, useOf(w.home.passkey, start), fx) }
	}},
	{"EndSession", func(w *world) func(model.Effects) error {
		s := w.session()
		return func(fx model.Effects) error { return w.EndSession(w.ctx, s.RealmID, s.ID, start, fx) }
	}},
	{"CreateApproval", func(w *world) func(model.Effects) error {
		a := w.home.approval()
		return func(fx model.Effects) error { return w.CreateApproval(w.ctx, a, 1, fx) }
	}},
	{"EndApproval", func(w *world) func(model.Effects) error {
		e := ending(w.ask(w.home), model.ApprovalApproved)
		return func(fx model.Effects) error { return w.EndApproval(w.ctx, e, fx) }
	}},
	{"FulfilApproval", func(w *world) func(model.Effects) error {
		a := w.ask(w.home)
		w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
		g := grantOf(a)
		return func(fx model.Effects) error { return w.FulfilApproval(w.ctx, g, start, fx) }
	}},
	{"RedeemApproval", func(w *world) func(model.Effects) error {
		a := w.fulfilled()
		return func(fx model.Effects) error { return w.RedeemApproval(w.ctx, a.RealmID, a.ID, start, fx) }
	}},
	{"OpenGrant", func(w *world) func(model.Effects) error {
		o := once(w.home.grant())
		return func(fx model.Effects) error { return w.OpenGrant(w.ctx, o, fx) }
	}},
	{"RefreshGrant", func(w *world) func(model.Effects) error {
		r := refreshing(w.opened(w.home.grant()), 1)
		return func(fx model.Effects) error { return w.RefreshGrant(w.ctx, r, fx) }
	}},
	{"CreateDeviceRequest", func(w *world) func(model.Effects) error {
		d := w.home.device()
		return func(fx model.Effects) error { return w.CreateDeviceRequest(w.ctx, d, fx) }
	}},
	{"DecideDevice", func(w *world) func(model.Effects) error {
		d := w.decided(w.device(w.home), model.DeviceApproved)
		return func(fx model.Effects) error { return w.DecideDevice(w.ctx, d, fx) }
	}},
	{"RedeemDevice", func(w *world) func(model.Effects) error {
		d := w.approvedDevice()
		o := w.deviceGrant(d)
		return func(fx model.Effects) error { return w.RedeemDevice(w.ctx, d.Digest, o, fx) }
	}},
	{"Disallow", func(w *world) func(model.Effects) error {
		w.ok(w.AddConsents(w.ctx, w.home.consentsTo("scope a"), model.Effects{}))
		return func(fx model.Effects) error { return w.Disallow(w.ctx, w.home.disallowing(start), fx) }
	}},
	{"UpdateRegistration", func(w *world) func(model.Effects) error {
		a := w.registered(w.home, model.OriginDynamic, start)
		return func(fx model.Effects) error { return w.UpdateRegistration(w.ctx, a, fx) }
	}},
	{"DeleteApplication", func(w *world) func(model.Effects) error {
		a := w.registered(w.home, model.OriginDynamic, start)
		return func(fx model.Effects) error { return w.DeleteApplication(w.ctx, a.RealmID, a.ID, start, fx) }
	}},
	{"ReapRegistration", func(w *world) func(model.Effects) error {
		a := w.registered(w.home, model.OriginDynamic, start)
		return func(fx model.Effects) error { return w.ReapRegistration(w.ctx, a.RealmID, a.ID, start+1, fx) }
	}},
	{"CreateAuthenticatorConfig", func(w *world) func(model.Effects) error {
		c := newConfig(w.home.realm.ID)
		return func(fx model.Effects) error { return w.CreateAuthenticatorConfig(w.ctx, c, fx) }
	}},
	{"UpdateAuthenticatorConfig", func(w *world) func(model.Effects) error {
		c := w.config()
		return func(fx model.Effects) error { return w.UpdateAuthenticatorConfig(w.ctx, c, true, fx) }
	}},
	{"DeleteAuthenticatorConfig", func(w *world) func(model.Effects) error {
		c := w.config()
		return func(fx model.Effects) error { return w.DeleteAuthenticatorConfig(w.ctx, c, start, fx) }
	}},
	{"Revoke", func(w *world) func(model.Effects) error {
		r := w.revocation(model.RevokeGrant, "grt_1")
		return func(fx model.Effects) error { return w.Revoke(w.ctx, r, fx) }
	}},
	{"RevokeGrantTokens", func(w *world) func(model.Effects) error {
		r := w.revocation(model.RevokeGrantTokens, string(w.opened(w.home.grant()).ID))
		return func(fx model.Effects) error { return w.RevokeGrantTokens(w.ctx, r, fx) }
	}},
}

func (w *world) completion() directory.Completion {
	w.Helper()
	return completion(w.job(w.home.person), newPasskey(w.home.person))
}

// newEffects is one of each kind.
func newEffects(realm model.RealmID) model.Effects {
	return model.Effects{
		Events:  []model.Event{newEvent(realm, "test.done")},
		Outbox:  []model.OutboxItem{newItem(realm)},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRealm, Key: string(realm), At: start}},
		// No deed writes a revocation of a realm by itself.
		Revocations: []model.Revocation{{RealmID: realm, Kind: model.RevokeRealm, Key: ids.New("rlm"), Before: start, ExpiresAt: start.Add(time.Hour), At: start}},
	}
}

// ofRealms are the revocations that came with effects.
func (w *world) ofRealms() []model.Revocation {
	w.Helper()
	return slices.DeleteFunc(got(w.Revocations(w.ctx, 0, start)), func(r model.Revocation) bool { return r.Kind != model.RevokeRealm })
}

// told are the changes of effects, and how often their revocation was announced.
func told(heard []model.Change, fx model.Effects) (changes []model.Change, announced int) {
	for _, c := range heard {
		switch {
		case c.Topic != model.TopicRevocation:
			changes = append(changes, c)
		case c.Key == fx.Revocations[0].Key && c.At == fx.Revocations[0].At:
			announced++
		}
	}
	return changes, announced
}

var effectsPromises = func() (list []promise) {
	for _, d := range deeds {
		list = append(list, promise{d.name + "WritesItsEffectsIfAndOnlyIfItHappens", func(w *world) { checkDeed(w, d) }})
	}
	return list
}()

// checkDeed lets the deed fail through its effects, then happen, then be
// refused: effects and change of state are there together or not at all.
func checkDeed(w *world, d deed) {
	var heard changes
	w.Store = w.open(store.Config{Publish: heard.add})
	do := d.prepare(w)
	heard.reset()

	spoiled := newEffects(w.home.realm.ID)
	spoiled.Events = append(spoiled.Events, spoiled.Events[0]) // an id twice
	w.refused(do(spoiled), model.ErrConflict)
	same(w, len(w.events(w.home.realm.ID)), 0)
	same(w, got(w.NextOutbox(w.ctx)), 0)
	same(w, len(heard.all()), 0)
	same(w, w.ofRealms(), nil)

	fx := newEffects(w.home.realm.ID)
	w.ok(do(fx)) // so the spoiled one changed nothing
	same(w, w.events(w.home.realm.ID), fx.Events)
	same(w, w.ofRealms(), fx.Revocations)
	changes, announced := told(heard.all(), fx)
	same(w, changes, fx.Changes)
	same(w, announced, 1)

	_ = do(newEffects(w.home.realm.ID)) // refused, or nothing left to do
	same(w, w.events(w.home.realm.ID), fx.Events)
	same(w, w.ofRealms(), fx.Revocations)
	changes, announced = told(heard.all(), fx)
	same(w, changes, fx.Changes)
	same(w, announced, 1)
	items := w.lease("a", start, 10)
	if len(items) != 1 || items[0].ID != fx.Outbox[0].ID {
		w.Errorf("got outbox %+v, want the one item", items)
	}
}
