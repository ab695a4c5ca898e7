package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/assent-id/assent/sdk/internal/jws"
)

// COSE algorithms and labels (RFC 9053, RFC 8230, IANA COSE registry).
const (
	coseES256 = -7
	coseEdDSA = -8
	coseRS256 = -257

	coseKty = 1
	coseAlg = 3
)

// parseCOSEKey reads the public key of a passkey: a COSE_Key with exactly the
// members that its kind needs (WebAuthn, Section 6.5.1.1 forbids others).
func parseCOSEKey(raw []byte) (crypto.PublicKey, error) {
	c := cbor{in: raw}
	members, err := c.keyMap()
	if err != nil {
		return nil, err
	}
	if len(c.in) != 0 {
		return nil, errors.New("bytes after the COSE key")
	}
	kty, alg := members[coseKty].number, members[coseAlg].number
	switch {
	case kty == 1 && alg == coseEdDSA && members.areOnly(coseKty, coseAlg, -1, -2):
		x := members[-2].bytes
		if members[-1].number != 6 || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("not an Ed25519 key")
		}
		return ed25519.PublicKey(x), nil
	case kty == 2 && alg == coseES256 && members.areOnly(coseKty, coseAlg, -1, -2, -3):
		if members[-1].number != 1 {
			return nil, errors.New("not on the curve P-256")
		}
		return jws.P256(members[-2].bytes, members[-3].bytes)
	case kty == 3 && alg == coseRS256 && members.areOnly(coseKty, coseAlg, -1, -2):
		n, e := members[-1].bytes, members[-2].bytes
		if len(n) == 0 {
			return nil, errors.New("no modulus")
		}
		return jws.RSA(n, e)
	}
	return nil, errors.New("not a COSE key for ES256, EdDSA or RS256")
}

// verifyPasskey checks the signature of an authenticator (WebAuthn, Section
// 6.5.5).
func verifyPasskey(key crypto.PublicKey, signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, signature)
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest[:], signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// coseMembers are the members of a COSE_Key by label.
type coseMembers map[int64]coseValue

// A coseValue is an integer or a byte string.
type coseValue struct {
	number int64
	bytes  []byte
}

func (m coseMembers) areOnly(labels ...int64) bool {
	for _, label := range labels {
		if _, ok := m[label]; !ok {
			return false
		}
	}
	return len(m) == len(labels)
}

// A cbor reads CBOR (RFC 8949) of definite length in its shortest encoding,
// which CTAP2 demands of authenticators.
type cbor struct{ in []byte }

var errCBOR = errors.New("not CBOR of definite length in its shortest form")

const (
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborTag   = 6
	cborOther = 7

	maxCBORDepth = 8
	maxCOSE      = 8 // members of a COSE key
)

// head reads the initial byte and argument of an item.
func (c *cbor) head() (major byte, arg uint64, err error) {
	if len(c.in) == 0 {
		return 0, 0, errCBOR
	}
	major, low := c.in[0]>>5, c.in[0]&31
	c.in = c.in[1:]
	if low < 24 {
		return major, uint64(low), nil
	}
	size := 1 << (low - 24)
	if low > 27 || len(c.in) < size {
		return 0, 0, errCBOR
	}
	for _, b := range c.in[:size] {
		arg = arg<<8 | uint64(b)
	}
	c.in = c.in[size:]
	// Floats are major type 7 and have no shorter form to prefer here.
	shortest := arg >= 24 && (size == 1 || arg>>(4*size) != 0)
	if major != cborOther && !shortest {
		return 0, 0, errCBOR
	}
	return major, arg, nil
}

// take returns the next n bytes.
func (c *cbor) take(n uint64) ([]byte, error) {
	if n > uint64(len(c.in)) {
		return nil, errCBOR
	}
	b := c.in[:n]
	c.in = c.in[n:]
	return b, nil
}

// integer reads an integer of at most 32 bits.
func (c *cbor) integer() (int64, error) {
	major, arg, err := c.head()
	if err != nil || major > 1 || arg > 1<<31 {
		return 0, errCBOR
	}
	if major == 1 {
		return -1 - int64(arg), nil
	}
	return int64(arg), nil
}

// keyMap reads a map from integers to integers and byte strings.
func (c *cbor) keyMap() (coseMembers, error) {
	major, n, err := c.head()
	if err != nil || major != cborMap || n > maxCOSE {
		return nil, errors.New("not a CBOR map")
	}
	members := make(coseMembers, n)
	for range n {
		label, err := c.integer()
		if err != nil {
			return nil, err
		}
		if _, twice := members[label]; twice {
			return nil, fmt.Errorf("label %d stands twice", label)
		}
		if members[label], err = c.keyValue(); err != nil {
			return nil, err
		}
	}
	return members, nil
}

func (c *cbor) keyValue() (coseValue, error) {
	if len(c.in) > 0 && c.in[0]>>5 == cborBytes {
		_, n, err := c.head()
		if err != nil {
			return coseValue{}, err
		}
		b, err := c.take(n)
		return coseValue{bytes: b}, err
	}
	n, err := c.integer()
	return coseValue{number: n}, err
}

// skip moves over one item of any kind, at most depth levels deep.
func (c *cbor) skip(depth int) error {
	major, arg, err := c.head()
	if err != nil {
		return err
	}
	items := arg
	switch major {
	case cborBytes, cborText:
		_, err := c.take(arg)
		return err
	case cborArray:
	case cborMap:
		items *= 2
	case cborTag:
		items = 1
	default:
		return nil
	}
	if depth == 0 || arg > uint64(len(c.in)) && major != cborTag {
		return errCBOR
	}
	for range items {
		if err := c.skip(depth - 1); err != nil {
			return err
		}
	}
	return nil
}
