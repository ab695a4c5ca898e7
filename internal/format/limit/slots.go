package limit

import "sync"

// Slots bounds how many of something a key may have at once: open streams of
// one person, waiting polls of one request. Keys without any cost nothing.
type Slots struct {
	each int
	mu   sync.Mutex
	used map[string]int
}

// NewSlots allows each key that many at once.
func NewSlots(each int) *Slots { return &Slots{each: each, used: map[string]int{}} }

// Take takes a slot of the key and answers how to give it back, or false if
// the key has all of its slots in use.
func (s *Slots) Take(key string) (give func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used[key] >= s.each {
		return nil, false
	}
	s.used[key]++
	return sync.OnceFunc(func() { s.give(key) }), true
}

// Used is how many slots a key has now.
func (s *Slots) Used(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used[key]
}

func (s *Slots) give(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used[key]--; s.used[key] == 0 {
		delete(s.used, key)
	}
}
