package manage_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/audit"
)

// Requirement: admins-made
func TestAdminsAreMadeAndUnmadeAndTheTrailSaysSo(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.AdminsRead, manage.AdminsCreate, manage.AdminsDelete, manage.IdentitiesRead)
	_, ada := w.Person(t, "ada")
	_, ben := w.Person(t, "ben")
	one := w.base + "/admins/" + string(ada.ID)
	wants(t, "take from nobody", w.call(t, token, http.MethodDelete, one, ""), http.StatusNotFound, "not_found")
	first := w.call(t, token, http.MethodPut, one, "")
	again := w.call(t, token, http.MethodPut, one, "")
	if wants(t, "make", first, http.StatusOK, ""); string(first.Body) != string(again.Body) || member(first, "admin.username") != "ada" {
		t.Errorf("got %s, then %s", first.Body, again.Body)
	}
	wants(t, "another", w.call(t, token, http.MethodPut, w.base+"/admins/"+string(ben.ID), ""), http.StatusOK, "")
	if got := w.call(t, token, http.MethodGet, w.base+"/identities/"+string(ada.ID), ""); member(got, "identity.admin") != true {
		t.Errorf("the person is %s", got.Body)
	}
	page := w.call(t, token, http.MethodGet, w.base+"/admins?page_size=1", "")
	rest := w.call(t, token, http.MethodGet, w.base+"/admins?page_size=1&page_token="+page.Text("next_page_token"), "")
	if !strings.Contains(string(page.Body), string(ada.ID)) || !strings.Contains(string(rest.Body), string(ben.ID)) || rest.Text("next_page_token") != "" {
		t.Errorf("pages are %s and %s", page.Body, rest.Body)
	}
	wants(t, "an old version", w.call(t, token, http.MethodDelete, one, "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "take", w.call(t, token, http.MethodDelete, one, "", "If-Match", `"2"`), http.StatusNoContent, "")
	list, err := w.Server.Audit.List(t.Context(), w.Site, audit.Query{Target: string(ada.ID), Limit: 50})
	servertest.Check(t, err)
	var kinds []string
	for _, e := range list.Events {
		if strings.HasPrefix(e.Type, "admin.") {
			kinds = append(kinds, e.Type)
		}
	}
	if !slices.Equal(kinds, []string{"admin.removed", "admin.added"}) {
		t.Errorf("audited %v", kinds)
	}
}

// Requirement: admins-last
func TestTheLastAdminOfTheServerWhoHasAPasskeyStays(t *testing.T) {
	w := start(t)
	scopes := append(slices.Clone(peopleScopes), manage.AdminsCreate, manage.AdminsDelete)
	token := w.token(t, scopes...)
	_, ada := w.Person(t, "ada")
	_, ben := w.Person(t, "ben")
	blank := w.newIdentity(t, token, "blank", "") // an admin without a passkey cannot sign in
	admin := func(method, id string) servertest.Answer { return w.call(t, token, method, w.base+"/admins/"+id, "") }
	for _, id := range []string{string(ada.ID), blank} {
		wants(t, "make", admin(http.MethodPut, id), http.StatusOK, "")
	}
	person := w.base + "/identities/" + string(ada.ID)
	suspend := `{"identity":{"status":"suspended"}}`
	wants(t, "take", admin(http.MethodDelete, string(ada.ID)), http.StatusConflict, "last_admin")
	wants(t, "suspend", w.call(t, token, http.MethodPatch, person, suspend), http.StatusConflict, "last_admin")
	wants(t, "delete", w.call(t, token, http.MethodDelete, person, ""), http.StatusConflict, "last_admin")
	if got := w.call(t, token, http.MethodGet, person, ""); member(got, "identity.status") != "active" || member(got, "identity.admin") != true {
		t.Errorf("the last admin is %s", got.Body)
	}
	wants(t, "take from one without a passkey", admin(http.MethodDelete, blank), http.StatusNoContent, "")
	wants(t, "another admin", admin(http.MethodPut, string(ben.ID)), http.StatusOK, "")
	wants(t, "delete one of two", w.call(t, token, http.MethodDelete, person, ""), http.StatusNoContent, "")
	wants(t, "and then the other", admin(http.MethodDelete, string(ben.ID)), http.StatusConflict, "last_admin")

	// Another realm can do without: the default realm's admins manage it.
	lab := w.other(t)
	token = w.tokenOf(t, model.ApplicationSettings{Management: true}, scopes...)
	base := baseOf(w.URL, lab)
	made := w.call(t, token, http.MethodPost, base+"/identities", `{"identity":{"traits":{"type":"traits_v0","username":"lou"}}}`)
	lou, _ := member(made, "identity.id").(string)
	wants(t, "make in the lab", w.call(t, token, http.MethodPut, base+"/admins/"+lou, ""), http.StatusOK, "")
	wants(t, "take in the lab", w.call(t, token, http.MethodDelete, base+"/admins/"+lou, ""), http.StatusNoContent, "")
}
