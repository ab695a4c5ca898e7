package manage

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/oauth"
)

// caller is whose token this is: a management application's own, or that which the
// built-in application for admins got for one of them. What a person gave to any
// other application is for what that person may, which is not this. has is what
// the token is good for.
func (a *API) caller(w http.ResponseWriter, r *http.Request, scopes []string) (actor string, has []string, err error) {
	site := httpx.Site(r)
	t, err := api.Token(a.cfg.Tokens, w, r)
	if err != nil {
		return "", nil, err
	}
	if t == nil {
		for _, challenge := range oauth.Challenges(site, "", nil) {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		return "", nil, &httpx.Problem{Status: http.StatusUnauthorized, Code: "token_required", Detail: "Send an access token of a management application."}
	}
	actor, err = a.manager(r.Context(), site, t)
	if err != nil {
		return "", nil, err
	}
	has = strings.Fields(t.Scope)
	lacks := func(scope string) bool { return !slices.Contains(has, scope) }
	if actor == "" || slices.ContainsFunc(scopes, lacks) {
		wanted := strings.Join(scopes, " ")
		// RFC 6750, Section 3.1.
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+wanted+`"`)
		return "", nil, &httpx.Problem{Status: http.StatusForbidden, Code: "insufficient_scope",
			Detail: "This needs a token of a management application, or of an admin, with the scope " + wanted + "."}
	}
	httpx.SetActor(r, actor)
	return actor, has, nil
}

// manager is who may manage with a token; "": nobody.
func (a *API) manager(ctx context.Context, site *model.Site, t *oauth.AccessToken) (string, error) {
	// RFC 9068, Section 4: a token for another resource server is not for us.
	if !slices.Contains(t.Audience, site.Issuer) {
		return "", nil
	}
	client, err := a.cfg.Applications.Get(ctx, site, t.ClientID)
	if err != nil {
		return "", err
	}
	switch {
	case client.Settings.Management && t.Subject == string(t.ClientID):
		return string(t.ClientID), nil
	case !client.ForAdmins() || t.Identity == "" || len(t.Act) > 0: // RFC 8693, Section 4.1: somebody acts for the admin
		return "", nil
	}
	// The database says who is an admin now, not the token and not memory.
	who, err := a.cfg.People.Identity(ctx, site, t.Identity)
	if errors.Is(err, model.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if who.AdminSince == 0 || who.Status != model.IdentityActive || gate.IssuedAt(t.JTI, t.IssuedAt) <= who.AdminSince {
		return "", nil
	}
	alive, err := a.signedIn(ctx, site, who.ID, t.GrantID)
	if err != nil || !alive {
		return "", err
	}
	return string(who.ID), nil
}

// signedIn reports whether the session lives in which an admin gave a grant. That it
// ended, or that its passkey was revoked, is heard of everywhere in a moment; what
// an admin may do must not last that long.
func (a *API) signedIn(ctx context.Context, site *model.Site, who model.IdentityID, id model.GrantID) (bool, error) {
	g, err := a.cfg.Grants.GrantOf(ctx, site, id)
	if errors.Is(err, model.ErrNotFound) || err == nil && g.RevokedAt != 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return a.cfg.Grants.AdminSession(ctx, site, who, g.SessionID)
}
