package storetest

import (
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// password gives the person at home a password.
func (w *world) password(hash string) model.Password {
	w.Helper()
	p := model.Password{RealmID: w.home.realm.ID, IdentityID: w.home.person.ID, Hash: hash, SetAt: start}
	w.ok(w.SetPassword(w.ctx, p, model.Effects{}))
	return p
}

func passwordSession(of model.Identity) model.Session {
	s := newSession(model.Passkey{RealmID: of.RealmID, IdentityID: of.ID})
	s.PasskeyID = ""
	return s
}

func useOfPassword(p model.Password) model.PasswordUse {
	return model.PasswordUse{RealmID: p.RealmID, IdentityID: p.IdentityID, Was: p.Hash, Now: p.Hash, At: start + 5}
}

var passwordPromises = []promise{
	{"APasswordIsThereOnceItIsSetAndReplacesTheOneBefore", func(w *world) {
		_, err := w.Password(w.ctx, w.home.realm.ID, w.home.person.ID)
		w.refused(err, model.ErrNotFound)
		w.password("first")
		p := w.password("second")
		same(w, got(w.Password(w.ctx, p.RealmID, p.IdentityID)), p)
		_, err = w.Password(w.ctx, w.away.realm.ID, p.IdentityID)
		w.refused(err, model.ErrNotFound)
	}},
	{"APasswordIsOfAPersonOfTheRealm", func(w *world) {
		err := w.SetPassword(w.ctx, model.Password{RealmID: w.away.realm.ID, IdentityID: w.home.person.ID, Hash: "h", SetAt: start}, model.Effects{})
		if err == nil {
			w.Error("a person of another realm has a password here")
		}
	}},
	{"APasswordThatIsRemovedIsGoneAndOnce", func(w *world) {
		p := w.password("h")
		w.refused(w.RemovePassword(w.ctx, w.away.realm.ID, p.IdentityID, model.Effects{}), model.ErrNotFound)
		w.ok(w.RemovePassword(w.ctx, p.RealmID, p.IdentityID, model.Effects{}))
		w.refused(w.RemovePassword(w.ctx, p.RealmID, p.IdentityID, model.Effects{}), model.ErrNotFound)
		_, err := w.Password(w.ctx, p.RealmID, p.IdentityID)
		w.refused(err, model.ErrNotFound)
	}},
	{"SigningInWithAPasswordStoresTheSessionAndTheUse", func(w *world) {
		p, s := w.password("h"), passwordSession(w.home.person)
		use := useOfPassword(p)
		use.Now = "h2"
		w.ok(w.SignInWithPassword(w.ctx, s, use, model.Effects{}))
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		p.Hash, p.UsedAt = "h2", start+5
		same(w, got(w.Password(w.ctx, p.RealmID, p.IdentityID)), p)
	}},
	{"APasswordThatWasChangedMeanwhileOpensNothing", func(w *world) {
		use, s := useOfPassword(w.password("old")), passwordSession(w.home.person)
		w.password("new")
		w.refused(w.SignInWithPassword(w.ctx, s, use, model.Effects{}), model.ErrNotFound)
		_, err := w.SessionByDigest(w.ctx, s.RealmID, s.Digest)
		w.refused(err, model.ErrNotFound)
	}},
	{"APasswordOpensASessionAnewAndKeepsItsID", func(w *world) {
		before, p := w.session(), w.password("h")
		s := passwordSession(w.home.person)
		s.ID = before.ID
		w.ok(w.SignInWithPassword(w.ctx, s, useOfPassword(p), model.Effects{}))
		s.Earlier = []model.PasskeyID{before.PasskeyID}
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		again := newSession(w.home.passkey)
		again.ID, again.Earlier = s.ID, []model.PasskeyID{before.PasskeyID, ""}
		w.ok(w.SignIn(w.ctx, newOnce(s.RealmID, model.OnceCeremony), again, useOf(w.home.passkey, start), model.Effects{}))
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, again.Digest)), again)
		same(w, again.OpenedBy(""), true)
		w.ok(w.EndSession(w.ctx, s.RealmID, s.ID, start+7, model.Effects{}))
		s.Digest = secret()
		w.refused(w.SignInWithPassword(w.ctx, s, useOfPassword(p), model.Effects{}), model.ErrConflict)
	}},
	{"ASessionOfSomebodyElseIsNotTakenOver", func(w *world) {
		bob := newPerson(w.home.realm.ID, "bob"+ids.New("x")[20:])
		w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
		theirs, p := passwordSession(bob), w.password("h")
		w.ok(w.SetPassword(w.ctx, model.Password{RealmID: bob.RealmID, IdentityID: bob.ID, Hash: "b", SetAt: start}, model.Effects{}))
		w.ok(w.SignInWithPassword(w.ctx, theirs, model.PasswordUse{RealmID: bob.RealmID, IdentityID: bob.ID, Was: "b", Now: "b", At: start}, model.Effects{}))
		mine := passwordSession(w.home.person)
		mine.ID = theirs.ID
		w.refused(w.SignInWithPassword(w.ctx, mine, useOfPassword(p), model.Effects{}), model.ErrConflict)
		same(w, got(w.Password(w.ctx, p.RealmID, p.IdentityID)).UsedAt, model.Millis(0))
	}},
}
