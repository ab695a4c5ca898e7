package oauth

import (
	"slices"

	"github.com/assent-id/assent/internal/model"
)

// serverOf is the resource server that an audience names; nil: none of the realm.
func serverOf(site *model.Site, audience string) *model.ResourcePolicy {
	list := site.Realm.Policy.Resources
	for i := range list {
		if model.SameResource(list[i].Resource, audience) {
			return &list[i]
		}
	}
	return nil
}

// needsApproval reports whether a scope is given by an approval alone, for whom a
// token is for: one of them says so, or none of them has such a scope and another
// resource server of the realm says so.
func needsApproval(site *model.Site, audience []string, scope string) bool {
	known := false
	for _, a := range audience {
		r := serverOf(site, a)
		switch {
		case r == nil:
		case slices.Contains(r.ApprovalScopes, scope):
			return true
		case slices.Contains(r.Scopes, scope):
			known = true
		}
	}
	return !known && slices.ContainsFunc(site.Realm.Policy.Resources,
		func(r model.ResourcePolicy) bool { return slices.Contains(r.ApprovalScopes, scope) })
}

// withoutApproval leaves out of a scope what is given by an approval alone.
func withoutApproval(site *model.Site, audience, scope []string) []string {
	if !slices.ContainsFunc(scope, func(s string) bool { return needsApproval(site, audience, s) }) {
		return scope
	}
	return slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return needsApproval(site, audience, s) })
}

// askEachTime is what a client is told that asks for such a scope in another way.
func askEachTime() error {
	return &Error{Code: InvalidScope, Description: "a scope needs the person's approval for each use: ask the person for it by CIBA"}
}

// notGranted refuses a scope that is not in what was granted for an audience.
func notGranted(site *model.Site, audience []string, scope, description string) error {
	if needsApproval(site, audience, scope) {
		return askEachTime()
	}
	return &Error{Code: InvalidScope, Description: description}
}

// checkApprovalScope: a scope that needs an approval each time is asked for by CIBA,
// by a client that an operator registered for it, at a resource server that has it.
// What an earlier grant holds is kept to that when a token is made; see
// keepToApprovals.
func (x *exchange) checkApprovalScope(scope string) error {
	if !needsApproval(x.Site, x.audience(), scope) {
		return nil
	}
	switch {
	case x.at == token && !x.grant.defaultScope && len(x.resource) == 0:
		return nil // whom the token is for is not known yet
	case x.at != ciba:
		return askEachTime()
	case x.client.Settings.AnyScope || !slices.Contains(x.client.Settings.Scopes, scope):
		return &Error{Code: InvalidScope, Description: "a scope is not registered for this client"}
	case !slices.ContainsFunc(x.audience(), func(a string) bool { return hasScope(x.Site, a, scope) }):
		return &Error{Code: InvalidScope, Description: "a scope is of a resource server that the request does not name: resource is missing"}
	default:
		return nil
	}
}

func hasScope(site *model.Site, audience, scope string) bool {
	r := serverOf(site, audience)
	return r != nil && slices.Contains(r.Scopes, scope)
}

// keepToApprovals leaves out of a token what an approval alone gives, wherever the
// scope came from: a default, a grant from before the scope was such, another token.
// Who asked for it by name is refused.
func (x *exchange) keepToApprovals(ent *entitlement) error {
	if x.grant.name == GrantCIBA {
		return nil
	}
	kept := withoutApproval(x.Site, ent.audience, ent.scope)
	if len(kept) < len(ent.scope) && x.Params.Get("scope") != "" {
		return askEachTime()
	}
	ent.scope = kept
	return nil
}

// serversOf are the resource servers that an access token is for.
func serversOf(x *exchange, ent *entitlement) []*model.ResourcePolicy {
	var list []*model.ResourcePolicy
	for _, a := range ent.audience {
		if r := serverOf(x.Site, a); r != nil {
			list = append(list, r)
		}
	}
	return list
}

// opaqueToken reports whether an access token is written as a reference: one of
// those whom it is for wants that, or says nothing and the application wants it.
func opaqueToken(x *exchange, ent *entitlement) bool {
	for _, a := range ent.audience {
		opaque := x.client.Settings.OpaqueTokens
		if r := serverOf(x.Site, a); r != nil && r.TokenFormat != "" {
			opaque = r.TokenFormat == model.TokenOpaque
		}
		if opaque {
			return true
		}
	}
	return false
}

// actsFor reports whether a client acts for a resource server that a token is for.
func actsFor(site *model.Site, id model.ClientID, audience []string) bool {
	return slices.ContainsFunc(audience, func(a string) bool {
		r := serverOf(site, a)
		return r != nil && slices.Contains(r.Clients, id)
	})
}
