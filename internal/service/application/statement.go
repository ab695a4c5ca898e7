package application

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// statementAlgs: what software statements may be signed with unless the realm
// says otherwise.
var statementAlgs = []string{"ES256", "EdDSA", "PS256", "RS256"}

// statementClaims are the claims of a software statement that are about itself.
type statementClaims struct {
	Iss string          `json:"iss"`
	Aud json.RawMessage `json:"aud"`
	Exp *float64        `json:"exp"`
	Nbf *float64        `json:"nbf"`
	// SoftwareID names the software (RFC 7591, Section 2).
	SoftwareID string `json:"software_id"`
}

// statementType is the `typ` of a software statement that has no software_id.
const statementType = "software-statement+jwt"

// isStatement tells a statement from what else its issuer signs, such as
// assertions about workloads (RFC 8725, Section 3.11): by its type or, as RFC 7591
// gives it none, by naming the software that it is about.
func isStatement(typ string, c statementClaims) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case statementType:
		return true
	case "", "jwt", "jose":
		return c.SoftwareID != ""
	default:
		return false
	}
}

// aboutItself are not metadata of the client (RFC 7591, Section 2.3).
var aboutItself = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// applyStatement puts the claims of a software statement over the members beside
// it. It returns the statement, or "" if there is none.
func (s *Service) applyStatement(ctx context.Context, site *model.Site, m Members) (string, error) {
	compact := m.text("software_statement")
	if compact == "" {
		if site.Realm.Policy.Registration.RequireStatement {
			return "", &Refusal{Code: InvalidStatement, Description: "a software statement is needed"}
		}
		return "", nil
	}
	claims, err := s.openStatement(ctx, site, compact)
	if err != nil {
		return "", err
	}
	for name, value := range claims {
		if !slices.Contains(aboutItself, name) && metadataNames[name] {
			m[name] = value
		}
	}
	return compact, nil
}

func badStatement(description string, cause error) error {
	return &Refusal{Code: InvalidStatement, Description: description, Cause: cause}
}

// openStatement verifies a software statement: who made it is one that the realm
// believes, and it is whole and valid now.
func (s *Service) openStatement(ctx context.Context, site *model.Site, compact string) (Members, error) {
	u, err := jose.PeekForeign(compact)
	if err != nil {
		return nil, badStatement("the software statement is malformed", err)
	}
	var c statementClaims
	if err := json.Unmarshal(u.Claims(), &c); err != nil {
		return nil, badStatement("the claims of the software statement are malformed", err)
	}
	issuer := approvedIssuer(site, c.Iss)
	if issuer == nil {
		return nil, &Refusal{Code: UnapprovedStatement, Description: "the issuer of the software statement is not one that this realm believes"}
	}
	if !isStatement(u.Header().Typ, c) {
		return nil, badStatement("the software statement names no software_id, and its typ is another", nil)
	}
	key, err := s.statementKey(ctx, issuer, u.Header())
	if err != nil {
		return nil, err
	}
	v, err := jose.Verify(u, key)
	if err != nil {
		return nil, badStatement("the signature of the software statement is wrong", err)
	}
	if err := s.checkStatement(site, c); err != nil {
		return nil, err
	}
	var members Members
	if err := json.Unmarshal(v.Payload, &members); err != nil {
		return nil, badStatement("the claims of the software statement are malformed", err)
	}
	return members, nil
}

// approvedIssuer finds the issuer among those whose statements the realm
// believes, or nil.
func approvedIssuer(site *model.Site, iss string) *model.TrustedIssuer {
	p := &site.Realm.Policy
	at := slices.IndexFunc(p.TrustedIssuers, func(t model.TrustedIssuer) bool { return t.Issuer == iss })
	if iss == "" || at < 0 || !slices.Contains(p.Registration.SoftwareStatements, iss) {
		return nil
	}
	return &p.TrustedIssuers[at]
}

// statementKey finds the issuer's key, with an algorithm that the realm allows it
// (RFC 8725, Section 3.1).
func (s *Service) statementKey(ctx context.Context, issuer *model.TrustedIssuer, h jose.Header) (*jose.PublicKey, error) {
	algs := issuer.Algs
	if len(algs) == 0 {
		algs = statementAlgs
	}
	at := slices.IndexFunc(algs, func(a string) bool { return jose.Alg(a).Same(h.Alg) })
	if at < 0 {
		return nil, badStatement("the algorithm of the software statement is not allowed", nil)
	}
	var key *jose.PublicKey
	var err error
	switch {
	case len(issuer.JWKS) > 0:
		key, err = inlineKey(issuer.JWKS, h.KID)
	case s.cfg.KeySets != nil && issuer.JWKSURI != "":
		key, err = s.cfg.KeySets.Find(ctx, issuer.JWKSURI, h.KID, algs[at])
	}
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, badStatement("the software statement is signed by an unknown key", nil)
	}
	if key, err = key.WithAlg(jose.Alg(algs[at])); err != nil {
		return nil, badStatement("the key of the software statement is for another algorithm", err)
	}
	return key, nil
}

// inlineKey finds the key that kid names, or the only one; nil: there is none.
func inlineKey(jwks []byte, kid string) (*jose.PublicKey, error) {
	keys, err := jose.ParseSet(jwks)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.KID() == kid || kid == "" && len(keys) == 1 {
			return k, nil
		}
	}
	return nil, nil //nolint:nilnil // no key is an answer
}

// checkStatement: RFC 7519, Sections 4.1.3 to 4.1.5. Each is optional here (RFC
// 7591, Section 2.3).
func (s *Service) checkStatement(site *model.Site, c statementClaims) error {
	now := float64(s.cfg.Now().Unix())
	switch {
	case c.Exp != nil && *c.Exp <= now:
		return badStatement("the software statement has expired", nil)
	case c.Nbf != nil && *c.Nbf > now+statementSkew:
		return badStatement("the software statement is not valid yet", nil)
	case len(c.Aud) > 0 && !slices.ContainsFunc(audiences(c.Aud), func(a string) bool {
		return a == site.Issuer || a == site.Issuer+registerPath
	}):
		return badStatement("the software statement is addressed to somebody else", nil)
	}
	return nil
}

const statementSkew = 10 // seconds that clocks may differ

// audiences reads `aud`, which is a string or a list.
func audiences(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []string
	_ = json.Unmarshal(raw, &many) // what is neither names nobody
	return many
}
