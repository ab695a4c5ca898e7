package oauth

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// loadClient finds the application of an authorization request. It proves
// nothing about who sent the request: the redirect URI is what ties the answer to
// the application (RFC 6749, Section 3.1.2).
func (e *Engine) loadClient(ctx context.Context, x *exchange) error {
	id := model.ClientID(x.Params.Get("client_id"))
	if id == "" {
		return &Error{Code: InvalidRequest, Description: "client_id is missing"}
	}
	client, err := e.cfg.Clients.Get(ctx, x.Site, id)
	if errors.Is(err, model.ErrNotFound) {
		return &Error{Code: InvalidRequest, Description: "there is no such application", Cause: err}
	}
	if err != nil {
		return err
	}
	x.client = client
	revoked, err := e.cfg.Gate.Pass(ctx, gate.Use{Site: x.Site, Application: &client.Application})
	if reason, ok := gate.Refused(err); ok {
		return &Error{Code: UnauthorizedClient, Description: "this application has been stopped", Cause: errors.New(string(reason))}
	}
	x.after(revoked)
	return err
}

// mayUseCode: the application is registered for the code grant.
func (e *Engine) mayUseCode(_ context.Context, x *exchange) error {
	if !x.client.Settings.Allows(GrantCode) {
		return &Error{Code: UnauthorizedClient, Description: "this application may not use the authorization endpoint"}
	}
	return nil
}

// checkRedirectURI: exact string match (RFC 9700, Section 2.1). Until it has
// passed, errors are for our own page.
func (e *Engine) checkRedirectURI(_ context.Context, x *exchange) error {
	asked := x.Params.Get("redirect_uri")
	known := x.client.Settings.RedirectURIs
	if asked == "" {
		if len(known) != 1 { // RFC 6749, Section 3.1.2.3
			return &Error{Code: InvalidRequest, Description: "redirect_uri is missing"}
		}
		x.authz.redirect = known[0]
		return nil
	}
	native := x.client.Kind == model.KindNative || x.client.Settings.AuthMethod == model.AuthNone
	for _, k := range known {
		if k == asked || native && sameLoopback(k, asked) {
			x.authz.redirect, x.authz.redirectSent = asked, true
			return nil
		}
	}
	return &Error{Code: InvalidRequest, Description: "redirect_uri is not registered for this application"}
}

// sameLoopback: any port of the loopback interface (RFC 8252, Section 7.3), and
// everything else the same to the letter.
func sameLoopback(registered, asked string) bool {
	r, err1 := url.Parse(registered)
	a, err2 := url.Parse(asked)
	if err1 != nil || err2 != nil || !loopbackHTTP(r) || !loopbackHTTP(a) || a.Hostname() != r.Hostname() {
		return false
	}
	return cutPort(registered, r) == cutPort(asked, a)
}

func loopbackHTTP(u *url.URL) bool {
	if u.Scheme != "http" || u.User != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && (ip == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || ip == netip.IPv6Loopback())
}

func cutPort(raw string, u *url.URL) string {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
		return raw
	}
	return strings.Replace(raw, ":"+u.Port(), "", 1)
}

// checkResponseType: the code flow and no other (OAuth 2.1).
func (e *Engine) checkResponseType(_ context.Context, x *exchange) error {
	switch x.Params.Get("response_type") {
	case "code":
		return nil
	case "":
		return &Error{Code: InvalidRequest, Description: "response_type is missing"}
	default:
		return &Error{Code: UnsupportedResponseType, Description: "only response_type code is supported"}
	}
}

// requirePushed: some applications must push their requests (RFC 9126, Section 5).
func (e *Engine) requirePushed(_ context.Context, x *exchange) error {
	if x.client.Settings.RequirePAR && x.authz.pushed == "" {
		return &Error{Code: InvalidRequest, Description: "this application must push its authorization requests"}
	}
	return nil
}

// checkPKCE: RFC 7636, Section 4.4.1. Never `plain`.
func (e *Engine) checkPKCE(_ context.Context, x *exchange) error {
	challenge, method := x.Params.Get("code_challenge"), x.Params.Get("code_challenge_method")
	switch {
	case challenge == "" && method != "":
		return &Error{Code: InvalidRequest, Description: "code_challenge is missing"}
	case challenge == "" && !x.client.Settings.OptionalPKCE:
		return &Error{Code: InvalidRequest, Description: "code_challenge is missing: this application must use PKCE"}
	case challenge == "":
		return nil
	case method != "S256":
		return &Error{Code: InvalidRequest, Description: "code_challenge_method must be S256"}
	case !isS256(challenge):
		return &Error{Code: InvalidRequest, Description: "code_challenge is not a base64url SHA-256"}
	}
	x.authz.challenge = challenge
	return nil
}

// checkPrompt: OpenID Connect Core 1.0, Section 3.1.2.1.
func (e *Engine) checkPrompt(_ context.Context, x *exchange) error {
	x.authz.prompt = strings.Fields(x.Params.Get("prompt"))
	for _, p := range x.authz.prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, p) {
			return &Error{Code: InvalidRequest, Description: "prompt has an unknown value"}
		}
	}
	if x.prompts("none") && len(x.authz.prompt) > 1 {
		return &Error{Code: InvalidRequest, Description: "prompt none stands alone"}
	}
	return nil
}

func (e *Engine) checkMaxAge(_ context.Context, x *exchange) error {
	x.authz.maxAge = -1
	if d := x.client.Settings.DefaultMaxAge; d > 0 {
		x.authz.maxAge = d
	}
	raw := x.Params.Get("max_age")
	if raw == "" {
		return nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 0 {
		return &Error{Code: InvalidRequest, Description: "max_age must be a number of seconds"}
	}
	x.authz.maxAge = n
	return nil
}

// Limits on what a client has carried back and forth, in bytes.
const (
	maxState   = 4096
	maxNonce   = 1024
	maxHint    = 8192
	maxACRList = 20
)

func (e *Engine) checkLengths(_ context.Context, x *exchange) error {
	if len(x.Params.Get("nonce")) > maxNonce {
		return &Error{Code: InvalidRequest, Description: "nonce is too long"}
	}
	if len(x.Params.Get("state")) > maxState {
		delete(x.Params, "state")
		return &Error{Code: InvalidRequest, Description: "state is too long"}
	}
	return nil
}

// checkHint: an ID token of ours, of whatever age, says whom the client expects
// (OpenID Connect Core 1.0, Section 3.1.2.1).
func (e *Engine) checkHint(ctx context.Context, x *exchange) error {
	raw := x.Params.Get("id_token_hint")
	if raw == "" || len(raw) > maxHint {
		return nil
	}
	sub, err := e.hintedSubject(ctx, x, raw)
	x.authz.hintSubject = sub
	return err
}

func (e *Engine) checkACR(_ context.Context, x *exchange) error {
	x.authz.acr = strings.Fields(x.Params.Get("acr_values"))
	if len(x.authz.acr) == 0 {
		x.authz.acr = x.client.Settings.DefaultACRValues
	}
	if len(x.authz.acr) > maxACRList {
		return &Error{Code: InvalidRequest, Description: "acr_values are too many"}
	}
	return nil
}

func (e *Engine) checkClaims(_ context.Context, x *exchange) error {
	raw := x.Params.Get("claims")
	if raw == "" {
		return nil
	}
	userinfo, idToken, kept, err := parseClaims(raw)
	x.authz.userinfo, x.authz.idToken, x.authz.claims = userinfo, idToken, kept
	return err
}

// requestURIPrefix: RFC 9126, Section 2.2.
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// readPushed replaces the parameters by those that were pushed (RFC 9126,
// Section 4). What comes back from a page of ours has been read already.
func (e *Engine) readPushed(ctx context.Context, x *exchange) error {
	uri := x.Params.Get("request_uri")
	if uri == "" || x.authz.pushed != "" {
		return nil
	}
	refuse := func(description string, cause error) error {
		e.findWayBack(ctx, x)
		return &Error{Code: InvalidRequestURI, Description: description, Cause: cause}
	}
	if x.Params.Get("request") != "" {
		return &Error{Code: InvalidRequest, Description: "request and request_uri exclude each other"}
	}
	if !strings.HasPrefix(uri, requestURIPrefix) { // OpenID Connect Core 1.0, Section 6.2 by reference: not here
		e.findWayBack(ctx, x)
		return &Error{Code: RequestURINotSupported, Description: "request_uri must come from the pushed authorization request endpoint"}
	}
	parked, err := e.cfg.Store.Parked(ctx, x.Site.Realm.ID, ids.DigestOf(uri))
	if errors.Is(err, model.ErrNotFound) {
		return refuse("request_uri is unknown or has expired", err)
	}
	if err != nil {
		return err
	}
	p, err := e.openPushed(x.Site, parked, uri)
	switch {
	case err != nil:
		return refuse("request_uri is unknown or has expired", err)
	case p.Client != x.client.ID:
		return refuse("request_uri is unknown or has expired", errors.New("pushed by another application"))
	case x.now >= parked.ExpiresAt:
		return refuse("request_uri is unknown or has expired", errors.New("expired"))
	}
	x.Params = p.Params
	x.authz.pushed, x.authz.jkt, x.authz.signed = uri, p.JKT, p.Signed
	return nil
}
