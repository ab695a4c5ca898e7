package assent_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/assent"
)

// proofOf verifies a proof by the key inside (RFC 9449, Section 4.3), and returns
// its claims and the key's thumbprint.
func proofOf(t *testing.T, r *http.Request) (claims map[string]any, jkt string) {
	t.Helper()
	u, key, err := jose.PeekWithKey(r.Header.Get("DPoP"))
	if err != nil {
		t.Error(err)
		return nil, ""
	}
	if _, err := jose.Verify(u, key); err != nil || u.Header().Typ != "dpop+jwt" {
		t.Errorf("proof of type %q: %v", u.Header().Typ, err)
	}
	if err := json.Unmarshal(u.Claims(), &claims); err != nil {
		t.Error(err)
	}
	return claims, key.Thumbprint()
}

// RFC 9449, Sections 5, 7 to 9.
//
// Requirement: client-dpop
func TestBoundTokensComeWithAProofAtEachRequest(t *testing.T) {
	w := servertest.Start(t, nil)
	check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) { p.DPoPNonce = true }, "admin"))
	app := w.KeyApp(t, jose.ES256, serviceApp("Bound", apiURI))
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA} {
		key, err := jose.Generate(alg)
		check(t, err)
		text, err := key.MarshalPrivate()
		check(t, err)
		c, out := clientOf(t, w, app, func(c *assent.Config) { c.DPoPKey = text })
		var mu sync.Mutex
		seen, nonces := map[any]bool{}, []any{}
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
			cl, jkt := proofOf(t, r)
			bound, _ := claimsOf(t, token)["cnf"].(map[string]any)
			hash := sha256.Sum256([]byte(token))
			body, _ := io.ReadAll(r.Body)
			if jkt != key.Public().Thumbprint() || bound["jkt"] != jkt || cl["htm"] != "POST" || cl["htu"] != "http://"+r.Host+"/a%20b" ||
				cl["ath"] != base64.RawURLEncoding.EncodeToString(hash[:]) || seen[cl["jti"]] || string(body) != "x" {
				t.Errorf("proof %v of key %s for a token bound to %v, with body %q", cl, jkt, bound, body)
			}
			seen[cl["jti"]], nonces = true, append(nonces, cl["nonce"])
			if cl["nonce"] != "n1" {
				w.Header().Set("DPoP-Nonce", "n1")
				w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
				w.WriteHeader(401)
			}
		}))
		caller := &http.Client{Transport: &assent.Transport{Client: c, Resource: []string{apiURI}, At: map[string]string{apiURI: api.URL}}}
		for range 2 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+"/a%20b?q=1#f", strings.NewReader("x"))
			check(t, err)
			resp, err := caller.Do(r)
			check(t, err)
			check(t, resp.Body.Close())
			if resp.StatusCode != 200 {
				t.Errorf("%s: got %d", alg, resp.StatusCode)
			}
		}
		api.Close()
		mu.Lock()
		if len(nonces) != 3 || nonces[0] != nil || nonces[2] != "n1" {
			t.Errorf("nonces %v", nonces)
		}
		mu.Unlock()
		// One without the nonce, one with it.
		if n := len(out.sent("/oauth/token")); n != 2 {
			t.Errorf("%s: %d token requests", alg, n)
		}
		got, err := c.Token(t.Context(), assent.TokenRequest{Scope: "read"})
		check(t, err)
		if n := len(out.sent("/oauth/token")); n != 3 || got.Type != "DPoP" {
			t.Errorf("%s: %d token requests for a %s token", alg, n, got.Type)
		}
		swapped, err := c.Exchange(t.Context(), assent.ExchangeRequest{SubjectToken: got.Token})
		if err != nil || swapped.Type != "DPoP" {
			t.Errorf("%s: exchanged for %v, %v", alg, swapped, err)
		}
	}
}

// RFC 9449, Section 5; RFC 6749, Section 7.1.
//
// Requirement: client-dpop
func TestATokenOfATypeThatCannotBeUsedIsRefused(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	check(t, err)
	text, err := key.MarshalPrivate()
	check(t, err)
	for _, tt := range []struct {
		kind string
		key  []byte
		want bool
	}{{"bearer", nil, true}, {"DPoP", text, true}, {"dpop", text, true}, {"Bearer", text, false}, {"DPoP", nil, false}, {"mac", nil, false}, {"N_A", nil, false}} {
		i := newIssuer(t)
		i.own = func(w http.ResponseWriter, _ int) bool {
			reply(w, 200, map[string]any{"access_token": "x", "token_type": tt.kind, "expires_in": 300})
			return true
		}
		c := i.client(t, func(c *assent.Config) { c.DPoPKey = tt.key })
		if got, err := c.Token(t.Context(), assent.TokenRequest{}); (err == nil) != tt.want || (got != nil) != tt.want || !tt.want && !errors.Is(err, assent.ErrInvalid) {
			t.Errorf("%s, key %v: got %v, %v", tt.kind, tt.key != nil, got, err)
		}
	}
	for _, bad := range []string{"x", `{"kty":"oct","k":"AAAA"}`, string(key.Public().JSON())} {
		if _, err := assent.NewClient(t.Context(), assent.Config{Issuer: issuerURL, ClientID: clientID, ClientSecret: secret, DPoPKey: []byte(bad), Lazy: true}); err == nil {
			t.Errorf("%s is a key", bad)
		}
	}
}
