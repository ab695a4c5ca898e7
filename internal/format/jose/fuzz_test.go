package jose_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/assent-id/assent/internal/format/jose"
)

// FuzzPeek holds the strict reader against the two that others use: what we
// accept, go-jose parses to the same bytes and encoding/json reads as an object.
func FuzzPeek(f *testing.F) {
	f.Add(a3Token)
	f.Add(edToken)
	f.Add(b64(`{"alg":"EdDSA","kid":"k\u0069d","typ":"at+jwt"}`) + "." + b64(`{"a":[{"b":[1,-2.5e3]}],"\u0061b":"\ud83d\ude00"}`) + "." + a3Sig)
	f.Add(b64(`{"alg":"ES256","Alg":"none"}`) + "." + b64(`{"ISS":1}`) + "." + a3Sig)
	f.Add(b64(`{"alg":"ES256","jwk":`+a3Key+`}`) + "." + b64(`{}`) + "." + a3Sig)
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if _, _, err := jose.PeekWithKey(token); err == nil {
			if _, err := jose.Peek(token); err == nil {
				t.Error("a jwk in the header is accepted where none is allowed")
			}
		}
		u, err := jose.Peek(token)
		if err != nil {
			if !errors.Is(err, jose.ErrMalformed) && !errors.Is(err, jose.ErrAlgorithm) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(u.Claims(), &object); err != nil {
			t.Errorf("encoding/json: %v", err)
		}
		other, err := gojose.ParseSignedCompact(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(u.Header().Alg)})
		if err != nil {
			t.Fatalf("go-jose: %v", err)
		}
		if !bytes.Equal(other.UnsafePayloadWithoutVerification(), u.Claims()) || other.Signatures[0].Header.KeyID != u.Header().KID {
			t.Error("go-jose reads the token differently")
		}
	})
}

// FuzzParsePublic looks for JWKs that are accepted and do not survive their own
// writing.
func FuzzParsePublic(f *testing.F) {
	for _, jwk := range []string{a3Key, edKey, rsaKey, a3Private, `{"kty":"oct","k":"AA"}`, `{"keys":[` + edKey + `]}`} {
		f.Add([]byte(jwk))
	}
	f.Fuzz(func(t *testing.T, jwk []byte) {
		_, _ = jose.ParseSet(jwk)
		_, _ = jose.ParsePrivate(jwk)
		key, err := jose.ParsePublic(jwk)
		if err != nil {
			if !errors.Is(err, jose.ErrKey) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		again, err := jose.ParsePublic(key.JSON())
		if err != nil || again.Thumbprint() != key.Thumbprint() || again.KID() != key.KID() || again.Alg() != key.Alg() {
			t.Errorf("does not survive its own JSON: %v", err)
		}
	})
}
