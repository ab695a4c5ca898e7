package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

// reopened closes the world's store and opens it again.
func (w *world) reopened() *store.Store {
	w.Helper()
	w.ok(w.Close())
	return w.open(store.Config{})
}

var lifePromises = []promise{
	{"APingIsAnswered", func(w *world) { w.ok(w.Ping(w.ctx)) }},
	{"EverythingIsThereAfterReopening", func(w *world) {
		a := w.fulfilled()
		want := w.approval(a)
		w.Store = w.reopened()
		same(w, w.approval(a), want)
		same(w, w.homePasskey(), w.home.passkey)
	}},
	{"ManyOpenAnEmptyDatabaseAtOnce", func(w *world) {
		// newWorld has migrated this one; the others come to a current schema.
		// FreshDatabases of the engines' own tests come to none.
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				s, err := store.Open(w.ctx, store.Config{URL: w.url})
				if err != nil {
					w.Error(err)
					return
				}
				if err := errors.Join(s.Ping(w.ctx), s.Close()); err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
	}},
	{"AClosedStoreIsUnavailable", func(w *world) {
		s := w.open(store.Config{})
		w.ok(s.Close())
		w.ok(s.Close())
		_, err := s.Consume(w.ctx, newOnce(w.home.realm.ID, "x"))
		w.refused(err, model.ErrUnavailable)
		_, err = s.Identity(w.ctx, w.home.realm.ID, w.home.person.ID)
		w.refused(err, model.ErrUnavailable)
		w.refused(s.CreateApproval(w.ctx, w.home.approval(), 1, model.Effects{}), model.ErrUnavailable)
		w.refused(s.Ping(w.ctx), model.ErrUnavailable)
	}},
	{"ClosingLosesNothingThatWasAcknowledged", checkClose},
	{"WhoStoppedWaitingBeforeItBeganChangedNothing", func(w *world) {
		gone, cancel := context.WithCancel(w.ctx)
		cancel()
		o, a := newOnce(w.home.realm.ID, "x"), w.home.approval()
		_, err := w.Consume(gone, o)
		w.refused(err, context.Canceled)
		w.refused(w.CreateApproval(gone, a, 1, model.Effects{}), context.Canceled)
		_, err = w.Approval(gone, a.RealmID, a.ID)
		w.refused(err, context.Canceled)
		same(w, got(w.Consume(w.ctx, o)), true)
		w.ok(w.CreateApproval(w.ctx, a, 1, model.Effects{}))
	}},
	{"WhoIsToldOfSuccessIsNotLiedToWhenGivingUp", checkGivingUp},
}

// checkClose closes a store under load: each caller is acknowledged, or told
// that the store is unavailable, and both are true.
func checkClose(w *world) {
	s := w.open(store.Config{})
	var mu sync.Mutex
	var acknowledged, refused []model.Once
	var wg sync.WaitGroup
	started := make(chan struct{}, 8)
	for range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				o := newOnce(w.home.realm.ID, "x")
				first, err := s.Consume(w.ctx, o)
				mu.Lock()
				if err == nil && first {
					acknowledged = append(acknowledged, o)
				} else {
					refused = append(refused, o)
				}
				mu.Unlock()
				if i == 5 {
					started <- struct{}{}
				}
				if err != nil {
					if !errors.Is(err, model.ErrUnavailable) {
						w.Errorf("while closing: %v", err)
					}
					return
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	w.ok(s.Close())
	wg.Wait()
	for _, o := range acknowledged {
		same(w, got(w.Consume(w.ctx, o)), false)
	}
	for _, o := range refused {
		same(w, got(w.Consume(w.ctx, o)), true)
	}
}

// checkGivingUp cancels callers at random moments. Whoever hears of success
// was successful; whoever hears nothing but the end of their own patience
// before the work began, was not.
func checkGivingUp(w *world) {
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(w.ctx)
			o := newOnce(w.home.realm.ID, "x")
			var inner sync.WaitGroup
			inner.Go(func() {
				for range i * 20 { // give up after a while
					_ = ctx.Err()
				}
				cancel()
			})
			first, err := w.Consume(ctx, o)
			inner.Wait()
			again, e := w.Consume(w.ctx, o)
			switch {
			case e != nil:
				w.Error(e)
			case err == nil && (!first || again):
				w.Errorf("told first=%v, then first=%v", first, again)
			case errors.Is(err, context.Canceled) && !again:
				w.Error("told that it was given up, but it was done")
			}
		})
	}
	wg.Wait()
}
