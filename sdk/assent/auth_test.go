package assent_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/assent-id/assent/sdk/assent"
)

func TestAssertionsAreForTheIssuerAndForOneRequest(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	for name, key := range map[string]any{"ES256": ec, "EdDSA": ed} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			jwk := jose.JSONWebKey{Key: key, KeyID: "mine"}
			text, err := jwk.MarshalJSON()
			check(t, err)
			c := i.client(t, func(c *assent.Config) { c.ClientSecret, c.Key = "", text })
			seen := map[string]bool{}
			for range 3 {
				_, err = c.Start(t.Context(), deploy)
				check(t, err)
				seen[checkAssertion(t, i.request.Get("client_assertion"), jwk.Public(), name)] = true
			}
			if len(seen) != 3 {
				t.Errorf("%d different jti in 3 requests", len(seen))
			}
			if i.request.Get("client_id") != clientID {
				t.Errorf("client_id %q", i.request.Get("client_id"))
			}
		})
	}
}

func checkAssertion(t *testing.T, assertion string, key jose.JSONWebKey, alg string) (jti string) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	check(t, err)
	payload, err := jws.Verify(key)
	check(t, err)
	var claims struct {
		Iss, Sub, Jti string
		Aud           json.RawMessage
		Iat, Exp      int64
	}
	check(t, json.Unmarshal(payload, &claims))
	if claims.Iss != clientID || claims.Sub != clientID || string(claims.Aud) != `"`+issuerURL+`"` {
		t.Errorf("claims %s", payload)
	}
	if life := claims.Exp - claims.Iat; life <= 0 || life > 300 || claims.Iat > time.Now().Unix() {
		t.Errorf("life %d seconds", life)
	}
	if jws.Signatures[0].Protected.KeyID != "mine" {
		t.Errorf("kid %q", jws.Signatures[0].Protected.KeyID)
	}
	return claims.Jti
}

func TestNewClientRefusesKeysThatCannotAuthenticate(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	write := func(key any) []byte {
		text, err := jose.JSONWebKey{Key: key}.MarshalJSON()
		check(t, err)
		return text
	}
	tests := map[string]assent.Config{
		"P-384":          {Key: write(p384)},
		"public key":     {Key: write(p256.Public())},
		"symmetric key":  {Key: write([]byte("0123456789abcdef0123456789abcdef"))},
		"not a key":      {Key: []byte("{}")},
		"key and secret": {Key: write(p256), ClientSecret: secret},
	}
	for name, config := range tests {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			config.Issuer, config.ClientID, config.HTTPClient = issuerURL, clientID, &http.Client{Transport: i}
			if _, err := assent.NewClient(t.Context(), config); err == nil {
				t.Error("got a client")
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%v holds the secret", err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t)
	i.mux.HandleFunc("POST /elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("credentials were sent on") })
	redirect := http.NewServeMux()
	redirect.Handle("/", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	i.mux = redirect
	if _, err := c.Start(t.Context(), deploy); err == nil {
		t.Error("a redirect is no answer")
	}
}
