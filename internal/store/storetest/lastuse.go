package storetest

import (
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

// keyed stores an application with so many keys, k000, k001, ...
func (w *world) keyed(p place, keys int) model.Application {
	w.Helper()
	a := newApp(p.realm.ID)
	for i := range keys {
		a.Keys = append(a.Keys, model.ClientKey{KID: model.ClientKeyID(fmt.Sprintf("k%03d", i)), JWK: fmt.Appendf(nil, `{"n":%d}`, i), Status: model.KeyActive, CreatedAt: 1})
	}
	w.ok(w.CreateApplication(w.ctx, a, model.Effects{}))
	return a
}

func keyUse(a model.Application, kid model.ClientKeyID, at model.Millis) model.KeyUse {
	return model.KeyUse{RealmID: a.RealmID, ClientID: a.ID, KID: kid, At: at}
}

// lastUses are those of an application's keys, in their order.
func (w *world) lastUses(a model.Application) (list []model.Millis) {
	w.Helper()
	for _, k := range got(w.Application(w.ctx, a.RealmID, a.ID)).Keys {
		list = append(list, k.LastUsedAt)
	}
	return list
}

var lastUsePromises = []promise{
	{"LastUsesAreWrittenForManyKeysAtOnceAndForNoOther", func(w *world) {
		const many = 150 // more than one statement holds
		a, neighbour, away := w.keyed(w.home, many), w.keyed(w.home, 2), w.keyed(w.away, 2)
		var uses []model.KeyUse
		var want []model.Millis
		for i, k := range a.Keys {
			uses, want = append(uses, keyUse(a, k.KID, start+model.Millis(i))), append(want, start+model.Millis(i))
		}
		w.ok(w.KeysUsed(w.ctx, uses))
		same(w, w.lastUses(a), want)
		same(w, w.lastUses(neighbour), []model.Millis{0, 0})
		same(w, w.lastUses(away), []model.Millis{0, 0})
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)).Version, a.Version)
	}},
	{"ALastUseNeverGoesBackward", func(w *world) {
		a := w.keyed(w.home, 2)
		for _, at := range []model.Millis{start, start - 1, start + 5, start + 4} {
			w.ok(w.KeysUsed(w.ctx, []model.KeyUse{keyUse(a, "k000", at)}))
		}
		same(w, w.lastUses(a), []model.Millis{start + 5, 0})

		// Whoever changes the keys read them before that.
		w.ok(w.KeysUsed(w.ctx, []model.KeyUse{keyUse(a, "k001", start+9)}))
		a.Keys[0].Status, a.Keys[0].RetireAt = model.KeyRetiring, start+100
		a.Keys[1].LastUsedAt = start + 10
		w.ok(w.UpdateRegistration(w.ctx, a, model.Effects{}))
		same(w, w.lastUses(a), []model.Millis{start + 5, start + 10})
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)).Keys[0].Status, model.KeyRetiring)

		// Another key under the same kid was never used.
		a.Version++
		a.Keys[0].JWK = []byte(`{"other":1}`)
		w.ok(w.UpdateRegistration(w.ctx, a, model.Effects{}))
		same(w, w.lastUses(a), []model.Millis{0, start + 10})
	}},
	{"TheUseOfAKeyThatIsGoneIsNotWritten", func(w *world) {
		a, b := w.keyed(w.home, 2), w.keyed(w.home, 1)
		w.ok(w.DeleteApplication(w.ctx, b.RealmID, b.ID, start, model.Effects{}))
		a.Keys = a.Keys[:1]
		w.ok(w.UpdateRegistration(w.ctx, a, model.Effects{}))
		w.ok(w.KeysUsed(w.ctx, []model.KeyUse{keyUse(a, "k000", start), keyUse(a, "k001", start), keyUse(b, "k000", start)}))
		same(w, w.lastUses(a), []model.Millis{start})
		_, err := w.Application(w.ctx, b.RealmID, b.ID)
		w.refused(err, model.ErrNotFound)
	}},
	{"OfManyWhoChangeTheKeysOfOneVersionOneWinsWhileTheyAreUsed", func(w *world) {
		a := w.keyed(w.home, 3)
		oneWins(w, race(w, func(s *store.Store, i int) error {
			own := a
			own.Keys = append([]model.ClientKey{{KID: model.ClientKeyID(fmt.Sprintf("n%03d", i)), JWK: []byte(`{}`), Status: model.KeyActive, CreatedAt: 2}}, a.Keys...)
			if err := s.KeysUsed(w.ctx, []model.KeyUse{keyUse(a, "k000", start), keyUse(a, "k002", start+model.Millis(i))}); err != nil {
				return err
			}
			return s.UpdateRegistration(w.ctx, own, model.Effects{})
		}))
		w.ok(w.KeysUsed(w.ctx, []model.KeyUse{keyUse(a, "k002", start+contenders)}))
		same(w, w.lastUses(a), []model.Millis{start, 0, start + contenders, 0})
	}},
}
