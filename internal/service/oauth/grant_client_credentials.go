package oauth

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// entitleClient: RFC 6749, Section 4.4: the client acts in its own name, and
// so must have proved who it is. No refresh token is issued (Section 4.4.3).
func (e *Engine) entitleClient(_ context.Context, x *exchange) (*entitlement, error) {
	if x.client.Settings.AuthMethod == model.AuthNone {
		return nil, &Error{Code: UnauthorizedClient, Description: "a public client cannot act in its own name"}
	}
	if len(x.details) > 0 { // RFC 9396, Section 6: what is granted is the server's to say
		return nil, &Error{Code: InvalidAuthorizationDetails, Description: "authorization_details need the approval of a person"}
	}
	// RFC 9068, Section 2.2: sub is the client where no person is involved.
	return &entitlement{subject: string(x.client.ID), scope: x.scope, audience: x.audience()}, nil
}
