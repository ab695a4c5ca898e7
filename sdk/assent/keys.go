package assent

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A keySource is a JWKS, fetched when it is first needed and again when a key is missing.
type keySource struct {
	url  string // empty: text is pinned and never fetched
	mu   sync.Mutex
	text []byte
	read time.Time
}

// keyAge is how old a set must be before a missing key is a reason to fetch it
// again: tokens with made-up key ids must not turn into requests.
const keyAge = 10 * time.Second

// load returns the set. With fresh it is fetched again, unless that was done
// just now; changed tells whether it was.
func (k *keySource) load(ctx context.Context, c *Client, fresh bool, deadline time.Time) (text []byte, changed bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.url == "" || k.text != nil && (!fresh || time.Since(k.read) < keyAge) {
		return k.text, false, nil
	}
	answer, err := c.get(ctx, call{method: http.MethodGet, url: k.url}, deadline)
	if err != nil {
		return nil, false, err
	}
	if err := answer.refusal(); err != nil {
		return nil, false, invalid("read the keys at "+k.url, err)
	}
	k.text, k.read = answer.body, time.Now()
	return k.text, true, nil
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
