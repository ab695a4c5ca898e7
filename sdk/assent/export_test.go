package assent

// Kept is how many places the cache has.
func (c *Client) Kept() int {
	c.cache.mu.Lock()
	defer c.cache.mu.Unlock()
	return len(c.cache.kept)
}

// ChallengeError is for tests of what APIs may write.
var ChallengeError = challengeError
