package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/sdk/evidence"
)

// CIBA Core 1.0, Section 7: limits and defaults of a request.
const (
	defaultExpiry     = 300 * time.Second
	minExpiry         = 30
	maxExpiry         = 3600
	maxBindingMessage = 300 // characters
	pollInterval      = 5 * time.Second
	pollSlack         = 250 * time.Millisecond // clocks and networks
	maxPending        = 5                      // as approval.Config.MaxPending by default
	maxWaiting        = 4                      // long polls of one request at once
)

// A cibaRequest is what the checks learn of a backchannel request.
type cibaRequest struct {
	message string
	expiry  time.Duration
	person  *model.Identity // nil: a stranger; nobody's phone rings
	jti     string          // of a signed request; empty: it was not signed
	until   model.Millis    // when that jti is over
	notify  string          // the client_notification_token; empty: the client polls
}

// A CIBAAnswer is the answer of the backchannel authentication endpoint (CIBA
// Core 1.0, Section 7.3). The last three members are ours: they let the asker show
// the number that the approver shows, and find the evidence of a no.
type CIBAAnswer struct {
	AuthReqID     string              `json:"auth_req_id"`
	ExpiresIn     int                 `json:"expires_in"` // seconds
	Interval      int                 `json:"interval"`   // seconds
	ApprovalID    model.ApprovalID    `json:"approval_id"`
	StatementHash model.StatementHash `json:"statement_hash"`
	Comparison    string              `json:"comparison"`
	Client        model.ClientID      `json:"-"`
}

// StartCIBA asks a person to decide (CIBA Core 1.0, Section 7).
func (e *Engine) StartCIBA(ctx context.Context, r Request) (CIBAAnswer, error) {
	x := e.begin(ciba, r)
	if err := e.run(ctx, x); err != nil {
		return CIBAAnswer{Client: x.clientID()}, err
	}
	if x.ciba.person == nil {
		return e.askNobody(ctx, x)
	}
	return e.askPerson(ctx, x)
}

func (e *Engine) askPerson(ctx context.Context, x *exchange) (CIBAAnswer, error) {
	id, err := e.newAuthReq(x, authReqReal)
	if err != nil {
		return CIBAAnswer{Client: x.client.ID}, err
	}
	ping, err := e.newPing(x, id)
	if err != nil {
		return CIBAAnswer{Client: x.client.ID}, err
	}
	a, err := e.cfg.Approvals.Ask(ctx, x.Site, approval.Request{
		Kind: "ciba", Client: &x.client.Application, Person: *x.ciba.person,
		Action: evidence.Action{BindingMessage: x.ciba.message, Scope: strings.Join(x.scope, " "),
			AuthorizationDetails: x.details, Resource: x.stated()},
		Lifetime: x.ciba.expiry, AuthReq: ids.DigestOf(id), Interval: int(pollInterval.Seconds()), Ping: ping,
	})
	if err != nil {
		return CIBAAnswer{Client: x.client.ID}, askRefused(err)
	}
	return x.cibaAnswer(id, a.ID, a.StatementHash), nil
}

// stated is the resource as the person sees and signs it: what was asked for,
// else the client's default. Nothing is stated where the token is for this
// server alone.
func (x *exchange) stated() []string {
	if len(x.resource) == 0 && len(x.client.Settings.Resources) > 0 {
		return x.client.Settings.Resources[:1]
	}
	return x.resource
}

func (x *exchange) cibaAnswer(id string, a model.ApprovalID, hash model.StatementHash) CIBAAnswer {
	return CIBAAnswer{AuthReqID: id, ExpiresIn: int(x.ciba.expiry.Seconds()), Interval: int(pollInterval.Seconds()),
		ApprovalID: a, StatementHash: hash, Comparison: evidence.Comparison(string(hash)), Client: x.client.ID}
}

// askNobody answers as if a person had been asked, so that a client cannot
// find out who exists here. Its polls stay pending until they expire.
//
// Something is stored, durably, as for a person, and about as many requests are
// answered as a person may have pending. That number is kept by each node for
// itself and grows back with time, so it is a hurdle and no proof: whoever asks
// often, or through several nodes, may still tell.
func (e *Engine) askNobody(ctx context.Context, x *exchange) (CIBAAnswer, error) {
	id, err := e.newAuthReq(x, authReqNobody)
	if err != nil {
		return CIBAAnswer{Client: x.client.ID}, err
	}
	hint := model.FoldName(x.Params.Get("login_hint") + x.Params.Get("id_token_hint") + x.Params.Get("login_hint_token"))
	if _, ok := e.nobody.Allow(string(x.client.ID)+" "+hint, x.started); !ok {
		return CIBAAnswer{Client: x.client.ID}, askRefused(approval.ErrTooManyPending)
	}
	if _, err := e.cfg.Store.Consume(ctx, model.Once{Namespace: model.OnceNobody, RealmID: x.Site.Realm.ID,
		Digest: ids.DigestOf(id), Until: x.now.Add(x.ciba.expiry)}); err != nil {
		return CIBAAnswer{Client: x.client.ID}, fmt.Errorf("note a request to nobody: %w", err)
	}
	if err := e.pingForNobody(ctx, x, id); err != nil {
		return CIBAAnswer{Client: x.client.ID}, fmt.Errorf("queue the ping of a request to nobody: %w", err)
	}
	hash := evidence.Hash([]byte(ids.Secret()))
	return x.cibaAnswer(id, model.ApprovalID(ids.New("apr")), model.StatementHash(hash)), nil
}

func askRefused(err error) error {
	if d, ok := errors.AsType[*approval.DetailsError](err); ok {
		return &Error{Code: InvalidAuthorizationDetails, Description: d.Reason, Cause: err}
	}
	if errors.Is(err, approval.ErrTooManyPending) {
		return &Error{Code: SlowDown, Description: "this person has too many undecided requests of this client", Cause: err, TooMany: true}
	}
	return err
}

func (e *Engine) requireCIBA(_ context.Context, x *exchange) error {
	if !x.client.Settings.Allows(GrantCIBA) || x.client.Settings.AuthMethod == model.AuthNone {
		return &Error{Code: UnauthorizedClient, Description: "this client may not ask people"}
	}
	return nil
}

// checkBindingMessage: CIBA Core 1.0, Section 7.1, and no character that could
// make a person read something else than what is there.
func (e *Engine) checkBindingMessage(_ context.Context, x *exchange) error {
	m := x.Params.Get("binding_message")
	if utf8.RuneCountInString(m) > maxBindingMessage {
		return &Error{Code: InvalidBindingMessage, Description: "binding_message has more than 300 characters"}
	}
	for _, r := range m {
		if r == utf8.RuneError || unicode.Is(unicode.Cc, r) || bidiControl(r) {
			return &Error{Code: InvalidBindingMessage, Description: "binding_message has control characters"}
		}
	}
	x.ciba.message = m
	return nil
}

// bidiControl: the characters of Unicode's Bidi_Control property.
func bidiControl(r rune) bool {
	return r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// checkRequestedExpiry: a positive integer, as a number or as a string (CIBA
// Core 1.0, Section 7.1); in a form both look alike.
func (e *Engine) checkRequestedExpiry(_ context.Context, x *exchange) error {
	x.ciba.expiry = defaultExpiry
	raw := x.Params.Get("requested_expiry")
	if raw == "" {
		return nil
	}
	least := minExpiry
	if x.Site.Realm.Policy.Development {
		least = 1 // so that expiry can be watched
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < least || n > maxExpiry {
		return &Error{Code: InvalidRequest, Description: "requested_expiry must be 30 to 3600 seconds"}
	}
	x.ciba.expiry = time.Duration(n) * time.Second
	return nil
}

// findPerson: exactly one hint (CIBA Core 1.0, Section 7.1). A person whom the
// client has no business with is as good as unknown.
func (e *Engine) findPerson(ctx context.Context, x *exchange) error {
	person, err := e.hintedPerson(ctx, x)
	if err == nil {
		err = e.cfg.Gate.MayAsk(ctx, gate.Use{Site: x.Site, Application: &x.client.Application, Identity: person.ID})
	}
	_, refused := gate.Refused(err)
	switch {
	case err == nil:
		x.ciba.person = &person
		return nil
	case !refused && !errors.Is(err, model.ErrNotFound):
		return err
	case x.Site.Realm.Policy.RevealUnknownUsers:
		return &Error{Code: UnknownUserID, Description: "there is no such person, or this client may not ask them", Cause: err}
	default:
		return nil
	}
}

func (e *Engine) hintedPerson(ctx context.Context, x *exchange) (model.Identity, error) {
	given := 0
	for _, name := range [...]string{"login_hint", "id_token_hint", "login_hint_token"} {
		if x.Params.Get(name) != "" {
			given++
		}
	}
	if given != 1 {
		return model.Identity{}, &Error{Code: InvalidRequest, Description: "exactly one of login_hint, id_token_hint and login_hint_token is needed"}
	}
	if raw := x.Params.Get("login_hint_token"); raw != "" {
		return e.personByHintToken(ctx, x, raw)
	}
	hint := x.Params.Get("login_hint")
	if raw := x.Params.Get("id_token_hint"); raw != "" {
		var err error
		if hint, err = e.hintedSubject(ctx, x, raw); err != nil {
			return model.Identity{}, err
		}
	}
	return e.personByLogin(ctx, x, hint)
}

// hintedSubject: an ID token that we issued to this client. It may be expired:
// it is a hint (CIBA Core 1.0, Section 7.1).
func (e *Engine) hintedSubject(ctx context.Context, x *exchange, raw string) (string, error) {
	refuse := func(cause error) (string, error) {
		return "", &Error{Code: InvalidRequest, Description: "id_token_hint is not an ID token of this client", Cause: cause}
	}
	v, err := e.cfg.Keys.Verify(ctx, x.Site, raw)
	if unverified(err) {
		return refuse(err)
	}
	if err != nil {
		return "", err
	}
	var c struct{ Iss, Sub, Aud string }
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return refuse(err)
	}
	if v.Header.Typ != "JWT" || c.Iss != x.Site.Issuer || c.Aud != string(x.client.ID) || c.Sub == "" {
		return refuse(errNotOurs)
	}
	return c.Sub, nil
}
