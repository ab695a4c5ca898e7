package manage_test

import (
	"net/http"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/softperson"
)

// Requirement: binding-first
func TestWhoMayRevokePasskeysAndMakeLinksComesIntoNoAccount(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.PasskeysRead, manage.PasskeysDelete, manage.BindingJobsCreate)
	_, ada := w.Person(t, "ada")
	person := w.base + "/identities/" + string(ada.ID)
	link := func() string {
		t.Helper()
		made := w.call(t, token, http.MethodPost, person+"/credential-binding-jobs", `{"job":{"delivery_method":"RETURN"}}`)
		wants(t, "make a link", made, http.StatusCreated, "")
		return made.Text("credential_binding_link")
	}
	early := link()
	keys := idsIn(w.call(t, token, http.MethodGet, person+"/passkeys", ""), "passkeys")
	wants(t, "revoke", w.call(t, token, http.MethodDelete, person+"/passkeys/"+keys[0], ""), http.StatusNoContent, "")
	for name, l := range map[string]string{"from before": early, "from after": link()} {
		thief, err := softperson.New(w.Site.Issuer)
		servertest.Check(t, err)
		if err := thief.Bind(t.Context(), l); err == nil {
			t.Errorf("a link %s lets whoever has it in", name)
		}
	}
	if left := idsIn(w.call(t, token, http.MethodGet, person+"/passkeys", ""), "passkeys"); len(left) != 0 {
		t.Errorf("bound: %v", left)
	}
	wants(t, "for recovery", w.call(t, token, http.MethodPost, person+"/credential-binding-jobs", `{"job":{"delivery_method":"RETURN","recovery":true}}`),
		http.StatusForbidden, "insufficient_scope")
}

// Requirement: admins-last-passkey
func TestTheLastPasskeyOfTheLastAdminIsNotRevoked(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.PasskeysRead, manage.PasskeysDelete, manage.AdminsCreate)
	_, ada := w.Person(t, "ada")
	_, ben := w.Person(t, "ben")
	admin := func(id string) servertest.Answer { return w.call(t, token, http.MethodPut, w.base+"/admins/"+id, "") }
	wants(t, "make", admin(string(ada.ID)), http.StatusOK, "")
	all := w.base + "/identities/" + string(ada.ID) + "/passkeys"
	one := all + "/" + idsIn(w.call(t, token, http.MethodGet, all, ""), "passkeys")[0]
	wants(t, "revoke", w.call(t, token, http.MethodDelete, one, ""), http.StatusConflict, "last_admin")
	wants(t, "another admin", admin(string(ben.ID)), http.StatusOK, "")
	wants(t, "revoke", w.call(t, token, http.MethodDelete, one, ""), http.StatusNoContent, "")
}
