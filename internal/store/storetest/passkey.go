package storetest

import (
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/store"
)

var passkeyPromises = []promise{
	{"AFirstPasskeyIsForWhoNeverHadOne", func(w *world) {
		bob := w.person("bob")
		first := func() error {
			c := completion(w.job(bob), newPasskey(bob))
			c.First = true
			return w.CompleteBinding(w.ctx, c, model.Effects{})
		}
		w.ok(first())
		w.refused(first(), model.ErrConflict)
		for _, p := range got(w.Passkeys(w.ctx, bob.RealmID, bob.ID)) {
			w.ok(w.RevokePasskey(w.ctx, endOf(p, start+1), model.Effects{}))
		}
		w.refused(first(), model.ErrConflict)
	}},
	{"AProofIsOfTheSamePersonAndEndsWithItsPasskey", func(w *world) {
		bob := w.person("bob")
		key, other := newPasskey(bob), newPasskey(bob)
		w.ok(w.bind(key))
		w.ok(w.bind(other))
		w.ok(w.proved(bob, key))
		w.refused(w.proved(bob, w.home.passkey), model.ErrConflict)
		w.refused(w.proved(bob, model.Passkey{ID: "psk_nobody"}), model.ErrConflict)
		w.ok(w.RevokePasskey(w.ctx, endOf(key, start+1), model.Effects{}))
		w.refused(w.proved(bob, key), model.ErrConflict)
		w.ok(w.proved(bob, other))
	}},
	{"AProofEndsAsTheSessionsOfItsPersonDo", func(w *world) {
		bob := w.person("bob")
		key := newPasskey(bob)
		w.ok(w.bind(key))
		for _, tt := range []struct {
			before model.Millis
			want   error
		}{{start - 1, nil}, {start, model.ErrConflict}} {
			bob.TokensInvalidBefore = tt.before
			w.ok(w.UpdateIdentity(w.ctx, bob, model.Effects{}))
			bob.Version++
			w.refused(w.proved(bob, key), tt.want)
		}
	}},
	{"AProofEndsAsTheSessionsOfItsRealmDo", func(w *world) {
		realm := w.home.realm
		w.ok(w.proved(w.home.person, w.home.passkey))
		realm.TokensInvalidBefore = start
		w.ok(w.UpdateRealm(w.ctx, realm, model.Effects{}))
		w.refused(w.proved(w.home.person, w.home.passkey), model.ErrConflict)
	}},
	{"RevokingAPasskeyTakesBackTheLinksOfItsPersonButThoseForRecovery", checkLinksOfRevoked},
	{"SuspendingTakesBackTheLinksOfWhoHadAPasskeyButThoseForRecovery", checkLinksOfSuspended},
	{"OnlyTheOwnersPasskeyIsRevoked", func(w *world) {
		bob := w.person("bob")
		e := endOf(w.home.passkey, start+1)
		e.IdentityID = bob.ID
		w.refused(w.RevokePasskey(w.ctx, e, model.Effects{}), model.ErrNotFound)
		e = endOf(w.home.passkey, start+1)
		e.RealmID = w.away.realm.ID
		w.refused(w.RevokePasskey(w.ctx, e, model.Effects{}), model.ErrNotFound)
		e.RealmID, e.KeepAdmin, e.KeepOne = w.home.realm.ID, true, false
		w.ok(w.RevokePasskey(w.ctx, e, model.Effects{}))
		w.refused(w.RevokePasskey(w.ctx, e, model.Effects{}), model.ErrNotFound)
		same(w, w.homePasskeyRevoked(), start+1)
	}},
	{"TheLastAdminKeepsAPasskey", checkAdminKeepsPasskey},
	{"OfAdminsWhoLoseTheirPasskeysAtOnceOneKeepsTheirs", func(w *world) {
		var ends []directory.PasskeyEnd
		for _, name := range []string{"one", "two", "three"} {
			e := endOf(got(w.Passkeys(w.ctx, w.home.realm.ID, w.admin(name).ID))[0], start+1)
			e.KeepAdmin = true
			ends = append(ends, e)
		}
		manyWin(w, race(w, func(s *store.Store, i int) error {
			if i >= len(ends) {
				return nil
			}
			return s.RevokePasskey(w.ctx, ends[i], model.Effects{})
		}), contenders-1, model.ErrConflict)
	}},
	{"ThePersonsLastWayInIsKept", checkLastWayIn},
	{"OfThePasskeysThatAPersonRemovesAtOnceOneStays", func(w *world) {
		bob := w.person("bob")
		for range contenders {
			w.ok(w.bind(newPasskey(bob)))
		}
		keys := got(w.Passkeys(w.ctx, bob.RealmID, bob.ID))
		manyWin(w, race(w, func(s *store.Store, i int) error {
			e := endOf(keys[i], start+1)
			e.KeepOne = true
			return s.RevokePasskey(w.ctx, e, model.Effects{})
		}), contenders-1, model.ErrConflict)
	}},
}

// endOf revokes a passkey without asking for whom it stays.
func endOf(p model.Passkey, at model.Millis) directory.PasskeyEnd {
	return directory.PasskeyEnd{RealmID: p.RealmID, IdentityID: p.IdentityID, ID: p.ID, At: at, RPID: "example.org"}
}

// proved binds another passkey of a person, who proved one at the start.
func (w *world) proved(who model.Identity, key model.Passkey) error {
	w.Helper()
	c := completion(w.job(who), newPasskey(who))
	c.Proof = directory.Proof{IdentityID: who.ID, PasskeyID: key.ID, At: start}
	return w.CompleteBinding(w.ctx, c, model.Effects{})
}

func (w *world) homePasskeyRevoked() model.Millis {
	w.Helper()
	return got(w.Passkeys(w.ctx, w.home.realm.ID, w.home.person.ID))[0].RevokedAt
}

// plainJob is a link that is not for recovery.
func (w *world) plainJob(of model.Identity, at model.Millis) model.BindingJob {
	w.Helper()
	j := newJob(of)
	j.Proof, j.CreatedAt = "", at
	w.ok(w.CreateBindingJob(w.ctx, j, model.Effects{}))
	return j
}

func (w *world) states(jobs ...model.BindingJob) (list []model.BindingState) {
	w.Helper()
	for _, j := range jobs {
		list = append(list, w.bindingJob(j).State)
	}
	return list
}

func checkLinksOfRevoked(w *world) {
	bob := w.person("bob")
	key := newPasskey(bob)
	w.ok(w.bind(key))
	sent, opened, used := w.plainJob(bob, start), w.plainJob(bob, start), w.plainJob(bob, start)
	recovery, others := w.job(bob), w.plainJob(w.home.person, start)
	w.ok(w.OpenBindingJob(w.ctx, opened.RealmID, opened.ID, start))
	w.ok(w.CompleteBinding(w.ctx, completion(used, newPasskey(bob)), model.Effects{}))
	w.ok(w.RevokePasskey(w.ctx, endOf(key, start+1), model.Effects{}))
	same(w, w.states(sent, opened, used, recovery, others), []model.BindingState{model.BindingRevoked, model.BindingRevoked,
		model.BindingComplete, model.BindingLinkSent, model.BindingLinkSent})
	same(w, w.bindingJob(sent).UpdatedAt, start+1)
}

func checkLinksOfSuspended(w *world) {
	bob, fresh := w.person("bob"), w.person("fresh")
	w.ok(w.bind(newPasskey(bob)))
	before, recovery, first := w.plainJob(bob, start+49), w.job(bob), w.plainJob(fresh, start+49)
	bob = w.suspend(bob)
	w.suspend(fresh)
	since := w.plainJob(bob, start+51)
	bob.DisplayName = "Bob, still suspended"
	w.ok(w.UpdateIdentity(w.ctx, bob, model.Effects{}))
	same(w, w.states(before, recovery, first, since), []model.BindingState{model.BindingRevoked, model.BindingLinkSent,
		model.BindingLinkSent, model.BindingLinkSent})
}

func checkAdminKeepsPasskey(w *world) {
	one := w.admin("one")
	end := endOf(got(w.Passkeys(w.ctx, one.RealmID, one.ID))[0], start+1)
	end.KeepAdmin = true
	w.refused(w.RevokePasskey(w.ctx, end, model.Effects{}), model.ErrConflict)
	second := newPasskey(one)
	w.ok(w.bind(second))
	w.ok(w.RevokePasskey(w.ctx, end, model.Effects{})) // they have another
	end.ID = second.ID
	w.refused(w.RevokePasskey(w.ctx, end, model.Effects{}), model.ErrConflict)
	two := w.suspend(w.admin("two")) // a suspended admin is nobody's comfort
	w.refused(w.RevokePasskey(w.ctx, end, model.Effects{}), model.ErrConflict)
	theirs := endOf(got(w.Passkeys(w.ctx, two.RealmID, two.ID))[0], start+1)
	theirs.KeepAdmin = true
	two.Status = model.IdentityActive
	w.ok(w.UpdateIdentity(w.ctx, two, model.Effects{}))
	w.ok(w.RevokePasskey(w.ctx, end, model.Effects{}))
	w.refused(w.RevokePasskey(w.ctx, theirs, model.Effects{}), model.ErrConflict)
}

func checkLastWayIn(w *world) {
	bob := w.person("bob")
	key, elsewhere, own := newPasskey(bob), newPasskey(bob), newPasskey(bob)
	elsewhere.RPID, own.RPID = "shop.example", "example.org"
	w.ok(w.bind(key))
	w.ok(w.bind(elsewhere))
	end := endOf(key, start+1)
	end.KeepOne = true
	w.refused(w.RevokePasskey(w.ctx, end, model.Effects{}), model.ErrConflict) // the other is for an application alone
	w.ok(w.bind(own))
	w.ok(w.RevokePasskey(w.ctx, end, model.Effects{}))
	end.ID = own.ID
	w.refused(w.RevokePasskey(w.ctx, end, model.Effects{}), model.ErrConflict)
	code := model.RecoveryCode{RealmID: bob.RealmID, IdentityID: bob.ID, Digest: secret(), CreatedAt: start}
	w.ok(w.ReplaceRecoveryCodes(w.ctx, bob.RealmID, bob.ID, []model.RecoveryCode{code}, model.Effects{}))
	code.UsedAt = start.Add(time.Second)
	use := code
	w.ok(w.UseRecoveryCode(w.ctx, use, newJob(bob), model.Effects{}))
	w.refused(w.RevokePasskey(w.ctx, end, model.Effects{}), model.ErrConflict) // it was used
	code.UsedAt, code.Digest = 0, secret()
	w.ok(w.ReplaceRecoveryCodes(w.ctx, bob.RealmID, bob.ID, []model.RecoveryCode{code}, model.Effects{}))
	w.ok(w.RevokePasskey(w.ctx, end, model.Effects{}))
}
