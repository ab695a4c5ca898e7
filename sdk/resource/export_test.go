package resource

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
