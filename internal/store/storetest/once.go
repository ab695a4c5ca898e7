package storetest

import (
	"sync"
	"time"

	"github.com/assent-id/assent/internal/model"
)

var consumePromises = []promise{
	{"TheFirstUseIsFirstAndNoOther", func(w *world) {
		once := newOnce(w.home.realm.ID, model.OnceAssertion)
		same(w, got(w.Consume(w.ctx, once)), true)
		for range 3 {
			same(w, got(w.Consume(w.ctx, once)), false)
		}
		once.Until = once.Until.Add(time.Hour) // another end makes it no other thing
		same(w, got(w.Consume(w.ctx, once)), false)
	}},
	{"NamespacesAndRealmsAreApart", func(w *world) {
		once := newOnce(w.home.realm.ID, model.OnceAssertion)
		other := once
		other.Namespace = model.OnceCeremony
		away := once
		away.RealmID = w.away.realm.ID
		for _, o := range []model.Once{once, other, away} {
			same(w, got(w.Consume(w.ctx, o)), true)
			same(w, got(w.Consume(w.ctx, o)), false)
		}
	}},
	{"OneDigestInManyNamespacesAtOnceIsManyThings", func(w *world) {
		once := newOnce(w.home.realm.ID, "")
		var firsts [3][2]int // realm, namespace: how many were first
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				o := once
				o.Namespace = []string{model.OnceAssertion, model.OnceCeremony, model.OnceNobody}[i%3]
				o.RealmID = []model.RealmID{w.home.realm.ID, w.away.realm.ID}[i%2]
				first, err := w.Consume(w.ctx, o)
				if err != nil {
					w.Error(err)
				}
				if first {
					mu.Lock()
					firsts[i%3][i%2]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		same(w, firsts, [3][2]int{{1, 1}, {1, 1}, {1, 1}})
	}},
	{"WhatIsConsumedIsKnownAfterReopening", func(w *world) {
		once := newOnce(w.home.realm.ID, model.OnceAssertion)
		same(w, got(w.Consume(w.ctx, once)), true)
		w.Store = w.reopened()
		same(w, got(w.Consume(w.ctx, once)), false)
	}},
}

var revocationPromises = []promise{
	{"ARevocationIsListedAndRead", func(w *world) {
		r := w.revocation(model.RevokeToken, "jti-1")
		w.ok(w.Revoke(w.ctx, r, model.Effects{}))
		same(w, got(w.Revoked(w.ctx, r.RealmID, r.Kind, r.Key)), r.Before)
		same(w, got(w.Revocations(w.ctx, 0, start)), []model.Revocation{r})
		same(w, got(w.Revoked(w.ctx, r.RealmID, model.RevokeGrant, r.Key)), 0)
		same(w, got(w.Revoked(w.ctx, r.RealmID, r.Kind, "other")), 0)
	}},
	{"RevokingAgainKeepsTheEarlierUnlessItReachesFurther", func(w *world) {
		r := w.revocation(model.RevokeApplication, string(w.home.app.ID))
		w.ok(w.Revoke(w.ctx, r, model.Effects{}))
		again := r
		again.At, again.ExpiresAt = r.At+5, r.ExpiresAt+5
		w.ok(w.Revoke(w.ctx, again, model.Effects{}))
		earlier := again
		earlier.Before--
		w.ok(w.Revoke(w.ctx, earlier, model.Effects{}))
		same(w, got(w.Revocations(w.ctx, 0, start)), []model.Revocation{r})
		further := r
		further.Before, further.At, further.ExpiresAt = r.Before+7, r.At+7, r.ExpiresAt-7
		w.ok(w.Revoke(w.ctx, further, model.Effects{}))
		further.ExpiresAt = r.ExpiresAt // what the longer one concerns must not be forgotten earlier
		same(w, got(w.Revocations(w.ctx, 0, start)), []model.Revocation{further})
	}},
	{"ListsAreCutByWhenItWasWrittenAndWhenItExpires", func(w *world) {
		old, late, over, away := w.revocation(model.RevokeToken, "old"), w.revocation(model.RevokeToken, "late"),
			w.revocation(model.RevokeToken, "over"), w.revocation(model.RevokeRealm, "away")
		late.At, over.At, away.At = start+10, start+10, start+11
		over.ExpiresAt = start + 20
		away.RealmID = w.away.realm.ID
		for _, r := range []model.Revocation{old, late, over, away} {
			w.ok(w.Revoke(w.ctx, r, model.Effects{}))
		}
		same(w, got(w.Revocations(w.ctx, start+10, start+20)), []model.Revocation{late, away})
		same(w, len(got(w.Revocations(w.ctx, 0, start+19))), 4)
	}},
}

func (w *world) revocation(kind model.RevocationKind, key string) model.Revocation {
	return model.Revocation{RealmID: w.home.realm.ID, Kind: kind, Key: key, Before: start, ExpiresAt: start.Add(time.Hour), At: start}
}

var sweepPromises = []promise{
	{"WhatIsUsedUpIsForgottenAndStillDoesNotWorkAgain", func(w *world) {
		ended, live := newOnce(w.home.realm.ID, model.OnceAssertion), newOnce(w.home.realm.ID, model.OnceAssertion)
		live.Until = start.Add(48 * time.Hour)
		for range 700 { // more than a batch
			o := newOnce(w.away.realm.ID, model.OnceAssertion)
			same(w, got(w.Consume(w.ctx, o)), true)
		}
		same(w, got(w.Consume(w.ctx, ended)), true)
		same(w, got(w.Consume(w.ctx, live)), true)
		w.ok(w.Sweep(w.ctx, start.Add(24*time.Hour)))
		// The clock jumps back: the row is gone, and it is used all the same.
		same(w, got(w.Consume(w.ctx, ended)), false)
		same(w, got(w.Consume(w.ctx, live)), false)
		// The digest as such is free for something that ends later.
		ended.Until = live.Until
		same(w, got(w.Consume(w.ctx, ended)), true)
		same(w, got(w.Consume(w.ctx, ended)), false)
	}},
	{"WhatEndedAMomentAgoIsNotForgotten", func(w *world) {
		o := newOnce(w.home.realm.ID, model.OnceAssertion)
		same(w, got(w.Consume(w.ctx, o)), true)
		w.ok(w.Sweep(w.ctx, o.Until+1))
		o.Until = o.Until.Add(time.Hour)
		same(w, got(w.Consume(w.ctx, o)), false)
	}},
	{"ASweepWithAnEarlierClockForgetsNothing", func(w *world) {
		w.ok(w.Sweep(w.ctx, start.Add(24*time.Hour)))
		o := newOnce(w.home.realm.ID, model.OnceAssertion)
		o.Until = start.Add(36 * time.Hour)
		same(w, got(w.Consume(w.ctx, o)), true)
		w.ok(w.Sweep(w.ctx, start.Add(12*time.Hour)))
		same(w, got(w.Consume(w.ctx, o)), false)
	}},
	{"ExpiredRevocationsAndOutboxItemsGoTheOthersStay", func(w *world) {
		over, stays, forever := w.revocation(model.RevokeToken, "over"), w.revocation(model.RevokeToken, "stays"), w.revocation(model.RevokeToken, "forever")
		stays.ExpiresAt, forever.ExpiresAt = start.Add(48*time.Hour), 0
		for _, r := range []model.Revocation{over, stays, forever} {
			w.ok(w.Revoke(w.ctx, r, model.Effects{}))
		}
		late, kept := newItem(w.home.realm.ID), newItem(w.home.realm.ID)
		late.NotBefore, late.ExpiresAt = start.Add(72*time.Hour), start.Add(time.Hour)
		kept.NotBefore, kept.ExpiresAt = start.Add(96*time.Hour), 0
		w.send(late, kept)
		w.ok(w.Sweep(w.ctx, start.Add(24*time.Hour)))
		same(w, len(got(w.Revocations(w.ctx, 0, 0))), 2)
		same(w, got(w.NextOutbox(w.ctx)), kept.NotBefore)
	}},
	{"OneOfManySweepsAtOnceDoesTheWork", func(w *world) {
		w.ok(w.Sweep(w.ctx, start.Add(24*time.Hour)))
		r := w.revocation(model.RevokeToken, "over")
		w.ok(w.Revoke(w.ctx, r, model.Effects{}))
		w.ok(w.Sweep(w.ctx, start.Add(24*time.Hour+time.Second)))
		same(w, len(got(w.Revocations(w.ctx, 0, 0))), 1)
		w.ok(w.Sweep(w.ctx, start.Add(24*time.Hour+time.Minute)))
		same(w, len(got(w.Revocations(w.ctx, 0, 0))), 0)
	}},
}
