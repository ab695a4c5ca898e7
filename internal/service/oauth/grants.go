package oauth

import (
	"context"
	"encoding/json"

	"github.com/assent-id/assent/internal/model"
)

// Grant types.
const (
	GrantCode              = "authorization_code"                              // RFC 6749, Section 4.1.3
	GrantRefresh           = "refresh_token"                                   // RFC 6749, Section 6
	GrantClientCredentials = "client_credentials"                              // RFC 6749, Section 4.4
	GrantDevice            = "urn:ietf:params:oauth:grant-type:device_code"    // RFC 8628, Section 3.4
	GrantCIBA              = "urn:openid:params:grant-type:ciba"               // CIBA Core 1.0, Section 10.1
	GrantExchange          = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693, Section 2.1
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     //nolint:gosec // G101: the name of a grant type (RFC 7523, Section 2.1), no credential
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
	{name: GrantCode, entitle: (*Engine).entitleCode},
	{name: GrantRefresh, entitle: (*Engine).entitleRefresh},
	{name: GrantClientCredentials, defaultScope: true, entitle: (*Engine).entitleClient},
	{name: GrantDevice, entitle: (*Engine).entitleDevice},
	{name: GrantCIBA, entitle: (*Engine).entitleCIBA},
	{name: GrantExchange, entitle: (*Engine).entitleExchange},
	{name: GrantJWTBearer, defaultScope: true, entitle: (*Engine).entitleJWTBearer},
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
	// subject is `sub` as it stands; empty: the identity's, as this client knows it.
	subject  string
	identity model.IdentityID // empty: the client acts in its own name
	grantID  model.GrantID    // empty: the token hangs under the client alone
	scope    []string
	audience []string
	roles    []string // what the person is at the audience
	details  []json.RawMessage
	auth     *authentication
	approval *approvedAction
	sid      model.SessionID
	act      json.RawMessage // RFC 8693, Section 4.1
	mayAct   json.RawMessage // RFC 8693, Section 4.4
	// parents are what this token hangs under beside its own client, grant and
	// person (see [AccessToken]): it is dead as soon as one of them is stopped.
	parents []string
	// based are the tokens that it is made from. They are looked at again when it
	// is dated: what was revoked since they were read is not handed out.
	based   []basis
	idToken func(*object) // adds the grant's own claims; nil: no ID token
	// idClaims are the claims that the request asked for in the ID token
	// (OpenID Connect Core 1.0, Section 5.5).
	idClaims claimRequests
	refresh  string // the refresh token that goes out with it; empty: none
	// assertion makes what goes out in place of an access token, which is then of no
	// token type (RFC 8693, Section 2.2.1); nil: an access token goes out.
	assertion func(ctx context.Context, jti string) (string, error)
	// answer adds the grant's own members to the answer; nil: there are none.
	answer   func(*object)
	lifetime int // seconds; 0: the client's
	// latest bounds the token's end, in Unix seconds; 0: it has no bound.
	latest int64
	// earliest bounds when the token is dated, as what it comes from was; 0: it has no
	// bound.
	earliest model.Millis
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
