package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// A SignInNeed is what the sign-in page must know of the request that leads there.
type SignInNeed struct {
	Party    Party
	Passkey  bool   // nothing less than a passkey meets acr_values
	Redirect string // where the browser goes in the end
}

// SignInNeed says for what a transaction asks to sign in. It is empty where there
// is none.
func (e *Engine) SignInNeed(ctx context.Context, site *model.Site, text string) SignInNeed {
	t, until, err := uncarry[transaction](ctx, e, transactionLoad, site, text, "")
	if now := model.MillisOf(e.cfg.Now()); err != nil || now >= until || t.over(now) {
		return SignInNeed{}
	}
	c, err := e.cfg.Clients.Get(ctx, site, model.ClientID(t.Params.Get("client_id")))
	if err != nil {
		return SignInNeed{}
	}
	redirect := t.Params.Get("redirect_uri")
	n := SignInNeed{Party: partyOf(c, redirect), Redirect: redirect, Passkey: needsPasskey(t.Params, c)}
	if redirect == "" && len(c.Settings.RedirectURIs) == 1 {
		n.Redirect = c.Settings.RedirectURIs[0]
	}
	return n
}

// needsPasskey reports whether what a request asks for rules a password out (RFC
// 9470, Section 4). What the engine decides afterwards is in mustStepUp.
func needsPasskey(p Params, c *model.Client) bool {
	asked := strings.Fields(p.Get("acr_values"))
	if len(asked) == 0 {
		asked = slices.Clone(c.Settings.DefaultACRValues)
	}
	if _, idToken, _, err := parseClaims(p.Get("claims")); err == nil {
		asked = append(asked, idToken["acr"].texts()...)
	}
	return slices.Contains(asked, passkeyACR) && !slices.Contains(asked, passwordACR)
}
