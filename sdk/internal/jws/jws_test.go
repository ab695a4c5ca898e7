package jws_test

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/assent-id/assent/sdk/internal/jws"
)

// Project Wycheproof's vectors of the signature schemes, in the encodings of JOSE.
//
// Requirement: mw-algorithms
func TestWycheproofSignatures(t *testing.T) {
	for _, name := range []string{
		"ecdsa_secp256r1_sha256_p1363_test.json", "ed25519_test.json",
		"rsa_signature_2048_sha256_test.json", "rsa_pss_2048_sha256_mgf1_32_test.json",
	} {
		t.Run(name, func(t *testing.T) { vectors(t, name) })
	}
}

func vectors(t *testing.T, name string) {
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKeyJwk, KeyJwk map[string]string
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
		members := group.PublicKeyJwk
		if members == nil {
			members = group.KeyJwk
		}
		if members == nil { // keys that no JWK can hold
			continue
		}
		key, err := jws.Parse(func(name string) (string, bool) { text, ok := members[name]; return text, ok })
		if err != nil || key.Public == nil {
			t.Fatal(err, members)
		}
		for _, tt := range group.Tests {
			seen[tt.Result]++
			// "acceptable" is a signature that some accept out of leniency.
			if got, want := key.Verify(unhex(t, tt.Msg), unhex(t, tt.Sig)), tt.Result == "valid"; got != want {
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

// RFC 7515, Section 2.
//
// Requirement: mw-strict
func TestBase64urlHasOneSpelling(t *testing.T) {
	for text, want := range map[string]bool{"": true, "AA": true, "AAA": true, "AAAA": true, "-_-_": true,
		"A": false, "AB": false, "AAB": false, "AA==": false, "A A": false, "AA\n": false, "A\rA": false, "++++": false, "////": false} {
		if _, err := jws.Decode(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// RFC 7515, Section 7.1.
//
// Requirement: mw-strict
func TestACompactJWSHasThreeSegments(t *testing.T) {
	for text, want := range map[string]bool{"a.b.c": true, "": false, ".": false, "..": false, "a.b": false, "a..c": false, ".b.c": false,
		"a.b.": false, "a.b.c.d": false, "a.b.c.": false} {
		c, err := jws.Split([]byte(text))
		if (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
		if want && (string(c.Header) != "a" || string(c.Payload) != "b" || string(c.Signature) != "c" || string(c.Signed) != "a.b") {
			t.Errorf("%q: %s", text, c)
		}
	}
}
