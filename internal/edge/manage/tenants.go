package manage

import (
	"context"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// Tenants are the organisations on this server.
type Tenants interface {
	Tenants(context.Context) ([]model.Tenant, error)
	Tenant(context.Context, model.TenantID) (model.Tenant, error)
	CreateTenant(ctx context.Context, name, actor string) (model.Tenant, error)
	UpdateTenant(context.Context, realm.TenantChange) (model.Tenant, error)
	DeleteTenant(ctx context.Context, id model.TenantID, version int64, actor string) error
}

// TenantInput is what a tenant is to be.
type TenantInput struct {
	Name string `json:"display_name" minLength:"1" maxLength:"200" doc:"What people read; no other tenant has it."`
}

// Tenant is an organisation on this server.
type Tenant struct {
	ID         string `json:"id"`
	Name       string `json:"display_name"`
	CreateTime string `json:"create_time"`
	UpdateTime string `json:"update_time"`
	Version    int64  `json:"version"`
}

// TenantRequest is the body of what creates one.
type TenantRequest struct {
	Tenant TenantInput `json:"tenant"`
}

// TenantChange is the body of what changes one.
type TenantChange struct {
	Tenant Patch[TenantInput] `json:"tenant"`
}

// TenantAnswer is one that was read or written.
type TenantAnswer struct {
	Tenant Tenant `json:"tenant"`
}

// TenantList is one page, ordered by id.
type TenantList struct {
	Tenants []Tenant `json:"tenants" doc:"The tenants of this page, ordered by id."`
	Next    string   `json:"next_page_token"`
}

type (
	tenantListIn struct {
		Page
		Name string `query:"display_name" maxLength:"200" doc:"Only those whose display_name begins like this, ignoring case." example:"Acm"`
	}
	tenantListOut   struct{ Body TenantList }
	tenantIn        struct{ InTenant }
	tenantOut       = shown[TenantAnswer]
	tenantCreateIn  struct{ Body TenantRequest }
	tenantCreateOut = created[TenantAnswer]
	tenantPatchIn   struct {
		InTenant
		IfMatch
		Body TenantChange
	}
	tenantDeleteIn struct {
		InTenant
		IfMatch
	}
)

func tenantShown(t model.Tenant) *tenantOut {
	updated := t.UpdatedAt
	if updated == 0 {
		updated = t.CreatedAt
	}
	return &tenantOut{etag(t.Version), TenantAnswer{Tenant{ID: string(t.ID), Name: t.Name, CreateTime: instant(t.CreatedAt), UpdateTime: instant(updated), Version: t.Version}}}
}

func (a *API) tenants() {
	a.describe(map[string]string{
		"TenantInput": "What a tenant is to be.", "Tenant": "An organisation on this server.", "TenantRequest": "A tenant as it is to be.",
		"TenantChange": "A change of a tenant.", "TenantAnswer": "A tenant as it is.", "tenant": "The tenant.", "TenantList": "One page of tenants.",
	})
	example := Tenant{ID: exampleTenant, Name: "Acme", CreateTime: exampleTime, UpdateTime: exampleTime, Version: 1}
	takes, gives := TenantRequest{TenantInput{"Acme"}}, TenantAnswer{example}
	row := func(id, method, path string, l level, scope Scope) operation {
		return operation{id: id, method: method, path: path, level: l, tag: "Tenants", scope: scope}
	}
	list := row("listTenants", http.MethodGet, "/tenants", ofServer, TenantsRead)
	list.summary, list.about, list.gives = "List tenants", "Every organisation on this server, ordered by id, in pages.", TenantList{Tenants: []Tenant{example}}
	add(a, list, a.listTenants)
	create := row("createTenant", http.MethodPost, "/tenants", ofServer, TenantsCreate)
	create.summary, create.about, create.status = "Create a tenant", "Its realms are created after it.", http.StatusCreated
	create.takes, create.gives, create.refusals = takes, gives, []string{"taken"}
	add(a, create, a.createTenant)
	read := row("getTenant", http.MethodGet, "", ofTenant, TenantsRead)
	read.summary, read.about, read.gives = "Read a tenant", "One organisation on this server.", gives
	add(a, read, func(ctx context.Context, _ call, in *tenantIn) (*tenantOut, error) {
		t, err := a.cfg.Tenants.Tenant(ctx, model.TenantID(in.Tenant))
		return tenantShown(t), err
	})
	change := row("changeTenant", http.MethodPatch, "", ofTenant, TenantsUpdate)
	change.summary, change.about = "Change a tenant", "Members that are left out stay."
	change.refusals, change.takes, change.gives = []string{"taken"}, TenantRequest{TenantInput{"Acme Ltd"}}, gives
	add(a, change, a.changeTenant)
	remove := row("deleteTenant", http.MethodDelete, "", ofTenant, TenantsDelete)
	remove.summary, remove.about = "Delete a tenant", "Only one that has no realms can be deleted."
	remove.status, remove.refusals = http.StatusNoContent, []string{"in_use/tenant"}
	add(a, remove, func(ctx context.Context, c call, in *tenantDeleteIn) (*nothing, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return &nothing{}, a.cfg.Tenants.DeleteTenant(ctx, model.TenantID(in.Tenant), version, c.actor)
	})
}

func (a *API) listTenants(ctx context.Context, _ call, in *tenantListIn) (*tenantListOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Tenants.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t model.Tenant) bool { return string(t.ID) <= after || !begins(t.Name, in.Name) })
	page, next := cut(in.Page, all, func(t model.Tenant) string { return string(t.ID) })
	out := &tenantListOut{Body: TenantList{Tenants: make([]Tenant, len(page)), Next: next}}
	for i, t := range page {
		out.Body.Tenants[i] = tenantShown(t).Body.Tenant
	}
	return out, nil
}

func (a *API) createTenant(ctx context.Context, c call, in *tenantCreateIn) (*tenantCreateOut, error) {
	t, err := a.cfg.Tenants.CreateTenant(ctx, in.Body.Tenant.Name, c.actor)
	if err != nil {
		return nil, err
	}
	out := tenantShown(t)
	return &tenantCreateOut{Location: "/v1/tenants/" + string(t.ID), ETag: out.ETag, Body: out.Body}, nil
}

func (a *API) changeTenant(ctx context.Context, c call, in *tenantPatchIn) (*tenantOut, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	is, err := a.cfg.Tenants.Tenant(ctx, model.TenantID(in.Tenant))
	if err != nil {
		return nil, err
	}
	next, err := patch(a, c, "tenant", TenantInput{is.Name}, in.Body.Tenant)
	if err != nil {
		return nil, err
	}
	t, err := a.cfg.Tenants.UpdateTenant(ctx, realm.TenantChange{ID: is.ID, Name: next.Name, Version: version, Actor: c.actor})
	if err != nil {
		return nil, err
	}
	return tenantShown(t), nil
}
