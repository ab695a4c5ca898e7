package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// An Introspection is the answer to a resource server's question.
type Introspection struct {
	Body        []byte // JSON (RFC 7662, Section 2.2), or a JWT of it (RFC 9701)
	ContentType string
	Client      model.ClientID
}

// IntrospectionJWT is the media type of a signed answer (RFC 9701, Section 4).
const IntrospectionJWT = "application/token-introspection+jwt"

// inactive says nothing else, on purpose (RFC 7662, Section 2.2).
var inactive = []byte(`{"active":false}`)

// Introspect answers what a token means, to authenticated clients that may see
// it: the one it was issued to, those it is for, and those that act for a resource
// server that it is for (RFC 7662). The answer is
// signed if the client asked for that or is registered for it (RFC 9701).
func (e *Engine) Introspect(ctx context.Context, r Request, signed bool) (Introspection, error) {
	x := e.begin(introspect, r)
	if err := e.run(ctx, x); err != nil {
		return Introspection{Client: x.clientID()}, err
	}
	out := Introspection{ContentType: "application/json", Client: x.client.ID}
	if !x.client.Settings.AuthMethod.Confidential() {
		return out, clientRefused(x, "a public client may not introspect", nil)
	}
	raw := x.Params.Get("token")
	if raw == "" {
		return out, &Error{Code: InvalidRequest, Description: "token is missing"}
	}
	var err error
	out.Body, err = e.explain(ctx, x, raw)
	if err != nil || !signed && x.client.Settings.IntrospectionAlg == "" {
		return out, err
	}
	out.ContentType = IntrospectionJWT
	out.Body, err = e.signIntrospection(ctx, x, out.Body)
	return out, err
}

// explain is the answer as JSON. Whatever is wrong with the token, it is "not
// active".
func (e *Engine) explain(ctx context.Context, x *exchange, raw string) ([]byte, error) {
	if isRefresh(raw) {
		return e.explainRefresh(ctx, x, raw)
	}
	t, err := e.Use(ctx, Presented{Site: x.Site, Token: raw})
	if err != nil && AsError(err).Code != InvalidGrant {
		return nil, err
	}
	if err != nil || !maySee(x.client, t) && !actsFor(x.Site, x.client.ID, t.Audience) {
		return inactive, nil //nolint:nilerr // what is wrong is for the log of others
	}
	return activeBody(t), nil
}

func maySee(c *model.Client, t AccessToken) bool {
	return t.ClientID == c.ID || slices.Contains(t.Audience, string(c.ID))
}

// activeBody is the token's own claims with the two members that only
// introspection has.
func activeBody(t AccessToken) []byte {
	out := make([]byte, 0, len(t.Payload)+48)
	out = append(out, `{"active":true,"token_type":"`...)
	out = append(out, tokenType(t.Bound)...)
	out = append(out, `",`...)
	return append(out, bytes.TrimPrefix(t.Payload, []byte("{"))...)
}

// explainRefresh answers the client that a refresh token was issued to.
func (e *Engine) explainRefresh(ctx context.Context, x *exchange, raw string) ([]byte, error) {
	g, err := e.liveRefresh(ctx, x, raw)
	if errors.Is(err, errRefreshToken) {
		return inactive, nil
	}
	if err != nil {
		return nil, err
	}
	sub := g.Terms.Subject
	if sub == "" {
		if sub, err = e.subject(ctx, x.Site, &x.client.Settings, g.IdentityID); err != nil {
			return nil, err
		}
	}
	o := newObject(512)
	o.raw("active", json.RawMessage("true"))
	o.text("iss", x.Site.Issuer)
	o.text("sub", sub)
	o.text("client_id", string(g.ApplicationID))
	if g.Scope != "" {
		o.text("scope", g.Scope)
	}
	o.number("iat", max(g.CreatedAt, g.RefreshedAt).Unix())
	o.number("exp", g.ExpiresAt.Unix())
	o.rawList("authorization_details", g.Terms.Details)
	o.bound(Binding{JKT: g.Terms.JKT, X5T: g.Terms.X5T})
	o.raw("act", g.Terms.Act)
	return o.close(), nil
}

// liveRefresh finds the grant of a refresh token that would be taken now;
// errRefreshToken.
func (e *Engine) liveRefresh(ctx context.Context, x *exchange, raw string) (model.Grant, error) {
	ref, err := e.openRefresh(ctx, x.Site, x.client.ID, raw)
	if err != nil {
		return model.Grant{}, err
	}
	g, err := e.cfg.Store.Grant(ctx, x.Site.Realm.ID, ref.Grant)
	if errors.Is(err, model.ErrNotFound) {
		return g, errRefreshToken
	}
	if err != nil {
		return g, fmt.Errorf("read grant: %w", err)
	}
	if err := refreshAlive(x, g, ref); err != nil || ref.Number != g.Refresh {
		return g, errRefreshToken
	}
	err = e.cfg.Gate.Check(ctx, gate.Use{Site: x.Site, Application: &x.client.Application, Identity: g.IdentityID,
		Grant: g.ID, IssuedAt: g.CreatedAt})
	if _, refused := gate.Refused(err); refused {
		return g, errors.Join(errRefreshToken, err)
	}
	return g, err
}

// signIntrospection: RFC 9701, Section 5. There is no sub and no exp, so that
// nobody can take the answer for an access token.
func (e *Engine) signIntrospection(ctx context.Context, x *exchange, answer []byte) ([]byte, error) {
	alg := x.client.Settings.IntrospectionAlg
	if alg == "" {
		alg = string(jose.RS256) // the default of RFC 9701, Section 6
	}
	c := newObject(len(answer) + 256)
	c.text("iss", x.Site.Issuer)
	c.text("aud", string(x.client.ID))
	c.number("iat", x.now.Unix())
	c.raw("token_introspection", answer)
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, alg, "token-introspection+jwt", c.close())
	if err != nil {
		return nil, fmt.Errorf("sign introspection: %w", err)
	}
	return []byte(compact), nil
}
