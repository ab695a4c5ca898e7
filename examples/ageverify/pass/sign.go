package pass

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
)

// The hash of a signature begins with this, so that no other protocol's hash is
// one of ours. What follows it has a fixed length each.
const domain = "assent-example ageverify pass v1\x00"

// A PublicKey checks passes.
type PublicKey struct {
	point *edwards25519.Point
	bytes [32]byte
}

// A PrivateKey issues passes.
type PrivateKey struct {
	ID     uint16
	Public *PublicKey
	seed   [32]byte
	scalar *edwards25519.Scalar
	nonce  []byte // key of the nonces
}

// NewPublicKey reads a point. It refuses what is not the canonical encoding of one
// of the prime-order subgroup, and its neutral element: with a component of small
// order in it, what a signature binds would depend on who checks.
func NewPublicKey(b [32]byte) (*PublicKey, error) {
	point, err := new(edwards25519.Point).SetBytes(b[:])
	if err != nil || !bytes.Equal(point.Bytes(), b[:]) {
		return nil, errors.New("a public key is not the canonical encoding of a point")
	}
	if point.Equal(edwards25519.NewIdentityPoint()) == 1 || !primeOrder(point) {
		return nil, errors.New("a public key is not of the prime-order subgroup")
	}
	return &PublicKey{point: point, bytes: b}, nil
}

// primeOrder reports whether l·P is neutral, as (l − 1)·P = −P: the scalar −1 is
// l − 1, and l itself is none.
func primeOrder(p *edwards25519.Point) bool {
	one, err := new(edwards25519.Scalar).SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		return false // one is a scalar
	}
	last := new(edwards25519.Scalar).Negate(one)
	return new(edwards25519.Point).ScalarMult(last, p).Equal(new(edwards25519.Point).Negate(p)) == 1
}

// Bytes is the encoding of the point (RFC 8032, Section 5.1.2).
func (k *PublicKey) Bytes() [32]byte { return k.bytes }

// verifies recomputes the commitment: R = s·B − e·A. A response that is not below
// the order is refused, or each signature would have a second form.
func (k *PublicKey) verifies(payload [payloadSize]byte, signature [signatureSize]byte) bool {
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(signature[challengeSize:])
	if err != nil {
		return false
	}
	e := [challengeSize]byte(signature[:challengeSize])
	minus := new(edwards25519.Scalar).Negate(scalarOf(e))
	r := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(minus, k.point, s)
	return k.challenge(r, payload) == e // nothing here is secret
}

// challenge binds commitment, key and payload.
func (k *PublicKey) challenge(r *edwards25519.Point, payload [payloadSize]byte) [challengeSize]byte {
	h := sha512.New()
	_, _ = h.Write([]byte(domain)) // a hash takes everything
	_, _ = h.Write(r.Bytes())
	_, _ = h.Write(k.bytes[:])
	_, _ = h.Write(payload[:])
	return [challengeSize]byte(h.Sum(nil))
}

// scalarOf reads a challenge: 128 bits are below the order, so every one is a
// scalar.
func scalarOf(e [challengeSize]byte) *edwards25519.Scalar {
	var wide [32]byte
	copy(wide[:], e[:])
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(wide[:])
	if err != nil {
		panic("pass: 128 bits are above the order of the group")
	}
	return s
}

// NewPrivateKey derives a key from 32 random bytes.
func NewPrivateKey(id uint16, seed [32]byte) (*PrivateKey, error) {
	wide, err := hkdf.Key(sha512.New, seed[:], nil, domain+"scalar", 64)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	scalar, err := new(edwards25519.Scalar).SetUniformBytes(wide)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	nonce, err := hkdf.Key(sha512.New, seed[:], nil, domain+"nonce", 64)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	public, err := NewPublicKey([32]byte(new(edwards25519.Point).ScalarBaseMult(scalar).Bytes()))
	if err != nil {
		return nil, err
	}
	return &PrivateKey{ID: id, Public: public, seed: seed, scalar: scalar, nonce: nonce}, nil
}

// GenerateKey makes a new key.
func GenerateKey(id uint16) (*PrivateKey, error) {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	return NewPrivateKey(id, seed)
}

// Issue writes a pass and signs it. The key's id and a new serial are put in.
func (k *PrivateKey) Issue(p Pass) ([Size]byte, error) {
	p.KeyID = k.ID
	_, _ = rand.Read(p.Serial[:]) // never fails
	var noise [32]byte
	_, _ = rand.Read(noise[:])
	return k.issue(p, noise)
}

// issue signs with a nonce made from the key, the payload and noise: a generator
// of randomness that repeats itself gives nothing away, and neither does a fault
// that an observer provokes twice.
func (k *PrivateKey) issue(p Pass, noise [32]byte) ([Size]byte, error) {
	payload, err := p.payload()
	if err != nil {
		return [Size]byte{}, err
	}
	mac := hmac.New(sha512.New, k.nonce)
	_, _ = mac.Write(noise[:]) // a hash takes everything
	_, _ = mac.Write(payload[:])
	r, err := new(edwards25519.Scalar).SetUniformBytes(mac.Sum(nil))
	if err != nil {
		return [Size]byte{}, fmt.Errorf("make a nonce: %w", err)
	}
	e := k.Public.challenge(new(edwards25519.Point).ScalarBaseMult(r), payload)
	s := new(edwards25519.Scalar).MultiplyAdd(scalarOf(e), k.scalar, r)
	return [Size]byte(bytes.Join([][]byte{payload[:], e[:], s.Bytes()}, nil)), nil
}
