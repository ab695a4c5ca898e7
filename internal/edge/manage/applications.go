package manage

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// ApplicationInput is what an application is to be. Its switches have the names
// that dynamic registration has for them.
type ApplicationInput struct {
	Name   string          `json:"name" minLength:"1" maxLength:"200"`
	Kind   string          `json:"kind" enum:"web,spa,native,service,agent"`
	Owner  string          `json:"owner,omitempty"`
	Secret string          `json:"client_secret,omitempty" minLength:"32" maxLength:"256" writeOnly:"true"`
	JWKS   json.RawMessage `json:"jwks,omitempty"`
	model.ApplicationSettings
}

// Application is a registered client.
type Application struct {
	ID        string            `json:"client_id"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Status    string            `json:"status" enum:"active,frozen,disabled"`
	Origin    string            `json:"origin" enum:"operator,file,api,dcr,cimd"`
	Owner     string            `json:"owner,omitempty"`
	CreatedAt string            `json:"created_at"`
	Version   int64             `json:"version"`
	Secret    string            `json:"client_secret,omitempty"`
	Keys      []json.RawMessage `json:"keys,omitempty"`
	model.ApplicationSettings
}

// ApplicationList is one page, ordered by client_id.
type ApplicationList struct {
	Applications []Application `json:"applications"`
	Next         string        `json:"next_page_token"`
}

type (
	listIn struct {
		Target
		Size  int    `query:"page_size" minimum:"1" maximum:"200" default:"50" doc:"How many at most." example:"50"`
		After string `query:"page_token" maxLength:"512" doc:"The next_page_token of the page before." example:"shop"`
	}
	listOut struct{ Body ApplicationList }
	// Client is the input that names an application.
	Client struct {
		Target
		ClientID string `path:"client_id" maxLength:"512" doc:"The client_id." example:"shop"`
	}
	clientIn       struct{ Client }
	applicationOut struct {
		ETag string `header:"ETag" doc:"Version of the application, for If-Match."`
		Body Application
	}
	putIn struct {
		Client
		IfMatch string `header:"If-Match" doc:"ETag that the application must still have; left out: any, or that there is none yet." example:"\"3\"" maxLength:"64"`
		Body    ApplicationInput
	}
)

var (
	settingsExample = model.ApplicationSettings{Profile: model.ProfileOIDC, AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"authorization_code"},
		Scopes: []string{"openid", "profile"}, RedirectURIs: []string{"https://shop.example/callback"}}
	inputExample       = ApplicationInput{Name: "Shop", Kind: "web", ApplicationSettings: settingsExample}
	applicationExample = Application{ID: "shop", Name: "Shop", Kind: "web", Status: "active", Origin: "api", CreatedAt: "2026-11-20T12:00:00Z", Version: 1,
		ApplicationSettings: settingsExample}
)

func (a *API) applications() {
	add(a, operation{id: "listApplications", method: http.MethodGet, path: "/applications", tag: "Applications", scope: ApplicationsRead,
		summary: "List applications", about: "Every registered client of the realm, ordered by client_id, in pages.",
		gives: ApplicationList{Applications: []Application{applicationExample}}}, a.listApplications)
	add(a, operation{id: "getApplication", method: http.MethodGet, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsRead,
		summary: "Read an application", about: "One registered client, without secrets.", gives: applicationExample},
		func(ctx context.Context, c call, in *clientIn) (*applicationOut, error) {
			found, err := a.find(ctx, c, in.ClientID)
			if err != nil {
				return nil, err
			}
			return shown(found, ""), nil
		})
	add(a, operation{id: "putApplication", method: http.MethodPut, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsUpdate,
		summary: "Create or replace an application",
		about: "Makes the application what the body says, under the client_id that you choose: 1 to 63 lower-case letters, digits, dots and hyphens. Saying the same again " +
			"changes nothing. An authentication method that shows a secret takes the one of the body, or keeps the one that there is; where there is none, one is made and answered this once. " +
			"Applications that came to be in another way are changed there.",
		refusals: []int{http.StatusConflict, http.StatusPreconditionFailed},
		takes:    inputExample, gives: applicationExample}, a.putApplication)
	add(a, operation{id: "deleteApplication", method: http.MethodDelete, path: "/applications/{client_id}", tag: "Applications", scope: ApplicationsDelete,
		status: http.StatusNoContent, summary: "Delete an application",
		about: "Revokes what people gave to it and removes it. Those of a file and management applications are removed where they are kept.", refusals: []int{http.StatusConflict}},
		a.deleteApplication)
}

// find reads one from the list, which the database answers: memory may be a version
// behind, and a client_id that is a URL would be fetched.
func (a *API) find(ctx context.Context, c call, id string) (model.Application, error) {
	all, err := a.cfg.Applications.List(ctx, c.site)
	if err != nil {
		return model.Application{}, err
	}
	for _, app := range all {
		if string(app.ID) == id {
			return app, nil
		}
	}
	return model.Application{}, model.ErrNotFound
}

func (a *API) listApplications(ctx context.Context, c call, in *listIn) (*listOut, error) {
	all, err := a.cfg.Applications.List(ctx, c.site)
	if err != nil {
		return nil, err
	}
	out := &listOut{Body: ApplicationList{Applications: []Application{}}}
	for _, app := range all {
		if string(app.ID) <= in.After {
			continue
		}
		if list := out.Body.Applications; len(list) == in.Size {
			out.Body.Next = list[len(list)-1].ID
			break
		}
		out.Body.Applications = append(out.Body.Applications, shown(app, "").Body)
	}
	return out, nil
}

// shown is an application as it is answered: no digest of anything.
func shown(a model.Application, secret string) *applicationOut {
	v := Application{ID: string(a.ID), Name: a.Name, Kind: string(a.Kind), Status: string(a.Status), Origin: string(a.Settings.Origin), Owner: string(a.OwnerID),
		CreatedAt: instant(a.CreatedAt), Version: a.Version, Secret: secret, ApplicationSettings: a.Settings}
	if v.Origin == "" {
		v.Origin = "operator"
	}
	v.RegistrationDigest = ""
	for _, list := range []*[]string{&v.GrantTypes, &v.Scopes} {
		if *list == nil {
			*list = []string{}
		}
	}
	for _, k := range a.Keys {
		v.Keys = append(v.Keys, k.JWK)
	}
	return &applicationOut{etag(a.Version), v}
}

func (a *API) putApplication(ctx context.Context, c call, in *putIn) (*applicationOut, error) {
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, application.ErrChanged
	}
	b := in.Body
	b.Origin, b.RegistrationDigest = "", "" // not to be set from here; the schema knows neither
	if b.Owner != "" {
		if _, err := a.cfg.People.Identity(ctx, c.site, model.IdentityID(b.Owner)); err != nil {
			return nil, owner(err)
		}
	}
	done, err := a.cfg.Applications.Put(ctx, c.site, application.Put{Version: version, Actor: c.actor, Static: application.Static{ID: model.ClientID(in.ClientID),
		Name: b.Name, Kind: model.ApplicationKind(b.Kind), OwnerID: model.IdentityID(b.Owner), Secret: b.Secret, JWKS: b.JWKS, Settings: b.ApplicationSettings}})
	if err != nil {
		return nil, err
	}
	return shown(done.Application, done.Secret), nil
}

// owner: a person who is not there is a mistake of the body, not of the address.
func owner(err error) error {
	p := refusal(err)
	if p.Status == http.StatusNotFound {
		return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_application", Detail: "There is no such owner in this realm.", Cause: err}
	}
	return err
}

func (a *API) deleteApplication(ctx context.Context, c call, in *clientIn) (*nothing, error) {
	found, err := a.find(ctx, c, in.ClientID)
	if err != nil {
		return nil, err
	}
	if found.Settings.Management || found.Settings.Origin == model.OriginFile {
		return nil, application.ErrKeptElsewhere
	}
	return &nothing{}, a.cfg.Applications.Delete(ctx, c.site, found.ID, c.actor)
}
