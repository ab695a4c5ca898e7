// Package seal encrypts what the server must keep, or lets a client carry,
// without anybody else reading or changing it.
//
// A [Keyring] holds key-encryption keys, which never touch the database. For
// each purpose ("signing-key", "page-state", ...) it derives a key with
// HKDF-SHA-256 (RFC 5869), so that what was sealed for one purpose never opens
// for another. The cipher is XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM
// under a key that is derived afresh from the first half of a 24-byte random
// nonce. With the 12-byte nonces of plain AES-GCM, one purpose of a busy server
// would pass the 2^32 messages of NIST SP 800-38D, Section 8.3 within weeks;
// with these there is no number to count.
//
// A sealed text is
//
//	version (1 byte, 1) || key id (4) || nonce (24) || ciphertext || tag (16)
//
// If this package is wrong, a copy of the database gives away the signing keys
// of every realm, or a client edits the state that it carries for us.
package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
)

// ErrOpen is the only error of Open and OpenString: wrong key, wrong purpose,
// other associated data, cut or altered bytes all look the same.
var ErrOpen = errors.New("seal: cannot open")

const (
	version    = 1
	headerSize = 1 + len(KeyID{})
	// Overhead is how many bytes a sealed text is longer than its plaintext.
	Overhead = headerSize + nonceSize + tagSize
	// maxCached bounds the derived ciphers that are kept. Purposes are
	// constants of the program; one that is not costs time, not memory.
	maxCached = 256
)

// A Keyring seals with its current key and opens with any of its keys. It is
// safe for concurrent use.
type Keyring struct {
	current KeyID
	keys    map[KeyID]Key
	mu      sync.Mutex // held to replace cache
	cache   atomic.Pointer[map[cacheKey]cipher.AEAD]
}

type cacheKey struct {
	id      KeyID
	purpose string
}

// NewKeyring returns a keyring that seals with current and still opens what the
// older keys sealed. It refuses two keys with one id, since the id in a sealed
// text must lead to one key.
func NewKeyring(current Key, older ...Key) (*Keyring, error) {
	k := &Keyring{current: current.ID(), keys: make(map[KeyID]Key)}
	for _, key := range append([]Key{current}, older...) {
		if key.bytes == [32]byte{} {
			return nil, errors.New("seal: the key is all zero")
		}
		id := key.ID()
		if _, taken := k.keys[id]; taken {
			return nil, fmt.Errorf("seal: two keys have the id %x", id[:])
		}
		k.keys[id] = key
	}
	k.cache.Store(&map[cacheKey]cipher.AEAD{})
	return k, nil
}

// IsDevelopment reports whether any key of the ring was made for development.
func (k *Keyring) IsDevelopment() bool {
	for _, key := range k.keys {
		if key.dev {
			return true
		}
	}
	return false
}

// Seal encrypts the plaintext for the purpose. The associated data aad is not
// stored, and the same must be given to open: name there the row or the request
// that the text belongs to, so that it cannot be moved to another.
func (k *Keyring) Seal(purpose string, plaintext, aad []byte) ([]byte, error) {
	aead, err := k.aead(k.current, purpose)
	if err != nil {
		return nil, fmt.Errorf("seal for %s: %w", purpose, err)
	}
	out := make([]byte, headerSize+nonceSize, len(plaintext)+Overhead)
	out[0] = version
	copy(out[1:], k.current[:])
	nonce := out[headerSize:]
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return aead.Seal(out, nonce, plaintext, aad), nil
}

// Open returns the plaintext of what [Keyring.Seal] made for the same purpose
// and associated data, or [ErrOpen].
func (k *Keyring) Open(purpose string, sealed, aad []byte) ([]byte, error) {
	return k.open(nil, purpose, sealed, aad)
}

func (k *Keyring) open(dst []byte, purpose string, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrOpen
	}
	aead, err := k.aead(KeyID(sealed[1:headerSize]), purpose)
	if err != nil {
		return nil, ErrOpen
	}
	plain, err := aead.Open(dst, sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// SealString is Seal with the result in base64url without padding.
func (k *Keyring) SealString(purpose string, plaintext, aad []byte) (string, error) {
	sealed, err := k.Seal(purpose, plaintext, aad)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenString opens what [Keyring.SealString] made, in that one spelling.
func (k *Keyring) OpenString(purpose, sealed string, aad []byte) ([]byte, error) {
	text := []byte(sealed)
	// The decoder skips line ends; then one text would have many spellings.
	if bytes.ContainsAny(text, "\r\n") {
		return nil, ErrOpen
	}
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(len(text)))
	n, err := base64.RawURLEncoding.Strict().Decode(raw, text)
	if err != nil {
		return nil, ErrOpen
	}
	raw = raw[:n]
	if n < Overhead {
		return nil, ErrOpen
	}
	body := headerSize + nonceSize
	return k.open(raw[body:body], purpose, raw, aad)
}

// aead returns the cipher of one key and purpose. Readers take no lock.
func (k *Keyring) aead(id KeyID, purpose string) (cipher.AEAD, error) {
	at := cacheKey{id, purpose}
	if aead, ok := (*k.cache.Load())[at]; ok {
		return aead, nil
	}
	key, ok := k.keys[id]
	if !ok {
		return nil, ErrOpen
	}
	derived, err := hkdf.Key(sha256.New, key.bytes[:], nil, "assent.seal.v1 "+purpose, 32)
	if err != nil {
		return nil, err
	}
	aead, err := newXAES(derived)
	if err != nil {
		return nil, err
	}
	k.remember(at, aead)
	return aead, nil
}

func (k *Keyring) remember(at cacheKey, aead cipher.AEAD) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := *k.cache.Load()
	if len(old) >= maxCached {
		return
	}
	grown := maps.Clone(old)
	grown[at] = aead
	k.cache.Store(&grown)
}
