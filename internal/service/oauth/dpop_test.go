package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/oauth"
)

// onces is a store that knows what was used. That the database decides as it
// does is for the store's own tests.
type onces struct {
	oauth.Store
	mu   sync.Mutex
	used map[model.Once]bool
	last model.Once
}

func (o *onces) Consume(_ context.Context, once model.Once) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = once
	once.Until = 0
	first := !o.used[once]
	o.used[once] = true
	return first, nil
}

// A checker is an engine that is asked about proofs for POST
// https://server.example.com/token.
type checker struct {
	*oauth.Engine
	store  *onces
	site   *model.Site
	client *model.Client
	now    time.Time
	at     oauth.Request
}

const tokenURL = "https://server.example.com/token"

func newChecker(t testing.TB) *checker {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateKey())
	servertest.Check(t, err)
	c := &checker{store: &onces{used: map[model.Once]bool{}}, now: time.Now(), client: &model.Client{},
		site: &model.Site{Issuer: "https://server.example.com", Realm: model.Realm{ID: "rlm_1"}},
		at:   oauth.Request{Method: "POST", Path: "/token"}}
	c.Engine = oauth.New(oauth.Config{Store: c.store, Keyring: ring, Now: func() time.Time { return c.now },
		MTLSBaseURL: "https://mtls.example.com:8443"})
	return c
}

// check brings proofs, each in a header of its own.
func (c *checker) check(t testing.TB, accessToken string, proofs ...string) (jkt string, code oauth.Code) {
	t.Helper()
	r := c.at
	r.DPoP = proofs
	jkt, err := c.Proof(t.Context(), c.site, c.client, r, accessToken)
	if err == nil {
		return jkt, ""
	}
	refusal, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		t.Fatalf("the proof was not judged: %v", err)
	}
	return jkt, refusal.Code
}

// The proofs in RFC 9449, Sections 4.1, 5 (a refresh) and 7.1, and the thumbprint
// of their key, Section 6.1.
const (
	rfcHeader = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
	rfcToken  = rfcHeader + "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcFresh  = rfcHeader + "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA"
	rfcAccess = rfcHeader + "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcBearer = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfcJKT    = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

// Requirement: dpop-proof-checks, dpop-ath, dpop-token-bound
func TestTheProofsOfRFC9449AreAccepted(t *testing.T) {
	for _, tt := range []struct {
		name         string
		issuer       string
		at           oauth.Request
		token, proof string
		iat          int64
	}{
		{"Section 4.1", "https://server.example.com", oauth.Request{Method: "POST", Path: "/token"}, "", rfcToken, 1562262616},
		{"Section 5", "https://server.example.com", oauth.Request{Method: "POST", Path: "/token"}, "", rfcFresh, 1562265296},
		{"Section 7.1", "https://resource.example.org", oauth.Request{Method: "GET", Path: "/protectedresource"}, rfcBearer, rfcAccess, 1562262618},
	} {
		c := newChecker(t)
		c.now, c.site.Issuer, c.at = time.Unix(tt.iat, 0), tt.issuer, tt.at
		if jkt, code := c.check(t, tt.token, tt.proof); code != "" || jkt != rfcJKT {
			t.Errorf("%s: got %q %q, want %q", tt.name, code, jkt, rfcJKT)
		}
	}
}

// Requirement: dpop-proof-checks
func TestEveryAllowedAlgorithmSignsProofs(t *testing.T) {
	for _, tt := range []struct {
		alg, header string
		allowed     []string
		want        oauth.Code
	}{
		{"ES256", "ES256", nil, ""},
		{"EdDSA", "EdDSA", nil, ""},
		{"EdDSA", "Ed25519", nil, ""},
		{"PS256", "PS256", nil, ""},
		{"RS256", "RS256", nil, oauth.InvalidDPoPProof}, // by policy alone
		{"RS256", "RS256", []string{"RS256"}, ""},
		{"ES256", "ES256", []string{"EdDSA"}, oauth.InvalidDPoPProof},
		{"Ed25519", "Ed25519", []string{"EdDSA"}, ""},
	} {
		c, p := newChecker(t), servertest.NewProverFor(t, tt.alg)
		c.site.Realm.Policy.DPoPAlgs = tt.allowed
		jkt, code := c.check(t, "", p.Sign(t, map[string]any{"alg": tt.header}, p.Claims("POST", tokenURL, nil)))
		if code != tt.want || code == "" && jkt != p.JKT(t) {
			t.Errorf("%s as %s with %v: got %q for %q, want %q", tt.alg, tt.header, tt.allowed, code, jkt, tt.want)
		}
	}
}

// The rows are the numbers of RFC 9449, Section 4.3, in their order.
//
// Requirement: dpop-proof-checks, dpop-bad-proof
func TestEveryLineOfSection43IsEnforced(t *testing.T) {
	p, other := servertest.NewProver(t), servertest.NewProver(t)
	rsa := servertest.NewProverFor(t, "PS256")
	good := func() string { return p.Proof(t, "POST", tokenURL, nil) }
	claims := func(name string, value any) []string {
		return []string{p.Proof(t, "POST", tokenURL, map[string]any{name: value})}
	}
	header := func(name string, value any) []string {
		return []string{p.Sign(t, map[string]any{name: value}, p.Claims("POST", tokenURL, nil))}
	}
	parts := strings.Split(good(), ".")
	for _, tt := range []struct {
		name   string
		proofs []string
	}{
		{"1: no header", nil},
		{"1: two headers", []string{good(), good()}},
		{"1: the same one twice", slices.Repeat([]string{good()}, 2)},
		{"2: two in one header", []string{good() + ", " + good()}},
		{"2: empty", []string{""}},
		{"2: no JWT", []string{"proof"}},
		{"2: two parts", []string{parts[0] + "." + parts[1]}},
		{"2: four parts", []string{good() + ".e30"}},
		{"2: a space before it", []string{" " + good()}},
		{"2: no object", []string{parts[0] + ".W10." + parts[2]}},
		{"2: too long", claims("extra", strings.Repeat("a", 8<<10))},
		{"3: no jti", claims("jti", nil)},
		{"3: no htm", claims("htm", nil)},
		{"3: no htu", claims("htu", nil)},
		{"3: no iat", claims("iat", nil)},
		{"3: jti is empty", claims("jti", "")},
		{"3: jti is too long", claims("jti", strings.Repeat("j", 513))},
		{"3: jti is a number", claims("jti", 1)},
		{"3: iat is a string", claims("iat", "1562262616")},
		{"3: htm is a list", claims("htm", []string{"POST"})},
		{"3: htu in another case", claims("HTU", tokenURL)},
		{"4: no typ", header("typ", nil)},
		{"4: another typ", header("typ", "JWT")},
		{"4: typ in another case", header("typ", "DPoP+JWT")},
		{"5: no alg", header("alg", nil)},
		{"5: alg none", header("alg", "none")},
		{"5: symmetric alg", header("alg", "HS256")},
		{"5: unknown alg", header("alg", "ES256K")},
		{"5: alg of another key", header("alg", "EdDSA")},
		{"5: alg of another use of the key", []string{rsa.Sign(t, map[string]any{"alg": "RS256"}, rsa.Claims("POST", tokenURL, nil))}},
		{"5: the key is for another alg", []string{rsa.Sign(t, map[string]any{"jwk": with(rsa.JWK(t), "alg", "RS256")}, rsa.Claims("POST", tokenURL, nil))}},
		{"6: signed by another key", header("jwk", other.JWK(t))},
		{"6: signature altered", []string{parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86)}},
		{"6: no signature", []string{parts[0] + "." + parts[1] + "."}},
		{"6: no jwk", header("jwk", nil)},
		{"6: jwk is a string", header("jwk", "key")},
		{"6: a key by kid", []string{p.Sign(t, map[string]any{"jwk": nil, "kid": p.JKT(t)}, p.Claims("POST", tokenURL, nil))}},
		{"7: the private key", header("jwk", with(p.JWK(t), "d", "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"))},
		{"7: a symmetric key", header("jwk", map[string]string{"kty": "oct", "k": "AAAA"})},
		{"8: another method", claims("htm", "GET")},
		{"8: the method in lower case", claims("htm", "post")},
		{"9: another path", claims("htu", "https://server.example.com/other")},
		{"9: another host", claims("htu", "https://other.example.com/token")},
		{"9: another scheme", claims("htu", "http://server.example.com/token")},
		{"9: another port", claims("htu", "https://server.example.com:8443/token")},
		{"9: no URL", claims("htu", "/token")},
		{"9: a user in it", claims("htu", "https://server.example.com@server.example.com/token")},
		{"11: too old", claims("iat", time.Now().Unix()-62)},
		{"11: from the future", claims("iat", time.Now().Unix()+12)},
		{"11: beyond all times", claims("iat", 1e300)},
		{"header: crit", header("crit", []string{"exp"})},
		{"header: jku", header("jku", "https://attacker.example/keys")},
		{"header: x5c", header("x5c", []string{"AAAA"})},
	} {
		c := newChecker(t)
		if jkt, code := c.check(t, "", tt.proofs...); code != oauth.InvalidDPoPProof || jkt != "" {
			t.Errorf("%s: got %q for %q, want %q", tt.name, code, jkt, oauth.InvalidDPoPProof)
		}
		if len(c.store.used) != 0 {
			t.Errorf("%s: a refused proof was written down", tt.name)
		}
	}
}

func with(jwk map[string]string, name, value string) map[string]string {
	jwk[name] = value
	return jwk
}

// Requirement: dpop-jti-once
func TestAProofIsUsedOnceAndItsJTIBelongsToItsKeyAndRequest(t *testing.T) {
	c, p := newChecker(t), servertest.NewProver(t)
	at := func(p *servertest.Prover, method, url string) string {
		return p.Proof(t, method, url, map[string]any{"jti": "one"})
	}
	for _, tt := range []struct {
		name, method, proof string
		want                oauth.Code
	}{
		{"first", "POST", at(p, "POST", tokenURL), ""},
		{"again", "POST", at(p, "POST", tokenURL), oauth.InvalidDPoPProof},
		{"in another spelling", "POST", at(p, "POST", "HTTPS://SERVER.example.com:443/token?x#y"), oauth.InvalidDPoPProof},
		{"of another key", "POST", at(servertest.NewProver(t), "POST", tokenURL), ""},
		{"for another method", "GET", at(p, "GET", tokenURL), ""},
		{"for the other listener", "POST", at(p, "POST", "https://mtls.example.com:8443/token"), ""},
	} {
		c.at.Method = tt.method
		if _, code := c.check(t, "", tt.proof); code != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, code, tt.want)
		}
	}
}

// Requirement: dpop-proof-checks
func TestAProofIsGoodFor60SecondsAnd10SecondsEarly(t *testing.T) {
	c, p := newChecker(t), servertest.NewProver(t)
	for _, tt := range []struct {
		age  float64 // seconds
		want oauth.Code
	}{{0, ""}, {59, ""}, {60, ""}, {61, oauth.InvalidDPoPProof}, {3600, oauth.InvalidDPoPProof}, {-9, ""}, {-10, ""},
		{-11, oauth.InvalidDPoPProof}, {0.5, ""}} {
		c.now = time.Unix(1_800_000_000, 0)
		iat := float64(c.now.Unix()) - tt.age
		_, code := c.check(t, "", p.Proof(t, "POST", tokenURL, map[string]any{"iat": iat}))
		if code != tt.want {
			t.Errorf("%v seconds old: got %q, want %q", tt.age, code, tt.want)
		}
		// It is remembered for longer than anybody takes it.
		if end := model.Millis(iat*1000) + 60_000; code == "" && c.store.last.Until <= end {
			t.Errorf("%v seconds old: forgotten at %d, good until %d", tt.age, c.store.last.Until, end)
		}
	}
}

// Requirement: dpop-ath
func TestAtAResourceTheProofNamesTheToken(t *testing.T) {
	c, p := newChecker(t), servertest.NewProver(t)
	sum := sha256.Sum256([]byte("token"))
	ath := base64.RawURLEncoding.EncodeToString(sum[:])
	for _, tt := range []struct {
		name  string
		token string
		ath   any
		want  oauth.Code
	}{
		{"the token", "token", ath, ""},
		{"no ath", "token", nil, oauth.InvalidDPoPProof},
		{"another token", "other", ath, oauth.InvalidDPoPProof},
		{"padded", "token", ath + "=", oauth.InvalidDPoPProof},
		{"the token itself", "token", "token", oauth.InvalidDPoPProof},
		{"at the token endpoint nobody looks", "", "whatever", ""},
	} {
		proof := p.Proof(t, "POST", tokenURL, map[string]any{"ath": tt.ath})
		if _, code := c.check(t, tt.token, proof); code != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, code, tt.want)
		}
	}
}

// Requirement: dpop-nonce
func TestNoncesEndAndBelongToTheirRealm(t *testing.T) {
	c, p := newChecker(t), servertest.NewProver(t)
	start := c.now
	nonce, err := c.NewNonce(c.site)
	servertest.Check(t, err)
	for _, tt := range []struct {
		name   string
		realm  bool // its policy asks for nonces
		client bool // its settings do
		after  time.Duration
		nonce  any
		id     model.RealmID
		want   oauth.Code
	}{
		{"not asked for, none", false, false, 0, nil, "rlm_1", ""},
		{"not asked for, a good one", false, false, 0, nonce, "rlm_1", ""},
		{"not asked for, a bad one", false, false, 0, "bad", "rlm_1", ""},
		{"realm asks", true, false, 0, nonce, "rlm_1", ""},
		{"client asks", false, true, 0, nonce, "rlm_1", ""},
		{"none", true, false, 0, nil, "rlm_1", oauth.UseDPoPNonce},
		{"client asks, none", false, true, 0, nil, "rlm_1", oauth.UseDPoPNonce},
		{"made up", true, false, 0, "made-up", "rlm_1", oauth.UseDPoPNonce},
		{"no string", true, false, 0, 1, "rlm_1", oauth.InvalidDPoPProof},
		{"after 2 minutes", true, false, 2 * time.Minute, nonce, "rlm_1", ""},
		{"after 4 minutes", true, false, 4 * time.Minute, nonce, "rlm_1", oauth.UseDPoPNonce},
		{"of another realm", true, false, 0, nonce, "rlm_2", oauth.UseDPoPNonce},
	} {
		c.site.Realm = model.Realm{ID: tt.id, Policy: model.RealmPolicy{DPoPNonce: tt.realm}}
		c.client.Settings.DPoPNonce = tt.client
		c.now = start.Add(tt.after)
		proof := p.Proof(t, "POST", tokenURL, map[string]any{"nonce": tt.nonce, "iat": c.now.Unix()})
		if _, code := c.check(t, "", proof); code != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, code, tt.want)
		}
	}
}

// RFC 9449, Section 4.3, number 11: a nonce is the server's clock.
//
// Requirement: dpop-nonce
func TestWithANonceTheClocksOfClientsMayBeWrong(t *testing.T) {
	c, p := newChecker(t), servertest.NewProver(t)
	c.site.Realm.Policy.DPoPNonce = true
	nonce, err := c.NewNonce(c.site)
	servertest.Check(t, err)
	for _, off := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		proof := p.Proof(t, "POST", tokenURL, map[string]any{"nonce": nonce, "iat": c.now.Add(off).Unix(), "jti": off.String()})
		if _, code := c.check(t, "", proof); code != "" {
			t.Errorf("a clock that is %s off: got %q", off, code)
		}
		if _, code := c.check(t, "", proof); code != oauth.InvalidDPoPProof {
			t.Errorf("the same proof again: got %q", code)
		}
		if end := model.MillisOf(c.now.Add(3 * time.Minute)); c.store.last.Until < end {
			t.Errorf("forgotten at %d, good until %d", c.store.last.Until, end)
		}
	}
	if _, code := c.check(t, "", p.Proof(t, "POST", tokenURL, map[string]any{"nonce": nonce, "iat": nil})); code != oauth.InvalidDPoPProof {
		t.Errorf("no iat: got %q", code)
	}
}

// Requirement: dpop-nonce
func TestARefusalForANonceHoldsOneThatWorks(t *testing.T) {
	c, p := newChecker(t), servertest.NewProver(t)
	c.site.Realm.Policy.DPoPNonce = true
	c.at.DPoP = []string{p.Proof(t, "POST", tokenURL, nil)}
	_, err := c.Proof(t.Context(), c.site, c.client, c.at, "")
	refusal, ok := errors.AsType[*oauth.Error](err)
	if !ok || refusal.Code != oauth.UseDPoPNonce || refusal.Nonce == "" {
		t.Fatalf("got %v", err)
	}
	if _, code := c.check(t, "", p.Proof(t, "POST", tokenURL, map[string]any{"nonce": refusal.Nonce})); code != "" {
		t.Errorf("with that nonce: got %q", code)
	}
}
