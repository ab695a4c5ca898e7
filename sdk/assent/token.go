package assent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those that a realm signs tokens with.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256}

// clockSkew is by how much the server's clock may be ahead of ours.
const clockSkew = 60 * time.Second

// claims are those of an approval's access token (RFC 9068, Section 2.2).
type claims struct {
	Issuer   string            `json:"iss"`
	Subject  string            `json:"sub"`
	Audience audience          `json:"aud"`
	ClientID string            `json:"client_id"`
	Expires  int64             `json:"exp"`
	IssuedAt int64             `json:"iat"`
	Scope    string            `json:"scope"`
	Details  []json.RawMessage `json:"authorization_details"`
	Approval struct {
		ID        string `json:"id"`
		Statement string `json:"statement"` // hash
	} `json:"approval"`
}

// An audience is one string or a list of them (RFC 7519, Section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// verifyToken checks signature, type, issuer and times of an access token (RFC
// 9068, Section 4) and returns its claims. What an opaque token means the issuer
// says.
func (c *Client) verifyToken(ctx context.Context, token string, deadline time.Time) (claims, error) {
	payload, err := c.payload(ctx, token, deadline)
	if err != nil {
		return claims{}, err
	}
	var cl claims
	if err := json.Unmarshal(payload, &cl); err != nil {
		return claims{}, invalid("token: claims", err)
	}
	now := c.now()
	switch {
	case cl.Issuer != c.issuer:
		err = fmt.Errorf("token: iss is %q", cl.Issuer)
	case now.Unix() >= cl.Expires:
		err = errors.New("token: it has expired")
	case cl.IssuedAt > now.Add(clockSkew).Unix():
		err = errors.New("token: it is from the future")
	case cl.Approval.ID == "" || cl.Approval.Statement == "":
		err = errors.New("token: it is not the token of an approval")
	case len(cl.Audience) == 0 || cl.Subject == "" || cl.ClientID == "":
		err = errors.New("token: aud, sub or client_id is missing")
	}
	if err != nil {
		return claims{}, invalid(err.Error(), nil)
	}
	return cl, nil
}

// opaquePrefix tells opaque access tokens of Assent from JWTs, and from what is no
// token, which must not turn into requests.
const opaquePrefix = "at_"

func (c *Client) payload(ctx context.Context, token string, deadline time.Time) ([]byte, error) {
	if c.auth == nil || !strings.HasPrefix(token, opaquePrefix) {
		return c.verifySignature(ctx, token)
	}
	var pause backoff
	for {
		text, err := c.Introspect(ctx, token)
		switch {
		case err == nil && !isActive(text):
			return nil, invalid("token: it is not active, or this application may not know what it means", nil)
		case !errors.Is(err, ErrUnreachable):
			return text, err
		case !pause.sleep(ctx, deadline):
			return nil, err
		}
	}
}

func (c *Client) verifySignature(ctx context.Context, token string) ([]byte, error) {
	if strings.Count(token, ".") != 2 {
		return nil, invalid("token: not a JWT", nil)
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, invalid("token: not a JWT", nil) // the cause could quote the token
	}
	header := jws.Signatures[0].Protected
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if strings.TrimPrefix(strings.ToLower(typ), "application/") != "at+jwt" {
		return nil, invalid(fmt.Sprintf("token: its type is %q, not at+jwt", typ), nil)
	}
	key, err := c.tokenKey(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	// The key says how it signs, never the header (RFC 8725, Section 3.1).
	if key.Algorithm != header.Algorithm {
		return nil, invalid("token: its algorithm is not that of its key", nil)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, invalid("token: the signature does not verify", nil)
	}
	return payload, nil
}

func (c *Client) tokenKey(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	for _, fresh := range []bool{false, true} {
		jwks, err := c.signing.load(ctx, c, fresh)
		if err != nil {
			return jose.JSONWebKey{}, err
		}
		if key, found := find(jwks, kid); found {
			return key, nil
		}
	}
	return jose.JSONWebKey{}, invalid("token: the issuer has no key "+fmt.Sprintf("%q", kid), nil)
}

// checkAudience demands that the token is for the APIs of the statement and no
// others, and where it names none, for the issuer alone.
func (cl claims) checkAudience(resource []string, issuer string) error {
	if len(resource) == 0 {
		resource = []string{issuer}
	}
	for _, want := range resource {
		if !slices.Contains(cl.Audience, want) {
			return fmt.Errorf("token: it is not for %s", want)
		}
	}
	for _, have := range cl.Audience {
		if !slices.Contains(resource, have) {
			return fmt.Errorf("token: it is for %s as well", have)
		}
	}
	return nil
}
