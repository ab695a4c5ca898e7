package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A codeState is what an authorization code stands for. The client carries it,
// sealed, so that issuing a code writes nothing; using it writes the grant and
// the mark that it was used in one transaction.
type codeState struct {
	Grant     model.GrantID    `json:"g"`
	Redirect  string           `json:"r,omitempty"` // empty: the request did not name it
	Challenge string           `json:"c,omitempty"`
	Nonce     string           `json:"n,omitempty"`
	Identity  model.IdentityID `json:"i"`
	Scope     string           `json:"s,omitempty"`
	Terms     model.GrantTerms `json:"t"`
	JKT       string           `json:"k,omitempty"` // RFC 9449, Section 10
	Issued    model.Millis     `json:"a"`
}

func codeLoad(c *model.Client) load { return load{purpose: "code", life: c.Settings.CodeLives()} }

// newCode makes an authorization code: 192 random bits and more, at most 60 s
// (RFC 6749, Section 4.1.2).
func (e *Engine) newCode(ctx context.Context, x *exchange, who *SignedIn) (string, error) {
	st := codeState{Grant: model.GrantID(ids.New("grt")), Challenge: x.authz.challenge, Nonce: x.Params.Get("nonce"),
		Identity: who.Identity.ID, Scope: strings.Join(x.scope, " "), JKT: x.authz.jkt, Issued: max(x.now, who.Session.AuthTime),
		Terms: model.GrantTerms{Resources: x.audience(), Details: x.details, Claims: x.authz.claims,
			AuthTime: who.Session.AuthTime.Unix(), ACR: acrOf(who.Session), AMR: amrOf(who.Session), SessionID: who.Session.ID}}
	if x.authz.redirectSent {
		st.Redirect = x.authz.redirect
	}
	return carry(ctx, e, codeLoad(x.client), x.Site, st, string(x.client.ID))
}

// entitleCode: RFC 6749, Section 4.1.3, and RFC 7636, Section 4.6.
func (e *Engine) entitleCode(ctx context.Context, x *exchange) (*entitlement, error) {
	code := x.Params.Get("code")
	if code == "" {
		return nil, &Error{Code: InvalidRequest, Description: "code is missing"}
	}
	st, until, err := uncarry[codeState](ctx, e, codeLoad(x.client), x.Site, code, string(x.client.ID))
	if errors.Is(err, errCarried) {
		return nil, codeRefused(err) // malformed, foreign and made-up codes look the same
	}
	if err != nil {
		return nil, err
	}
	if err := checkCode(x, st); err != nil {
		return nil, codeRefused(err)
	}
	if err := codeBinding(st.JKT, x.bound); err != nil {
		return nil, err
	}
	if x.now >= until { // asked last: who does not have all that belongs to it ends nothing
		return nil, e.lateCode(ctx, x, st)
	}
	return e.codeEntitlement(ctx, x, st)
}

func codeRefused(cause error) error {
	return &Error{Code: InvalidGrant, Description: "the code is not valid", Cause: cause}
}

// lateCode refuses a code that is over. If it was used in time, it has leaked:
// what it gave is taken back.
func (e *Engine) lateCode(ctx context.Context, x *exchange, st codeState) error {
	_, err := e.cfg.Store.Grant(ctx, x.Site.Realm.ID, st.Grant)
	if err == nil {
		err = e.revokeGrant(ctx, x, st.Grant, "code.reused")
	}
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return err
	}
	return codeRefused(errors.New("expired"))
}

// checkCode compares what the code was given for with who brings it.
func checkCode(x *exchange, st codeState) error {
	sent := x.Params.Get("redirect_uri")
	switch {
	case sent != "" && sent != st.Redirect:
		return errors.New("another redirect_uri")
	case sent == "" && st.Redirect != "" && st.Challenge == "": // RFC 6749, Section 4.1.3; OAuth 2.1 leaves it to PKCE
		return errors.New("redirect_uri is missing")
	}
	verifier := x.Params.Get("code_verifier")
	switch {
	case st.Challenge == "" && verifier != "": // RFC 9700, Section 2.1.1: a downgrade
		return errors.New("a verifier for a code without a challenge")
	case st.Challenge == "":
		return nil
	case !wellFormedVerifier(verifier):
		return errors.New("the verifier is missing or malformed")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(st.Challenge)) != 1 {
		return errors.New("the verifier does not fit")
	}
	return nil
}

// wellFormedVerifier: RFC 7636, Section 4.1.
func wellFormedVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && !strings.ContainsFunc(v, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

// isS256 reports whether a challenge can be one (RFC 7636, Section 4.2).
func isS256(challenge string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	return err == nil && len(raw) == sha256.Size
}

func (e *Engine) codeEntitlement(ctx context.Context, x *exchange, st codeState) (*entitlement, error) {
	g := model.Grant{RealmID: x.Site.Realm.ID, ID: st.Grant, Kind: GrantCode, IdentityID: st.Identity, ApplicationID: x.client.ID,
		Scope: st.Scope, Terms: st.Terms, CreatedAt: max(x.now, st.Issued)}
	ent := &entitlement{identity: st.Identity, grantID: st.Grant, scope: strings.Fields(st.Scope), details: st.Terms.Details,
		auth: &authentication{at: st.Terms.AuthTime, acr: st.Terms.ACR, amr: st.Terms.AMR}, sid: st.Terms.SessionID, decided: st.Issued}
	if err := narrowTo(x, ent, g); err != nil {
		return nil, err
	}
	if slices.Contains(strings.Fields(st.Scope), "openid") {
		ent.idToken = func(c *object) {
			if st.Nonce != "" {
				c.text("nonce", st.Nonce)
			}
		}
		if err := ent.askIDClaims(st.Terms.Claims); err != nil {
			return nil, err
		}
	}
	var err error
	if ent.refresh, err = e.firstRefresh(ctx, x, &g); err != nil {
		return nil, err
	}
	// The code names its grant, so that the grant's own row says whether the code
	// was used: of all who bring it, one inserts it.
	ent.commit = func(ctx context.Context) error {
		return e.openGrant(ctx, x, Opening{Grant: g, Decided: st.Issued})
	}
	return ent, nil
}

// askIDClaims takes over what a grant's claims parameter asks for in ID tokens.
func (ent *entitlement) askIDClaims(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	_, idToken, _, err := parseClaims(string(raw))
	ent.idClaims = idToken
	return err
}

// openGrant writes the grant of a code. A code that comes a second time has
// leaked: what it gave is taken back (RFC 6749, Section 4.1.2).
func (e *Engine) openGrant(ctx context.Context, x *exchange, o Opening) error {
	err := e.cfg.Store.OpenGrant(ctx, o, model.Effects{})
	if errors.Is(err, model.ErrCommitUnknown) {
		if _, readErr := e.cfg.Store.Grant(ctx, o.Grant.RealmID, o.Grant.ID); readErr == nil {
			return err // it is there, by us or by another who had the code: the client must ask again
		}
	}
	if errors.Is(err, model.ErrConflict) {
		if err := e.revokeGrant(ctx, x, o.Grant.ID, "code.reused"); err != nil {
			return err
		}
		return codeRefused(errors.New("used before, or revoked"))
	}
	if err != nil {
		return fmt.Errorf("open grant: %w", err)
	}
	return nil
}
