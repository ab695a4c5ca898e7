package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// Limits on request objects (FAPI 2.0 Message Signing, Section 5.3.1), in
// milliseconds.
const (
	objectLife = 60 * 60_000 // from nbf to exp
	objectAge  = 60 * 60_000 // since nbf
)

// requestTyp is the type of a request object (RFC 9101, Section 10.8).
const requestTyp = "oauth-authz-req+jwt"

// An objectClaims is what a request object says of itself: RFC 9101, Section 4,
// and CIBA Core 1.0, Section 7.1.1.
type objectClaims struct {
	Iss      *string         `json:"iss"`
	Sub      *string         `json:"sub"`
	Aud      audienceList    `json:"aud"`
	JTI      *string         `json:"jti"`
	Exp      *float64        `json:"exp"`
	Iat      *float64        `json:"iat"`
	Nbf      *float64        `json:"nbf"`
	ClientID *model.ClientID `json:"client_id"`
}

// aboutItself are the claims that are no parameters.
var aboutItself = map[string]bool{"iss": true, "sub": true, "aud": true, "jti": true, "exp": true, "iat": true, "nbf": true}

func badObject(cause string, err error) error {
	return &Error{Code: InvalidRequestObject, Description: "the request object is not valid: " + cause, Cause: err}
}

// readRequestObject puts the parameters of a signed request into the place of
// those outside, which count for nothing then (RFC 9101, Section 6.3).
func (e *Engine) readRequestObject(ctx context.Context, x *exchange) error {
	raw := x.Params.Get("request")
	if raw == "" {
		return nil
	}
	params, err := e.openRequestObject(ctx, x, raw)
	if err != nil {
		e.findWayBack(ctx, x)
		return err
	}
	x.Params, x.authz.signed = params, true
	return nil
}

// requireSigned: some applications must sign their requests (RFC 9101, Section
// 10.5). What was pushed or waited for a person was signed when it came, or not.
func (e *Engine) requireSigned(_ context.Context, x *exchange) error {
	if x.mustSign() && !x.authz.signed {
		return &Error{Code: InvalidRequest, Description: "this application must sign its requests"}
	}
	return nil
}

// mustSign reports whether the application has to sign its requests.
func (x *exchange) mustSign() bool {
	if x.at == ciba {
		return x.client.Settings.RequireSignedCIBA
	}
	return x.client.Settings.RequireSigned
}

// findWayBack lets the refusal of a request object go to the application, if
// what stands outside leads to it as an unsigned request would (RFC 6749,
// Section 4.1.2.1). Nothing else outside counts.
func (e *Engine) findWayBack(ctx context.Context, x *exchange) {
	if x.at == authorize && e.checkRedirectURI(ctx, x) == nil {
		_ = e.checkResponseMode(ctx, x) // a mode that is not known leaves the usual one
	}
}

// openRequestObject verifies a request object and reads its parameters (RFC
// 9101, Section 6; CIBA Core 1.0, Section 7.1.1).
func (e *Engine) openRequestObject(ctx context.Context, x *exchange, raw string) (Params, error) {
	if jose.Unsecured(raw) { // RFC 9101, Section 10.1: never unsigned
		return nil, &Error{Code: RequestNotSupported, Description: "request objects must be signed"}
	}
	u, err := jose.Peek(raw)
	if err != nil {
		return nil, badObject("it is not a signed JWT in compact form", err)
	}
	if !isObjectTyp(u.Header().Typ) {
		return nil, badObject("typ is another", nil)
	}
	if err := e.verifyByClient(ctx, x, u, x.objectAlgs()); err != nil {
		if r, ok := errors.AsType[*unfitError](err); ok {
			return nil, badObject(r.why, r.cause)
		}
		return nil, err
	}
	var c objectClaims
	if err := json.Unmarshal(u.Claims(), &c); err != nil {
		return nil, badObject("a claim has the wrong type", err)
	}
	if err := x.checkObject(c); err != nil {
		return nil, badObject(err.Error(), nil)
	}
	if x.at == ciba {
		x.ciba.jti, x.ciba.until = *c.JTI, model.Millis(*c.Exp*1000)+onceMargin
	}
	return objectParams(u.Claims())
}

// isObjectTyp: a type that says something else is somebody else's token (RFC
// 8725, Section 3.11). Without one, or with that of any JWT, the claims decide.
func isObjectTyp(typ string) bool {
	short, _ := strings.CutPrefix(strings.ToLower(typ), "application/")
	return short == "" || short == "jwt" || short == requestTyp
}

// objectAlgs are the algorithms that the application may sign requests with.
func (x *exchange) objectAlgs() []string {
	s := &x.client.Settings
	switch {
	case x.at == ciba && s.CIBARequestAlg != "":
		return []string{s.CIBARequestAlg}
	case x.at != ciba && s.RequestAlg != "":
		return []string{s.RequestAlg}
	default:
		return assertionAlgs(x.client)
	}
}

// An unfitError says why a JWT is not one that the client signed as it may. why is
// shown to the client, in the alphabet of RFC 6749, Section 5.2.
type unfitError struct {
	why   string
	cause error
}

func (u *unfitError) Error() string { return u.why }
func (u *unfitError) Unwrap() error { return u.cause }

// verifyByClient checks a signature with the client's key that the token names.
// What the key's record and the application's settings do not allow is refused
// before any cryptography (RFC 8725, Section 3.1), with *unfitError.
func (e *Engine) verifyByClient(ctx context.Context, x *exchange, u jose.Unverified, algs []string) error {
	named := u.Header().Alg
	at := slices.IndexFunc(algs, func(a string) bool { return jose.Alg(a).Same(named) })
	if at < 0 {
		return &unfitError{"its algorithm is not one that this application signs with", nil}
	}
	key, err := e.cfg.Clients.Key(ctx, x.Site, x.client, u.Header().KID, x.now)
	if err != nil {
		return err
	}
	if key == nil {
		return &unfitError{"it is signed by a key that is not registered", nil}
	}
	if key, err = key.WithAlg(jose.Alg(algs[at])); err != nil {
		return &unfitError{"its key is for another algorithm", err}
	}
	if _, err := jose.Verify(u, key); err != nil {
		return &unfitError{"the signature is wrong", err}
	}
	return nil
}

// checkObject holds the claims against the rules. Its errors are shown to the
// client.
func (x *exchange) checkObject(c objectClaims) error {
	strict := x.mustSign() || x.at == ciba
	id := x.client.ID
	switch {
	case c.Iss == nil && strict:
		return errors.New("iss is missing")
	case c.Iss != nil && *c.Iss != string(id):
		return errors.New("iss is not the client_id")
	case c.ClientID == nil && x.at != ciba:
		return errors.New("client_id is missing")
	case c.ClientID != nil && *c.ClientID != id: // RFC 9101, Section 6.3
		return errors.New("client_id is another than outside")
	case c.Sub != nil && *c.Sub == string(id): // RFC 9101, Section 10.8: it could be a client assertion
		return errors.New("sub must not be the client_id")
	case !slices.Contains(c.Aud, x.Site.Issuer):
		return errors.New("aud is not this issuer")
	case x.at == ciba && (c.JTI == nil || *c.JTI == "" || len(*c.JTI) > maxJTI):
		return errors.New("jti must have 1 to 512 bytes")
	case x.at == ciba && c.Iat == nil:
		return errors.New("iat is missing")
	}
	return checkObjectTimes(x.now, c, strict)
}

// checkObjectTimes: FAPI 2.0 Message Signing, Section 5.3.1, and FAPI-CIBA,
// Section 5.2.2. nbf may be left out where signing is the client's own idea.
func checkObjectTimes(now model.Millis, c objectClaims, strict bool) error {
	at := float64(now)
	if c.Exp == nil {
		return errors.New("exp is missing")
	}
	if c.Nbf == nil && strict {
		return errors.New("nbf is missing")
	}
	from := at
	for _, since := range []*float64{c.Iat, c.Nbf} {
		if since == nil {
			continue
		}
		if from = *since * 1000; from > at+assertionSkew {
			return errors.New("it is not valid yet")
		}
	}
	switch exp := *c.Exp * 1000; {
	case exp <= at:
		return errors.New("it has expired")
	case exp-from > objectLife:
		return errors.New("it lives longer than 60 minutes")
	case c.Nbf != nil && at-from > objectAge:
		return errors.New("nbf is more than 60 minutes ago")
	}
	return nil
}

// objectParams are the claims as parameters. Text stands as it is; what is JSON
// in a form is JSON here, too (RFC 9101, Section 4).
func objectParams(claims []byte) (Params, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(claims, &members); err != nil {
		return nil, badObject("the claims are no object", err)
	}
	params := make(Params, len(members))
	for name, raw := range members {
		if aboutItself[name] {
			continue
		}
		if name == "request" || name == "request_uri" { // RFC 9101, Section 4
			return nil, badObject("it holds another request", nil)
		}
		values, err := paramValues(name, raw)
		if err != nil {
			return nil, badObject("a claim has the wrong type", err)
		}
		if len(values) > 0 {
			params[name] = values
		}
	}
	return params, nil
}

func paramValues(name string, raw json.RawMessage) ([]string, error) {
	switch {
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return []string{text}, err
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	case raw[0] == '[' && repeatable[name]:
		var list []string
		err := json.Unmarshal(raw, &list)
		return list, err
	default:
		return []string{string(raw)}, nil
	}
}
