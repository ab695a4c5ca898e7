package limit_test

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestABurstThenOneEventPerInterval(t *testing.T) {
	k := limit.NewKeyed(limit.Rate{Every: 10 * time.Second, Burst: 3}, 100)
	steps := []struct {
		at   time.Duration
		wait time.Duration // 0: allowed
	}{
		{0, 0}, {0, 0}, {0, 0},
		{0, 10 * time.Second},
		{4 * time.Second, 6 * time.Second},
		{10*time.Second - 1, 1},
		{10 * time.Second, 0},
		{10 * time.Second, 10 * time.Second},
		{25 * time.Second, 0}, // one and a half saved up
		{25 * time.Second, 5 * time.Second},
		{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, // never more than the burst
		{time.Hour, 10 * time.Second},
	}
	for i, step := range steps {
		wait, ok := k.Allow("key", start.Add(step.at))
		if wait != step.wait || ok != (step.wait == 0) {
			t.Errorf("step %d: got %v, %t, want to wait %v", i, wait, ok, step.wait)
		}
	}
}

func TestARefusedEventCostsNothing(t *testing.T) {
	k := limit.NewKeyed(limit.Rate{Every: time.Minute, Burst: 1}, 100)
	k.Allow("key", start)
	for range 1000 {
		k.Allow("key", start.Add(time.Second))
	}
	if wait, ok := k.Allow("key", start.Add(time.Minute)); !ok {
		t.Errorf("still %v to wait after a minute", wait)
	}
}

func TestAnEventThatIsGivenBackDoesNotCount(t *testing.T) {
	k := limit.NewKeyed(limit.Rate{Every: time.Minute, Burst: 2}, 100)
	k.Return("key") // of nobody
	for i := range 10 {
		if _, ok := k.Allow("key", start); !ok {
			t.Fatalf("event %d was refused although those before were given back", i)
		}
		k.Return("key")
	}
	k.Allow("key", start)
	k.Allow("key", start)
	if _, ok := k.Allow("key", start); ok {
		t.Error("giving back gave more than was taken")
	}
}

func TestKeysDoNotShareAnAllowance(t *testing.T) {
	k := limit.NewKeyed(limit.Per(1, time.Minute), 10_000)
	for i := range 1000 {
		if _, ok := k.Allow(fmt.Sprint("key", i), start); !ok {
			t.Errorf("key %d was refused its first event", i)
		}
		if _, ok := k.Allow(fmt.Sprint("key", i), start); ok {
			t.Errorf("key %d was allowed its second event", i)
		}
	}
}

func TestAClockSetBackShutsNobodyOutForLong(t *testing.T) {
	rate := limit.Rate{Every: time.Second, Burst: 2}
	k := limit.NewKeyed(rate, 100)
	k.Allow("key", start)
	back := start.Add(-time.Hour)
	if wait, ok := k.Allow("key", back); ok || wait > rate.Every {
		t.Errorf("got %v, %t, want a refusal of at most %v", wait, ok, rate.Every)
	}
}

func TestARateThatIsNoRateAllowsNothing(t *testing.T) {
	for _, rate := range []limit.Rate{{}, {Every: time.Second}, {Burst: 5}, {Every: -1, Burst: 1}, limit.Per(0, time.Second), limit.Per(-3, time.Second)} {
		if wait, ok := limit.NewKeyed(rate, 10).Allow("key", start); ok || wait != math.MaxInt64 {
			t.Errorf("%+v: got %v, %t", rate, wait, ok)
		}
	}
}

func TestPerSpreadsEventsOverTheTime(t *testing.T) {
	if got, want := limit.Per(30, time.Minute), (limit.Rate{Every: 2 * time.Second, Burst: 30}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMemoryIsBoundedAndTheShutOutStayShutOut(t *testing.T) {
	const most = 1600
	k := limit.NewKeyed(limit.Rate{Every: time.Minute, Burst: 10}, most)
	for range 10 {
		k.Allow("attacker", start)
	}
	for i := range 50 * most {
		k.Allow(fmt.Sprint("new", i), start)
	}
	if got := k.Len(); got > most {
		t.Errorf("%d keys are remembered, want at most %d", got, most)
	}
	if _, ok := k.Allow("attacker", start); ok {
		t.Error("a flood of new keys made the limiter forget one that was shut out")
	}
}

func TestKeysWithAWholeAllowanceMakeRoomFirst(t *testing.T) {
	const most = 160
	k := limit.NewKeyed(limit.Rate{Every: time.Second, Burst: 1}, most)
	for i := range most {
		k.Allow(fmt.Sprint("old", i), start)
	}
	later := start.Add(time.Minute)
	for i := range 10 * most {
		k.Allow(fmt.Sprint("new", i), later)
	}
	if got := k.Len(); got > most {
		t.Errorf("%d keys are remembered, want at most %d", got, most)
	}
}

func TestConcurrentEventsNeverExceedTheBurst(t *testing.T) {
	k := limit.NewKeyed(limit.Rate{Every: time.Hour, Burst: 7}, 100)
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 100 {
				if _, ok := k.Allow("key", start); ok {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := allowed.Load(); got != 7 {
		t.Errorf("%d events were allowed, want 7", got)
	}
}

func BenchmarkAllow(b *testing.B) {
	k := limit.NewKeyed(limit.Rate{Every: time.Millisecond, Burst: 10}, 100_000)
	b.ReportAllocs()
	now := start
	for b.Loop() {
		now = now.Add(time.Microsecond)
		k.Allow("svc_01jd3v5h7ke9x8a2n4p6q8s0tv", now)
	}
}
