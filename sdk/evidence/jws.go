package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/assent-id/assent/sdk/internal/jws"
)

const (
	maxJWS      = 16 << 10 // bytes of a compact JWS
	maxJWSDepth = 8        // nested objects in its header and payload
)

// verify checks a compact JWS (RFC 7515, Section 5.2) of the realm and
// returns its payload in canonical form. The key alone fixes the algorithm;
// the header must agree, must have this typ, and must hold nothing but alg,
// kid and typ.
func (set keySet) verify(compact, typ string) ([]byte, error) {
	decoded, err := splitJWS(compact)
	if err != nil {
		return nil, err
	}
	key, err := set.keyFor(decoded[0], typ)
	if err != nil {
		return nil, err
	}
	signed := compact[:strings.LastIndexByte(compact, '.')]
	if !key.Verify([]byte(signed), decoded[2]) {
		return nil, errors.New("signature does not hold")
	}
	return canonicalPayload(decoded[1])
}

// splitJWS decodes the header, payload and signature of a compact JWS.
func splitJWS(compact string) (decoded [3][]byte, err error) {
	if len(compact) > maxJWS {
		return decoded, errors.New("longer than 16 kB")
	}
	segments := strings.Split(compact, ".")
	if len(segments) != 3 {
		return decoded, errors.New("not a compact JWS of three segments")
	}
	for i, s := range segments {
		b, err := decodeBytes(s)
		if err != nil || len(b) == 0 {
			return decoded, fmt.Errorf("segment %d is not base64url", i+1)
		}
		decoded[i] = b
	}
	return decoded, nil
}

func canonicalPayload(payload []byte) ([]byte, error) {
	canonical, err := appendCanonical(nil, payload, maxJWSDepth)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return canonical, nil
}

// keyFor returns the key that a protected header names.
func (set keySet) keyFor(header []byte, typ string) (jws.Key, error) {
	canonical, err := appendCanonical(nil, header, maxJWSDepth)
	if err != nil {
		return jws.Key{}, fmt.Errorf("header: %w", err)
	}
	if err := headerShape(canonical); err != nil {
		return jws.Key{}, fmt.Errorf("header%w", err)
	}
	var h struct{ Alg, Kid, Typ string }
	if err := json.Unmarshal(canonical, &h); err != nil {
		return jws.Key{}, fmt.Errorf("header: %w", err)
	}
	if h.Typ != typ {
		return jws.Key{}, fmt.Errorf("header typ is not %q", typ)
	}
	key, known := set[h.Kid]
	if !known {
		return jws.Key{}, fmt.Errorf("no key has the kid %q", h.Kid)
	}
	if !key.Named(h.Alg) {
		return jws.Key{}, fmt.Errorf("header alg is not the key's, %s", key.Alg)
	}
	return key, nil
}
