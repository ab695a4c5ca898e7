package assent

import (
	"context"
	"errors"
	"net/url"
)

// Token types of an exchange (RFC 8693, Section 3; ID-JAG, Section 3).
const (
	TokenTypeAccess = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // a name
	TokenTypeID     = "urn:ietf:params:oauth:token-type:id_token"     //nolint:gosec // a name
	TokenTypeJWT    = "urn:ietf:params:oauth:token-type:jwt"          //nolint:gosec // a name
	TokenTypeIDJAG  = "urn:ietf:params:oauth:token-type:id-jag"       //nolint:gosec // a name
)

// An ExchangeRequest asks for a token in place of another: for the same subject,
// and for no more than the other allows.
type ExchangeRequest struct {
	SubjectToken     string // of whom the new token will be
	SubjectTokenType string // empty: TokenTypeAccess
	// ActorToken says who acts for the subject. Empty: the application itself.
	ActorToken     string
	ActorTokenType string // empty: TokenTypeAccess
	// Scope are scopes of the subject token, separated by spaces. Empty: all of
	// them that the application may have.
	Scope string
	// Resource and Audience name the APIs that the new token is for, as URIs (RFC
	// 8707) and as names of applications. Empty: those of the subject token.
	Resource []string
	Audience []string
	// RequestedTokenType is empty for an access token.
	RequestedTokenType string
}

// ErrActor is in the error of an exchange that the subject token does not allow:
// its may_act claim names another actor (RFC 8693, Section 4.4).
var ErrActor = errors.New("the subject token may be used by another actor only")

// Exchange gets a token in place of another (RFC 8693): an API that calls another
// API for the person who called it does not pass their token on, it exchanges it
// for one that names both. What was got is not kept; its life ends with that of
// the subject token at the latest.
//
// A refusal is [ErrInvalid] around a [*ServerError], and around [ErrActor] where
// may_act was the reason.
func (c *Client) Exchange(ctx context.Context, r ExchangeRequest) (*AccessToken, error) {
	if c.auth == nil {
		return nil, errNoCredentials
	}
	form, err := r.form()
	if err != nil {
		return nil, err
	}
	t, err := c.askToken(ctx, form, "the server does not exchange the token")
	if refused, ok := errors.AsType[*ServerError](err); ok && refused.aboutActor() {
		return nil, invalid("the server does not exchange the token", errors.Join(ErrActor, refused))
	}
	return t, err
}

// aboutActor tells the refusal because of may_act from others, which have the same
// code (RFC 8693, Section 2.2.2), by its words in Assent.
func (e *ServerError) aboutActor() bool {
	return e.Code == "invalid_request" && e.Description == "the subject token does not allow this actor"
}

func (r ExchangeRequest) form() (url.Values, error) {
	switch {
	case r.SubjectToken == "":
		return nil, errors.New("SubjectToken is missing: what is to be exchanged?")
	case r.ActorToken == "" && r.ActorTokenType != "":
		return nil, errors.New("ActorTokenType is set without an ActorToken")
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}}
	set := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				form.Add(name, v)
			}
		}
	}
	set("subject_token", r.SubjectToken)
	set("subject_token_type", typeOr(r.SubjectToken, r.SubjectTokenType))
	set("actor_token", r.ActorToken)
	set("actor_token_type", typeOr(r.ActorToken, r.ActorTokenType))
	set("scope", r.Scope)
	set("resource", r.Resource...)
	set("audience", r.Audience...)
	set("requested_token_type", r.RequestedTokenType)
	return form, nil
}

// typeOr is the type of a token that is there.
func typeOr(token, kind string) string {
	if token != "" && kind == "" {
		return TokenTypeAccess
	}
	return kind
}
