package pass

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Keys are the public keys whose passes are taken, by id.
type Keys map[uint16]*PublicKey

type keyFile struct {
	ID     *uint16 `json:"id"`
	Public string  `json:"public,omitempty"`
	Seed   string  `json:"seed,omitempty"`
}

// ParseKeys reads a set of public keys: {"keys":[{"id":1,"public":"..."}]}, with
// base64url without padding. It refuses an empty set, an id twice and a key that
// is none.
func ParseKeys(text []byte) (Keys, error) {
	var file struct {
		Keys []keyFile `json:"keys"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read the keys of passes: %w", err)
	}
	keys := make(Keys)
	for _, k := range file.Keys {
		b, err := fixed(k.Public)
		if err != nil || k.ID == nil || keys[*k.ID] != nil {
			return nil, errors.New("read the keys of passes: each has an id of its own and 32 bytes")
		}
		if keys[*k.ID], err = NewPublicKey(b); err != nil {
			return nil, fmt.Errorf("read the keys of passes: %w", err)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("read the keys of passes: there is none")
	}
	return keys, nil
}

// MarshalJSON writes what [ParseKeys] reads.
func (k Keys) MarshalJSON() ([]byte, error) {
	list := []keyFile{}
	for id, key := range k {
		list = append(list, keyFile{ID: &id, Public: text(key.bytes)})
	}
	slices.SortFunc(list, func(a, b keyFile) int { return int(*a.ID) - int(*b.ID) })
	return json.Marshal(map[string]any{"keys": list})
}

// ParsePrivateKey reads {"id":1,"public":"...","seed":"..."}. It refuses a public
// key that does not belong to the seed.
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	var file keyFile
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, errors.New("read the key for passes: it is not JSON") // the cause may quote it
	}
	seed, err := fixed(file.Seed)
	if err != nil || file.ID == nil {
		return nil, errors.New("read the key for passes: it has an id and a seed of 32 bytes")
	}
	key, err := NewPrivateKey(*file.ID, seed)
	if err == nil && text(key.Public.bytes) != file.Public {
		err = errors.New("read the key for passes: its public key is another's")
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

// MarshalJSON writes what [ParsePrivateKey] reads, the secret among it.
func (k *PrivateKey) MarshalJSON() ([]byte, error) {
	return json.Marshal(keyFile{ID: &k.ID, Public: text(k.Public.bytes), Seed: text(k.seed)})
}

func text(b [32]byte) string { return base64.RawURLEncoding.EncodeToString(b[:]) }

func fixed(s string) ([32]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 32 {
		return [32]byte{}, errors.New("not 32 bytes in base64url")
	}
	return [32]byte(b), nil
}
