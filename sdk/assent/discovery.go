package assent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
)

// metadata is what this package needs of the discovery document (OpenID
// Connect Discovery 1.0, Section 3; CIBA Core 1.0, Section 4).
type metadata struct {
	Issuer                 string   `json:"issuer"`
	TokenEndpoint          string   `json:"token_endpoint"`
	BackchannelEndpoint    string   `json:"backchannel_authentication_endpoint"`
	RevocationEndpoint     string   `json:"revocation_endpoint"`
	IntrospectionEndpoint  string   `json:"introspection_endpoint"` // may be missing
	JWKSURI                string   `json:"jwks_uri"`
	BackchannelModes       []string `json:"backchannel_token_delivery_modes_supported"`
	TokenEndpointAuthModes []string `json:"token_endpoint_auth_methods_supported"`
}

// discovered is the discovery document, read when it is first needed.
type discovered struct {
	document atomic.Pointer[metadata]
	reading  paced[*metadata]
}

// metadata is what the issuer says of itself. All who need it first wait for one
// answer.
func (c *Client) metadata(ctx context.Context) (metadata, error) {
	m, err := await(ctx, &c.known.reading, c.known.document.Load, func(ctx context.Context) (*metadata, error) {
		m, err := c.discover(ctx)
		if err == nil {
			c.known.document.Store(&m)
		}
		return &m, err
	})
	if err != nil {
		return metadata{}, err
	}
	return *m, nil
}

func (c *Client) discover(ctx context.Context) (metadata, error) {
	answer, err := c.do(ctx, call{method: http.MethodGet, url: c.issuer + "/.well-known/openid-configuration"})
	if err != nil {
		return metadata{}, err
	}
	if err := answer.refusal(); err != nil {
		return metadata{}, invalid("discovery of "+c.issuer, err)
	}
	var m metadata
	if err := json.Unmarshal(answer.body, &m); err != nil {
		return metadata{}, invalid("discovery of "+c.issuer, err)
	}
	if err := c.checkMetadata(m); err != nil {
		return metadata{}, invalid("discovery of "+c.issuer, err)
	}
	return m, nil
}

func (c *Client) checkMetadata(m metadata) error {
	// OpenID Connect Discovery 1.0, Section 4.3: exactly equal.
	if m.Issuer != c.issuer {
		return fmt.Errorf("the document is of issuer %q", m.Issuer)
	}
	for _, e := range []struct{ name, url string }{
		{"token_endpoint", m.TokenEndpoint},
		{"backchannel_authentication_endpoint", m.BackchannelEndpoint},
		{"revocation_endpoint", m.RevocationEndpoint},
		{"jwks_uri", m.JWKSURI},
		{"introspection_endpoint", cmp.Or(m.IntrospectionEndpoint, c.issuer)},
	} {
		if !sameOrigin(c.issuer, e.url) {
			// Stricter than the specification: credentials go to the issuer's own
			// origin or nowhere.
			return fmt.Errorf("%s %q is not on the issuer's origin", e.name, e.url)
		}
	}
	if !slices.Contains(m.BackchannelModes, "poll") {
		return fmt.Errorf("the issuer does not offer CIBA in poll mode")
	}
	if c.auth != nil && !slices.Contains(m.TokenEndpointAuthModes, c.auth.method()) {
		return fmt.Errorf("the issuer does not offer %s", c.auth.method())
	}
	return nil
}

func sameOrigin(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Scheme == ub.Scheme && ua.Host == ub.Host && ub.User == nil
}
