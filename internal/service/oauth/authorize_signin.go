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
	Locales  string // ui_locales: languages, the dearest first
	Hint     string // login_hint: whom the application would like; its own words
}

// A SignInReason says why a request asks somebody to sign in who is signed in
// already. It is empty where it asks nothing.
type SignInReason string

// The reasons.
const (
	SignInAgain  SignInReason = "again"  // prompt=login, max_age, acr
	SignInChoose SignInReason = "choose" // prompt=select_account
	SignInOther  SignInReason = "other"  // it is for somebody else
	SignInHint   SignInReason = "hint"   // it names somebody whom we do not take them for
)

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
	n := SignInNeed{Party: partyOf(c, redirect), Redirect: redirect, Passkey: needsPasskey(t.Params, c) || asksToAdminister(t.Params, c),
		Locales: t.Params.Get("ui_locales"), Hint: t.Params.Get("login_hint")}
	if redirect == "" && len(c.Settings.RedirectURIs) == 1 {
		n.Redirect = c.Settings.RedirectURIs[0]
	}
	return n
}

// SignInReason says why a transaction asks who is signed in to sign in again. A
// request that is no good any more asks nothing: what is wrong with it is said
// where it goes on.
func (e *Engine) SignInReason(ctx context.Context, site *model.Site, text string, who *SignedIn) SignInReason {
	x, err := e.resume(ctx, Request{Site: site}, text)
	if err != nil || e.run(ctx, x) != nil {
		return ""
	}
	must, err := e.mustSignIn(ctx, x, who)
	if err != nil || !must {
		return ""
	}
	other, err := e.otherPerson(ctx, x, who)
	fresh := who.Session.AuthTime >= x.authz.since
	switch {
	case err != nil:
		return ""
	case other:
		return SignInOther
	case !fresh && x.prompts("select_account") && !x.prompts("login"):
		return SignInChoose
	case !fresh && x.hintsElsewhere(who) && !x.prompts("login"):
		return SignInHint
	}
	return SignInAgain
}

// hintsElsewhere reports whether the request names somebody whom we do not take
// who is signed in for (OpenID Connect Core 1.0, Section 3.1.2.1, login_hint). The
// hint is compared with them alone, so that the answer tells nothing of others. It
// is no more than a hint: the person may go on all the same, and where no page may
// ask them, they do.
func (x *exchange) hintsElsewhere(who *SignedIn) bool {
	hint := model.FoldName(x.Params.Get("login_hint"))
	if hint == "" || x.prompts("none") || x.authz.confirmed || x.Stay == who.Identity.ID {
		return false
	}
	t := who.Identity.Traits
	known := []string{t.Username, t.PrimaryEmailAddress, t.PrimaryPhone, string(who.Identity.ID)}
	return !slices.ContainsFunc(known, func(name string) bool { return name != "" && model.FoldName(name) == hint })
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
