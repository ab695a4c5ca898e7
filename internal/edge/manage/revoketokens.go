package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// RevokedTokens says what is invalid now.
type RevokedTokens struct {
	Before string `json:"tokens_invalid_before" doc:"What was issued by then is refused, to the millisecond; what is issued from now on is later, and valid." example:"2026-11-20T12:00:00.000Z"`
}

type (
	revokedTokensOut struct{ Body RevokedTokens }
	realmTokensIn    struct{ Target }
	clientTokensIn   struct{ Client }
	personTokensIn   struct{ Person }
)

// everywhere is what each of these operations does.
const everywhere = " That holds on every node at once, and at resource servers that follow the revocation feed within a second. "

func (a *API) revokeTokens() {
	a.describe(map[string]string{"RevokedTokens": "What is invalid now."})
	const tag = "Grants and tokens"
	gives := RevokedTokens{exampleTime}
	add(a, operation{id: "revokeRealmTokens", method: http.MethodPost, path: "/revoke-tokens", tag: tag, scope: TokensDelete,
		also: []Scope{RealmsUpdate}, summary: "Revoke all tokens of a realm",
		about: "Every token, every grant and every session that there is in the realm by now is refused, the caller's too." + everywhere +
			"Applications get new tokens and people sign in again.", gives: gives}, a.revokeRealmTokens)
	add(a, operation{id: "revokeApplicationTokens", method: http.MethodPost, path: "/applications/{client_id}/revoke-tokens", tag: tag, scope: TokensDelete,
		summary: "Revoke all tokens of an application",
		about: "Every token that the application has by now is refused, of whatever kind, and what hangs under one; so are its grants with their refresh tokens." + everywhere +
			"It may get new ones. For the application with which admins use this API, and for one whose tokens are for it, this needs the scope `admins:create` as well (`insufficient_scope`).",
		gives: gives}, a.revokeApplicationTokens)
	addWayIn(a, operation{id: "revokeIdentityTokens", method: http.MethodPost, path: "/identities/{identity_id}/revoke-tokens", tag: tag, scope: TokensDelete,
		summary: "Revoke all tokens of a person",
		about: "Every token and every grant that applications have of the person by now is refused, and the person is signed out everywhere." + everywhere +
			"They may sign in again.", gives: gives}, a.revokeIdentityTokens)
	add(a, operation{id: "revokeGrantTokens", method: http.MethodPost, path: "/grants/{grant_id}/revoke-tokens", tag: tag, scope: TokensDelete,
		summary: "Revoke the access tokens of a grant",
		about: "Every access token that was issued under the grant by now is refused, with what was exchanged for one." + everywhere +
			"The grant lives, and its refresh token gives new ones; to end it, delete it.", gives: gives}, a.revokeGrantTokens)
}

func revoked(before model.Millis, err error) (*revokedTokensOut, error) {
	return &revokedTokensOut{RevokedTokens{instant(before)}}, err
}

func (a *API) revokeRealmTokens(ctx context.Context, c call, _ *realmTokensIn) (*revokedTokensOut, error) {
	return revoked(a.cfg.Realms.RevokeTokens(ctx, c.site.Realm.ID, c.actor))
}

func (a *API) revokeApplicationTokens(ctx context.Context, c call, in *clientTokensIn) (*revokedTokensOut, error) {
	found, err := a.cfg.Applications.Read(ctx, c.site, model.ClientID(in.ClientID))
	if err != nil {
		return nil, err
	}
	if found.ForAdmins() || found.Settings.Management { // it signs out who rules here
		if err := c.needs(AdminsCreate); err != nil {
			return nil, err
		}
	}
	return revoked(a.cfg.Applications.RevokeTokens(ctx, c.site, found.ID, c.actor))
}

func (a *API) revokeIdentityTokens(ctx context.Context, c call, in *personTokensIn) (*revokedTokensOut, error) {
	id, err := in.identity()
	if err != nil {
		return nil, err
	}
	who, err := a.cfg.Identities.RevokeTokens(ctx, c.site, directory.Ref[model.IdentityID]{ID: id, Actor: c.actor})
	return revoked(who.TokensInvalidBefore, err)
}

func (a *API) revokeGrantTokens(ctx context.Context, c call, in *grantIn) (*revokedTokensOut, error) {
	if !ids.Valid("grt", in.Grant) {
		return nil, model.ErrNotFound
	}
	return revoked(a.cfg.Grants.RevokeGrantTokens(ctx, c.site, model.GrantID(in.Grant), c.actor))
}
