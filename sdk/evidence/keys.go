package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

const (
	maxKeySet = 1 << 20 // bytes of a JWK set
	maxKeys   = 1000
	maxKeyID  = 256 // bytes of a kid

	minRSABits = 2048
	maxRSABits = 8192
)

// A realmKey is a public key of the realm and the one algorithm that it is
// used with.
type realmKey struct {
	alg string // ES256, EdDSA, RS256 or PS256
	key crypto.PublicKey
}

// keySet maps each kid to its key.
type keySet map[string]realmKey

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
	key, err := parseKey(k)
	if err != nil {
		return fmt.Errorf(": %w", err)
	}
	if key.key != nil {
		set[kid] = key
	}
	return nil
}

// parseKey returns no key for a kind that is unknown here (RFC 7517, Section
// 5, last paragraph).
func parseKey(k map[string]json.RawMessage) (realmKey, error) {
	switch unquote(k["kty"]) + " " + unquote(k["crv"]) {
	case "OKP Ed25519":
		return parseOKP(k)
	case "EC P-256":
		return parseEC(k)
	case "RSA ":
		return parseRSA(k)
	}
	return realmKey{}, nil
}

// parseOKP reads an Ed25519 key (RFC 8037, Section 2). RFC 9864 renamed its
// algorithm from EdDSA to Ed25519.
func parseOKP(k map[string]json.RawMessage) (realmKey, error) {
	x, err := keyBytes(k, "x")
	if err != nil {
		return realmKey{}, err
	}
	if len(x) != ed25519.PublicKeySize {
		return realmKey{}, errors.New("x is not 32 bytes")
	}
	return withAlg(k, ed25519.PublicKey(x), "EdDSA", "Ed25519")
}

// parseEC reads a P-256 key (RFC 7518, Section 6.2.1).
func parseEC(k map[string]json.RawMessage) (realmKey, error) {
	x, err := keyBytes(k, "x")
	if err != nil {
		return realmKey{}, err
	}
	y, err := keyBytes(k, "y")
	if err != nil {
		return realmKey{}, err
	}
	key, err := p256(x, y)
	if err != nil {
		return realmKey{}, err
	}
	return withAlg(k, key, "ES256")
}

// parseRSA reads an RSA key (RFC 7518, Section 6.3.1).
func parseRSA(k map[string]json.RawMessage) (realmKey, error) {
	n, err := keyBytes(k, "n")
	if err != nil {
		return realmKey{}, err
	}
	e, err := keyBytes(k, "e")
	if err != nil {
		return realmKey{}, err
	}
	key, err := rsaKey(n, e)
	if err != nil {
		return realmKey{}, err
	}
	if unquote(k["alg"]) == "PS256" {
		return realmKey{alg: "PS256", key: key}, nil
	}
	return withAlg(k, key, "RS256")
}

// withAlg checks that the key's own alg, if it has one, is one of names, and
// fixes the algorithm to the first of them.
func withAlg(k map[string]json.RawMessage, key crypto.PublicKey, names ...string) (realmKey, error) {
	ok := k["alg"] == nil
	for _, name := range names {
		ok = ok || unquote(k["alg"]) == name
	}
	if !ok {
		return realmKey{}, errors.New("alg does not fit the key")
	}
	return realmKey{alg: names[0], key: key}, nil
}

func keyBytes(k map[string]json.RawMessage, name string) ([]byte, error) {
	b, err := decodeBytes(unquote(k[name]))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s is not base64url", name)
	}
	return b, nil
}

func p256(x, y []byte) (*ecdsa.PublicKey, error) {
	if len(x) != 32 || len(y) != 32 {
		return nil, errors.New("coordinates are not 32 bytes each")
	}
	point := append(append([]byte{4}, x...), y...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("not a point of P-256")
	}
	return key, nil
}

func rsaKey(n, e []byte) (*rsa.PublicKey, error) {
	modulus := new(big.Int).SetBytes(n)
	if bits := modulus.BitLen(); bits < minRSABits || bits > maxRSABits || n[0] == 0 || modulus.Bit(0) == 0 {
		return nil, fmt.Errorf("modulus is not an odd number of %d to %d bits", minRSABits, maxRSABits)
	}
	exponent := new(big.Int).SetBytes(e)
	if len(e) == 0 || len(e) > 4 || e[0] == 0 || exponent.Bit(0) == 0 || exponent.Int64() < 3 || exponent.Int64() > 1<<31-1 {
		return nil, errors.New("exponent is not an odd number from 3 to 2^31-1")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}
