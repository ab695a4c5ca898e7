package manage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// Requirement: passkeys-by-api
func TestPasskeysAreListedRenamedAndRevokedByAPI(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.PasskeysRead, manage.PasskeysUpdate, manage.PasskeysDelete)
	p, ada := w.Person(t, "ada")
	_, ben := w.Person(t, "ben")
	all := w.base + "/identities/" + string(ada.ID) + "/passkeys"
	listed := w.call(t, token, http.MethodGet, all, "")
	found := idsIn(listed, "passkeys")
	if len(found) != 1 {
		t.Fatalf("got %d %s", listed.Status, listed.Body)
	}
	one := all + "/" + found[0]
	got := w.call(t, token, http.MethodGet, one, "")
	for name, want := range map[string]any{"identity_id": string(ada.ID), "aaguid": evidence.SoftwareAAGUID, "authenticator": "Software passkey",
		"rp_id": "localhost", "realm_id": string(w.Site.Realm.ID), "sign_count": 0.0} {
		if is := member(got, "passkey."+name); is != want {
			t.Errorf("%s is %v, want %v", name, is, want)
		}
	}
	for _, name := range []string{"credential_id", "name", "create_time", "last_use_time", "backup_eligible", "backup_state", "transports"} {
		if is := member(got, "passkey."+name); is == nil || is == "" {
			t.Errorf("there is no %s: %s", name, got.Body)
		}
	}
	if text := string(got.Body); strings.Contains(text, "public_key") || strings.Contains(text, "binding") {
		t.Errorf("too much is told: %s", text)
	}
	renamed := w.call(t, token, http.MethodPatch, one, `{"passkey":{"name":"Ada's phone"}}`)
	if wants(t, "rename", renamed, http.StatusOK, ""); member(renamed, "passkey.name") != "Ada's phone" {
		t.Errorf("got %s", renamed.Body)
	}
	odd := w.call(t, token, http.MethodPatch, one, `{"passkey":{"name":"a\u202eb"}}`)
	if wants(t, "an odd name", odd, http.StatusUnprocessableEntity, "invalid_request"); field(odd) != "body.passkey.name" {
		t.Errorf("refused at %q", field(odd))
	}
	// By way of somebody else it is not there.
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		wants(t, method, w.call(t, token, method, w.base+"/identities/"+string(ben.ID)+"/passkeys/"+found[0], ""), http.StatusNotFound, "not_found")
	}
	wants(t, "revoke", w.call(t, token, http.MethodDelete, one, ""), http.StatusNoContent, "")
	wants(t, "revoke again", w.call(t, token, http.MethodDelete, one, ""), http.StatusNotFound, "not_found")
	if left := idsIn(w.call(t, token, http.MethodGet, all, ""), "passkeys"); len(left) != 0 {
		t.Errorf("there are %v left", left)
	}
	if err := p.SignIn(t.Context()); err == nil {
		t.Error("the revoked passkey opens a session")
	}
}

// Requirement: passkeys-by-api
func TestPasskeysOfOnePersonComeInPages(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.PasskeysRead)
	_, ada := w.Person(t, "ada")
	job, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada.ID, Recovery: true})
	servertest.Check(t, err)
	second, err := softperson.New(w.Site.Issuer)
	servertest.Check(t, err)
	servertest.Check(t, second.Bind(t.Context(), job.Link))
	all := w.base + "/identities/" + string(ada.ID) + "/passkeys?page_size=1"
	first := w.call(t, token, http.MethodGet, all, "")
	rest := w.call(t, token, http.MethodGet, all+"&page_token="+first.Text("next_page_token"), "")
	a, b := idsIn(first, "passkeys"), idsIn(rest, "passkeys")
	if len(a) != 1 || len(b) != 1 || a[0] >= b[0] || rest.Text("next_page_token") != "" {
		t.Errorf("pages are %v and %v", a, b)
	}
}
