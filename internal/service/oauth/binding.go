package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// A Presented is an access token that somebody shows.
type Presented struct {
	Site  *model.Site
	Token string
	// Scheme is the authentication scheme that it came under, as it was sent:
	// "Bearer" or "DPoP" in any case; "" at introspection, where the resource
	// server that asks checks the binding.
	Scheme  string
	Request Request
}

// bindSender finds out which keys the tokens, or the code, of this request are
// bound to: the key of a DPoP proof (RFC 9449) and the certificate of the
// connection (RFC 8705, Section 3).
func (e *Engine) bindSender(ctx context.Context, x *exchange) error {
	if err := e.bindKey(ctx, x); err != nil {
		return err
	}
	if x.at == token {
		return bindCertificate(x)
	}
	return bindCode(x)
}

func (e *Engine) bindKey(ctx context.Context, x *exchange) error {
	if len(x.DPoP) == 0 || x.at == authorize { // browsers bring no proofs
		if x.at == token && x.client.Settings.Sender == model.SenderDPoP {
			return badProof("a DPoP proof is needed", nil)
		}
		return nil
	}
	var err error
	if x.bound.JKT, err = e.proof(ctx, x.Site, x.client, x.Request, ""); err != nil {
		return err
	}
	if nonceNeeded(x.Site, x.client) {
		x.nonce, err = e.newNonce(x.Site)
	}
	return err
}

// bindCertificate: RFC 8705, Section 3. A certificate binds the tokens of the
// clients that are registered for that; no specification names the error of one
// that brings none, and what is missing is a part of the request.
func bindCertificate(x *exchange) error {
	if x.client.Settings.Sender != model.SenderMTLS {
		return nil
	}
	if x.Certificate == nil {
		return &Error{Code: InvalidRequest, Description: "a client certificate is needed: use the mTLS endpoint"}
	}
	x.bound.X5T = certificateThumbprint(x.Certificate)
	return nil
}

// bindCode: RFC 9449, Section 10: dpop_jkt binds the code to a key before there
// is a proof. A proof at PAR does the same (Section 10.1), and all that name a
// key must name the same.
func bindCode(x *exchange) error {
	asked := x.Params.Get("dpop_jkt")
	switch {
	case asked != "" && !isThumbprint(asked):
		return &Error{Code: InvalidRequest, Description: "dpop_jkt must be the SHA-256 thumbprint of a key"}
	case asked != "" && x.bound.JKT != "" && asked != x.bound.JKT:
		return badProof("dpop_jkt is not the key of the DPoP proof", nil)
	case x.bound.JKT != "":
		x.authz.jkt = x.bound.JKT
	case asked != "" && x.authz.jkt == "": // a pushed request has been bound already
		x.authz.jkt = asked
	}
	return nil
}

func isThumbprint(s string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(sum) == 32 && len(s) == 43
}

// codeBinding: RFC 9449, Section 10: a code that was bound to a key is of use
// with a proof of that key alone. jkt is the key of the code, "" for none.
func codeBinding(jkt string, bound Binding) error {
	if jkt != "" && jkt != bound.JKT {
		return &Error{Code: InvalidGrant, Description: "the code is bound to another key", Cause: errKey}
	}
	return nil
}

// refreshTerms binds the refresh tokens of a public client to its keys (RFC
// 9449, Section 5; RFC 8705, Section 4). A confidential client authenticates,
// which binds them to it already, and may change its keys.
func refreshTerms(client *model.Client, terms *model.GrantTerms, bound Binding) {
	terms.JKT, terms.X5T = "", ""
	if !client.Settings.AuthMethod.Confidential() {
		terms.JKT, terms.X5T = bound.JKT, bound.X5T
	}
}

// refreshBinding: the keys that refreshTerms wrote down must be there again.
func refreshBinding(client *model.Client, terms model.GrantTerms, bound Binding) error {
	if client.Settings.AuthMethod.Confidential() {
		return nil
	}
	if terms.JKT != "" && terms.JKT != bound.JKT || terms.X5T != "" && terms.X5T != bound.X5T {
		return &Error{Code: InvalidGrant, Description: "the refresh token is bound to another key", Cause: errKey}
	}
	return nil
}

var errKey = errors.New("bound to another key")

// invalidToken refuses an access token at a resource (RFC 6750, Section 3.1).
func invalidToken(description string) error {
	return &Error{Code: InvalidToken, Description: description, Resource: true}
}

// checkBinding enforces the binding of an access token that is presented to one
// of our resources: RFC 9449, Sections 7.1 and 7.2, and RFC 8705, Section 3.
// Scheme names ignore case (RFC 9110, Section 11.1).
func (e *Engine) checkBinding(ctx context.Context, p Presented, client *model.Client, cnf Binding) error {
	if p.Scheme == "" {
		return nil
	}
	dpop := strings.EqualFold(p.Scheme, "DPoP")
	switch {
	case !dpop && !strings.EqualFold(p.Scheme, "Bearer"):
		return invalidToken("unknown authentication scheme")
	case !dpop && cnf.JKT != "":
		return invalidToken("the token is bound to a DPoP key and was sent without its proof")
	case dpop && cnf.JKT == "":
		return invalidToken("the token is not bound to a DPoP key")
	case cnf.X5T != "" && (p.Request.Certificate == nil || certificateThumbprint(p.Request.Certificate) != cnf.X5T):
		return invalidToken("the token is bound to another certificate")
	case !dpop:
		return nil
	}
	return e.checkTokenProof(ctx, p, client, cnf)
}

func (e *Engine) checkTokenProof(ctx context.Context, p Presented, client *model.Client, cnf Binding) error {
	jkt, err := e.proof(ctx, p.Site, client, p.Request, p.Token)
	if refusal, ok := errors.AsType[*Error](err); ok {
		refusal.Resource = true // it is made for this request alone
		return refusal
	}
	if err != nil {
		return err
	}
	if jkt != cnf.JKT {
		return invalidToken("the token is bound to another DPoP key")
	}
	return nil
}

// Challenges are the WWW-Authenticate fields of a resource (RFC 6750, Section 3;
// RFC 9449, Section 7.1). Without a refusal nobody showed a token yet.
func Challenges(site *model.Site, scheme string, refusal *Error) []string {
	algs := `algs="` + strings.Join(ProofAlgs(site), " ") + `"`
	if refusal == nil {
		return []string{"Bearer", "DPoP " + algs}
	}
	why := `error="` + string(refusal.Code) + `", error_description="` + refusal.Description + `"`
	if strings.EqualFold(scheme, "DPoP") {
		return []string{"DPoP " + why + ", " + algs}
	}
	return []string{"Bearer " + why, "DPoP " + algs}
}
