package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// accessClaims are the claims of our own access tokens that decide.
type accessClaims struct {
	Iss      string          `json:"iss"`
	Sub      string          `json:"sub"`
	Aud      audienceList    `json:"aud"`
	ClientID model.ClientID  `json:"client_id"`
	Scope    string          `json:"scope"`
	JTI      string          `json:"jti"`
	Iat      int64           `json:"iat"`
	Exp      int64           `json:"exp"`
	GrantID  model.GrantID   `json:"grant_id"`
	Approval *approvalClaims `json:"approval"`
}

type approvalClaims struct {
	ID        model.ApprovalID    `json:"id"`
	Statement model.StatementHash `json:"statement"`
}

// An audienceList is a string or an array of strings (RFC 7519, Section 4.1.3).
type audienceList []string

// UnmarshalJSON reads both forms.
func (a *audienceList) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = make([]string, 1)
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// An AccessToken is one of ours that was verified and may be used now.
type AccessToken struct {
	Payload   []byte // the claims as JSON
	Subject   string
	Identity  model.IdentityID // the person, if there is one
	ClientID  model.ClientID
	Audience  []string
	Scope     string
	GrantID   model.GrantID
	JTI       string
	ExpiresAt int64 // Unix seconds
	Approval  model.ApprovalID
}

// Use verifies an access token of the realm and lets it through the gate.
// Whatever is wrong with it, the answer is one of InvalidGrant; the cause is
// for the log.
func (e *Engine) Use(ctx context.Context, site *model.Site, compact string) (AccessToken, error) {
	refuse := func(cause error) (AccessToken, error) {
		return AccessToken{}, &Error{Code: InvalidGrant, Description: "the token is not valid", Cause: cause}
	}
	v, err := e.cfg.Keys.Verify(ctx, site, compact)
	if unverified(err) {
		return refuse(err)
	}
	if err != nil { // the keys cannot be read: that says nothing about the token
		return AccessToken{}, err
	}
	var c accessClaims
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return refuse(err)
	}
	now := e.cfg.Now()
	if v.Header.Typ != "at+jwt" || c.Iss != site.Issuer || now.Unix() >= c.Exp {
		return refuse(errNotOurs)
	}
	t := AccessToken{Payload: v.Payload, Subject: c.Sub, ClientID: c.ClientID, Audience: c.Aud, Scope: c.Scope,
		GrantID: c.GrantID, JTI: c.JTI, ExpiresAt: c.Exp}
	if c.Sub != string(c.ClientID) {
		t.Identity = model.IdentityID(c.Sub)
	}
	if c.Approval != nil {
		t.Approval = c.Approval.ID
	}
	return t, e.admitToken(ctx, site, t, c.Iat)
}

// unverified reports whether a JWS was examined and found wanting.
func unverified(err error) bool {
	return errors.Is(err, jose.ErrMalformed) || errors.Is(err, jose.ErrSignature) || errors.Is(err, jose.ErrAlgorithm)
}

func (e *Engine) admitToken(ctx context.Context, site *model.Site, t AccessToken, iat int64) error {
	const invalid = "the token is not valid"
	client, err := e.cfg.Clients.Get(ctx, site, t.ClientID)
	if errors.Is(err, model.ErrNotFound) {
		return &Error{Code: InvalidGrant, Description: invalid, Cause: err}
	}
	if err != nil {
		return err
	}
	err = e.cfg.Gate.Check(ctx, gate.Use{Site: site, Application: &client.Application, Identity: t.Identity,
		Grant: t.GrantID, JTI: t.JTI, IssuedAt: gate.IssuedAt(t.JTI, iat)})
	return closed(err, InvalidGrant, invalid)
}

// An Introspection is the answer to a resource server's question.
type Introspection struct {
	Body   []byte // JSON (RFC 7662, Section 2.2)
	Client model.ClientID
}

// inactive says nothing else, on purpose (RFC 7662, Section 2.2).
var inactive = []byte(`{"active":false}`)

// Introspect answers what a token means, to authenticated clients that may see
// it: the one it was issued to, and those it is for (RFC 7662).
func (e *Engine) Introspect(ctx context.Context, r Request) (Introspection, error) {
	x := e.begin(introspect, r)
	if err := e.run(ctx, x); err != nil {
		return Introspection{Client: x.clientID()}, err
	}
	out := Introspection{Body: inactive, Client: x.client.ID}
	if x.client.Settings.AuthMethod == model.AuthNone {
		return out, clientRefused(x, "a public client may not introspect", nil)
	}
	raw := x.Params.Get("token")
	if raw == "" {
		return out, &Error{Code: InvalidRequest, Description: "token is missing"}
	}
	t, err := e.Use(ctx, x.Site, raw)
	if refused := AsError(err); err != nil && refused.Code != InvalidGrant {
		return out, err
	}
	if err != nil || !maySee(x.client, t) {
		return out, nil //nolint:nilerr // whatever is wrong with the token, the answer is "not active"
	}
	out.Body = activeBody(t.Payload)
	return out, nil
}

func maySee(c *model.Client, t AccessToken) bool {
	return t.ClientID == c.ID || slices.Contains(t.Audience, string(c.ID))
}

// activeBody is the token's own claims with the two members that only
// introspection has.
func activeBody(payload []byte) []byte {
	out := make([]byte, 0, len(payload)+48)
	out = append(out, `{"active":true,"token_type":"Bearer",`...)
	return append(out, bytes.TrimPrefix(payload, []byte("{"))...)
}
