package limit

import (
	"sync"
	"time"
)

// A Backoff makes whoever fails wait, twice as long after each failure: for
// guesses at a secret. It is safe for concurrent use, in bounded memory.
type Backoff struct {
	free      int           // failures without a wait
	base, top time.Duration // the first wait and the longest
	most      int
	mu        sync.Mutex
	keys      map[string]*failures
}

type failures struct {
	n     int
	until time.Time // nothing is allowed before
}

// NewBackoff lets a key fail free times, then makes it wait base, twice that, and
// so on up to top. It remembers about maxKeys keys, each until it was quiet for
// twice as long as top.
func NewBackoff(free int, base, top time.Duration, maxKeys int) *Backoff {
	return &Backoff{free: free, base: base, top: top, most: max(1, maxKeys), keys: map[string]*failures{}}
}

// Allow takes a try of the key, which counts as failed until [Backoff.Forget], or
// says how long to wait until the next. Counting first keeps tries at one time
// from going by each other.
func (b *Backoff) Allow(key string, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.keys[key]
	if f == nil || b.over(f, now) {
		if f == nil && len(b.keys) >= b.most {
			b.makeRoom(now)
		}
		f = &failures{}
		b.keys[key] = f
	}
	if wait := f.until.Sub(now); wait > 0 {
		return min(wait, b.top), false // a clock that was set back keeps nobody out for long
	}
	f.n++
	f.until = now
	if over := f.n - b.free; over >= 0 {
		f.until = now.Add(b.wait(over))
	}
	return 0, true
}

func (b *Backoff) wait(over int) time.Duration {
	w := b.base
	for range over {
		if w *= 2; w >= b.top {
			return b.top
		}
	}
	return min(w, b.top)
}

// over reports whether a key was quiet for so long that it starts anew.
func (b *Backoff) over(f *failures, now time.Time) bool { return now.Sub(f.until) > 2*b.top }

// Forget lets a key start anew: its try was good.
func (b *Backoff) Forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.keys, key)
}

// makeRoom drops of a few entries, which Go's map picks at random, those that are
// over, or else the one with the fewest failures.
func (b *Backoff) makeRoom(now time.Time) {
	victim, fewest, seen, dropped := "", 0, 0, false
	for key, f := range b.keys {
		if b.over(f, now) {
			delete(b.keys, key)
			dropped = true
		} else if seen == 0 || f.n < fewest {
			victim, fewest = key, f.n
		}
		if seen++; seen == sample {
			break
		}
	}
	if !dropped {
		delete(b.keys, victim)
	}
}
