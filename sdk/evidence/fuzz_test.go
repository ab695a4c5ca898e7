package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/assent-id/assent/sdk/evidence"
)

func FuzzCanonical(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.evidence())
	}
	type testCase struct{ Text string }
	for _, tt := range loadJSON[[]testCase](f, "testdata/canonical.json") {
		f.Add([]byte(tt.Text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		canonical, err := evidence.Canonical(text)
		if err != nil {
			return
		}
		if !json.Valid(text) || !json.Valid(canonical) {
			t.Fatalf("%q became %q, and encoding/json refuses one of them", text, canonical)
		}
		again, err := evidence.Canonical(canonical)
		if err != nil || !bytes.Equal(again, canonical) {
			t.Fatalf("%q became %q, then %q, %v", text, canonical, again, err)
		}
		// encoding/json rewrites escapes and order: the value must not change.
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		if other, err := evidence.CanonicalValue(value); err != nil || !bytes.Equal(other, canonical) {
			t.Fatalf("%q became %q, by way of Go values %q, %v", text, canonical, other, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.evidence(), v.jwks())
	}
	f.Fuzz(func(t *testing.T, text, keys []byte) {
		verified, err := evidence.Verify(text, keys, evidence.Options{})
		var part *evidence.PartError
		if errors.As(err, &part) {
			if part.Part == "" || part.Reason == "" || verified != nil {
				t.Fatalf("%+v with %+v", part, verified)
			}
			return
		}
		if err != nil || verified == nil {
			t.Fatalf("%v, %v", verified, err)
		}
		checkVerified(t, text, verified)
	})
}

// checkVerified demands of whatever was accepted that the parts still fit.
func checkVerified(t *testing.T, text []byte, v *evidence.Verified) {
	t.Helper()
	var e evidence.Evidence
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	if got := evidence.Hash(must[[]byte](t)(evidence.Canonical(e.Statement))); got != v.StatementHash {
		t.Errorf("statement hash %s, want %s", got, v.StatementHash)
	}
	if v.Outcome == evidence.Approved && (v.Passkey == nil || v.Decision.Statement != v.StatementHash) {
		t.Errorf("approved without a passkey's signature over the statement")
	}
}

// FuzzPasskey lets the bytes that an authenticator makes vary while the
// realm's signatures hold.
func FuzzPasskey(f *testing.F) {
	r := newRecipe(f)
	f.Add(r.passkey.cose, byte(flagUP|flagUV), []byte{})
	f.Add(coseKey(newKey(f, "EdDSA", "fuzz").Public()), byte(flagUP|flagUV|flagED), []byte{0xa1, 0x61, 'n', 0xf9, 0x3c, 0x00})
	f.Add([]byte{0xa0}, byte(flagUP|flagUV|flagAT|flagED), append(r.passkey.attested(f), 0xa1, 0x01, 0xc2, 0x41, 0x00))
	f.Fuzz(func(t *testing.T, cose []byte, flags byte, tail []byte) {
		if len(cose) == 0 || len(cose) > 2048 || len(tail) > 4096-37 {
			return // NewBinding and the shape of evidence refuse these before
		}
		r := newRecipe(t)
		honest := bytes.Equal(cose, r.passkey.cose)
		r.passkey.cose, r.passkey.flags, r.passkey.tail = cose, flags, tail
		_, err := evidence.Verify(r.make(t), keySet(t, r.realm), evidence.Options{})
		if err == nil && (!honest || flags&(flagUP|flagUV) != flagUP|flagUV) {
			t.Errorf("accepted with the key %x, flags %x, tail %x", cose, flags, tail)
		}
	})
}
