package jose_test

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/assent-id/assent/internal/format/jose"
)

// TestWycheproofPrimitives runs the vectors of the signature schemes themselves,
// in the encodings that JOSE uses.
//
// Requirement: keys-jws-vectors
func TestWycheproofPrimitives(t *testing.T) {
	for _, name := range []string{
		"ecdsa_secp256r1_sha256_p1363_test.json", "ed25519_test.json",
		"rsa_signature_2048_sha256_test.json", "rsa_pss_2048_sha256_mgf1_32_test.json",
	} {
		t.Run(name, func(t *testing.T) { primitiveVectors(t, name) })
	}
}

func primitiveVectors(t *testing.T, name string) {
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKeyJwk, KeyJwk json.RawMessage
			Tests                []struct {
				TcID                      int
				Comment, Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, group := range file.TestGroups {
		jwk := append(group.PublicKeyJwk, group.KeyJwk...)
		if jwk == nil { // keys that no JWK can hold
			continue
		}
		key := parse(t, string(jwk))
		for _, tt := range group.Tests {
			seen[tt.Result]++
			got := jose.VerifyBytes(key, unhex(t, tt.Msg), unhex(t, tt.Sig))
			// "acceptable" is a signature that some accept out of leniency.
			if want := tt.Result == "valid"; got != want {
				t.Errorf("%d (%s): got %t, want %t", tt.TcID, tt.Comment, got, want)
			}
		}
	}
	if seen["valid"] < 5 || seen["invalid"] < 20 {
		t.Errorf("ran only %v", seen)
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
