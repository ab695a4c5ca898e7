package manage

import (
	"context"
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Grants are what people and applications were given.
type Grants interface {
	Grants(context.Context, *model.Site, oauth.GrantList) ([]model.Grant, error)
	GrantOf(context.Context, *model.Site, model.GrantID) (model.Grant, error)
	RevokeGrant(ctx context.Context, site *model.Site, id model.GrantID, actor string) error
	RevokeToken(ctx context.Context, site *model.Site, jti, actor string) error
	// RevokeGrantTokens makes the access tokens of a grant invalid that were issued by
	// now, and answers up to when.
	RevokeGrantTokens(ctx context.Context, site *model.Site, id model.GrantID, actor string) (model.Millis, error)
	// AdminSession reports whether a session lives in which an admin let a program
	// manage.
	AdminSession(context.Context, *model.Site, model.IdentityID, model.SessionID) (bool, error)
}

// Grant is what an application was given; tokens hang under it.
type Grant struct {
	ID         string   `json:"id"`
	TenantID   string   `json:"tenant_id"`
	RealmID    string   `json:"realm_id"`
	Kind       string   `json:"kind" doc:"The grant type that it came from."`
	IdentityID string   `json:"identity_id,omitempty" doc:"Whose it is; left out: the application acts in its own name."`
	ClientID   string   `json:"client_id" doc:"The application that has it."`
	SessionID  string   `json:"session_id,omitempty" doc:"The session that it ends with; left out: it outlives that."`
	ApprovalID string   `json:"approval_id,omitempty" doc:"The approval by which it was given."`
	ParentID   string   `json:"parent_id,omitempty" doc:"The grant whose end is its end too."`
	Scope      []string `json:"scope" doc:"What it is for."`
	Resources  []string `json:"resources,omitempty" doc:"Whom its tokens are for, where that was asked for."`
	State      string   `json:"state" enum:"live,revoked,expired" doc:"Grants stay for a day after they end."`
	CreateTime string   `json:"create_time"`
	ExpireTime string   `json:"expire_time" doc:"When it ends unless it is refreshed."`
	RevokeTime string   `json:"revoke_time,omitempty" doc:"When it was revoked."`
	// RefreshToken is the one thing below a grant that is kept.
	RefreshToken *GrantRefreshToken `json:"refresh_token,omitempty" doc:"Its refresh token; left out: none was given with it."`
}

// GrantRefreshToken is the refresh token of a grant, without the token.
type GrantRefreshToken struct {
	Live        bool   `json:"live" doc:"It can be used: the grant has not ended." example:"true"`
	CreateTime  string `json:"create_time" doc:"Since when the one that counts does. One that rotates is another after each use." example:"2026-11-20T12:00:00.000Z"`
	LastUseTime string `json:"last_use_time,omitempty" doc:"When the one before it was used; left out: none was, or it does not rotate, and then its uses are not kept." example:"2026-11-20T12:00:00.000Z"`
	Uses        int64  `json:"uses" doc:"How often a refresh token of the grant was used, where they rotate." example:"3"`
}

// GrantAnswer is one that was read.
type GrantAnswer struct {
	Grant Grant `json:"grant"`
}

// GrantList is one page.
type GrantList struct {
	Grants []Grant `json:"grants" doc:"The grants of this page, newest first; with client_id alone, person by person."`
	Next   string  `json:"next_page_token"`
}

type (
	grantListIn struct {
		Target
		Page
		Identity string `query:"identity_id" maxLength:"64" doc:"Only those of this person." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
		ClientID string `query:"client_id" maxLength:"512" doc:"Only those of this application." example:"shop"`
	}
	grantListOut struct{ Body GrantList }
	grantIn      struct {
		Target
		Grant string `path:"grant_id" doc:"Id of the grant." example:"grt_01kagxw5z4e8xr2m9mv8n9vpcx"`
	}
	grantOut struct{ Body GrantAnswer }
	tokenIn  struct {
		Target
		JTI string `path:"jti" doc:"Id of the access token: its jti." example:"tok_01kagxw5z5e8xr2m9mv8n9vpcx"`
	}
)

func (a *API) grants() {
	a.describe(map[string]string{"Grant": "What an application was given; tokens hang under it.", "GrantAnswer": "A grant as it is.", "GrantRefreshToken": "The refresh token of a grant, without the token.", "grant": "The grant.", "GrantList": "One page of grants."})
	example := Grant{ID: "grt_01kagxw5z4e8xr2m9mv8n9vpcx", TenantID: exampleTenant, RealmID: exampleRealm, Kind: "authorization_code", IdentityID: exampleIdentity, ClientID: "shop",
		Scope: []string{"openid", "offline_access"}, State: "live", CreateTime: exampleTime, ExpireTime: "2026-12-20T12:00:00.000Z",
		RefreshToken: &GrantRefreshToken{Live: true, CreateTime: exampleTime}}
	add(a, operation{id: "listGrants", method: http.MethodGet, path: "/grants", tag: "Grants and tokens", scope: GrantsRead,
		summary: "List grants", about: "What people and applications were given, newest first, in pages. With client_id alone the order is by person, and then so. " +
			"Access tokens are not kept, so nobody can list them: a grant stands for all that hang under it, and its refresh_token says whether it can give more.",
		gives: GrantList{Grants: []Grant{example}}}, a.listGrants)
	add(a, operation{id: "getGrant", method: http.MethodGet, path: "/grants/{grant_id}", tag: "Grants and tokens", scope: GrantsRead,
		summary: "Read a grant", about: "One grant, without any token.", gives: GrantAnswer{example}},
		func(ctx context.Context, c call, in *grantIn) (*grantOut, error) {
			if !ids.Valid("grt", in.Grant) {
				return nil, model.ErrNotFound
			}
			g, err := a.cfg.Grants.GrantOf(ctx, c.site, model.GrantID(in.Grant))
			return &grantOut{GrantAnswer{grantShown(c, &g, a.now())}}, err
		})
	add(a, operation{id: "revokeGrant", method: http.MethodDelete, path: "/grants/{grant_id}", tag: "Grants and tokens", scope: GrantsDelete, status: http.StatusNoContent,
		summary: "Revoke a grant", about: "Its tokens, and those of everything that descends from it, are refused from now on, on every node. Revoking it again changes nothing."},
		func(ctx context.Context, c call, in *grantIn) (*nothing, error) {
			if !ids.Valid("grt", in.Grant) {
				return nil, model.ErrNotFound
			}
			return &nothing{}, a.cfg.Grants.RevokeGrant(ctx, c.site, model.GrantID(in.Grant), c.actor)
		})
	add(a, operation{id: "revokeToken", method: http.MethodDelete, path: "/tokens/{jti}", tag: "Grants and tokens", scope: TokensDelete, status: http.StatusNoContent,
		summary: "Revoke an access token", about: "The token, and those that were exchanged for it, are refused from now on, on every node. Which tokens there are is not kept, " +
			"so an id that no token has is taken all the same."},
		func(ctx context.Context, c call, in *tokenIn) (*nothing, error) {
			return &nothing{}, a.cfg.Grants.RevokeToken(ctx, c.site, in.JTI, c.actor)
		})
}

func (a *API) listGrants(ctx context.Context, c call, in *grantListIn) (*grantListOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	q := oauth.GrantList{IdentityID: model.IdentityID(in.Identity), ApplicationID: model.ClientID(in.ClientID), Limit: in.Size + 1}
	id, person, _ := strings.Cut(after, "/")
	q.After, q.AfterIdentity = model.GrantID(id), model.IdentityID(person)
	if in.Identity != "" && !ids.Valid("idn", in.Identity) || !plainText(in.ClientID) || !plainText(after) {
		return nil, &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_request", Detail: "A filter is not what it must be."}
	}
	all, err := a.cfg.Grants.Grants(ctx, c.site, q)
	if err != nil {
		return nil, err
	}
	page, next := cut(in.Page, all, func(g model.Grant) string { return string(g.ID) + "/" + string(g.IdentityID) })
	out := &grantListOut{Body: GrantList{Grants: make([]Grant, len(page)), Next: next}}
	now := a.now()
	for i := range page {
		out.Body.Grants[i] = grantShown(c, &page[i], now)
	}
	return out, nil
}

func grantShown(c call, g *model.Grant, now model.Millis) Grant {
	v := Grant{ID: string(g.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(g.RealmID), Kind: g.Kind, IdentityID: string(g.IdentityID),
		ClientID: string(g.ApplicationID), SessionID: string(g.SessionID), ApprovalID: string(g.ApprovalID), ParentID: string(g.ParentID), Scope: strings.Fields(g.Scope),
		Resources: g.Terms.Resources, State: "live", CreateTime: instant(g.CreatedAt), ExpireTime: instant(g.ExpiresAt), RevokeTime: instant(g.RevokedAt)}
	switch {
	case g.RevokedAt != 0:
		v.State = "revoked"
	case now >= g.ExpiresAt:
		v.State = "expired"
	}
	if g.Refresh > 0 {
		v.RefreshToken = &GrantRefreshToken{Live: v.State == "live", CreateTime: instant(g.RefreshedAt), Uses: g.Refresh - 1}
		if g.Refresh > 1 {
			v.RefreshToken.LastUseTime = v.RefreshToken.CreateTime
		}
	}
	return v
}
