package manage_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

const (
	api      = "https://api.example.com"
	otherAPI = "https://other.example.com"
)

// withAPIs is a server whose realm has two resource servers.
func withAPIs(t *testing.T) (w *world, token string) {
	t.Helper()
	s := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy.AskAnyone = true
		c.DefaultPolicy.Resources = []model.ResourcePolicy{{Resource: api}, {Resource: otherAPI}}
	})
	w = &world{World: s, base: baseOf(s.URL, s.Site)}
	return w, w.token(t, manage.GroupsCreate, manage.GroupsRead, manage.GroupsUpdate, manage.GroupsDelete,
		manage.RolesCreate, manage.RolesRead, manage.RolesUpdate, manage.RolesDelete)
}

// made creates something and returns its id.
func (w *world) made(t *testing.T, token, what, body string) string {
	t.Helper()
	got := w.call(t, token, http.MethodPost, w.base+"/"+what+"s", `{"`+what+`":`+body+`}`)
	wants(t, "create "+what, got, http.StatusCreated, "")
	id, _ := member(got, what+".id").(string)
	return id
}

// ids of the things in a list.
func idsIn(a servertest.Answer, list string) (found []string) {
	all, _ := a.JSON[list].([]any)
	for _, one := range all {
		found = append(found, one.(map[string]any)["id"].(string))
	}
	return found
}

// Requirement: groups-people
func TestGroupsAreNamedOnceAndHoldPeopleOnce(t *testing.T) {
	w, token := withAPIs(t)
	_, ada := w.Person(t, "ada")
	_, ben := w.Person(t, "ben")
	group := w.base + "/groups/" + w.made(t, token, "group", `{"name":"Staff","description":"All of us"}`)
	other := w.made(t, token, "group", `{"name":"Guests"}`)
	wants(t, "the same name", w.call(t, token, http.MethodPost, w.base+"/groups", `{"group":{"name":"STAFF"}}`), http.StatusConflict, "name_taken")
	wants(t, "rename to it", w.call(t, token, http.MethodPatch, w.base+"/groups/"+other, `{"group":{"name":"staff"}}`), http.StatusConflict, "name_taken")
	odd := w.call(t, token, http.MethodPost, w.base+"/groups", `{"group":{"name":"a\u0007b"}}`)
	if wants(t, "an odd name", odd, http.StatusUnprocessableEntity, "invalid_request"); field(odd) != "body.group.name" {
		t.Errorf("refused at %q", field(odd))
	}
	got := w.call(t, token, http.MethodPatch, group, `{"group":{"description":null}}`, "If-Match", `"1"`)
	if wants(t, "change", got, http.StatusOK, ""); member(got, "group.description") != nil || member(got, "group.name") != "Staff" || got.Header.Get("ETag") != `"2"` {
		t.Errorf("got %s", got.Body)
	}
	wants(t, "an old version", w.call(t, token, http.MethodPatch, group, `{"group":{"name":"Crew"}}`, "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	for _, who := range []model.Identity{ben, ada, ben} {
		wants(t, "join", w.call(t, token, http.MethodPut, group+"/members/"+string(who.ID), ""), http.StatusNoContent, "")
	}
	if found := idsIn(w.call(t, token, http.MethodGet, group+"/members", ""), "members"); !slices.Equal(found, []string{string(ada.ID), string(ben.ID)}) {
		t.Errorf("members are %v", found)
	}
	page := w.call(t, token, http.MethodGet, group+"/members?page_size=1", "")
	rest := w.call(t, token, http.MethodGet, group+"/members?page_size=1&page_token="+page.Text("next_page_token"), "")
	if found := append(idsIn(page, "members"), idsIn(rest, "members")...); len(found) != 2 || found[0] == found[1] || rest.Text("next_page_token") != "" {
		t.Errorf("pages of members are %v", found)
	}
	if found := idsIn(w.call(t, token, http.MethodGet, w.base+"/identities/"+string(ada.ID)+"/groups", ""), "groups"); len(found) != 1 {
		t.Errorf("groups of the person are %v", found)
	}
	for _, what := range []string{group + "/members/" + string(ada.ID), group} {
		wants(t, "remove", w.call(t, token, http.MethodDelete, what, ""), http.StatusNoContent, "")
		wants(t, "remove again", w.call(t, token, http.MethodDelete, what, ""), http.StatusNotFound, "not_found")
	}
}

// rolesIn are the roles that a JWT holds.
func rolesIn(t *testing.T, jwt string) []string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	servertest.Check(t, err)
	var claims struct {
		Roles []string `json:"roles"`
	}
	servertest.Check(t, json.Unmarshal(raw, &claims))
	return claims.Roles
}

// tokensFor is a token for several resource servers.
func tokensFor(t *testing.T, w *world, f *servertest.Flow, resources ...string) servertest.Answer {
	t.Helper()
	params := f.Params()
	params["resource"] = resources
	page, err := f.Person.Authorize(t.Context(), w.Site.Issuer+"/oauth/authorize?"+params.Encode(), softperson.Choices{})
	servertest.Check(t, err)
	return f.Redeem(t, page.URL.Query().Get("code"))
}

// RFC 9068, Section 2.2.3.1.
//
// Requirement: roles-in-tokens, roles-not-elsewhere
func TestAccessTokensHoldTheRolesOfTheirPersonAtTheirResourceAlone(t *testing.T) {
	w, token := withAPIs(t)
	f := w.Flow(t, application.NewApplication{Scopes: []string{"openid", "offline_access", "read"}, Settings: model.ApplicationSettings{Resources: []string{api, otherAPI}}})
	if roles := rolesIn(t, f.Tokens(t, "resource", api).Text("access_token")); roles != nil {
		t.Errorf("without roles there are %v", roles)
	}
	group := w.made(t, token, "group", `{"name":"Staff"}`)
	wants(t, "join", w.call(t, token, http.MethodPut, w.base+"/groups/"+group+"/members/"+string(f.Identity.ID), ""), http.StatusNoContent, "")
	role := func(resource, name, member string) string {
		id := w.made(t, token, "role", `{"resource":"`+resource+`","name":"`+name+`"}`)
		wants(t, "give", w.call(t, token, http.MethodPut, w.base+"/roles/"+id+"/members/"+member, ""), http.StatusNoContent, "")
		return id
	}
	role(api, "reader", string(f.Identity.ID))
	clerk := role(api, "clerk", group)
	role(otherAPI, "owner", string(f.Identity.ID))
	w.made(t, token, "role", `{"resource":"`+api+`","name":"boss"}`)

	tokens := f.Tokens(t, "scope", "openid offline_access", "resource", api)
	if roles := rolesIn(t, tokens.Text("access_token")); !slices.Equal(roles, []string{"clerk", "reader"}) {
		t.Errorf("the access token holds %v", roles)
	}
	if roles := rolesIn(t, tokens.Text("id_token")); roles != nil {
		t.Errorf("the ID token holds %v", roles)
	}
	shown := w.Post(t, "/oauth/introspect", f.Form("token", tokens.Text("access_token")))
	if fmt.Sprint(shown.JSON["roles"]) != "[clerk reader]" {
		t.Errorf("introspection says %s", shown.Body)
	}
	if roles := rolesIn(t, f.Tokens(t, "resource", otherAPI).Text("access_token")); !slices.Equal(roles, []string{"owner"}) {
		t.Errorf("at the other there are %v", roles)
	}
	if roles := rolesIn(t, tokensFor(t, w, f, api, otherAPI).Text("access_token")); roles != nil {
		t.Errorf("for both there are %v", roles)
	}
	// What is taken is not there any more when the token is refreshed.
	wants(t, "take", w.call(t, token, http.MethodDelete, w.base+"/roles/"+clerk+"/members/"+group, ""), http.StatusNoContent, "")
	if roles := rolesIn(t, f.Refresh(t, tokens.Text("refresh_token")).Text("access_token")); !slices.Equal(roles, []string{"reader"}) {
		t.Errorf("after a refresh there are %v", roles)
	}
}
