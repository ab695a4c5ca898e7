package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// entitleExchange: token exchange (RFC 8693). A client that holds a token for a
// subject gets another for the same subject, that names who acts and never allows
// more: less scope, fewer details, a target that policy allows, and no longer life.
// It hangs under the token that it came from and dies with it. There is no refresh
// token: the right to refresh is the parent's.
func (e *Engine) entitleExchange(ctx context.Context, x *exchange) (*entitlement, error) {
	if !x.client.Settings.AuthMethod.Confidential() {
		// RFC 8693, Section 5: whoever finds a token could exchange it otherwise.
		return nil, &Error{Code: UnauthorizedClient, Description: "a public client cannot exchange tokens"}
	}
	switch x.Params.Get("requested_token_type") {
	case "", typeAccessToken:
		return e.exchangeForAccess(ctx, x)
	case typeIDJAG:
		return e.exchangeForIDJAG(ctx, x)
	default:
		return nil, exchangeRefused("requested_token_type is not supported", nil)
	}
}

func (e *Engine) exchangeForAccess(ctx context.Context, x *exchange) (*entitlement, error) {
	s, err := e.readSubject(ctx, x)
	if err != nil {
		return nil, err
	}
	who, err := e.readActor(ctx, x)
	if err != nil {
		return nil, err
	}
	ent := &entitlement{subject: s.name, identity: s.identity, grantID: model.GrantID(ids.New("grt")), auth: s.auth,
		approval: s.approval, mayAct: s.mayAct, decided: s.issued}
	standOn(x, s, who, ent)
	if ent.act, err = actFor(x, s, who); err != nil {
		return nil, err
	}
	if err := narrowExchange(x, s, ent); err != nil {
		return nil, err
	}
	if len(ent.parents) > maxParents {
		return nil, exchangeRefused("the token was exchanged too often", nil)
	}
	ent.answer = func(o *object) { o.text("issued_token_type", typeAccessToken) } // RFC 8693, Section 2.2.1
	ent.commit = func(ctx context.Context) error { return e.openExchange(ctx, x, s, who, ent) }
	return ent, nil
}

// maxParents bounds how much one token can hang under: each of five exchanges adds
// at most two tokens, a grant, two clients and a person.
const maxParents = 32

// standOn ties the token to the two that it is made from, of the subject and of who
// acts: it hangs under what either does, is dated after both, and ends with the first.
func standOn(x *exchange, s *subjectToken, who actor, ent *entitlement) {
	ent.based = []basis{{s.parents, s.issued}, {who.parents, who.issued}}
	ent.parents = under(under(slices.Clone(s.parents), who.parents...), string(who.clientID))
	ent.parents = slices.DeleteFunc(ent.parents, func(p string) bool { return p == string(x.client.ID) }) // in client_id
	ent.latest, ent.earliest = s.expires, who.issued
	if s.access != nil {
		ent.earliest = max(ent.earliest, s.issued)
	}
	if who.expires != 0 {
		ent.latest = min(ent.latest, who.expires)
	}
}

// actFor is the act claim of the token: who acts, before those who acted earlier.
// Without an actor token the client itself does, unless it may stand in for
// subjects unnamed (RFC 8693, Section 1.1: impersonation).
func actFor(x *exchange, s *subjectToken, who actor) (json.RawMessage, error) {
	if err := checkMayAct(s.mayAct, who); err != nil {
		return nil, exchangeRefused("the subject token does not allow this actor", err)
	}
	if x.Params.Get("actor_token") == "" && x.client.Settings.Exchange.Impersonate {
		return s.act, nil
	}
	act, err := delegate(who, s.act)
	if errors.Is(err, errActDepth) {
		return nil, exchangeRefused("too many parties would act one through the other", err)
	}
	return act, err
}

// openExchange writes the grant under that of the subject token, and uses a JWT of
// a trusted issuer up. It loses against whoever revokes the parent meanwhile.
func (e *Engine) openExchange(ctx context.Context, x *exchange, s *subjectToken, who actor, ent *entitlement) error {
	g := x.derived(ent, GrantExchange)
	g.SessionID = cmp.Or(s.session, who.session)
	o := Opening{Once: s.once, Decided: s.issued}
	data := map[string]string{}
	if s.access != nil {
		g.ParentID = s.access.GrantID
		o.ForToken = g.ParentID != ""
		data["subject_token"] = s.access.JTI
	}
	o.Grant = g
	err := e.cfg.Store.OpenGrant(ctx, o, opened(x, g, "token.exchanged", data))
	if errors.Is(err, model.ErrConflict) {
		return exchangeRefused(subjectRefused, errors.New("used before, or revoked"))
	}
	if err != nil {
		return fmt.Errorf("open grant: %w", err)
	}
	return nil
}

// opened says in the audit trail which client was given a grant, and for what.
func opened(x *exchange, g model.Grant, event string, data map[string]string) model.Effects {
	if g.IdentityID != "" {
		data["identity"] = string(g.IdentityID)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // strings always marshal
	}
	return model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: g.RealmID, Type: event,
		Actor: string(x.client.ID), Target: string(g.ID), At: x.now, Data: raw}}}
}
