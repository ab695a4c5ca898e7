package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// devPrefix marks the text of a key that was made for development. A
// production server refuses such a key.
const devPrefix = "dev-"

const redacted = "•••"

// A Key is a key-encryption key of 32 bytes. It prints and logs as dots in
// every form; [Key.Encode] is the one way to its text.
type Key struct {
	bytes [32]byte
	dev   bool
}

// A KeyID names a key inside what it sealed: the first four bytes of the
// SHA-256 of the key. It tells nothing useful about the key and is no
// authentication; the tag is.
type KeyID [4]byte

// GenerateKey returns a new random key.
func GenerateKey() Key {
	var k Key
	_, _ = rand.Read(k.bytes[:]) // never fails: crypto/rand ends the program instead
	return k
}

// GenerateDevelopmentKey returns a new random key that says it is for
// development.
func GenerateDevelopmentKey() Key {
	k := GenerateKey()
	k.dev = true
	return k
}

// ParseKey reads what [Key.Encode] wrote: 32 bytes in base64, of the URL or the
// standard alphabet, with or without padding, white space around it ignored.
// The error never holds any of the text.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	var k Key
	// A key proper has 43 or 44 characters and may by chance begin like this.
	if rest, found := strings.CutPrefix(text, devPrefix); found && len(text) > 44 {
		text, k.dev = rest, true
	}
	text = strings.TrimSuffix(text, "=")
	text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(k.bytes) || strings.ContainsAny(text, "\r\n") {
		return Key{}, errors.New("seal: a key is 32 bytes in base64")
	}
	copy(k.bytes[:], raw)
	return k, nil
}

// Encode returns the text of the key: 43 characters, after "dev-" for a
// development key. It is a secret.
func (k Key) Encode() string {
	text := base64.RawURLEncoding.EncodeToString(k.bytes[:])
	if k.dev {
		return devPrefix + text
	}
	return text
}

// IsDevelopment reports whether the key was made for development.
func (k Key) IsDevelopment() bool { return k.dev }

// ID returns the name of the key.
func (k Key) ID() KeyID {
	sum := sha256.Sum256(k.bytes[:])
	return KeyID(sum[:4])
}

// Format implements [fmt.Formatter]: dots, for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer]: dots.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }
