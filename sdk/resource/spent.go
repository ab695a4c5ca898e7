package resource

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"
)

const (
	// maxSpent is how many proofs are remembered, 100 bytes each.
	maxSpent = 500_000
	// maxOfKey is how many of them may be of one key, so that nobody takes the
	// room of all: without nonces, 160 requests a second of one client.
	maxOfKey = 20_000
)

// spent are the DPoP proofs that were used, for as long as each could be used
// again (RFC 9449, Section 11.1). Only proofs that came with a good token are
// remembered. Each process has its own: a proof can be used once in each.
type spent struct {
	mu    sync.Mutex
	until map[digest]use
	keys  map[string]*holder // by thumbprint; those that have a proof in until
	swept int64              // when it was last gone through
}

// A use is that of one proof.
type use struct {
	until int64 // Unix seconds
	of    *holder
}

// A holder is a key and how many of its proofs are remembered.
type holder struct {
	jkt string
	n   int
}

func (s *spent) use(p proof, until, now time.Time) *Refusal {
	key := sha256.Sum256([]byte(strings.Join([]string{p.jkt, p.htm, p.htu, p.jti}, "\x00")))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until, s.keys = map[digest]use{}, map[string]*holder{}
	}
	s.sweep(now.Unix())
	if _, used := s.until[key]; used {
		return badProof("the DPoP proof was used before")
	}
	of := s.keys[p.jkt]
	switch {
	case of != nil && of.n >= maxOfKey:
		return tooMany("more DPoP proofs of this key came than can be remembered")
	case len(s.until) >= maxSpent:
		return later("more DPoP proofs came than can be remembered", nil)
	case of == nil:
		of = &holder{jkt: p.jkt}
		s.keys[p.jkt] = of
	}
	of.n++
	s.until[key] = use{until.Unix(), of}
	return nil
}

// sweep forgets those that nobody can use again, a minute later than that, as
// clocks are set now and then.
func (s *spent) sweep(now int64) {
	if now >= s.swept && now < s.swept+sweepEvery {
		return
	}
	s.swept = now
	for key, u := range s.until {
		if u.until+sweepMargin >= now {
			continue
		}
		delete(s.until, key)
		if u.of.n--; u.of.n == 0 {
			delete(s.keys, u.of.jkt)
		}
	}
}

const (
	sweepEvery  = 5  // seconds
	sweepMargin = 60 // seconds
)
