package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// overAssertion is how long an access token may outlive the assertion that it was
// given for, in seconds: not "by a significant period" (RFC 7521, Section 4.1).
const overAssertion = 300

// entitleJWTBearer: RFC 7523, Section 2.1: a trusted issuer vouches for a subject.
// That is a workload or a person whom a rule of the realm lets in, or, with an
// ID-JAG, a person for whom an identity provider delegates to this client.
func (e *Engine) entitleJWTBearer(ctx context.Context, x *exchange) (*entitlement, error) {
	compact := x.Params.Get("assertion")
	if compact == "" {
		return nil, &Error{Code: InvalidRequest, Description: "assertion is missing"}
	}
	if len(x.details) > 0 {
		return nil, &Error{Code: InvalidAuthorizationDetails, Description: "authorization_details need the approval of a person"}
	}
	a, err := e.readAssertion(ctx, x, compact)
	if err != nil {
		return nil, bearerRefused(err)
	}
	if a.jag {
		if err := checkIDJAG(x, a); err != nil {
			return nil, bearerRefused(err)
		}
	}
	who, err := e.assertedSubject(ctx, x, a)
	if err != nil {
		return nil, bearerRefused(err)
	}
	return e.bearerEntitlement(x, a, who)
}

// bearerRefused: RFC 7523, Section 3.1. Why is for the log: the client cannot tell
// which issuers and subjects there are.
func bearerRefused(err error) error {
	if errors.Is(err, errAssertion) {
		return &Error{Code: InvalidGrant, Description: "the assertion is not valid", Cause: err}
	}
	return err
}

func (e *Engine) bearerEntitlement(x *exchange, a *issuerAssertion, who assertedSubject) (*entitlement, error) {
	ent := &entitlement{subject: who.name, identity: who.identity, grantID: model.GrantID(ids.New("grt")),
		auth: a.authenticated(x.now), decided: a.issuedAt(), latest: a.expires() + overAssertion}
	var err error
	if ent.act, ent.mayAct, err = a.delegation(); err != nil {
		return nil, bearerRefused(err)
	}
	if ent.scope, err = bearerScope(x, a, who); err != nil {
		return nil, err
	}
	ent.audience = x.audience()
	if a.jag {
		ent.latest = 0 // the example of ID-JAG, Section 4.4.2, has a day
		if ent.audience, err = jagAudience(x, a); err != nil {
			return nil, err
		}
	}
	ent.commit = func(ctx context.Context) error {
		g := x.derived(ent, GrantJWTBearer)
		err := e.cfg.Store.OpenGrant(ctx, Opening{Grant: g, Once: a.once(x.Site), Decided: ent.decided},
			opened(x, g, "assertion.accepted", map[string]string{"iss": a.issuer.Issuer, "sub": a.claims.Sub}))
		if errors.Is(err, model.ErrConflict) {
			return bearerRefused(unasserted("used before, or revoked", err))
		}
		if err != nil {
			return fmt.Errorf("open grant: %w", err)
		}
		return nil
	}
	return ent, nil
}

// bearerScope: what was asked for, or else the client's default, within what the
// rule and, for an ID-JAG, the assertion allows (ID-JAG, Section 4.4.1). To ask for
// more is invalid_scope.
func bearerScope(x *exchange, a *issuerAssertion, who assertedSubject) ([]string, error) {
	granted, asked := x.scope, x.Params.Get("scope") != ""
	limits := [][]string{who.rule.Scopes}
	if a.jag && a.claims.Scope != "" {
		limits = append(limits, strings.Fields(a.claims.Scope))
		if !asked {
			granted = within(limits[1], x.allowedScopes())
		}
	}
	kept := granted
	for _, limit := range limits {
		if len(limit) > 0 {
			kept = within(kept, limit)
		}
	}
	if asked && len(kept) < len(granted) {
		return nil, &Error{Code: InvalidScope, Description: "a scope is not allowed for this subject"}
	}
	return withoutOffline(kept), nil
}

// within is what of a list is in another too.
func within(list, limit []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return !slices.Contains(limit, one) })
}

// withoutOffline leaves offline_access out of what gives no refresh token.
func withoutOffline(scope []string) []string {
	return slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return s == offlineAccess })
}

// derived is the row of a grant that gives one access token and no refresh token.
func (x *exchange) derived(ent *entitlement, kind string) model.Grant {
	g := model.Grant{RealmID: x.Site.Realm.ID, ID: ent.grantID, Kind: kind, IdentityID: ent.identity, ApplicationID: x.client.ID,
		Scope: strings.Join(ent.scope, " "), CreatedAt: x.now, ExpiresAt: x.now.Add(time.Duration(lifetime(x, ent)) * time.Second)}
	g.Terms = model.GrantTerms{Resources: ent.audience, Details: ent.details, Act: ent.act}
	if ent.identity == "" {
		g.Terms.Subject = ent.subject
	}
	if a := ent.auth; a != nil {
		g.Terms.AuthTime, g.Terms.ACR, g.Terms.AMR = a.at, a.acr, a.amr
	}
	return g
}
