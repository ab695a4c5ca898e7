package oauth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// RFC 6901, Section 5, as far as objects go.
//
// Requirement: jwt-bearer-trusted
func TestRulesFindClaimsWhereverTheyAre(t *testing.T) {
	claims, err := claimTree([]byte(`{"a":"1","a/b":"2","m~n":"3","":"4","kubernetes.io":{"ns":"5","":"6","~1":"7"},
		"n":12345678901234567890,"f":1.50,"t":true,"no":false,"null":null,"list":["8"],"object":{},"/x":"9"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "1", "a/b": "2", "/a~1b": "2", "/m~0n": "3", "m~n": "3", "/": "4", "/kubernetes.io/ns": "5", "/kubernetes.io/": "6",
		"/kubernetes.io/~01": "7", "n": "12345678901234567890", "f": "1.50", "t": "true", "/no": "false",
	} {
		if got, ok := claimText(claims, name); !ok || got != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"A", "b", "/a/b", "kubernetes.io", "kubernetes.io/ns", "/kubernetes.io/ns/x", "null", "list", "/list/0", "object", "/x", ""} {
		if got, ok := claimText(claims, name); ok && name != "" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// Requirement: jwt-bearer-trusted
func TestSubjectsMatchExactlyOrByPrefix(t *testing.T) {
	for _, tt := range []struct {
		pattern, sub string
		want         bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"a", "A", false}, {"a*", "ab", true}, {"a*", "a", true}, {"a*", "b", false},
		{"*", "a", true}, {"*", "", false}, {"", "", false}, {"", "a", false}, {"a*b", "a*b", true}, {"a*b", "axb", false},
		{"a**", "a*x", true}, {"a**", "ax", false},
	} {
		if got := subjectMatches(tt.pattern, tt.sub); got != tt.want {
			t.Errorf("%q, %q: got %v", tt.pattern, tt.sub, got)
		}
	}
}

// The algorithm is that of the key's record and of the issuer's; a token without
// kid is for an issuer with one key that fits.
//
// Requirement: keys-alg-from-record, jwt-bearer-trusted
func TestAKeyOfAnIssuerIsTheOneThatIsMeant(t *testing.T) {
	set := func(members ...string) *model.TrustedIssuer {
		return &model.TrustedIssuer{Issuer: "https://a.example", JWKS: json.RawMessage(`{"keys":[` + strings.Join(members, ",") + `]}`)}
	}
	key := func(alg jose.Alg, drop string) (text, kid string) {
		k, err := jose.Generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(string(k.Public().JSON()), drop, "", 1), k.KID()
	}
	es1, kid1 := key(jose.ES256, "")
	es2, kid2 := key(jose.ES256, "")
	rs, kidRS := key(jose.RS256, `"alg":"RS256",`)
	fixed, kidFixed := key(jose.RS256, "")
	e := &Engine{inline: hub.NewCache(10, parseInline)}
	for _, tt := range []struct {
		name   string
		issuer *model.TrustedIssuer
		header jose.Header
		want   string // kid; empty: refused
	}{
		{"named", set(es1, es2), jose.Header{Alg: jose.ES256, KID: kid2}, kid2},
		{"not there", set(es1), jose.Header{Alg: jose.ES256, KID: kid2}, ""},
		{"one of its kind", set(es1, rs), jose.Header{Alg: jose.ES256}, kid1},
		{"two of a kind", set(es1, es2), jose.Header{Alg: jose.ES256}, ""},
		{"an RSA key that names no algorithm, PS256", set(rs), jose.Header{Alg: jose.PS256, KID: kidRS}, kidRS},
		{"the same, RS256", set(rs), jose.Header{Alg: jose.RS256, KID: kidRS}, kidRS},
		{"an RSA key for another algorithm", set(fixed), jose.Header{Alg: jose.PS256, KID: kidFixed}, ""},
		{"a key of another kind", set(es1), jose.Header{Alg: jose.RS256, KID: kid1}, ""},
		{"no set", &model.TrustedIssuer{Issuer: "https://a.example"}, jose.Header{Alg: jose.ES256, KID: kid1}, ""},
		{"an address that nobody reads", &model.TrustedIssuer{JWKSURI: "https://a.example/jwks"}, jose.Header{Alg: jose.ES256, KID: kid1}, ""},
	} {
		got, err := e.issuerKey(t.Context(), tt.issuer, tt.header)
		if tt.want == "" && !errors.Is(err, errAssertion) || tt.want != "" && (err != nil || got.KID() != tt.want || !got.Alg().Same(tt.header.Alg)) {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
	only := set(rs)
	only.Algs = []string{"ES256"}
	if _, err := e.issuerKey(t.Context(), only, jose.Header{Alg: jose.RS256, KID: kidRS}); !errors.Is(err, errAssertion) {
		t.Errorf("an algorithm that the issuer's record has not: %v", err)
	}
}
