package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
)

// Verified is a token whose signature was checked. That says who signed it; what
// it claims (issuer, audience, times, type) is the caller's to check.
type Verified struct {
	Header  Header
	Payload []byte // a JSON object in strict form
}

// Verify checks the signature of a token under the key. The algorithm is that of
// the key's record; a token that names another is refused with [ErrAlgorithm]
// before any cryptography, and a signature that does not fit is [ErrSignature].
// Whether the token's kid names this key is the caller's lookup, not checked here.
func Verify(u Unverified, key *PublicKey) (Verified, error) {
	if key == nil || !key.alg.Same(u.header.Alg) {
		return Verified{}, ErrAlgorithm
	}
	if !key.verify(u.input, u.signature) {
		return Verified{}, ErrSignature
	}
	return Verified{Header: u.header, Payload: u.claims}, nil
}

func (k *PublicKey) verify(input, signature []byte) bool {
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		return verifyES256(key, input, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, input, signature)
	case *rsa.PublicKey:
		return k.verifyRSA(key, input, signature)
	}
	return false
}

// verifyES256 takes the two 32-byte numbers of RFC 7518, Section 3.4.
func verifyES256(key *ecdsa.PublicKey, input, signature []byte) bool {
	if len(signature) != es256Size {
		return false
	}
	digest := sha256.Sum256(input)
	var buf [es256MaxDER]byte
	return ecdsa.VerifyASN1(key, digest[:], appendDER(buf[:0], signature))
}

func (k *PublicKey) verifyRSA(key *rsa.PublicKey, input, signature []byte) bool {
	digest := sha256.Sum256(input)
	if k.alg == PS256 {
		// RFC 7518, Section 3.5: the salt is as long as the hash.
		opts := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &opts) == nil
	}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
}
