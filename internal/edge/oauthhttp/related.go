package oauthhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
)

// Realms lists those of the server, in no order.
type Realms interface {
	All(ctx context.Context) ([]*model.Site, error)
}

// relatedOrigins: Web Authentication Level 3, Section 5.11. Browsers ask at the
// host that the relying party id names, and know nothing of realms: one list
// answers for all that share it. Which of the origins a realm takes, it decides
// itself when an answer comes.
func (e *Endpoints) relatedOrigins(w http.ResponseWriter, r *http.Request) error {
	site := httpx.Site(r)
	sites, err := e.sameRP(r.Context(), site)
	if err != nil {
		return err
	}
	origins := site.Origins()
	for _, s := range sites {
		origins = append(origins, s.Realm.Policy.RelatedOrigins...)
		if e.cfg.Authenticators == nil {
			continue
		}
		more, err := e.cfg.Authenticators.RelatedOrigins(r.Context(), s)
		if err != nil {
			return err
		}
		origins = append(origins, more...)
	}
	body, err := json.Marshal(map[string][]string{"origins": unrepeated(origins)})
	if err != nil {
		return err
	}
	return writePublic(w, body)
}

// sameRP lists the realms with the relying party id of one, that one first.
func (e *Endpoints) sameRP(ctx context.Context, site *model.Site) ([]*model.Site, error) {
	list := []*model.Site{site}
	if e.cfg.Realms == nil {
		return list, nil
	}
	all, err := e.cfg.Realms.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list realms: %w", err)
	}
	slices.SortFunc(all, func(a, b *model.Site) int { return strings.Compare(a.Realm.Name, b.Realm.Name) })
	for _, s := range all {
		if s.RPID == site.RPID && s.Realm.ID != site.Realm.ID && s.Realm.Status == model.RealmActive {
			list = append(list, s)
		}
	}
	return list, nil
}

// unrepeated leaves later copies out and keeps the order.
func unrepeated(list []string) []string {
	var out []string
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
