package jose_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/assent-id/assent/internal/format/jose"
)

var allAlgs = []jose.Alg{jose.ES256, jose.EdDSA, jose.Ed25519, jose.RS256, jose.PS256}

func check(token string, key *jose.PublicKey) (jose.Verified, error) {
	u, err := jose.Peek(token)
	if err != nil {
		return jose.Verified{}, err
	}
	return jose.Verify(u, key)
}

func TestWhatOneSignsTheOtherVerifies(t *testing.T) {
	for _, alg := range allAlgs {
		t.Run(string(alg), func(t *testing.T) {
			key := generate(t, alg)
			for range 20 { // ECDSA numbers come in several lengths
				v, err := check(sign(t, key, "at+jwt", claims), key.Public())
				if err != nil {
					t.Fatal(err)
				}
				want := jose.Header{Alg: alg, KID: key.KID(), Typ: "at+jwt"}
				if v.Header != want || string(v.Payload) != string(claims) {
					t.Errorf("got %+v %s, want %+v", v.Header, v.Payload, want)
				}
			}
		})
	}
}

// go-jose is the second implementation: each must accept what the other signs.
func TestGoJoseVerifiesWhatWeSignAndTheOtherWayRound(t *testing.T) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256} {
		t.Run(string(alg), func(t *testing.T) {
			key := generate(t, alg)
			ours, err := gojose.ParseSignedCompact(sign(t, key, "JWT", claims), []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			var public, private gojose.JSONWebKey
			if err := public.UnmarshalJSON(key.Public().JSON()); err != nil {
				t.Fatal(err)
			}
			if got, err := ours.Verify(public); err != nil || string(got) != string(claims) {
				t.Errorf("go-jose: got %q, %v", got, err)
			}
			marshalled, err := key.MarshalPrivate()
			if err != nil {
				t.Fatal(err)
			}
			if err := private.UnmarshalJSON(marshalled); err != nil {
				t.Fatal(err)
			}
			signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: private}, nil)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := signer.Sign(claims)
			if err != nil {
				t.Fatal(err)
			}
			token, err := signed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := check(token, key.Public()); err != nil {
				t.Errorf("we refuse what go-jose signs: %v", err)
			}
		})
	}
}

func TestEd25519AndEdDSAAreOneAlgorithm(t *testing.T) {
	for _, names := range [][2]jose.Alg{{jose.EdDSA, jose.Ed25519}, {jose.Ed25519, jose.EdDSA}} {
		jwk := func(alg jose.Alg) string {
			return strings.Replace(edPrivate, `"kty"`, `"alg":"`+string(alg)+`","kty"`, 1)
		}
		signer, err := jose.ParsePrivate([]byte(jwk(names[0])))
		if err != nil {
			t.Fatal(err)
		}
		record := parse(t, strings.Replace(edKey, `"kty"`, `"alg":"`+string(names[1])+`","kty"`, 1))
		v, err := check(sign(t, signer, "", claims), record)
		if err != nil || v.Header.Alg != names[0] {
			t.Errorf("signed as %s, record %s: got %+v, %v", names[0], names[1], v.Header, err)
		}
	}
}

// Requirement: keys-alg-from-record
func TestTheKeyRecordFixesTheAlgorithm(t *testing.T) {
	keys := map[jose.Alg]*jose.PrivateKey{}
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256} {
		keys[alg] = generate(t, alg)
	}
	for signed, signer := range keys {
		for recorded, record := range keys {
			want := jose.ErrAlgorithm
			if signed == recorded {
				want = nil
			}
			if _, err := check(sign(t, signer, "", claims), record.Public()); !errors.Is(err, want) {
				t.Errorf("signed %s, record %s: got %v, want %v", signed, recorded, err, want)
			}
		}
	}
	if _, err := check(a3Token, nil); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("no key: got %v", err)
	}
}

// Requirement: keys-alg-from-record
func TestOneRSAKeyServesOnlyItsRecordedAlgorithm(t *testing.T) {
	private := generate(t, jose.RS256)
	jwk, err := private.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	pss, err := jose.ParsePrivate([]byte(strings.Replace(string(jwk), "RS256", "PS256", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := check(sign(t, pss, "", claims), private.Public()); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("PS256 under an RS256 record: got %v", err)
	}
	unnamed := parse(t, strings.Replace(string(private.Public().JSON()), `"alg":"RS256"`, `"more":1`, 1))
	fixed, err := unnamed.WithAlg(jose.PS256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := check(sign(t, pss, "", claims), fixed); err != nil {
		t.Errorf("PS256 under a record fixed to it: %v", err)
	}
	if _, err := check(sign(t, private, "", claims), fixed); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("RS256 under a record fixed to PS256: got %v", err)
	}
}

func TestWithAlgNeverOverridesTheKey(t *testing.T) {
	for name, tt := range map[string]struct {
		jwk string
		alg jose.Alg
		ok  bool
	}{
		"its own":                {a3Key, jose.ES256, true},
		"the other name":         {edKey, jose.Ed25519, true},
		"another kind":           {a3Key, jose.RS256, false},
		"named otherwise":        {rsaKey, jose.PS256, false},
		"outside the table":      {a3Key, "HS256", false},
		"not named, other usage": {strings.Replace(rsaKey, `"alg":"RS256",`, "", 1), jose.PS256, true},
	} {
		key, err := parse(t, tt.jwk).WithAlg(tt.alg)
		if tt.ok && (err != nil || !key.Alg().Same(tt.alg)) || !tt.ok && !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The classic confusion: an HMAC whose key is the public key as the attacker
// sees it.
//
// Requirement: keys-alg-from-record
func TestHMACWithThePublicKeyIsRefused(t *testing.T) {
	key := parse(t, rsaKey)
	for _, secret := range [][]byte{key.JSON(), []byte(key.Thumbprint()), {}} {
		input := b64(`{"alg":"HS256","kid":"2011-04-29"}`) + "." + b64(`{"sub":"admin"}`)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		token := input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		if _, err := check(token, key); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("got %v, want ErrAlgorithm", err)
		}
	}
}

func TestAnyChangeOfATokenIsRefused(t *testing.T) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256} {
		t.Run(string(alg), func(t *testing.T) {
			key := generate(t, alg)
			token := sign(t, key, "JWT", []byte(`{"sub":"joe"}`))
			for i := range token {
				for _, c := range []byte("A_") {
					altered := token[:i] + string(c) + token[i+1:]
					if _, err := check(altered, key.Public()); err == nil && altered != token {
						t.Fatalf("byte %d changed to %c is accepted", i, c)
					}
				}
			}
			if _, err := check(token, generate(t, alg).Public()); !errors.Is(err, jose.ErrSignature) {
				t.Errorf("another key: got %v, want ErrSignature", err)
			}
		})
	}
}

func TestES256SignaturesHaveOneLengthAndNoTrivialNumbers(t *testing.T) {
	key := parse(t, a3Key)
	good, err := base64.RawURLEncoding.DecodeString(a3Sig)
	if err != nil {
		t.Fatal(err)
	}
	order := []byte("\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51")
	zero := make([]byte, 32)
	for name, sig := range map[string][]byte{
		"short": good[:63], "long": append(append([]byte{}, good...), 0), "leading zero": append([]byte{0}, good...),
		"a zero before s": append(append(append([]byte{}, good[:32]...), 0), good[32:]...),
		"all zero":        make([]byte, 64), "r zero": append(append([]byte{}, zero...), good[32:]...), "s zero": append(append([]byte{}, good[:32]...), zero...),
		"r the order": append(append([]byte{}, order...), good[32:]...), "s the order": append(append([]byte{}, good[:32]...), order...),
		"swapped": append(append([]byte{}, good[32:]...), good[:32]...), "ASN.1": append([]byte{0x30, 62}, good[:62]...),
	} {
		token := a3Header + "." + a3Payload + "." + base64.RawURLEncoding.EncodeToString(sig)
		if _, err := check(token, key); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", name, err)
		}
	}
}

func TestPeekWithKeyTakesThePublicKeyOfTheHeader(t *testing.T) {
	key := generate(t, jose.ES256)
	var jwk map[string]string
	if err := json.Unmarshal(key.Public().JSON(), &jwk); err != nil {
		t.Fatal(err)
	}
	bare := `{"kty":"EC","crv":"P-256","x":"` + jwk["x"] + `","y":"` + jwk["y"] + `"}`
	token := func(header string) string { return b64(header) + "." + b64(`{}`) + "." + a3Sig }
	_, got, err := jose.PeekWithKey(token(`{"alg":"ES256","typ":"dpop+jwt","jwk":` + bare + `}`))
	if err != nil || got.Thumbprint() != key.Public().Thumbprint() {
		t.Errorf("got %v", err)
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{
		"no jwk": `{"alg":"ES256"}`, "not an object": `{"alg":"ES256","jwk":"x"}`,
		"private": `{"alg":"ES256","jwk":` + string(private) + `}`, "symmetric": `{"alg":"ES256","jwk":{"kty":"oct","k":"AAAA"}}`,
		"twice": `{"alg":"ES256","jwk":` + bare + `,"jwk":` + bare + `}`,
	} {
		if _, _, err := jose.PeekWithKey(token(header)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
