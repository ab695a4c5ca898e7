package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/revocation"
	"github.com/assent-id/assent/internal/store/litetest"
)

func sqlite(t testing.TB) string { t.Helper(); return litetest.Database(t) }

// await waits for news of what came since a cursor, for a minute.
func (n *node) await(ctx context.Context, since string) (revocation.Page, error) {
	return n.Await(ctx, revocation.Query{Site: n.w.site, Since: since, Resources: []string{api}}, time.Minute)
}

// waits begins to await and returns once that has looked, and found nothing: from
// then on only what is new, or its end, is an answer.
func (n *node) waits(ctx context.Context, t *testing.T, since string) <-chan awaited {
	t.Helper()
	before := n.asked.Load()
	n.read(t, since)
	looked := n.asked.Load()
	looked += looked - before
	answer := make(chan awaited, 1)
	go func() {
		page, err := n.await(ctx, since)
		answer <- awaited{page, err}
	}()
	until(t, "it has looked", func() bool { return n.asked.Load() >= looked })
	return answer
}

// awaited is what came of waiting.
type awaited struct {
	page revocation.Page
	err  error
}

// Requirement: feed-wait, feed-nodes
func TestARevocationOnOneNodeWakesWhoWaitsOnAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		a, b := w.node(t, nil), w.node(t, nil)
		cursor := b.read(t, "").Cursor
		answer := b.waits(t.Context(), t, cursor)
		a.revoke(t, model.RevokeToken, "tok_1")
		if got := <-answer; got.err != nil || !slices.Equal(idsOf(got.page), []string{"tok_1"}) {
			t.Errorf("got %+v, %v", got.page, got.err)
		}
	})
}

// Requirement: feed-wait
func TestAWaitWithoutNewsEndsWithNone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	cursor := n.read(t, "").Cursor
	page, err := n.Await(t.Context(), revocation.Query{Site: w.site, Since: cursor, Resources: []string{api}}, 10*time.Millisecond)
	if err != nil || page.News() || page.Cursor != cursor {
		t.Errorf("%+v, %v", page, err)
	}
}

// Requirement: feed-stop
func TestWhoWaitsIsAnsweredWhenTheServerStops(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	cursor := n.read(t, "").Cursor
	ctx, stop := context.WithCancel(t.Context())
	answer := n.waits(ctx, t, cursor)
	stop()
	select {
	case got := <-answer:
		if got.err != nil || got.page.News() {
			t.Errorf("got %+v, %v", got.page, got.err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("not answered within 30 s")
	}
}

// Requirement: feed-unsure
func TestANodeThatMayHaveMissedSomethingSaysNothing(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	cursor := n.read(t, "").Cursor
	answer := n.waits(t.Context(), t, cursor)
	n.unsure.Store(true)
	if got := <-answer; !errors.Is(got.err, revocation.ErrUnsure) {
		t.Errorf("who waited: %v", got.err)
	}
	for _, since := range []string{"", cursor} {
		if _, err := n.Read(t.Context(), revocation.Query{Site: w.site, Since: since, Resources: []string{api}}); !errors.Is(err, revocation.ErrUnsure) {
			t.Errorf("since %q: %v", since, err)
		}
	}
	n.unsure.Store(false)
	if got := n.read(t, cursor); got.News() {
		t.Errorf("sure again: %+v", got)
	}
}

// Requirement: feed-unsure
func TestANodeThatCannotReadSaysNothing(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	cursor := n.read(t, "").Cursor
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.hub.Resync()
	if _, err := n.Read(ctx, revocation.Query{Site: w.site, Since: cursor, Resources: []string{api}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want what kept it from reading", err)
	}
	n.revoke(t, model.RevokeToken, "tok_1")
	if got := idsOf(n.read(t, cursor)); !slices.Equal(got, []string{"tok_1"}) {
		t.Errorf("then: %q", got)
	}
}

// Requirement: feed-every-waiter
func TestNobodyMissesARevocationWhileManyAreMade(t *testing.T) {
	const readers, revocations = 32, 100
	onBoth(t, func(t *testing.T, w *world) {
		nodes := []*node{w.node(t, nil), w.node(t, nil)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for i := range readers {
			n := nodes[i%2]
			cursor := n.read(t, "").Cursor
			wg.Go(func() {
				heard := map[string]bool{}
				for len(heard) < revocations {
					page, err := n.await(ctx, cursor)
					if err != nil || ctx.Err() != nil {
						t.Errorf("reader %d heard %d of %d: %v", i, len(heard), revocations, err)
						return
					}
					for _, id := range idsOf(page) {
						if heard[id] {
							t.Errorf("reader %d heard %s twice of one node", i, id)
						}
						heard[id] = true
					}
					cursor = page.Cursor
				}
			})
		}
		for i := range 4 {
			wg.Go(func() {
				for k := range revocations / 4 {
					nodes[k%2].revoke(t, model.RevokeToken, fmt.Sprintf("tok_%d_%d", i, k))
				}
			})
		}
		wg.Wait()
	})
}

// Requirement: feed-waiting-free
func TestAThousandWhoWaitCostNoQuery(t *testing.T) {
	const waiters = 1000
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	cursor := n.read(t, "").Cursor
	before := n.reads.Load()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var ready, done sync.WaitGroup
	ready.Add(waiters)
	for range waiters {
		done.Go(func() {
			if page, err := n.Await(ctx, revocation.Query{Site: w.site, Since: cursor, Resources: []string{api}}, time.Millisecond); err != nil || page.News() {
				t.Errorf("%+v, %v", page, err)
			}
			ready.Done()
			page, err := n.await(ctx, cursor)
			if err != nil || !slices.Equal(idsOf(page), []string{"tok_1"}) {
				t.Errorf("%+v, %v", page, err)
			}
		})
	}
	ready.Wait()
	if got := n.reads.Load() - before; got != 0 {
		t.Errorf("%d waiters cost %d queries, want none", waiters, got)
	}
	n.revoke(t, model.RevokeToken, "tok_1")
	done.Wait()
	if got := n.reads.Load() - before; got != 1 {
		t.Errorf("one revocation cost %d queries for %d waiters, want 1", got, waiters)
	}
}

// Requirement: feed-bounded
func TestWaitingPlacesAreBoundedForAClientAndInAll(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, func(c *revocation.FeedConfig) { c.WaitingOfClient, c.Waiting = 2, 3 })
	take := func(client model.ClientID, want bool) func() {
		t.Helper()
		give, ok := n.Take(w.site, client)
		if ok != want {
			t.Fatalf("%s: got a place: %t, want %t", client, ok, want)
		}
		return give
	}
	first := take("svc_a", true)
	take("svc_a", true)
	take("svc_a", false) // its own are used up
	second := take("svc_b", true)
	take("svc_b", false) // all are
	first()
	take("svc_b", true)
	second()
	take("svc_a", true)
	take("svc_c", false)
}
