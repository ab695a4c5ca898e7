package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

const (
	maxJWS      = 16 << 10 // bytes of a compact JWS
	maxJWSDepth = 8        // nested objects in its header and payload
)

// verify checks a compact JWS (RFC 7515, Section 5.2) of the realm and
// returns its payload in canonical form. The key alone fixes the algorithm;
// the header must agree, must have this typ, and must hold nothing but alg,
// kid and typ.
func (set keySet) verify(compact, typ string) ([]byte, error) {
	decoded, err := splitJWS(compact)
	if err != nil {
		return nil, err
	}
	key, err := set.keyFor(decoded[0], typ)
	if err != nil {
		return nil, err
	}
	signed := compact[:strings.LastIndexByte(compact, '.')]
	if !verifyJWS(key, []byte(signed), decoded[2]) {
		return nil, errors.New("signature does not hold")
	}
	return canonicalPayload(decoded[1])
}

// splitJWS decodes the header, payload and signature of a compact JWS.
func splitJWS(compact string) (decoded [3][]byte, err error) {
	if len(compact) > maxJWS {
		return decoded, errors.New("longer than 16 kB")
	}
	segments := strings.Split(compact, ".")
	if len(segments) != 3 {
		return decoded, errors.New("not a compact JWS of three segments")
	}
	for i, s := range segments {
		b, err := decodeBytes(s)
		if err != nil || len(b) == 0 {
			return decoded, fmt.Errorf("segment %d is not base64url", i+1)
		}
		decoded[i] = b
	}
	return decoded, nil
}

func canonicalPayload(payload []byte) ([]byte, error) {
	canonical, err := appendCanonical(nil, payload, maxJWSDepth)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return canonical, nil
}

// keyFor returns the key that a protected header names.
func (set keySet) keyFor(header []byte, typ string) (realmKey, error) {
	canonical, err := appendCanonical(nil, header, maxJWSDepth)
	if err != nil {
		return realmKey{}, fmt.Errorf("header: %w", err)
	}
	if err := headerShape(canonical); err != nil {
		return realmKey{}, fmt.Errorf("header%w", err)
	}
	var h struct{ Alg, Kid, Typ string }
	if err := json.Unmarshal(canonical, &h); err != nil {
		return realmKey{}, fmt.Errorf("header: %w", err)
	}
	if h.Typ != typ {
		return realmKey{}, fmt.Errorf("header typ is not %q", typ)
	}
	key, known := set[h.Kid]
	if !known {
		return realmKey{}, fmt.Errorf("no key has the kid %q", h.Kid)
	}
	if h.Alg == "Ed25519" { // RFC 9864, Section 2.2: the same as EdDSA with this curve.
		h.Alg = "EdDSA"
	}
	if h.Alg != key.alg {
		return realmKey{}, fmt.Errorf("header alg is not the key's, %s", key.alg)
	}
	return key, nil
}

func verifyJWS(k realmKey, signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, signature)
	case *ecdsa.PublicKey:
		// RFC 7518, Section 3.4: R and S, 32 bytes each.
		if len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, digest[:], r, s)
	case *rsa.PublicKey:
		if k.alg == "PS256" { // RFC 7518, Section 3.5: the salt is as long as the hash.
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, opts) == nil
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}
