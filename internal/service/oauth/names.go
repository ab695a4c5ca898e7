package oauth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// SubjectNames are the names under which an identity is the `sub` of tokens of the
// realm, and for which of its resource servers, by their identifiers, the tokens
// with each name are. Both public names may be in any token (nil), since the realm
// may change from one to the other while tokens live. A pairwise name is in those
// for the resource servers that an operator named to an application of the sector,
// and in those that came of a grant of this person: strangers who register bring no
// name for people who gave them nothing.
func (e *Engine) SubjectNames(ctx context.Context, site *model.Site, id model.IdentityID) (map[string][]string, error) {
	names := map[string][]string{string(id): nil, subjectDID(site, id): nil}
	parties, err := e.parties.Get(ctx, string(site.Realm.ID))
	if err != nil || len(parties) == 0 {
		return names, err
	}
	// Those that are over stay for a day, which is as long as their tokens live.
	grants, err := e.cfg.Store.GrantsOf(ctx, site.Realm.ID, id)
	if err != nil {
		return nil, fmt.Errorf("grants of %s: %w", id, err)
	}
	for sector, resources := range sectorsOf(parties, grants) {
		name, err := e.subject(ctx, site, &model.ApplicationSettings{SubjectType: subjectTypes, Sector: sector}, id)
		if err != nil {
			return nil, err
		}
		names[name] = resources
	}
	return names, nil
}

// sectorsOf are the sectors whose names of a person who gave these grants may be in
// tokens, and for which resources; nil: for all.
func sectorsOf(parties map[model.ClientID]party, grants []model.Grant) map[string][]string {
	sectors := map[string][]string{}
	add := func(sector string, resources []string) {
		for _, r := range resources {
			if !slices.Contains(sectors[sector], r) {
				sectors[sector] = append(sectors[sector], r)
			}
		}
	}
	for _, p := range parties {
		add(p.sector, p.resources)
	}
	for i := range grants {
		if p, pairwise := parties[grants[i].ApplicationID]; pairwise {
			add(p.sector, grants[i].Terms.Resources)
		}
	}
	for _, p := range parties {
		if p.everywhere {
			sectors[p.sector] = nil
		}
	}
	return sectors
}

// A party is an application that knows people by pairwise names.
type party struct {
	sector    string
	resources []string // that an operator named to it
	// everywhere: it may call whatever the realm has, and bring the tokens of people who
	// gave it nothing, as actors (RFC 8693, Section 2.1). Operators allow that.
	everywhere bool
}

// loadWithin bounds a reading for all who wait for it.
const loadWithin = 5 * time.Second

// knowParties remembers those of a realm until one of its applications changes.
func (e *Engine) knowParties() {
	e.parties = hub.NewCache(1000, e.loadParties)
	e.cfg.Hub.Listen(model.TopicApplication, func(c model.Change) {
		realm, _, _ := strings.Cut(c.Key, "/")
		e.parties.Forget(realm)
	})
	e.cfg.Hub.OnResync(e.parties.Clear)
}

func (e *Engine) loadParties(ctx context.Context, realm string) (map[model.ClientID]party, error) {
	ctx, cancel := context.WithTimeout(ctx, loadWithin)
	defer cancel()
	all, err := e.cfg.Store.Applications(ctx, model.RealmID(realm))
	if err != nil {
		return nil, fmt.Errorf("sectors of realm %s: %w", realm, err)
	}
	parties := map[model.ClientID]party{}
	for i := range all {
		s := &all[i].Settings
		if s.SubjectType != subjectTypes {
			continue
		}
		if name, err := sector(s); err == nil { // without a sector it gets no tokens for people
			parties[all[i].ID] = party{name, slices.Concat(s.Resources, s.Exchange.Audiences), s.AnyScope && slices.Contains(s.GrantTypes, GrantExchange)}
		}
	}
	return parties, nil
}
