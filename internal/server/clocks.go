package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

const maxAhead = model.MaxAhead

// announceEvery is how often a server tells the others what time it is.
const announceEvery = time.Minute

// clocks knows by how much the clocks of other servers are ahead of this one's: what
// is revoked here must take with it what they issued until now by theirs. Every
// change says when it was made, so nobody is asked.
type clocks struct {
	now   func() time.Time
	ahead atomic.Int64 // nanoseconds
	heard atomic.Int64 // when a clock was last as far ahead as that, by ours, in Unix nanoseconds
}

// believed is for how long a clock is taken to be ahead that was heard of once.
const believed = 10 * announceEvery

// transit is how long word of a change may be on its way.
const transit = time.Second

func (c *clocks) hear(changes []model.Change) {
	now := c.now()
	for i := range changes {
		ahead := changes[i].At.Time().Sub(now)
		lead := c.lead(now)
		// What was on its way for a while says less; the clock is as far ahead still.
		if 0 < ahead && ahead <= maxAhead && ahead >= lead-transit {
			c.ahead.Store(int64(max(ahead, lead)))
			c.heard.Store(now.UnixNano())
		}
	}
}

// lead is by how much another clock is ahead.
func (c *clocks) lead(now time.Time) time.Duration {
	age := now.Sub(time.Unix(0, c.heard.Load()))
	if age < -believed || age > believed {
		return 0
	}
	return time.Duration(c.ahead.Load())
}

// latest is the present by the clock that is furthest ahead.
func (c *clocks) latest() time.Time {
	now := c.now()
	return now.Add(c.lead(now))
}

// announced is a change that says what time it is here.
func (c *clocks) announced() model.Effects {
	return model.Effects{Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicClock, At: model.MillisOf(c.now())}}}
}

// publish tells everybody here what changed.
func (s *Server) publish(changes []model.Change) {
	s.clocks.hear(changes)
	s.hub.Publish(changes)
}

// announce tells the other servers what time it is here.
func (s *Server) announce(ctx context.Context) {
	s.every(ctx, announceEvery, "announce the time", func() error { return s.store.Record(ctx, s.clocks.announced()) })
}
