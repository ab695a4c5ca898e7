package hub_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/assent-id/assent/internal/hub"
)

// A source answers with the number of times that it was asked, once it may.
type source struct {
	loads atomic.Int64
	gate  chan struct{} // nil: at once
	fails atomic.Bool
}

var errDown = errors.New("down")

func (s *source) load(ctx context.Context, _ string) (int64, error) {
	n := s.loads.Add(1)
	if s.gate != nil {
		<-s.gate
	}
	if s.fails.Load() {
		return 0, errDown
	}
	return n, ctx.Err()
}

func get(t *testing.T, c *hub.Cache[int64], key string) int64 {
	t.Helper()
	v, err := c.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConcurrentMissesShareOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{gate: make(chan struct{})}
		c := hub.NewCache(10, s.load)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if v := get(t, c, "a"); v != 1 {
					t.Errorf("got load %d, want the first", v)
				}
			})
		}
		synctest.Wait() // all of them wait for the load now
		close(s.gate)
		wg.Wait()
		if n := s.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

// Whoever asks after an invalidation must not be told what was read before it.
func TestALoadThatAnInvalidationOvertookIsNeitherKeptNorShared(t *testing.T) {
	for name, invalidate := range map[string]func(*hub.Cache[int64]){
		"forget": func(c *hub.Cache[int64]) { c.Forget("a") },
		"clear":  func(c *hub.Cache[int64]) { c.Clear() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{gate: make(chan struct{})}
				c := hub.NewCache(10, s.load)
				answers := make(chan int64, 2)
				go func() { answers <- get(t, c, "a") }()
				synctest.Wait()
				invalidate(c)
				go func() { answers <- get(t, c, "a") }()
				synctest.Wait()
				if n := s.loads.Load(); n != 2 {
					t.Errorf("%d loads, want one before and one after the invalidation", n)
				}
				close(s.gate)
				if sum := <-answers + <-answers; sum != 3 {
					t.Errorf("the answers add up to %d, want 1 and 2", sum)
				}
				if v := get(t, c, "a"); v != 2 {
					t.Errorf("kept load %d, want the second", v)
				}
			})
		})
	}
}

func TestErrorsAreNotCached(t *testing.T) {
	s := &source{}
	s.fails.Store(true)
	c := hub.NewCache(10, s.load)
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, errDown) {
		t.Fatalf("got %v", err)
	}
	s.fails.Store(false)
	if v := get(t, c, "a"); v != 2 {
		t.Errorf("got load %d, want the second", v)
	}
	if v := get(t, c, "a"); v != 2 {
		t.Errorf("a good answer was not kept: load %d", v)
	}
}

func TestOnesCancelledRequestDoesNotFailTheLoadOfOthers(t *testing.T) {
	s := &source{}
	c := hub.NewCache(10, s.load)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, "a"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestForgettingOneKeepsTheOthers(t *testing.T) {
	s := &source{}
	c := hub.NewCache(10, s.load)
	a, b := get(t, c, "a"), get(t, c, "b")
	c.Forget("a")
	if get(t, c, "b") != b || get(t, c, "a") == a {
		t.Error("want b from memory and a loaded anew")
	}
	c.Clear()
	if get(t, c, "b") == b {
		t.Error("clear kept an entry")
	}
}

func TestACacheHoldsNoMoreThanItsSize(t *testing.T) {
	const size = 8
	s := &source{}
	c := hub.NewCache(size, s.load)
	for i := range 100 {
		get(t, c, strconv.Itoa(i))
	}
	kept := 0
	for i := range 100 {
		before := s.loads.Load()
		v, err := c.Get(t.Context(), strconv.Itoa(99-i))
		if err != nil {
			t.Fatal(err)
		}
		if v <= before && s.loads.Load() == before {
			kept++
		}
	}
	if kept == 0 || kept > size {
		t.Errorf("%d of 100 were in memory, want 1 to %d", kept, size)
	}
}
