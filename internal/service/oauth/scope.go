package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// checkScope: the scope asked for is a subset of what the client may have (RFC
// 6749, Section 3.3). None asked for means the registered default, or what the
// resource grants by default; where a person is asked by CIBA, it means nothing.
func (e *Engine) checkScope(_ context.Context, x *exchange) error {
	asked := strings.Fields(x.Params.Get("scope"))
	if len(asked) == 0 {
		if x.defaultsScope() {
			x.scope = withoutApproval(x.Site, x.audience(), x.defaultScope())
		}
		return nil
	}
	allowed := x.allowedScopes()
	for i, s := range asked {
		if err := x.checkApprovalScope(s); err != nil {
			return err
		}
		if !slices.Contains(allowed, s) && (s != "openid" || x.at != ciba) {
			if x.at != token && slices.Contains(claimScopes, s) {
				continue // OpenID Connect Core 1.0, Section 3.1.2.1: not understood, and so left out
			}
			return &Error{Code: InvalidScope, Description: "a scope is not registered for this client"}
		}
		if !slices.Contains(asked[:i], s) {
			x.scope = append(x.scope, s)
		}
	}
	return nil
}

// defaultsScope reports whether a request without scope is for the default. At
// the token endpoint most grants were given a scope before.
func (x *exchange) defaultsScope() bool {
	switch x.at {
	case token:
		return x.grant.defaultScope
	case authorize, par, device:
		return true
	default:
		return false
	}
}

// claimScopes ask for claims (OpenID Connect Core 1.0, Section 5.4). Relying
// parties ask for all of them, whatever they are registered for.
var claimScopes = []string{"profile", "email", "address", "phone"}

// personScopes are the scopes of OpenID Connect, which every realm offers.
var personScopes = []string{"openid", "profile", "email", "phone", offlineAccess}

// allowedScopes are what the client may ask for: what it is registered for, or,
// if it registered itself, whatever the realm offers.
func (x *exchange) allowedScopes() []string {
	settings := &x.client.Settings
	if !settings.AnyScope {
		return settings.Scopes
	}
	all := slices.Clone(personScopes)
	for _, r := range x.Site.Realm.Policy.Resources {
		for _, s := range r.Scopes {
			if !slices.Contains(r.ApprovalScopes, s) {
				all = append(all, s)
			}
		}
	}
	return append(all, settings.Scopes...)
}

func (x *exchange) defaultScope() []string {
	settings := &x.client.Settings
	if len(settings.DefaultScopes) > 0 {
		return settings.DefaultScopes
	}
	if !settings.AnyScope {
		return settings.Scopes
	}
	var scope []string
	for _, r := range x.Site.Realm.Policy.Resources {
		if slices.Contains(x.audience(), r.Resource) {
			scope = append(scope, r.DefaultScopes...)
		}
	}
	return scope
}

// checkResource: RFC 8707, Section 2. Each names a resource server that the
// client is registered for, or this server itself.
func (e *Engine) checkResource(_ context.Context, x *exchange) error {
	for _, asked := range x.Params["resource"] {
		if asked == "" { // RFC 6749, Section 3.1: as if it were not there
			continue
		}
		u, err := url.Parse(asked)
		if err != nil || !u.IsAbs() || strings.Contains(asked, "#") {
			return &Error{Code: InvalidTarget, Description: "resource must be an absolute URI without a fragment"}
		}
		known, ok := registered(x, asked)
		if !ok {
			return &Error{Code: InvalidTarget, Description: "resource is not registered for this client"}
		}
		if !slices.Contains(x.resource, known) {
			x.resource = append(x.resource, known)
		}
	}
	return nil
}

// registered finds the registered spelling of a resource: an origin is the
// same with and without its trailing slash.
func registered(x *exchange, asked string) (string, bool) {
	known := append([]string{x.Site.Issuer}, x.client.Settings.Resources...)
	for _, r := range x.Site.Realm.Policy.Resources {
		if x.client.Settings.AnyScope {
			known = append(known, r.Resource)
		}
	}
	if x.grant != nil && x.grant.name == GrantExchange {
		known = append(known, x.client.Settings.Exchange.Audiences...)
	}
	for _, r := range known {
		if model.SameResource(r, asked) {
			return r, true
		}
	}
	return "", false
}

// audience is whom a token is for: what was asked for, else the default.
func (x *exchange) audience() []string {
	if len(x.resource) > 0 {
		return x.resource
	}
	return x.defaultAudience()
}

// defaultAudience is the client's default resource, else this server.
func (x *exchange) defaultAudience() []string {
	if registered := x.client.Settings.Resources; len(registered) > 0 {
		return registered[:1]
	}
	return []string{x.Site.Issuer}
}

var errNotOurs = errors.New("not one of our tokens")
