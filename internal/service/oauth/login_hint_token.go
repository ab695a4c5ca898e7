package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// A hintToken is a login_hint_token: a JWT that names a person, signed by the
// client itself or by an issuer that the realm trusts (CIBA Core 1.0, Section 7.1,
// which leaves its form to us). Whom it names is in `sub_id` (RFC 9493), or else in
// `sub`.
type hintToken struct {
	Iss   string          `json:"iss"`
	Sub   string          `json:"sub"`
	Aud   audienceList    `json:"aud"`
	Exp   *float64        `json:"exp"`
	Iat   *float64        `json:"iat"`
	Nbf   *float64        `json:"nbf"`
	SubID json.RawMessage `json:"sub_id"`
}

// hintType is the `typ` of a trusted issuer's login_hint_token. Whoever gets to
// see a hint must not have an assertion by it, so it is no type of those (RFC 8725,
// Section 3.11).
const hintType = "login-hint+jwt"

func (a *issuerAssertion) checkHintType(typ string) error {
	if shortType(typ) != hintType {
		return unasserted("typ is not " + hintType)
	}
	return nil
}

func badHint(cause string, err error) error {
	return &Error{Code: InvalidRequest, Description: "login_hint_token is not valid: " + cause, Cause: err}
}

// personByHintToken verifies a login_hint_token and finds whom it names. It is a
// hint: the person still decides, and a client may only ask whom it may ask.
func (e *Engine) personByHintToken(ctx context.Context, x *exchange, raw string) (model.Identity, error) {
	u, err := jose.PeekForeign(raw)
	if err != nil {
		return model.Identity{}, badHint("it is not a signed JWT in compact form", err)
	}
	var t hintToken
	if err := json.Unmarshal(u.Claims(), &t); err != nil {
		return model.Identity{}, badHint("a claim has the wrong type", err)
	}
	if t.Exp != nil && *t.Exp*1000 <= float64(x.now) {
		return model.Identity{}, &Error{Code: ExpiredLoginHintToken, Description: "login_hint_token has expired"}
	}
	if t.Iss == string(x.client.ID) {
		if err := e.checkOwnHint(ctx, x, raw, t); err != nil {
			return model.Identity{}, err
		}
		return e.personOfHint(ctx, x, t, t.Sub)
	}
	return e.personOfIssuer(ctx, x, raw, t)
}

// checkOwnHint verifies a token that the client signed.
func (e *Engine) checkOwnHint(ctx context.Context, x *exchange, raw string, t hintToken) error {
	u, err := jose.Peek(raw)
	if err != nil {
		return badHint("it is not a signed JWT in compact form", err)
	}
	if err := e.verifyByClient(ctx, x, u, assertionAlgs(x.client)); err != nil {
		if r, ok := errors.AsType[*unfitError](err); ok {
			return badHint(r.why, r.cause)
		}
		return err
	}
	return t.check(x)
}

// check is for tokens of the client; those of issuers are checked as their
// assertions are.
func (t hintToken) check(x *exchange) error {
	at := float64(x.now)
	switch {
	case t.Exp == nil:
		return badHint("exp is missing", nil)
	case t.Iat != nil && *t.Iat*1000 > at+assertionSkew, t.Nbf != nil && *t.Nbf*1000 > at+assertionSkew:
		return badHint("it is not valid yet", nil)
	}
	for _, aud := range t.Aud {
		if aud == x.Site.Issuer || ourEndpoint(x, aud) {
			return nil
		}
	}
	return badHint("aud is not this issuer", nil)
}

// personOfIssuer verifies a token of a trusted issuer. What it calls a subject is
// translated by the realm's rules; `sub_id` speaks of what everybody knows.
func (e *Engine) personOfIssuer(ctx context.Context, x *exchange, raw string, t hintToken) (model.Identity, error) {
	a, err := e.readIssued(ctx, x, raw, (*issuerAssertion).checkHintType)
	if errors.Is(err, errAssertion) {
		return model.Identity{}, badHint("it is not from this client or an issuer that is trusted here, or not for us", err)
	}
	if err != nil {
		return model.Identity{}, err
	}
	if len(t.SubID) > 0 {
		return e.personOfHint(ctx, x, t, "")
	}
	s, err := e.assertedSubject(ctx, x, a)
	if errors.Is(err, errAssertion) || err == nil && s.identity == "" {
		return model.Identity{}, fmt.Errorf("login_hint_token names nobody here: %w", model.ErrNotFound)
	}
	if err != nil {
		return model.Identity{}, err
	}
	return e.cfg.People.Identity(ctx, x.Site, s.identity)
}

// A subjectID is a subject identifier (RFC 9493, Section 3.2), in the formats
// that can name a person here.
type subjectID struct {
	Format string `json:"format"`
	Email  string `json:"email"` // Section 3.2.2
	ID     string `json:"id"`    // Section 3.2.4, opaque
	Iss    string `json:"iss"`   // Section 3.2.3, iss_sub
	Sub    string `json:"sub"`
}

// personOfHint finds the person by sub_id, or without one by the login.
func (e *Engine) personOfHint(ctx context.Context, x *exchange, t hintToken, login string) (model.Identity, error) {
	if len(t.SubID) > 0 {
		var id subjectID
		if err := json.Unmarshal(t.SubID, &id); err != nil {
			return model.Identity{}, badHint("sub_id is malformed", err)
		}
		var err error
		if login, err = id.login(x.Site); err != nil {
			return model.Identity{}, err
		}
	}
	if login == "" {
		return model.Identity{}, badHint("it names nobody", nil)
	}
	return e.personByLogin(ctx, x, login)
}

func (id subjectID) login(site *model.Site) (string, error) {
	switch id.Format {
	case "email":
		return id.Email, nil
	case "opaque":
		return id.ID, nil
	case "iss_sub":
		if id.Iss != site.Issuer {
			return "", badHint("sub_id is of another issuer", nil)
		}
		return id.Sub, nil
	default:
		return "", badHint("sub_id has a format that is not supported", nil)
	}
}

// personByLogin finds a person by the subject under which the client knows them,
// by identity id, user name or e-mail address.
func (e *Engine) personByLogin(ctx context.Context, x *exchange, login string) (model.Identity, error) {
	id, err := e.identityOf(ctx, x.Site, &x.client.Settings, login)
	switch {
	case err == nil:
		return e.cfg.People.Identity(ctx, x.Site, id)
	case errors.Is(err, errSubject), errors.Is(err, errSector):
		return e.cfg.People.Find(ctx, x.Site, login)
	default:
		return model.Identity{}, err
	}
}
