package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// An AllowedApplication is one that a person lets have something.
type AllowedApplication struct {
	Party Party
	// FirstParty: it belongs to the realm and does not ask, so it is back at the
	// next sign-in.
	FirstParty bool
	Items      []ConsentItem // what it may do, in the words of the question
	Since      model.Millis  // when the person first agreed, or it was first given something
	LastUsed   model.Millis  // when it was last given a token; 0: never
}

// A holding is what one application has of a person.
type holding struct {
	consents []model.Consent
	grants   []model.Grant // that live
	used     model.Millis
}

// Allowed lists the applications that a person agreed to or that hold grants of
// theirs, the last used first.
func (e *Engine) Allowed(ctx context.Context, site *model.Site, identity model.IdentityID) ([]AllowedApplication, error) {
	held, err := e.holdings(ctx, site, identity)
	if err != nil {
		return nil, err
	}
	list := make([]AllowedApplication, 0, len(held))
	for id, h := range held {
		client, err := e.cfg.Clients.Known(ctx, site, id)
		if errors.Is(err, model.ErrNotFound) {
			// What it holds can be taken from it all the same.
			client, err = &model.Client{Application: model.Application{ID: id, Name: string(id)}}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find application %s: %w", id, err)
		}
		list = append(list, h.describe(site, client))
	}
	slices.SortFunc(list, func(a, b AllowedApplication) int {
		return cmp.Or(cmp.Compare(b.LastUsed, a.LastUsed), cmp.Compare(a.Party.ID, b.Party.ID))
	})
	return list, nil
}

// Disallow takes back what a person allowed an application: what they agreed to,
// and every grant with its tokens, on all nodes. An answer that is on its way to
// the application by then opens nothing. model.ErrNotFound: it has nothing.
func (e *Engine) Disallow(ctx context.Context, site *model.Site, identity model.IdentityID, client model.ClientID, actor string) error {
	held, err := e.holdings(ctx, site, identity)
	if err != nil {
		return err
	}
	if held[client] == nil {
		return fmt.Errorf("application %q of %s: %w", client, identity, model.ErrNotFound)
	}
	now := model.MillisOf(e.cfg.Now())
	data, err := json.Marshal(map[string]string{"identity": string(identity)})
	if err != nil {
		return fmt.Errorf("encode what was taken back: %w", err)
	}
	fx := model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: site.Realm.ID, Type: "consent.withdrawn",
		Actor: actor, Target: string(client), At: now, Data: data}}}
	mark := model.Allowance{RealmID: site.Realm.ID, IdentityID: identity, ApplicationID: client, DisallowedAt: now}
	if err := e.cfg.Store.Disallow(ctx, mark, fx); err != nil {
		return fmt.Errorf("disallow %s: %w", client, err)
	}
	// After the mark: what was opened before it is found here, and nothing is opened
	// after it. If this fails, the person can do it again.
	q := GrantQuery{RealmID: site.Realm.ID, IdentityID: identity, ApplicationID: client, At: now, Until: e.keptUntil(now)}
	if _, err := e.cfg.Store.RevokeGrants(ctx, q, model.Effects{}); err != nil {
		return fmt.Errorf("revoke the grants of %s: %w", client, err)
	}
	return nil
}

// holdings finds what applications have of a person now.
func (e *Engine) holdings(ctx context.Context, site *model.Site, identity model.IdentityID) (map[model.ClientID]*holding, error) {
	realm, now := site.Realm.ID, model.MillisOf(e.cfg.Now())
	consents, err := e.cfg.Store.ConsentsOf(ctx, realm, identity)
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", err)
	}
	grants, err := e.cfg.Store.GrantsOf(ctx, realm, identity)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	allowances, err := e.cfg.Store.Allowances(ctx, realm, identity)
	if err != nil {
		return nil, fmt.Errorf("read allowances: %w", err)
	}
	held := make(map[model.ClientID]*holding)
	of := func(id model.ClientID) *holding {
		if held[id] == nil {
			held[id] = &holding{}
		}
		return held[id]
	}
	for _, c := range consents {
		of(c.ApplicationID).consents = append(of(c.ApplicationID).consents, c)
	}
	for _, g := range grants {
		if g.RevokedAt == 0 && g.ExpiresAt > now {
			h := of(g.ApplicationID)
			h.grants = append(h.grants, g)
			h.used = max(h.used, g.CreatedAt, g.RefreshedAt)
		}
	}
	for _, a := range allowances {
		if h := held[a.ApplicationID]; h != nil {
			h.used = max(h.used, a.UsedAt)
		}
	}
	return held, nil
}

func (h *holding) describe(site *model.Site, client *model.Client) AllowedApplication {
	a := AllowedApplication{Party: partyOf(client, ""), FirstParty: client.Settings.FirstParty, LastUsed: h.used}
	earlier := func(at model.Millis) {
		if a.Since == 0 || at < a.Since {
			a.Since = at
		}
	}
	for _, c := range h.consents {
		earlier(c.At)
	}
	for _, g := range h.grants {
		earlier(g.CreatedAt)
	}
	a.Items = describeItems(site, h.items(site, client))
	for _, g := range h.grants {
		for _, d := range g.Terms.Details {
			a.Items = append(a.Items, ConsentItem{Title: detailTitle(d), Lines: describeDetail(d)})
		}
	}
	return a
}

// items are what the application may do, as it is remembered of a consent: grants
// of applications that do not ask are put the same way.
func (h *holding) items(site *model.Site, client *model.Client) []string {
	var items []string
	add := func(list ...string) {
		for _, i := range list {
			if !slices.Contains(items, i) {
				items = append(items, i)
			}
		}
	}
	for _, c := range h.consents {
		add(c.Item)
	}
	for _, g := range h.grants {
		x := &exchange{Request: Request{Site: site}, client: client, scope: strings.Fields(g.Scope), resource: g.Terms.Resources}
		for _, s := range x.scope {
			add(scopeItems(x, s)...)
		}
		for _, r := range x.otherResources() {
			add("resource " + r)
		}
	}
	return items
}

// describeItems says remembered items in the words of the question, those of the
// person first. That somebody signed in is said only where it is all there is.
func describeItems(site *model.Site, items []string) []ConsentItem {
	list := []ConsentItem{}
	add := func(i ConsentItem) {
		if !slices.ContainsFunc(list, func(have ConsentItem) bool { return have.Title.same(i.Title) && have.Text.same(i.Text) }) {
			list = append(list, i)
		}
	}
	for _, s := range personScopes {
		if slices.Contains(items, "scope "+s) {
			add(scopeWords[s])
		}
	}
	for _, item := range items {
		kind, rest, _ := strings.Cut(item, " ")
		scope, at, placed := strings.Cut(rest, " at ")
		switch {
		case kind == "resource":
			add(ConsentItem{Title: useOf(site, rest)})
		case kind == "scope" && placed:
			add(placedScope(site, scope, at))
		case kind == "scope" && !slices.Contains(personScopes, rest):
			add(DescribeScopes(site, []string{rest})[0])
		}
	}
	if len(list) == 0 && slices.Contains(items, "sign-in") {
		add(ConsentItem{Title: say("may.know")})
	}
	return list
}

// placedScope is a scope at the service that it was allowed for. What was allowed
// at this server itself is said by the service that has the scope, where one has.
func placedScope(site *model.Site, scope, at string) ConsentItem {
	if at == site.Issuer && resourceName(site, at) == at {
		return DescribeScopes(site, []string{scope})[0]
	}
	return describeScope(site, scope, service(site, at))
}
