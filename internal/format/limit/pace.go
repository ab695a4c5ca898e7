package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

// A Pace bounds how often each of many keys may come, and lets whoever comes
// too early wait longer from then on: their interval grows by a step each time
// (RFC 8628, Section 3.5). It is safe for concurrent use.
type Pace struct {
	cfg  PaceConfig
	seed maphash.Seed
	mu   sync.Mutex
	keys map[uint64]stride
}

// PaceConfig is what a Pace goes by. Interval, Step and Keys must be positive.
type PaceConfig struct {
	Interval time.Duration // between two visits, at first
	Step     time.Duration // that each early visit adds
	Slack    time.Duration // by which a visit may be early, for clocks and networks
	Keys     int           // remembered at most, about 40 bytes each
	Life     time.Duration // of a key since it last came; 0: for ever
}

// A stride is when a key came last and how long it has to wait after that.
type stride struct {
	last     time.Time
	interval time.Duration
}

// NewPace returns a Pace that has seen nobody.
func NewPace(c PaceConfig) *Pace {
	return &Pace{cfg: c, seed: maphash.MakeSeed(), keys: map[uint64]stride{}}
}

// Visit notes that the key comes at the instant now, and returns the interval
// that it has to keep from here on, and whether it kept the one before.
func (p *Pace) Visit(key string, now time.Time) (interval time.Duration, ok bool) {
	h := maphash.String(p.seed, key)
	p.mu.Lock()
	defer p.mu.Unlock()
	s, known := p.keys[h]
	switch {
	case !known || p.over(s, now):
		s.interval, ok = p.cfg.Interval, true
	case now.Sub(s.last) >= s.interval-p.cfg.Slack:
		ok = true
	default:
		s.interval += p.cfg.Step
	}
	if !known && len(p.keys) >= p.cfg.Keys {
		p.makeRoom(now)
	}
	s.last = now
	p.keys[h] = s
	return s.interval, ok
}

func (p *Pace) over(s stride, now time.Time) bool {
	return p.cfg.Life > 0 && now.Sub(s.last) >= p.cfg.Life
}

// makeRoom looks at a few entries, which Go's map picks at random, and drops
// those whose life is over, or else the one that came longest ago.
func (p *Pace) makeRoom(now time.Time) {
	var oldest uint64
	var at time.Time
	seen, dropped := 0, false
	for h, s := range p.keys {
		if p.over(s, now) {
			delete(p.keys, h)
			dropped = true
		} else if at.IsZero() || s.last.Before(at) {
			oldest, at = h, s.last
		}
		if seen++; seen == sample {
			break
		}
	}
	if !dropped {
		delete(p.keys, oldest)
	}
}

// Len returns how many keys are remembered.
func (p *Pace) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.keys)
}
