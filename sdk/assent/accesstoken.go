package assent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An AccessToken is a way in to an API, for as long as it lives.
type AccessToken struct {
	Token     string    // a secret
	Type      string    // "Bearer"; "DPoP" if it is bound to [Config.DPoPKey]
	Scope     string    // what it allows, separated by spaces
	ExpiresAt time.Time // by [Config.Now]; zero: the issuer did not say
	// IssuedTokenType is what an exchange gave (RFC 8693, Section 2.2.1).
	IssuedTokenType string
}

// A TokenRequest says what a token is for.
type TokenRequest struct {
	// Scope are scopes, separated by spaces. Empty: the application's default.
	Scope string
	// Resource are the APIs that the token is for (RFC 8707), spelled as the
	// application has them. Empty: the application's default.
	Resource []string
}

// Token returns an access token for the application itself (client_credentials;
// RFC 6749, Section 4.4). Tokens are kept: each set of scopes and resources is
// asked for once, by one caller for all, and again in the background when four
// fifths of the token's life are over, so that nobody waits. While the issuer is
// away a kept token is good until it expires.
//
// A refusal is [ErrInvalid] around a [*ServerError]. Errors are not kept, but one
// token is not asked for more than once a second: whoever comes earlier waits.
func (c *Client) Token(ctx context.Context, r TokenRequest) (*AccessToken, error) {
	if c.auth == nil {
		return nil, errNoCredentials
	}
	return c.cache.get(ctx, c.now, r.key(), func(ctx context.Context) (*AccessToken, error) { return c.mint(ctx, r) })
}

// Forget drops a token that an API refused, so that [Client.Token] gets another.
// Dropping one that is not kept any more changes nothing, so of all who were
// refused with the same token the first decides.
func (c *Client) Forget(token string) { c.cache.forget(token) }

// key is the same for the same sets (RFC 6749, Section 3.3; RFC 8707, Section 2).
func (r TokenRequest) key() string {
	return fmt.Sprintf("%q %q", words(r.Scope), slices.Compact(slices.Sorted(slices.Values(r.Resource))))
}

func (c *Client) mint(ctx context.Context, r TokenRequest) (*AccessToken, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if r.Scope != "" {
		form.Set("scope", r.Scope)
	}
	if len(r.Resource) != 0 {
		form["resource"] = r.Resource
	}
	return c.askToken(ctx, form, "the server gives no token: check the application's scopes, resources and key")
}

// askToken sends a token request and reads the answer (RFC 6749, Section 5). It
// asks once: whoever wants to try again calls again, with a new assertion.
func (c *Client) askToken(ctx context.Context, form url.Values, refused string) (*AccessToken, error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	began := c.now().Round(0) // without the monotonic clock, which stands still while a machine sleeps
	answer, err := c.doProven(ctx, call{method: http.MethodPost, url: m.TokenEndpoint, form: form})
	if err != nil {
		return nil, err
	}
	if answer.away() {
		return nil, &Error{Kind: ErrUnreachable, Reason: "the server cannot give a token now", Err: answer.refusal()}
	}
	if err := answer.refusal(); err != nil {
		return nil, invalid(refused, err)
	}
	t, err := readToken(answer.body, began, form.Get("scope"))
	if err != nil {
		return nil, err
	}
	if err := c.checkType(t); err != nil {
		return nil, err
	}
	return t, nil
}

// checkType refuses tokens that cannot be used (RFC 6749, Section 7.1), and with a
// DPoP key those that are not bound to it (RFC 9449, Section 5). What an exchange
// gives that is no access token has the type N_A (RFC 8693, Section 2.2.1).
func (c *Client) checkType(t *AccessToken) error {
	for _, known := range []string{"Bearer", "DPoP", "N_A"} {
		if strings.EqualFold(t.Type, known) { // RFC 6749, Section 5.1: case means nothing
			t.Type = known
		}
	}
	switch {
	case t.Type == "N_A" && t.IssuedTokenType != "", t.Type == "Bearer" && c.prover == nil, t.Type == "DPoP" && c.prover != nil:
		return nil
	case t.Type == "Bearer":
		return invalid("the token is not bound to DPoPKey", nil)
	default:
		return invalid(fmt.Sprintf("the token has the type %q: is DPoPKey missing?", t.Type), nil)
	}
}

// longestLife bounds what is computed with; no issuer's token lives that long.
const longestLife = 366 * 24 * time.Hour

// readToken reads a token answer: RFC 6749, Section 5.1. asked is the scope that
// was asked for, which is the token's where the answer names none.
func readToken(body []byte, began time.Time, asked string) (*AccessToken, error) {
	var a struct {
		Token     string  `json:"access_token"`
		Type      string  `json:"token_type"`
		ExpiresIn float64 `json:"expires_in"`
		Scope     *string `json:"scope"`
		Issued    string  `json:"issued_token_type"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.Token == "" || a.Type == "" {
		return nil, invalid("the token answer holds no token", nil) // the cause could quote one
	}
	t := &AccessToken{Token: a.Token, Type: a.Type, Scope: asked, IssuedTokenType: a.Issued}
	if a.Scope != nil {
		t.Scope = *a.Scope
	}
	if a.ExpiresIn > 0 {
		t.ExpiresAt = began.Add(time.Duration(min(a.ExpiresIn, longestLife.Seconds()) * float64(time.Second)))
	}
	return t, nil
}
