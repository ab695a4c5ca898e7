package oauth

import "context"

// An endpoint is a column of the table of checks.
type endpoint uint16

const (
	token endpoint = 1 << iota
	ciba
	introspect
	revoke
	authorize
	par
	device
	userinfo
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
	case authorize:
		return "/oauth/authorize"
	case par:
		return "/oauth/par"
	case device:
		return "/oauth/device/code"
	case userinfo:
		return "/userinfo"
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
	{"duplicate parameters", token | ciba | introspect | revoke | par | device, (*Engine).rejectDuplicates},
	{"duplicate address", authorize, (*Engine).rejectDuplicateAddress},
	{"client authentication", token | ciba | introspect | revoke | par | device, (*Engine).authenticateClient},
	{"gate: client", token | ciba | introspect | revoke | par | device, (*Engine).admitClient},
	{"client", authorize, (*Engine).loadClient},
	{"authenticator config", authorize | par, (*Engine).loadAuthenticator},
	{"may use the code flow", authorize | par, (*Engine).mayUseCode},
	{"request_uri", par, (*Engine).rejectRequestURI},
	{"request_uri", authorize, (*Engine).readPushed},
	{"request object", authorize | par, (*Engine).readRequestObject},
	{"redirect_uri", authorize | par, (*Engine).checkRedirectURI},
	{"response_mode", authorize | par, (*Engine).checkResponseMode},
	{"duplicate parameters", authorize, (*Engine).rejectDuplicates},
	{"known parameters", authorize | par, (*Engine).keepKnown},
	{"response_type", authorize | par, (*Engine).checkResponseType},
	{"must be pushed", authorize, (*Engine).requirePushed},
	{"must be signed", authorize | par, (*Engine).requireSigned},
	{"state and nonce", authorize | par, (*Engine).checkLengths},
	{"PKCE", authorize | par, (*Engine).checkPKCE},
	{"prompt", authorize | par, (*Engine).checkPrompt},
	{"max_age", authorize | par, (*Engine).checkMaxAge},
	{"acr_values", authorize | par, (*Engine).checkACR},
	{"claims", authorize | par, (*Engine).checkClaims},
	{"id_token_hint", authorize | par, (*Engine).checkHint},
	{"sender constraint", token | authorize | par, (*Engine).bindSender},
	{"grant type", token, (*Engine).selectGrant},
	{"may use CIBA", ciba, (*Engine).requireCIBA},
	{"may use devices", device, (*Engine).requireDevice},
	{"signed request", ciba, (*Engine).readSignedCIBA},
	{"resource", token | ciba | authorize | par | device, (*Engine).checkResource},
	{"scope", token | ciba | authorize | par | device, (*Engine).checkScope},
	{"authorization_details", token | ciba | authorize | par | device, (*Engine).checkDetails},
	{"length", authorize | par, (*Engine).checkKeptLength},
	{"notification token", ciba, (*Engine).checkNotificationToken},
	{"binding_message", ciba, (*Engine).checkBindingMessage},
	{"requested_expiry", ciba, (*Engine).checkRequestedExpiry},
	{"hint", ciba, (*Engine).findPerson},
	{"signed request: once", ciba, (*Engine).useUpSignedCIBA},
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
			if len(x.Params["state"]) > 1 { // neither of the two is the client's
				delete(x.Params, "state")
			}
			return &Error{Code: InvalidRequest, Description: "a parameter was sent twice"}
		}
	}
	return nil
}

// rejectDuplicateAddress: whom an answer would go to must be said once. Of the
// others, who is told is known when they are looked at.
func (e *Engine) rejectDuplicateAddress(_ context.Context, x *exchange) error {
	for _, name := range [...]string{"client_id", "redirect_uri", "request", "request_uri"} {
		if len(x.Params[name]) > 1 {
			return &Error{Code: InvalidRequest, Description: name + " was sent twice"}
		}
	}
	return nil
}
