package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// A TokenAnswer is a successful answer of the token endpoint, ready to send.
type TokenAnswer struct {
	Body   []byte // JSON (RFC 6749, Section 5.1)
	Client model.ClientID
}

// Token answers the token endpoint: ordered checks, the grant's own part, the
// gate, the signer, the one state change, and only then the answer.
func (e *Engine) Token(ctx context.Context, r Request) (TokenAnswer, error) {
	x := e.begin(token, r)
	if err := e.run(ctx, x); err != nil {
		return TokenAnswer{Client: x.clientID()}, err
	}
	out := TokenAnswer{Client: x.client.ID}
	ent, err := x.grant.entitle(e, ctx, x)
	if err != nil {
		return out, err
	}
	out.Body, err = e.issue(ctx, x, ent)
	return out, err
}

func (e *Engine) issue(ctx context.Context, x *exchange, ent *entitlement) ([]byte, error) {
	// A long poll may have waited: tokens are dated when they are made. They are
	// dated before the gate is asked, so that whatever is revoked after it looked
	// is revoked after the token was made, and takes it too.
	x.started = e.cfg.Now()
	x.now = model.MillisOf(x.started)
	jti := ids.New("tok")
	err := e.cfg.Gate.Check(ctx, gate.Use{Site: x.Site, Application: &x.client.Application, Identity: ent.identity,
		Grant: ent.grantID, IssuedAt: ent.decided})
	if err != nil {
		return nil, closed(err, InvalidGrant, "the grant is not valid")
	}
	access, err := e.signAccessToken(ctx, x, ent, jti)
	if err != nil {
		return nil, err
	}
	body := newObject(len(access) + 512)
	body.text("access_token", access)
	body.text("token_type", "Bearer")
	body.number("expires_in", int64(lifetime(x, ent)))
	if len(ent.scope) > 0 {
		body.text("scope", strings.Join(ent.scope, " "))
	}
	body.rawList("authorization_details", ent.details)
	if ent.idToken != nil {
		id, err := e.signIDToken(ctx, x, ent, access)
		if err != nil {
			return nil, err
		}
		body.text("id_token", id)
	}
	if ent.commit != nil {
		if err := ent.commit(ctx); err != nil {
			return nil, err
		}
	}
	return body.close(), nil
}

// defaultLifetime of access tokens, in seconds.
const defaultLifetime = 300

func lifetime(x *exchange, ent *entitlement) int {
	switch {
	case ent.lifetime > 0:
		return ent.lifetime
	case x.client.Settings.TokenLifetime > 0:
		return x.client.Settings.TokenLifetime
	default:
		return defaultLifetime
	}
}

// signAccessToken makes a JWT access token (RFC 9068, Section 2.2). Its jti is
// time-ordered: it holds the instant of issue to the millisecond.
func (e *Engine) signAccessToken(ctx context.Context, x *exchange, ent *entitlement, jti string) (string, error) {
	iat := x.now.Unix()
	if t, ok := ids.Time(jti); ok {
		iat = t.Unix() // the same instant in both claims
	}
	c := newObject(512)
	c.text("iss", x.Site.Issuer)
	c.text("sub", ent.subject)
	c.audience("aud", ent.audience)
	c.text("client_id", string(x.client.ID))
	if len(ent.scope) > 0 {
		c.text("scope", strings.Join(ent.scope, " "))
	}
	c.text("jti", jti)
	c.number("iat", iat)
	c.number("exp", iat+int64(lifetime(x, ent)))
	if a := ent.auth; a != nil {
		c.number("auth_time", a.at)
		c.text("acr", a.acr)
		c.texts("amr", a.amr)
	}
	c.rawList("authorization_details", ent.details)
	if ent.grantID != "" {
		c.text("grant_id", string(ent.grantID))
	}
	if a := ent.approval; a != nil {
		c.nested("approval", func(o *object) {
			o.text("id", string(a.id))
			o.text("statement", string(a.statement))
		})
	}
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, tokenAlg(x.client.Settings.TokenAlg), "at+jwt", c.close())
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return compact, nil
}

func tokenAlg(registered string) string {
	if registered == "" {
		return string(jose.ES256)
	}
	return registered
}

// signIDToken: OpenID Connect Core 1.0, Section 2. Nothing null or empty.
func (e *Engine) signIDToken(ctx context.Context, x *exchange, ent *entitlement, access string) (string, error) {
	alg := tokenAlg(x.client.Settings.IDTokenAlg)
	c := newObject(512)
	c.text("iss", x.Site.Issuer)
	c.text("sub", ent.subject)
	c.text("aud", string(x.client.ID))
	c.number("iat", x.now.Unix())
	c.number("exp", x.now.Unix()+int64(lifetime(x, ent)))
	if a := ent.auth; a != nil {
		c.number("auth_time", a.at)
		c.text("acr", a.acr)
		c.texts("amr", a.amr)
	}
	c.text("at_hash", accessTokenHash(alg, access))
	ent.idToken(c)
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, alg, "JWT", c.close())
	if err != nil {
		return "", fmt.Errorf("sign ID token: %w", err)
	}
	return compact, nil
}
