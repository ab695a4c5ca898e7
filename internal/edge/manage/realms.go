package manage

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// Realms finds and changes realms.
type Realms interface {
	ByID(context.Context, model.RealmID) (*model.Site, error)
	All(context.Context) ([]*model.Site, error)
	Read(context.Context, model.RealmID) (model.Realm, error)
	Create(context.Context, realm.NewRealm) (*model.Site, error)
	Update(context.Context, realm.Change) (model.Realm, error)
	Delete(ctx context.Context, id model.RealmID, version int64, actor string) error
	// RevokeTokens makes all that was issued by now invalid, and answers up to when.
	RevokeTokens(ctx context.Context, id model.RealmID, actor string) (model.Millis, error)
	PatchPolicy(context.Context, model.RealmID, realm.PolicyChange) (model.Realm, error)
}

// RealmInput is what a realm is to be.
type RealmInput struct {
	Name        string            `json:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" doc:"Its name in its issuer: lower-case letters, digits and inner hyphens. It cannot be changed."`
	DisplayName string            `json:"display_name" minLength:"1" maxLength:"200"`
	Policy      model.RealmPolicy `json:"policy,omitzero"`
}

// RealmUpdate is what of a realm can be changed.
type RealmUpdate struct {
	DisplayName string `json:"display_name" minLength:"1" maxLength:"200"`
	Status      string `json:"status" enum:"active,disabled" doc:"A disabled realm answers nobody; sessions and tokens that it had are dead for good."`
}

// Realm is a directory of people with applications, keys, policies and an issuer
// of its own.
type Realm struct {
	ID          string `json:"id"`
	TenantID    string `json:"tenant_id"`
	Name        string `json:"name" doc:"Its name in its issuer."`
	DisplayName string `json:"display_name"`
	Issuer      string `json:"issuer" doc:"Its issuer identifier, under which its endpoints are."`
	Default     bool   `json:"default" doc:"Its issuer is the server's base URL."`
	Status      string `json:"status" enum:"active,disabled" doc:"A disabled realm answers nobody."`
	CreateTime  string `json:"create_time"`
	UpdateTime  string `json:"update_time"`
	Version     int64  `json:"version" doc:"Grows with each change of the realm, its policy or its theme; the ETag."`
}

// RealmRequest is the body of what creates one.
type RealmRequest struct {
	Realm RealmInput `json:"realm"`
}

// RealmChange is the body of what changes one.
type RealmChange struct {
	Realm Patch[RealmUpdate] `json:"realm"`
}

// RealmAnswer is one that was read or written.
type RealmAnswer struct {
	Realm Realm `json:"realm"`
}

// RealmList is one page, ordered by id.
type RealmList struct {
	Realms []Realm `json:"realms" doc:"The realms of this page, ordered by id."`
	Next   string  `json:"next_page_token"`
}

type (
	realmListIn struct {
		InTenant
		Page
		Name   string `query:"name" maxLength:"63" doc:"Only the one with this name." example:"staff"`
		Status string `query:"status" enum:"active,disabled" doc:"Only those with this status." example:"active"`
	}
	realmListOut  struct{ Body RealmList }
	realmIn       struct{ Target }
	realmOut      = shown[RealmAnswer]
	realmCreateIn struct {
		InTenant
		Body RealmRequest
	}
	realmCreateOut = created[RealmAnswer]
	realmPatchIn   struct {
		Target
		IfMatch
		Body RealmChange
	}
	realmDeleteIn struct {
		Target
		IfMatch
	}
)

// realmShown is a realm as it is answered. site says what its issuer is, which
// never changes.
func realmShown(site *model.Site, r model.Realm) *realmOut {
	return &realmOut{etag(r.Version), RealmAnswer{Realm{ID: string(r.ID), TenantID: string(r.TenantID), Name: r.Name, DisplayName: r.DisplayName, Issuer: site.Issuer,
		Default: r.Default, Status: string(r.Status), CreateTime: instant(r.CreatedAt), UpdateTime: instant(cmp.Or(r.UpdatedAt, r.CreatedAt)), Version: r.Version}}}
}

func (a *API) realms() {
	a.describe(map[string]string{
		"RealmInput": "What a realm is to be.", "RealmUpdate": "What of a realm can be changed.", "RealmRequest": "A realm as it is to be.",
		"Realm": "A directory of people, with applications, keys, policies and an issuer of its own.", "RealmChange": "A change of a realm.",
		"RealmAnswer": "A realm as it is.", "realm": "The realm.", "RealmList": "One page of realms.", "RealmInput.policy": "What the operator allows in it.",
	})
	example := Realm{ID: exampleRealm, TenantID: exampleTenant, Name: "staff", DisplayName: "Staff", Issuer: "https://id.example.com/realms/staff", Status: "active",
		CreateTime: exampleTime, UpdateTime: exampleTime, Version: 1}
	gives := RealmAnswer{example}
	add(a, operation{id: "listRealms", method: http.MethodGet, path: "/realms", level: ofTenant, tag: "Realms", scope: RealmsRead,
		summary: "List realms", about: "Every realm of a tenant, ordered by id, in pages.", gives: RealmList{Realms: []Realm{example}}}, a.listRealms)
	add(a, operation{id: "createRealm", method: http.MethodPost, path: "/realms", level: ofTenant, tag: "Realms", scope: RealmsCreate, status: http.StatusCreated,
		summary: "Create a realm", about: "Makes the realm with its signing keys and the applications that every realm has. Whether it is for development, and which host of its own it has, " +
			"is settled by the policy that it is created with.",
		refusals: []string{"taken/realm", "invalid_realm", "invalid_policy"},
		takes:    RealmRequest{RealmInput{Name: "staff", DisplayName: "Staff"}}, gives: gives}, a.createRealm)
	add(a, operation{id: "getRealm", method: http.MethodGet, tag: "Realms", scope: RealmsRead,
		summary: "Read a realm", about: "One realm. Its policy and its theme are read on their own.", gives: gives},
		func(ctx context.Context, c call, _ *realmIn) (*realmOut, error) {
			r, err := a.cfg.Realms.Read(ctx, c.site.Realm.ID)
			return realmShown(c.site, r), err
		})
	add(a, operation{id: "changeRealm", method: http.MethodPatch, tag: "Realms", scope: RealmsUpdate,
		summary: "Change a realm", about: "Members that are left out stay. The default realm cannot be disabled from here, nor can the one at whose issuer this is called.",
		refusals: []string{"realm_in_use"},
		takes:    map[string]any{"realm": map[string]any{"display_name": "Staff"}}, gives: gives}, a.changeRealm)
	add(a, operation{id: "deleteRealm", method: http.MethodDelete, central: true, tag: "Realms", scope: RealmsDelete, status: http.StatusNoContent,
		summary: "Delete a realm", about: "Removes a disabled realm with everything in it: people, passkeys, applications, keys and its audit trail. " +
			"There is no way back, and what the realm signed cannot be verified any more. The default realm stays.",
		refusals: []string{"realm_in_use", "not_disabled"}},
		func(ctx context.Context, c call, in *realmDeleteIn) (*nothing, error) {
			version, err := in.version()
			if err != nil {
				return nil, err
			}
			return &nothing{}, a.cfg.Realms.Delete(ctx, c.site.Realm.ID, version, c.actor)
		})
}

func (a *API) listRealms(ctx context.Context, _ call, in *realmListIn) (*realmListOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if _, err := a.cfg.Tenants.Tenant(ctx, model.TenantID(in.Tenant)); err != nil {
		return nil, err
	}
	all, err := a.cfg.Realms.All(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *model.Site) bool { return string(s.Realm.ID) <= after || !in.wants(s.Realm) })
	slices.SortFunc(all, func(x, y *model.Site) int { return cmp.Compare(x.Realm.ID, y.Realm.ID) })
	page, next := cut(in.Page, all, func(s *model.Site) string { return string(s.Realm.ID) })
	out := &realmListOut{Body: RealmList{Realms: make([]Realm, len(page)), Next: next}}
	for i, s := range page {
		out.Body.Realms[i] = realmShown(s, s.Realm).Body.Realm
	}
	return out, nil
}

// wants reports whether a realm is the tenant's and goes through the filters.
func (in *realmListIn) wants(r model.Realm) bool {
	return string(r.TenantID) == in.Tenant && (in.Name == "" || in.Name == r.Name) && (in.Status == "" || in.Status == string(r.Status))
}

func (a *API) createRealm(ctx context.Context, c call, in *realmCreateIn) (*realmCreateOut, error) {
	b := in.Body.Realm
	if err := checkDetailsTypes(b.Policy); err != nil {
		return nil, err
	}
	site, err := a.cfg.Realms.Create(ctx, realm.NewRealm{TenantID: model.TenantID(in.Tenant), Name: b.Name, DisplayName: b.DisplayName, Policy: b.Policy, Actor: c.actor})
	if errors.Is(err, model.ErrConflict) {
		return nil, refused("taken/realm", err)
	}
	if err != nil {
		return nil, err
	}
	out := realmShown(site, site.Realm)
	return &realmCreateOut{Location: "/v1/tenants/" + in.Tenant + "/realms/" + string(site.Realm.ID), ETag: out.ETag, Body: out.Body}, nil
}

// asRead is the realm in which an operation changes something, in the version that
// the caller read. What is changed of it is changed of that version.
func (a *API) asRead(ctx context.Context, c call, m IfMatch) (model.Realm, error) {
	version, err := m.version()
	if err != nil {
		return model.Realm{}, err
	}
	is, err := a.cfg.Realms.Read(ctx, c.site.Realm.ID)
	if err == nil && version != 0 && version != is.Version {
		err = realm.ErrChanged
	}
	return is, err
}

func (a *API) changeRealm(ctx context.Context, c call, in *realmPatchIn) (*realmOut, error) {
	is, err := a.asRead(ctx, c, in.IfMatch)
	if err != nil {
		return nil, err
	}
	next, err := patch(a, c, "realm", RealmUpdate{is.DisplayName, string(is.Status)}, in.Body.Realm)
	if err != nil {
		return nil, err
	}
	if c.here.Realm.ID == is.ID && next.Status != string(model.RealmActive) {
		return nil, realm.ErrDefault // whoever does it could not undo it
	}
	r, err := a.cfg.Realms.Update(ctx, realm.Change{ID: is.ID, DisplayName: next.DisplayName, Status: model.RealmStatus(next.Status), Version: is.Version, Actor: c.actor})
	if err != nil {
		return nil, err
	}
	return realmShown(c.site, r), nil
}
