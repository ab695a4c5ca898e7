package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Limits on client assertions, in milliseconds.
const (
	assertionAhead = 5 * 60_000 // exp at most this far ahead
	assertionSkew  = 10_000     // iat, nbf at most this far in the future
	maxJTI         = 512        // bytes
)

// defaultAssertionAlgs: what a client may sign with unless it is registered
// for others. RS256 only by policy.
var defaultAssertionAlgs = []string{"ES256", "EdDSA", "PS256"}

// assertionClaims: RFC 7523, Section 3.
type assertionClaims struct {
	Iss string          `json:"iss"`
	Sub string          `json:"sub"`
	Aud json.RawMessage `json:"aud"`
	JTI string          `json:"jti"`
	Exp *float64        `json:"exp"`
	Iat *float64        `json:"iat"`
	Nbf *float64        `json:"nbf"`
}

// checkAssertion verifies private_key_jwt (OpenID Connect Core 1.0, Section 9;
// RFC 7523, Section 3) and uses its jti up: the database decides which of all
// nodes saw it first.
func (e *Engine) checkAssertion(ctx context.Context, x *exchange) error {
	if x.Params.Get("client_assertion_type") != assertionType {
		return clientRefused(x, "client_assertion_type is not "+assertionType, nil)
	}
	u, err := jose.Peek(x.Params.Get("client_assertion"))
	if err != nil {
		return clientRefused(x, "malformed assertion", err)
	}
	var c assertionClaims
	if err := json.Unmarshal(u.Claims(), &c); err != nil {
		return clientRefused(x, "malformed assertion claims", err)
	}
	client, key, err := e.assertingClient(ctx, x, u, c)
	if err != nil {
		return err
	}
	if err := checkAssertionClaims(x, client, c); err != nil {
		return clientRefused(x, assertionOf(client), err)
	}
	first, err := e.cfg.Store.Consume(ctx, model.Once{Namespace: model.OnceAssertion, RealmID: x.Site.Realm.ID,
		Digest: sha256.Sum256([]byte(string(client.ID) + "\x00" + c.JTI)), Until: model.Millis(*c.Exp*1000) + onceMargin})
	if err != nil {
		return fmt.Errorf("consume assertion: %w", err)
	}
	if !first {
		return clientRefused(x, assertionOf(client)+": its jti was used before", nil)
	}
	e.cfg.Clients.Used(ctx, client, key.KID(), x.now)
	x.client = client
	return nil
}

func assertionOf(client *model.Client) string { return "assertion of " + string(client.ID) }

// assertingClient verifies the signature with a key of the client that the
// assertion names. The algorithm is the key's, never the header's.
func (e *Engine) assertingClient(ctx context.Context, x *exchange, u jose.Unverified, c assertionClaims) (*model.Client, *jose.PublicKey, error) {
	client, err := e.cfg.Clients.Get(ctx, x.Site, model.ClientID(c.Sub))
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, nil, err
	}
	x.found = client != nil
	if client == nil {
		decoyVerify(u)
		return nil, nil, clientRefused(x, "assertion of an "+unknownClient(model.ClientID(c.Sub))+" (sub)", nil)
	}
	if client.Settings.AuthMethod != model.AuthPrivateKeyJWT {
		decoyVerify(u)
		return nil, nil, clientRefused(x, registeredFor(client)+", not for private_key_jwt", nil)
	}
	key, err := e.cfg.Clients.Key(ctx, x.Site, client, u.Header().KID, x.now)
	if err != nil {
		return nil, nil, err
	}
	if key == nil {
		decoyVerify(u)
		return nil, nil, clientRefused(x, assertionOf(client)+": no key that works has the kid "+quoted(u.Header().KID), nil)
	}
	if !slices.Contains(assertionAlgs(client), algName(u.Header().Alg)) {
		decoyVerify(u)
		return nil, nil, clientRefused(x, assertionOf(client)+": alg "+quoted(string(u.Header().Alg))+" is not allowed, want one of "+strings.Join(assertionAlgs(client), ", "), nil)
	}
	if _, err := jose.Verify(u, key); err != nil {
		return nil, nil, clientRefused(x, assertionOf(client)+": its signature is not that of key "+key.KID(), err)
	}
	return client, key, nil
}

// quoted is what stands in an assertion, in a cause.
func quoted(text string) string { return "'" + called(text) + "'" }

func assertionAlgs(c *model.Client) []string {
	if len(c.Settings.AssertionAlgs) > 0 {
		return c.Settings.AssertionAlgs
	}
	return defaultAssertionAlgs
}

// algName: Ed25519 (RFC 9864) and EdDSA are one algorithm here.
func algName(a jose.Alg) string {
	if a == jose.Ed25519 {
		return string(jose.EdDSA)
	}
	return string(a)
}

func checkAssertionClaims(x *exchange, client *model.Client, c assertionClaims) error {
	if c.Iss != c.Sub {
		return fmt.Errorf("iss is %s, want the client id, as in sub", quoted(c.Iss))
	}
	if sent := x.Params.Get("client_id"); sent != "" && sent != c.Sub {
		return errors.New("client_id differs from sub")
	}
	if c.JTI == "" || len(c.JTI) > maxJTI {
		return errors.New("jti must have 1 to 512 bytes")
	}
	if err := checkAssertionTimes(x.now, c); err != nil {
		return err
	}
	return checkAssertionAudience(x, client, c.Aud)
}

func checkAssertionTimes(now model.Millis, c assertionClaims) error {
	at := float64(now)
	switch {
	case c.Exp == nil:
		return errors.New("exp is missing")
	case *c.Exp*1000 <= at:
		return errors.New("expired")
	case *c.Exp*1000 > at+assertionAhead:
		return errors.New("exp is more than 5 minutes ahead")
	case c.Iat != nil && *c.Iat*1000 > at+assertionSkew:
		return errors.New("iat is in the future")
	case c.Nbf != nil && *c.Nbf*1000 > at+assertionSkew:
		return errors.New("nbf is in the future")
	}
	return nil
}

// checkAssertionAudience: the issuer as a single string is always right (RFC
// 7523bis). The endpoint's URL, and a list whose every member is ours, are what
// clients in the field send; a strict application accepts the issuer alone.
func checkAssertionAudience(x *exchange, client *model.Client, raw json.RawMessage) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		if one == x.Site.Issuer || !client.Settings.StrictAudience && ourEndpoint(x, one) {
			return nil
		}
		return fmt.Errorf("aud is %s, want the issuer %s", quoted(one), x.Site.Issuer)
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil || len(many) == 0 || client.Settings.StrictAudience {
		return fmt.Errorf("aud is no string that is the issuer %s", x.Site.Issuer)
	}
	for _, a := range many {
		if a != x.Site.Issuer && !ourEndpoint(x, a) {
			return fmt.Errorf("aud names %s too, want the issuer %s alone", quoted(a), x.Site.Issuer)
		}
	}
	return nil
}

func ourEndpoint(x *exchange, aud string) bool {
	return aud == x.Site.Issuer+token.path() || aud == x.Site.Issuer+x.at.path()
}

// decoys are keys that signed nothing, one for each algorithm. Verifying against
// them takes the time that verifying against a client's key takes.
var decoys = func() map[jose.Alg]*jose.PublicKey {
	made := map[jose.Alg]*jose.PublicKey{}
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA} {
		k, err := jose.Generate(alg)
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		made[alg] = k.Public()
	}
	return made
}()

// rsaDecoys are made when they are first needed: RSA keys take long to generate.
var rsaDecoys = sync.OnceValue(func() map[jose.Alg]*jose.PublicKey {
	made := map[jose.Alg]*jose.PublicKey{}
	for _, alg := range []jose.Alg{jose.PS256, jose.RS256} {
		if k, err := jose.Generate(alg); err == nil {
			made[alg] = k.Public()
		}
	}
	return made
})

func decoyVerify(u jose.Unverified) {
	alg := jose.Alg(algName(u.Header().Alg))
	key := decoys[alg]
	if key == nil {
		key = rsaDecoys()[alg]
	}
	_, _ = jose.Verify(u, key) // the answer is known; only the time matters
}
