package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
)

// consentsTo is what the person of a place agrees to for its application.
func (p place) consentsTo(items ...string) (list []model.Consent) {
	for _, item := range items {
		list = append(list, model.Consent{RealmID: p.realm.ID, IdentityID: p.person.ID, ApplicationID: p.app.ID, Item: item, At: start})
	}
	return list
}

// consents are those of the person of a place for its application.
func (w *world) consents(p place) []string {
	w.Helper()
	return got(w.Consents(w.ctx, p.realm.ID, p.person.ID, p.app.ID))
}

var consentPromises = []promise{
	{"AgreeingToMoreOnlyAdds", func(w *world) {
		same(w, len(w.consents(w.home)), 0)
		w.ok(w.AddConsents(w.ctx, w.home.consentsTo("scope openid", "scope email"), model.Effects{}))
		w.ok(w.AddConsents(w.ctx, w.home.consentsTo("scope email", "resource https://api.example", "scope email"), model.Effects{}))
		same(w, w.consents(w.home), []string{"resource https://api.example", "scope email", "scope openid"})
		w.ok(w.AddConsents(w.ctx, nil, model.Effects{}))
	}},
	{"ConsentsAreOfOnePersonForOneApplication", func(w *world) {
		w.ok(w.AddConsents(w.ctx, w.home.consentsTo("scope a"), model.Effects{}))
		other, another := w.home, w.home
		other.person, another.app = newPerson(w.home.realm.ID, "bob"), newApp(w.home.realm.ID)
		w.ok(w.AddConsents(w.ctx, append(other.consentsTo("scope b"), another.consentsTo("scope c")...), model.Effects{}))
		same(w, [][]string{w.consents(w.home), w.consents(other), w.consents(another)}, [][]string{{"scope a"}, {"scope b"}, {"scope c"}})
		w.ok(w.Disallow(w.ctx, w.home.disallowing(start), model.Effects{}))
		same(w, [][]string{w.consents(w.home), w.consents(other), w.consents(another)}, [][]string{nil, {"scope b"}, {"scope c"}})
	}},
	{"AllConsentsOfAPersonComeByApplicationAndItem", func(w *world) {
		same(w, len(got(w.ConsentsOf(w.ctx, w.home.realm.ID, w.home.person.ID))), 0)
		other, another := w.home, w.home
		other.person, another.app = newPerson(w.home.realm.ID, "bob"), newApp(w.home.realm.ID)
		mine, also := w.home.consentsTo("scope a", "scope b"), another.consentsTo("scope a")
		w.ok(w.AddConsents(w.ctx, slices.Concat(also, mine, other.consentsTo("scope a")), model.Effects{}))
		want := append(mine, also...) // ids of later applications are larger
		same(w, got(w.ConsentsOf(w.ctx, w.home.realm.ID, w.home.person.ID)), want)
	}},
	{"AllGrantsOfAPersonComeOldestFirst", func(w *world) {
		live, over, revoked := w.opened(w.home.grant()), w.home.grant(), w.home.grant()
		over.ExpiresAt = start - 1
		w.opened(over)
		w.revoke(w.queryOf(w.opened(revoked)))
		bob, nobody := w.home.grant(), w.home.grant()
		bob.IdentityID, nobody.IdentityID = "idn_bob", ""
		w.opened(bob)
		w.opened(nobody)
		same(w, got(w.GrantsOf(w.ctx, w.home.realm.ID, w.home.person.ID)), []model.Grant{live, over, w.grant(revoked)})
		same(w, len(got(w.GrantsOf(w.ctx, w.home.realm.ID, ""))), 0)
	}},
	{"AnApplicationIsKnownByWhenItWasLastGivenSomethingAndDisallowed", func(w *world) {
		g, later, nobody := w.home.grant(), w.home.grant(), w.home.grant()
		later.CreatedAt, nobody.IdentityID = start+7, ""
		w.opened(later)
		w.opened(g)
		w.opened(nobody)
		want := w.home.disallowing(0)
		want.UsedAt = start + 7
		same(w, got(w.Allowances(w.ctx, w.home.realm.ID, w.home.person.ID)), []model.Allowance{want})
		w.ok(w.Disallow(w.ctx, w.home.disallowing(start), model.Effects{}))
		want.DisallowedAt = start
		same(w, got(w.Allowances(w.ctx, w.home.realm.ID, w.home.person.ID)), []model.Allowance{want})
		same(w, len(got(w.Allowances(w.ctx, w.home.realm.ID, ""))), 0)
	}},
	{"WhatWasAllowedBeforeItWasTakenBackOpensNothing", checkDisallowedOpensNothing},
	{"WhatIsAgreedToAfterItWasTakenBackStays", func(w *world) {
		later := w.home.consentsTo("scope b")
		later[0].At = start + 1
		w.ok(w.AddConsents(w.ctx, append(w.home.consentsTo("scope a"), later...), model.Effects{}))
		w.ok(w.Disallow(w.ctx, w.home.disallowing(start), model.Effects{}))
		same(w, w.consents(w.home), []string{"scope b"})
	}},
	{"OfAGrantThatOpensWhileItIsTakenBackNothingStays", checkDisallowRace},
	{"AddedConsentsComeWithTheirEffects", func(w *world) {
		fx := newEffects(w.home.realm.ID)
		w.ok(w.AddConsents(w.ctx, w.home.consentsTo("scope a"), fx))
		same(w, w.events(w.home.realm.ID), fx.Events)
		w.refused(w.AddConsents(w.ctx, w.home.consentsTo("scope b"), fx), model.ErrConflict) // the same event again
		same(w, w.consents(w.home), []string{"scope a"})
	}},
	{"ManyAgreeToTheSameAtOnceAndNobodyWaitsForAnother", func(w *world) {
		items := []string{"scope a", "scope b", "scope c", "scope d"}
		began := time.Now()
		manyWin(w, race(w, func(s *store.Store, i int) error {
			for range 20 {
				list := w.home.consentsTo(items...)
				if i%2 == 0 {
					slices.Reverse(list)
				}
				if err := s.AddConsents(w.ctx, list, model.Effects{}); err != nil {
					return err
				}
			}
			return nil
		}), contenders, nil)
		same(w, w.consents(w.home), items)
		w.Logf("it took %v", time.Since(began))
	}},
}

// disallowing is the person of a place who takes back what its application has.
func (p place) disallowing(at model.Millis) model.Allowance {
	return model.Allowance{RealmID: p.realm.ID, IdentityID: p.person.ID, ApplicationID: p.app.ID, DisallowedAt: at}
}

func checkDisallowedOpensNothing(w *world) {
	w.ok(w.Disallow(w.ctx, w.home.disallowing(start), model.Effects{}))
	o := once(w.home.grant())
	w.refused(w.OpenGrant(w.ctx, o, model.Effects{}), model.ErrConflict)
	w.noGrant(o)
	w.ok(w.Disallow(w.ctx, w.home.disallowing(start-1), model.Effects{})) // an earlier instant takes nothing of it away
	w.refused(w.OpenGrant(w.ctx, once(w.home.grant()), model.Effects{}), model.ErrConflict)

	later, bob, another := once(w.home.grant()), once(w.home.grant()), once(w.home.grant())
	later.Decided = start + 1
	other := newPerson(w.home.realm.ID, "bob")
	w.ok(w.CreateIdentity(w.ctx, other, model.Effects{}))
	bob.Grant.IdentityID, another.Grant.ApplicationID = other.ID, "agt_another"
	for _, o := range []oauth.Opening{later, bob, another} {
		w.ok(w.OpenGrant(w.ctx, o, model.Effects{}))
	}
	d := w.approvedDevice()
	w.ok(w.Disallow(w.ctx, w.home.disallowing(d.DecidedAt), model.Effects{}))
	w.refused(w.RedeemDevice(w.ctx, d.Digest, w.deviceGrant(d), model.Effects{}), model.ErrConflict)
}

// checkDisallowRace: one takes back, the others redeem what was decided before.
func checkDisallowRace(w *world) {
	race(w, func(s *store.Store, i int) error {
		if i > 0 {
			err := s.OpenGrant(w.ctx, once(w.home.grant()), model.Effects{})
			if errors.Is(err, model.ErrConflict) {
				return nil
			}
			return err
		}
		if err := s.Disallow(w.ctx, w.home.disallowing(start), model.Effects{}); err != nil {
			return err
		}
		q := oauth.GrantQuery{RealmID: w.home.realm.ID, ApplicationID: w.home.app.ID, IdentityID: w.home.person.ID, At: start, Until: start + 1}
		_, err := s.RevokeGrants(w.ctx, q, model.Effects{})
		return err
	})
	for _, g := range got(w.GrantsOf(w.ctx, w.home.realm.ID, w.home.person.ID)) {
		if g.RevokedAt == 0 {
			w.Errorf("grant %s outlives what allowed it", g.ID)
		}
	}
}

func (p place) parked() model.Parked {
	return model.Parked{RealmID: p.realm.ID, Digest: ids.DigestOf(ids.Secret()), Sealed: []byte{0, 1, 0xff}, ExpiresAt: start.Add(time.Minute)}
}

func (p place) opaque() model.OpaqueToken {
	return model.OpaqueToken{RealmID: p.realm.ID, Digest: ids.DigestOf(ids.Secret()), Claims: []byte(`{"sub":"a"}`), ExpiresAt: start.Add(time.Minute)}
}

func newRealmSecret(realm model.RealmID) model.RealmSecret {
	return model.RealmSecret{RealmID: realm, Name: "pairwise", Sealed: secret(), CreatedAt: start}
}

var parkedPromises = []promise{
	{"ParkedStateComesBackByItsReference", func(w *world) {
		p := w.home.parked()
		w.ok(w.Park(w.ctx, p))
		same(w, got(w.Parked(w.ctx, p.RealmID, p.Digest)), p)
		_, err := w.Parked(w.ctx, p.RealmID, ids.DigestOf("other"))
		w.refused(err, model.ErrNotFound)
		other := w.home.parked()
		other.Digest = p.Digest
		w.refused(w.Park(w.ctx, other), model.ErrConflict)
		same(w, got(w.Parked(w.ctx, p.RealmID, p.Digest)), p)
	}},
	{"AnOpaqueTokenComesBackByItsDigest", func(w *world) {
		o := w.home.opaque()
		w.ok(w.SaveOpaque(w.ctx, o))
		same(w, got(w.Opaque(w.ctx, o.RealmID, o.Digest)), o)
		_, err := w.Opaque(w.ctx, o.RealmID, ids.DigestOf("other"))
		w.refused(err, model.ErrNotFound)
		w.refused(w.SaveOpaque(w.ctx, o), model.ErrConflict)
	}},
	{"ASecretOfARealmIsMadeOnceUnderItsName", func(w *world) {
		s := newRealmSecret(w.home.realm.ID)
		_, err := w.RealmSecret(w.ctx, s.RealmID, s.Name)
		w.refused(err, model.ErrNotFound)
		w.ok(w.InsertRealmSecret(w.ctx, s))
		w.refused(w.InsertRealmSecret(w.ctx, newRealmSecret(s.RealmID)), model.ErrConflict)
		other := newRealmSecret(s.RealmID)
		other.Name = "other"
		w.ok(w.InsertRealmSecret(w.ctx, other))
		w.ok(w.InsertRealmSecret(w.ctx, newRealmSecret(w.away.realm.ID)))
		same(w, got(w.RealmSecret(w.ctx, s.RealmID, s.Name)), s)
		w.refused(w.InsertRealmSecret(w.ctx, newRealmSecret("rlm_nobody")), model.ErrNotFound)
	}},
}
