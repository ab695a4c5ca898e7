package oauth

import (
	"context"
	"fmt"
)

// roles are what the person is at the resource server that an access token is for
// (RFC 9068, Section 2.2.3.1), as it stands when the token is made. A token for
// several resource servers holds none: each would take what its bearer is elsewhere
// for its own. Nor does one of a single approval: that is for what the person saw
// and approved, and for nothing else that they may do there.
func (e *Engine) roles(ctx context.Context, x *exchange, ent *entitlement) ([]string, error) {
	if e.cfg.Roles == nil || ent.identity == "" || ent.assertion != nil || ent.approval != nil {
		return nil, nil
	}
	var resource string
	for _, audience := range ent.audience {
		switch {
		case audience == x.Site.Issuer:
		case resource != "":
			return nil, nil
		default:
			resource = audience
		}
	}
	if resource == "" {
		return nil, nil
	}
	names, err := e.cfg.Roles.RoleNames(ctx, x.Site, ent.identity, resource)
	if err != nil {
		return nil, fmt.Errorf("roles at %s: %w", resource, err)
	}
	return names, nil
}
