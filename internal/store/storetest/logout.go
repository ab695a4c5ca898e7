package storetest

import (
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// grantIn is a grant of a session.
func (w *world) grantIn(s model.Session, app model.ClientID) model.Grant {
	g := w.home.grant()
	g.Terms.SessionID, g.ApplicationID = s.ID, app
	return g
}

var logoutPromises = []promise{
	{"ASessionKnowsTheApplicationsThatWereGivenSomethingInIt", func(w *world) {
		s, other := w.session(), w.session()
		first, second := newApp(w.home.realm.ID), newApp(w.home.realm.ID)
		short := w.grantIn(s, first.ID)
		short.SessionID, short.ExpiresAt = s.ID, start+1
		w.opened(short)
		w.opened(w.grantIn(s, first.ID)) // once more
		w.opened(w.grantIn(s, second.ID))
		w.opened(w.grantIn(other, w.home.app.ID))
		w.opened(w.home.grant()) // of no session
		same(w, got(w.SessionApplications(w.ctx, s.RealmID, s.ID)), []model.ClientID{first.ID, second.ID})
		same(w, got(w.SessionApplications(w.ctx, s.RealmID, other.ID)), []model.ClientID{w.home.app.ID})
		same(w, got(w.SessionApplications(w.ctx, w.away.realm.ID, s.ID)), nil)
		same(w, got(w.SessionApplications(w.ctx, s.RealmID, "ses_nobody")), nil)
	}},
	{"WhatWasRefusedIsNotNoted", func(w *world) {
		s := w.session()
		o := once(w.grantIn(s, w.home.app.ID))
		same(w, got(w.Consume(w.ctx, *o.Once)), true)
		w.refused(w.OpenGrant(w.ctx, o, model.Effects{}), model.ErrConflict)
		same(w, got(w.SessionApplications(w.ctx, s.RealmID, s.ID)), nil)
	}},
	{"ManyGrantsOfOneSessionAtOnce", func(w *world) {
		s := w.session()
		var wg sync.WaitGroup
		for range 16 {
			g := w.grantIn(s, w.home.app.ID)
			wg.Go(func() {
				if err := w.OpenGrant(w.ctx, oauth.Opening{Grant: g}, model.Effects{}); err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
		same(w, got(w.SessionApplications(w.ctx, s.RealmID, s.ID)), []model.ClientID{w.home.app.ID})
	}},
	{"APersonHasTheirSessionsAndNobodyElses", func(w *world) {
		ended, live := w.session(), w.session()
		w.ok(w.EndSession(w.ctx, ended.RealmID, ended.ID, start+1, model.Effects{}))
		ended.EndedAt = start + 1
		bob := newPerson(w.home.realm.ID, "bob")
		w.ok(w.CreateIdentity(w.ctx, bob, model.Effects{}))
		found := got(w.Sessions(w.ctx, live.RealmID, w.home.person.ID, start)) // others began with a passkey
		for _, want := range []model.Session{ended, live} {
			i := slices.IndexFunc(found, func(s model.Session) bool { return s.ID == want.ID })
			if i < 0 {
				w.Fatalf("session %s is not among %v", want.ID, found)
			}
			same(w, found[i], want)
		}
		same(w, got(w.Sessions(w.ctx, live.RealmID, w.home.person.ID, live.ExpiresAt)), nil)
		same(w, got(w.Sessions(w.ctx, live.RealmID, bob.ID, start)), nil)
		same(w, got(w.Sessions(w.ctx, w.away.realm.ID, w.home.person.ID, start)), nil)
	}},
	{"WhatIsRecordedIsSentAndHeard", func(w *world) {
		var fx model.Effects
		fx.Events = []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: w.home.realm.ID, Type: "logout.refused", At: start}}
		fx.Tell(w.home.realm.ID, model.Ended{SessionID: "ses_1", IdentityID: w.home.person.ID, At: start}, start)
		w.ok(w.Record(w.ctx, fx))
		items := got(w.LeaseOutbox(w.ctx, "node", start, time.Minute, 10))
		if len(items) != 1 || items[0].Channel != model.ChannelLogout || items[0].ExpiresAt != start.Add(model.LogoutLife) {
			w.Errorf("sent %+v", items)
		}
		same(w, len(got(w.Events(w.ctx, w.home.realm.ID, "", 10))), 1)
	}},
	{"SessionsAreSweptADayAfterTheirEndWithWhatIsNotedOfThem", func(w *world) {
		old := w.session()
		kept := newSession(w.home.passkey)
		kept.ExpiresAt = old.ExpiresAt.Add(2 * time.Hour)
		w.ok(w.SignIn(w.ctx, newOnce(kept.RealmID, model.OnceCeremony), kept, useOf(w.home.passkey, start), model.Effects{}))
		for _, s := range []model.Session{old, kept} {
			w.opened(w.grantIn(s, w.home.app.ID))
		}
		w.ok(w.Sweep(w.ctx, old.ExpiresAt.Add(25*time.Hour)))
		_, err := w.SessionByDigest(w.ctx, old.RealmID, old.Digest)
		w.refused(err, model.ErrNotFound)
		same(w, got(w.SessionApplications(w.ctx, old.RealmID, old.ID)), nil)
		same(w, got(w.SessionByDigest(w.ctx, kept.RealmID, kept.Digest)), kept)
		same(w, got(w.SessionApplications(w.ctx, kept.RealmID, kept.ID)), []model.ClientID{w.home.app.ID})
	}},
}
