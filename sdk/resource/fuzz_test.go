package resource_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// FuzzVerify: whatever stands in a token's place, it is refused as a bad token,
// unless the issuer signed it: then claims that pass are those that encoding/json
// reads.
//
// Requirement: mw-strict
func FuzzVerify(f *testing.F) {
	issuer, key := newForge(f), servertest.NewProver(f)
	issuer.publish(f, "k1", key, nil)
	s := issuer.unrevocable(f, nil)
	good := issuer.claims(nil)
	text, err := json.Marshal(good)
	servertest.Check(f, err)
	head := `{"alg":"ES256","kid":"k1","typ":"at+jwt"}`
	f.Add(head, string(text))
	f.Add(strings.Replace(head, "ES256", "none", 1), string(text))
	f.Add(head, strings.Replace(string(text), `"aud"`, `"aud":"x","aud"`, 1))
	f.Add(head, strings.Replace(string(text), api, `api`, 1))
	f.Add(`{"alg":"ES256","kid":"k1","typ":"at+jwt","crit":["a"],"a":1}`, string(text))
	f.Add("", "")
	f.Add(`{"alg":"ES256","kid":"k1","typ":"at+jwt","alg":"HS256"}`, `{"exp":1e999,"iat":-0,"x":"\ud83d\ude00"}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		b64 := base64.RawURLEncoding.EncodeToString
		loose := b64([]byte(header)) + "." + b64([]byte(claims)) + "." + b64(make([]byte, 64))
		for _, token := range []string{header, loose} {
			if _, err := s.Verify(t.Context(), bearer(token)); !isRefusal(err) {
				t.Fatalf("a token that nobody signed: %v", err)
			}
		}
		signed := key.SignText(t, map[string]any{"typ": "at+jwt", "kid": "k1", "jwk": nil}, []byte(claims))
		got, err := s.Verify(t.Context(), bearer(signed))
		if err != nil {
			if !isRefusal(err) {
				t.Fatal(err)
			}
			return
		}
		var want struct {
			Iss, Sub, Jti, Scope string
			ClientID             string `json:"client_id"`
			Exp                  float64
		}
		if err := json.Unmarshal([]byte(claims), &want); err != nil || !bytes.Equal(got.Claims, []byte(claims)) {
			t.Fatalf("%v\n%s", err, got.Claims)
		}
		if got.Issuer != want.Iss || got.Issuer != issuer.url || got.Subject != want.Sub || got.JTI != want.Jti || got.Scope != want.Scope || got.ClientID != want.ClientID ||
			got.ExpiresAt.Unix() != int64(want.Exp) || !time.Now().Add(-time.Minute).Before(got.ExpiresAt) {
			t.Fatalf("%+v\n%+v", got, want)
		}
	})
}

// isRefusal reports whether a stranger is told what is wrong with the token, and
// not that something is wrong with us.
func isRefusal(err error) bool {
	r, ok := errors.AsType[*resource.Refusal](err)
	return ok && (r.Status() == 401 || r.Status() == 400)
}

// FuzzDPoPProof: whatever stands in a proof's place, it is refused as a bad proof,
// unless the holder of the token's key signed it for this very request.
//
// Requirement: mw-dpop
func FuzzDPoPProof(f *testing.F) {
	issuer, key, holder := newForge(f), servertest.NewProver(f), servertest.NewProver(f)
	issuer.publish(f, "k1", key, nil)
	s := issuer.unrevocable(f, nil)
	token := bound(f, issuer, key, holder)
	const at = api + "/things"
	text, err := json.Marshal(holder.Claims(http.MethodGet, at, map[string]any{"ath": ath(token)}))
	servertest.Check(f, err)
	jwk, err := json.Marshal(holder.JWK(f))
	servertest.Check(f, err)
	f.Add(`{"alg":"ES256","typ":"dpop+jwt","jwk":`+string(jwk)+`}`, string(text))
	f.Add(`{"alg":"RS256","typ":"dpop+jwt","jwk":{"kty":"RSA","n":"AQ","e":"AQAB"}}`, `{"htu":"https://api.example/%2e%2E/things","htm":"GET"}`)
	f.Add(`{"alg":"EdDSA","typ":"dpop+jwt","jwk":{"kty":"OKP","crv":"Ed25519","x":""}}`, `{"htu":"http://[::1]:80/%7e","htm":"GET","iat":1}`)
	f.Add("", `{}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		b64 := base64.RawURLEncoding.EncodeToString
		present := func(proof string) error {
			_, err := s.Verify(t.Context(), resource.Presented{Scheme: "DPoP", Token: token, Method: http.MethodGet, URL: at, DPoP: []string{proof}})
			return err
		}
		for _, proof := range []string{header, b64([]byte(header)) + "." + b64([]byte(claims)) + "." + b64(make([]byte, 64))} {
			if !isRefusal(present(proof)) {
				t.Fatal("a proof that nobody signed passes")
			}
		}
		if err := present(holder.SignText(t, nil, []byte(claims))); err != nil {
			if !isRefusal(err) {
				t.Fatal(err)
			}
			return
		}
		var got struct{ Htm, Htu, Ath, Jti string }
		if err := json.Unmarshal([]byte(claims), &got); err != nil || got.Htm != http.MethodGet || got.Ath != ath(token) || got.Jti == "" || got.Htu == "" {
			t.Fatalf("%v %+v", err, got)
		}
	})
}
