package model

import (
	"fmt"
	"sync/atomic"

	"github.com/assent-id/assent/internal/format/jose"
)

// A Client is an application as the protocol meets it: with its keys parsed.
// It is shared between requests and never changed, but for what its marks note.
type Client struct {
	Application
	parsed map[string]*jose.PublicKey // by kid
	marks  []KeyMark                  // one for each of Keys, in their order
}

// NewClient parses the keys of an application once.
func NewClient(a Application) (*Client, error) {
	c := &Client{Application: a, parsed: make(map[string]*jose.PublicKey, len(a.Keys)), marks: make([]KeyMark, len(a.Keys))}
	for i, k := range a.Keys {
		public, err := jose.ParsePublic(k.JWK)
		if err != nil {
			return nil, fmt.Errorf("key %s of %s: %w", k.KID, a.ID, err)
		}
		c.parsed[string(k.KID)] = public
		c.marks[i].use = KeyUse{RealmID: a.RealmID, ClientID: a.ID, KID: k.KID}
	}
	return c, nil
}

// Key finds the key to check a signature of the client with: the one that kid
// names, or the only one when none is named. It is nil if there is no such
// key, or if it is no longer usable.
func (c *Client) Key(kid string, now Millis) *jose.PublicKey {
	if kid == "" && len(c.Keys) == 1 {
		kid = string(c.Keys[0].KID)
	}
	for _, k := range c.Keys {
		if string(k.KID) == kid && k.UsableAt(now) {
			return c.parsed[kid]
		}
	}
	return nil
}

// Mark is the mark of one of the client's registered keys, and the key; nil if
// kid is none of them.
func (c *Client) Mark(kid string) (*KeyMark, *ClientKey) {
	for i := range c.Keys {
		if string(c.Keys[i].KID) == kid {
			return &c.marks[i], &c.Keys[i]
		}
	}
	return nil, nil
}

// A KeyMark notes in memory when a key was used, without a lock and without
// memory of its own, because every signature of a client goes by it.
type KeyMark struct {
	use    KeyUse
	at     atomic.Int64 // of the last use
	noted  atomic.Bool  // somebody knows that there is something to take
	warned atomic.Int64
}

// Note notes a use and reports whether it is the first since [KeyMark.Take]: then
// somebody has to remember to take it.
func (m *KeyMark) Note(now Millis) bool {
	latest(&m.at, int64(now))
	return !m.noted.Load() && m.noted.CompareAndSwap(false, true)
}

// Take is the last use that was noted. What is noted afterwards counts as the
// first again.
func (m *KeyMark) Take() KeyUse {
	m.noted.Store(false) // before it is read: who notes in between is told to remember it
	use := m.use
	use.At = Millis(m.at.Load())
	return use
}

// Warn reports whether it is at least every since it last did so.
func (m *KeyMark) Warn(now, every Millis) bool {
	last := m.warned.Load()
	return (last == 0 || int64(now)-last >= int64(every)) && m.warned.CompareAndSwap(last, int64(now))
}

// latest makes v at least now.
func latest(v *atomic.Int64, now int64) {
	for last := v.Load(); last < now; last = v.Load() {
		if v.CompareAndSwap(last, now) {
			return
		}
	}
}
