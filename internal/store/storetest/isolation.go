package storetest

import (
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A trespass reaches from one realm for what belongs to the other.
type trespass struct {
	name string
	// reach is told the foreign realm and tries everything it can with ids of
	// home. It returns what it was told, or nil if it got something.
	reach func(w *world, foreign model.RealmID) error
}

var notFound = []trespass{
	{"Application", func(w *world, foreign model.RealmID) error {
		_, err := w.Application(w.ctx, foreign, w.home.app.ID)
		return err
	}},
	{"Identity", func(w *world, foreign model.RealmID) error {
		_, err := w.Identity(w.ctx, foreign, w.home.person.ID)
		return err
	}},
	{"IdentityByLogin", func(w *world, foreign model.RealmID) error {
		bob := newPerson(w.home.realm.ID, "bob")
		bob.Traits.PrimaryEmailAddress = "bob@example.org"
		w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
		if _, err := w.IdentityByLogin(w.ctx, foreign, "bob"); err == nil {
			return nil
		}
		_, err := w.IdentityByLogin(w.ctx, foreign, "bob@example.org")
		return err
	}},
	{"BindingJobByToken", func(w *world, foreign model.RealmID) error {
		_, err := w.BindingJobByToken(w.ctx, foreign, w.job(w.home.person).TokenDigest)
		return err
	}},
	{"OpenBindingJob", func(w *world, foreign model.RealmID) error {
		return w.OpenBindingJob(w.ctx, foreign, w.job(w.home.person).ID, start)
	}},
	{"PasskeyByCredential", func(w *world, foreign model.RealmID) error {
		_, err := w.PasskeyByCredential(w.ctx, foreign, w.home.passkey.CredentialID)
		return err
	}},
	{"SessionByDigest", func(w *world, foreign model.RealmID) error {
		_, err := w.SessionByDigest(w.ctx, foreign, w.session().Digest)
		return err
	}},
	{"SessionWithIdentity", func(w *world, foreign model.RealmID) error {
		_, _, err := w.SessionWithIdentity(w.ctx, foreign, w.session().Digest)
		return err
	}},
	{"EndSession", func(w *world, foreign model.RealmID) error {
		return w.EndSession(w.ctx, foreign, w.session().ID, start, model.Effects{})
	}},
	{"Approval", func(w *world, foreign model.RealmID) error {
		_, err := w.Approval(w.ctx, foreign, w.ask(w.home).ID)
		return err
	}},
	{"ApprovalByRequest", func(w *world, foreign model.RealmID) error {
		_, err := w.ApprovalByRequest(w.ctx, foreign, w.ask(w.home).AuthReqDigest)
		return err
	}},
	{"EndApproval", func(w *world, foreign model.RealmID) error {
		e := ending(w.ask(w.home), model.ApprovalApproved)
		e.RealmID = foreign
		return w.EndApproval(w.ctx, e, model.Effects{})
	}},
	{"EndApprovalWithAForeignPasskey", func(w *world, _ model.RealmID) error {
		e := ending(w.ask(w.away), model.ApprovalApproved)
		use := useOf(w.home.passkey, start)
		use.RealmID = e.RealmID
		e.Passkey = &use
		return w.EndApproval(w.ctx, e, model.Effects{})
	}},
	{"FulfilApproval", func(w *world, foreign model.RealmID) error {
		a := w.ask(w.home)
		w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
		g := grantOf(a)
		g.RealmID = foreign
		return w.FulfilApproval(w.ctx, g, start, model.Effects{})
	}},
	{"RedeemApproval", func(w *world, foreign model.RealmID) error {
		return w.RedeemApproval(w.ctx, foreign, w.fulfilled().ID, start, model.Effects{})
	}},
	{"SignInWithAForeignPasskey", func(w *world, foreign model.RealmID) error {
		s, use := newSession(w.home.passkey), useOf(w.home.passkey, start)
		s.RealmID, use.RealmID = foreign, foreign
		return w.SignIn(w.ctx, newOnce(foreign, model.OnceCeremony), s, use, model.Effects{})
	}},
	{"Grant", func(w *world, foreign model.RealmID) error {
		_, err := w.Grant(w.ctx, foreign, w.opened(w.home.grant()).ID)
		return err
	}},
	{"Parked", func(w *world, foreign model.RealmID) error {
		p := w.home.parked()
		w.ok(w.Park(w.ctx, p))
		_, err := w.Parked(w.ctx, foreign, p.Digest)
		return err
	}},
	{"Opaque", func(w *world, foreign model.RealmID) error {
		o := w.home.opaque()
		w.ok(w.SaveOpaque(w.ctx, o))
		_, err := w.Opaque(w.ctx, foreign, o.Digest)
		return err
	}},
	{"DeviceRequest", func(w *world, foreign model.RealmID) error {
		_, err := w.DeviceRequest(w.ctx, foreign, w.device(w.home).Digest)
		return err
	}},
	{"DeviceByUserCode", func(w *world, foreign model.RealmID) error {
		_, err := w.DeviceByUserCode(w.ctx, foreign, w.device(w.home).UserCode, start)
		return err
	}},
	{"RealmSecret", func(w *world, foreign model.RealmID) error {
		s := newRealmSecret(w.home.realm.ID)
		w.ok(w.InsertRealmSecret(w.ctx, s))
		_, err := w.RealmSecret(w.ctx, foreign, s.Name)
		return err
	}},
	{"AuthenticatorConfig", func(w *world, foreign model.RealmID) error {
		_, err := w.AuthenticatorConfig(w.ctx, foreign, w.config().ID)
		return err
	}},
	{"DeleteAuthenticatorConfig", func(w *world, foreign model.RealmID) error {
		c := w.config()
		c.RealmID = foreign
		return w.DeleteAuthenticatorConfig(w.ctx, c, start, model.Effects{})
	}},
	{"DeleteApplication", func(w *world, foreign model.RealmID) error {
		return w.DeleteApplication(w.ctx, foreign, w.home.app.ID, start, model.Effects{})
	}},
	{"ReapRegistration", func(w *world, foreign model.RealmID) error {
		a := w.registered(w.home, model.OriginDynamic, start)
		return w.ReapRegistration(w.ctx, foreign, a.ID, start+1, model.Effects{})
	}},
	{"CreateBindingJobForAForeignPerson", func(w *world, foreign model.RealmID) error {
		j := newJob(w.home.person)
		j.RealmID = foreign
		return w.CreateBindingJob(w.ctx, j, model.Effects{})
	}},
}

var conflicts = []trespass{
	{"UpdateApplication", func(w *world, foreign model.RealmID) error {
		a := w.home.app
		a.RealmID = foreign
		return w.UpdateApplication(w.ctx, a, model.Effects{})
	}},
	{"UpdateIdentity", func(w *world, foreign model.RealmID) error {
		i := w.home.person
		i.RealmID = foreign
		return w.UpdateIdentity(w.ctx, i, model.Effects{})
	}},
	{"UpdateRegistration", func(w *world, foreign model.RealmID) error {
		a := w.home.app
		a.RealmID = foreign
		return w.UpdateRegistration(w.ctx, a, model.Effects{})
	}},
	{"RefreshGrant", func(w *world, foreign model.RealmID) error {
		r := refreshing(w.opened(w.home.grant()), 1)
		r.RealmID = foreign
		return w.RefreshGrant(w.ctx, r, model.Effects{})
	}},
	{"OpenGrantUnderAForeignParent", func(w *world, foreign model.RealmID) error {
		g := child(w.opened(w.home.grant()))
		g.RealmID = foreign
		return w.OpenGrant(w.ctx, oauth.Opening{Grant: g}, model.Effects{})
	}},
	{"DecideDevice", func(w *world, foreign model.RealmID) error {
		d := w.decided(w.device(w.home), model.DeviceApproved)
		d.RealmID = foreign
		return w.DecideDevice(w.ctx, d, model.Effects{})
	}},
	{"RedeemDevice", func(w *world, foreign model.RealmID) error {
		d := w.approvedDevice()
		o := w.deviceGrant(d)
		o.Grant.RealmID = foreign
		return w.RedeemDevice(w.ctx, d.Digest, o, model.Effects{})
	}},
	{"FailBindingJob", func(w *world, foreign model.RealmID) error {
		j := w.job(w.home.person)
		return w.FailBindingJob(w.ctx, foreign, directory.FailedLink{Job: j.ID, Failure: "no", At: start}, model.Effects{})
	}},
	{"CompleteBinding", func(w *world, foreign model.RealmID) error {
		c := w.completion()
		c.Passkey.RealmID, c.Session.RealmID = foreign, foreign
		return w.CompleteBinding(w.ctx, c, model.Effects{})
	}},
	{"ActivateSigningKey", func(w *world, foreign model.RealmID) error {
		k := newSigningKey(w.home.realm.ID, "ES256", model.SigningNext)
		w.ok(w.InsertSigningKey(w.ctx, k, model.Effects{}))
		k.RealmID = foreign
		return w.ActivateSigningKey(w.ctx, k, start, start, model.Effects{})
	}},
}

var isolationPromises = func() (list []promise) {
	add := func(t trespass, want error) {
		list = append(list, promise{t.name + "StaysInItsRealm", func(w *world) {
			w.refused(t.reach(w, w.away.realm.ID), want)
			w.homeIsUntouched()
		}})
	}
	for _, t := range notFound {
		add(t, model.ErrNotFound)
	}
	for _, t := range conflicts {
		add(t, model.ErrConflict)
	}
	return append(list, promise{"ListsStayInTheirRealm", checkLists},
		promise{"WhatIsRevokedOrRemovedInOneRealmStaysInTheOther", checkForeignRemovals})
}()

// homeIsUntouched looks at what every world begins with.
func (w *world) homeIsUntouched() {
	w.Helper()
	same(w, got(w.Identity(w.ctx, w.home.realm.ID, w.home.person.ID)), w.home.person)
	same(w, got(w.Application(w.ctx, w.home.realm.ID, w.home.app.ID)), w.home.app)
	same(w, w.homePasskey(), w.home.passkey)
	q := approval.Query{RealmID: w.home.realm.ID, IdentityID: w.home.person.ID, Limit: 9, Now: start}
	for _, a := range got(w.Approvals(w.ctx, q)) {
		if a.State == model.ApprovalFulfilled && a.RedeemedAt != 0 {
			w.Errorf("approval %s was redeemed from another realm", a.ID)
		}
	}
}

func checkLists(w *world) {
	home, away := w.home.realm.ID, w.away.realm.ID
	a := w.ask(w.home)
	w.ok(w.InsertSigningKey(w.ctx, newSigningKey(home, "ES256", model.SigningActive), model.Effects{}))
	w.ok(w.Revoke(w.ctx, w.revocation(model.RevokeIdentity, string(w.home.person.ID)), model.Effects{}))
	w.ok(w.RecordEvents(w.ctx, []model.Event{newEvent(home, "test.a")}))
	s := w.session()

	same(w, len(got(w.SigningKeys(w.ctx, away))), 0)
	same(w, len(got(w.Passkeys(w.ctx, away, w.home.person.ID))), 0)
	same(w, got(w.Applications(w.ctx, away)), []model.Application{w.away.app})
	same(w, len(w.events(away)), 0)
	same(w, got(w.Revoked(w.ctx, away, model.RevokeIdentity, string(w.home.person.ID))), 0)
	q := approval.Query{RealmID: away, IdentityID: w.home.person.ID, Pending: true, Now: start, Limit: 9}
	same(w, len(got(w.Approvals(w.ctx, q))), 0)
	w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
	q.Pending = false
	same(w, len(got(w.Approvals(w.ctx, q))), 0)
	w.ok(w.TouchSession(w.ctx, away, s.ID, start+9, s.IdleUntil+9))
	same(w, got(w.SessionByDigest(w.ctx, home, s.Digest)), s)
}

// checkForeignRemovals uses ids of home in the other realm, where a grant, an
// application and consents have the same.
func checkForeignRemovals(w *world) {
	home, away := w.home.realm.ID, w.away.realm.ID
	g := w.home.grant()
	g.SessionID = "ses_1"
	w.opened(g)
	kid := w.opened(child(g))
	twin := g
	twin.RealmID = away
	w.opened(twin)
	w.ok(w.AddConsents(w.ctx, w.home.consentsTo("scope a"), model.Effects{}))
	same(w, len(got(w.Consents(w.ctx, away, w.home.person.ID, w.home.app.ID))), 0)

	q := w.queryOf(twin)
	same(w, w.revoke(q), []model.GrantID{twin.ID})
	for _, q := range []oauth.GrantQuery{
		{RealmID: away, SessionID: g.SessionID, At: start},
		{RealmID: away, ApplicationID: g.ApplicationID, At: start},
		{RealmID: away, ApplicationID: g.ApplicationID, IdentityID: g.IdentityID, At: start},
	} {
		same(w, len(w.revoke(q)), 0)
	}
	foreign := w.home.disallowing(start)
	foreign.RealmID = away
	w.ok(w.Disallow(w.ctx, foreign, model.Effects{}))
	w.ok(w.OpenGrant(w.ctx, once(w.home.grant()), model.Effects{}))
	same(w, len(got(w.ConsentsOf(w.ctx, away, w.home.person.ID))), 0)
	same(w, got(w.Allowances(w.ctx, home, w.home.person.ID))[0].DisallowedAt, 0)
	same(w, got(w.GrantsOf(w.ctx, away, w.home.person.ID)), []model.Grant{w.grant(twin)})
	same(w, []model.Grant{w.grant(g), w.grant(kid)}, []model.Grant{g, kid})
	same(w, got(w.Revoked(w.ctx, home, model.RevokeGrant, string(g.ID))), 0)
	same(w, w.consents(w.home), []string{"scope a"})
}
