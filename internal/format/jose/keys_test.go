package jose_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
)

// Requirement: keys-members, keys-public-only, keys-rsa-size
func TestPublicJWKSaysWhatTheKeyIsFor(t *testing.T) {
	for _, alg := range allAlgs {
		key := generate(t, alg)
		var got map[string]any
		if err := json.Unmarshal(key.Public().JSON(), &got); err != nil {
			t.Fatal(err)
		}
		if got["alg"] != string(alg) || got["use"] != "sig" || got["kid"] != key.KID() || key.KID() != key.Public().Thumbprint() {
			t.Errorf("%s: got %v", alg, got)
		}
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, found := got[secret]; found {
				t.Errorf("%s: the public JWK has %q", alg, secret)
			}
		}
		again := parse(t, string(key.Public().JSON()))
		if again.KID() != key.KID() || again.Alg() != alg || again.Thumbprint() != key.Public().Thumbprint() {
			t.Errorf("%s: does not survive its JSON", alg)
		}
	}
}

func TestPrivateKeysSurviveTheirJSON(t *testing.T) {
	for _, alg := range allAlgs {
		key := generate(t, alg)
		data, err := key.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		again, err := jose.ParsePrivate(data)
		if err != nil {
			t.Fatal(err)
		}
		if again.KID() != key.KID() || again.Alg() != alg {
			t.Errorf("%s: got %s %s", alg, again.KID(), again.Alg())
		}
		if _, err := check(sign(t, again, "", claims), key.Public()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestGenerateKnowsTheTableOnly(t *testing.T) {
	for _, alg := range []jose.Alg{"", "none", "HS256", "ES384", "es256"} {
		if _, err := jose.Generate(alg); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%q: got %v, want ErrAlgorithm", alg, err)
		}
	}
}

func TestParsePublicRefusesWhatItCannotTrust(t *testing.T) {
	edit := func(jwk, old, new string) string { return strings.Replace(jwk, old, new, 1) }
	tests := []struct{ name, jwk string }{
		{"private EC", a3Private},
		{"private Ed25519", edPrivate},
		{"symmetric", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"}`},
		{"oct without k", `{"kty":"oct"}`},
		{"private member alone", edit(edKey, `"kty"`, `"p":"AA","kty"`)},
		{"P-384", `{"kty":"EC","crv":"P-384","x":"OmtnR2PwMl_Y_93Rp4KGSlQFmL4Z3hb7CjFHZfyqZw9xmyJhO8HyTEJ4FDKLFTT8","y":"eLSGzLqVCyTtiLVg8ocsnyD7JD9t1lTd5ZUkHRWQuVEvvwqwtzbJ9gdK2h0kKQsj"}`},
		{"X25519", `{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`},
		{"secp256k1", edit(a3Key, "P-256", "secp256k1")},
		{"not on the curve", edit(a3Key, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a8")},
		{"no y", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}`},
		{"short Ed25519", edit(edKey, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ")},
		{"no kty", edit(edKey, `"kty":"OKP",`, "")},
		{"alg of another kind", edit(edKey, `"kty"`, `"alg":"ES256","kty"`)},
		{"alg HS256", edit(a3Key, `"kty"`, `"alg":"HS256","kty"`)},
		{"alg of a wider curve", edit(a3Key, `"kty"`, `"alg":"ES512","kty"`)},
		{"alg for encryption", edit(rsaKey, "RS256", "RSA-OAEP-256")},
		{"use enc", edit(a3Key, `"kty"`, `"use":"enc","kty"`)},
		{"use of SPIFFE for certificates", edit(a3Key, `"kty"`, `"use":"x509-svid","kty"`)},
		{"use of another type", edit(a3Key, `"kty"`, `"use":1,"kty"`)},
		{"key_ops without verify", edit(a3Key, `"kty"`, `"key_ops":["sign"],"kty"`)},
		{"key_ops empty", edit(a3Key, `"kty"`, `"key_ops":[],"kty"`)},
		{"key_ops no list", edit(a3Key, `"kty"`, `"key_ops":"verify","kty"`)},
		{"twins", edit(a3Key, `"kty"`, `"crv":"P-256","kty"`)},
		{"twins in two cases", edit(a3Key, `"kty"`, `"CRV":"P-384","kty"`)},
		{"even exponent", edit(rsaKey, "AQAB", "AQAA")},
		{"exponent one", edit(rsaKey, "AQAB", "AQ")},
		{"data after it", a3Key + "{}"},
		{"a set", `{"keys":[` + a3Key + `]}`},
		{"too long", edit(a3Key, `"kty"`, `"x5u":"`+strings.Repeat("x", 40_000)+`","kty"`)},
		{"empty", ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if key, err := jose.ParsePublic([]byte(tt.jwk)); !errors.Is(err, jose.ErrKey) {
				t.Errorf("got %v, %v, want ErrKey", key, err)
			}
		})
	}
}

func TestParsePublicTakesWhatRFC7517Allows(t *testing.T) {
	for name, member := range map[string]string{
		"use": `"use":"sig"`, "use of SPIFFE": `"use":"jwt-svid"`, "key_ops": `"key_ops":["verify"]`, "both ops": `"key_ops":["sign","verify"]`,
		"its alg": `"alg":"ES256"`, "unknown members": `"exp":1,"nested":{"a":[]}`, "kid": `"kid":"a b"`,
	} {
		if _, err := jose.ParsePublic([]byte(strings.Replace(a3Key, `"kty"`, member+`,"kty"`, 1))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Requirement: keys-rsa-size
func TestRSAKeysOfTheWrongSizeAreRefused(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	modulus := func(bytes int) []byte {
		n := make([]byte, bytes)
		n[0], n[bytes-1] = 0x80, 1
		return n
	}
	for _, tt := range []struct {
		n  []byte
		ok bool
	}{{key.N.Bytes(), false}, {modulus(255), false}, {modulus(256), true}, {modulus(512), true}, {modulus(513), false}} {
		_, err := jose.ParsePublic([]byte(`{"kty":"RSA","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(tt.n) + `"}`))
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, jose.ErrKey) {
			t.Errorf("a modulus of %d bytes: got %v", len(tt.n), err)
		}
	}
}

func TestParseSetLeavesOutWhatIsNotOurs(t *testing.T) {
	set := func(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `],"more":1}`) }
	keys, err := jose.ParseSet(set(a3Key, `{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`, rsaKey,
		`{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
		strings.Replace(edKey, `"kty"`, `"use":"enc","kty"`, 1), strings.Replace(edKey, `"kty"`, `"use":null,"kty"`, 1),
		strings.Replace(a3Key, `"x_F`, `"y_F`, 1), edKey, `{"future":true}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range keys {
		got = append(got, k.Thumbprint())
	}
	want := []string{parse(t, a3Key).Thumbprint(), rsaThumbprint, edThumbprint}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if keys, err := jose.ParseSet(set()); err != nil || len(keys) != 0 {
		t.Errorf("an empty set: got %v, %v", keys, err)
	}
}

func TestParseSetRefusesASetThatGivesSecretsAway(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(edKey+",", 101), ",")
	for name, set := range map[string]string{
		"private": `{"keys":[` + a3Key + `,` + edPrivate + `]}`, "symmetric": `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		"private and broken":  `{"keys":[` + strings.Replace(edPrivate, `"kty"`, `"use":1,"kty"`, 1) + `]}`,
		"private for another": `{"keys":[{"kty":"AKP","alg":"ML-DSA-44","priv":"AA"}]}`,
		"no keys":             `{}`, "keys null": `{"keys":null}`, "keys an object": `{"keys":{}}`, "Keys": `{"Keys":[]}`,
		"a member no object": `{"keys":[1]}`, "twice": `{"keys":[],"keys":[]}`, "too many": `{"keys":[` + many + `]}`,
		"not JSON": `keys`, "too long": `{"keys":[],"x":"` + strings.Repeat("x", 600_000) + `"}`,
	} {
		if keys, err := jose.ParseSet([]byte(set)); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: got %v, %v, want ErrKey", name, keys, err)
		}
	}
}

func TestParsePrivateRefusesHalvesThatDiffer(t *testing.T) {
	other, err := generate(t, jose.EdDSA).MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var jwk map[string]string
	if err := json.Unmarshal(other, &jwk); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Ed25519": strings.Replace(edPrivate, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", jwk["d"], 1),
		"EC":      strings.Replace(a3Private, "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI", jwk["d"], 1),
		"public":  a3Key, "symmetric": `{"kty":"oct","k":"AAAA"}`, "verify only": strings.Replace(edPrivate, `"kty"`, `"key_ops":["verify"],"kty"`, 1),
		"alg of another kind": strings.Replace(edPrivate, `"kty"`, `"alg":"ES256","kty"`, 1), "not JSON": "x",
	} {
		_, err := jose.ParsePrivate([]byte(text))
		if !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: got %v, want ErrKey", name, err)
		} else if strings.Contains(err.Error(), jwk["d"]) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
}

func TestPrivateKeysNeverPrint(t *testing.T) {
	key, err := jose.ParsePrivate([]byte(a3Private))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", key, "in", struct{ K *jose.PrivateKey }{key})
	text := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text += fmt.Sprintf(verb, key) + fmt.Sprintf(verb, []*jose.PrivateKey{key})
	}
	if !strings.Contains(text, "•••") || strings.Contains(text, "jpsQ") || strings.Contains(text, "8e9b109e") || len(text) > 400 {
		t.Errorf("the key shows in %s", text)
	}
}

func TestHeadersOfManyTypesAreAllRight(t *testing.T) {
	key := generate(t, jose.EdDSA)
	for i := range 200 { // more than are cached
		typ := fmt.Sprintf("type+%d\"", i)
		for range 2 {
			if v, err := check(sign(t, key, typ, []byte(`{}`)), key.Public()); err != nil || v.Header.Typ != typ {
				t.Errorf("%q: got %q, %v", typ, v.Header.Typ, err)
			}
		}
	}
}
