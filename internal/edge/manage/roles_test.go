package manage_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Requirement: roles-resource
func TestARoleBelongsToAResourceServerOfTheRealm(t *testing.T) {
	w, token := withAPIs(t)
	_, ada := w.Person(t, "ada")
	create := func(body string) servertest.Answer {
		return w.call(t, token, http.MethodPost, w.base+"/roles", `{"role":`+body+`}`)
	}
	unknown := create(`{"resource":"https://nobody.example.com","name":"clerk"}`)
	if wants(t, "of nobody", unknown, http.StatusUnprocessableEntity, "invalid_request"); field(unknown) != "body.role.resource" {
		t.Errorf("refused at %q", field(unknown))
	}
	id := w.made(t, token, "role", `{"resource":"`+api+`","name":"clerk"}`)
	role := w.base + "/roles/" + id
	wants(t, "the same name", create(`{"resource":"`+api+`","name":"clerk"}`), http.StatusConflict, "name_taken")
	elsewhere := w.made(t, token, "role", `{"resource":"`+otherAPI+`","name":"clerk"}`)
	moved := w.call(t, token, http.MethodPatch, role, `{"role":{"resource":"`+otherAPI+`"}}`)
	if wants(t, "move", moved, http.StatusUnprocessableEntity, "invalid_request"); field(moved) != "body.role.resource" {
		t.Errorf("refused at %q", field(moved))
	}
	got := w.call(t, token, http.MethodPatch, role, `{"role":{"name":"chief","description":"Signs"}}`, "If-Match", `"1"`)
	if wants(t, "change", got, http.StatusOK, ""); member(got, "role.name") != "chief" || got.Header.Get("ETag") != `"2"` {
		t.Errorf("got %s", got.Body)
	}
	wants(t, "an old version", w.call(t, token, http.MethodDelete, role, "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	if found := idsIn(w.call(t, token, http.MethodGet, w.base+"/roles?resource="+otherAPI, ""), "roles"); !slices.Equal(found, []string{elsewhere}) {
		t.Errorf("roles of the other are %v", found)
	}
	group := w.made(t, token, "group", `{"name":"Staff"}`)
	for _, who := range []string{string(ada.ID), group, group} {
		wants(t, "give", w.call(t, token, http.MethodPut, role+"/members/"+who, ""), http.StatusNoContent, "")
	}
	for _, who := range []string{id, "idn_nobody", string(w.Site.Realm.ID)} {
		wants(t, "give to "+who, w.call(t, token, http.MethodPut, role+"/members/"+who, ""), http.StatusNotFound, "not_found")
	}
	if found := idsIn(w.call(t, token, http.MethodGet, role+"/members", ""), "members"); !slices.Equal(found, []string{group, string(ada.ID)}) {
		t.Errorf("members are %v", found)
	}
	if found := idsIn(w.call(t, token, http.MethodGet, w.base+"/identities/"+string(ada.ID)+"/roles", ""), "roles"); !slices.Equal(found, []string{id}) {
		t.Errorf("roles of the person are %v", found)
	}
	wants(t, "delete", w.call(t, token, http.MethodDelete, role, ""), http.StatusNoContent, "")
	wants(t, "read", w.call(t, token, http.MethodGet, role, ""), http.StatusNotFound, "not_found")
}

// Requirement: roles-hundred
func TestATokenHoldsAHundredRolesAtMostTheFirstByName(t *testing.T) {
	w, _ := withAPIs(t)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{Resources: []string{api}}})
	for i := range 103 {
		role, err := w.Server.Directory.CreateRole(t.Context(), w.Site, model.Role{Resource: api, Name: fmt.Sprintf("r%03d", 200-i)}, "")
		servertest.Check(t, err)
		servertest.Check(t, w.Server.Directory.AddRoleMember(t.Context(), w.Site, directory.Ref[model.RoleID]{ID: role.ID}, string(f.Identity.ID)))
	}
	roles := rolesIn(t, f.Tokens(t, "resource", api).Text("access_token"))
	if len(roles) != 100 || !slices.IsSorted(roles) || roles[0] != "r098" || roles[99] != "r197" {
		t.Errorf("the token holds %d roles: %v", len(roles), roles)
	}
}

// An approval is for what the person saw, and a client has no roles.
//
// Requirement: roles-not-elsewhere
func TestTokensOfAnApprovalAndOfAnApplicationHoldNoRoles(t *testing.T) {
	w, token := withAPIs(t)
	p, ada := w.Person(t, "ada")
	id := w.made(t, token, "role", `{"resource":"`+api+`","name":"owner"}`)
	wants(t, "give", w.call(t, token, http.MethodPut, w.base+"/roles/"+id+"/members/"+string(ada.ID), ""), http.StatusNoContent, "")
	app := w.App(t, application.NewApplication{Scopes: []string{"openid", "read"}, Settings: model.ApplicationSettings{Resources: []string{api}}})
	asked := w.Post(t, "/oauth/bc-authorize", app.Form("login_hint", "ada", "scope", "openid read", "resource", api, "binding_message", "Read it"))
	list, err := p.List(t.Context(), "pending")
	if err != nil || len(list) != 1 {
		t.Fatalf("asked: %d %s, %v", asked.Status, asked.Body, err)
	}
	_, err = p.Decide(t.Context(), list[0].ID, "approve")
	servertest.Check(t, err)
	for _, got := range []servertest.Answer{
		w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id"))),
		w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials, "scope", "read")),
	} {
		if got.Status != http.StatusOK || rolesIn(t, got.Text("access_token")) != nil {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	}
}
