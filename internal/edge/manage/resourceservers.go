package manage

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// ResourceServers are the APIs that accept tokens of a realm.
type ResourceServers interface {
	ResourceServers(context.Context, model.RealmID) ([]model.ResourcePolicy, error)
	ResourceServer(context.Context, model.RealmID, model.ResourceServerID) (model.ResourcePolicy, error)
	CreateResourceServer(context.Context, model.RealmID, model.ResourcePolicy, string) (model.ResourcePolicy, error)
	UpdateResourceServer(context.Context, model.RealmID, realm.ResourceRef, func(*model.ResourcePolicy) error) (model.ResourcePolicy, error)
	DeleteResourceServer(context.Context, model.RealmID, realm.ResourceRef) error
}

// ResourceScope is what a token can be good for at a resource server.
type ResourceScope struct {
	Name        string `json:"name" minLength:"1" maxLength:"128" doc:"What programs call it (RFC 6749, Section 3.3)." example:"orders:read"`
	Description string `json:"description" required:"false" maxLength:"120" doc:"What it lets an application do, in a sentence for the people who are asked. Shown in every language as it is." example:"See your orders"`
	Default     bool   `json:"default" required:"false" doc:"Clients that registered themselves, and name no scope, get it." example:"true"`
	Approval    bool   `json:"approval" required:"false" doc:"CIBA alone gives it, for one use: a person approves each. It is never given by default, nor carried over by refresh and exchange." example:"false"`
}

// ResourceServerInput is what a resource server is to be.
type ResourceServerInput struct {
	Identifier  string          `json:"identifier" minLength:"1" maxLength:"512" doc:"The audience of tokens for it: an https URI, an http URI of this machine, or a urn. Settled when it is created." example:"https://orders.example.com"`
	DisplayName string          `json:"display_name" required:"false" maxLength:"200" doc:"What people read." example:"Orders"`
	Scopes      []ResourceScope `json:"scopes" required:"false" maxItems:"200" doc:"What tokens can be good for there. A change replaces the list as a whole."`
	TokenFormat string          `json:"access_token_format" required:"false" enum:",jwt,opaque" doc:"How access tokens for it are written: jwt, opaque (a reference, which introspection explains), or empty: as the application has them. A token for several is opaque if one of them wants that." example:"jwt"`
	Lifetime    int             `json:"access_token_lifetime" required:"false" minimum:"0" maximum:"86400" doc:"How long access tokens for it live at most, in seconds; 0: as long as the application's." example:"300"`
	Clients     []string        `json:"clients" required:"false" maxItems:"100" doc:"Applications that act for it: they may introspect tokens that are for it, and follow the revocation feed." example:"[\"svc_01kagxw5z0e9y8mpp6wknfsb2r\"]"`
}

// ResourceServer is an API that accepts tokens of the realm.
type ResourceServer struct {
	ID       string `json:"id" doc:"Id of the resource server." example:"rsv_01kagxw5z0e9y8mpp6wknfsb2r"`
	TenantID string `json:"tenant_id" doc:"Id of the realm's tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	RealmID  string `json:"realm_id" doc:"Id of its realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	ResourceServerInput
	CreateTime string `json:"create_time" doc:"When it was made (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	UpdateTime string `json:"update_time" doc:"When it was last changed (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	Version    int64  `json:"version" doc:"Grows with each change; the ETag." example:"1"`
}

// ResourceServerRequest creates a resource server.
type ResourceServerRequest struct {
	ResourceServer ResourceServerInput `json:"resource_server" doc:"The resource server to be."`
}

// ResourceServerChange changes a resource server.
type ResourceServerChange struct {
	ResourceServer Patch[ResourceServerInput] `json:"resource_server" doc:"What is to be different."`
}

// ResourceServerAnswer is one resource server.
type ResourceServerAnswer struct {
	ResourceServer ResourceServer `json:"resource_server" doc:"The resource server."`
}

// ResourceServerList is one page of resource servers.
type ResourceServerList struct {
	ResourceServers []ResourceServer `json:"resource_servers" doc:"The resource servers of this page, ordered by id."`
	NextPageToken   string           `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

// ResourceServerPath is the input that names a resource server.
type ResourceServerPath struct {
	Target
	Server string `path:"resource_server_id" doc:"Id of the resource server." example:"rsv_01kagxw5z0e9y8mpp6wknfsb2r"`
}

type (
	serversIn struct {
		Target
		Page
		Identifier string `query:"identifier" minLength:"1" maxLength:"512" doc:"Only the one with this identifier." example:"https://orders.example.com"`
	}
	serversOut     struct{ Body ResourceServerList }
	serverCreateIn struct {
		Target
		Body ResourceServerRequest
	}
	serverCreated = created[ResourceServerAnswer]
	serverOut     = shown[ResourceServerAnswer]
	serverIn      struct{ ResourceServerPath }
	serverPatchIn struct {
		ResourceServerPath
		IfMatch
		Body ResourceServerChange
	}
	serverDeleteIn struct {
		ResourceServerPath
		IfMatch
	}
)

const exampleServer = "rsv_01kagxw5z0e9y8mpp6wknfsb2r"

func (a *API) resourceServers() {
	a.describe(map[string]string{"ResourceServer": "An API that accepts tokens of the realm.", "ResourceServerInput": "What a resource server is to be.",
		"ResourceScope": "What a token can be good for at a resource server.", "ResourceServerRequest": "A resource server to be.",
		"ResourceServerChange": "A change of a resource server.", "ResourceServerAnswer": "A resource server.", "ResourceServerList": "One page of resource servers."})
	input := ResourceServerInput{Identifier: "https://orders.example.com", DisplayName: "Orders", TokenFormat: "jwt", Lifetime: 300, Clients: []string{},
		Scopes: []ResourceScope{{"orders:read", "See your orders", true, false}, {"orders:pay", "Pay for an order", false, true}}}
	example := ResourceServer{ID: exampleServer, TenantID: exampleTenant, RealmID: exampleRealm, ResourceServerInput: input,
		CreateTime: exampleTime, UpdateTime: exampleTime, Version: 1}
	answer := ResourceServerAnswer{example}
	add(a, operation{id: "listResourceServers", method: http.MethodGet, path: "/resource-servers", tag: "Resource servers", scope: ResourceServersRead,
		summary: "List resource servers", about: "The APIs that accept tokens of the realm, ordered by id, in pages.",
		gives: ResourceServerList{ResourceServers: []ResourceServer{example}}}, a.listResourceServers)
	add(a, operation{id: "createResourceServer", method: http.MethodPost, path: "/resource-servers", tag: "Resource servers", scope: ResourceServersCreate,
		status: http.StatusCreated, summary: "Create a resource server",
		about: "Registers an API, so that tokens can be for it (RFC 8707) and people read what they let applications do there. The policy of the realm names it among its `resources` from then on. " +
			"Applications get tokens for it whose `resources` name its identifier. A realm has at most 500 resource servers.",
		refusals: []string{"identifier_taken"},
		takes:    ResourceServerRequest{input}, gives: answer}, a.createResourceServer)
	add(a, operation{id: "getResourceServer", method: http.MethodGet, path: "/resource-servers/{resource_server_id}", tag: "Resource servers", scope: ResourceServersRead,
		summary: "Read a resource server", about: "One resource server of the realm.", gives: answer}, a.getResourceServer)
	add(a, operation{id: "changeResourceServer", method: http.MethodPatch, path: "/resource-servers/{resource_server_id}", tag: "Resource servers", scope: ResourceServersUpdate,
		summary: "Change a resource server",
		about: "Members that are left out stay; null takes one away; lists are replaced as a whole. Other changes of the realm meanwhile do not stand against it, one of this resource server does. " +
			"Format and lifetime are those of tokens that are issued from then on. What newly needs an approval is left out of tokens from then on, also of those that are refreshed. " +
			"What needs one goes on to do so while applications are registered for it here: take it from them first.",
		refusals: []string{"has_clients"},
		takes:    map[string]any{"resource_server": map[string]any{"access_token_lifetime": 120}}, gives: answer}, a.changeResourceServer)
	add(a, operation{id: "deleteResourceServer", method: http.MethodDelete, path: "/resource-servers/{resource_server_id}", tag: "Resource servers", scope: ResourceServersDelete,
		status: http.StatusNoContent, summary: "Delete a resource server",
		about: "Takes it out of the realm. Its roles are deleted before. Applications that are registered for its identifier stay so, and get tokens for it as for an API that the realm knows nothing of: " +
			"take it from them too; before, if they are registered for a scope that needs an approval each time.",
		refusals: []string{"has_roles", "has_clients"}}, a.deleteResourceServer)
}

// server is the id of the resource server that an operation is about.
func (p ResourceServerPath) server() (model.ResourceServerID, error) {
	if !ids.Valid("rsv", p.Server) {
		return "", model.ErrNotFound
	}
	return model.ResourceServerID(p.Server), nil
}

func refServer(c call, p ResourceServerPath, m IfMatch) (realm.ResourceRef, error) {
	id, err := p.server()
	if err != nil {
		return realm.ResourceRef{}, err
	}
	version, err := m.version()
	return realm.ResourceRef{ID: id, Version: version, Actor: c.actor}, err
}

// inServer says in which part of the body a resource server is not what it must be.
func inServer(c call, err error) error {
	e, ok := errors.AsType[*realm.ResourceError](err)
	if !ok {
		return err
	}
	doc := written(c.r, &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: codes[http.StatusUnprocessableEntity],
		Detail: "The request is not what this operation takes.", Cause: err})
	doc.Errors = []FieldError{{Location: "body.resource_server." + e.Part, Message: e.Reason}}
	return doc
}

// serverInput is a resource server as it is said here.
func serverInput(p *model.ResourcePolicy) ResourceServerInput {
	in := ResourceServerInput{Identifier: p.Resource, DisplayName: p.Name, TokenFormat: string(p.TokenFormat), Lifetime: p.TokenLifetime,
		Scopes: make([]ResourceScope, len(p.Scopes)), Clients: make([]string, len(p.Clients))}
	for i, s := range p.Scopes {
		in.Scopes[i] = ResourceScope{s, p.ScopeTexts[s], slices.Contains(p.DefaultScopes, s), slices.Contains(p.ApprovalScopes, s)}
	}
	for i, id := range p.Clients {
		in.Clients[i] = string(id)
	}
	return in
}

// put makes a resource server what is said. Defaults that are not of its own scopes
// are set in the policy alone, and stay.
func (in *ResourceServerInput) put(p *model.ResourcePolicy) {
	others := slices.DeleteFunc(slices.Clone(p.DefaultScopes), func(s string) bool { return slices.Contains(p.Scopes, s) })
	p.Resource, p.Name, p.TokenFormat, p.TokenLifetime = in.Identifier, in.DisplayName, model.TokenFormat(in.TokenFormat), in.Lifetime
	p.Scopes, p.DefaultScopes, p.ApprovalScopes, p.ScopeTexts, p.Clients = nil, nil, nil, map[string]string{}, nil
	for _, s := range in.Scopes {
		p.Scopes = append(p.Scopes, s.Name)
		if s.Default {
			p.DefaultScopes = append(p.DefaultScopes, s.Name)
		}
		if s.Approval {
			p.ApprovalScopes = append(p.ApprovalScopes, s.Name)
		}
		if s.Description != "" {
			p.ScopeTexts[s.Name] = s.Description
		}
	}
	for _, s := range others {
		if !slices.Contains(p.Scopes, s) {
			p.DefaultScopes = append(p.DefaultScopes, s)
		}
	}
	for _, id := range in.Clients {
		p.Clients = append(p.Clients, model.ClientID(id))
	}
}

func serverShown(c call, p model.ResourcePolicy) ResourceServer {
	return ResourceServer{ID: string(p.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(c.site.Realm.ID), ResourceServerInput: serverInput(&p),
		CreateTime: instant(p.CreatedAt), UpdateTime: instant(p.UpdatedAt), Version: p.Version}
}

func (a *API) listResourceServers(ctx context.Context, c call, in *serversIn) (*serversOut, error) {
	after, err := in.afterID("rsv")
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.ResourceServers.ResourceServers(ctx, c.site.Realm.ID)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(p model.ResourcePolicy) bool {
		return string(p.ID) <= after || in.Identifier != "" && p.Resource != in.Identifier
	})
	page, next := cut(in.Page, list, func(p model.ResourcePolicy) string { return string(p.ID) })
	out := &serversOut{Body: ResourceServerList{ResourceServers: make([]ResourceServer, len(page)), NextPageToken: next}}
	for i := range page {
		out.Body.ResourceServers[i] = serverShown(c, page[i])
	}
	return out, nil
}

func (a *API) createResourceServer(ctx context.Context, c call, in *serverCreateIn) (*serverCreated, error) {
	var p model.ResourcePolicy
	in.Body.ResourceServer.put(&p)
	made, err := a.cfg.ResourceServers.CreateResourceServer(ctx, c.site.Realm.ID, p, c.actor)
	if err != nil {
		return nil, inServer(c, err)
	}
	return &serverCreated{location(c, "resource-servers", string(made.ID)), etag(made.Version), ResourceServerAnswer{serverShown(c, made)}}, nil
}

func (a *API) getResourceServer(ctx context.Context, c call, in *serverIn) (*serverOut, error) {
	id, err := in.server()
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.ResourceServers.ResourceServer(ctx, c.site.Realm.ID, id)
	if err != nil {
		return nil, err
	}
	return &serverOut{etag(found.Version), ResourceServerAnswer{serverShown(c, found)}}, nil
}

func (a *API) changeResourceServer(ctx context.Context, c call, in *serverPatchIn) (*serverOut, error) {
	ref, err := refServer(c, in.ResourceServerPath, in.IfMatch)
	if err != nil {
		return nil, err
	}
	changed, err := a.cfg.ResourceServers.UpdateResourceServer(ctx, c.site.Realm.ID, ref, func(p *model.ResourcePolicy) error {
		next, err := patch(a, c, "resource_server", serverInput(p), in.Body.ResourceServer)
		if err == nil {
			next.put(p)
		}
		return err
	})
	if err != nil {
		return nil, inServer(c, err)
	}
	return &serverOut{etag(changed.Version), ResourceServerAnswer{serverShown(c, changed)}}, nil
}

func (a *API) deleteResourceServer(ctx context.Context, c call, in *serverDeleteIn) (*nothing, error) {
	ref, err := refServer(c, in.ResourceServerPath, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.ResourceServers.DeleteResourceServer(ctx, c.site.Realm.ID, ref)
}
