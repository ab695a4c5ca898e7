package oauth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// A TokenAnswer is a successful answer of the token endpoint, ready to send.
type TokenAnswer struct {
	Body   []byte // JSON (RFC 6749, Section 5.1)
	Client model.ClientID
	Nonce  string // for the client's next DPoP proof (RFC 9449, Section 8.2); empty: none
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
	if ent.details, err = narrowDetails(ent.details, x.details); err != nil {
		return out, err
	}
	if err := x.keepToApprovals(ent); err != nil {
		return out, err
	}
	out.Nonce = x.nonce
	out.Body, err = e.issue(ctx, x, ent)
	return out, err
}

func (e *Engine) issue(ctx context.Context, x *exchange, ent *entitlement) ([]byte, error) {
	// A long poll may have waited: tokens are dated when they are made. They are
	// dated before the gate is asked, so that whatever is revoked after it looked
	// is revoked after the token was made, and takes it too.
	x.started = e.cfg.Now()
	x.now = model.MillisOf(x.started)
	revoked, err := e.passes(ctx, x, ent)
	if err != nil {
		return nil, err
	}
	x.after(max(revoked, ent.earliest-1))
	if ent.latest > 0 && x.now.Unix() >= ent.latest {
		return nil, &Error{Code: InvalidGrant, Description: "the grant is over"}
	}
	jti := ids.At("tok", x.started)
	if err := e.stillAdministers(ctx, x, ent); err != nil {
		return nil, err
	}
	if ent.subject == "" {
		if ent.subject, err = e.subject(ctx, x.Site, &x.client.Settings, ent.identity); err != nil {
			return nil, err
		}
	}
	if ent.roles, err = e.roles(ctx, x, ent); err != nil {
		return nil, err
	}
	access, err := e.accessToken(ctx, x, ent, jti)
	if err != nil {
		return nil, err
	}
	id, err := e.idToken(ctx, x, ent, access)
	if err != nil {
		return nil, err
	}
	if ent.commit != nil {
		if err := ent.commit(ctx); err != nil {
			return nil, err
		}
	}
	return tokenAnswer(x, ent, access, id), nil
}

// passes asks the gate for all that the token will hang under, and answers up to
// when that was revoked.
func (e *Engine) passes(ctx context.Context, x *exchange, ent *entitlement) (model.Millis, error) {
	revoked, err := e.cfg.Gate.Pass(ctx, gate.Use{Site: x.Site, Application: &x.client.Application, Identity: ent.identity,
		Grant: ent.grantID, IssuedAt: ent.decided})
	if err != nil {
		return 0, closed(err, InvalidGrant, "the grant is not valid")
	}
	for _, b := range ent.based {
		if err := e.admitParents(ctx, x.Site, x.client, b); err != nil {
			return 0, err
		}
	}
	return revoked, nil
}

// after dates what is being made later than what was revoked (see [gate.Gate.Pass]).
func (x *exchange) after(revoked model.Millis) {
	x.revoked = revoked
	x.started = gate.After(x.started, revoked)
	x.now = model.MillisOf(x.started)
}

// tokenAnswer is RFC 6749, Section 5.1. The granted scope is always there.
func tokenAnswer(x *exchange, ent *entitlement, access, id string) []byte {
	body := newObject(len(access) + len(id) + 512)
	body.text("access_token", access)
	body.text("token_type", answeredType(x, ent))
	body.number("expires_in", int64(lifetime(x, ent)))
	if len(ent.scope) > 0 {
		body.text("scope", strings.Join(ent.scope, " "))
	}
	body.rawList("authorization_details", ent.details)
	if ent.refresh != "" {
		body.text("refresh_token", ent.refresh)
	}
	if id != "" {
		body.text("id_token", id)
	}
	if ent.answer != nil {
		ent.answer(body)
	}
	return body.close()
}

// tokenType: RFC 9449, Section 5, and RFC 6750. Certificate-bound tokens are
// called Bearer (RFC 8705, Section 3).
func tokenType(b Binding) string {
	if b.JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}

// answeredType: what is no access token is of no type (RFC 8693, Section 2.2.1).
func answeredType(x *exchange, ent *entitlement) string {
	if ent.assertion != nil {
		return "N_A"
	}
	return tokenType(x.bound)
}

// lifetime of the access token in seconds: the shortest that the client or one of
// those whom it is for wants.
func lifetime(x *exchange, ent *entitlement) int {
	seconds := clientLifetime(x, ent)
	if ent.assertion != nil { // no access token
		return seconds
	}
	for _, r := range serversOf(x, ent) {
		if r.TokenLifetime > 0 {
			seconds = min(seconds, r.TokenLifetime)
		}
	}
	return seconds
}

// clientLifetime is that of a token that is for the client itself.
func clientLifetime(x *exchange, ent *entitlement) int {
	seconds := int(x.client.Settings.TokenLives().Seconds())
	if ent.lifetime > 0 {
		seconds = ent.lifetime
	}
	if ent.latest > 0 {
		seconds = min(seconds, int(ent.latest-x.now.Unix()))
	}
	return seconds
}

// accessToken makes the access token: a JWT (RFC 9068), or a reference to the
// same claims.
func (e *Engine) accessToken(ctx context.Context, x *exchange, ent *entitlement, jti string) (string, error) {
	if ent.assertion != nil {
		return ent.assertion(ctx, jti)
	}
	claims := accessTokenClaims(x, ent, jti)
	if opaqueToken(x, ent) {
		return e.saveOpaque(ctx, x, claims, x.now.Add(time.Duration(lifetime(x, ent))*time.Second))
	}
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, tokenAlg(x.client.Settings.TokenAlg), "at+jwt", claims)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return compact, nil
}

// accessTokenClaims: RFC 9068, Section 2.2. The jti is time-ordered: it holds
// the instant of issue to the millisecond.
func accessTokenClaims(x *exchange, ent *entitlement, jti string) []byte {
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
	c.authenticated(ent.auth)
	if len(ent.roles) > 0 {
		c.texts("roles", ent.roles)
	}
	c.rawList("authorization_details", ent.details)
	if ent.grantID != "" {
		c.text("grant_id", string(ent.grantID))
	}
	c.bound(x.bound)
	c.raw("act", ent.act)
	c.raw("may_act", ent.mayAct)
	if len(ent.parents) > 0 {
		c.texts("parents", ent.parents)
	}
	if a := ent.approval; a != nil {
		c.nested("approval", func(o *object) {
			o.text("id", string(a.id))
			o.text("statement", string(a.statement))
		})
	}
	return c.close()
}

func tokenAlg(registered string) string {
	if registered == "" {
		return string(jose.ES256)
	}
	return registered
}

// idToken: OpenID Connect Core 1.0, Section 2. Nothing null or empty.
func (e *Engine) idToken(ctx context.Context, x *exchange, ent *entitlement, access string) (string, error) {
	if ent.idToken == nil {
		return "", nil
	}
	alg := tokenAlg(x.client.Settings.IDTokenAlg)
	c := newObject(512)
	c.text("iss", x.Site.Issuer)
	c.text("sub", ent.subject)
	c.text("aud", string(x.client.ID))
	c.text("azp", string(x.client.ID))
	c.number("iat", x.now.Unix())
	c.number("exp", x.now.Unix()+int64(clientLifetime(x, ent)))
	if model.Millis(x.now.Unix()*1000) <= x.revoked { // to the millisecond, where the second does not say it
		c.text("jti", ids.At("idt", x.started))
	}
	c.authenticated(ent.auth)
	if ent.sid != "" {
		name, err := e.sessionName(ctx, x.Site, &x.client.Settings, ent.sid)
		if err != nil {
			return "", err
		}
		c.text("sid", name)
	}
	c.text("at_hash", accessTokenHash(alg, access))
	ent.idToken(c)
	if err := e.addIDClaims(ctx, x, ent, c); err != nil {
		return "", err
	}
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, alg, "JWT", c.close())
	if err != nil {
		return "", fmt.Errorf("sign ID token: %w", err)
	}
	return compact, nil
}

// addIDClaims adds the claims about the person that the request asked for in
// the ID token itself (OpenID Connect Core 1.0, Section 5.5).
func (e *Engine) addIDClaims(ctx context.Context, x *exchange, ent *entitlement, c *object) error {
	if len(ent.idClaims) == 0 || ent.identity == "" {
		return nil
	}
	person, err := e.cfg.People.Identity(ctx, x.Site, ent.identity)
	if err != nil {
		return fmt.Errorf("read claims: %w", err)
	}
	writeProfile(c, person, nil, ent.idClaims.within(&x.client.Settings))
	return nil
}
