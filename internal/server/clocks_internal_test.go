package server

import (
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// Requirement: lever-clock-behind
func TestTheClockThatIsFurthestAheadIsBelievedForAWhile(t *testing.T) {
	now := time.UnixMilli(1_790_000_000_000)
	c := &clocks{now: func() time.Time { return now }}
	hear := func(ahead time.Duration) { c.hear([]model.Change{{At: model.MillisOf(now.Add(ahead))}}) }
	lead := func(what string, want time.Duration) {
		t.Helper()
		if got := c.latest().Sub(now); got != want {
			t.Errorf("%s: ahead by %s, want %s", what, got, want)
		}
	}
	lead("nothing was heard", 0)
	hear(-5 * time.Second)
	lead("a clock that is behind", 0)
	hear(5 * time.Second)
	lead("a clock that is ahead", 5*time.Second)
	hear(time.Second)
	lead("another that is less far ahead", 5*time.Second)
	hear(maxAhead + time.Second)
	lead("one that is wrong", 5*time.Second)
	now = now.Add(believed)
	lead("for as long as that", 5*time.Second)
	hear(4500 * time.Millisecond) // it took its time
	now = now.Add(believed)
	lead("heard of again", 5*time.Second)
	now = now.Add(time.Second)
	lead("not heard of again", 0)
	hear(2 * time.Second)
	now = now.Add(-2 * believed)
	lead("one's own clock was set back", 0)
}
