package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Roles are what people are at resource servers.
type Roles interface {
	Roles(context.Context, *model.Site, directory.RoleQuery) ([]model.Role, error)
	Role(context.Context, *model.Site, model.RoleID) (model.Role, error)
	CreateRole(context.Context, *model.Site, model.Role, string) (model.Role, error)
	UpdateRole(context.Context, *model.Site, directory.Ref[model.RoleID], func(*model.Role) error) (model.Role, error)
	DeleteRole(context.Context, *model.Site, directory.Ref[model.RoleID]) error
	RoleMembers(context.Context, *model.Site, directory.MemberQuery) ([]directory.Member, error)
	AddRoleMember(context.Context, *model.Site, directory.Ref[model.RoleID], string) error
	RemoveRoleMember(context.Context, *model.Site, directory.Ref[model.RoleID], string) error
}

// RoleInput is what a role is to be.
type RoleInput struct {
	Resource    string `json:"resource" minLength:"1" maxLength:"512" doc:"Identifier of the resource server, one of those in the realm's policy. Settled when the role is created." example:"https://api.example.com"`
	Name        string `json:"name" minLength:"1" maxLength:"128" doc:"Unique at the resource server; access tokens hold it." example:"accountant"`
	Description string `json:"description,omitempty" maxLength:"1000" doc:"What the role is for." example:"May pay invoices"`
}

// Role is what people are at a resource server.
type Role struct {
	ID          string `json:"id" doc:"Id of the role." example:"rol_01kagxw5z0e9y8mpp6wknfsb2r"`
	RealmID     string `json:"realm_id" doc:"Id of its realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID    string `json:"tenant_id" doc:"Id of the realm's tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	Resource    string `json:"resource" doc:"Identifier of the resource server." example:"https://api.example.com"`
	Name        string `json:"name" doc:"Unique at the resource server; access tokens hold it." example:"accountant"`
	Description string `json:"description,omitempty" doc:"What the role is for." example:"May pay invoices"`
	CreateTime  string `json:"create_time" doc:"When it was made (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	UpdateTime  string `json:"update_time" doc:"When it was last changed (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	Version     int64  `json:"version" doc:"Grows with each change; the ETag." example:"1"`
}

// RoleRequest creates a role.
type RoleRequest struct {
	Role RoleInput `json:"role" doc:"The role to be."`
}

// RoleChange changes a role.
type RoleChange struct {
	Role Patch[RoleInput] `json:"role" doc:"What is to be different."`
}

// RoleAnswer is one role.
type RoleAnswer struct {
	Role Role `json:"role" doc:"The role."`
}

// RoleList is one page of roles.
type RoleList struct {
	Roles         []Role `json:"roles" doc:"The roles of this page, ordered by id."`
	NextPageToken string `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

// RolePath is the input that names a role.
type RolePath struct {
	Target
	Role string `path:"role_id" doc:"Id of the role." example:"rol_01kagxw5z0e9y8mpp6wknfsb2r"`
}

type (
	rolesIn struct {
		Target
		Page
		Resource string `query:"resource" maxLength:"512" doc:"Only roles of this resource server." example:"https://api.example.com"`
	}
	rolesOut     struct{ Body RoleList }
	roleCreateIn struct {
		Target
		Body RoleRequest
	}
	roleCreated struct {
		Location string `header:"Location" doc:"Where it is."`
		ETag     string `header:"ETag" doc:"Version of the role, for If-Match."`
		Body     RoleAnswer
	}
	roleOut struct {
		ETag string `header:"ETag" doc:"Version of the role, for If-Match."`
		Body RoleAnswer
	}
	roleIn      struct{ RolePath }
	rolePatchIn struct {
		RolePath
		IfMatch
		Body RoleChange
	}
	roleDeleteIn struct {
		RolePath
		IfMatch
	}
	roleMembersIn struct {
		RolePath
		Page
	}
	roleMemberIn struct {
		RolePath
		Member string `path:"member_id" doc:"Id of an identity, or of a group." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	}
)

const exampleRole = "rol_01kagxw5z0e9y8mpp6wknfsb2r"

func (a *API) roles() {
	a.describe(map[string]string{"Role": "What people are at a resource server.", "RoleInput": "What a role is to be.", "RoleRequest": "A role to be.",
		"RoleChange": "A change of a role.", "RoleAnswer": "A role.", "RoleList": "One page of roles."})
	example := Role{ID: exampleRole, RealmID: exampleRealm, TenantID: exampleTenant, Resource: "https://api.example.com", Name: "accountant",
		Description: "May pay invoices", CreateTime: exampleTime, UpdateTime: exampleTime, Version: 1}
	list, answer := RoleList{Roles: []Role{example}}, RoleAnswer{example}
	add(a, operation{id: "listRoles", method: http.MethodGet, path: "/roles", tag: "Roles", scope: RolesRead,
		summary: "List roles", about: "The roles of the realm's resource servers, ordered by id, in pages.", gives: list}, a.listRoles)
	add(a, operation{id: "createRole", method: http.MethodPost, path: "/roles", tag: "Roles", scope: RolesCreate, status: http.StatusCreated,
		summary: "Create a role",
		about: "Adds a role of a resource server that nobody has yet. Access tokens that are for that resource server alone name the roles of their person there as `roles` " +
			"(RFC 9068, Section 2.2.3.1): sorted, at most the first 100, as they are when the token is issued or refreshed. Tokens of a single approval hold none.",
		refusals: []string{"name_taken"},
		takes:    RoleRequest{RoleInput{example.Resource, example.Name, example.Description}}, gives: answer}, a.createRole)
	add(a, operation{id: "getRole", method: http.MethodGet, path: "/roles/{role_id}", tag: "Roles", scope: RolesRead,
		summary: "Read a role", about: "One role of the realm.", gives: answer}, a.getRole)
	add(a, operation{id: "changeRole", method: http.MethodPatch, path: "/roles/{role_id}", tag: "Roles", scope: RolesUpdate,
		summary: "Change a role", about: "Members that are left out stay; null takes one away. A role does not move to another resource server.",
		refusals: []string{"name_taken"},
		takes:    map[string]any{"role": map[string]any{"description": "May pay invoices up to 1,000"}}, gives: answer}, a.changeRole)
	add(a, operation{id: "deleteRole", method: http.MethodDelete, path: "/roles/{role_id}", tag: "Roles", scope: RolesDelete, status: http.StatusNoContent,
		summary: "Delete a role", about: "Takes it from everybody. Access tokens that name it go on to do so until they expire."}, a.deleteRole)
	add(a, operation{id: "listRoleMembers", method: http.MethodGet, path: "/roles/{role_id}/members", tag: "Roles", scope: RolesRead,
		summary: "List who has a role", about: "The people and groups that the role was given to, ordered by id, in pages.",
		gives: MemberList{Members: []Member{{exampleGroup, "group", "Accounting", exampleTime}}}}, a.listRoleMembers)
	add(a, operation{id: "addRoleMember", method: http.MethodPut, path: "/roles/{role_id}/members/{member_id}", tag: "Roles", scope: RolesUpdate,
		status: http.StatusNoContent, summary: "Give a role", about: "To a person, or to all of a group. Once is enough: doing it again changes nothing."}, a.addRoleMember)
	add(a, operation{id: "removeRoleMember", method: http.MethodDelete, path: "/roles/{role_id}/members/{member_id}", tag: "Roles", scope: RolesUpdate,
		status: http.StatusNoContent, summary: "Take a role", about: "From whom it was given to. Access tokens that name it go on to do so until they expire."}, a.removeRoleMember)
	add(a, operation{id: "listRolesOfIdentity", method: http.MethodGet, path: "/identities/{identity_id}/roles", tag: "Roles", scope: RolesRead,
		summary: "List the roles of a person", about: "What the person is, by themselves and through groups, ordered by id, in pages.", gives: list}, a.listRolesOfIdentity)
}

// role is the id of the role that an operation is about.
func (p RolePath) role() (model.RoleID, error) {
	if !ids.Valid("rol", p.Role) {
		return "", model.ErrNotFound
	}
	return model.RoleID(p.Role), nil
}

func inRole(field string) string { return "body.role." + field }

func roleShown(c call, r model.Role) Role {
	return Role{ID: string(r.ID), RealmID: string(r.RealmID), TenantID: string(c.site.Realm.TenantID), Resource: r.Resource, Name: r.Name,
		Description: r.Description, CreateTime: instant(r.CreatedAt), UpdateTime: instant(r.UpdatedAt), Version: r.Version}
}

func (a *API) listRoles(ctx context.Context, c call, in *rolesIn) (*rolesOut, error) {
	return a.pageOfRoles(ctx, c, in.Page, directory.RoleQuery{Resource: in.Resource})
}

func (a *API) listRolesOfIdentity(ctx context.Context, c call, in *personPageIn) (*rolesOut, error) {
	found, err := a.person(ctx, c, in.Person)
	if err != nil {
		return nil, err
	}
	return a.pageOfRoles(ctx, c, in.Page, directory.RoleQuery{Member: found.ID})
}

func (a *API) pageOfRoles(ctx context.Context, c call, p Page, q directory.RoleQuery) (*rolesOut, error) {
	after, err := p.afterID("rol")
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = model.RoleID(after), p.Size+1
	list, err := a.cfg.Roles.Roles(ctx, c.site, q)
	if err != nil {
		return nil, err
	}
	page, next := cut(p, list, func(r model.Role) string { return string(r.ID) })
	out := &rolesOut{Body: RoleList{Roles: make([]Role, len(page)), NextPageToken: next}}
	for i := range page {
		out.Body.Roles[i] = roleShown(c, page[i])
	}
	return out, nil
}

func (a *API) createRole(ctx context.Context, c call, in *roleCreateIn) (*roleCreated, error) {
	n := in.Body.Role
	made, err := a.cfg.Roles.CreateRole(ctx, c.site, model.Role{Resource: n.Resource, Name: n.Name, Description: n.Description}, c.actor)
	if err != nil {
		return nil, located(c, err, inRole)
	}
	return &roleCreated{location(c, "roles", string(made.ID)), etag(made.Version), RoleAnswer{roleShown(c, made)}}, nil
}

func (a *API) getRole(ctx context.Context, c call, in *roleIn) (*roleOut, error) {
	id, err := in.role()
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.Roles.Role(ctx, c.site, id)
	if err != nil {
		return nil, err
	}
	return &roleOut{etag(found.Version), RoleAnswer{roleShown(c, found)}}, nil
}

func refRole(c call, p RolePath, m IfMatch) (directory.Ref[model.RoleID], error) {
	id, err := p.role()
	if err != nil {
		return directory.Ref[model.RoleID]{}, err
	}
	version, err := m.version()
	return directory.Ref[model.RoleID]{ID: id, Version: version, Actor: c.actor}, err
}

func (a *API) changeRole(ctx context.Context, c call, in *rolePatchIn) (*roleOut, error) {
	ref, err := refRole(c, in.RolePath, in.IfMatch)
	if err != nil {
		return nil, err
	}
	changed, err := a.cfg.Roles.UpdateRole(ctx, c.site, ref, func(r *model.Role) error {
		next, err := patch(a, c, "role", RoleInput{r.Resource, r.Name, r.Description}, in.Body.Role)
		r.Resource, r.Name, r.Description = next.Resource, next.Name, next.Description
		return err
	})
	if err != nil {
		return nil, located(c, err, inRole)
	}
	return &roleOut{etag(changed.Version), RoleAnswer{roleShown(c, changed)}}, nil
}

func (a *API) deleteRole(ctx context.Context, c call, in *roleDeleteIn) (*nothing, error) {
	ref, err := refRole(c, in.RolePath, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Roles.DeleteRole(ctx, c.site, ref)
}

func (a *API) listRoleMembers(ctx context.Context, c call, in *roleMembersIn) (*membersOut, error) {
	id, err := in.role()
	if err != nil {
		return nil, err
	}
	after, err := in.afterID("idn", "grp")
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.Roles.RoleMembers(ctx, c.site, directory.MemberQuery{Of: string(id), After: after, Limit: in.Size + 1})
	if err != nil {
		return nil, err
	}
	return membersShown(in.Page, list), nil
}

// member is whom an operation gives a role to, or takes it from.
func (in *roleMemberIn) member(c call) (directory.Ref[model.RoleID], error) {
	ref, err := refRole(c, in.RolePath, IfMatch{})
	if err == nil && !ids.Valid("idn", in.Member) && !ids.Valid("grp", in.Member) {
		err = model.ErrNotFound
	}
	return ref, err
}

func (a *API) addRoleMember(ctx context.Context, c call, in *roleMemberIn) (*nothing, error) {
	ref, err := in.member(c)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Roles.AddRoleMember(ctx, c.site, ref, in.Member)
}

func (a *API) removeRoleMember(ctx context.Context, c call, in *roleMemberIn) (*nothing, error) {
	ref, err := in.member(c)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Roles.RemoveRoleMember(ctx, c.site, ref, in.Member)
}
