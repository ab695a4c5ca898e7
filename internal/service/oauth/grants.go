package oauth

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
)

// Grant types.
const (
	GrantClientCredentials = "client_credentials"                // RFC 6749, Section 4.4
	GrantCIBA              = "urn:openid:params:grant-type:ciba" // CIBA Core 1.0, Section 10.1
)

// A grant supplies what is its own: whom a token would be for and what it would
// hold. Everything shared (client, gate, signature, answer) is the engine's,
// so a new grant is one new file and one row here.
type grant struct {
	name string
	// defaultScope: without `scope` the client's registered default is granted.
	defaultScope bool
	// entitle answers what the token is to hold. It must not change state:
	// that is for entitlement.commit, which runs after the gate and the signer.
	entitle func(*Engine, context.Context, *exchange) (*entitlement, error)
}

var grants = []*grant{
	{name: GrantClientCredentials, defaultScope: true, entitle: (*Engine).entitleClient},
	{name: GrantCIBA, entitle: (*Engine).entitleCIBA},
}

// GrantTypes are the supported grant types, for metadata.
func GrantTypes() []string {
	names := make([]string, len(grants))
	for i, g := range grants {
		names[i] = g.name
	}
	return names
}

// An entitlement is what a grant gives.
type entitlement struct {
	subject  string
	identity model.IdentityID // empty: the client acts in its own name
	grantID  model.GrantID    // empty: the token hangs under the client alone
	scope    []string
	audience []string
	details  []json.RawMessage
	auth     *authentication
	approval *approvedAction
	idToken  func(*object) // adds the grant's own claims; nil: no ID token
	lifetime int           // seconds; 0: the client's
	// decided is when a person gave the right that the token is made for; 0:
	// nobody did. What was revoked since then is not handed out.
	decided model.Millis
	// commit makes the one state change. Losing it means that somebody else
	// was first: the signed token is thrown away.
	commit func(context.Context) error
}

// An authentication is how and when the person was authenticated.
type authentication struct {
	at  int64 // Unix seconds
	acr string
	amr []string
}

// An approvedAction ties a token to one approval (docs/formats.md).
type approvedAction struct {
	id        model.ApprovalID
	statement model.StatementHash
}

func (e *Engine) selectGrant(_ context.Context, x *exchange) error {
	name := x.Params.Get("grant_type")
	if name == "" {
		return &Error{Code: InvalidRequest, Description: "grant_type is missing"}
	}
	for _, g := range grants {
		if g.name != name {
			continue
		}
		if !x.client.Settings.Allows(name) {
			return &Error{Code: UnauthorizedClient, Description: "this client may not use this grant type"}
		}
		x.grant = g
		return nil
	}
	return &Error{Code: UnsupportedGrantType, Description: "grant_type is not supported"}
}
