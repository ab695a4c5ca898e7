package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// Identity Assertion JWT Authorization Grants (ID-JAG,
// draft-ietf-oauth-identity-assertion-authz-grant, by the sections of the editors'
// copy of August 2026): an identity provider lets one
// of its applications act for a person at the authorization server of another. We
// are the provider in a token exchange, and the other in a jwt-bearer grant.

const (
	// idJAGType is the `typ` of an ID-JAG (Section 3), as it is compared.
	idJAGType = "oauth-id-jag+jwt"
	// idJAGLife is how long one of ours lives, in seconds.
	idJAGLife = 300
)

// exchangeForIDJAG: ID-JAG, Section 4.3. Policy says at which servers which
// application may act; the person signed in here, which the ID token or a refresh
// token proves.
func (e *Engine) exchangeForIDJAG(ctx context.Context, x *exchange) (*entitlement, error) {
	if x.Params.Get("actor_token") != "" || x.Params.Get("actor_token_type") != "" {
		return nil, exchangeRefused("an ID-JAG has no actor", nil)
	}
	if len(x.details) > 0 {
		return nil, &Error{Code: InvalidAuthorizationDetails, Description: "authorization_details cannot be in an ID-JAG"}
	}
	target, err := jagTarget(x)
	if err != nil {
		return nil, err
	}
	s, parent, err := e.jagSubject(ctx, x)
	if err != nil {
		return nil, err
	}
	scope, err := jagScope(x, s)
	if err != nil {
		return nil, err
	}
	ent := &entitlement{identity: s.identity, grantID: model.GrantID(ids.New("grt")), scope: scope, audience: []string{target},
		auth: s.auth, decided: s.issued, lifetime: idJAGLife, latest: s.expires}
	if ent.subject, err = e.subjectAt(ctx, x, target, s.identity); err != nil {
		return nil, err
	}
	ent.assertion = func(ctx context.Context, jti string) (string, error) { return e.signIDJAG(ctx, x, ent, jti) }
	ent.answer = func(o *object) { o.text("issued_token_type", typeIDJAG) }
	ent.commit = func(ctx context.Context) error { return e.openIDJAG(ctx, x, s, ent, parent) }
	return ent, nil
}

// jagTarget: `audience` is the issuer of one other authorization server (ID-JAG,
// Section 4.3), which policy must name.
func jagTarget(x *exchange) (string, error) {
	asked := slices.DeleteFunc(slices.Clone(x.Params["audience"]), func(s string) bool { return s == "" })
	if len(asked) != 1 {
		return "", exchangeRefused("audience must be the issuer of one authorization server", nil)
	}
	target, ok := sameTarget(x.client.Settings.Exchange.IdentityAssertions, asked[0])
	if !ok || target == x.Site.Issuer {
		return "", badTarget("this client may not act at that authorization server")
	}
	return target, nil
}

// jagScope: what was asked for, or else the client's default. A refresh token is
// worth what was granted with it and no more (RFC 6749, Section 6).
func jagScope(x *exchange, s *subjectToken) ([]string, error) {
	scope := withoutOffline(x.scope)
	if s.granted == nil {
		return scope, nil
	}
	kept := within(scope, strings.Fields(s.granted.Scope))
	if x.Params.Get("scope") != "" && len(kept) < len(scope) {
		return nil, &Error{Code: InvalidScope, Description: "a scope was not granted with the refresh token"}
	}
	return kept, nil
}

// jagSubject is the person, by an ID token or a refresh token of this client's. Of
// a refresh token it also answers the grant.
func (e *Engine) jagSubject(ctx context.Context, x *exchange) (*subjectToken, model.GrantID, error) {
	switch x.Params.Get("subject_token_type") {
	case typeIDToken:
		s, err := e.readSubject(ctx, x)
		return s, "", err
	case typeRefreshToken:
		return e.refreshSubject(ctx, x, x.Params.Get("subject_token"))
	default:
		return nil, "", exchangeRefused("an ID-JAG is given for an ID token or a refresh token", nil)
	}
}

// refreshSubject checks a refresh token as the refresh grant does (ID-JAG, Section
// 4.3.3) and leaves it as it is. It must be of a sign-in: an ID token would be given
// for it too.
func (e *Engine) refreshSubject(ctx context.Context, x *exchange, raw string) (*subjectToken, model.GrantID, error) {
	refuse := func(cause error) (*subjectToken, model.GrantID, error) {
		return nil, "", exchangeRefused(subjectRefused, cause)
	}
	ref, err := e.openRefresh(ctx, x.Site, x.client.ID, raw)
	if errors.Is(err, errRefreshToken) {
		return refuse(err)
	}
	if err != nil {
		return nil, "", err
	}
	g, err := e.cfg.Store.Grant(ctx, x.Site.Realm.ID, ref.Grant)
	if errors.Is(err, model.ErrNotFound) {
		return refuse(err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read grant: %w", err)
	}
	if err := refreshAlive(x, g, ref); err != nil {
		return refuse(err)
	}
	if ref.Number != g.Refresh && (ref.Number != g.Refresh-1 || x.now > g.RefreshedAt.Add(refreshGrace)) {
		if err := e.reused(ctx, x, g); !invalidToExchange(err) {
			return nil, "", err
		}
		return refuse(errors.New("an old refresh token came back"))
	}
	if err := refreshBinding(x.client, g.Terms, x.bound); err != nil {
		return refuse(err)
	}
	if g.IdentityID == "" || len(g.Terms.Act) > 0 || !slices.Contains(strings.Fields(g.Scope), "openid") {
		return refuse(errors.New("not of a sign-in"))
	}
	s := &subjectToken{identity: g.IdentityID, issued: g.CreatedAt, expires: g.ExpiresAt.Unix(), granted: &g}
	if g.Terms.AuthTime != 0 {
		s.auth = &authentication{at: g.Terms.AuthTime, acr: g.Terms.ACR, amr: g.Terms.AMR}
	}
	return s, g.ID, nil
}

// subjectAt is what the other server knows the person by: the `sub` that it would
// get itself (ID-JAG, Section 5). Of a pairwise application that is the name for
// the other server's host.
func (e *Engine) subjectAt(ctx context.Context, x *exchange, issuer string, id model.IdentityID) (string, error) {
	there := x.client.Settings
	if there.SubjectType == subjectTypes {
		there.Sector, there.RedirectURIs = "", []string{issuer}
	}
	return e.subject(ctx, x.Site, &there, id)
}

// signIDJAG: ID-JAG, Section 3.1. Its cnf, if the client has shown a key, holds the
// client to that key at the other server.
func (e *Engine) signIDJAG(ctx context.Context, x *exchange, ent *entitlement, jti string) (string, error) {
	c := newObject(512)
	c.text("iss", x.Site.Issuer)
	c.text("sub", ent.subject)
	c.text("aud", ent.audience[0])
	client := x.client.ID
	if there := x.client.Settings.Exchange.AssertionClients[ent.audience[0]]; there != "" {
		client = there
	}
	c.text("client_id", string(client))
	c.text("jti", jti)
	c.number("iat", x.now.Unix())
	c.number("exp", x.now.Unix()+int64(lifetime(x, ent)))
	if len(x.resource) > 0 {
		c.audience("resource", x.resource)
	}
	if len(ent.scope) > 0 {
		c.text("scope", strings.Join(ent.scope, " "))
	}
	c.authenticated(ent.auth)
	if bound := x.bound; bound.JKT != "" { // Section 9.8: one key, not two
		c.bound(Binding{JKT: bound.JKT})
	} else {
		c.bound(bound)
	}
	if err := e.addEmail(ctx, x, ent, c); err != nil {
		return "", err
	}
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, tokenAlg(x.client.Settings.IDTokenAlg), idJAGType, c.close())
	if err != nil {
		return "", fmt.Errorf("sign ID-JAG: %w", err)
	}
	return compact, nil
}

func (e *Engine) addEmail(ctx context.Context, x *exchange, ent *entitlement, c *object) error {
	if !x.client.Settings.Exchange.AssertionEmail {
		return nil
	}
	person, err := e.cfg.People.Identity(ctx, x.Site, ent.identity)
	if err != nil {
		return fmt.Errorf("read claims: %w", err)
	}
	if email := person.Traits.PrimaryEmailAddress; email != "" {
		c.text("email", email)
		c.raw("email_verified", json.RawMessage(strconv.FormatBool(person.Traits.EmailVerified)))
	}
	return nil
}

// openIDJAG writes down what was given. It is over when the ID-JAG is: what the
// other server made of it is in the other server's hands.
func (e *Engine) openIDJAG(ctx context.Context, x *exchange, s *subjectToken, ent *entitlement, parent model.GrantID) error {
	g := x.derived(ent, GrantExchange)
	g.SessionID, g.ParentID = s.session, parent
	err := e.cfg.Store.OpenGrant(ctx, Opening{Grant: g, Decided: s.issued},
		opened(x, g, "identity_assertion.given", map[string]string{"aud": ent.audience[0]}))
	if errors.Is(err, model.ErrConflict) {
		return exchangeRefused(subjectRefused, errors.New("revoked"))
	}
	if err != nil {
		return fmt.Errorf("open grant: %w", err)
	}
	return nil
}

// checkIDJAG: ID-JAG, Section 4.4.1, beside what readAssertion has checked. Only a
// client that proves who it is can be the one that is meant (Section 9.1).
func checkIDJAG(x *exchange, a *issuerAssertion) error {
	c := &a.claims
	switch {
	case !x.client.Settings.AuthMethod.Confidential():
		return unasserted("an ID-JAG needs a client that authenticates")
	case c.ClientID != x.client.ID:
		return unasserted("client_id is another client")
	case c.Iss == "" || c.Sub == "" || c.JTI == "" || c.Iat == nil:
		return unasserted("iss, sub, jti or iat is missing")
	}
	return checkConfirmation(c.Cnf, x.shown())
}

// checkConfirmation holds the client to the key that an assertion names (RFC 7800,
// Section 3). A kind of key that we do not know is one that nobody showed.
func checkConfirmation(cnf json.RawMessage, bound Binding) error {
	if len(cnf) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(cnf, &members); err != nil || len(members) == 0 {
		return unasserted("malformed cnf", err)
	}
	shown := map[string]string{"jkt": bound.JKT, "x5t#S256": bound.X5T}
	for name, member := range members {
		var want string
		if err := json.Unmarshal(member, &want); err != nil || want == "" || want != shown[name] {
			return unasserted("the key of cnf was not shown", err)
		}
	}
	return nil
}

// jagAudience: the resources that the assertion names, or what the client names of
// them, as far as the client is registered for them.
func jagAudience(x *exchange, a *issuerAssertion) ([]string, error) {
	if len(a.claims.Resource) == 0 {
		return x.audience(), nil
	}
	var granted []string
	for _, r := range a.claims.Resource {
		if known, ok := registered(x, r); ok && !slices.Contains(granted, known) {
			granted = append(granted, known)
		}
	}
	if len(granted) == 0 {
		return nil, badTarget("the resource of the assertion is not registered for this client")
	}
	return grantedAudience(x, granted)
}
