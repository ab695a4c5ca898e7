package resource

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"
)

// maxSpent is how many proofs are remembered, 100 bytes each.
const maxSpent = 500_000

// spent are the DPoP proofs that were used, for as long as each could be used
// again (RFC 9449, Section 11.1). Only proofs that came with a good token are
// remembered. Each process has its own: a proof can be used once in each.
type spent struct {
	mu    sync.Mutex
	until map[digest]int64 // Unix seconds
	swept int64            // when it was last gone through
}

func (s *spent) use(p proof, until, now time.Time) *Refusal {
	key := sha256.Sum256([]byte(strings.Join([]string{p.jkt, p.htm, p.htu, p.jti}, "\x00")))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[digest]int64{}
	}
	s.sweep(now.Unix())
	if _, used := s.until[key]; used {
		return badProof("the DPoP proof was used before")
	}
	if len(s.until) >= maxSpent {
		return later("more DPoP proofs came than can be remembered", nil)
	}
	s.until[key] = until.Unix()
	return nil
}

// sweep forgets those that nobody can use again, a minute later than that, as
// clocks are set now and then.
func (s *spent) sweep(now int64) {
	if now >= s.swept && now < s.swept+sweepEvery {
		return
	}
	s.swept = now
	for key, until := range s.until {
		if until+sweepMargin < now {
			delete(s.until, key)
		}
	}
}

const (
	sweepEvery  = 5  // seconds
	sweepMargin = 60 // seconds
)
