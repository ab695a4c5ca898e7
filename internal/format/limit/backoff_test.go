package limit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
)

func TestEachFailureMakesTheNextWaitLonger(t *testing.T) {
	b := limit.NewBackoff(2, time.Second, 8*time.Second, 100)
	now := start
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second} {
		if _, ok := b.Allow("key", now); !ok {
			t.Fatalf("try %d is refused", i)
		}
		wait, ok := time.Duration(0), true
		if want > 0 {
			wait, ok = b.Allow("key", now)
		}
		if wait != want || ok != (want == 0) {
			t.Errorf("after try %d: wait %v, %t, want %v", i, wait, ok, want)
		}
		now = now.Add(want)
	}
	if _, ok := b.Allow("other", now); !ok {
		t.Error("another key waits too")
	}
}

func TestAGoodTryAndALongQuietTimeStartAnew(t *testing.T) {
	for name, anew := range map[string]func(b *limit.Backoff) time.Time{
		"good":  func(b *limit.Backoff) time.Time { b.Forget("key"); return start },
		"quiet": func(*limit.Backoff) time.Time { return start.Add(time.Hour) },
	} {
		b := limit.NewBackoff(2, time.Minute, 10*time.Minute, 100)
		b.Allow("key", start)
		b.Allow("key", start)
		now := anew(b)
		for i := range 2 {
			if wait, ok := b.Allow("key", now); !ok {
				t.Errorf("%s: try %d waits %v", name, i, wait)
			}
		}
		if _, ok := b.Allow("key", now); ok {
			t.Errorf("%s: a third try is free", name)
		}
	}
}

func TestTriesAtOneTimeDoNotGoByEachOther(t *testing.T) {
	b := limit.NewBackoff(3, time.Minute, time.Hour, 100)
	var wg sync.WaitGroup
	allowed := make(chan bool, 64)
	for range 64 {
		wg.Go(func() { _, ok := b.Allow("key", start); allowed <- ok })
	}
	wg.Wait()
	close(allowed)
	n := 0
	for ok := range allowed {
		if ok {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d tries were allowed, want 3", n)
	}
}

func TestAFloodOfKeysForgetsOthersBeforeOneThatFailsOften(t *testing.T) {
	b := limit.NewBackoff(1, time.Hour, time.Hour, 64)
	now := start
	for range 5 {
		b.Allow("guessed", now)
		now = now.Add(time.Hour)
	}
	b.Allow("guessed", now)
	for i := range 10_000 {
		b.Allow(fmt.Sprint("flood", i), now)
	}
	if _, ok := b.Allow("guessed", now); ok {
		t.Error("the flood washed the wait away")
	}
}
