package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/sdk/evidence"
)

// checkScope: the scope asked for is a subset of what is registered (RFC 6749,
// Section 3.3); none asked for means the registered default for a client that
// acts in its own name, and nothing where a person is asked.
func (e *Engine) checkScope(_ context.Context, x *exchange) error {
	asked := strings.Fields(x.Params.Get("scope"))
	settings := &x.client.Settings
	if len(asked) == 0 {
		if x.at == token && x.grant.defaultScope {
			x.scope = defaultScope(settings.DefaultScopes, settings.Scopes)
		}
		return nil
	}
	for i, s := range asked {
		if !slices.Contains(settings.Scopes, s) && (s != "openid" || x.at != ciba) {
			return &Error{Code: InvalidScope, Description: "a scope is not registered for this client"}
		}
		if !slices.Contains(asked[:i], s) {
			x.scope = append(x.scope, s)
		}
	}
	return nil
}

func defaultScope(chosen, all []string) []string {
	if len(chosen) > 0 {
		return chosen
	}
	return all
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
	for _, r := range append([]string{x.Site.Issuer}, x.client.Settings.Resources...) {
		if r == asked || originOnly(r) && strings.TrimSuffix(r, "/") == strings.TrimSuffix(asked, "/") {
			return r, true
		}
	}
	return "", false
}

func originOnly(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == ""
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

// Limits on authorization_details.
const (
	maxDetailsBytes   = 16 << 10
	maxDetailsObjects = 10
)

// checkDetails reads authorization_details (RFC 9396, Section 2). What the
// objects mean is for the approval that asks about them; a client may not
// grant them to itself.
func (e *Engine) checkDetails(_ context.Context, x *exchange) error {
	raw := x.Params.Get("authorization_details")
	if raw == "" {
		return nil
	}
	refuse := func(description string, cause error) error {
		return &Error{Code: InvalidAuthorizationDetails, Description: description, Cause: cause}
	}
	if x.at == token {
		return refuse("authorization_details need the approval of a person", nil)
	}
	if len(raw) > maxDetailsBytes {
		return refuse("authorization_details are larger than 16 kB", nil)
	}
	canonical, err := evidence.Canonical([]byte(raw))
	if err != nil {
		return refuse("authorization_details are not JSON", err)
	}
	if err := json.Unmarshal(canonical, &x.details); err != nil {
		return refuse("authorization_details must be an array of objects", err)
	}
	if len(x.details) == 0 || len(x.details) > maxDetailsObjects {
		return refuse("authorization_details must hold 1 to 10 objects", nil)
	}
	return nil
}

var errNotOurs = errors.New("not one of our tokens")
