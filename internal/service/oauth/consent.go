package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A Consent is what a person is asked to agree to, before an application gets
// it.
type Consent struct {
	Transaction string // sealed; comes back with the answer
	Party       Party
	Redirect    string // where the browser goes with the answer
	Person      string // display name
	Locales     string // ui_locales of the request
	Items       []ConsentItem
	Again       bool // the person has allowed this application something before
}

// A ConsentItem is one thing that the application would have. Texts of details are
// the application's and untrusted.
type ConsentItem struct {
	Title Said
	Text  Said   // more about it; may say nothing
	Lines []Line // of authorization details
	New   bool
}

// Fresh are the items that the person has not agreed to yet.
func (c *Consent) Fresh() []ConsentItem { return c.where(true) }

// Known are the items that the person has agreed to before.
func (c *Consent) Known() []ConsentItem { return c.where(false) }

func (c *Consent) where(fresh bool) []ConsentItem {
	var items []ConsentItem
	for _, i := range c.Items {
		if i.New == fresh {
			items = append(items, i)
		}
	}
	return items
}

// missingConsent finds out what the person has not agreed to yet; nil: nothing.
func (e *Engine) missingConsent(ctx context.Context, x *exchange, who *SignedIn) (*Consent, error) {
	if x.client.Settings.FirstParty && !x.prompts("consent") || x.authz.confirmed {
		return nil, nil //nolint:nilnil // nothing is missing
	}
	items := consentItems(x)
	known, err := e.cfg.Store.Consents(ctx, x.Site.Realm.ID, who.Identity.ID, x.client.ID)
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", err)
	}
	missing := len(x.details) > 0 || anyNew(items, known)
	if !missing && len(known) > 0 && !x.prompts("consent") && !anyProgram(x) {
		return nil, nil //nolint:nilnil // nothing is missing
	}
	c := &Consent{Party: partyOf(x.client, x.authz.redirect), Redirect: x.authz.redirect, Person: who.Identity.DisplayName, Locales: x.Params.Get("ui_locales"), Again: len(known) > 0}
	c.Items = describeConsent(x, known)
	c.Transaction, err = carry(ctx, e, consentLoad.from(x.Request, x.client.ID), x.Site, x.kept(), string(who.Session.ID))
	return c, err
}

func anyNew(items, known []string) bool {
	return slices.ContainsFunc(items, func(i string) bool { return !slices.Contains(known, i) })
}

// consentLoad is a transaction that is bound to the session of who was asked.
var consentLoad = load{purpose: "consent", life: transactionLoad.life}

// anyProgram reports whether the answer would go to whichever program waits on
// this device: such an application's name proves nothing, so the person is asked
// each time (RFC 8252, Section 8.6; RFC 6749, Section 10.2).
func anyProgram(x *exchange) bool {
	if x.client.Settings.AuthMethod.Confidential() || x.client.Settings.FirstParty {
		return false
	}
	u, err := url.Parse(x.authz.redirect)
	return err != nil || u.Scheme != "https"
}

// consentItems are the things asked for, as they are remembered. A scope is
// remembered with whom it is for: what somebody may do at one service says nothing
// of another. What OpenID Connect tells of the person is the same everywhere.
// Details are one thing that is done once, so nobody agrees to them beforehand.
func consentItems(x *exchange) []string {
	items := make([]string, 0, len(x.scope)+len(x.resource))
	for _, s := range x.consentScopes() {
		items = append(items, scopeItems(x, s)...)
	}
	for _, r := range x.otherResources() {
		items = append(items, "resource "+r)
	}
	if len(items) == 0 && len(x.details) == 0 {
		items = append(items, "sign-in")
	}
	return items
}

// otherResources are those asked for beside what a request without any is for.
func (x *exchange) otherResources() []string {
	return slices.DeleteFunc(slices.Clone(x.resource), func(r string) bool {
		return r == x.Site.Issuer || slices.Contains(x.defaultAudience(), r)
	})
}

func scopeItems(x *exchange, scope string) []string {
	if slices.Contains(personScopes, scope) {
		return []string{"scope " + scope}
	}
	var items []string
	for _, r := range x.audience() {
		items = append(items, "scope "+scope+" at "+r)
	}
	return items
}

// Consented is the person's yes. The transaction must be of their own session.
func (e *Engine) Consented(ctx context.Context, r Request, text string, who *SignedIn) (Outcome, error) {
	t, until, err := uncarry[transaction](ctx, e, consentLoad, r.Site, text, string(who.Session.ID))
	if errors.Is(err, errCarried) {
		return Outcome{}, ErrWaitedTooLong
	}
	if err != nil {
		return Outcome{}, err
	}
	r.Params = t.Params
	x := e.begin(authorize, r)
	if x.now >= until || t.over(x.now) {
		return Outcome{}, ErrWaitedTooLong
	}
	x.again(t)
	if err := e.run(ctx, x); err != nil {
		return e.turnBack(ctx, x, err)
	}
	if err := e.remember(ctx, x, who); err != nil {
		return Outcome{Client: x.client.ID}, err
	}
	x.authz.confirmed = true
	return e.goOn(ctx, x, who)
}

// Refused is the person's no to a question for consent.
func (e *Engine) Refused(ctx context.Context, r Request, text string, who *SignedIn) (Outcome, error) {
	t, _, err := uncarry[transaction](ctx, e, consentLoad, r.Site, text, string(who.Session.ID))
	if errors.Is(err, errCarried) {
		return Outcome{}, ErrWaitedTooLong
	}
	if err != nil {
		return Outcome{}, err
	}
	kept, err := carry(ctx, e, transactionLoad.from(r, model.ClientID(t.Params.Get("client_id"))), r.Site, t, "")
	if err != nil {
		return Outcome{}, err
	}
	return e.Cancel(ctx, r, kept)
}

func (e *Engine) remember(ctx context.Context, x *exchange, who *SignedIn) error {
	items := consentItems(x)
	list := make([]model.Consent, len(items))
	for i, item := range items {
		list[i] = model.Consent{RealmID: x.Site.Realm.ID, IdentityID: who.Identity.ID, ApplicationID: x.client.ID, Item: item, At: x.now}
	}
	data, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return fmt.Errorf("encode consent: %w", err)
	}
	err = e.cfg.Store.AddConsents(ctx, list, model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")),
		RealmID: x.Site.Realm.ID, Type: "consent.given", Actor: string(who.Identity.ID), Target: string(x.client.ID), At: x.now, Data: data}}})
	if err != nil {
		return fmt.Errorf("remember consent: %w", err)
	}
	return nil
}

func partyOf(c *model.Client, redirect string) Party {
	s := &c.Settings
	p := Party{ID: c.ID, Name: c.Name, Client: webAddress(s.ClientURI), Logo: webAddress(s.LogoURI), Policy: webAddress(s.PolicyURI), Terms: webAddress(s.TermsURI)}
	u, err := url.Parse(redirect)
	switch {
	case redirect == "" || err != nil:
	case loopbackHTTP(u) || u.Scheme != "https" && u.Scheme != "http":
		p.Reach = say("reach.device")
	default:
		p.Reach = Said{Own: u.Hostname()}
	}
	if s.Origin == model.OriginDocument {
		p.Reach = documentReach(p.Reach, c.ID)
	}
	return p
}

// documentReach names the host of a metadata document, on which its client's name
// rests (OAuth Client ID Metadata Document, Section 8.5), beside where the answer
// goes: any program on the device can use another's document.
func documentReach(reach Said, id model.ClientID) Said {
	u, err := url.Parse(string(id))
	switch {
	case err != nil:
		return reach
	case reach.None() || reach.Own == u.Hostname():
		return Said{Own: u.Hostname()}
	case reach.Own == "":
		return say("reach.device_in_name", "host", u.Hostname())
	default:
		return say("reach.host_in_name", "to", reach.Own, "host", u.Hostname())
	}
}

// webAddress lets links to web pages through and nothing else.
func webAddress(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !ip.IsLoopback() {
		return "" // an address is no name
	}
	return u.String()
}
