package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
)

func newPace(keys int) *limit.Pace {
	return limit.NewPace(limit.PaceConfig{Interval: 5 * time.Second, Step: 5 * time.Second,
		Slack: 250 * time.Millisecond, Keys: keys, Life: time.Minute})
}

func TestWhoComesTooEarlyWaitsLongerFromThenOn(t *testing.T) {
	p := newPace(10)
	steps := []struct {
		after time.Duration // the visit before
		ok    bool
		want  time.Duration
	}{
		{0, true, 5 * time.Second},
		{5 * time.Second, true, 5 * time.Second},
		{time.Second, false, 10 * time.Second},
		{5 * time.Second, false, 15 * time.Second},
		{15 * time.Second, true, 15 * time.Second},
		{15*time.Second - 250*time.Millisecond, true, 15 * time.Second},
		{15*time.Second - 251*time.Millisecond, false, 20 * time.Second},
		{time.Minute, true, 5 * time.Second}, // forgotten
	}
	now := start
	for i, step := range steps {
		now = now.Add(step.after)
		interval, ok := p.Visit("key", now)
		if ok != step.ok || interval != step.want {
			t.Errorf("step %d: got %v, %t, want %v, %t", i, interval, ok, step.want, step.ok)
		}
	}
	if _, ok := p.Visit("other", now); !ok {
		t.Error("another key pays for the first")
	}
}

func TestAPaceRemembersSoManyKeysAndNoMore(t *testing.T) {
	p := newPace(100)
	for i := range 10_000 {
		p.Visit(fmt.Sprint("key", i), start.Add(time.Duration(i)*time.Millisecond))
	}
	if got := p.Len(); got > 100 {
		t.Errorf("%d keys are remembered, want at most 100", got)
	}
}
