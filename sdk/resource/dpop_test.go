package resource_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// bound is a token that is bound to a key of its own.
func bound(t testing.TB, f *forge, key, holder *servertest.Prover) string {
	t.Helper()
	return sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"jkt": holder.JKT(t)}}))
}

// RFC 9449, Sections 4.3 and 7.1.
//
// Requirement: mw-dpop
func TestAProofIsForOneRequestOfTheHolderOfTheKey(t *testing.T) {
	f, key, other := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	const at = api + "/things/1"
	now := time.Now().Unix()
	for _, alg := range []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"} {
		holder := servertest.NewProverFor(t, alg)
		token := bound(t, f, key, holder)
		header := map[string]any{"alg": alg}
		proof := holder.Sign(t, header, holder.Claims(http.MethodGet, at, map[string]any{"ath": ath(token)}))
		if got := refusal(t, s, resource.Presented{Scheme: "dpop", Token: token, Method: http.MethodGet, URL: at, DPoP: []string{proof}}); got != nil {
			t.Errorf("%s: %v", alg, got)
		}
	}
	holder := servertest.NewProver(t)
	token := bound(t, f, key, holder)
	whole := holder.ResourceProof(t, "GET", at, token, nil)
	private := holder.JWK(t)
	private["d"] = private["x"]
	for _, tt := range []struct {
		name  string
		proof []string
		code  string // empty: it passes
	}{
		{"good", proofs(holder.ResourceProof(t, "GET", at, token, nil)), ""},
		{"an origin in capitals", proofs(holder.ResourceProof(t, "GET", "HTTPS://API.example:443/things/1", token, nil)), ""},
		{"a query", proofs(holder.ResourceProof(t, "GET", at+"?a=b#c", token, nil)), ""},
		{"escapes and dots", proofs(holder.ResourceProof(t, "GET", api+"/x/../%74hings/./1", token, nil)), ""},
		{"half a minute old", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"iat": now - 30})), ""},
		{"a fraction of a second", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"iat": float64(now) + 0.5})), ""},
		{"none", nil, resource.InvalidDPoPProof},
		{"two", proofs(holder.ResourceProof(t, "GET", at, token, nil), holder.ResourceProof(t, "GET", at, token, nil)), resource.InvalidDPoPProof},
		{"another method", proofs(holder.ResourceProof(t, "POST", at, token, nil)), resource.InvalidDPoPProof},
		{"a method in small letters", proofs(holder.ResourceProof(t, "get", at, token, nil)), resource.InvalidDPoPProof},
		{"another path", proofs(holder.ResourceProof(t, "GET", api+"/things/2", token, nil)), resource.InvalidDPoPProof},
		{"another host", proofs(holder.ResourceProof(t, "GET", "https://evil.example/things/1", token, nil)), resource.InvalidDPoPProof},
		{"another scheme", proofs(holder.ResourceProof(t, "GET", "http://api.example/things/1", token, nil)), resource.InvalidDPoPProof},
		{"a path alone", proofs(holder.ResourceProof(t, "GET", "/things/1", token, nil)), resource.InvalidDPoPProof},
		{"another token", proofs(holder.ResourceProof(t, "GET", at, token+"x", nil)), resource.InvalidDPoPProof},
		{"no token", proofs(holder.Proof(t, "GET", at, nil)), resource.InvalidDPoPProof},
		{"too old", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"iat": now - 90})), resource.InvalidDPoPProof},
		{"from the future", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"iat": now + 30})), resource.InvalidDPoPProof},
		{"no iat", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"iat": nil})), resource.InvalidDPoPProof},
		{"no jti", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"jti": nil})), resource.InvalidDPoPProof},
		{"a long jti", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"jti": strings.Repeat("j", 600)})), resource.InvalidDPoPProof},
		{"no htm", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"htm": nil})), resource.InvalidDPoPProof},
		{"no htu", proofs(holder.ResourceProof(t, "GET", at, token, map[string]any{"htu": nil})), resource.InvalidDPoPProof},
		{"another key", proofs(other.ResourceProof(t, "GET", at, token, nil)), resource.InvalidToken},
		{"a key that is not the signer's", proofs(other.Sign(t, map[string]any{"jwk": holder.JWK(t)}, other.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"a private key", proofs(holder.Sign(t, map[string]any{"jwk": private}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"no key", proofs(holder.Sign(t, map[string]any{"jwk": nil}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"another type", proofs(holder.Sign(t, map[string]any{"typ": "JWT"}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"none as algorithm", proofs(holder.Sign(t, map[string]any{"alg": "none"}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"the algorithm of another key", proofs(holder.Sign(t, map[string]any{"alg": "EdDSA"}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"critical", proofs(holder.Sign(t, map[string]any{"crit": []string{"x"}, "x": 1}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"claims that are none", proofs(holder.SignText(t, nil, []byte("[]"))), resource.InvalidDPoPProof},
		{"a claim twice", proofs(holder.SignText(t, nil, []byte(`{"jti":"a","jti":"b"}`))), resource.InvalidDPoPProof},
		{"text", proofs("hello"), resource.InvalidDPoPProof},
		{"a broken signature", proofs(whole[:len(whole)-6] + "AAAAAA"), resource.InvalidDPoPProof},
		{"more members than a header has", proofs(holder.Sign(t, many(65), holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"more bytes than a header has", proofs(holder.Sign(t, map[string]any{"x": strings.Repeat("x", 3000)}, holder.Claims("GET", at, map[string]any{"ath": ath(token)}))), resource.InvalidDPoPProof},
		{"too long", proofs(whole + strings.Repeat("A", 9<<10)), resource.InvalidDPoPProof},
	} {
		got := refusal(t, s, resource.Presented{Scheme: "DPoP", Token: token, Method: "GET", URL: at, DPoP: tt.proof})
		switch {
		case tt.code == "" && got != nil, tt.code != "" && got == nil:
			t.Errorf("%s: %v", tt.name, got)
		case got != nil && (got.Challenge.Error != tt.code || got.Challenge.Scheme != "DPoP" || len(got.Challenge.Algs) == 0 || got.Status() != 401):
			t.Errorf("%s: %+v", tt.name, got.Challenge)
		}
	}
}

func proofs(all ...string) []string { return all }

// ath is the claim of that name.
func ath(token string) string { return hash(token) }

// RFC 9449, Section 11.1.
//
// Requirement: mw-dpop
func TestAProofIsUsedOnceHoweverManyComeAtOnce(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	token := bound(t, f, key, holder)
	p := resource.Presented{Scheme: "DPoP", Token: token, Method: "GET", URL: api, DPoP: []string{holder.ResourceProof(t, "GET", api, token, nil)}}
	var passed, used int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			got := refusal(t, s, p)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case got == nil:
				passed++
			case got.Challenge.Description == "the DPoP proof was used before":
				used++
			}
		})
	}
	all.Wait()
	if passed != 1 || used != 15 {
		t.Errorf("%d passed, %d were told that it was used", passed, used)
	}
}

// RFC 9449, Section 7.2.
//
// Requirement: mw-dpop
func TestSchemeAndBindingGoTogether(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	strict := f.unrevocable(t, func(c *resource.Config) { c.Metadata.DPoPRequired = true })
	with, without := bound(t, f, key, holder), sign(t, key, "k1", nil, f.claims(nil))
	for _, tt := range []struct {
		name, scheme, token, want string
		s                         *resource.Server
	}{
		{"a bound token as Bearer", "Bearer", with, "the token is bound to a key, so its scheme is DPoP", s},
		{"a bearer token as DPoP", "DPoP", without, "the token is not bound to a key, so its scheme is Bearer", s},
		{"a bearer token where DPoP is required", "Bearer", without, "the token must be bound to a key", strict},
	} {
		proof := holder.ResourceProof(t, "GET", api, tt.token, nil)
		got := refusal(t, tt.s, resource.Presented{Scheme: tt.scheme, Token: tt.token, Method: "GET", URL: api, DPoP: []string{proof}})
		checkRefusal(t, tt.name, got, resource.InvalidToken, tt.want)
		if got != nil && got.Challenge.Scheme != "DPoP" {
			t.Errorf("%s: %+v", tt.name, got.Challenge)
		}
	}
}

// RFC 9449, Section 9.
//
// Requirement: mw-dpop-nonce
func TestANonceOfTheAPIIsAskedForAndTakenByAllItsProcesses(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	clock := &servertest.Clock{}
	with := func(c *resource.Config) { c.NonceKey, c.Now = []byte(strings.Repeat("k", 32)), clock.Now }
	one, two := f.unrevocable(t, with), f.unrevocable(t, with)
	token := sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"jkt": holder.JKT(t)}, "exp": time.Now().Unix() + 3600}))
	present := func(nonce any, iat int64) resource.Presented {
		proof := holder.ResourceProof(t, "GET", api, token, map[string]any{"nonce": nonce, "iat": iat})
		return resource.Presented{Scheme: "DPoP", Token: token, Method: "GET", URL: api, DPoP: []string{proof}}
	}
	got := refusal(t, one, present(nil, 0))
	if got == nil || got.Challenge.Error != resource.UseDPoPNonce || got.Nonce == "" || got.Status() != 401 {
		t.Fatalf("%v", got)
	}
	nonce := got.Nonce
	if got := refusal(t, two, present(nonce, 0)); got != nil { // the nonce is the clock
		t.Errorf("the other process: %v", got)
	}
	for _, bad := range []any{"x", nonce + "A", "B" + nonce[1:], strings.Repeat("A", 32), strings.Repeat("A", 1000)} {
		if got := refusal(t, one, present(bad, 0)); got == nil || got.Challenge.Error != resource.UseDPoPNonce {
			t.Errorf("%v: %v", bad, got)
		}
	}
	clock.Turn(4 * time.Minute)
	if got := refusal(t, one, present(nonce, 0)); got == nil || got.Challenge.Error != resource.UseDPoPNonce || got.Nonce == nonce {
		t.Errorf("after its time: %v", got)
	}
}

// RFC 8705, Section 3.
//
// Requirement: mw-mtls
func TestACertificateBoundTokenNeedsItsCertificateInThisConnection(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	own, other := servertest.SelfSigned(t, nil), servertest.SelfSigned(t, nil)
	token := sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"x5t#S256": hash(string(own.Leaf.Raw))}}))
	s := f.unrevocable(t, nil)
	for _, tt := range []struct {
		name  string
		shown *x509.Certificate
		want  string
	}{
		{"its own", own.Leaf, ""},
		{"another", other.Leaf, "the token is bound to another certificate than that of the connection"},
		{"none", nil, "the token is bound to a certificate, and the connection shows none"},
	} {
		p := bearer(token)
		p.Certificate = tt.shown
		checkRefusal(t, tt.name, refusal(t, s, p), resource.InvalidToken, tt.want)
	}
}

// RFC 9440, Sections 2.2 and 4.
//
// Requirement: mw-mtls-proxy
func TestACertificateInAHeaderCountsFromTrustedProxiesAlone(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	own := servertest.SelfSigned(t, nil)
	token := sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"x5t#S256": hash(string(own.Leaf.Raw))}}))
	behind := f.unrevocable(t, func(c *resource.Config) {
		c.CertificateHeader, c.TrustedProxies = "Client-Cert", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	direct := f.unrevocable(t, nil)
	bytes := ":" + base64.StdEncoding.EncodeToString(own.Leaf.Raw) + ":"
	text := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Leaf.Raw})))
	for _, tt := range []struct {
		name, remote string
		values       []string
		s            *resource.Server
		want         int
	}{
		{"as bytes", "10.1.2.3:4", []string{bytes}, behind, 200},
		{"as PEM", "10.1.2.3:4", []string{text}, behind, 200},
		{"from the proxy in IPv6 clothes", "[::ffff:10.1.2.3]:4", []string{bytes}, behind, 200},
		{"from a stranger", "192.0.2.1:4", []string{bytes}, behind, 401},
		{"twice", "10.1.2.3:4", []string{bytes, bytes}, behind, 401},
		{"none", "10.1.2.3:4", nil, behind, 401},
		{"not closed", "10.1.2.3:4", []string{bytes[:len(bytes)-1]}, behind, 401},
		{"no certificate", "10.1.2.3:4", []string{":AAAA:"}, behind, 401},
		{"text", "10.1.2.3:4", []string{"hello%"}, behind, 401},
		{"where none is configured", "10.1.2.3:4", []string{bytes}, direct, 401},
	} {
		r := httptest.NewRequest(http.MethodGet, api, nil)
		r.RemoteAddr = tt.remote
		r.Header.Set("Authorization", "Bearer "+token)
		for _, v := range tt.values {
			r.Header.Add("Client-Cert", v)
		}
		w := httptest.NewRecorder()
		tt.s.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// Requirement: mw-dpop
func TestProofsAreForgottenAndStayBounded(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	clock := &servertest.Clock{}
	s := f.unrevocable(t, func(c *resource.Config) { c.Now = clock.Now })
	token := sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"jkt": holder.JKT(t)}, "exp": time.Now().Unix() + 3600}))
	use := func(iat int64, jti string) {
		t.Helper()
		proof := holder.ResourceProof(t, "GET", api, token, map[string]any{"iat": iat, "jti": jti})
		if got := refusal(t, s, resource.Presented{Scheme: "DPoP", Token: token, Method: "GET", URL: api, DPoP: []string{proof}}); got != nil {
			t.Fatal(got)
		}
	}
	for i := range 20 {
		use(clock.Now().Unix(), fmt.Sprint(i))
	}
	if got := s.Proofs(); got != 20 {
		t.Errorf("%d are remembered", got)
	}
	clock.Turn(10 * time.Minute)
	use(clock.Now().Unix(), "later")
	if got := s.Proofs(); got != 1 {
		t.Errorf("%d are remembered after their time", got)
	}
}

// Requirement: mw-dpop
func TestAClientThatSendsTooManyProofsStopsNobodyElse(t *testing.T) {
	f, key, greedy, other := newForge(t), servertest.NewProver(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	clock := &servertest.Clock{}
	s := f.unrevocable(t, func(c *resource.Config) { c.Now = clock.Now })
	h := s.Require(echo)
	send := func(holder *servertest.Prover) *httptest.ResponseRecorder {
		token := sign(t, key, "k1", nil, f.claims(map[string]any{"cnf": map[string]any{"jkt": holder.JKT(t)}, "exp": time.Now().Unix() + 3600}))
		return ask(h, "GET", "/", nil, "Authorization", "DPoP "+token, "DPoP", holder.ResourceProof(t, "GET", api+"/", token, map[string]any{"iat": clock.Now().Unix()}))
	}
	servertest.Check(t, s.SpendProofs(greedy.JKT(t), resource.MaxOfKey))
	if w := send(greedy); w.Code != 429 || w.Header().Get("Retry-After") != "5" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("one proof too many: %d %v", w.Code, w.Header())
	}
	if w := send(other); w.Code != 200 {
		t.Errorf("somebody else: %d %v", w.Code, w.Header())
	}
	if got := s.KeysWithProofs(); got != 2 {
		t.Errorf("%d keys", got)
	}
	clock.Turn(10 * time.Minute)
	if w := send(greedy); w.Code != 200 || s.Proofs() != 1 || s.KeysWithProofs() != 1 {
		t.Errorf("after their time: %d, %d proofs of %d keys", w.Code, s.Proofs(), s.KeysWithProofs())
	}
}

// RFC 9449, Section 4.3, number 9; RFC 9112, Section 3.2.
//
// Requirement: mw-dpop
func TestAProofIsForTheTargetThatTheClientNamed(t *testing.T) {
	f, key, holder := newForge(t), servertest.NewProver(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	h := http.StripPrefix("/v1", f.unrevocable(t, nil).Require(echo))
	token := bound(t, f, key, holder)
	for _, tt := range []struct {
		target, htu string
		want        int
	}{
		{"/v1/x", "/v1/x", 200},
		{"/v1/x?a=b", "/v1/x", 200},
		{"/v1/x", "/x", 401},
		{"/v1/a%2Fb", "/v1/a%2fb", 200},
		{"/v1/a%2Fb", "/v1/a/b", 401},
		{"http://elsewhere.example/v1/x", "/v1/x", 200}, // absolute-form: a proxy's
		{"http://elsewhere.example/v1/x", "/", 401},
		{"http://elsewhere.example/v1/x", "/x", 401},
		{"*", "/v1/x", 401},
		{"elsewhere.example:443", "/v1/x", 401},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/x", nil)
		if u, err := url.ParseRequestURI(tt.target); err == nil && strings.Contains(tt.target, "/") {
			r.URL = u
		}
		r.RequestURI = tt.target
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", holder.ResourceProof(t, "GET", api+tt.htu, token, nil))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s with a proof for %s: %d %s", tt.target, tt.htu, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}
