// Package password turns passwords into what may be stored, Argon2id hashes (RFC
// 9106) in the PHC string format, and says which passwords are too easy to guess.
//
// One hash takes about 20 ms and 19 MiB: whoever calls bounds how many run at once.
// If this package is wrong, a stolen database gives the passwords away, or any
// password opens a session.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// params are the costs of a hash (RFC 9106, Section 3.1).
type params struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// current is what new hashes cost: one lane, so that two hashes at once keep two
// processors busy and no more.
var current = params{memory: 19 << 10, passes: 2, threads: 1}

// Bounds of what is read back: a row that was changed must not take the machine down.
const (
	maxMemory  = 1 << 20 // KiB
	maxPasses  = 64
	maxThreads = 16
	saltSize   = 16 // bytes
	keySize    = 32 // bytes
)

// ErrMalformed: a stored hash is none of ours.
var ErrMalformed = errors.New("password: not an Argon2id hash")

// Hash makes the hash of a password under a new salt, such as
// "$argon2id$v=19$m=19456,t=2,p=1$...$...".
func Hash(password string) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	return encode(current, salt, derive(password, salt, current))
}

// Matches reports whether the password is the one of the hash, and whether the hash
// was made at other costs than today's, so that it should be made anew.
func Matches(hash, password string) (ok, stale bool, err error) {
	p, salt, key, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(derive(password, salt, p), key) == 1
	return same, p != current, nil
}

func derive(password string, salt []byte, p params) []byte {
	return argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.threads, keySize)
}

func encode(p params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.threads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

func decode(hash string) (p params, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, ErrMalformed
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return p, nil, nil, ErrMalformed
	}
	salt, badSalt := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, badKey := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	within := p.memory >= 8 && p.memory <= maxMemory && p.passes >= 1 && p.passes <= maxPasses && p.threads >= 1 && p.threads <= maxThreads
	// Whatever reads as the same costs must be written the same.
	if badSalt != nil || badKey != nil || !within || len(key) != keySize || len(salt) < 8 || encode(p, salt, key) != hash {
		return p, nil, nil, ErrMalformed
	}
	return p, salt, key, nil
}
