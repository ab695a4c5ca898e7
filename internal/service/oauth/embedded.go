package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
)

// Where people authenticate within an application, it gets a signed request in place
// of our sign-in page: which application, which relying party, a nonce for the
// passkey's challenge, and the authorization request, sealed. The application runs
// the ceremony and brings the answer; what follows is as after our own page.

const (
	// embeddedTyp keeps these requests apart from every other JWT that a realm signs
	// (RFC 8725, Section 3.11).
	embeddedTyp = "assent-authenticate+jwt"
	// embeddedLife is how long a person may look for their passkey.
	embeddedLife = 10 * time.Minute
)

var (
	// ErrRequestInvalid: not a request of this realm, or of an application that does
	// not authenticate people itself any more.
	ErrRequestInvalid = errors.New("not a request of this realm")
	// ErrRequestExpired: its time is over. Beginning again helps.
	ErrRequestExpired = errors.New("the request has expired")
)

// loadAuthenticator finds out where people authenticate to the application.
func (e *Engine) loadAuthenticator(ctx context.Context, x *exchange) error {
	if e.cfg.Authenticators == nil {
		return nil
	}
	config, err := e.cfg.Authenticators.For(ctx, x.Site, x.client)
	if err != nil {
		return fmt.Errorf("authenticator config of %s: %w", x.client.ID, err)
	}
	if config != nil && config.Embedded() {
		x.authz.within = config
	}
	return nil
}

// placed says where people authenticate to the application, whatever the outcome.
func (x *exchange) placed(out Outcome, err error) (Outcome, error) {
	out.Within = x.authz.within
	return out, err
}

// signInWithin hands the person over to the application. Who has just authenticated
// there is not asked again: the request wants somebody else.
func (e *Engine) signInWithin(ctx context.Context, x *exchange) (Outcome, error) {
	if x.authz.answered {
		return e.turnBack(ctx, x, &Error{Code: LoginRequired, Description: "the request is for another person than signed in"})
	}
	out := Outcome{Client: x.client.ID}
	kept, err := e.keepTransaction(ctx, x)
	if err != nil {
		return out, err
	}
	request, err := e.signRequest(ctx, x, kept)
	if err == nil {
		out.Authenticate = x.authz.within.AuthenticateURL(request)
	}
	return out, err
}

func (e *Engine) signRequest(ctx context.Context, x *exchange, kept string) (string, error) {
	config := x.authz.within
	c := newObject(1024 + len(kept))
	c.text("iss", x.Site.Issuer)
	c.text("aud", string(x.client.ID))
	c.number("iat", x.now.Unix())
	c.number("exp", x.now.Add(embeddedLife).Unix())
	c.text("jti", ids.Secret())
	c.text("nonce", base64.RawURLEncoding.EncodeToString(passkey.NewChallenge()))
	c.text("rp_id", config.RPID(x.Site))
	c.texts("origins", config.Settings.TrustedOrigins)
	c.nested("client", func(o *object) { o.text("id", string(x.client.ID)); o.text("name", x.client.Name) })
	c.nested("realm", func(o *object) { o.text("name", x.Site.Realm.DisplayName) })
	c.text("txn", kept)
	request, err := e.cfg.Keys.Sign(ctx, x.Site, "EdDSA", embeddedTyp, c.close())
	if err != nil {
		return "", fmt.Errorf("sign request: %w", err)
	}
	return request, nil
}

// An EmbeddedRequest is a signed request that came back, with what it is for as that
// is now.
type EmbeddedRequest struct {
	Client       *model.Client
	Config       *model.AuthenticatorConfig
	Nonce        []byte
	Began, Until model.Millis
	transaction  string
}

// requestClaims are what is read of a request again.
type requestClaims struct {
	Iss, Aud, JTI, Nonce, Txn string
	Iat, Exp                  int64
}

// OpenRequest verifies a signed request of the realm. It uses nothing up: that is
// for whoever finishes the ceremony, with the nonce. It returns [ErrRequestInvalid],
// [ErrRequestExpired], or an [*Error] where the application has been stopped.
func (e *Engine) OpenRequest(ctx context.Context, site *model.Site, compact string) (EmbeddedRequest, error) {
	var out EmbeddedRequest
	c, err := e.readRequest(ctx, site, compact)
	if err != nil {
		return out, err
	}
	out.transaction, out.Began, out.Until = c.Txn, model.Millis(c.Iat*1000), model.Millis(c.Exp*1000)
	if out.Nonce, err = base64.RawURLEncoding.DecodeString(c.Nonce); err != nil {
		return out, fmt.Errorf("%w: nonce: %w", ErrRequestInvalid, err)
	}
	x := e.begin(authorize, Request{Site: site, Params: Params{"client_id": {c.Aud}}})
	if x.now >= out.Until {
		return out, ErrRequestExpired
	}
	if err := e.loadClient(ctx, x); err != nil {
		if AsError(err).Code == InvalidRequest { // deleted meanwhile
			return out, fmt.Errorf("%w: %w", ErrRequestInvalid, err)
		}
		return out, err
	}
	if err := e.loadAuthenticator(ctx, x); err != nil {
		return out, err
	}
	if out.Client, out.Config = x.client, x.authz.within; out.Config == nil {
		return out, fmt.Errorf("%w: people do not authenticate within %s any more", ErrRequestInvalid, c.Aud)
	}
	return out, nil
}

// readRequest checks signature, type and issuer (RFC 8725, Sections 3.8 and 3.11).
func (e *Engine) readRequest(ctx context.Context, site *model.Site, compact string) (requestClaims, error) {
	var c requestClaims
	v, err := e.cfg.Keys.Verify(ctx, site, compact)
	if unverified(err) {
		return c, fmt.Errorf("%w: %w", ErrRequestInvalid, err)
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrRequestInvalid, err)
	}
	if v.Header.Typ != embeddedTyp || c.Iss != site.Issuer || c.Aud == "" || c.JTI == "" {
		return c, fmt.Errorf("%w: another kind of token", ErrRequestInvalid)
	}
	return c, nil
}

// FinishEmbedded goes on with a request once its person has authenticated within the
// application. What comes out is always a delivery, or an error.
func (e *Engine) FinishEmbedded(ctx context.Context, r Request, er EmbeddedRequest, session model.Session) (Outcome, error) {
	identity, err := e.cfg.People.Identity(ctx, r.Site, session.IdentityID)
	if err != nil {
		return Outcome{}, fmt.Errorf("find identity %s: %w", session.IdentityID, err)
	}
	x, err := e.resume(ctx, r, er.transaction)
	if errors.Is(err, ErrWaitedTooLong) {
		return Outcome{}, fmt.Errorf("%w: %w", ErrRequestExpired, err)
	}
	if err != nil {
		return Outcome{}, err
	}
	x.authz.answered = true
	out, err := e.resumed(ctx, x, &SignedIn{Session: session, Identity: identity})
	if err == nil && (out.Within == nil || out.Delivery == nil) { // the application was changed a moment ago
		err = ErrRequestInvalid
	}
	return out, err
}
