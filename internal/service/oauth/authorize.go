package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// An authorization is what the checks learn of an authorization request.
type authorization struct {
	redirect     string // where the answer goes
	redirectSent bool   // the request named it itself
	mode         string // response_mode; empty: query
	signed       bool   // the parameters came in a signed object
	challenge    string // PKCE, S256
	prompt       []string
	maxAge       int // seconds; -1: none was asked for
	hintSubject  string
	acr          []string
	userinfo     claimRequests
	idToken      claimRequests
	claims       []byte // the parameter itself, for the grant
	jkt          string // the code is bound to this key (RFC 9449, Section 10)
	pushed       string // the request_uri that this came by
	since        model.Millis
	// confirmed: the person has agreed in this very transaction.
	confirmed bool
	// within is where people authenticate to the application; nil: on our pages.
	within *model.AuthenticatorConfig
	// answered: the person has just authenticated within the application.
	answered bool
}

// SignedIn is who sits at the browser.
type SignedIn struct {
	Session  model.Session
	Identity model.Identity
}

// An Outcome is where an authorization request leads: back to the client, or to
// one of our pages first.
type Outcome struct {
	Client   model.ClientID
	Delivery *Delivery // to the client, with a code or an error
	// SignIn is the transaction that a sign-in has to come before.
	SignIn string
	// Held is the transaction to come back with at once.
	Held string
	// Consent is what the person has to agree to.
	Consent *Consent
	// Authenticate is where the application itself lets the person sign in; it holds
	// a signed request.
	Authenticate string
	// Within says how that application gets its answers; nil: by redirects, as ever.
	Within *model.AuthenticatorConfig
}

// Authorize answers the authorization endpoint (RFC 6749, Section 4.1.1; OpenID
// Connect Core 1.0, Section 3.1.2). who is nil where nobody is signed in. An
// error is for a page of ours: then there is nobody to redirect to, or nobody
// whom we trust.
func (e *Engine) Authorize(ctx context.Context, r Request, who *SignedIn) (Outcome, error) {
	x := e.begin(authorize, r)
	x.authz.since = x.now
	if err := e.run(ctx, x); err != nil {
		return x.placed(e.turnBack(ctx, x, err))
	}
	return x.placed(e.goOn(ctx, x, who))
}

// Hold keeps a good request until the browser comes back with it.
func (e *Engine) Hold(ctx context.Context, r Request) (Outcome, error) {
	x := e.begin(authorize, r)
	x.authz.since = x.now
	if err := e.run(ctx, x); err != nil {
		return x.placed(e.turnBack(ctx, x, err))
	}
	held, err := e.keepTransaction(ctx, x)
	return x.placed(Outcome{Client: x.client.ID, Held: held}, err)
}

// turnBack sends an error to the client, once it is known where that is (RFC
// 6749, Section 4.1.2.1).
func (e *Engine) turnBack(ctx context.Context, x *exchange, err error) (Outcome, error) {
	out := Outcome{Client: x.clientID()}
	refusal := AsError(err)
	if x.authz.redirect == "" || refusal.Code == ServerError || refusal.Code == InvalidClient {
		return out, err
	}
	params := [][2]string{{"error", string(refusal.Code)}}
	if refusal.Description != "" {
		params = append(params, [2]string{"error_description", refusal.Description})
	}
	d, deliverErr := e.answer(ctx, x, params)
	if deliverErr != nil {
		return out, errors.Join(err, deliverErr)
	}
	d.Refusal = refusal
	out.Delivery = &d
	return out, nil
}

// answer completes the parameters of an answer: state as it came (RFC 6749,
// Section 4.1.2) and who we are (RFC 9207, Section 2).
func (e *Engine) answer(ctx context.Context, x *exchange, params [][2]string) (Delivery, error) {
	if state := x.Params.Get("state"); state != "" {
		params = append(params, [2]string{"state", state})
	}
	return e.deliver(ctx, x, append(params, [2]string{"iss", x.Site.Issuer}))
}

// A transaction is an authorization request that waits for a person: to sign
// in, or to agree. The browser carries it, sealed.
type transaction struct {
	Params Params       `json:"p"`
	Since  model.Millis `json:"s"`
	Pushed string       `json:"r,omitempty"`
	JKT    string       `json:"k,omitempty"`
	Signed bool         `json:"o,omitempty"`
}

// over reports whether the request came too long ago. However often a page is
// loaded again, and sealed again with it, it ends then.
func (t transaction) over(now model.Millis) bool { return now >= t.Since.Add(transactionLoad.life) }

// kept is the request as a transaction.
func (x *exchange) kept() transaction {
	return transaction{Params: x.Params, Since: x.authz.since, Pushed: x.authz.pushed, JKT: x.authz.jkt, Signed: x.authz.signed}
}

// again takes a transaction up.
func (x *exchange) again(t transaction) {
	x.authz.since, x.authz.pushed, x.authz.jkt, x.authz.signed = t.Since, t.Pushed, t.JKT, t.Signed
}

// transactionLoad: a person may take a while to find their passkey.
var transactionLoad = load{purpose: "authorization", life: time.Hour}

func (e *Engine) keepTransaction(ctx context.Context, x *exchange) (string, error) {
	return carry(ctx, e, transactionLoad.from(x.Request, x.client.ID), x.Site, x.kept(), "")
}

// ErrWaitedTooLong: what the browser carried for us is over, or was never ours.
var ErrWaitedTooLong = &Error{Code: InvalidRequest, Description: "the request has waited too long"}

// resume runs the checks again on a request that has waited: meanwhile the
// application may have been stopped.
func (e *Engine) resume(ctx context.Context, r Request, text string) (*exchange, error) {
	t, until, err := uncarry[transaction](ctx, e, transactionLoad, r.Site, text, "")
	if errors.Is(err, errCarried) {
		return nil, ErrWaitedTooLong
	}
	if err != nil {
		return nil, err
	}
	r.Params = maps.Clone(t.Params)
	x := e.begin(authorize, r)
	if x.now >= until || t.over(x.now) {
		return nil, ErrWaitedTooLong
	}
	x.again(t)
	return x, nil
}

// Resume goes on with a request after the person has signed in.
func (e *Engine) Resume(ctx context.Context, r Request, text string, who *SignedIn) (Outcome, error) {
	x, err := e.resume(ctx, r, text)
	if err != nil {
		return Outcome{}, err
	}
	return e.resumed(ctx, x, who)
}

func (e *Engine) resumed(ctx context.Context, x *exchange, who *SignedIn) (Outcome, error) {
	if err := e.run(ctx, x); err != nil {
		return x.placed(e.turnBack(ctx, x, err))
	}
	return x.placed(e.goOn(ctx, x, who))
}

// Cancel is a person's no, wherever in a request they say it.
func (e *Engine) Cancel(ctx context.Context, r Request, text string) (Outcome, error) {
	x, err := e.resume(ctx, r, text)
	if err != nil {
		return Outcome{}, err
	}
	if err := e.run(ctx, x); err != nil {
		return x.placed(e.turnBack(ctx, x, err))
	}
	return x.placed(e.turnBack(ctx, x, &Error{Code: AccessDenied, Description: "the person said no"}))
}

// A Party is an application as people are shown it. All of it is untrusted text.
type Party struct {
	ID                          model.ClientID
	Name                        string
	Client, Logo, Policy, Terms string // URLs
	Reach                       Said   // where the answer goes; may say nothing
}

// goOn leads a good request to its next step.
func (e *Engine) goOn(ctx context.Context, x *exchange, who *SignedIn) (Outcome, error) {
	out := Outcome{Client: x.client.ID}
	must, err := e.mustSignIn(ctx, x, who)
	if err != nil {
		return e.turnBack(ctx, x, err)
	}
	if must {
		if x.prompts("none") {
			return e.turnBack(ctx, x, &Error{Code: LoginRequired, Description: "nobody is signed in as the request wants it"})
		}
		if x.authz.within != nil {
			return e.signInWithin(ctx, x)
		}
		out.SignIn, err = e.keepTransaction(ctx, x)
		return out, err
	}
	if err := mayAdminister(x, who); err != nil {
		return e.turnBack(ctx, x, err)
	}
	consent, err := e.missingConsent(ctx, x, who)
	if err != nil {
		return out, err
	}
	if consent != nil {
		if x.prompts("none") || x.authz.within != nil { // there, nobody could ask in our name
			return e.turnBack(ctx, x, &Error{Code: ConsentRequired, Description: "the person has not agreed to this yet"})
		}
		out.Consent = consent
		return out, nil
	}
	return e.grantCode(ctx, x, who)
}

func (x *exchange) prompts(value string) bool { return slices.Contains(x.authz.prompt, value) }

// mustSignIn reports whether the person has to sign in (again) first.
func (e *Engine) mustSignIn(ctx context.Context, x *exchange, who *SignedIn) (bool, error) {
	if who == nil {
		return true, nil
	}
	// What was signed in since the request came is as fresh as can be.
	fresh := who.Session.AuthTime >= x.authz.since
	age := x.now.Unix() - who.Session.AuthTime.Unix()
	switch {
	case !fresh && (x.prompts("login") || x.prompts("select_account")):
		return true, nil
	case !fresh && x.authz.maxAge >= 0 && age > int64(x.authz.maxAge):
		return true, nil // OpenID Connect Core 1.0, Section 3.1.2.1
	case x.administers() && (age > int64(adminSignIn.Seconds()) || !fresh && who.Session.PasskeyID == ""):
		return true, nil
	}
	other, err := e.otherPerson(ctx, x, who)
	if err != nil || other {
		return other && err == nil, err
	}
	if !fresh && x.hintsElsewhere(who) {
		return true, nil
	}
	return e.mustStepUp(x, who, fresh)
}

// otherPerson reports whether the request means somebody else than who is signed
// in (OpenID Connect Core 1.0, Sections 3.1.2.1 and 5.5.1).
func (e *Engine) otherPerson(ctx context.Context, x *exchange, who *SignedIn) (bool, error) {
	wanted := []string{x.authz.hintSubject, x.authz.idToken.text("sub"), x.authz.userinfo.text("sub")}
	if wanted[0] == "" && wanted[1] == "" && wanted[2] == "" {
		return false, nil
	}
	sub, err := e.subject(ctx, x.Site, &x.client.Settings, who.Identity.ID)
	if err != nil {
		return false, err
	}
	for _, w := range wanted {
		if w != "" && w != sub {
			return true, nil
		}
	}
	return false, nil
}

// mustStepUp compares how the person signed in with what the request asks for
// (RFC 9470, Section 4).
func (e *Engine) mustStepUp(x *exchange, who *SignedIn, fresh bool) (bool, error) {
	asked, essential := x.authz.acr, false
	if r, ok := x.authz.idToken["acr"]; ok {
		asked, essential = append(slices.Clone(asked), r.texts()...), r.Essential
	}
	has := acrOf(who.Session)
	if len(asked) == 0 || slices.Contains(asked, has) {
		return false, nil
	}
	possible := slices.Contains(asked, passkeyACR)
	switch {
	case possible && !fresh:
		return true, nil
	case essential || possible:
		return false, &Error{Code: UnmetAuthentication, Description: "the person could not be authenticated as the request wants it"}
	}
	return false, nil // voluntary, and nothing that we know
}

// acrOf is how a session was opened. One without a passkey was opened with a
// password.
func acrOf(s model.Session) string {
	if s.PasskeyID == "" {
		return passwordACR
	}
	return passkeyACR
}

// passwordACR and passwordAMR (RFC 8176, Section 2) are of sessions that a
// password opened, where a realm allows that.
const passwordACR = "pwd"

var passwordAMR = []string{"pwd"}

func amrOf(s model.Session) []string {
	if s.PasskeyID == "" {
		return passwordAMR
	}
	return passkeyAMR
}

// grantCode ends a request well: with a code.
func (e *Engine) grantCode(ctx context.Context, x *exchange, who *SignedIn) (Outcome, error) {
	if err := e.useUpPushed(ctx, x); err != nil {
		return e.turnBack(ctx, x, err)
	}
	code, err := e.newCode(ctx, x, who)
	if err != nil {
		return Outcome{Client: x.client.ID}, fmt.Errorf("make code: %w", err)
	}
	d, err := e.answer(ctx, x, [][2]string{{"code", code}})
	return Outcome{Client: x.client.ID, Delivery: &d}, err
}

// useUpPushed: a pushed request is used up when it is completed, not when it is
// first looked at (RFC 9126, Section 7.3): a person may reload the page.
func (e *Engine) useUpPushed(ctx context.Context, x *exchange) error {
	if x.authz.pushed == "" {
		return nil
	}
	first, err := e.cfg.Store.Consume(ctx, model.Once{Namespace: model.OncePushed, RealmID: x.Site.Realm.ID,
		Digest: ids.DigestOf(x.authz.pushed), Until: x.now.Add(2 * transactionLoad.life)})
	if err != nil {
		return fmt.Errorf("use up pushed request: %w", err)
	}
	if !first {
		return &Error{Code: InvalidRequestURI, Description: "request_uri was used before"}
	}
	return nil
}
