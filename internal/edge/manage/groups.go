package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Groups are groups of people.
type Groups interface {
	Groups(context.Context, *model.Site, directory.GroupQuery) ([]model.Group, error)
	Group(context.Context, *model.Site, model.GroupID) (model.Group, error)
	CreateGroup(context.Context, *model.Site, model.Group, string) (model.Group, error)
	UpdateGroup(context.Context, *model.Site, directory.Ref[model.GroupID], func(*model.Group) error) (model.Group, error)
	DeleteGroup(context.Context, *model.Site, directory.Ref[model.GroupID]) error
	GroupMembers(context.Context, *model.Site, directory.MemberQuery) ([]directory.Member, error)
	AddGroupMember(context.Context, *model.Site, directory.Ref[model.GroupID], model.IdentityID) error
	RemoveGroupMember(context.Context, *model.Site, directory.Ref[model.GroupID], model.IdentityID) error
}

// GroupInput is what a group is to be.
type GroupInput struct {
	Name        string `json:"name" minLength:"1" maxLength:"200" doc:"Unique in the realm, ignoring case." example:"Accounting"`
	Description string `json:"description,omitempty" maxLength:"1000" doc:"What the group is for." example:"Those who pay invoices"`
}

// Group is people who are addressed together.
type Group struct {
	ID          string `json:"id" doc:"Id of the group." example:"grp_01kagxw5z0e9y8mpp6wknfsb2r"`
	RealmID     string `json:"realm_id" doc:"Id of its realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID    string `json:"tenant_id" doc:"Id of the realm's tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	Name        string `json:"name" doc:"Unique in the realm, ignoring case." example:"Accounting"`
	Description string `json:"description,omitempty" doc:"What the group is for." example:"Those who pay invoices"`
	CreateTime  string `json:"create_time" doc:"When it was made (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	UpdateTime  string `json:"update_time" doc:"When it was last changed (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	Version     int64  `json:"version" doc:"Grows with each change; the ETag." example:"1"`
}

// GroupRequest creates a group.
type GroupRequest struct {
	Group GroupInput `json:"group" doc:"The group to be."`
}

// GroupChange changes a group.
type GroupChange struct {
	Group Patch[GroupInput] `json:"group" doc:"What is to be different."`
}

// GroupAnswer is one group.
type GroupAnswer struct {
	Group Group `json:"group" doc:"The group."`
}

// GroupList is one page of groups.
type GroupList struct {
	Groups        []Group `json:"groups" doc:"The groups of this page, ordered by id."`
	NextPageToken string  `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

// Member is in a group, or has a role.
type Member struct {
	ID          string `json:"id" doc:"Id of the identity, or of the group." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	Type        string `json:"type" enum:"identity,group" doc:"Which of both it is. Members of groups are identities." example:"identity"`
	DisplayName string `json:"display_name" doc:"What people read." example:"Alice Johnson"`
	CreateTime  string `json:"create_time" doc:"Since when (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
}

// MemberList is one page of members.
type MemberList struct {
	Members       []Member `json:"members" doc:"The members of this page, ordered by id."`
	NextPageToken string   `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

// GroupPath is the input that names a group.
type GroupPath struct {
	Target
	Group string `path:"group_id" doc:"Id of the group." example:"grp_01kagxw5z0e9y8mpp6wknfsb2r"`
}

type (
	groupsIn struct {
		Target
		Page
		Name string `query:"name" maxLength:"200" doc:"Only the group of this name, ignoring case." example:"Accounting"`
	}
	groupsOut     struct{ Body GroupList }
	groupCreateIn struct {
		Target
		Body GroupRequest
	}
	groupCreated struct {
		Location string `header:"Location" doc:"Where it is."`
		ETag     string `header:"ETag" doc:"Version of the group, for If-Match."`
		Body     GroupAnswer
	}
	groupOut struct {
		ETag string `header:"ETag" doc:"Version of the group, for If-Match."`
		Body GroupAnswer
	}
	groupIn      struct{ GroupPath }
	groupPatchIn struct {
		GroupPath
		IfMatch
		Body GroupChange
	}
	groupDeleteIn struct {
		GroupPath
		IfMatch
	}
	groupMembersIn struct {
		GroupPath
		Page
	}
	membersOut    struct{ Body MemberList }
	groupMemberIn struct {
		GroupPath
		Identity string `path:"identity_id" doc:"Id of the identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	}
	personPageIn struct {
		Person
		Page
	}
)

const exampleGroup = "grp_01kagxw5z0e9y8mpp6wknfsb2r"

func (a *API) groups() {
	a.describe(map[string]string{"Group": "People who are addressed together.", "GroupInput": "What a group is to be.", "GroupRequest": "A group to be.",
		"GroupChange": "A change of a group.", "GroupAnswer": "A group.", "GroupList": "One page of groups.", "Member": "Who is in a group, or has a role.",
		"MemberList": "One page of members."})
	example := Group{ID: exampleGroup, RealmID: exampleRealm, TenantID: exampleTenant, Name: "Accounting", Description: "Those who pay invoices",
		CreateTime: exampleTime, UpdateTime: exampleTime, Version: 1}
	list, answer := GroupList{Groups: []Group{example}}, GroupAnswer{example}
	add(a, operation{id: "listGroups", method: http.MethodGet, path: "/groups", tag: "Groups", scope: GroupsRead,
		summary: "List groups", about: "The groups of the realm, ordered by id, in pages.", gives: list}, a.listGroups)
	add(a, operation{id: "createGroup", method: http.MethodPost, path: "/groups", tag: "Groups", scope: GroupsCreate, status: http.StatusCreated,
		summary: "Create a group", about: "Adds a group without members.", refusals: []string{"name_taken"},
		takes: GroupRequest{GroupInput{"Accounting", "Those who pay invoices"}}, gives: answer}, a.createGroup)
	add(a, operation{id: "getGroup", method: http.MethodGet, path: "/groups/{group_id}", tag: "Groups", scope: GroupsRead,
		summary: "Read a group", about: "One group of the realm.", gives: answer}, a.getGroup)
	add(a, operation{id: "changeGroup", method: http.MethodPatch, path: "/groups/{group_id}", tag: "Groups", scope: GroupsUpdate,
		summary: "Change a group", about: "Members that are left out stay; null takes one away.", refusals: []string{"name_taken"},
		takes: map[string]any{"group": map[string]any{"name": "Accounts"}}, gives: answer}, a.changeGroup)
	add(a, operation{id: "deleteGroup", method: http.MethodDelete, path: "/groups/{group_id}", tag: "Groups", scope: GroupsDelete, status: http.StatusNoContent,
		summary: "Delete a group", about: "Its members stay, and lose the roles that they had through it."}, a.deleteGroup)
	add(a, operation{id: "listGroupMembers", method: http.MethodGet, path: "/groups/{group_id}/members", tag: "Groups", scope: GroupsRead,
		summary: "List the members of a group", about: "Who is in the group, ordered by id, in pages.",
		gives: MemberList{Members: []Member{{exampleIdentity, "identity", "Alice Johnson", exampleTime}}}}, a.listGroupMembers)
	add(a, operation{id: "addGroupMember", method: http.MethodPut, path: "/groups/{group_id}/members/{identity_id}", tag: "Groups", scope: GroupsUpdate,
		status: http.StatusNoContent, summary: "Put a person into a group", about: "Once is enough: doing it again changes nothing."}, a.addGroupMember)
	add(a, operation{id: "removeGroupMember", method: http.MethodDelete, path: "/groups/{group_id}/members/{identity_id}", tag: "Groups", scope: GroupsUpdate,
		status: http.StatusNoContent, summary: "Take a person out of a group", about: "They lose the roles that they had through it."}, a.removeGroupMember)
	add(a, operation{id: "listGroupsOfIdentity", method: http.MethodGet, path: "/identities/{identity_id}/groups", tag: "Groups", scope: GroupsRead,
		summary: "List the groups of a person", about: "The groups that the person is in, ordered by id, in pages.", gives: list}, a.listGroupsOfIdentity)
}

// group is the id of the group that an operation is about.
func (p GroupPath) group() (model.GroupID, error) {
	if !ids.Valid("grp", p.Group) {
		return "", model.ErrNotFound
	}
	return model.GroupID(p.Group), nil
}

func inGroup(field string) string { return "body.group." + field }

func groupShown(c call, g model.Group) Group {
	return Group{ID: string(g.ID), RealmID: string(g.RealmID), TenantID: string(c.site.Realm.TenantID), Name: g.Name, Description: g.Description,
		CreateTime: instant(g.CreatedAt), UpdateTime: instant(g.UpdatedAt), Version: g.Version}
}

func (a *API) listGroups(ctx context.Context, c call, in *groupsIn) (*groupsOut, error) {
	return a.pageOfGroups(ctx, c, in.Page, directory.GroupQuery{Name: in.Name})
}

func (a *API) listGroupsOfIdentity(ctx context.Context, c call, in *personPageIn) (*groupsOut, error) {
	found, err := a.person(ctx, c, in.Person)
	if err != nil {
		return nil, err
	}
	return a.pageOfGroups(ctx, c, in.Page, directory.GroupQuery{Member: found.ID})
}

func (a *API) pageOfGroups(ctx context.Context, c call, p Page, q directory.GroupQuery) (*groupsOut, error) {
	after, err := p.afterID("grp")
	if err != nil {
		return nil, err
	}
	q.After, q.Limit = model.GroupID(after), p.Size+1
	list, err := a.cfg.Groups.Groups(ctx, c.site, q)
	if err != nil {
		return nil, err
	}
	page, next := cut(p, list, func(g model.Group) string { return string(g.ID) })
	out := &groupsOut{Body: GroupList{Groups: make([]Group, len(page)), NextPageToken: next}}
	for i := range page {
		out.Body.Groups[i] = groupShown(c, page[i])
	}
	return out, nil
}

func (a *API) createGroup(ctx context.Context, c call, in *groupCreateIn) (*groupCreated, error) {
	made, err := a.cfg.Groups.CreateGroup(ctx, c.site, model.Group{Name: in.Body.Group.Name, Description: in.Body.Group.Description}, c.actor)
	if err != nil {
		return nil, located(c, err, inGroup)
	}
	return &groupCreated{location(c, "groups", string(made.ID)), etag(made.Version), GroupAnswer{groupShown(c, made)}}, nil
}

func (a *API) getGroup(ctx context.Context, c call, in *groupIn) (*groupOut, error) {
	id, err := in.group()
	if err != nil {
		return nil, err
	}
	found, err := a.cfg.Groups.Group(ctx, c.site, id)
	if err != nil {
		return nil, err
	}
	return &groupOut{etag(found.Version), GroupAnswer{groupShown(c, found)}}, nil
}

func refGroup(c call, p GroupPath, m IfMatch) (directory.Ref[model.GroupID], error) {
	id, err := p.group()
	if err != nil {
		return directory.Ref[model.GroupID]{}, err
	}
	version, err := m.version()
	return directory.Ref[model.GroupID]{ID: id, Version: version, Actor: c.actor}, err
}

func (a *API) changeGroup(ctx context.Context, c call, in *groupPatchIn) (*groupOut, error) {
	ref, err := refGroup(c, in.GroupPath, in.IfMatch)
	if err != nil {
		return nil, err
	}
	changed, err := a.cfg.Groups.UpdateGroup(ctx, c.site, ref, func(g *model.Group) error {
		next, err := patch(a, c, "group", GroupInput{g.Name, g.Description}, in.Body.Group)
		g.Name, g.Description = next.Name, next.Description
		return err
	})
	if err != nil {
		return nil, located(c, err, inGroup)
	}
	return &groupOut{etag(changed.Version), GroupAnswer{groupShown(c, changed)}}, nil
}

func (a *API) deleteGroup(ctx context.Context, c call, in *groupDeleteIn) (*nothing, error) {
	ref, err := refGroup(c, in.GroupPath, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Groups.DeleteGroup(ctx, c.site, ref)
}

func (a *API) listGroupMembers(ctx context.Context, c call, in *groupMembersIn) (*membersOut, error) {
	id, err := in.group()
	if err != nil {
		return nil, err
	}
	after, err := in.afterID("idn")
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.Groups.GroupMembers(ctx, c.site, directory.MemberQuery{Of: string(id), After: after, Limit: in.Size + 1})
	if err != nil {
		return nil, err
	}
	return membersShown(in.Page, list), nil
}

func membersShown(p Page, list []directory.Member) *membersOut {
	page, next := cut(p, list, func(m directory.Member) string { return m.ID })
	out := &membersOut{Body: MemberList{Members: make([]Member, len(page)), NextPageToken: next}}
	for i, m := range page {
		out.Body.Members[i] = Member{ID: m.ID, Type: "identity", DisplayName: m.Name, CreateTime: instant(m.At)}
		if ids.Valid("grp", m.ID) {
			out.Body.Members[i].Type = "group"
		}
	}
	return out
}

// member is who an operation puts into a group, or takes out.
func (in *groupMemberIn) member(c call) (directory.Ref[model.GroupID], model.IdentityID, error) {
	ref, err := refGroup(c, in.GroupPath, IfMatch{})
	if err == nil && !ids.Valid("idn", in.Identity) {
		err = model.ErrNotFound
	}
	return ref, model.IdentityID(in.Identity), err
}

func (a *API) addGroupMember(ctx context.Context, c call, in *groupMemberIn) (*nothing, error) {
	ref, who, err := in.member(c)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Groups.AddGroupMember(ctx, c.site, ref, who)
}

func (a *API) removeGroupMember(ctx context.Context, c call, in *groupMemberIn) (*nothing, error) {
	ref, who, err := in.member(c)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Groups.RemoveGroupMember(ctx, c.site, ref, who)
}
