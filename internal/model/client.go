package model

import (
	"fmt"

	"github.com/assent-id/assent/internal/format/jose"
)

// A Client is an application as the protocol meets it: with its keys parsed.
// It is shared between requests and never changed.
type Client struct {
	Application
	parsed map[string]*jose.PublicKey // by kid
}

// NewClient parses the keys of an application once.
func NewClient(a Application) (*Client, error) {
	c := &Client{Application: a, parsed: make(map[string]*jose.PublicKey, len(a.Keys))}
	for _, k := range a.Keys {
		public, err := jose.ParsePublic(k.JWK)
		if err != nil {
			return nil, fmt.Errorf("key %s of %s: %w", k.KID, a.ID, err)
		}
		c.parsed[string(k.KID)] = public
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
