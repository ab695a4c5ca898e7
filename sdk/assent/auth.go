package assent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertionLife is short because an assertion is made for one request.
const assertionLife = 60 * time.Second

// An authenticator proves to the server which application is asking.
type authenticator interface {
	method() string // as in token_endpoint_auth_methods_supported
	// apply adds the proof to a request that is about to be sent.
	apply(r *http.Request, form url.Values) error
}

func newAuthenticator(c Config) (authenticator, error) {
	switch {
	case c.ClientSecret != "" && len(c.Key) != 0:
		return nil, errors.New("set ClientSecret or Key, not both")
	case c.ClientSecret == "" && len(c.Key) == 0:
		return nil, nil
	case c.ClientID == "":
		return nil, errors.New("ClientID is missing")
	case c.ClientSecret != "":
		return basic{id: c.ClientID, secret: c.ClientSecret}, nil
	default:
		return newAssertions(c)
	}
}

// basic is client_secret_basic.
type basic struct{ id, secret string }

func (basic) method() string { return "client_secret_basic" }

func (b basic) apply(r *http.Request, _ url.Values) error {
	// RFC 6749, Section 2.3.1: both are form-encoded first.
	r.SetBasicAuth(url.QueryEscape(b.id), url.QueryEscape(b.secret))
	return nil
}

// assertions is private_key_jwt (RFC 7523, Section 2.2).
type assertions struct {
	clientID, issuer string
	signer           jose.Signer
	now              func() time.Time
}

func newAssertions(c Config) (authenticator, error) {
	key, alg, err := privateKey("Key", c.Key)
	if err != nil {
		return nil, err
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		return nil, fmt.Errorf("use Key: %w", err)
	}
	return assertions{clientID: c.ClientID, issuer: c.Issuer, signer: signer, now: c.Now}, nil
}

// privateKey reads a member of Config, and says how the key signs.
func privateKey(member string, text []byte) (key jose.JSONWebKey, alg jose.SignatureAlgorithm, err error) {
	if err := key.UnmarshalJSON(text); err != nil {
		return key, "", errors.New(member + " is not a JWK") // the cause could quote the key
	}
	switch k := key.Key.(type) {
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return key, jose.ES256, nil
		}
	case ed25519.PrivateKey:
		return key, jose.EdDSA, nil
	}
	return key, "", errors.New(member + " must be a private P-256 or Ed25519 key")
}

func (assertions) method() string { return "private_key_jwt" }

func (a assertions) apply(_ *http.Request, form url.Values) error {
	now := a.now()
	payload, err := json.Marshal(map[string]any{
		"iss": a.clientID,
		"sub": a.clientID,
		"aud": a.issuer, // one string: draft-ietf-oauth-rfc7523bis, Section 4
		"jti": rand.Text(),
		"iat": now.Unix(),
		"exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return err
	}
	jws, err := a.signer.Sign(payload)
	if err != nil {
		return fmt.Errorf("sign client assertion: %w", err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return fmt.Errorf("sign client assertion: %w", err)
	}
	form.Set("client_id", a.clientID)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", compact)
	return nil
}
