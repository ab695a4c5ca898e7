package jose_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// Requirement: keys-jws-strict, keys-alg-from-record
func TestPeekTakesOneFormOfCompactJWS(t *testing.T) {
	const key = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	header, claims, sig := b64(`{"alg":"ES256"}`), b64(`{"iss":"joe"}`), a3Sig
	with := func(h string) string { return b64(h) + "." + claims + "." + sig }
	tests := []struct {
		name, token string
		want        error
	}{
		{"plain", header + "." + claims + "." + sig, nil},
		{"every known member", with(`{"typ":"JWT","kid":"a","alg":"ES256","cty":"x"}`), nil},
		{"escaped member name", with(`{"\u0061lg":"ES256"}`), nil},
		{"white space", with("{ \"alg\" :\t\"ES256\"\r\n}"), nil},

		{"empty", "", jose.ErrMalformed},
		{"one part", header, jose.ErrMalformed},
		{"two parts", header + "." + claims, jose.ErrMalformed},
		{"four parts", header + "." + claims + "." + sig + "." + sig, jose.ErrMalformed},
		{"trailing dot", header + "." + claims + "." + sig + ".", jose.ErrMalformed},
		{"JWE", header + "." + claims + "." + sig + "." + sig + "." + sig, jose.ErrMalformed},
		{"no header", "." + claims + "." + sig, jose.ErrMalformed},
		{"no payload", header + ".." + sig, jose.ErrMalformed},
		{"no signature", header + "." + claims + ".", jose.ErrMalformed},
		{"JSON serialization", `{"payload":"` + claims + `"}`, jose.ErrMalformed},
		{"trailing data", header + "." + claims + "." + sig + " ", jose.ErrMalformed},
		{"leading data", " " + header + "." + claims + "." + sig, jose.ErrMalformed},
		{"line end inside", header + "." + claims + "." + sig[:5] + "\n" + sig[5:], jose.ErrMalformed},
		{"carriage return at the end", header + "." + claims + "." + sig + "\r", jose.ErrMalformed},
		{"padding", header + "." + claims + "." + sig + "==", jose.ErrMalformed},
		{"standard alphabet", header + "." + claims + "." + strings.NewReplacer("-", "+", "_", "/").Replace(sig), jose.ErrMalformed},
		{"spare bits in the last character", header + "." + claims + "." + sig[:len(sig)-1] + "R", jose.ErrMalformed},
		{"spare bits in the header", "eyJhbGciOiJFUzI1NiJ-" + "." + claims + "." + sig, jose.ErrMalformed},
		{"too long", header + "." + claims + "." + strings.Repeat("A", 16<<10), jose.ErrMalformed},

		{"alg none", with(`{"alg":"none"}`), jose.ErrAlgorithm},
		{"alg None", with(`{"alg":"None"}`), jose.ErrAlgorithm},
		{"alg HS256", with(`{"alg":"HS256"}`), jose.ErrAlgorithm},
		{"alg ES384", with(`{"alg":"ES384"}`), jose.ErrAlgorithm},
		{"alg es256", with(`{"alg":"es256"}`), jose.ErrAlgorithm},
		{"alg empty", with(`{"alg":""}`), jose.ErrAlgorithm},
		{"no alg", with(`{"kid":"a"}`), jose.ErrMalformed},
		{"alg null", with(`{"alg":null}`), jose.ErrMalformed},
		{"alg a list", with(`{"alg":["ES256"]}`), jose.ErrMalformed},
		{"Alg alone", with(`{"Alg":"ES256"}`), jose.ErrMalformed},
		{"alg and Alg", with(`{"alg":"ES256","Alg":"none"}`), jose.ErrMalformed},
		{"alg twice", with(`{"alg":"ES256","alg":"ES256"}`), jose.ErrMalformed},
		{"alg twice, once escaped", with(`{"alg":"ES256","\u0061lg":"none"}`), jose.ErrMalformed},
		{"kid and Kelvin sign kid", with("{\"alg\":\"ES256\",\"kid\":\"a\",\"\u212aid\":\"b\"}"), jose.ErrMalformed},
		{"kid a number", with(`{"alg":"ES256","kid":1}`), jose.ErrMalformed},
		{"crit", with(`{"alg":"ES256","crit":["exp"],"exp":1}`), jose.ErrMalformed},
		{"crit empty", with(`{"alg":"ES256","crit":[]}`), jose.ErrMalformed},
		{"b64", with(`{"alg":"ES256","b64":false}`), jose.ErrMalformed},
		{"jku", with(`{"alg":"ES256","jku":"https://x.example/"}`), jose.ErrMalformed},
		{"x5c", with(`{"alg":"ES256","x5c":[]}`), jose.ErrMalformed},
		{"zip", with(`{"alg":"ES256","zip":"DEF"}`), jose.ErrMalformed},
		{"jwk where none is allowed", with(`{"alg":"EdDSA","jwk":` + key + `}`), jose.ErrMalformed},
		{"header not an object", with(`["ES256"]`), jose.ErrMalformed},
		{"header with data after it", with(`{"alg":"ES256"}{}`), jose.ErrMalformed},
		{"header not UTF-8", with("{\"alg\":\"ES256\",\"kid\":\"\xff\"}"), jose.ErrMalformed},
		{"header cut", with(`{"alg":"ES256"`), jose.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := jose.Peek(tt.token); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func deep(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }

func lists(n int) string {
	return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
}

// many is an object with the names x, xx, ... of up to 100 letters, and one more.
func many(last string) string {
	var s strings.Builder
	for i := range 100 {
		s.WriteString(`"` + strings.Repeat("x", i+1) + `":0,`)
	}
	return "{" + s.String() + `"` + last + `":0}`
}

// Requirement: keys-jws-strict
func TestClaimsAreAnObjectWithOneReading(t *testing.T) {
	tests := []struct {
		name, claims string
		ok           bool
	}{
		{"empty object", `{}`, true},
		{"all kinds of value", `{"a":[1,-0.5e+3,true,false,null,"\ud83d\ude00\n\"",{}],"b":[]}`, true},
		{"eight deep", deep(8), true},
		{"nine deep", deep(9), false},
		{"eight deep in lists", lists(8), true},
		{"nine deep in lists", lists(9), false},
		{"siblings are not depth", `{"a":[[],[],[],[],[],[],[],[],[],[]]}`, true},
		{"many names", many("y"), true},
		{"a twin among many names", many("xxx"), false},
		{"a late twin among many names", many(strings.Repeat("x", 99)), false},
		{"a late twin in another case", many(strings.Repeat("X", 99)), false},
		{"one name in two objects", `{"a":{"a":1},"b":{"a":1}}`, true},

		{"not an object", `"joe"`, false},
		{"a list", `[]`, false},
		{"nothing", ` `, false},
		{"two objects", `{}{}`, false},
		{"data after it", `{} x`, false},
		{"byte order mark", "\xef\xbb\xbf{}", false},
		{"twins", `{"sub":"a","sub":"b"}`, false},
		{"twins inside", `{"a":{"b":1,"b":2}}`, false},
		{"twins in a list", `{"a":[{"b":1,"b":2}]}`, false},
		{"twins in two cases", `{"sub":"a","Sub":"b"}`, false},
		{"twins by Unicode folding", "{\"sub\":1,\"\u017fub\":2}", false},
		{"a registered claim in another case", `{"ISS":"joe"}`, false},
		{"a registered claim by Unicode folding", "{\"i\u017fs\":\"joe\"}", false},
		{"an unregistered claim in capitals", `{"Department":"x"}`, true},
		{"a registered name inside", `{"a":{"ISS":1}}`, true},
		{"not UTF-8", "{\"a\":\"\xc3\"}", false},
		{"lone high surrogate", `{"a":"\ud800"}`, false},
		{"lone low surrogate", `{"a":"\udc00"}`, false},
		{"two high surrogates", `{"a":"\ud800\ud800"}`, false},
		{"high surrogate and text", `{"a":"\ud800x"}`, false},
		{"bad escape", `{"a":"\x"}`, false},
		{"short escape", `{"a":"\u12"}`, false},
		{"escape at the end", `{"a":"\`, false},
		{"control character", "{\"a\":\"\x01\"}", false},
		{"open string", `{"a":"`, false},
		{"leading zero", `{"a":01}`, false},
		{"plus sign", `{"a":+1}`, false},
		{"point without digits", `{"a":1.}`, false},
		{"exponent without digits", `{"a":1e}`, false},
		{"minus alone", `{"a":-}`, false},
		{"NaN", `{"a":NaN}`, false},
		{"word cut", `{"a":tru}`, false},
		{"trailing comma", `{"a":1,}`, false},
		{"trailing comma in a list", `{"a":[1,]}`, false},
		{"missing comma", `{"a":1 "b":2}`, false},
		{"missing colon", `{"a" 1}`, false},
		{"missing value", `{"a":}`, false},
		{"unquoted name", `{a:1}`, false},
		{"single quotes", `{'a':1}`, false},
		{"comment", `{"a":1/**/}`, false},
		{"wrong bracket", `{"a":[1}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := jose.Peek(a3Header + "." + b64(tt.claims) + "." + a3Sig)
			if tt.ok && (err != nil || string(u.Claims()) != tt.claims) {
				t.Errorf("got %q, %v", u.Claims(), err)
			}
			if !tt.ok && !errors.Is(err, jose.ErrMalformed) {
				t.Errorf("got %v, want ErrMalformed", err)
			}
		})
	}
}

func TestPeekReturnsTheHeaderDecoded(t *testing.T) {
	u, err := jose.Peek(b64(`{"alg":"EdDSA","kid":"k\u0069d/1","typ":"dpop+jwt"}`) + "." + b64(`{}`) + "." + a3Sig)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Header(), (jose.Header{Alg: jose.EdDSA, KID: "kid/1", Typ: "dpop+jwt"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestErrorsRepeatNothingOfTheToken(t *testing.T) {
	for _, token := range []string{
		b64(`{"alg":"canary"}`) + "." + b64(`{}`) + "." + a3Sig,
		b64(`{"alg":"ES256","canary":1}`) + "." + b64(`{}`) + "." + a3Sig,
		a3Header + "." + b64(`{"canary":1,"canary":2}`) + "." + a3Sig,
		a3Header + ".canary." + a3Sig,
	} {
		if _, err := jose.Peek(token); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v", err)
		}
	}
}

// What names the certificate of a key brings no key and no address of one: such
// a header verifies as the same token without it would, with the reader's own
// key. What does bring one stays refused.
//
// Requirement: jwt-bearer-workloads, keys-jws-strict
func TestTokensOfOthersMayNameACertificateAndNothingElse(t *testing.T) {
	with := func(h string) string { return b64(h) + "." + b64(`{"iss":"joe"}`) + "." + a3Sig }
	for member, want := range map[string]error{
		`"x5t":"eBZ_cn3sXYAd0ch4THBKHIgOwOE"`:            nil,
		`"x5t#S256":"eBZ_cn3sXYAd0ch4THBKHIgOwOE"`:       nil,
		`"x5t":"a","x5t#S256":"b","typ":"JWT","kid":"c"`: nil,
		`"x5t":1`:                    jose.ErrMalformed,
		`"x5t":null`:                 jose.ErrMalformed,
		`"x5t":"a","x5t":"a"`:        jose.ErrMalformed,
		`"X5T":"a"`:                  jose.ErrMalformed,
		`"x5u":"https://x.example/"`: jose.ErrMalformed,
		`"x5c":["MIIB"]`:             jose.ErrMalformed,
		`"jku":"https://x.example/"`: jose.ErrMalformed,
		`"jwk":` + a3Key:             jose.ErrMalformed,
		`"crit":["x5t"],"x5t":"a"`:   jose.ErrMalformed,
		`"b64":false`:                jose.ErrMalformed,
		`"x5t":"a","enc":"A128GCM"`:  jose.ErrMalformed,
	} {
		token := with(`{"alg":"ES256",` + member + `}`)
		if _, err := jose.PeekForeign(token); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", member, err, want)
		}
		if _, err := jose.Peek(token); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s in a token of ours: got %v", member, err)
		}
	}
	if _, err := jose.PeekForeign(with(`{"alg":"none","x5t":"a"}`)); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("alg none: got %v", err)
	}
}
