package server

// ReadersWaiting is how many readers of the revocation feed wait for news.
func (s *Server) ReadersWaiting() int { return s.feed.Waiting() }
