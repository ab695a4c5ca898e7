package jws

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

// A Member gives the text of a member of a JWK, "" where that is no string, and
// whether there is one.
type Member func(name string) (text string, present bool)

func (m Member) text(name string) string {
	text, _ := m(name)
	return text
}

// Parse reads a public key (RFC 7517, Section 4). It returns no key, and no
// error, for kinds that are unknown here (Section 5, last paragraph).
func Parse(member Member) (Key, error) {
	switch member.text("kty") + " " + member.text("crv") {
	case "OKP Ed25519":
		return parseOKP(member)
	case "EC P-256":
		return parseEC(member)
	case "RSA ":
		return parseRSA(member)
	}
	return Key{}, nil
}

// parseOKP reads an Ed25519 key (RFC 8037, Section 2). RFC 9864 renamed its
// algorithm from EdDSA to Ed25519.
func parseOKP(member Member) (Key, error) {
	x, err := keyBytes(member, "x")
	if err != nil {
		return Key{}, err
	}
	if len(x) != ed25519.PublicKeySize {
		return Key{}, errors.New("x is not 32 bytes")
	}
	return Key{Alg: "EdDSA", Public: ed25519.PublicKey(x)}.limit(member, "EdDSA", "Ed25519")
}

// parseEC reads a P-256 key (RFC 7518, Section 6.2.1).
func parseEC(member Member) (Key, error) {
	x, err := keyBytes(member, "x")
	if err != nil {
		return Key{}, err
	}
	y, err := keyBytes(member, "y")
	if err != nil {
		return Key{}, err
	}
	key, err := P256(x, y)
	if err != nil {
		return Key{}, err
	}
	return Key{Alg: "ES256", Public: key}.limit(member, "ES256")
}

// parseRSA reads an RSA key (RFC 7518, Section 6.3.1).
func parseRSA(member Member) (Key, error) {
	n, err := keyBytes(member, "n")
	if err != nil {
		return Key{}, err
	}
	e, err := keyBytes(member, "e")
	if err != nil {
		return Key{}, err
	}
	key, err := RSA(n, e)
	if err != nil {
		return Key{}, err
	}
	if member.text("alg") == "PS256" {
		return Key{Alg: "PS256", Public: key}, nil
	}
	return Key{Alg: "RS256", Public: key}.limit(member, "RS256")
}

// limit checks that the JWK's own alg, if it has one, is one of names.
func (k Key) limit(member Member, names ...string) (Key, error) {
	alg, present := member("alg")
	ok := !present
	for _, name := range names {
		ok = ok || alg == name
	}
	if !ok {
		return Key{}, errors.New("alg does not fit the key")
	}
	return k, nil
}

func keyBytes(member Member, name string) ([]byte, error) {
	b, err := Decode(member.text(name))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s is not base64url", name)
	}
	return b, nil
}

// P256 is the point with these coordinates of 32 bytes each.
func P256(x, y []byte) (*ecdsa.PublicKey, error) {
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

// RSA is the key with this modulus and exponent, as big-endian numbers.
func RSA(n, e []byte) (*rsa.PublicKey, error) {
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
