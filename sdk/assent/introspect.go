package assent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// Introspect asks the issuer what a token means (RFC 7662) and returns its
// answer as it came: a JSON object whose member active says whether the token is
// of any use. It is false too for a token that this application may not see: one
// that was neither issued to it nor is for it. Nothing is kept.
//
// An introspection uses nothing up and is no approval; see [Client.VerifyApproval].
func (c *Client) Introspect(ctx context.Context, token string) (json.RawMessage, error) {
	if c.auth == nil {
		return nil, errNoCredentials
	}
	if token == "" {
		return nil, errors.New("there is no token to introspect")
	}
	m, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	if m.IntrospectionEndpoint == "" {
		return nil, invalid("the issuer has no introspection endpoint", nil)
	}
	answer, err := c.do(ctx, call{method: http.MethodPost, url: m.IntrospectionEndpoint, form: url.Values{"token": {token}}})
	if err != nil {
		return nil, err
	}
	if answer.away() {
		return nil, &Error{Kind: ErrUnreachable, Reason: "the server cannot introspect now", Err: answer.refusal()}
	}
	if err := answer.refusal(); err != nil {
		return nil, invalid("the server does not answer what the token means: check the application's id and key", err)
	}
	if _, err := activeMember(answer.body); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(answer.body), nil
}

func activeMember(answer []byte) (bool, error) {
	var body struct {
		Active *bool `json:"active"`
	}
	if err := json.Unmarshal(answer, &body); err != nil || body.Active == nil {
		return false, invalid("the introspection answer does not say whether the token is active", nil)
	}
	return *body.Active, nil
}

func isActive(answer []byte) bool {
	active, err := activeMember(answer)
	return err == nil && active
}
