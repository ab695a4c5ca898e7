// Package limit decides whether something happens too often, by the generic
// cell rate algorithm (ITU-T I.371, Annex A, "virtual scheduling").
//
// The algorithm keeps one instant per key: the theoretical arrival time, at
// which the allowance is whole again. The caller always passes the present
// instant, so the package reads no clock and a test needs none.
//
// If this package is wrong, an attacker gets more guesses than intended, or an
// honest client is shut out. A limit kept here holds for one process; it slows
// abuse down and must never be what makes a thing happen only once.
package limit

import "time"

// A Rate allows one event per Every on average, and Burst events at once after
// a quiet time. Both must be positive; a Rate that is not allows nothing.
type Rate struct {
	Every time.Duration
	Burst int
}

// Per returns the rate of n events in d with a burst of n.
func Per(n int, d time.Duration) Rate {
	if n <= 0 {
		return Rate{}
	}
	return Rate{Every: d / time.Duration(n), Burst: n}
}

// Next takes the theoretical arrival time of a key (the zero time for one that
// was never seen) and decides on an event at the instant now. It returns the
// time to remember and, if the event is refused, how long to wait until the
// next one would be allowed. A refused event costs the key nothing.
func (r Rate) Next(tat, now time.Time) (next time.Time, wait time.Duration, ok bool) {
	if r.Every <= 0 || r.Burst <= 0 {
		return tat, time.Duration(1<<63 - 1), false
	}
	whole := r.Every * time.Duration(r.Burst)
	switch ahead := tat.Sub(now); {
	case ahead < 0:
		tat = now
	case ahead > whole:
		// Only a clock that was set back leads here. The allowance stays used
		// up, but nobody waits for the clock to catch up.
		tat = now.Add(whole)
	}
	next = tat.Add(r.Every)
	if over := next.Sub(now) - whole; over > 0 {
		return tat, over, false
	}
	return next, 0, true
}
