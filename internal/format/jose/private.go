package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	gojose "github.com/go-jose/go-jose/v4"
)

// A PrivateKey signs. It is safe for concurrent use, and prints and logs as dots.
type PrivateKey struct {
	key     crypto.Signer
	public  *PublicKey
	size    int // of a signature, in bytes
	mu      sync.Mutex
	headers atomic.Pointer[map[string]string] // by typ; replaced under mu
}

// Generate makes a new key for the algorithm, with its thumbprint as id. RSA keys
// have 2048 bits.
func Generate(alg Alg) (*PrivateKey, error) {
	var key crypto.Signer
	var err error
	switch alg.family() {
	case famES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case famEd25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case famRS256, famPS256:
		key, err = rsa.GenerateKey(rand.Reader, minRSABits)
	default:
		return nil, fmt.Errorf("generate a key: %w", ErrAlgorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("generate a key for %s: %w", alg, err)
	}
	return newPrivate(key, alg, "")
}

// ParsePrivate reads a private JWK. Its private and public halves must belong
// together. For "alg" and "kid" see [ParsePublic].
func ParsePrivate(jwkJSON []byte) (*PrivateKey, error) {
	about, err := inspect(jwkJSON)
	if err != nil {
		return nil, err
	}
	if !about.signs("sign") {
		return nil, fmt.Errorf("%w: not for signing", ErrKey)
	}
	var jwk gojose.JSONWebKey
	if err := jwk.UnmarshalJSON(jwkJSON); err != nil {
		return nil, fmt.Errorf("%w: not a private JWK", ErrKey) // the cause may quote the key
	}
	key, ok := jwk.Key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: not a private key", ErrKey)
	}
	if err := checkPair(key); err != nil {
		return nil, err
	}
	private, err := newPrivate(key, about.alg, jwk.KeyID)
	if err != nil {
		return nil, err
	}
	private.public.named = about.alg != ""
	return private, nil
}

// checkPair refuses a key whose halves differ: signatures made with it would not
// verify, or, with Ed25519, would give the private half away.
func checkPair(key crypto.Signer) error {
	matches := false
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return fmt.Errorf("%w: unsupported curve", ErrKey)
		}
		d, err := key.Bytes()
		if err != nil {
			return fmt.Errorf("%w: bad private half", ErrKey)
		}
		again, err := ecdsa.ParseRawPrivateKey(key.Curve, d)
		matches = err == nil && again.PublicKey.Equal(&key.PublicKey)
	case ed25519.PrivateKey:
		matches = len(key) == ed25519.PrivateKeySize && ed25519.NewKeyFromSeed(key.Seed()).Equal(key)
	case *rsa.PrivateKey:
		matches = key.Validate() == nil
	}
	if !matches {
		return fmt.Errorf("%w: the private and public halves differ", ErrKey)
	}
	return nil
}

func newPrivate(key crypto.Signer, alg Alg, kid string) (*PrivateKey, error) {
	public, err := newPublic(key.Public(), alg, kid)
	if err != nil {
		return nil, err
	}
	k := &PrivateKey{key: key, public: public, size: es256Size}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		k.size = ed25519.SignatureSize
	case *rsa.PrivateKey:
		key.Precompute()
		k.size = key.Size()
	}
	k.headers.Store(&map[string]string{})
	return k, nil
}

// MarshalPrivate returns the private JWK. It is a secret: seal it.
func (k *PrivateKey) MarshalPrivate() ([]byte, error) {
	jwk := gojose.JSONWebKey{Key: k.key, KeyID: k.public.kid, Algorithm: string(k.public.alg), Use: "sig"}
	data, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal key %s: %w", k.public.kid, err)
	}
	return data, nil
}

// KID returns the key's id.
func (k *PrivateKey) KID() string { return k.public.kid }

// Alg returns the algorithm that the key signs with.
func (k *PrivateKey) Alg() Alg { return k.public.alg }

// Public returns the public half.
func (k *PrivateKey) Public() *PublicKey { return k.public }

const redacted = "•••"

// Format implements [fmt.Formatter]: dots, for every verb.
func (k *PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer]: dots.
func (k *PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }
