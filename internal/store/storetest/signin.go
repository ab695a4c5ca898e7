package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

func newOnce(realm model.RealmID, namespace string) model.Once {
	return model.Once{Namespace: namespace, RealmID: realm, Digest: ids.DigestOf(ids.Secret()), Until: start.Add(time.Hour)}
}

func useOf(p model.Passkey, at model.Millis) model.PasskeyUse {
	return model.PasskeyUse{RealmID: p.RealmID, ID: p.ID, SignCount: 7, BackupState: true, At: at}
}

func (w *world) homePasskey() model.Passkey {
	w.Helper()
	return got(w.Passkeys(w.ctx, w.home.realm.ID, w.home.person.ID))[0]
}

var signInPromises = []promise{
	{"APasskeyIsFoundByItsCredentialUnlessRevoked", func(w *world) {
		same(w, got(w.PasskeyByCredential(w.ctx, w.home.realm.ID, w.home.passkey.CredentialID)), w.home.passkey)
		revoked := newPasskey(w.home.person)
		revoked.RevokedAt = start
		w.ok(w.bind(revoked))
		for _, id := range [][]byte{revoked.CredentialID, secret(), nil} {
			_, err := w.PasskeyByCredential(w.ctx, w.home.realm.ID, id)
			w.refused(err, model.ErrNotFound)
		}
	}},
	{"AnUnrevokedPasskeyIsKnownToBeInEachRealmThatHasIt", func(w *world) {
		twin := newPasskey(w.away.person)
		twin.CredentialID, twin.RPID = w.home.passkey.CredentialID, "shop.example"
		w.ok(w.bind(twin))
		revoked := newPasskey(w.home.person)
		revoked.RevokedAt = start
		w.ok(w.bind(revoked))
		homes := got(w.PasskeyHomes(w.ctx, twin.CredentialID))
		slices.SortFunc(homes, func(a, b model.PasskeyHome) int { return strings.Compare(a.RPID, b.RPID) })
		same(w, homes, []model.PasskeyHome{{RealmID: w.home.realm.ID}, {RealmID: w.away.realm.ID, RPID: "shop.example"}})
		for _, id := range [][]byte{revoked.CredentialID, secret(), nil} {
			same(w, len(got(w.PasskeyHomes(w.ctx, id))), 0)
		}
	}},
	{"SigningInStoresTheSessionAndTheUseOfThePasskey", func(w *world) {
		s := newSession(w.home.passkey)
		s.EndedAt = 0
		w.ok(w.SignIn(w.ctx, newOnce(s.RealmID, model.OnceCeremony), s, useOf(w.home.passkey, start+3), model.Effects{}))
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		want := w.home.passkey
		want.SignCount, want.BackupState, want.LastUsedAt = 7, true, start+3
		same(w, w.homePasskey(), want)
	}},
	{"ACeremonySignsInOnce", func(w *world) {
		once, s := newOnce(w.home.realm.ID, model.OnceCeremony), newSession(w.home.passkey)
		w.ok(w.SignIn(w.ctx, once, s, useOf(w.home.passkey, start), model.Effects{}))
		replay := newSession(w.home.passkey)
		w.refused(w.SignIn(w.ctx, once, replay, useOf(w.home.passkey, start+9), model.Effects{}), model.ErrConflict)
		_, err := w.SessionByDigest(w.ctx, s.RealmID, replay.Digest)
		w.refused(err, model.ErrNotFound)
		same(w, w.homePasskey().LastUsedAt, start)
	}},
	{"ACeremonyThatWasConsumedDoesNotSignIn", func(w *world) {
		once := newOnce(w.home.realm.ID, model.OnceCeremony)
		same(w, got(w.Consume(w.ctx, once)), true)
		w.refused(w.SignIn(w.ctx, once, newSession(w.home.passkey), useOf(w.home.passkey, start), model.Effects{}), model.ErrConflict)
	}},
	{"ARevokedPasskeyDoesNotSignInAndKeepsTheCeremony", func(w *world) {
		revoked := newPasskey(w.home.person)
		revoked.RevokedAt = start
		w.ok(w.bind(revoked))
		once := newOnce(w.home.realm.ID, model.OnceCeremony)
		w.refused(w.SignIn(w.ctx, once, newSession(revoked), useOf(revoked, start), model.Effects{}), model.ErrNotFound)
		same(w, got(w.Consume(w.ctx, once)), true)
	}},
	{"AnOlderUseOfAPasskeyTeachesNothing", func(w *world) {
		sign := func(use model.PasskeyUse) {
			w.ok(w.SignIn(w.ctx, newOnce(use.RealmID, model.OnceCeremony), newSession(w.home.passkey), use, model.Effects{}))
		}
		sign(useOf(w.home.passkey, start+9))
		late := useOf(w.home.passkey, start+3)
		late.SignCount, late.BackupState = 5, false
		sign(late)
		p := w.homePasskey()
		same(w, []any{p.SignCount, p.BackupState, p.LastUsedAt}, []any{uint32(7), true, start + 9})
	}},
	{"ASessionMovesForwardAndNeverBack", func(w *world) {
		s := w.session()
		w.ok(w.TouchSession(w.ctx, s.RealmID, s.ID, start+10, s.IdleUntil+20))
		w.ok(w.TouchSession(w.ctx, s.RealmID, s.ID, start+5, s.IdleUntil+5))
		s.LastSeenAt, s.IdleUntil = start+10, s.IdleUntil+20
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		w.ok(w.TouchSession(w.ctx, s.RealmID, s.ID, start+11, s.IdleUntil-1))
		s.LastSeenAt = start + 11
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
	}},
	{"AnEndedSessionStaysEndedSinceThen", func(w *world) {
		s := w.session()
		w.ok(w.EndSession(w.ctx, s.RealmID, s.ID, start+1, model.Effects{}))
		w.ok(w.EndSession(w.ctx, s.RealmID, s.ID, start+2, model.Effects{}))
		w.ok(w.TouchSession(w.ctx, s.RealmID, s.ID, start+3, s.IdleUntil+3))
		s.EndedAt = start + 1
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		w.refused(w.EndSession(w.ctx, s.RealmID, "ses_nobody", start, model.Effects{}), model.ErrNotFound)
	}},
	{"ASessionComesWithItsPerson", func(w *world) {
		want := w.session()
		s, person, err := w.SessionWithIdentity(w.ctx, want.RealmID, want.Digest)
		w.ok(err)
		same(w, s, want)
		same(w, person, w.home.person)
		_, _, err = w.SessionWithIdentity(w.ctx, want.RealmID, secret())
		w.refused(err, model.ErrNotFound)
	}},
	{"ASessionDependsOnAllThatOpenedIt", func(w *world) {
		first, second, other := newPasskey(w.home.person), newPasskey(w.home.person), newPasskey(w.home.person)
		for _, p := range []model.Passkey{first, second, other} {
			w.ok(w.bind(p))
		}
		s := newSession(first)
		for _, p := range []model.Passkey{first, first, second, first, second} {
			s.PasskeyID, s.Digest = p.ID, secret()
			w.ok(w.SignIn(w.ctx, newOnce(s.RealmID, model.OnceCeremony), s, useOf(p, start), model.Effects{}))
		}
		s.Earlier = []model.PasskeyID{first.ID, second.ID}
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		same(w, []bool{s.OpenedBy(first.ID), s.OpenedBy(second.ID), s.OpenedBy(other.ID), s.OpenedBy("")}, []bool{true, true, false, false})
		others := newSession(w.home.passkey)
		w.ok(w.SignIn(w.ctx, newOnce(s.RealmID, model.OnceCeremony), others, useOf(w.home.passkey, start), model.Effects{}))
		w.ok(w.RevokePasskey(w.ctx, endOf(other, start+1), model.Effects{}))
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		w.ok(w.RevokePasskey(w.ctx, endOf(first, start+2), model.Effects{}))
		s.EndedAt = start + 2
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, s.Digest)), s)
		same(w, got(w.SessionByDigest(w.ctx, s.RealmID, others.Digest)), others)
	}},
	{"AnUnknownSessionIsNotFound", func(w *world) {
		_, err := w.SessionByDigest(w.ctx, w.home.realm.ID, secret())
		w.refused(err, model.ErrNotFound)
	}},
}

// session signs in at home, with a passkey of its own.
func (w *world) session() model.Session {
	w.Helper()
	p := newPasskey(w.home.person)
	w.ok(w.bind(p))
	s := newSession(p)
	w.ok(w.SignIn(w.ctx, newOnce(s.RealmID, model.OnceCeremony), s, useOf(p, start), model.Effects{}))
	return s
}
