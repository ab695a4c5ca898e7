package storetest

import (
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
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
		w.ok(w.RemoveConsents(w.ctx, w.home.realm.ID, w.home.person.ID, w.home.app.ID, model.Effects{}))
		same(w, [][]string{w.consents(w.home), w.consents(other), w.consents(another)}, [][]string{nil, {"scope b"}, {"scope c"}})
	}},
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
