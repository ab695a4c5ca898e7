package assent

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A keySource is a JWKS, fetched when it is first needed and again when a key is missing.
type keySource struct {
	locate  func(metadata) string // nil: the set is pinned and never fetched
	set     atomic.Pointer[keySet]
	reading paced[*keySet]
}

// A keySet is a JWKS as it was read.
type keySet struct {
	text []byte
	read time.Time
}

// keyAge is how old a set must be before a missing key is a reason to fetch it
// again: tokens with made-up key ids must not turn into requests.
const keyAge = 10 * time.Second

// load returns the set. With fresh it is fetched again, unless that was done just
// now. All who need it wait for one answer.
func (k *keySource) load(ctx context.Context, c *Client, fresh bool) ([]byte, error) {
	have := func() *keySet {
		s := k.set.Load()
		if s != nil && fresh && k.locate != nil && time.Since(s.read) >= keyAge {
			return nil
		}
		return s
	}
	s, err := await(ctx, &k.reading, have, func(ctx context.Context) (*keySet, error) { return k.fetch(ctx, c) })
	if err != nil {
		return nil, err
	}
	return s.text, nil
}

func (k *keySource) fetch(ctx context.Context, c *Client) (*keySet, error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	at := k.locate(m)
	answer, err := c.get(ctx, call{method: http.MethodGet, url: at}, time.Now().Add(callTimeout))
	if err != nil {
		return nil, err
	}
	if err := answer.refusal(); err != nil {
		return nil, invalid("read the keys at "+at, err)
	}
	s := &keySet{text: answer.body, read: time.Now()}
	k.set.Store(s)
	return s, nil
}

// find returns the public key with this id.
func find(jwks []byte, kid string) (jose.JSONWebKey, bool) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(jwks, &set) != nil {
		return jose.JSONWebKey{}, false
	}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		// RFC 7517, Section 5: keys of unknown kinds are passed over.
		if key.UnmarshalJSON(raw) == nil && key.KeyID == kid && key.IsPublic() {
			return key, true
		}
	}
	return jose.JSONWebKey{}, false
}
