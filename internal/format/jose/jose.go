// Package jose signs and verifies compact JSON Web Signatures (RFC 7515) and
// reads and writes JSON Web Keys (RFC 7517), under a closed table of
// algorithms: ES256, EdDSA with Ed25519, RS256 and PS256 (RFC 7518, RFC 8037).
// "Ed25519" (RFC 9864) and "EdDSA" are two names of one algorithm here.
//
// Three rules carry it. The algorithm is fixed by the record of the key, never
// by the header of the token (RFC 8725, Section 3.1). What was parsed and what
// was verified are different types. And every token has one reading: strict
// base64url, no duplicate or case-variant member names, bounded size and depth,
// no header member that we do not know (so no "crit" and no "b64").
//
// go-jose parses and writes the keys, with their many forms. Signatures are made
// and checked by the standard library directly: go-jose parses a token into a
// general structure, re-encodes it and goes through big integers, which costs a
// noticeable part of an ES256 verification, and it would parse the token a second
// time after the strict reading here.
//
// If this package is wrong, anybody can write tokens of this server or sign in
// as a client.
package jose

import "errors"

// An Alg is a signature algorithm of the closed table, by its name in JOSE
// headers.
type Alg string

// The algorithms. RSA keys have at least 2048 bits.
const (
	ES256   Alg = "ES256"   // ECDSA on P-256 with SHA-256, RFC 7518, Section 3.4
	EdDSA   Alg = "EdDSA"   // Ed25519 under its polymorphic name, RFC 8037, Section 3.1
	Ed25519 Alg = "Ed25519" // Ed25519 under its own name, RFC 9864, Section 2.2
	RS256   Alg = "RS256"   // RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518, Section 3.3
	PS256   Alg = "PS256"   // RSASSA-PSS with SHA-256, salt of 32 bytes, RFC 7518, Section 3.5
)

// What a caller branches on. Every error of this package wraps one of them, and
// none holds any part of a token.
var (
	// ErrMalformed: not a compact JWS in the one form that is accepted.
	ErrMalformed = errors.New("jose: malformed")
	// ErrAlgorithm: an algorithm outside the table, or not that of the key.
	ErrAlgorithm = errors.New("jose: algorithm not allowed")
	// ErrSignature: the signature does not verify.
	ErrSignature = errors.New("jose: wrong signature")
	// ErrKey: a JWK that is malformed, of an unsupported kind, too weak, or
	// private or symmetric where a public key was expected.
	ErrKey = errors.New("jose: unusable key")
)

// A family is what makes two names one algorithm.
type family uint8

const (
	famNone family = iota
	famES256
	famEd25519
	famRS256
	famPS256
)

func (a Alg) family() family {
	switch a {
	case ES256:
		return famES256
	case EdDSA, Ed25519:
		return famEd25519
	case RS256:
		return famRS256
	case PS256:
		return famPS256
	}
	return famNone
}

// Same reports whether two names stand for one algorithm of the table.
func (a Alg) Same(b Alg) bool {
	return a.family() != famNone && a.family() == b.family()
}
