package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

// changes collects what a store publishes.
type changes struct {
	mu   sync.Mutex
	list []model.Change
	news chan struct{}
}

func (c *changes) add(list []model.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, list...)
	if c.news != nil {
		select {
		case c.news <- struct{}{}:
		default:
		}
	}
}

func (c *changes) all() []model.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

func (c *changes) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = nil
}

// await waits until n changes were heard, and says how long it took.
func (c *changes) await(w *world, n int, limit time.Duration) time.Duration {
	w.Helper()
	began := time.Now()
	for len(c.all()) < n {
		select {
		case <-c.news:
		case <-time.After(time.Until(began.Add(limit))):
			w.Fatalf("heard %d of %d changes within %v", len(c.all()), n, limit)
		}
	}
	return time.Since(began)
}

// follower opens a store that follows the feed, as another process would, and
// waits until it hears.
func (w *world) follower(c *changes) *store.Store {
	w.Helper()
	c.news = make(chan struct{}, 1)
	s := w.open(store.Config{Publish: c.add})
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- s.Follow(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("follow: %v", err)
		}
	})
	began := time.Now()
	for s.FeedFreshAt().IsZero() {
		if time.Since(began) > 5*time.Second {
			w.Fatal("the feed does not become fresh")
		}
		time.Sleep(time.Millisecond)
	}
	return s
}

// anotherPoll waits until the feed has been read once more at least.
func (w *world) anotherPoll(s *store.Store) {
	w.Helper()
	last := s.FeedFreshAt()
	for began := time.Now(); !s.FeedFreshAt().After(last.Add(time.Second)); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > hearsWithin {
			w.Fatal("the feed stopped")
		}
	}
}

// change commits changes through s.
func (w *world) change(s *store.Store, list ...model.Change) {
	w.Helper()
	t := model.Tenant{ID: model.TenantID(ids.New("ten")), CreatedAt: start}
	t.Name = string(t.ID)
	w.ok(s.CreateTenant(w.ctx, t, model.Effects{Changes: list}))
}

func newChange(key string) model.Change {
	return model.Change{ID: ids.New("chg"), Topic: model.TopicApproval, Key: key, At: start}
}

// hearsWithin is long enough for a poll of a second on a busy machine.
const hearsWithin = 8 * time.Second

var feedPromises = []promise{
	{"OwnChangesAreHeardOnceBeforeTheCallReturns", func(w *world) {
		var own changes
		s := w.follower(&own)
		c := newChange("apr_1/idn_1")
		w.change(s, c)
		same(w, own.all(), []model.Change{c})
		w.anotherPoll(s)
		same(w, own.all(), []model.Change{c})
	}},
	{"OthersHearAChangeOnce", func(w *world) {
		var others changes
		s := w.follower(&others)
		c := newChange("apr_1/idn_1")
		w.change(w.Store, c)
		took := others.await(w, 1, hearsWithin)
		w.Logf("heard after %v", took)
		if w.Engine() == "postgres" && took > 500*time.Millisecond {
			w.Errorf("took %v: no notification came, the poll found it", took)
		}
		w.anotherPoll(s)
		same(w, others.all(), []model.Change{c})
	}},
	{"AChangeWithoutAnIDGetsOne", func(w *world) {
		var own changes
		s := w.open(store.Config{Publish: own.add})
		given := []model.Change{{Topic: model.TopicRealm, Key: "a"}, {Topic: model.TopicRealm, Key: "b"}}
		w.change(s, given...)
		heard := own.all()
		if len(heard) != 2 || heard[0].ID == "" || heard[0].ID == heard[1].ID || given[0].ID != "" {
			w.Errorf("got %+v for %+v", heard, given)
		}
	}},
	{"AChangeThatDidNotHappenIsNotHeard", func(w *world) {
		var own, others changes
		w.follower(&others)
		s := w.open(store.Config{Publish: own.add})
		w.refused(s.CreateRealm(w.ctx, w.home.realm, model.Effects{Changes: []model.Change{newChange("no")}}), model.ErrConflict)
		c := newChange("yes")
		w.change(s, c)
		others.await(w, 1, hearsWithin)
		same(w, own.all(), []model.Change{c})
		same(w, others.all(), []model.Change{c})
	}},
	{"ManyAtOnceAndOddKeysAreHeardWhole", func(w *world) {
		var others changes
		w.follower(&others)
		want := []model.Change{newChange("tab\there"), newChange("line\nhere"), newChange("日本")}
		for i := range 300 { // more than a notification holds
			want = append(want, newChange(fmt.Sprint("apr_", i)))
		}
		w.change(w.Store, want...)
		others.await(w, len(want), hearsWithin)
		heard := others.all()
		byID := func(a, b model.Change) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) }
		slices.SortFunc(heard, byID)
		slices.SortFunc(want, byID)
		same(w, heard, want)
	}},
	{"ManyNodesHearEachOther", func(w *world) {
		var heard [3]changes
		var stores [3]*store.Store
		for i := range stores {
			stores[i] = w.follower(&heard[i])
		}
		var wg sync.WaitGroup
		for i, s := range stores {
			wg.Go(func() {
				for k := range 20 {
					t := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: fmt.Sprint("t", i, "-", k)}
					if err := s.CreateTenant(w.ctx, t, model.Effects{Changes: []model.Change{newChange(t.Name)}}); err != nil {
						w.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for i := range heard {
			heard[i].await(w, 60, hearsWithin)
			seen := make(map[string]int)
			for _, c := range heard[i].all() {
				seen[c.ID]++
			}
			same(w, len(seen), 60)
			same(w, len(heard[i].all()), 60)
		}
	}},
	{"FreshnessIsUnknownUntilSomebodyFollowsAndThenKeepsUp", func(w *world) {
		same(w, w.FeedFreshAt().IsZero(), true)
		began := time.Now()
		s := w.follower(new(changes))
		if at := s.FeedFreshAt(); at.Before(began.Add(-time.Second)) || at.After(time.Now()) {
			w.Errorf("fresh at %v, now is %v", at, time.Now())
		}
	}},
}
