package storetest

import (
	"time"

	"github.com/assent-id/assent/internal/model"
)

// registered stores an application that came to be by itself.
func (w *world) registered(p place, origin model.Origin, at model.Millis) model.Application {
	w.Helper()
	a := newApp(p.realm.ID)
	a.Settings.Origin, a.CreatedAt = origin, at
	a.Keys = []model.ClientKey{{KID: "k1", JWK: []byte(`{}`), Status: model.KeyActive, CreatedAt: 1}}
	a.Secrets = []model.ClientSecret{{Digest: secret(), CreatedAt: 1}}
	w.ok(w.CreateApplication(w.ctx, a, model.Effects{}))
	return a
}

// idle lists the ids of idle registrations.
func (w *world) idle(olderThan model.Millis, limit int) (list []model.ClientID) {
	w.Helper()
	for _, a := range got(w.IdleRegistrations(w.ctx, olderThan, limit)) {
		list = append(list, a.ID)
	}
	return list
}

var registrationPromises = []promise{
	{"UpdatingARegistrationPutsItsKeysAndSecretsInThePlaceOfTheOld", func(w *world) {
		a := w.registered(w.home, model.OriginDynamic, start)
		neighbour := w.registered(w.home, model.OriginDynamic, start)
		a.Name, a.Settings.ClientURI = "robot", "https://robot.example"
		a.Keys = []model.ClientKey{{KID: "k1", JWK: []byte(`{"a":1}`), Status: model.KeyActive, CreatedAt: 2}, {KID: "k2", JWK: []byte(`{}`), CreatedAt: 3}}
		a.Secrets = []model.ClientSecret{{Digest: secret(), CreatedAt: 4}}
		w.ok(w.UpdateRegistration(w.ctx, a, model.Effects{}))
		stale := a
		stale.Keys = nil
		w.refused(w.UpdateRegistration(w.ctx, stale, model.Effects{}), model.ErrConflict)
		a.Version++
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)), a)
		same(w, got(w.Application(w.ctx, a.RealmID, neighbour.ID)), neighbour)
		a.Keys, a.Secrets = nil, nil
		w.ok(w.UpdateRegistration(w.ctx, a, model.Effects{}))
		a.Version++
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)), a)
	}},
	{"ADeletedApplicationIsGoneWithAllThatIsItsOwn", func(w *world) {
		a, neighbour := w.registered(w.home, model.OriginDynamic, start), w.registered(w.home, model.OriginDynamic, start)
		mine, theirs := w.home, w.home
		mine.app, theirs.app = a, neighbour
		w.ok(w.AddConsents(w.ctx, append(mine.consentsTo("scope a"), theirs.consentsTo("scope b")...), model.Effects{}))
		w.ok(w.DeleteApplication(w.ctx, a.RealmID, a.ID, start, model.Effects{}))
		_, err := w.Application(w.ctx, a.RealmID, a.ID)
		w.refused(err, model.ErrNotFound)
		w.refused(w.DeleteApplication(w.ctx, a.RealmID, a.ID, start, model.Effects{}), model.ErrNotFound)
		w.refused(w.UpdateRegistration(w.ctx, a, model.Effects{}), model.ErrConflict)
		same(w, len(w.consents(mine)), 0)
		same(w, w.consents(theirs), []string{"scope b"})
		same(w, got(w.Application(w.ctx, a.RealmID, neighbour.ID)), neighbour)
		w.ok(w.CreateApplication(w.ctx, a, model.Effects{})) // an address that is a client id may come back
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)), a)
	}},
	{"ARegistrationIsIdleOnceItIsOldAndNothingOfItIsAlive", func(w *world) {
		olderThan := start.Add(time.Hour)
		never, document := w.registered(w.home, model.OriginDynamic, start+1), w.registered(w.away, model.OriginDocument, start+2)
		young, used := w.registered(w.home, model.OriginDynamic, olderThan), w.registered(w.home, model.OriginDynamic, start)
		revoked, over := w.registered(w.home, model.OriginDynamic, start+3), w.registered(w.home, model.OriginDynamic, start+4)
		w.registered(w.home, model.OriginFile, start) // an operator's, as that of newWorld is
		grants := map[model.ClientID]model.Grant{}
		for _, a := range []model.Application{young, used, revoked, over} {
			g := w.home.grant()
			g.ApplicationID, g.ExpiresAt = a.ID, olderThan+1
			if a.ID == over.ID {
				g.ExpiresAt = olderThan
			}
			grants[a.ID] = w.opened(g)
		}
		w.revoke(w.queryOf(grants[revoked.ID]))
		want := []model.ClientID{never.ID, document.ID, revoked.ID, over.ID}
		same(w, w.idle(olderThan, 10), want)
		same(w, w.idle(olderThan, 2), want[:2])
		same(w, w.idle(start, 10), nil)
		same(w, got(w.IdleRegistrations(w.ctx, start+2, 1)), []model.Application{{RealmID: never.RealmID, ID: never.ID}})
		w.revoke(w.queryOf(grants[used.ID]))
		same(w, w.idle(olderThan, 1), []model.ClientID{used.ID})
	}},
	{"OnlyWhatIsIdleIsReaped", func(w *world) {
		olderThan := start.Add(time.Hour)
		idle, used, young := w.registered(w.home, model.OriginDynamic, start), w.registered(w.home, model.OriginDocument, start),
			w.registered(w.home, model.OriginDynamic, olderThan)
		stopped := w.registered(w.home, model.OriginDynamic, start)
		stopped.Status = model.ApplicationDisabled
		w.ok(w.UpdateApplication(w.ctx, stopped, model.Effects{}))
		g := w.home.grant()
		g.ApplicationID, g.ExpiresAt = used.ID, olderThan+1
		w.opened(g)
		same(w, w.idle(olderThan, 10), []model.ClientID{idle.ID})
		for _, a := range []model.Application{used, young, stopped, w.home.app} {
			w.refused(w.ReapRegistration(w.ctx, a.RealmID, a.ID, olderThan, model.Effects{}), model.ErrNotFound)
			same(w, got(w.Application(w.ctx, a.RealmID, a.ID)).Keys, a.Keys)
		}
		w.ok(w.ReapRegistration(w.ctx, idle.RealmID, idle.ID, olderThan, model.Effects{}))
		_, err := w.Application(w.ctx, idle.RealmID, idle.ID)
		w.refused(err, model.ErrNotFound)
		w.ok(w.ReapRegistration(w.ctx, used.RealmID, used.ID, g.ExpiresAt, model.Effects{}))
	}},
	{"AGrantOfAnotherRealmsApplicationKeepsNobodyAlive", func(w *world) {
		a := w.registered(w.home, model.OriginDocument, start)
		g := w.away.grant()
		g.ApplicationID = a.ID
		w.opened(g)
		same(w, w.idle(start+1, 10), []model.ClientID{a.ID})
	}},
	{"AnUpdateCanMakeAnApplicationTheOperators", func(w *world) {
		a := w.registered(w.home, model.OriginDynamic, start)
		a.Settings.Origin = ""
		w.ok(w.UpdateApplication(w.ctx, a, model.Effects{}))
		same(w, w.idle(start+1, 10), nil)
		a.Version, a.Settings.Origin = a.Version+1, model.OriginDynamic
		w.ok(w.UpdateRegistration(w.ctx, a, model.Effects{}))
		same(w, w.idle(start+1, 10), []model.ClientID{a.ID})
	}},
}

var sweepGrantPromises = []promise{
	{"GrantsThatEndedADayAgoGoTheOthersStay", func(w *world) {
		now := start.Add(72 * time.Hour)
		ended := now.Add(-24 * time.Hour)
		over, revoked := w.home.grant(), w.home.grant()
		over.ExpiresAt, revoked.ExpiresAt = ended, now.Add(time.Hour)
		today, live, justRevoked := w.home.grant(), w.away.grant(), w.home.grant()
		today.ExpiresAt, live.ExpiresAt, justRevoked.ExpiresAt = ended+1, now.Add(time.Hour), now.Add(time.Hour)
		revoked.RevokedAt, justRevoked.RevokedAt = ended, ended+1
		for _, g := range []model.Grant{over, revoked, today, live, justRevoked} {
			w.opened(g)
		}
		for range 600 { // more than a batch
			g := w.home.grant()
			g.ExpiresAt = ended
			w.opened(g)
		}
		w.ok(w.Sweep(w.ctx, now))
		for _, g := range []model.Grant{over, revoked} {
			_, err := w.Grant(w.ctx, g.RealmID, g.ID)
			w.refused(err, model.ErrNotFound)
		}
		for _, g := range []model.Grant{today, live, justRevoked} {
			same(w, w.grant(g), g)
		}
	}},
	{"AParentStaysForAsLongAsItsChild", func(w *world) {
		parent := w.opened(w.home.grant())
		kid := child(parent)
		kid.ExpiresAt = start.Add(100 * time.Hour)
		w.opened(kid)
		w.ok(w.Sweep(w.ctx, start.Add(90*time.Hour)))
		same(w, w.grant(parent), parent)
		same(w, w.revoke(w.queryOf(parent)), grantIDs([]model.Grant{parent, kid}))
		for i := range 2 { // the child goes, and then nobody needs the parent
			w.ok(w.Sweep(w.ctx, start.Add(200*time.Hour+time.Duration(i)*time.Minute)))
		}
		for _, g := range []model.Grant{parent, kid} {
			_, err := w.Grant(w.ctx, g.RealmID, g.ID)
			w.refused(err, model.ErrNotFound)
		}
	}},
	{"ParkedStateOpaqueTokensAndDeviceRequestsGoSomeTimeAfterTheirEnd", func(w *world) {
		parked, token, device := w.home.parked(), w.home.opaque(), w.home.device()
		device.ExpiresAt = parked.ExpiresAt
		w.ok(w.Park(w.ctx, parked))
		w.ok(w.SaveOpaque(w.ctx, token))
		w.ok(w.CreateDeviceRequest(w.ctx, device, model.Effects{}))
		kept := w.home.parked()
		kept.ExpiresAt = start.Add(100 * time.Hour)
		w.ok(w.Park(w.ctx, kept))
		look := func() []error {
			_, a := w.Parked(w.ctx, parked.RealmID, parked.Digest)
			_, b := w.Opaque(w.ctx, token.RealmID, token.Digest)
			_, c := w.DeviceRequest(w.ctx, device.RealmID, device.Digest)
			return []error{a, b, c}
		}
		w.ok(w.Sweep(w.ctx, parked.ExpiresAt))
		for _, err := range look() {
			w.ok(err)
		}
		w.ok(w.Sweep(w.ctx, parked.ExpiresAt.Add(10*time.Minute)))
		errs := look()
		w.refused(errs[0], model.ErrNotFound)
		w.refused(errs[1], model.ErrNotFound)
		w.ok(errs[2]) // a device that still polls is told that it is over
		w.ok(w.Sweep(w.ctx, parked.ExpiresAt.Add(2*time.Hour)))
		w.refused(look()[2], model.ErrNotFound)
		same(w, got(w.Parked(w.ctx, kept.RealmID, kept.Digest)), kept)
	}},
	{"MoreThanABatchIsSweptAtOnce", func(w *world) {
		var last model.Parked
		for range 700 {
			last = w.home.parked()
			w.ok(w.Park(w.ctx, last))
		}
		w.ok(w.Sweep(w.ctx, start.Add(time.Hour)))
		_, err := w.Parked(w.ctx, last.RealmID, last.Digest)
		w.refused(err, model.ErrNotFound)
	}},
}
