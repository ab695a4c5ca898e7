package ids

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Secret returns 256 random bits in 43 characters of base64url without
// padding: client secrets, opaque tokens, links, session ids.
func Secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// A Digest is the SHA-256 of a secret, the only form of it that is stored. A
// plain hash is enough because a [Secret] has 256 bits of its own; never use
// it for something that a person chose.
type Digest [sha256.Size]byte

// DigestOf hashes the characters of a secret.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// Matches reports whether the secret hashes to this digest. It takes the same
// time for every wrong secret of one length.
func (d Digest) Matches(secret string) bool {
	other := DigestOf(secret)
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}
