package manage_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/directory"
)

// harmless are operations on a person that open no way in for anybody.
var harmless = map[string]bool{
	"addAdmin": true, "removeAdmin": true, // their own scopes say it
	"endSession": true, "endSessions": true, "disallowApplication": true, // the person signs in again
	"revokeCredentialBindingJob": true,                            // it closes one, and another can be made
	"addGroupMember":             true, "removeGroupMember": true, // roles are those of other servers
}

// changes are bodies where the example of the document changes nothing of a way in.
var changes = map[string]string{"changeIdentity": `{"identity":{"traits":{"primary_email_address":"mallory@evil.example"}}}`}

func allBut(scope manage.Scope) []manage.Scope {
	return slices.DeleteFunc(keys(manage.Scopes), func(s manage.Scope) bool { return s == scope })
}

// An operation on a person that is new is in this test by itself.
//
// Requirement: frame-admin-way-in
func TestATokenForLessOpensNoWayInAsAnAdmin(t *testing.T) {
	g := generate(t)
	site := g.elsewhere(t, "admins")
	for _, name := range slices.Sorted(maps.Keys(g.parameters())) {
		g.thing(t, site, name)
	}
	admin := model.IdentityID(g.thing(t, site, "{identity_id}"))
	_, err := g.Server.Directory.SetAdmin(t.Context(), site, directory.Ref[model.IdentityID]{ID: admin}, true)
	servertest.Check(t, err)
	_, err = g.Server.Directory.NewRecoveryCodes(t.Context(), site, admin, "")
	servertest.Check(t, err)
	all, less := g.token, g.world.token(t, allBut(manage.AdminsCreate)...)
	tried := 0
	g.walk(t, func(t *testing.T, method, path string, o *operation) {
		if method == http.MethodGet || !strings.Contains(path, "{identity_id}") || harmless[o.ID] {
			return
		}
		tried++
		if !strings.Contains(o.Description, "`admins:create`") {
			t.Errorf("the document does not say what %s needs of admins: %s", o.ID, o.Description)
		}
		body := changes[o.ID]
		if body == "" {
			body = g.body(t, site, o)
		}
		g.token = less
		got := g.send(t, o, method, g.URL+g.path(t, site, path), body)
		if wants(t, o.ID, got, http.StatusForbidden, "insufficient_scope"); !strings.Contains(got.Text("detail"), "admins:create") {
			t.Errorf("it does not say what is missing: %s", got.Body)
		}
		g.token = all
		if got := g.send(t, o, method, g.URL+g.path(t, site, path), body); got.Status != o.success() {
			t.Errorf("%s with the scope: %d %s", o.ID, got.Status, got.Body)
		}
	})
	if tried < 9 {
		t.Errorf("%d operations were tried", tried)
	}
}

// Requirement: frame-admin-way-in
func TestEachLinkForAnAdminNeedsTheScopeThatMakesAdmins(t *testing.T) {
	w := start(t)
	ada, ben := w.person(t, "ada", "ada@example.com"), w.person(t, "ben", "ben@example.com")
	_, err := w.Server.Directory.SetAdmin(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: ada.ID}, true)
	servertest.Check(t, err)
	less := w.token(t, manage.BindingJobsCreate, manage.RecoveryCreate, manage.IdentitiesUpdate)
	for _, body := range []string{`{"delivery_method":"RETURN"}`, `{"delivery_method":"EMAIL"}`, `{"delivery_method":"RETURN","recovery":true}`} {
		wants(t, body, w.call(t, less, http.MethodPost, w.jobsOf(ada), `{"job":`+body+`}`), http.StatusForbidden, "insufficient_scope")
	}
	entry := `{"identity_id":"%s","delivery_method":"%s","recovery":%t}`
	batch := w.call(t, less, http.MethodPost, w.base+"/credential-binding-jobs/batch", `{"jobs":[`+strings.Join([]string{fmt.Sprintf(entry, ada.ID, "RETURN", false),
		fmt.Sprintf(entry, ada.ID, "EMAIL", true), fmt.Sprintf(entry, ben.ID, "EMAIL", true)}, ",")+`]}`)
	var got []string
	results, _ := batch.JSON["results"].([]any)
	for _, r := range results {
		got = append(got, batchOutcome(r.(map[string]any)))
	}
	if !slices.Equal(got, []string{"insufficient_scope", "insufficient_scope", "EMAIL"}) {
		t.Errorf("in a batch: %v, %s", got, batch.Body)
	}
	one := w.base + "/identities/" + string(ada.ID)
	for _, change := range []string{`{"traits":{"username":"eve"}}`, `{"traits":{"primary_email_address":null}}`, `{"status":"suspended"}`,
		`{"traits":{"primary_email_verified":true}}`} {
		wants(t, change, w.call(t, less, http.MethodPatch, one, `{"identity":`+change+`}`), http.StatusForbidden, "insufficient_scope")
	}
	wants(t, "a name", w.call(t, less, http.MethodPatch, one, `{"identity":{"display_name":"Ada L."}}`), http.StatusOK, "")
	jobs, err := w.Server.Directory.BindingJobs(t.Context(), w.Site, directory.JobQuery{IdentityID: ada.ID, Limit: 10})
	if err != nil || len(jobs) != 0 {
		t.Errorf("%d links were made, %v", len(jobs), err)
	}
}
