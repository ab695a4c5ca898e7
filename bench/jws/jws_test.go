package jws_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/bench/jws"
)

// The example of RFC 7515, Appendix A.3, made by someone else.
const (
	rfcToken = "eyJhbGciOiJFUzI1NiJ9" +
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
		".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	rfcX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
	rfcY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
)

func TestVerifyAcceptsTheExampleOfRFC7515(t *testing.T) {
	key, err := jws.JWK{KTY: "EC", CRV: "P-256", X: rfcX, Y: rfcY}.Public()
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := jws.Verify([]byte(rfcToken), key)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(payload); !strings.Contains(got, `"iss":"joe"`) {
		t.Errorf("payload is %q", got)
	}
}

func TestVerifyRefusesWhatWasAltered(t *testing.T) {
	key, err := jws.Generate()
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.NewSigner(key, "JWT", "k1").Sign([]byte(`{"sub":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	header, _, err := jws.Verify([]byte(token), &key.PublicKey)
	if err != nil || header.KID != "k1" || header.Typ != "JWT" {
		t.Fatalf("own token: header %+v, error %v", header, err)
	}
	for i := range token {
		altered := []byte(token)
		altered[i] ^= 1
		if _, _, err := jws.Verify(altered, &key.PublicKey); err == nil && !onlyPaddingBits(token, i) {
			t.Errorf("byte %d altered and accepted", i)
		} else if err != nil && !errors.Is(err, jws.ErrInvalid) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}

// onlyPaddingBits says whether byte i carries bits that decoding drops: the
// last character of the signature. This package is a yardstick and does not
// insist on the canonical character; the product does.
func onlyPaddingBits(token string, i int) bool { return i == len(token)-1 }

func TestAKeySurvivesItsJWK(t *testing.T) {
	key, err := jws.Generate()
	if err != nil {
		t.Fatal(err)
	}
	public, err := jws.PublicJWK(&key.PublicKey, "k1")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := public.Public()
	if err != nil {
		t.Fatal(err)
	}
	if !parsed.Equal(&key.PublicKey) {
		t.Error("the parsed key is another key")
	}
}

// The key and its thumbprint are those of RFC 9449, Sections 4.1 and 6.1.
func TestAThumbprintIsThatOfTheSpecification(t *testing.T) {
	key := jws.JWK{KTY: "EC", CRV: "P-256", KID: "any", Use: "sig",
		X: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", Y: "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}
	if got, want := key.Thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; got != want {
		t.Errorf("thumbprint %s, want %s", got, want)
	}
}

func TestAProofIsOfTheKeyInItsHeader(t *testing.T) {
	var proofs []string
	var prints []string
	for range 2 {
		key, err := jws.Generate()
		if err != nil {
			t.Fatal(err)
		}
		signer, err := jws.NewProofSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := signer.Sign([]byte(`{"jti":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := jws.PublicJWK(&key.PublicKey, "")
		if err != nil {
			t.Fatal(err)
		}
		proofs, prints = append(proofs, proof), append(prints, jwk.Thumbprint())
	}
	key, header, payload, err := jws.VerifyProof([]byte(proofs[0]))
	if err != nil || key.Thumbprint() != prints[0] || header.Typ != "dpop+jwt" || string(payload) != `{"jti":"a"}` {
		t.Errorf("a good proof reads as %v, %v, %s, %v", key, header, payload, err)
	}
	// The header of one with the signature of the other.
	mixed := proofs[0][:strings.LastIndex(proofs[0], ".")] + proofs[1][strings.LastIndex(proofs[1], "."):]
	if _, _, _, err := jws.VerifyProof([]byte(mixed)); err == nil {
		t.Error("a proof that another key signed is taken")
	}
}
