// Package jws checks the signatures of compact JWS for the packages of the SDK:
// base64url in its one spelling, public keys as JWK, and the algorithms that an
// issuer signs with.
//
// If this package is wrong, somebody else's signature passes for the issuer's.
//
// RFC 7515: https://www.rfc-editor.org/rfc/rfc7515
// RFC 7518: https://www.rfc-editor.org/rfc/rfc7518
package jws

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
)

// A Key is a public key and the one algorithm that it is used with: ES256,
// EdDSA, RS256 or PS256.
type Key struct {
	Alg    string
	Public crypto.PublicKey
}

// Named reports whether a header may call the key's algorithm so. Ed25519 is
// EdDSA under its newer name (RFC 9864, Section 2.2).
func (k Key) Named(alg string) bool {
	return alg == k.Alg || alg == "Ed25519" && k.Alg == "EdDSA"
}

// Verify reports whether the signature is one of the signed bytes.
func (k Key) Verify(signed, signature []byte) bool {
	switch key := k.Public.(type) {
	case ed25519.PublicKey:
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, signed, signature)
	case *ecdsa.PublicKey:
		return verifyES256(key, signed, signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(signed)
		if k.Alg == "PS256" { // RFC 7518, Section 3.5: the salt is as long as the hash.
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, opts) == nil
		}
		return k.Alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// verifyES256: RFC 7518, Section 3.4: R and S, 32 bytes each. The standard
// library takes them as ASN.1, which costs less than two big.Int.
func verifyES256(key *ecdsa.PublicKey, signed, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(signed)
	buf := ders.Get().(*[maxDER]byte)
	defer ders.Put(buf)
	der := append(buf[:0], 0x30, 0)
	der = appendInteger(der, signature[:32])
	der = appendInteger(der, signature[32:])
	der[1] = byte(len(der) - 2)
	return ecdsa.VerifyASN1(key, digest[:], der)
}

const maxDER = 2 + 2*(2+33) // bytes

// ders keeps a check from allocating.
var ders = sync.Pool{New: func() any { return new([maxDER]byte) }}

// appendInteger writes a positive number in its shortest form (X.690, Section 8.3).
func appendInteger(der, number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	size := byte(len(number))
	if number[0]&0x80 != 0 {
		der = append(der, 0x02, size+1, 0)
	} else {
		der = append(der, 0x02, size)
	}
	return append(der, number...)
}

var (
	strict = base64.RawURLEncoding.Strict()

	// ErrBase64: the text is not base64url without padding in its one spelling
	// (RFC 7515, Section 2).
	ErrBase64 = errors.New("not base64url")
)

// AppendDecoded appends what base64url text stands for; [ErrBase64].
func AppendDecoded(dst, text []byte) ([]byte, error) {
	// The decoder passes over line ends (encoding/base64), which would give one
	// signature many spellings.
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return dst, ErrBase64
	}
	out, err := strict.AppendDecode(dst, text)
	if err != nil {
		return dst, ErrBase64
	}
	return out, nil
}

// Decode is what base64url text stands for; [ErrBase64].
func Decode(text string) ([]byte, error) { return AppendDecoded(nil, []byte(text)) }

// ErrCompact: the text is not three segments of base64url.
var ErrCompact = errors.New("not a compact JWS")

// A Compact is a JWS in three segments that are not decoded yet (RFC 7515,
// Section 7.1).
type Compact struct {
	Header, Payload, Signature []byte
	Signed                     []byte // header and payload with the dot between
}

// Split finds the segments; none is empty.
func Split(text []byte) (Compact, error) {
	first := bytes.IndexByte(text, '.')
	last := bytes.LastIndexByte(text, '.')
	if first <= 0 || last <= first+1 || last == len(text)-1 {
		return Compact{}, ErrCompact
	}
	c := Compact{Header: text[:first], Payload: text[first+1 : last], Signature: text[last+1:], Signed: text[:last]}
	if bytes.IndexByte(c.Payload, '.') >= 0 {
		return Compact{}, ErrCompact
	}
	return c, nil
}
