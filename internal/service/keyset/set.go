package keyset

import (
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
)

// A set is what is known of the keys at one URL.
type set struct {
	mu      sync.Mutex
	keys    []*jose.PublicKey
	fetched time.Time // when the keys were; zero: never
	fresh   time.Time // until when the keys are
	failed  time.Time // the last fetch, if it failed
	unknown time.Time // the last fetch for an unknown key
	flight  chan struct{}
}

// A wanted key is named by its kid, or is the one of a thumbprint (RFC 7638), or,
// if neither is given, the only one.
type wanted struct {
	kid, thumbprint string
	alg             jose.Alg // empty: that of the key
}

func (w wanted) named() bool { return w.kid != "" || w.thumbprint != "" }

func (w wanted) names(k *jose.PublicKey) bool {
	return (w.kid == "" || k.KID() == w.kid) && (w.thumbprint == "" || k.Thumbprint() == w.thumbprint)
}

// look answers from memory, or returns the flight to wait for. It starts one by
// calling load in a goroutine of its own, so that it lands whoever gives up.
func (s *set) look(w wanted, now time.Time, load func()) (*jose.PublicKey, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.pick(w, now)
	stale := s.fetched.IsZero() || !now.Before(s.fresh)
	if key != nil && !stale {
		return key, nil
	}
	if s.flight != nil {
		return nil, s.flight
	}
	if within(s.failed, now) || !stale && within(s.unknown, now) {
		return key, nil
	}
	if !stale {
		s.unknown = now
	}
	s.flight = make(chan struct{})
	go load()
	return nil, s.flight
}

// within reports whether the pause after an instant lasts. A clock that was set
// back does not make it longer.
func within(since, now time.Time) bool {
	age := now.Sub(since)
	return !since.IsZero() && 0 <= age && age < pause
}

// find answers from memory.
func (s *set) find(w wanted, now time.Time) *jose.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pick(w, now)
}

// pick: where no key is named there must be no choice.
func (s *set) pick(w wanted, now time.Time) *jose.PublicKey {
	if s.fetched.IsZero() || now.Sub(s.fetched) > keep {
		return nil
	}
	var found *jose.PublicKey
	for _, k := range s.keys {
		if !w.names(k) {
			continue
		}
		if k = fitting(k, w.alg); k == nil {
			continue
		}
		if w.named() {
			return k
		}
		if found != nil {
			return nil
		}
		found = k
	}
	return found
}

// fitting is the key with the algorithm that the caller wants, or nil.
func fitting(k *jose.PublicKey, alg jose.Alg) *jose.PublicKey {
	if alg == "" {
		return k
	}
	k, err := k.WithAlg(alg)
	if err != nil {
		return nil
	}
	return k
}

// land takes what a fetch brought, wakes who waits for it, and returns how many
// keys there are more than before.
func (s *set) land(keys []*jose.PublicKey, until, now time.Time, err error) (more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		more = len(keys) - len(s.keys)
		s.keys, s.fetched, s.fresh, s.failed = keys, now, until, time.Time{}
	} else {
		s.failed = now
	}
	close(s.flight)
	s.flight = nil
	return more
}
