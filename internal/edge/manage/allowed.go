package manage

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Allowances are what people let applications have.
type Allowances interface {
	Allowed(context.Context, *model.Site, model.IdentityID) ([]oauth.AllowedApplication, error)
	Disallow(ctx context.Context, site *model.Site, identity model.IdentityID, client model.ClientID, actor string) error
}

// AllowedItem is one thing that an application may do.
type AllowedItem struct {
	Title string `json:"title" doc:"What it is, as the person was asked." example:"See your profile"`
	Text  string `json:"text,omitempty" doc:"More about it, where there is more to say." example:"Name, picture, birthday, language and what else you have filled in here."`
}

// AllowedApplication is an application that a person lets have something.
type AllowedApplication struct {
	ClientID    string        `json:"client_id" doc:"Id of the application." example:"app_01kagxw5z3f0wv0e6n3y0r4t1c"`
	DisplayName string        `json:"display_name" doc:"What people read." example:"Shop"`
	FirstParty  bool          `json:"first_party" doc:"It belongs to the realm and does not ask people." example:"false"`
	Items       []AllowedItem `json:"items" doc:"What it may do."`
	CreateTime  string        `json:"create_time" doc:"When the person first agreed, or it was first given something (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	LastUseTime string        `json:"last_use_time,omitempty" doc:"When it was last given a token (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
}

// AllowedApplications are those of a person.
type AllowedApplications struct {
	Applications  []AllowedApplication `json:"applications" doc:"By client_id."`
	NextPageToken string               `json:"next_page_token" doc:"For the page_token of the next call; empty: this was the last page." example:""`
}

type (
	allowedIn struct {
		Person
		Page
	}
	disallowIn struct {
		Person
		Client string `path:"client_id" maxLength:"2048" doc:"Id of the application." example:"app_01kagxw5z3f0wv0e6n3y0r4t1c"`
	}
	allowedOut struct{ Body AllowedApplications }
)

var allowedExample = AllowedApplications{Applications: []AllowedApplication{{ClientID: "app_01kagxw5z3f0wv0e6n3y0r4t1c", DisplayName: "Shop",
	Items:      []AllowedItem{{Title: "Know that it is you", Text: "It recognises you when you come back."}},
	CreateTime: exampleTime, LastUseTime: exampleTime}}}

func (a *API) allowances() {
	a.describe(map[string]string{
		"AllowedItem": "One thing that an application may do.", "AllowedApplication": "An application that a person lets have something.",
		"AllowedApplications": "The applications that a person lets have something.",
	})
	add(a, operation{id: "listAllowedApplications", method: http.MethodGet, path: "/identities/{identity_id}/applications", tag: "Identities", scope: GrantsRead,
		summary: "List what a person lets applications have",
		about:   "The applications that the person agreed to, or that hold grants of theirs, with what each may do in the words that the person was asked in.",
		gives:   allowedExample}, a.listAllowed)
	add(a, operation{id: "disallowApplication", method: http.MethodDelete, path: "/identities/{identity_id}/applications/{client_id}", tag: "Identities",
		scope: GrantsDelete, status: http.StatusNoContent, summary: "Take back what a person lets an application have",
		about: "What the person agreed to is forgotten, and every grant of theirs ends with its tokens, at once and on all nodes. The application can ask again."},
		func(ctx context.Context, c call, in *disallowIn) (*nothing, error) {
			who, err := a.whose(ctx, c, in.Person)
			if err != nil {
				return nil, err
			}
			return &nothing{}, a.cfg.Allowances.Disallow(ctx, c.site, who, model.ClientID(in.Client), c.actor)
		})
}

// whose is the person that a path names. What is no id is not found, without a
// question to the database.
func (a *API) whose(ctx context.Context, c call, p Person) (model.IdentityID, error) {
	if !ids.Valid("idn", p.Identity) {
		return "", model.ErrNotFound
	}
	who, err := a.cfg.People.Identity(ctx, c.site, model.IdentityID(p.Identity))
	return who.ID, err
}

func (a *API) listAllowed(ctx context.Context, c call, in *allowedIn) (*allowedOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	who, err := a.whose(ctx, c, in.Person)
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Allowances.Allowed(ctx, c.site, who)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b oauth.AllowedApplication) int { return cmp.Compare(a.Party.ID, b.Party.ID) })
	all = slices.DeleteFunc(all, func(one oauth.AllowedApplication) bool { return string(one.Party.ID) <= after })
	page, next := cut(in.Page, all, func(one oauth.AllowedApplication) string { return string(one.Party.ID) })
	out := &allowedOut{Body: AllowedApplications{Applications: make([]AllowedApplication, len(page)), NextPageToken: next}}
	for i, one := range page {
		out.Body.Applications[i] = a.allowedApplication(one)
	}
	return out, nil
}

func (a *API) allowedApplication(one oauth.AllowedApplication) AllowedApplication {
	v := AllowedApplication{ClientID: string(one.Party.ID), DisplayName: one.Party.Name, FirstParty: one.FirstParty,
		Items: make([]AllowedItem, len(one.Items)), CreateTime: instant(one.Since), LastUseTime: instant(one.LastUsed)}
	for i, item := range one.Items {
		v.Items[i] = AllowedItem{Title: item.Title.Text(a.cfg.Texts), Text: item.Text.Text(a.cfg.Texts)}
	}
	return v
}
