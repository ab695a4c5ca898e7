package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// A UserinfoAnswer is what is known of the person that a token is for.
type UserinfoAnswer struct {
	Body        []byte
	ContentType string
	Client      model.ClientID
}

// Userinfo answers the claims that an access token gives a right to (OpenID
// Connect Core 1.0, Section 5.3): those of its scopes, and those that the
// request asked for by name. The answer is signed where the client registered
// an algorithm for it.
func (e *Engine) Userinfo(ctx context.Context, p Presented) (UserinfoAnswer, error) {
	t, client, err := e.use(ctx, p)
	if err != nil {
		return UserinfoAnswer{}, AsRefusedToken(err)
	}
	out := UserinfoAnswer{ContentType: "application/json", Client: t.ClientID}
	scopes := strings.Fields(t.Scope)
	if !slices.Contains(scopes, scopeOpenID) || t.Identity == "" {
		return out, &Error{Code: InsufficientScope, Description: "the token does not have the scope openid"}
	}
	asked, err := e.userinfoRequests(ctx, p.Site, client, t)
	if err != nil {
		return out, err
	}
	who, err := e.cfg.People.Identity(ctx, p.Site, t.Identity)
	if err != nil {
		return out, fmt.Errorf("read claims: %w", err)
	}
	alg := client.Settings.UserinfoAlg
	o := newObject(512)
	if alg != "" { // Section 5.3.2: iss and aud, so that it is for nobody else
		o.text("iss", p.Site.Issuer)
		o.text("aud", string(client.ID))
	}
	o.text("sub", t.Subject) // what the ID token says too
	writeProfile(o, who, scopes, asked)
	if out.Body = o.close(); alg == "" {
		return out, nil
	}
	compact, err := e.cfg.Keys.Sign(ctx, p.Site, alg, "JWT", out.Body)
	if err != nil {
		return out, fmt.Errorf("sign userinfo: %w", err)
	}
	out.Body, out.ContentType = []byte(compact), "application/jwt"
	return out, nil
}

// AsRefusedToken is [AsError] for the errors of [Engine.Use] at a resource of
// ours: what is wrong with a token is named as resources do (RFC 6750, Section
// 3.1).
func AsRefusedToken(err error) *Error {
	refused := AsError(err)
	if refused.Code != InvalidGrant {
		return refused
	}
	return &Error{Code: InvalidToken, Description: refused.Description, Cause: refused.Cause, Resource: true}
}

// userinfoRequests are the claims that the request behind the token's grant
// asked for at userinfo.
func (e *Engine) userinfoRequests(ctx context.Context, site *model.Site, client *model.Client, t AccessToken) (claimRequests, error) {
	if t.GrantID == "" {
		return nil, nil
	}
	g, err := e.cfg.Store.Grant(ctx, site.Realm.ID, t.GrantID)
	if errors.Is(err, model.ErrNotFound) || err == nil && len(g.Terms.Claims) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read grant: %w", err)
	}
	userinfo, _, err := readClaims(g.Terms.Claims)
	if err != nil {
		return nil, fmt.Errorf("claims of grant %s: %w", g.ID, err)
	}
	return userinfo.within(&client.Settings), nil
}
