package evidence

import (
	"errors"
	"fmt"

	"github.com/assent-id/assent/sdk/internal/jws"
)

const (
	maxKeySet = 1 << 20 // bytes of a JWK set
	maxKeys   = 1000
	maxKeyID  = 256 // bytes of a kid
)

// keySet maps each kid to its key of the realm.
type keySet map[string]jws.Key

// parseKeys reads a JWK set (RFC 7517, Section 5). Keys that are not for
// signatures and keys of kinds unknown here are left out; private and
// symmetric keys, equal kids and keys without a kid are refused.
func parseKeys(text []byte) (keySet, error) {
	if len(text) > maxKeySet {
		return nil, errors.New("longer than 1 MB")
	}
	canonical, err := Canonical(text)
	if err != nil {
		return nil, err
	}
	members, err := membersOf(canonical)
	if err != nil {
		return nil, fmt.Errorf("JWK set%w", err)
	}
	raw := members["keys"]
	if len(raw) == 0 || raw[0] != '[' {
		return nil, errors.New("JWK set has no array keys")
	}
	set, seen := make(keySet), make(map[string]bool)
	return set, eachItem(raw, func(i int, key []byte) error {
		if i == maxKeys {
			return fmt.Errorf("more than %d keys", maxKeys)
		}
		if err := set.add(key, seen); err != nil {
			return fmt.Errorf("keys[%d]%w", i, err)
		}
		return nil
	})
}

func (set keySet) add(raw []byte, seen map[string]bool) error {
	k, err := membersOf(raw)
	if err != nil {
		return err
	}
	kid := unquote(k["kid"])
	switch {
	case kid == "" || len(kid) > maxKeyID:
		return errors.New(" has no kid, or one that is too long")
	case seen[kid]:
		return fmt.Errorf(" has the kid of another key: %q", kid)
	case k["d"] != nil || k["k"] != nil || unquote(k["kty"]) == "oct":
		return errors.New(" holds a secret")
	}
	seen[kid] = true
	if k["use"] != nil && unquote(k["use"]) != "sig" {
		return nil
	}
	// RFC 7517, Section 5, last paragraph: keys of unknown kinds are passed over.
	key, err := jws.Parse(func(name string) (string, bool) { return unquote(k[name]), k[name] != nil })
	if err != nil {
		return fmt.Errorf(": %w", err)
	}
	if key.Public != nil {
		set[kid] = key
	}
	return nil
}
