package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// IssuerKeys finds keys in the sets that trusted issuers publish at a URL. The
// key is nil if there is none such, or if the set cannot be read now.
type IssuerKeys interface {
	Find(ctx context.Context, url, kid, alg string) (*jose.PublicKey, error)
}

// defaultIssuerAlgs: what trusted issuers sign with unless the realm says
// otherwise. RS256 is what clusters and CI services have.
var defaultIssuerAlgs = []string{"ES256", "EdDSA", "PS256", "RS256"}

// defaultAssertionLife bounds the life of an assertion, in seconds.
const defaultAssertionLife = 3600

// errAssertion: a JWT that no trusted issuer made for us, or not so. What it is
// called on the wire depends on where it was brought.
var errAssertion = errors.New("assertion")

func unasserted(why string, causes ...error) error {
	return errors.Join(fmt.Errorf("%w: %s", errAssertion, why), errors.Join(causes...))
}

// issuerClaims are the claims of an assertion that decide something. RFC 7523,
// Section 3; ID-JAG, Section 3.1; RFC 8693, Section 4.
type issuerClaims struct {
	Iss      string          `json:"iss"`
	Sub      string          `json:"sub"`
	Aud      audienceList    `json:"aud"`
	JTI      string          `json:"jti"`
	Exp      *float64        `json:"exp"`
	Iat      *float64        `json:"iat"`
	Nbf      *float64        `json:"nbf"`
	ClientID model.ClientID  `json:"client_id"`
	Scope    string          `json:"scope"`
	Resource audienceList    `json:"resource"`
	AuthTime *float64        `json:"auth_time"`
	ACR      string          `json:"acr"`
	AMR      []string        `json:"amr"`
	Cnf      json.RawMessage `json:"cnf"`
	Act      json.RawMessage `json:"act"`
	MayAct   json.RawMessage `json:"may_act"`
}

// An issuerAssertion is a JWT that a trusted issuer made for us: its signature,
// its times and its audience were checked.
type issuerAssertion struct {
	issuer *model.TrustedIssuer
	jag    bool // it says that it is an ID-JAG
	claims issuerClaims
	raw    []byte // all claims
}

// readAssertion verifies an assertion (RFC 7523, Section 3). Whatever is wrong
// with it is errAssertion; whom it is about is for assertedSubject.
func (e *Engine) readAssertion(ctx context.Context, x *exchange, compact string) (*issuerAssertion, error) {
	return e.readIssued(ctx, x, compact, (*issuerAssertion).checkType)
}

// readIssued verifies what a trusted issuer made for us, of a type that is for
// this use.
func (e *Engine) readIssued(ctx context.Context, x *exchange, compact string, checkType func(*issuerAssertion, string) error) (*issuerAssertion, error) {
	u, err := jose.PeekForeign(compact)
	if err != nil {
		return nil, unasserted("malformed", err)
	}
	a := &issuerAssertion{raw: u.Claims()}
	if err := json.Unmarshal(a.raw, &a.claims); err != nil {
		return nil, unasserted("malformed claims", err)
	}
	if a.issuer = trustedIssuer(x.Site, &a.claims); a.issuer == nil {
		return nil, unasserted("unknown issuer")
	}
	if err := checkType(a, u.Header().Typ); err != nil {
		return nil, err
	}
	key, err := e.issuerKey(ctx, a.issuer, u.Header())
	if err != nil {
		return nil, err
	}
	if _, err := jose.Verify(u, key); err != nil {
		return nil, unasserted("signature", err)
	}
	if err := a.checkTimes(x.now); err != nil {
		return nil, err
	}
	return a, a.checkAudience(x)
}

// trustedIssuer finds who made it. Never ourselves: an authorization server must
// not give access tokens for ID-JAGs of its own (ID-JAG, Section 9.3). SPIFFE has
// no use for `iss` (SPIFFE JWT-SVID, Section 3): without one, a SPIFFE ID speaks for
// its trust domain, which is an issuer like "spiffe://example.org" here.
func trustedIssuer(site *model.Site, c *issuerClaims) *model.TrustedIssuer {
	iss, domain := c.Iss, spiffeDomain(c.Sub)
	if iss == "" {
		iss = domain
	}
	if iss == "" || iss == site.Issuer || strings.HasPrefix(iss, "spiffe://") && iss != domain {
		return nil
	}
	list := site.Realm.Policy.TrustedIssuers
	for i := range list {
		if list[i].Issuer == iss {
			return &list[i]
		}
	}
	return nil
}

func spiffeDomain(sub string) string {
	rest, found := strings.CutPrefix(sub, "spiffe://")
	domain, _, _ := strings.Cut(rest, "/")
	if !found || domain == "" {
		return ""
	}
	return "spiffe://" + domain
}

// assertionTypes are the types of a plain assertion: most issuers name none, or
// that it is a JWT (SPIFFE JWT-SVID, Section 2.3), RFC 7523bis its own. Access
// tokens, logout tokens and what else an issuer signs name others.
var assertionTypes = []string{"", "jwt", "jose", "authorization-grant+jwt"}

// checkType: RFC 8725, Section 3.11. RFC 7515, Section 4.1.9: the prefix may be
// left out and case is not significant.
func (a *issuerAssertion) checkType(typ string) error {
	typ = shortType(typ)
	a.jag = typ == idJAGType
	switch {
	case a.jag && !a.issuer.IdentityAssertions:
		return unasserted("the issuer is not trusted to give ID-JAGs")
	case !a.jag && !slices.Contains(assertionTypes, typ):
		return unasserted("a JWT of another type")
	}
	return nil
}

func shortType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }

// issuerKey finds the key that signed, under the algorithms of the issuer's
// record.
func (e *Engine) issuerKey(ctx context.Context, issuer *model.TrustedIssuer, h jose.Header) (*jose.PublicKey, error) {
	algs := issuer.Algs
	if len(algs) == 0 {
		algs = defaultIssuerAlgs
	}
	if !slices.Contains(algs, algName(h.Alg)) {
		return nil, unasserted("algorithm is not allowed")
	}
	var key *jose.PublicKey
	var err error
	switch {
	case len(issuer.JWKS) > 0:
		key, err = e.inlineKey(ctx, issuer, h)
	case e.cfg.IssuerKeys != nil && issuer.JWKSURI != "":
		if key, err = e.cfg.IssuerKeys.Find(ctx, issuer.JWKSURI, h.KID, string(h.Alg)); err != nil {
			return nil, fmt.Errorf("keys of issuer %s: %w", issuer.Issuer, err)
		}
	}
	if err == nil && key == nil {
		err = unasserted("unknown key")
	}
	return key, err
}

// inlineKey looks in the set that the realm's policy holds. A set is parsed once:
// its text is its name in memory.
func (e *Engine) inlineKey(ctx context.Context, issuer *model.TrustedIssuer, h jose.Header) (*jose.PublicKey, error) {
	keys, err := e.inline.Get(ctx, string(issuer.JWKS))
	if err != nil {
		return nil, unasserted("the key set of the issuer is unusable", err)
	}
	var found *jose.PublicKey
	for _, k := range keys {
		fitting, err := k.WithAlg(h.Alg)
		switch {
		case err != nil || h.KID != "" && k.KID() != h.KID:
		case h.KID != "":
			return fitting, nil
		case found != nil: // no kid, and more than one key could be meant
			return nil, unasserted("the key is not named")
		default:
			found = fitting
		}
	}
	return found, nil
}

func parseInline(_ context.Context, set string) ([]*jose.PublicKey, error) {
	return jose.ParseSet([]byte(set))
}

// checkTimes: RFC 7523, Section 3, points 4 to 6. The life of an assertion is
// bounded, counted from when it was issued or, if it does not say, from now.
func (a *issuerAssertion) checkTimes(now model.Millis) error {
	c, at := &a.claims, float64(now)
	life := float64(defaultAssertionLife)
	if a.issuer.MaxLifetime > 0 {
		life = float64(a.issuer.MaxLifetime)
	}
	from := at
	if c.Iat != nil {
		from = min(at, *c.Iat*1000)
	}
	switch {
	case c.Exp == nil:
		return unasserted("exp is missing")
	case *c.Exp*1000 <= at:
		return unasserted("expired")
	case *c.Exp*1000 > from+life*1000+assertionSkew:
		return unasserted("lives too long")
	case c.Iat != nil && *c.Iat*1000 > at+assertionSkew:
		return unasserted("iat is in the future")
	case c.Nbf != nil && *c.Nbf*1000 > at+assertionSkew:
		return unasserted("nbf is in the future")
	case len(c.JTI) > maxJTI:
		return unasserted("jti has more than 512 bytes")
	}
	return nil
}

// checkAudience: RFC 7523, Section 3, point 3. Whoever else it is for could bring
// it here, so nobody else may be named but whom the realm allows. An ID-JAG is for
// this issuer and has no other name for it (ID-JAG, Section 4.4.1).
func (a *issuerAssertion) checkAudience(x *exchange) error {
	aud := a.claims.Aud
	if len(aud) == 0 || a.jag && len(aud) > 1 {
		return unasserted("aud must name this issuer")
	}
	for _, one := range aud {
		ours := one == x.Site.Issuer || !a.jag && (ourEndpoint(x, one) || slices.Contains(a.issuer.Audiences, one))
		if !ours {
			return unasserted("aud names somebody else")
		}
	}
	return nil
}

// issuedAt is when the assertion was made; 0: it does not say.
func (a *issuerAssertion) issuedAt() model.Millis {
	if a.claims.Iat == nil {
		return 0
	}
	return model.Millis(math.Floor(*a.claims.Iat)) * 1000
}

// expires is its end in Unix seconds. checkTimes has bounded it.
func (a *issuerAssertion) expires() int64 { return int64(*a.claims.Exp) }

// once is the mark that uses it up. Clusters and SPIFFE leave `jti` out or mount
// one token for many uses; those can be presented until they expire.
func (a *issuerAssertion) once(site *model.Site) *model.Once {
	if a.claims.JTI == "" || a.issuer.Reusable && !a.jag {
		return nil
	}
	return &model.Once{Namespace: model.OnceBearerJWT, RealmID: site.Realm.ID,
		Digest: sha256.Sum256([]byte(a.issuer.Issuer + "\x00" + a.claims.JTI)), Until: model.Millis(a.expires()+1)*1000 + onceMargin}
}

// authenticated is how the person was authenticated, as the issuer says.
func (a *issuerAssertion) authenticated(now model.Millis) *authentication {
	at := a.claims.AuthTime
	if at == nil || *at <= 0 || *at*1000 > float64(now)+assertionSkew {
		return nil
	}
	return &authentication{at: int64(*at), acr: a.claims.ACR, amr: a.claims.AMR}
}

// delegation is who acts for the subject already, and who may, as the issuer says
// (RFC 8693, Sections 4.1 and 4.4).
func (a *issuerAssertion) delegation() (act, mayAct json.RawMessage, err error) {
	if act, err = foreignAct(a.claims.Act, a.issuer.Issuer); err != nil {
		return nil, nil, unasserted("act", err)
	}
	if mayAct, err = foreignMayAct(a.claims.MayAct, a.issuer.Issuer); err != nil {
		return nil, nil, unasserted("may_act", err)
	}
	return act, mayAct, nil
}
