package servertest

import (
	"sync/atomic"
	"time"
)

// A Clock runs with the real one, ahead by what it was turned.
type Clock struct{ ahead atomic.Int64 }

// Now is for server.Config.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Turn moves the clock by d from now on.
func (c *Clock) Turn(d time.Duration) { c.ahead.Add(int64(d)) }
