package oauth

import "context"

// An endpoint is a column of the table of checks.
type endpoint uint8

const (
	token endpoint = 1 << iota
	ciba
	introspect
	revoke
)

// path is where the endpoint is, under the issuer.
func (p endpoint) path() string {
	switch p {
	case token:
		return "/oauth/token"
	case ciba:
		return "/oauth/bc-authorize"
	case introspect:
		return "/oauth/introspect"
	default:
		return "/oauth/revoke"
	}
}

// A check refuses a request or fills in what it learned.
type check struct {
	name string
	at   endpoint
	run  func(*Engine, context.Context, *exchange) error
}

// checks is the order in which every request is examined. Later checks rely
// on what earlier ones filled in.
var checks = []check{
	{"duplicate parameters", token | ciba | introspect | revoke, (*Engine).rejectDuplicates},
	{"client authentication", token | ciba | introspect | revoke, (*Engine).authenticateClient},
	{"gate: client", token | ciba | introspect | revoke, (*Engine).admitClient},
	{"grant type", token, (*Engine).selectGrant},
	{"may use CIBA", ciba, (*Engine).requireCIBA},
	{"unsupported request forms", ciba, (*Engine).rejectRequestObject},
	{"resource", token | ciba, (*Engine).checkResource},
	{"scope", token | ciba, (*Engine).checkScope},
	{"authorization_details", token | ciba, (*Engine).checkDetails},
	{"binding_message", ciba, (*Engine).checkBindingMessage},
	{"requested_expiry", ciba, (*Engine).checkRequestedExpiry},
	{"hint", ciba, (*Engine).findPerson},
}

func (e *Engine) run(ctx context.Context, x *exchange) error {
	for i := range checks {
		if c := &checks[i]; c.at&x.at != 0 {
			if err := c.run(e, ctx, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeatable parameters: RFC 8707, Section 2, and RFC 8693, Section 2.1.
var repeatable = map[string]bool{"resource": true, "audience": true}

// rejectDuplicates: RFC 6749, Section 3.2: parameters MUST NOT be included
// more than once.
func (e *Engine) rejectDuplicates(_ context.Context, x *exchange) error {
	for name, values := range x.Params {
		if len(values) > 1 && !repeatable[name] {
			return &Error{Code: InvalidRequest, Description: "a parameter was sent twice"}
		}
	}
	return nil
}
