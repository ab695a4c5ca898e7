package manage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// Applications are registered clients.
type Applications interface {
	Get(context.Context, *model.Site, model.ClientID) (*model.Client, error)
	// Read is Get from the database, without a fetch.
	Read(context.Context, *model.Site, model.ClientID) (model.Application, error)
	List(context.Context, *model.Site) ([]model.Application, error)
	Put(context.Context, *model.Site, application.Put) (application.Change, error)
	Delete(ctx context.Context, site *model.Site, id model.ClientID, actor string) error
	// RevokeTokens makes all that was issued by now invalid, and answers up to when.
	RevokeTokens(ctx context.Context, site *model.Site, id model.ClientID, actor string) (model.Millis, error)
}

// ApplicationInput is what an application is to be. Its switches have the names
// that dynamic registration has for them.
type ApplicationInput struct {
	Name   string          `json:"display_name" minLength:"1" maxLength:"200"`
	Kind   string          `json:"kind" enum:"web,spa,native,service,agent"`
	Owner  string          `json:"owner,omitempty"`
	Secret string          `json:"client_secret,omitempty" minLength:"32" maxLength:"256" writeOnly:"true"`
	JWKS   json.RawMessage `json:"jwks,omitempty"`
	model.ApplicationSettings
}

// Application is a registered client.
type Application struct {
	ID         string            `json:"client_id"`
	TenantID   string            `json:"tenant_id"`
	RealmID    string            `json:"realm_id"`
	Name       string            `json:"display_name"`
	Kind       string            `json:"kind"`
	Status     string            `json:"status" enum:"active,frozen,disabled"`
	Origin     string            `json:"origin" enum:"operator,file,api,dcr,cimd,builtin"`
	Owner      string            `json:"owner,omitempty"`
	CreateTime string            `json:"create_time"`
	Version    int64             `json:"version"`
	Keys       []json.RawMessage `json:"keys,omitempty"`
	model.ApplicationSettings
}

// ApplicationRequest is the body of what creates or replaces one.
type ApplicationRequest struct {
	Application ApplicationInput `json:"application"`
}

// ApplicationEdit is what of an application can be changed: how it is registered, and
// how it stands.
type ApplicationEdit struct {
	ApplicationInput
	Status string `json:"status,omitempty" enum:"active,frozen,disabled" doc:"active: it works; frozen: it was stopped for now; disabled: it was stopped for good. Its tokens stay dead when it is active again."`
}

// ApplicationChange is the body of what changes one.
type ApplicationChange struct {
	Application Patch[ApplicationEdit] `json:"application"`
}

// ApplicationAnswer is one that was read or written.
type ApplicationAnswer struct {
	Application Application `json:"application"`
	Secret      string      `json:"client_secret,omitempty"`
}

// ApplicationList is one page, ordered by client_id.
type ApplicationList struct {
	Applications []Application `json:"applications"`
	Next         string        `json:"next_page_token"`
}

type (
	listIn struct {
		Target
		Page
		Kind   string `query:"kind" enum:"web,spa,native,service,agent" doc:"Only those of this kind." example:"web"`
		Status string `query:"status" enum:"active,frozen,disabled" doc:"Only those with this status." example:"active"`
		Name   string `query:"display_name" maxLength:"200" doc:"Only those whose display_name begins like this, ignoring case." example:"Sho"`
	}
	listOut struct{ Body ApplicationList }
	// Client is the input that names an application.
	Client struct {
		Target
		ClientID string `path:"client_id" maxLength:"512" doc:"The client_id." example:"shop"`
	}
	clientIn       struct{ Client }
	clientDeleteIn struct {
		Client
		IfMatch
	}
	applicationCreateIn struct {
		Target
		Body ApplicationRequest
	}
	applicationCreateOut struct {
		Location string `header:"Location" doc:"Where it is."`
		ETag     string `header:"ETag" doc:"Version of the application, for If-Match."`
		Body     ApplicationAnswer
	}
	applicationOut struct {
		ETag string `header:"ETag" doc:"Version of the application, for If-Match."`
		Body ApplicationAnswer
	}
	putIn struct {
		Client
		IfMatch
		Body ApplicationRequest
	}
	applicationPatchIn struct {
		Client
		IfMatch
		Body ApplicationChange
	}
)

var (
	settingsExample = model.ApplicationSettings{Profile: model.ProfileOIDC, AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"authorization_code"},
		Scopes: []string{"openid", "profile"}, RedirectURIs: []string{"https://shop.example/callback"}}
	inputExample       = ApplicationRequest{ApplicationInput{Name: "Shop", Kind: "web", ApplicationSettings: settingsExample}}
	applicationExample = Application{ID: "shop", TenantID: exampleTenant, RealmID: exampleRealm, Name: "Shop", Kind: "web", Status: "active", Origin: "api",
		CreateTime: exampleTime, Version: 1, ApplicationSettings: settingsExample}
	applicationAnswer = ApplicationAnswer{Application: applicationExample}
)

func (a *API) applications() {
	a.describe(map[string]string{
		"ApplicationRequest": "An application as it is to be.", "ApplicationChange": "A change of an application.", "ApplicationAnswer": "An application as it is.",
		"ApplicationEdit": "What of an application can be changed.", "ApplicationEdit.client_secret": "The secret, at least 32 characters; for the methods that show one.",
		"application": "The application.", "ApplicationAnswer.client_secret": "The secret that was made, this once.",
	})
	add(a, operation{id: "listApplications", method: http.MethodGet, path: "/applications", tag: "Applications", scope: ApplicationsRead,
		summary: "List applications", about: "The registered clients of the realm, ordered by client_id, in pages. Filters narrow each other.",
		gives: ApplicationList{Applications: []Application{applicationExample}}}, a.listApplications)
	add(a, operation{id: "createApplication", method: http.MethodPost, path: "/applications", tag: "Applications", scope: ApplicationsCreate,
		status: http.StatusCreated, summary: "Create an application",
		about: "Registers a client under a client_id that the server chooses. An authentication method that shows a secret takes the one of the body; where there is " +
			"none, one is made and answered this once.",
		refusals: []string{"invalid_application"},
		takes:    inputExample, gives: applicationAnswer}, a.createApplication)
	add(a, operation{id: "getApplication", method: http.MethodGet, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsRead,
		summary: "Read an application", about: "One registered client, without secrets.", gives: applicationAnswer},
		func(ctx context.Context, c call, in *clientIn) (*applicationOut, error) {
			found, err := a.cfg.Applications.Read(ctx, c.site, model.ClientID(in.ClientID))
			if err != nil {
				return nil, err
			}
			return a.applicationShown(c, found, ""), nil
		})
	add(a, operation{id: "putApplication", method: http.MethodPut, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsUpdate,
		also: []Scope{ApplicationsCreate}, summary: "Create or replace an application",
		about: "Makes the application what the body says, under the client_id that you choose: 1 to 63 lower-case letters, digits, dots and hyphens. Saying the same again " +
			"changes nothing. An authentication method that shows a secret takes the one of the body, or keeps the one that there is; where there is none, one is made and answered this once. " +
			"Applications that came to be in another way are changed there.",
		refusals: []string{"kept_elsewhere", "invalid_application"},
		takes:    inputExample, gives: applicationAnswer}, a.putApplication)
	add(a, operation{id: "changeApplication", method: http.MethodPatch, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsUpdate,
		summary: "Change an application",
		about: "Members that are left out stay; null takes one back to its default; lists and jwks are replaced as a whole. A client_secret comes in place of the one that there is. " +
			"A status other than active stops the application and kills its tokens at once; nothing else changes the status. " +
			"Applications that came to be in another way than by this API are changed there.",
		refusals: []string{"kept_elsewhere", "invalid_application"},
		takes:    map[string]any{"application": map[string]any{"display_name": "Shop"}}, gives: applicationAnswer}, a.changeApplication)
	add(a, operation{id: "deleteApplication", method: http.MethodDelete, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsDelete,
		status: http.StatusNoContent, summary: "Delete an application",
		about:    "Revokes what people gave to it and removes it. Those of a file and management applications are removed where they are kept; those that every realm has stay.",
		refusals: []string{"kept_elsewhere"}},
		a.deleteApplication)
}

func (a *API) listApplications(ctx context.Context, c call, in *listIn) (*listOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Applications.List(ctx, c.site)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(app model.Application) bool { return string(app.ID) <= after || !in.wants(app) })
	page, next := cut(in.Page, all, func(app model.Application) string { return string(app.ID) })
	out := &listOut{Body: ApplicationList{Applications: make([]Application, len(page)), Next: next}}
	for i, app := range page {
		out.Body.Applications[i] = a.applicationShown(c, app, "").Body.Application
	}
	return out, nil
}

// wants reports whether an application goes through the filters.
func (in *listIn) wants(app model.Application) bool {
	return (in.Kind == "" || in.Kind == string(app.Kind)) && (in.Status == "" || in.Status == string(app.Status)) && begins(app.Name, in.Name)
}

// applicationShown is an application as it is answered: no digest of anything.
func (a *API) applicationShown(c call, app model.Application, secret string) *applicationOut {
	v := Application{ID: string(app.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(app.RealmID), Name: app.Name, Kind: string(app.Kind), Status: string(app.Status),
		Origin: string(app.Settings.Origin), Owner: string(app.OwnerID), CreateTime: instant(app.CreatedAt), Version: app.Version, ApplicationSettings: app.Settings}
	if v.Origin == "" {
		v.Origin = "operator"
	}
	v.RegistrationDigest = ""
	notNull(&v.ApplicationSettings)
	for _, k := range app.Keys {
		if k.UsableAt(a.now()) {
			v.Keys = append(v.Keys, k.JWK)
		}
	}
	return &applicationOut{etag(app.Version), ApplicationAnswer{v, secret}}
}

// notNull: a list that must be there is empty rather than null.
func notNull(s *model.ApplicationSettings) {
	for _, list := range []*[]string{&s.GrantTypes, &s.Scopes} {
		if *list == nil {
			*list = []string{}
		}
	}
}

func (a *API) createApplication(ctx context.Context, c call, in *applicationCreateIn) (*applicationCreateOut, error) {
	done, err := a.put(ctx, c, in.Body.Application, application.Put{Made: true})
	if err != nil {
		return nil, err
	}
	out := a.applicationShown(c, done.Application, done.Secret)
	return &applicationCreateOut{Location: location(c, "applications", string(done.Application.ID)), ETag: out.ETag, Body: out.Body}, nil
}

func (a *API) putApplication(ctx context.Context, c call, in *putIn) (*applicationOut, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	p := application.Put{Version: version}
	p.ID = model.ClientID(in.ClientID)
	if found, err := a.cfg.Applications.Read(ctx, c.site, p.ID); err == nil {
		p.Made = found.Settings.Origin == model.OriginAPI // whoever chose its id
	} else if !errors.Is(err, model.ErrNotFound) {
		return nil, err
	}
	done, err := a.put(ctx, c, in.Body.Application, p)
	if err != nil {
		return nil, err
	}
	return a.applicationShown(c, done.Application, done.Secret), nil
}

func (a *API) changeApplication(ctx context.Context, c call, in *applicationPatchIn) (*applicationOut, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.Applications.Read(ctx, c.site, model.ClientID(in.ClientID))
	if err != nil {
		return nil, err
	}
	if found.Settings.Origin != model.OriginAPI {
		return nil, application.ErrKeptElsewhere
	}
	if version != 0 && version != found.Version {
		return nil, application.ErrChanged
	}
	next, err := patch(a, c, "application", ApplicationEdit{inputOf(found), string(found.Status)}, in.Body.Application)
	if err != nil {
		return nil, err
	}
	p := application.Put{Version: found.Version, Made: true, Status: model.ApplicationStatus(next.Status)}
	p.ID = found.ID
	done, err := a.put(ctx, c, next.ApplicationInput, p)
	if err != nil {
		return nil, err
	}
	return a.applicationShown(c, done.Application, done.Secret), nil
}

// inputOf is what would make an application what it is, but for its secret, which
// nobody knows.
func inputOf(a model.Application) ApplicationInput {
	in := ApplicationInput{Name: a.Name, Kind: string(a.Kind), Owner: string(a.OwnerID), ApplicationSettings: a.Settings}
	hide(&in.ApplicationSettings)
	notNull(&in.ApplicationSettings)
	if len(a.Keys) > 0 {
		keys := make([]string, len(a.Keys))
		for i, k := range a.Keys {
			keys[i] = string(k.JWK)
		}
		in.JWKS = json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	}
	return in
}

// hide takes out what is not to be set from here. The schema does not know it.
func hide(s *model.ApplicationSettings) {
	s.Origin, s.RegistrationDigest, s.Management, s.AnyScope, s.SoftwareID, s.SoftwareVersion = "", "", false, false, "", ""
}

// put makes an application what the input says. p names it.
func (a *API) put(ctx context.Context, c call, in ApplicationInput, p application.Put) (application.Change, error) {
	hide(&in.ApplicationSettings)
	if in.Owner != "" {
		if _, err := a.cfg.People.Identity(ctx, c.site, model.IdentityID(in.Owner)); err != nil {
			return application.Change{}, owner(err)
		}
	}
	p.Actor = c.actor
	p.Static = application.Static{ID: p.ID, Name: in.Name, Kind: model.ApplicationKind(in.Kind), OwnerID: model.IdentityID(in.Owner), Secret: in.Secret,
		JWKS: in.JWKS, Settings: in.ApplicationSettings}
	return a.cfg.Applications.Put(ctx, c.site, p)
}

// owner: a person who is not there is a mistake of the body, not of the address.
func owner(err error) error {
	p := refusal(err)
	if p.Status == http.StatusNotFound {
		return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_application", Detail: "There is no such owner in this realm.", Cause: err}
	}
	return err
}

func (a *API) deleteApplication(ctx context.Context, c call, in *clientDeleteIn) (*nothing, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.Applications.Read(ctx, c.site, model.ClientID(in.ClientID))
	if err != nil {
		return nil, err
	}
	if found.Settings.Management || found.Settings.Origin == model.OriginFile || found.Settings.Origin == model.OriginBuiltIn {
		return nil, application.ErrKeptElsewhere
	}
	if version != 0 && version != found.Version {
		return nil, application.ErrChanged
	}
	return &nothing{}, a.cfg.Applications.Delete(ctx, c.site, found.ID, c.actor)
}
