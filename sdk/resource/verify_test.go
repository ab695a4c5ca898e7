package resource_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// refusal is what a token is refused with; nil if it is not.
func refusal(t testing.TB, s *resource.Server, p resource.Presented) *resource.Refusal {
	t.Helper()
	token, err := s.Verify(t.Context(), p)
	if err == nil {
		if token == nil {
			t.Fatal("no token and no error")
		}
		return nil
	}
	r, ok := errors.AsType[*resource.Refusal](err)
	if !ok || token != nil {
		t.Fatalf("%v %v", token, err)
	}
	return r
}

// RFC 9068, Sections 2.2 and 4.
//
// Requirement: mw-jwt
func TestOnlyAccessTokensOfTheIssuerForThisAPIInTheirTimePass(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	at := time.Now() // it stands still: rows are a few seconds apart from being good
	s := f.unrevocable(t, func(c *resource.Config) { c.Now = func() time.Time { return at } })
	now := at.Unix()
	for _, tt := range []struct {
		name   string
		claims map[string]any
		want   string // what is wrong; empty: it passes
	}{
		{"good", nil, ""},
		{"another issuer", map[string]any{"iss": f.url + "/"}, "the token is of another issuer"},
		{"another API", map[string]any{"aud": "https://other.example"}, "the token is for another API"},
		{"an API that begins alike", map[string]any{"aud": api + ".evil.example"}, "the token is for another API"},
		{"a path of the API", map[string]any{"aud": api + "/v1"}, "the token is for another API"},
		{"with the slash of an origin", map[string]any{"aud": api + "/"}, ""},
		{"for several", map[string]any{"aud": []string{"https://other.example", api}}, ""},
		{"for nobody", map[string]any{"aud": []string{}}, "the claims of the token are malformed"},
		{"expired within the leeway", map[string]any{"exp": now - 2}, ""},
		{"expired", map[string]any{"exp": now - 6}, "the token has expired"},
		{"issued ahead within the leeway", map[string]any{"iat": now + 3}, ""},
		{"issued ahead", map[string]any{"iat": now + 60}, "the token is from the future"},
		{"not yet", map[string]any{"nbf": now + 60}, "the token is from the future"},
		{"since a while", map[string]any{"nbf": now - 60}, ""},
		{"in fractions of seconds", map[string]any{"exp": float64(now) + 60.5}, ""},
		{"exp as text", map[string]any{"exp": fmt.Sprint(now + 60)}, "the claims of the token are malformed"},
		{"exp below 0", map[string]any{"exp": -1}, "the claims of the token are malformed"},
		{"exp beyond all", map[string]any{"exp": 1e300}, "the claims of the token are malformed"},
		{"no exp", map[string]any{"exp": nil}, "the claims of the token are malformed"},
		{"no iat", map[string]any{"iat": nil}, "the claims of the token are malformed"},
		{"no iss", map[string]any{"iss": nil}, "the claims of the token are malformed"},
		{"no aud", map[string]any{"aud": nil}, "the claims of the token are malformed"},
		{"no sub", map[string]any{"sub": nil}, "the claims of the token are malformed"},
		{"no client_id", map[string]any{"client_id": nil}, "the claims of the token are malformed"},
		{"no jti", map[string]any{"jti": nil}, "the claims of the token are malformed"},
		{"scope as a list", map[string]any{"scope": []string{"read"}}, "the claims of the token are malformed"},
		{"aud of numbers", map[string]any{"aud": []any{api, 1}}, "the claims of the token are malformed"},
		{"a binding of another kind", map[string]any{"cnf": map[string]any{"kid": "x"}}, "the claims of the token are malformed"},
		{"an empty binding", map[string]any{"cnf": map[string]any{}}, "the claims of the token are malformed"},
		{"a binding that is none", map[string]any{"cnf": "x"}, "the claims of the token are malformed"},
		{"an empty thumbprint", map[string]any{"cnf": map[string]any{"jkt": ""}}, "the claims of the token are malformed"},
	} {
		claims := override(f.claims(map[string]any{"iat": now, "exp": now + 300}), tt.claims)
		got := refusal(t, s, bearer(sign(t, key, "k1", nil, claims)))
		checkRefusal(t, tt.name, got, resource.InvalidToken, tt.want)
	}
}

// checkRefusal compares what a refusal says; an empty want is none at all.
func checkRefusal(t *testing.T, name string, got *resource.Refusal, code, want string) {
	t.Helper()
	switch {
	case got == nil && want == "":
	case got == nil:
		t.Errorf("%s: it passes, want %q", name, want)
	case got.Challenge.Error != code || got.Challenge.Description != want || got.RetryAfter != 0:
		t.Errorf("%s: %v, want %s: %q", name, got, code, want)
	}
}

// RFC 8725, Sections 3.1 and 3.11; RFC 9068, Section 4; RFC 7515, Section 4.1.11.
//
// Requirement: mw-jwt, mw-algorithms, mw-bounds
func TestAHeaderChangesNothingAboutHowATokenIsVerified(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	const malformed = "the header of the token is malformed"
	for _, tt := range []struct {
		name   string
		header map[string]any
		want   string
	}{
		{"good", nil, ""},
		{"the long name of the type", map[string]any{"typ": "application/at+jwt"}, ""},
		{"members that mean nothing", map[string]any{"x": 1, "jku": "https://evil.example"}, ""},
		{"an ID token", map[string]any{"typ": "JWT"}, "the token is no access token"},
		{"another case", map[string]any{"typ": "AT+JWT"}, "the token is no access token"},
		{"no type", map[string]any{"typ": nil}, "the token is no access token"},
		{"a type that is no text", map[string]any{"typ": 1}, malformed},
		{"critical", map[string]any{"crit": []string{"exp"}, "exp": 1}, malformed},
		{"nothing critical", map[string]any{"crit": []string{}}, malformed},
		{"b64", map[string]any{"b64": false}, malformed},
		{"more members than a header has", many(65), malformed},
		{"more bytes than a header has", map[string]any{"x": strings.Repeat("x", 800)}, "the header of the token is too long"},
		{"no kid", map[string]any{"kid": nil}, malformed},
		{"a long kid", map[string]any{"kid": strings.Repeat("k", 300)}, malformed},
		{"none", map[string]any{"alg": "none"}, malformed},
		{"no alg", map[string]any{"alg": nil}, malformed},
		{"HMAC", map[string]any{"alg": "HS256"}, "the algorithm of the token is not that of its key"},
		{"another curve", map[string]any{"alg": "ES384"}, "the algorithm of the token is not that of its key"},
		{"another case of alg", map[string]any{"alg": "es256"}, "the algorithm of the token is not that of its key"},
		{"Ed25519 for P-256", map[string]any{"alg": "Ed25519"}, "the algorithm of the token is not that of its key"},
	} {
		got := refusal(t, s, bearer(sign(t, key, "k1", tt.header, f.claims(nil))))
		checkRefusal(t, tt.name, got, resource.InvalidToken, tt.want)
	}
}

// many are members with short names.
func many(n int) map[string]any {
	m := map[string]any{}
	for i := range n {
		m[strconv.Itoa(i)] = 0
	}
	return m
}

// Requirement: mw-algorithms
func TestEachKeySignsWithItsOneAlgorithmAndAllowedOnesAlone(t *testing.T) {
	f := newForge(t)
	keys := map[string]*servertest.Prover{}
	for _, alg := range []string{"ES256", "EdDSA", "PS256", "RS256"} {
		keys[alg] = servertest.NewProverFor(t, alg)
		f.publish(t, alg, keys[alg], map[string]any{"alg": alg})
	}
	all, one := f.unrevocable(t, nil), f.unrevocable(t, func(c *resource.Config) { c.Algs = []string{"EdDSA"} })
	for signer, key := range keys {
		for kid := range keys {
			token := sign(t, key, kid, nil, f.claims(nil))
			if got := refusal(t, all, bearer(token)); (got == nil) != (signer == kid) {
				t.Errorf("signed with %s, named %s: %v", signer, kid, got)
			}
			if got := refusal(t, one, bearer(token)); (got == nil) != (signer == kid && signer == "EdDSA") {
				t.Errorf("only EdDSA: signed with %s, named %s: %v", signer, kid, got)
			}
		}
	}
	named := sign(t, keys["EdDSA"], "EdDSA", map[string]any{"alg": "Ed25519"}, f.claims(nil)) // RFC 9864
	if got := refusal(t, all, bearer(named)); got != nil {
		t.Error(got)
	}
	// An RSA key without an algorithm of its own is for RS256 alone.
	f2, rsa := newForge(t), keys["PS256"]
	f2.publish(t, "rsa", rsa, nil)
	if got := refusal(t, f2.unrevocable(t, nil), bearer(sign(t, rsa, "rsa", nil, f2.claims(nil)))); got == nil {
		t.Error("a PS256 signature passes under a key without alg")
	}
}

// RFC 7515, Section 2; RFC 8259.
//
// Requirement: mw-strict
func TestATokenHasOneSpelling(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	good := sign(t, key, "k1", nil, f.claims(nil))
	if got := refusal(t, s, bearer(good)); got != nil {
		t.Fatal(got)
	}
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"two segments": parts[0] + "." + parts[1], "four segments": good + ".x", "an empty signature": parts[0] + "." + parts[1] + ".",
		"an empty payload": parts[0] + ".." + parts[2], "no header": "." + parts[1] + "." + parts[2],
		"padding": good + "=", "a line end in the signature": parts[0] + "." + parts[1] + "." + parts[2][:5] + "\n" + parts[2][5:],
		"a line end in the payload": parts[0] + "." + parts[1][:5] + "\r\n" + parts[1][5:] + "." + parts[2],
		"the other alphabet":        strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+", "stray bits at the end": strayBits(good),
		"a space": good + " ", "nothing but dots": "..", "too long": good + strings.Repeat("A", 17<<10), "text": "hello", "an ID": "tok_x",
	} {
		got := refusal(t, s, bearer(token))
		if got == nil || got.Challenge.Error != resource.InvalidToken {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// strayBits changes the bits of the last character that mean nothing.
func strayBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

// Requirement: mw-strict
func TestClaimsThatStandTwiceAreRefusedAtEveryDepth(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	now := time.Now().Unix()
	base := fmt.Sprintf(`"iss":%q,"sub":"a","aud":%q,"client_id":"a","jti":"j","iat":%d,"exp":%d`, f.url, api, now, now+60)
	for _, tt := range []struct {
		name, claims string
		want         bool
	}{
		{"once", "{" + base + "}", true},
		{"white space", " { " + base + " }\n", true},
		{"unknown members", "{" + base + `,"x":{"a":[1,2.5e3,null,true,"é😀"]}}`, true},
		{"an escaped name", "{" + base + `,"\u0073cope":"read"}`, true},
		{"twice", "{" + base + `,"sub":"b"}`, false},
		{"twice, once escaped", "{" + base + `,"s\u0075b":"b"}`, false},
		{"twice, unknown", "{" + base + `,"x":1,"x":1}`, false},
		{"twice, deep", "{" + base + `,"act":{"sub":"a","sub":"b"}}`, false},
		{"twice, deeper", "{" + base + `,"authorization_details":[{"type":"t","a":{"b":1,"b":2}}]}`, false},
		{"something after it", "{" + base + "}{}", false},
		{"a comma too many", "{" + base + ",}", false},
		{"a number that is none", "{" + base + `,"x":01}`, false},
		{"bytes that are no UTF-8", "{" + base + ",\"x\":\"\xff\"}", false},
		{"half a character", "{" + base + `,"x":"\ud800"}`, false},
		{"a raw control character", "{" + base + ",\"x\":\"\n\"}", false},
		{"too deep", "{" + base + `,"x":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + "}", false},
		{"a list", "[" + base + "]", false},
		{"nothing", "", false},
		{"null", "null", false},
	} {
		token := key.SignText(t, map[string]any{"typ": "at+jwt", "kid": "k1", "jwk": nil}, []byte(tt.claims))
		if got := refusal(t, s, bearer(token)); (got == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// Requirement: mw-jwt
func TestATokenSaysWhatItsClaimsSay(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	now := time.Unix(time.Now().Unix(), 0)
	token := sign(t, key, "k1", nil, f.claims(map[string]any{"iat": now.Unix(), "exp": now.Unix() + 300, "jti": "j1", "aud": []string{api, "https://b.example"},
		"grant_id": "grt_1", "acr": "phr", "auth_time": now.Unix() - 60, "roles": []string{"admin", "öp\"s"}, "parents": []string{"tok_1", "app_1"},
		"authorization_details": []any{map[string]any{"type": "t", "n": 1}}, "act": map[string]any{"sub": "agt_1"},
		"approval": map[string]any{"id": "apr_1", "statement": "hash"}}))
	got, err := s.Verify(t.Context(), bearer(token))
	servertest.Check(t, err)
	want := &resource.Token{Issuer: f.url, Subject: "svc_1", ClientID: "svc_1", Audience: []string{api, "https://b.example"}, Scope: "read write", JTI: "j1",
		GrantID: "grt_1", IssuedAt: now, ExpiresAt: now.Add(5 * time.Minute), AuthTime: now.Add(-time.Minute), ACR: "phr", Roles: []string{"admin", "öp\"s"},
		Parents: []string{"tok_1", "app_1"}, Approval: &resource.Approved{ID: "apr_1", Statement: "hash"}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(resource.Token{}), cmpopts.IgnoreFields(resource.Token{}, "Claims", "Details", "Act")); diff != "" {
		t.Error(diff)
	}
	if len(got.Details) != 1 || string(got.Details[0]) != `{"n":1,"type":"t"}` || string(got.Act) != `{"sub":"agt_1"}` || !strings.Contains(string(got.Claims), `"grant_id":"grt_1"`) {
		t.Errorf("%s %s %s", got.Details, got.Act, got.Claims)
	}
	for scope, has := range map[string]bool{"read": true, "write": true, "rea": false, "readwrite": false, "": false, "read write": false} {
		if got.HasScope(scope) != has {
			t.Errorf("scope %q: %v", scope, !has)
		}
	}
	if !got.HasScope() || !got.HasScope("write", "read") || got.HasScope("read", "admin") {
		t.Error("several scopes")
	}
}

// Requirement: mw-opaque
func TestWithoutCredentialsNobodyKnowsWhatOpaqueTokensMean(t *testing.T) {
	f := newForge(t)
	f.publish(t, "k1", servertest.NewProver(t), nil)
	got := refusal(t, f.unrevocable(t, nil), bearer("at_"+hash("x")))
	checkRefusal(t, "opaque", got, resource.InvalidToken, "opaque tokens are not taken here")
}

// Requirement: mw-context
func TestTheTokenTravelsInTheContext(t *testing.T) {
	if resource.FromContext(context.Background()) != nil {
		t.Error("a token from nowhere")
	}
	token := &resource.Token{JTI: "j"}
	if got := resource.FromContext(resource.NewContext(context.Background(), token)); got != token {
		t.Error(got)
	}
}

// Requirement: mw-config
func TestAConfigurationThatCannotWorkIsRefusedAtOnce(t *testing.T) {
	good := resource.Config{Issuer: "https://id.example", Resource: api, Unrevocable: true}
	for name, change := range map[string]func(*resource.Config){
		"no issuer":              func(c *resource.Config) { c.Issuer = "" },
		"plain http":             func(c *resource.Config) { c.Issuer = "http://id.example" },
		"a slash after issuer":   func(c *resource.Config) { c.Issuer += "/" },
		"no resource":            func(c *resource.Config) { c.Resource = "" },
		"no credentials":         func(c *resource.Config) { c.Unrevocable = false },
		"credentials for naught": func(c *resource.Config) { c.ClientID = "svc_1" },
		"half of them":           func(c *resource.Config) { c.Unrevocable, c.ClientID = false, "svc_1" },
		"both kinds": func(c *resource.Config) {
			c.Unrevocable, c.ClientID, c.ClientSecret, c.Key = false, "svc_1", "x", []byte("{}")
		},
		"a key that is none": func(c *resource.Config) { c.Unrevocable, c.ClientID, c.Key = false, "svc_1", []byte("{}") },
		"unknown algorithm":  func(c *resource.Config) { c.Algs = []string{"HS256"} },
		"impatience":         func(c *resource.Config) { c.MaxStale = time.Second },
		"too much leeway":    func(c *resource.Config) { c.Leeway = time.Hour },
		"leeway below 0":     func(c *resource.Config) { c.Leeway = -1 },
		"another end":        func(c *resource.Config) { c.Lost = 7 },
		"another format":     func(c *resource.Config) { c.TokenFormat = 7 },
		"a short nonce key":  func(c *resource.Config) { c.NonceKey = []byte("short") },
		"a header for all":   func(c *resource.Config) { c.CertificateHeader = "Client-Cert" },
		"a base with a path": func(c *resource.Config) { c.BaseURL = "https://api.example/v1" },
	} {
		cfg := good
		change(&cfg)
		if s, err := resource.New(t.Context(), cfg); err == nil {
			s.Close()
			t.Errorf("%s: taken", name)
		}
	}
}
