package manage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Identities are the people of realms, to be changed.
type Identities interface {
	ListIdentities(context.Context, *model.Site, directory.PeopleQuery) ([]model.Identity, error)
	CreateIdentity(context.Context, *model.Site, directory.NewIdentity) (model.Identity, error)
	UpdateIdentity(context.Context, *model.Site, directory.Ref[model.IdentityID], func(*model.Identity) error) (model.Identity, error)
	DeleteIdentity(context.Context, *model.Site, directory.Ref[model.IdentityID]) error
	// RevokeTokens makes all that a person was given by now invalid.
	RevokeTokens(context.Context, *model.Site, directory.Ref[model.IdentityID]) (model.Identity, error)
}

// IdentityInput is what a person is to be.
type IdentityInput struct {
	DisplayName string       `json:"display_name,omitempty" maxLength:"200" doc:"What others read; left out: the username." example:"Alice Johnson"`
	Status      string       `json:"status,omitempty" enum:"active,suspended" doc:"A suspended person can neither sign in nor decide, and their sessions and tokens are dead." example:"active"`
	Traits      model.Traits `json:"traits" doc:"What is known of the person."`
}

// Identity is a person of a realm.
type Identity struct {
	ID          string       `json:"id" doc:"Id of the identity, the sub of its tokens." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	RealmID     string       `json:"realm_id" doc:"Id of its realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID    string       `json:"tenant_id" doc:"Id of the realm's tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	DisplayName string       `json:"display_name" doc:"What others read." example:"Alice Johnson"`
	Status      string       `json:"status" enum:"active,suspended" doc:"A suspended person can neither sign in nor decide." example:"active"`
	Admin       bool         `json:"admin" doc:"The person may manage the realm." example:"false"`
	Traits      model.Traits `json:"traits" doc:"What is known of the person."`
	CreateTime  string       `json:"create_time" doc:"When it was made (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	UpdateTime  string       `json:"update_time" doc:"When it was last changed (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	Version     int64        `json:"version" doc:"Grows with each change; the ETag." example:"1"`
}

// IdentityRequest creates a person.
type IdentityRequest struct {
	Identity IdentityInput `json:"identity" doc:"The person to be."`
}

// IdentityChange changes a person.
type IdentityChange struct {
	Identity Patch[IdentityInput] `json:"identity" doc:"What is to be different."`
}

// IdentityAnswer is one person.
type IdentityAnswer struct {
	Identity Identity `json:"identity" doc:"The person."`
}

// IdentityList is one page of people.
type IdentityList struct {
	Identities    []Identity `json:"identities" doc:"The people of this page, ordered by id."`
	NextPageToken string     `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

type (
	identitiesIn struct {
		Target
		Page
		Username   string `query:"username" maxLength:"128" doc:"Only who has this username, ignoring case." example:"alice"`
		Email      string `query:"email" maxLength:"254" doc:"Only those with this e-mail address, ignoring case." example:"alice@example.com"`
		ExternalID string `query:"external_id" maxLength:"128" doc:"Only those with this external_id, exactly." example:"hr-4711"`
		Status     string `query:"status" enum:"active,suspended" doc:"Only those of this status." example:"active"`
		Name       string `query:"display_name" maxLength:"200" doc:"Only those whose display name begins so, ignoring case." example:"Ali"`
		Group      string `query:"group_id" maxLength:"64" doc:"Only members of this group." example:"grp_01kagxw5z0e9y8mpp6wknfsb2r"`
	}
	identitiesOut    struct{ Body IdentityList }
	identityCreateIn struct {
		Target
		Body IdentityRequest
	}
	identityCreated struct {
		Location string `header:"Location" doc:"Where it is."`
		ETag     string `header:"ETag" doc:"Version of the identity, for If-Match."`
		Body     IdentityAnswer
	}
	identityOut struct {
		ETag string `header:"ETag" doc:"Version of the identity, for If-Match."`
		Body IdentityAnswer
	}
	identityPatchIn struct {
		Person
		IfMatch
		Body IdentityChange
	}
	identityDeleteIn struct {
		Person
		IfMatch
	}
)

var (
	traitsExample   = model.Traits{Type: "traits_v0", Username: "alice", PrimaryEmailAddress: "alice@example.com", GivenName: "Alice", FamilyName: "Johnson"}
	identityExample = Identity{ID: exampleIdentity, RealmID: exampleRealm, TenantID: exampleTenant, DisplayName: "Alice Johnson", Status: "active", Traits: traitsExample,
		CreateTime: exampleTime, UpdateTime: exampleTime, Version: 1}
	identityRequestExample = IdentityRequest{IdentityInput{DisplayName: "Alice Johnson", Traits: model.Traits{Type: "traits_v0", Username: "alice", PrimaryEmailAddress: "alice@example.com"}}}
)

// peopleWords are those of identities and their traits.
var peopleWords = map[string]string{
	"Identity": "A person of a realm.", "IdentityInput": "What a person is to be.", "IdentityRequest": "A person to be.",
	"IdentityChange": "A change of a person.", "IdentityAnswer": "A person.", "IdentityList": "One page of people.",
	"Traits": "What is known of a person.", "Traits.type": "Always traits_v0.", "Traits.username": "Unique in the realm, ignoring case.",
	"Traits.primary_email_address": "E-mail address.", "Traits.primary_email_verified": "Somebody saw that the address is the person's. A new address is not, unless the same change says so.",
	"Traits.given_name": "Given name.", "Traits.family_name": "Family name.", "Traits.middle_name": "Middle name.", "Traits.nickname": "What friends call them.",
	"Traits.primary_phone": "Phone number (E.164).", "Traits.primary_phone_verified": "Somebody saw that the number is the person's. A new number is not, unless the same change says so.",
	"Traits.locale": "Language (RFC 5646).", "Traits.zoneinfo": "Time zone, such as Europe/Paris.", "Traits.gender": "Gender.", "Traits.birthdate": "YYYY-MM-DD, 0000-MM-DD or YYYY.",
	"Traits.profile": "Their page.", "Traits.picture": "Their picture.", "Traits.website": "Their site.", "Traits.external_id": "What your own system calls them.",
}

func (a *API) people() {
	a.describe(peopleWords)
	answer := IdentityAnswer{identityExample}
	add(a, operation{id: "listIdentities", method: http.MethodGet, path: "/identities", tag: "Identities", scope: IdentitiesRead,
		summary: "List people", about: "The people of the realm, ordered by id, in pages. Filters narrow each other.",
		gives: IdentityList{Identities: []Identity{identityExample}}}, a.listIdentities)
	add(a, operation{id: "createIdentity", method: http.MethodPost, path: "/identities", tag: "Identities", scope: IdentitiesCreate, status: http.StatusCreated,
		summary: "Create a person", about: "Adds a person. They can sign in once they have bound a passkey: create a credential binding job for them.",
		refusals: []string{"username_taken"},
		takes:    identityRequestExample, gives: answer}, a.createIdentity)
	add(a, operation{id: "getIdentity", method: http.MethodGet, path: "/identities/{identity_id}", tag: "Identities", scope: IdentitiesRead,
		summary: "Read a person", about: "One person of the realm.", gives: answer}, a.getIdentity)
	add(a, operation{id: "changeIdentity", method: http.MethodPatch, path: "/identities/{identity_id}", tag: "Identities", scope: IdentitiesUpdate,
		summary: "Change a person",
		about: "Members that are left out stay; null takes one away. Suspending a person ends their sessions and kills their tokens at once, also after they are active again. " +
			"The last admin of the default realm who has a passkey cannot be suspended. To change the username, the e-mail address or the status of an admin " +
			"needs the scope `admins:create` as well (`insufficient_scope`).",
		refusals: []string{"username_taken", "last_admin"},
		takes:    map[string]any{"identity": map[string]any{"display_name": "Alice Smith", "traits": map[string]any{"family_name": "Smith"}}}, gives: answer}, a.changeIdentity)
	addWayIn(a, operation{id: "deleteIdentity", method: http.MethodDelete, path: "/identities/{identity_id}", tag: "Identities", scope: IdentitiesDelete,
		status: http.StatusNoContent, summary: "Delete a person",
		about: "Removes the person with their passkeys, sessions, binding jobs, recovery codes, password, memberships, roles and consents. What they were given is revoked and their tokens " +
			"are dead at once; what they are asked is withdrawn; agents that act for them are frozen. Evidence of what they approved and the audit trail stay. " +
			"The last admin of the default realm who has a passkey cannot be deleted.",
		refusals: []string{"last_admin"}}, a.deleteIdentity)
}

// identity is the id of the person that an operation is about. What is no id is not
// found, without a question to the database.
func (p Person) identity() (model.IdentityID, error) {
	if !ids.Valid("idn", p.Identity) {
		return "", model.ErrNotFound
	}
	return model.IdentityID(p.Identity), nil
}

// person finds the one that an operation is about.
func (a *API) person(ctx context.Context, c call, p Person) (model.Identity, error) {
	id, err := p.identity()
	if err != nil {
		return model.Identity{}, err
	}
	return a.cfg.People.Identity(ctx, c.site, id)
}

// afterID is what a page begins after in a list that is ordered by ids.
func (p Page) afterID(prefixes ...string) (string, error) {
	after, err := p.after()
	valid := slices.ContainsFunc(prefixes, func(prefix string) bool { return ids.Valid(prefix, after) })
	if err == nil && after != "" && !valid {
		err = refused("invalid_page_token", nil)
	}
	return after, err
}

// located names the member of the body that a service refused.
func located(c call, err error, at func(field string) string) error {
	e, ok := errors.AsType[*directory.InvalidError](err)
	if !ok {
		return err
	}
	doc := written(c.r, &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: codes[http.StatusUnprocessableEntity],
		Detail: "The request is not what this operation takes.", Cause: err})
	doc.Errors = []FieldError{{Location: at(e.Field), Message: e.Reason}}
	return doc
}

// inIdentity is where a member of a person is.
func inIdentity(field string) string {
	switch field {
	case "display_name", "status", "traits.type":
		return "body.identity." + field
	default:
		return "body.identity.traits." + field
	}
}

func identityShown(c call, i model.Identity) Identity {
	return Identity{ID: string(i.ID), RealmID: string(i.RealmID), TenantID: string(c.site.Realm.TenantID), DisplayName: i.DisplayName, Status: string(i.Status),
		Admin: i.AdminSince != 0, Traits: i.Traits, CreateTime: instant(i.CreatedAt), UpdateTime: instant(i.UpdatedAt), Version: i.Version}
}

func (a *API) listIdentities(ctx context.Context, c call, in *identitiesIn) (*identitiesOut, error) {
	after, err := in.afterID("idn")
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.Identities.ListIdentities(ctx, c.site, directory.PeopleQuery{Username: in.Username, Email: in.Email, ExternalID: in.ExternalID,
		Status: model.IdentityStatus(in.Status), NamePrefix: in.Name, GroupID: model.GroupID(in.Group), After: model.IdentityID(after), Limit: in.Size + 1})
	if err != nil {
		return nil, err
	}
	page, next := cut(in.Page, list, func(i model.Identity) string { return string(i.ID) })
	out := &identitiesOut{Body: IdentityList{Identities: make([]Identity, len(page)), NextPageToken: next}}
	for i := range page {
		out.Body.Identities[i] = identityShown(c, page[i])
	}
	return out, nil
}

func (a *API) createIdentity(ctx context.Context, c call, in *identityCreateIn) (*identityCreated, error) {
	n := in.Body.Identity
	made, err := a.cfg.Identities.CreateIdentity(ctx, c.site, directory.NewIdentity{DisplayName: n.DisplayName, Status: model.IdentityStatus(n.Status),
		Traits: n.Traits, Actor: c.actor})
	if err != nil {
		return nil, located(c, err, inIdentity)
	}
	return &identityCreated{location(c, "identities", string(made.ID)), etag(made.Version), IdentityAnswer{identityShown(c, made)}}, nil
}

func (a *API) getIdentity(ctx context.Context, c call, in *personIn) (*identityOut, error) {
	found, err := a.person(ctx, c, in.Person)
	if err != nil {
		return nil, err
	}
	return &identityOut{etag(found.Version), IdentityAnswer{identityShown(c, found)}}, nil
}

// refIdentity is the version of a person that an operation changes.
func refIdentity(c call, p Person, m IfMatch) (directory.Ref[model.IdentityID], error) {
	id, err := p.identity()
	if err != nil {
		return directory.Ref[model.IdentityID]{}, err
	}
	version, err := m.version()
	return directory.Ref[model.IdentityID]{ID: id, Version: version, Actor: c.actor}, err
}

func (a *API) changeIdentity(ctx context.Context, c call, in *identityPatchIn) (*identityOut, error) {
	ref, err := refIdentity(c, in.Person, in.IfMatch)
	if err != nil {
		return nil, err
	}
	changed, err := a.cfg.Identities.UpdateIdentity(ctx, c.site, ref, func(i *model.Identity) error {
		is := IdentityInput{DisplayName: i.DisplayName, Status: string(i.Status), Traits: i.Traits}
		unverify(&is.Traits, in.Body.Identity.members)
		next, err := patch(a, c, "identity", is, in.Body.Identity)
		if err != nil {
			return err
		}
		old := *i
		i.DisplayName, i.Status, i.Traits = next.DisplayName, model.IdentityStatus(next.Status), next.Traits
		if sameWayIn(old, *i) {
			return nil
		}
		return c.mayLetIn(old)
	})
	if err != nil {
		return nil, located(c, err, inIdentity)
	}
	return &identityOut{etag(changed.Version), IdentityAnswer{identityShown(c, changed)}}, nil
}

// unverify takes back that an address was seen to be the person's where a change
// puts another in its place. The change itself may say that it was.
func unverify(t *model.Traits, change json.RawMessage) {
	var with struct {
		Traits struct {
			Email *string `json:"primary_email_address"`
			Phone *string `json:"primary_phone"`
		} `json:"traits"`
	}
	_ = json.Unmarshal(change, &with) // what is malformed is refused where it is merged
	if email := with.Traits.Email; email != nil && model.FoldName(*email) != model.FoldName(t.PrimaryEmailAddress) {
		t.EmailVerified = false
	}
	if phone := with.Traits.Phone; phone != nil && *phone != t.PrimaryPhone {
		t.PhoneVerified = false
	}
}

func (a *API) deleteIdentity(ctx context.Context, c call, in *identityDeleteIn) (*nothing, error) {
	ref, err := refIdentity(c, in.Person, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Identities.DeleteIdentity(ctx, c.site, ref)
}
