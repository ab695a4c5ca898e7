package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// accessClaims are the claims of our own access tokens that decide.
type accessClaims struct {
	Iss      string            `json:"iss"`
	Sub      string            `json:"sub"`
	Aud      audienceList      `json:"aud"`
	ClientID model.ClientID    `json:"client_id"`
	Scope    string            `json:"scope"`
	JTI      string            `json:"jti"`
	Iat      int64             `json:"iat"`
	Exp      int64             `json:"exp"`
	GrantID  model.GrantID     `json:"grant_id"`
	Details  []json.RawMessage `json:"authorization_details"`
	Cnf      confirmation      `json:"cnf"`
	Act      json.RawMessage   `json:"act"`
	MayAct   json.RawMessage   `json:"may_act"`
	Parents  []string          `json:"parents"`
	Approval *approvalClaims   `json:"approval"`
}

type approvalClaims struct {
	ID        model.ApprovalID    `json:"id"`
	Statement model.StatementHash `json:"statement"`
}

// A confirmation is the key that a token is bound to (RFC 7800, Section 3.1).
type confirmation struct {
	JKT string `json:"jkt"`
	X5T string `json:"x5t#S256"`
}

// An audienceList is a string or an array of strings (RFC 7519, Section 4.1.3).
type audienceList []string

// UnmarshalJSON reads both forms.
func (a *audienceList) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = make([]string, 1)
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// An AccessToken is one of ours that was verified and may be used now.
type AccessToken struct {
	Payload   []byte           // the claims as JSON
	Subject   string           // as its client knows it
	Identity  model.IdentityID // the person, if there is one
	ClientID  model.ClientID
	Audience  []string
	Scope     string
	GrantID   model.GrantID
	JTI       string
	IssuedAt  int64 // Unix seconds
	ExpiresAt int64 // Unix seconds
	Details   []json.RawMessage
	Bound     Binding
	Act       json.RawMessage // RFC 8693, Section 4.1; nil: nobody acts for the subject
	MayAct    json.RawMessage // RFC 8693, Section 4.4
	// Parents are what it hangs under because it was exchanged: tokens by jti, grants,
	// clients, and people by the name that its client knows.
	Parents  []string
	Approval model.ApprovalID
}

// Use verifies an access token of the realm, lets it through the gate, and
// holds it to the key that it is bound to. Whatever is wrong with the token, the
// answer is one of InvalidGrant; the cause is for the log. What is wrong with a
// proof has codes of its own.
func (e *Engine) Use(ctx context.Context, p Presented) (AccessToken, error) {
	t, _, err := e.use(ctx, p)
	return t, err
}

func (e *Engine) use(ctx context.Context, p Presented) (AccessToken, *model.Client, error) {
	t, err := e.readToken(ctx, p.Site, p.Token)
	if err != nil {
		return AccessToken{}, nil, unusable(err)
	}
	client, err := e.stands(ctx, p.Site, &t)
	if err != nil {
		return AccessToken{}, nil, err
	}
	if p.Scheme == "" {
		return t, client, nil
	}
	// RFC 9449, Section 7, and RFC 8705, Section 3.
	return t, client, e.checkBinding(ctx, p, client, t.Bound)
}

// Still lets a token that was let through before go on, as long waits must: it may
// have ended or been revoked since. site is the realm as it is now.
func (e *Engine) Still(ctx context.Context, site *model.Site, t AccessToken) error {
	_, err := e.stands(ctx, site, &t)
	return err
}

// stands finds the client and the person of a token that is genuine, and asks
// whether it may be used now.
func (e *Engine) stands(ctx context.Context, site *model.Site, t *AccessToken) (*model.Client, error) {
	if e.cfg.Now().Unix() >= t.ExpiresAt {
		return nil, unusable(errNotOurs)
	}
	client, err := e.cfg.Clients.Get(ctx, site, t.ClientID)
	if errors.Is(err, model.ErrNotFound) {
		return nil, unusable(errors.Join(errNotOurs, err))
	}
	if err != nil {
		return nil, err
	}
	if t.Identity, err = e.person(ctx, site, client, t.Subject); err != nil {
		return nil, unusable(err)
	}
	return client, e.admitToken(ctx, site, client, *t)
}

const tokenInvalid = "the token is not valid"

// unusable is the one answer to what is wrong with a token. Errors that say
// nothing about it, because keys or database cannot be read, stay what they are.
func unusable(err error) error {
	if errors.Is(err, errNotOurs) || errors.Is(err, errSubject) || unverified(err) {
		return &Error{Code: InvalidGrant, Description: tokenInvalid, Cause: err}
	}
	return err
}

// unverified reports whether a JWS was examined and found wanting.
func unverified(err error) bool {
	return errors.Is(err, jose.ErrMalformed) || errors.Is(err, jose.ErrSignature) || errors.Is(err, jose.ErrAlgorithm)
}

// readToken reads an access token of the realm, live or not. The error is that
// of the reading, or errNotOurs.
func (e *Engine) readToken(ctx context.Context, site *model.Site, raw string) (AccessToken, error) {
	payload, err := e.payload(ctx, site, raw)
	if err != nil {
		return AccessToken{}, err
	}
	var c accessClaims
	if err := json.Unmarshal(payload, &c); err != nil {
		return AccessToken{}, errors.Join(errNotOurs, err)
	}
	if c.Iss != site.Issuer {
		return AccessToken{}, errNotOurs
	}
	t := AccessToken{Payload: payload, Subject: c.Sub, ClientID: c.ClientID, Audience: c.Aud, Scope: c.Scope,
		GrantID: c.GrantID, JTI: c.JTI, IssuedAt: c.Iat, ExpiresAt: c.Exp, Details: c.Details,
		Bound: Binding(c.Cnf), Act: c.Act, MayAct: c.MayAct, Parents: c.Parents}
	if c.Approval != nil {
		t.Approval = c.Approval.ID
	}
	return t, nil
}

// payload is the claims of a token of either format.
func (e *Engine) payload(ctx context.Context, site *model.Site, raw string) ([]byte, error) {
	if isOpaque(raw) {
		return e.openOpaque(ctx, site, raw)
	}
	v, err := e.cfg.Keys.Verify(ctx, site, raw)
	if err != nil {
		return nil, err
	}
	if v.Header.Typ != "at+jwt" { // RFC 9068, Section 4: no other JWT of ours will do
		return nil, errNotOurs
	}
	return v.Payload, nil
}

// person is whom a token is for: "" if that is a client or somebody whom a
// trusted issuer vouches for. A name in the form of ours that leads to nobody is
// errSubject, not nobody's: the client may have changed its sector.
func (e *Engine) person(ctx context.Context, site *model.Site, client *model.Client, sub string) (model.IdentityID, error) {
	if !namesIdentity(site, sub) {
		return "", nil
	}
	return e.identityOf(ctx, site, &client.Settings, sub)
}

// admitToken asks the gate for the token and for all that it hangs under: its
// grant, its client, its person, and, of a token that was exchanged, what it comes
// from and who acts with it.
func (e *Engine) admitToken(ctx context.Context, site *model.Site, client *model.Client, t AccessToken) error {
	issued := gate.IssuedAt(t.JTI, t.IssuedAt)
	err := e.cfg.Gate.Check(ctx, gate.Use{Site: site, Application: &client.Application, Identity: t.Identity, Grant: t.GrantID,
		JTI: t.JTI, IssuedAt: issued})
	if err != nil {
		return closed(err, InvalidGrant, tokenInvalid)
	}
	parents := t.Parents
	if t.Subject != string(t.ClientID) && isClientID(t.Subject) { // a client's, for another to use
		parents = under(slices.Clone(parents), t.Subject)
	}
	return e.admitParents(ctx, site, client, basis{parents, issued})
}

// A basis is what a token hangs under, and when the token was issued.
type basis struct {
	parents []string
	issued  model.Millis
}

// admitParents asks for all of them. client is the one that people among them are
// named for.
func (e *Engine) admitParents(ctx context.Context, site *model.Site, client *model.Client, b basis) error {
	for _, parent := range b.parents {
		if err := e.admitParent(ctx, site, client, parent, b.issued); err != nil {
			return unusable(closed(err, InvalidGrant, tokenInvalid))
		}
	}
	return nil
}

// admitParent asks for a token by its jti, a grant whose access tokens may have been
// revoked while it lives, a person, or a client.
func (e *Engine) admitParent(ctx context.Context, site *model.Site, client *model.Client, parent string, issued model.Millis) error {
	switch {
	case ids.Valid("tok", parent):
		return e.cfg.Gate.Check(ctx, gate.Use{Site: site, JTI: parent})
	case ids.Valid("grt", parent):
		revoked, err := e.cfg.Gate.Pass(ctx, gate.Use{Site: site, Grant: model.GrantID(parent)})
		if err == nil && issued <= revoked {
			err = &gate.Refusal{Reason: gate.IssuedBefore}
		}
		return err
	case namesIdentity(site, parent):
		id, err := e.identityOf(ctx, site, &client.Settings, parent)
		if err != nil {
			return err
		}
		return e.cfg.Gate.Check(ctx, gate.Use{Site: site, Identity: id, IssuedAt: issued})
	}
	holder, err := e.cfg.Clients.Get(ctx, site, model.ClientID(parent))
	if errors.Is(err, model.ErrNotFound) {
		return errors.Join(errNotOurs, err)
	}
	if err != nil {
		return err
	}
	return e.cfg.Gate.Check(ctx, gate.Use{Site: site, Application: &holder.Application, IssuedAt: issued})
}

// isClientID reports whether a subject is a client that has an id of ours.
func isClientID(sub string) bool {
	return ids.Valid("app", sub) || ids.Valid("svc", sub) || ids.Valid("agt", sub)
}
