package oauth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// SubjectNames are all names under which an identity is the `sub` of tokens of the
// realm: both public ones, since the realm may change from one to the other while
// tokens live, and one for each sector with pairwise names.
func (e *Engine) SubjectNames(ctx context.Context, site *model.Site, id model.IdentityID) ([]string, error) {
	sectors, err := e.sectors.Get(ctx, string(site.Realm.ID))
	if err != nil {
		return nil, err
	}
	names := []string{string(id), subjectDID(site, id)}
	for _, sector := range sectors {
		name, err := e.subject(ctx, site, &model.ApplicationSettings{SubjectType: subjectTypes, Sector: sector}, id)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// knowSectors remembers the sectors of a realm until one of its applications
// changes.
func (e *Engine) knowSectors() {
	e.sectors = hub.NewCache(1000, e.loadSectors)
	e.cfg.Hub.Listen(model.TopicApplication, func(c model.Change) {
		realm, _, _ := strings.Cut(c.Key, "/")
		e.sectors.Forget(realm)
	})
	e.cfg.Hub.OnResync(e.sectors.Clear)
}

func (e *Engine) loadSectors(ctx context.Context, realm string) ([]string, error) {
	all, err := e.cfg.Store.Applications(ctx, model.RealmID(realm))
	if err != nil {
		return nil, fmt.Errorf("sectors of realm %s: %w", realm, err)
	}
	var sectors []string
	for i := range all {
		s := &all[i].Settings
		if s.SubjectType != subjectTypes {
			continue
		}
		if name, err := sector(s); err == nil { // without a sector it gets no tokens for people
			sectors = append(sectors, name)
		}
	}
	slices.Sort(sectors)
	return slices.Compact(sectors), nil
}
