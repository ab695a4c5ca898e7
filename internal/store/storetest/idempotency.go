package storetest

import (
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

func newIdempotent(realm model.RealmID) model.Idempotent {
	return model.Idempotent{RealmID: realm, Digest: secret(), Request: secret(), CreatedAt: start, ExpiresAt: start.Add(24 * time.Hour)}
}

var idempotencyPromises = []promise{
	{"AReservationIsTakenOnceAndAnsweredOnce", func(w *world) {
		i := newIdempotent(w.home.realm.ID)
		w.ok(w.ReserveIdempotent(w.ctx, i, start))
		w.refused(w.ReserveIdempotent(w.ctx, i, start+1), model.ErrConflict)
		same(w, got(w.Idempotent(w.ctx, i.RealmID, i.Digest)), i)
		i.Status, i.Answer = 201, []byte("sealed")
		w.ok(w.AnswerIdempotent(w.ctx, i))
		w.refused(w.AnswerIdempotent(w.ctx, i), model.ErrConflict)
		same(w, got(w.Idempotent(w.ctx, i.RealmID, i.Digest)), i)
	}},
	{"AReleasedReservationIsFree", func(w *world) {
		i := newIdempotent(w.home.realm.ID)
		w.ok(w.ReserveIdempotent(w.ctx, i, start))
		w.ok(w.ReleaseIdempotent(w.ctx, i))
		w.ok(w.ReleaseIdempotent(w.ctx, i))
		_, err := w.Idempotent(w.ctx, i.RealmID, i.Digest)
		w.refused(err, model.ErrNotFound)
		w.refused(w.AnswerIdempotent(w.ctx, i), model.ErrConflict)
		w.ok(w.ReserveIdempotent(w.ctx, i, start))
	}},
	{"AnAnswerIsNotReleased", func(w *world) {
		i := newIdempotent(w.home.realm.ID)
		w.ok(w.ReserveIdempotent(w.ctx, i, start))
		i.Status, i.Answer = 200, []byte("sealed")
		w.ok(w.AnswerIdempotent(w.ctx, i))
		w.ok(w.ReleaseIdempotent(w.ctx, i))
		same(w, got(w.Idempotent(w.ctx, i.RealmID, i.Digest)), i)
	}},
	{"WhatHasExpiredIsReplacedAndNoLongerItsOwners", func(w *world) {
		old := newIdempotent(w.home.realm.ID)
		w.ok(w.ReserveIdempotent(w.ctx, old, start))
		next := old
		next.Request, next.CreatedAt, next.ExpiresAt = secret(), old.ExpiresAt, old.ExpiresAt.Add(time.Hour)
		w.refused(w.ReserveIdempotent(w.ctx, next, old.ExpiresAt-1), model.ErrConflict)
		w.ok(w.ReserveIdempotent(w.ctx, next, old.ExpiresAt))
		w.ok(w.ReleaseIdempotent(w.ctx, old))
		w.refused(w.AnswerIdempotent(w.ctx, old), model.ErrConflict)
		same(w, got(w.Idempotent(w.ctx, old.RealmID, old.Digest)), next)
	}},
	{"ARealmsKeysAreItsOwn", func(w *world) {
		i := newIdempotent(w.home.realm.ID)
		w.ok(w.ReserveIdempotent(w.ctx, i, start))
		other := i
		other.RealmID = w.away.realm.ID
		_, err := w.Idempotent(w.ctx, other.RealmID, i.Digest)
		w.refused(err, model.ErrNotFound)
		w.ok(w.ReserveIdempotent(w.ctx, other, start))
	}},
	{"OneOfManyReserves", func(w *world) {
		for range 5 {
			i := newIdempotent(w.home.realm.ID)
			oneWins(w, race(w, func(s *store.Store, _ int) error { return s.ReserveIdempotent(w.ctx, i, start) }))
		}
	}},
	{"TheSweepTakesWhatHasExpired", func(w *world) {
		gone, stays := newIdempotent(w.home.realm.ID), newIdempotent(w.home.realm.ID)
		stays.ExpiresAt = start.Add(48 * time.Hour)
		w.ok(w.ReserveIdempotent(w.ctx, gone, start))
		w.ok(w.ReserveIdempotent(w.ctx, stays, start))
		w.ok(w.Sweep(w.ctx, start.Add(25*time.Hour)))
		_, err := w.Idempotent(w.ctx, gone.RealmID, gone.Digest)
		w.refused(err, model.ErrNotFound)
		same(w, got(w.Idempotent(w.ctx, stays.RealmID, stays.Digest)), stays)
	}},
}
