package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Admins are people who may manage their realm.
type Admins interface {
	ListIdentities(context.Context, *model.Site, directory.PeopleQuery) ([]model.Identity, error)
	SetAdmin(ctx context.Context, site *model.Site, ref directory.Ref[model.IdentityID], admin bool) (model.Identity, error)
}

// Admin is a person who may manage the realm.
type Admin struct {
	IdentityID  string `json:"identity_id" doc:"Id of the identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	RealmID     string `json:"realm_id" doc:"Id of the realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID    string `json:"tenant_id" doc:"Id of the realm's tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	Username    string `json:"username" doc:"Their username." example:"alice"`
	DisplayName string `json:"display_name" doc:"What others read." example:"Alice Johnson"`
	Status      string `json:"status" enum:"active,suspended" doc:"A suspended person may do nothing." example:"active"`
	CreateTime  string `json:"create_time" doc:"Since when they are an admin (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
}

// AdminAnswer is one admin.
type AdminAnswer struct {
	Admin Admin `json:"admin" doc:"The admin."`
}

// AdminList is one page of admins.
type AdminList struct {
	Admins        []Admin `json:"admins" doc:"The admins of this page, ordered by identity_id."`
	NextPageToken string  `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

type (
	adminsIn struct {
		Target
		Page
	}
	adminsOut struct{ Body AdminList }
	adminIn   struct {
		Person
		IfMatch
	}
	adminOut struct{ Body AdminAnswer }
)

func (a *API) admins() {
	a.describe(map[string]string{"Admin": "A person who may manage the realm.", "AdminAnswer": "An admin.", "AdminList": "One page of admins."})
	example := Admin{IdentityID: exampleIdentity, RealmID: exampleRealm, TenantID: exampleTenant, Username: "alice", DisplayName: "Alice Johnson", Status: "active", CreateTime: exampleTime}
	add(a, operation{id: "listAdmins", method: http.MethodGet, path: "/admins", tag: "Admins", scope: AdminsRead,
		summary: "List admins", about: "The people who may manage the realm, ordered by identity_id, in pages. Those of the default realm manage the whole server.",
		gives: AdminList{Admins: []Admin{example}}}, a.listAdmins)
	add(a, operation{id: "addAdmin", method: http.MethodPut, path: "/admins/{identity_id}", tag: "Admins", scope: AdminsCreate,
		summary: "Make a person an admin", about: "The person may manage the realm from now on. Doing it again changes nothing. If-Match is the ETag of the identity.",
		gives: AdminAnswer{example}}, a.addAdmin)
	add(a, operation{id: "removeAdmin", method: http.MethodDelete, path: "/admins/{identity_id}", tag: "Admins", scope: AdminsDelete, status: http.StatusNoContent,
		summary: "Take an admin's rights",
		about: "The person stays, and may not manage the realm any more from this moment. The last admin of the default realm who has a passkey stays an admin. " +
			"If-Match is the ETag of the identity.",
		refusals: []string{"last_admin"}}, a.removeAdmin)
}

func adminShown(c call, i model.Identity) Admin {
	return Admin{IdentityID: string(i.ID), RealmID: string(i.RealmID), TenantID: string(c.site.Realm.TenantID), Username: i.Traits.Username,
		DisplayName: i.DisplayName, Status: string(i.Status), CreateTime: instant(i.AdminSince)}
}

func (a *API) listAdmins(ctx context.Context, c call, in *adminsIn) (*adminsOut, error) {
	after, err := in.afterID("idn")
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.Admins.ListIdentities(ctx, c.site, directory.PeopleQuery{Admins: true, After: model.IdentityID(after), Limit: in.Size + 1})
	if err != nil {
		return nil, err
	}
	page, next := cut(in.Page, list, func(i model.Identity) string { return string(i.ID) })
	out := &adminsOut{Body: AdminList{Admins: make([]Admin, len(page)), NextPageToken: next}}
	for i := range page {
		out.Body.Admins[i] = adminShown(c, page[i])
	}
	return out, nil
}

func (a *API) addAdmin(ctx context.Context, c call, in *adminIn) (*adminOut, error) {
	ref, err := refIdentity(c, in.Person, in.IfMatch)
	if err != nil {
		return nil, err
	}
	now, err := a.cfg.Admins.SetAdmin(ctx, c.site, ref, true)
	if err != nil {
		return nil, err
	}
	return &adminOut{AdminAnswer{adminShown(c, now)}}, nil
}

func (a *API) removeAdmin(ctx context.Context, c call, in *adminIn) (*nothing, error) {
	ref, err := refIdentity(c, in.Person, in.IfMatch)
	if err != nil {
		return nil, err
	}
	found, err := a.person(ctx, c, in.Person)
	if err == nil && found.AdminSince == 0 {
		err = model.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	_, err = a.cfg.Admins.SetAdmin(ctx, c.site, ref, false)
	return &nothing{}, err
}
