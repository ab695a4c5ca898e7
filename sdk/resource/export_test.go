package resource

import (
	"context"
	"strconv"
)

// Proofs is how many proofs are remembered.
func (s *Server) Proofs() int {
	s.proofs.mu.Lock()
	defer s.proofs.mu.Unlock()
	return len(s.proofs.until)
}

// Entries is how many revocations are known.
func (s *Server) Entries() int {
	s.feed.mu.RLock()
	defer s.feed.mu.RUnlock()
	return len(s.feed.entries)
}

// LoseFeed makes the feed one that was never heard, until it is heard again.
func (s *Server) LoseFeed() { s.feed.heard.Store(nil) }

// MaxOfKey is how many proofs of one key are remembered.
const MaxOfKey = maxOfKey

// SpendProofs uses so many proofs of a key up.
func (s *Server) SpendProofs(jkt string, n int) error {
	for i := range n {
		now := s.cfg.Now()
		if r := s.proofs.use(proof{jkt: jkt, jti: strconv.Itoa(i)}, now.Add(proofPast), now); r != nil {
			return r
		}
	}
	return nil
}

// KeysWithProofs is how many keys have proofs that are remembered.
func (s *Server) KeysWithProofs() int {
	s.proofs.mu.Lock()
	defer s.proofs.mu.Unlock()
	return len(s.proofs.keys)
}

// ReadAgain reads metadata and keys as it is done every five minutes.
func (s *Server) ReadAgain(ctx context.Context) error { return s.keys.again(ctx) }

// MaxAskingNow is how many introspections of one kind are under way at once.
const MaxAskingNow = maxAskingNow
