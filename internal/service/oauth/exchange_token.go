package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// Token type identifiers (RFC 8693, Section 3; ID-JAG, Section 10.2).
const (
	typeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"  //nolint:gosec // G101: the name of a type, no credential
	typeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token" //nolint:gosec // G101: the name of a type, no credential
	typeIDToken      = "urn:ietf:params:oauth:token-type:id_token"      //nolint:gosec // G101: the name of a type, no credential
	typeJWT          = "urn:ietf:params:oauth:token-type:jwt"
	typeIDJAG        = "urn:ietf:params:oauth:token-type:id-jag"
)

// A subjectToken is a token that was brought to be exchanged: verified, alive,
// and this client's to bring.
type subjectToken struct {
	name     string           // of a subject that is no identity
	identity model.IdentityID // of a person
	issued   model.Millis
	expires  int64 // Unix seconds
	auth     *authentication
	act      json.RawMessage
	mayAct   json.RawMessage
	parents  []string // of what is made from it: its own, itself, and its client

	// access is the token if it is an access token of ours: then what it holds
	// bounds what it can be exchanged for.
	access   *AccessToken
	approval *approvedAction
	session  model.SessionID // of an ID token
	granted  *model.Grant    // of a refresh token
	// asserted is whom a trusted issuer's rule lets in, and once uses its JWT up.
	asserted *assertedSubject
	once     *model.Once
}

// exchangeRefused: RFC 8693, Section 2.2.2: a token that is invalid for any reason,
// or unacceptable based on policy, is invalid_request.
func exchangeRefused(description string, cause error) error {
	return &Error{Code: InvalidRequest, Description: description, Cause: cause}
}

const subjectRefused = "the subject token is not valid"

// readSubject reads subject_token by its type (RFC 8693, Section 2.1).
func (e *Engine) readSubject(ctx context.Context, x *exchange) (*subjectToken, error) {
	raw, kind := x.Params.Get("subject_token"), x.Params.Get("subject_token_type")
	if raw == "" || kind == "" {
		return nil, exchangeRefused("subject_token and subject_token_type are needed", nil)
	}
	var s *subjectToken
	var err error
	switch kind {
	case typeAccessToken:
		s, err = e.accessSubject(ctx, x, raw)
	case typeIDToken:
		s, err = e.idTokenSubject(ctx, x, raw)
	case typeJWT:
		s, err = e.issuerSubject(ctx, x, raw)
	default:
		return nil, exchangeRefused("subject_token_type is not supported", nil)
	}
	if invalidToExchange(err) {
		return nil, exchangeRefused(subjectRefused, err)
	}
	return s, err
}

// invalidToExchange reports whether an error says that a token is not valid,
// rather than that it could not be examined.
func invalidToExchange(err error) bool {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal.Code == InvalidGrant
	}
	_, stopped := gate.Refused(err)
	return stopped || unverified(err) || errors.Is(err, errNotOurs) || errors.Is(err, errSubject) || errors.Is(err, errAssertion) ||
		errors.Is(err, errHolder) || errors.Is(err, errAct) || errors.Is(err, errActDepth)
}

// accessSubject reads an access token of ours.
func (e *Engine) accessSubject(ctx context.Context, x *exchange, raw string) (*subjectToken, error) {
	t, err := e.heldToken(ctx, x, raw)
	if err != nil {
		return nil, err
	}
	var c struct {
		AuthTime int64           `json:"auth_time"`
		ACR      string          `json:"acr"`
		AMR      []string        `json:"amr"`
		Approval *approvalClaims `json:"approval"`
	}
	if err := json.Unmarshal(t.Payload, &c); err != nil {
		return nil, errors.Join(errNotOurs, err)
	}
	s := &subjectToken{identity: t.Identity, issued: gate.IssuedAt(t.JTI, t.IssuedAt), expires: t.ExpiresAt,
		act: t.Act, mayAct: t.MayAct, access: &t}
	if t.Identity == "" {
		s.name = t.Subject
	}
	if c.AuthTime != 0 {
		s.auth = &authentication{at: c.AuthTime, acr: c.ACR, amr: c.AMR}
	}
	if c.Approval != nil {
		s.approval = &approvedAction{id: c.Approval.ID, statement: c.Approval.Statement}
	}
	s.parents, err = e.parentsBy(ctx, x, &t)
	return s, err
}

var errHolder = errors.New("the token is not this client's to exchange")

// heldToken reads a live access token of ours that this client may exchange: one
// that it was issued, or one that was sent to it, which is then in its audience.
//
// Who was issued a bound token must show the key again: the exchange would loose
// it from its key otherwise (RFC 9449, Section 1; RFC 8705, Section 3). Whom it was
// sent to has seen the proof at its own door and cannot repeat it; it authenticates
// instead, and what it gets names it as the actor.
func (e *Engine) heldToken(ctx context.Context, x *exchange, raw string) (AccessToken, error) {
	t, err := e.Use(ctx, Presented{Site: x.Site, Token: raw, Request: x.Request})
	if err != nil {
		return t, err
	}
	if t.ClientID != x.client.ID {
		if maySee(x.client, t) {
			return t, nil
		}
		return t, errHolder
	}
	shown := x.shown()
	if t.Bound.JKT != "" && t.Bound.JKT != shown.JKT || t.Bound.X5T != "" && t.Bound.X5T != shown.X5T {
		return t, errors.Join(errHolder, errKey)
	}
	return t, nil
}

// shown are the keys that the client has shown with this request, whether or not
// its own tokens are bound to them.
func (x *exchange) shown() Binding {
	b := x.bound
	if x.Certificate != nil {
		b.X5T = certificateThumbprint(x.Certificate)
	}
	return b
}

// idTokenClaims are those of our ID tokens that an exchange needs.
type idTokenClaims struct {
	Iss      string       `json:"iss"`
	Sub      string       `json:"sub"`
	Aud      audienceList `json:"aud"`
	Iat      int64        `json:"iat"`
	Exp      int64        `json:"exp"`
	JTI      string       `json:"jti"`
	AuthTime int64        `json:"auth_time"`
	ACR      string       `json:"acr"`
	AMR      []string     `json:"amr"`
	SID      string       `json:"sid"`
}

// idTokenSubject reads an ID token that we issued to this client. It says who
// signed in and nothing of what the client may do.
func (e *Engine) idTokenSubject(ctx context.Context, x *exchange, raw string) (*subjectToken, error) {
	v, err := e.cfg.Keys.Verify(ctx, x.Site, raw)
	if err != nil {
		return nil, err
	}
	var c idTokenClaims
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return nil, errors.Join(errNotOurs, err)
	}
	s := &subjectToken{issued: gate.IssuedAt(c.JTI, c.Iat), expires: c.Exp}
	// ID-JAG, Section 4.3.3: the audience is the client that asks.
	if v.Header.Typ != "JWT" || c.Iss != x.Site.Issuer || c.Iat == 0 || x.now.Unix() >= c.Exp || !slices.Equal(c.Aud, []string{string(x.client.ID)}) {
		return nil, errNotOurs
	}
	if s.identity, err = e.identityOf(ctx, x.Site, &x.client.Settings, c.Sub); err != nil {
		return nil, err
	}
	if s.session, err = e.sessionOf(ctx, x.Site, &x.client.Settings, c.SID); err != nil {
		return nil, err
	}
	if c.AuthTime != 0 {
		s.auth = &authentication{at: c.AuthTime, acr: c.ACR, amr: c.AMR}
	}
	return s, e.cfg.Gate.Check(ctx, gate.Use{Site: x.Site, Application: &x.client.Application, Identity: s.identity, IssuedAt: s.issued})
}

// issuerSubject reads a JWT of a trusted issuer. It is used up like an assertion
// that comes with the jwt-bearer grant, so that neither door opens twice for it.
func (e *Engine) issuerSubject(ctx context.Context, x *exchange, raw string) (*subjectToken, error) {
	a, err := e.readAssertion(ctx, x, raw)
	if err != nil {
		return nil, err
	}
	if a.jag || len(a.claims.Cnf) > 0 {
		return nil, unasserted("an ID-JAG, or bound to a key")
	}
	who, err := e.assertedSubject(ctx, x, a)
	if err != nil {
		return nil, err
	}
	s := &subjectToken{name: who.name, identity: who.identity, issued: a.issuedAt(), expires: a.expires(),
		auth: a.authenticated(x.now), asserted: &who, once: a.once(x.Site)}
	if s.act, s.mayAct, err = a.delegation(); err != nil {
		return nil, err
	}
	if s.identity == "" {
		return s, nil
	}
	return s, e.cfg.Gate.Check(ctx, gate.Use{Site: x.Site, Identity: s.identity, IssuedAt: s.issued})
}

// readActor finds out who will act: the party of actor_token, or the client.
func (e *Engine) readActor(ctx context.Context, x *exchange) (actor, error) {
	raw, kind := x.Params.Get("actor_token"), x.Params.Get("actor_token_type")
	switch {
	case raw == "" && kind == "":
		return x.asActor(), nil
	case raw == "" || kind == "": // RFC 8693, Section 2.1
		return actor{}, exchangeRefused("actor_token and actor_token_type come together", nil)
	}
	var a actor
	var err error
	switch kind {
	case typeAccessToken:
		a, err = e.accessActor(ctx, x, raw)
	case typeIDToken:
		a, err = e.idTokenActor(ctx, x, raw)
	default:
		return actor{}, exchangeRefused("actor_token_type is not supported", nil)
	}
	if invalidToExchange(err) {
		return actor{}, exchangeRefused("the actor token is not valid", err)
	}
	return a, err
}

// accessActor is the subject of an access token of ours. One that somebody else
// acts with already is refused: its chain has no place in that of the subject.
func (e *Engine) accessActor(ctx context.Context, x *exchange, raw string) (actor, error) {
	t, err := e.heldToken(ctx, x, raw)
	if err != nil {
		return actor{}, err
	}
	if len(t.Act) > 0 {
		return actor{}, errors.Join(errAct, errors.New("the actor token is delegated itself"))
	}
	a := actor{iss: x.Site.Issuer, sub: t.Subject, clientID: t.ClientID, issued: gate.IssuedAt(t.JTI, t.IssuedAt), expires: t.ExpiresAt}
	if a.parents, err = e.parentsBy(ctx, x, &t); err != nil {
		return actor{}, err
	}
	a.parents = under(a.parents, string(t.GrantID))
	if t.Identity != "" {
		a.sub, err = e.subject(ctx, x.Site, &x.client.Settings, t.Identity)
		a.parents = under(a.parents, a.sub)
		return a, err
	}
	if isClientID(t.Subject) { // perhaps not the one that holds it
		a.parents = under(a.parents, t.Subject)
	}
	client, err := e.cfg.Clients.Get(ctx, x.Site, t.ClientID)
	if err != nil {
		return actor{}, err
	}
	a.agent = client.Kind == model.KindAgent && string(client.ID) == a.sub
	return a, nil
}

// idTokenActor is who signed in. An ID token names no grant; what it is good for
// ends with the person, and with the session where the exchange names no other.
func (e *Engine) idTokenActor(ctx context.Context, x *exchange, raw string) (actor, error) {
	s, err := e.idTokenSubject(ctx, x, raw)
	if err != nil {
		return actor{}, err
	}
	sub, err := e.subject(ctx, x.Site, &x.client.Settings, s.identity)
	return actor{iss: x.Site.Issuer, sub: sub, clientID: x.client.ID, parents: []string{sub},
		issued: s.issued, expires: s.expires, session: s.session}, err
}

// parentsBy are what a token hangs under that is made from this one: what this one
// does, itself by its jti, and the client that holds it. Stopping one of them ends
// it. People among them are named as the client knows them that asks: another's
// names are not for it.
func (e *Engine) parentsBy(ctx context.Context, x *exchange, t *AccessToken) ([]string, error) {
	out := slices.Clone(t.Parents)
	for i, parent := range out {
		if t.ClientID == x.client.ID || !namesIdentity(x.Site, parent) {
			continue
		}
		holder, err := e.cfg.Clients.Get(ctx, x.Site, t.ClientID)
		if err != nil {
			return nil, err
		}
		id, err := e.identityOf(ctx, x.Site, &holder.Settings, parent)
		if err != nil {
			return nil, err
		}
		if out[i], err = e.subject(ctx, x.Site, &x.client.Settings, id); err != nil {
			return nil, err
		}
	}
	return under(out, t.JTI, string(t.ClientID)), nil
}

// under adds parents that are not there yet.
func under(parents []string, more ...string) []string {
	for _, parent := range more {
		if parent != "" && !slices.Contains(parents, parent) {
			parents = append(parents, parent)
		}
	}
	return parents
}
