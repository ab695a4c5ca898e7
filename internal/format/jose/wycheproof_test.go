package jose_test

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/assent-id/assent/internal/format/jose"
)

type wycheproofFile struct {
	TestGroups []struct {
		Comment string
		Public  json.RawMessage
		Private json.RawMessage
		Tests   []struct {
			TcID    int
			Comment string
			Result  string
			JWS     json.RawMessage
		}
	}
}

// TestWycheproofVectors runs every JWS vector of Project Wycheproof. What the
// closed table leaves out (HMAC, other curves and hashes) must be refused even
// where the vector is valid.
//
// Requirement: keys-jws-vectors
func TestWycheproofVectors(t *testing.T) {
	accepted := 0
	for _, name := range []string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"} {
		data, err := fs.ReadFile(wycheproof.TestVectors, name)
		if err != nil {
			t.Fatal(err)
		}
		var file wycheproofFile
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		for _, group := range file.TestGroups {
			for _, tt := range group.Tests {
				if tt.JWS == nil { // an encryption vector
					continue
				}
				got := acceptsVector(group.Public, tt.JWS)
				want := tt.Result == "valid" && inTable(group.Public) && inTable(header(tt.JWS))
				if got != want {
					t.Errorf("%s %d (%s: %s): accepted %t, want %t", name, tt.TcID, group.Comment, tt.Comment, got, want)
				}
				if got {
					accepted++
				}
			}
		}
	}
	if accepted < 15 {
		t.Errorf("only %d vectors were accepted: the test does not test", accepted)
	}
}

// acceptsVector verifies as the server does: the token names a key of the set by
// its kid.
func acceptsVector(public, jws json.RawMessage) bool {
	var token string
	if err := json.Unmarshal(jws, &token); err != nil {
		token = string(jws)
	}
	u, err := jose.PeekBytes(token)
	if err != nil {
		return false
	}
	for _, key := range vectorKeys(public) {
		if key.KID() == u.Header().KID {
			_, err := jose.Verify(u, key)
			return err == nil
		}
	}
	return false
}

func vectorKeys(public json.RawMessage) []*jose.PublicKey {
	if keys, err := jose.ParseSet(public); err == nil {
		return keys
	}
	key, err := jose.ParsePublic(public)
	if err != nil {
		return nil
	}
	return []*jose.PublicKey{key}
}

// inTable reports whether the "alg" of a JWK, set or header is one of ours. Two vectors
// sign with PS384 under a key for PS256 and are called valid all the same.
func inTable(object json.RawMessage) bool {
	type named struct{ Alg jose.Alg }
	var one struct {
		named
		Keys []named
	}
	if err := json.Unmarshal(object, &one); err != nil {
		return false
	}
	return slices.ContainsFunc(append(one.Keys, one.named), func(n named) bool { return slices.Contains(allAlgs, n.Alg) })
}

func header(jws json.RawMessage) json.RawMessage {
	first, _, _ := strings.Cut(strings.Trim(string(jws), `"`), ".")
	decoded, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return nil
	}
	return decoded
}
