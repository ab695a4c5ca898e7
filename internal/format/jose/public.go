package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	gojose "github.com/go-jose/go-jose/v4"
)

const (
	maxJWK     = 32 << 10 // bytes; leaves room for a certificate chain
	maxSet     = 512 << 10
	maxSetKeys = 100
	minRSABits = 2048
	// maxRSABits keeps a stranger's key from making each verification slow.
	maxRSABits = 4096
)

// A PublicKey is a verification key with its algorithm and id. It does not change
// and is safe for concurrent use; compare by pointer or by [PublicKey.Thumbprint].
type PublicKey struct {
	key    crypto.PublicKey
	alg    Alg
	named  bool // the JWK itself named the algorithm
	kid    string
	thumb  string
	public []byte
}

// ParsePublic reads one public JWK. Without "alg" the algorithm is ES256 for an
// EC key, EdDSA for an OKP key and RS256 for an RSA key; see
// [PublicKey.WithAlg]. Without "kid" the id is the thumbprint. Private and
// symmetric keys, other curves, weak RSA keys and keys meant for another use are
// [ErrKey].
func ParsePublic(jwkJSON []byte) (*PublicKey, error) {
	about, err := inspect(jwkJSON)
	if err != nil {
		return nil, err
	}
	if about.secret {
		return nil, fmt.Errorf("%w: private or symmetric", ErrKey)
	}
	return parsePublic(jwkJSON, about)
}

// ParseSet reads a JWK Set (RFC 7517, Section 5). Keys of kinds, algorithms or
// uses that are not ours are left out, as the RFC asks; the result may be empty.
// A private or symmetric member makes the whole set [ErrKey]: whoever published
// it has given a secret away.
func ParseSet(jwksJSON []byte) ([]*PublicKey, error) {
	members, err := setMembers(jwksJSON)
	if err != nil {
		return nil, err
	}
	var keys []*PublicKey
	for _, member := range members {
		about, err := inspect(member)
		if err != nil {
			return nil, err
		}
		if about.secret {
			return nil, fmt.Errorf("%w: the set has a private or symmetric member", ErrKey)
		}
		if key, err := parsePublic(member, about); err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func setMembers(jwksJSON []byte) ([]json.RawMessage, error) {
	if len(jwksJSON) > maxSet {
		return nil, fmt.Errorf("%w: set longer than %d bytes", ErrKey, maxSet)
	}
	var raw []byte
	err := scanObject(jwksJSON, func(name, value []byte) error {
		if string(name) == "keys" {
			raw = value
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: set: %w", ErrKey, err)
	}
	var members []json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, fmt.Errorf("%w: the set has no array of keys", ErrKey)
	}
	if len(members) > maxSetKeys {
		return nil, fmt.Errorf("%w: set of more than %d keys", ErrKey, maxSetKeys)
	}
	return members, nil
}

// about is what has to be known of a JWK before its key is read.
type about struct {
	kty, use string
	alg      Alg
	ops      []byte
	secret   bool
	broken   bool
}

// inspect reads the members that say what a JWK is for. Their absence is fine; a
// wrong type makes the key unusable, but the rest is still looked at for secrets.
func inspect(jwkJSON []byte) (about, error) {
	var a about
	if len(jwkJSON) > maxJWK {
		return a, fmt.Errorf("%w: longer than %d bytes", ErrKey, maxJWK)
	}
	err := scanObject(jwkJSON, func(name, value []byte) error {
		switch string(name) {
		case "kty":
			a.broken = stringMember(value, &a.kty) != nil || a.broken
		case "use":
			a.broken = stringMember(value, &a.use) != nil || a.broken
		case "alg":
			a.broken = stringMember(value, (*string)(&a.alg)) != nil || a.broken
		case "key_ops":
			a.ops = value
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
			// RFC 7518, Sections 6.2.2, 6.3.2 and 6.4; RFC 9964.
			a.secret = true
		}
		return nil
	})
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrKey, err)
	}
	a.secret = a.secret || a.kty == "oct"
	return a, nil
}

// useSVID marks the keys of a SPIFFE bundle that sign JWT-SVIDs (SPIFFE Trust
// Domain and Bundle, Section 4.2.2): signatures, like "sig". Its other mark,
// "x509-svid", is for certificates and stays refused.
const useSVID = "jwt-svid"

// signs reports whether the JWK may be used for signatures and the operation is
// among its key_ops (RFC 7517, Sections 4.2 and 4.3).
func (a about) signs(operation string) bool {
	if a.broken || a.use != "" && a.use != "sig" && a.use != useSVID {
		return false
	}
	if a.ops == nil {
		return true
	}
	var ops []string
	if err := json.Unmarshal(a.ops, &ops); err != nil {
		return false
	}
	return slices.Contains(ops, operation)
}

func parsePublic(jwkJSON []byte, a about) (*PublicKey, error) {
	if !a.signs("verify") {
		return nil, fmt.Errorf("%w: not for verifying signatures", ErrKey)
	}
	var jwk gojose.JSONWebKey
	if err := jwk.UnmarshalJSON(jwkJSON); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, err := newPublic(jwk.Key, a.alg, jwk.KeyID)
	if err != nil {
		return nil, err
	}
	key.named = a.alg != ""
	return key, nil
}

// newPublic checks the key against the closed table and works out everything
// that is ever asked of it.
func newPublic(key crypto.PublicKey, alg Alg, kid string) (*PublicKey, error) {
	usual, err := usualAlg(key)
	if err != nil {
		return nil, err
	}
	written := alg
	if alg == "" {
		alg = usual
	}
	if usual != RS256 { // one kind, one algorithm
		written = alg
	}
	if !alg.fits(usual) {
		return nil, fmt.Errorf("%w: its algorithm is not one for this kind of key", ErrKey)
	}
	sum, err := (&gojose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k := &PublicKey{key: key, alg: alg, kid: kid, thumb: base64.RawURLEncoding.EncodeToString(sum)}
	if k.kid == "" {
		k.kid = k.thumb
	}
	k.public, err = gojose.JSONWebKey{Key: key, KeyID: k.kid, Algorithm: string(written), Use: "sig"}.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, nil
}

// usualAlg returns the algorithm of a key whose JWK names none.
func usualAlg(key crypto.PublicKey) (Alg, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return ES256, nil
		}
	case ed25519.PublicKey:
		return EdDSA, nil
	case *rsa.PublicKey:
		return RS256, checkRSA(key)
	}
	return "", fmt.Errorf("%w: unsupported kind or curve", ErrKey)
}

// fits reports whether the algorithm can be used with a key whose usual one is
// given: RSA keys serve two.
func (a Alg) fits(usual Alg) bool {
	return a.Same(usual) || a == PS256 && usual == RS256
}

// WithAlg returns the key with its algorithm fixed to alg, as a client's
// registration may do for an RSA key. It is [ErrAlgorithm] if the kind of key
// does not allow it, or its JWK named another.
func (k *PublicKey) WithAlg(alg Alg) (*PublicKey, error) {
	if k.alg.Same(alg) {
		return k, nil
	}
	if k.named {
		return nil, fmt.Errorf("%w: the key is for %s", ErrAlgorithm, k.alg)
	}
	other, err := newPublic(k.key, alg, k.kid)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAlgorithm, err)
	}
	return other, nil
}

// KID returns the key's id: that of its JWK, or else its thumbprint.
func (k *PublicKey) KID() string { return k.kid }

// Alg returns the one algorithm that the key is used with.
func (k *PublicKey) Alg() Alg { return k.alg }

// JSON returns the public JWK with kid, use and alg. An RSA key that named no
// algorithm still names none, so that [PublicKey.WithAlg] works on what was kept.
func (k *PublicKey) JSON() []byte { return bytes.Clone(k.public) }

// Thumbprint returns the SHA-256 thumbprint of RFC 7638 in base64url.
func (k *PublicKey) Thumbprint() string { return k.thumb }
