package manage_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// Requirement: account-applications-api
func TestWhatPeopleAllowApplicationsIsListedAndTakenBack(t *testing.T) {
	w := start(t)
	shop := w.Flow(t, application.NewApplication{Name: "Shop"})
	tokens := shop.Tokens(t, "scope", "openid email offline_access")
	_, bob := w.Person(t, "bob")
	token := w.token(t, manage.GrantsRead, manage.GrantsDelete)
	of := func(identity string) string { return w.base + "/identities/" + identity + "/applications" }
	list := func(identity string) []any {
		got := w.call(t, token, "GET", of(identity), "")
		wants(t, "list", got, http.StatusOK, "")
		apps, _ := got.JSON["applications"].([]any)
		return apps
	}
	ada := string(shop.Identity.ID)
	apps := list(ada)
	if len(apps) != 1 {
		t.Fatalf("applications: %v", apps)
	}
	app, _ := apps[0].(map[string]any)
	items, _ := app["items"].([]any)
	if app["client_id"] != shop.App.ID || app["display_name"] != "Shop" || len(items) != 3 || app["create_time"] == "" || app["last_use_time"] == "" {
		t.Errorf("application: %v", app)
	}
	if got := list(string(bob.ID)); len(got) != 0 {
		t.Errorf("bob's applications: %v", got)
	}

	wants(t, "scope", w.call(t, w.token(t, manage.GrantsRead), "DELETE", of(ada)+"/"+shop.App.ID, ""), http.StatusForbidden, "insufficient_scope")
	wants(t, "not bob's", w.call(t, token, "DELETE", of(string(bob.ID))+"/"+shop.App.ID, ""), http.StatusNotFound, "not_found")
	wants(t, "nobody's", w.call(t, token, "DELETE", of("idn_00000000000000000000000000")+"/"+shop.App.ID, ""), http.StatusNotFound, "not_found")
	wants(t, "no id", w.call(t, token, "GET", of("x"), ""), http.StatusNotFound, "not_found")
	elsewhere := baseOf(w.URL, w.other(t)) + "/identities/" + ada + "/applications"
	wants(t, "another realm", w.call(t, token, "GET", elsewhere, ""), http.StatusNotFound, "not_found")
	if got := shop.Refresh(t, tokens.Text("refresh_token")); got.Status != http.StatusOK {
		t.Fatalf("something was taken back: %d %s", got.Status, got.Body)
	}

	wants(t, "take back", w.call(t, token, "DELETE", of(ada)+"/"+shop.App.ID, ""), http.StatusNoContent, "")
	if got := list(ada); len(got) != 0 {
		t.Errorf("after: %v", got)
	}
	if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token")); got.Status != http.StatusUnauthorized {
		t.Errorf("the access token lives: %d %s", got.Status, got.Body)
	}
	wants(t, "again", w.call(t, token, "DELETE", of(ada)+"/"+shop.App.ID, ""), http.StatusNotFound, "not_found")
}

// Requirement: account-applications-api
func TestAllowedApplicationsComeInPages(t *testing.T) {
	w := start(t)
	first := w.Flow(t, application.NewApplication{Name: "First"})
	first.Tokens(t)
	second := *first
	second.App = w.App(t, application.NewApplication{Name: "Second", Kind: "web", GrantTypes: []string{"authorization_code"},
		Settings: model.ApplicationSettings{Scopes: []string{"openid", "read"}, RedirectURIs: []string{servertest.Callback}}})
	second.Code(t)
	token := w.token(t, manage.GrantsRead)
	base := w.base + "/identities/" + string(first.Identity.ID) + "/applications?page_size=1"
	seen := map[any]bool{}
	next := ""
	for range 3 {
		got := w.call(t, token, "GET", base+"&page_token="+url.QueryEscape(next), "")
		wants(t, "page", got, http.StatusOK, "")
		apps, _ := got.JSON["applications"].([]any)
		if len(apps) != 1 {
			t.Fatalf("page: %s", got.Body)
		}
		app, _ := apps[0].(map[string]any)
		seen[app["client_id"]] = true
		if next = got.Text("next_page_token"); next == "" {
			break
		}
	}
	if len(seen) != 2 || !seen[first.App.ID] || !seen[second.App.ID] {
		t.Errorf("seen %v", seen)
	}
	wants(t, "size", w.call(t, token, "GET", w.base+"/identities/"+string(first.Identity.ID)+"/applications?page_size=201", ""), http.StatusUnprocessableEntity, "invalid_request")
}
