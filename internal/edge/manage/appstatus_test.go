package manage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

const worker = `{"application":{"display_name":"Worker","kind":"service","token_endpoint_auth_method":"client_secret_post","grant_types":["client_credentials"],` +
	`"scopes":["read"],"client_secret":"0123456789012345678901234567890123456789"}}`

// Requirement: frame-application-status
func TestAnApplicationThatWasStoppedStaysSoUntilSomebodySaysOtherwise(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.ApplicationsCreate, manage.ApplicationsRead, manage.ApplicationsUpdate, manage.EventsRead)
	at := w.base + "/applications/worker"
	wants(t, "make", w.call(t, token, http.MethodPut, at, worker), http.StatusOK, "")
	get := func() servertest.Answer {
		return w.Post(t, "/oauth/token", form("grant_type", "client_credentials", "client_id", "worker", "client_secret", "0123456789012345678901234567890123456789"))
	}
	before := get().Text("access_token")
	inspect := func() int {
		return w.call(t, before, http.MethodGet, w.base, "").Status // 403: it is good, and not for this
	}
	if got := inspect(); got != http.StatusForbidden {
		t.Errorf("its token: %d", got)
	}
	for _, status := range []model.ApplicationStatus{model.ApplicationFrozen, model.ApplicationDisabled} {
		changed := w.call(t, token, http.MethodPatch, at, `{"application":{"status":"`+string(status)+`"}}`)
		if inside(changed, "application")["status"] != string(status) {
			t.Errorf("%s: %d %s", status, changed.Status, changed.Body)
		}
		for what, a := range map[string]servertest.Answer{
			"a PATCH": w.call(t, token, http.MethodPatch, at, `{"application":{"display_name":"Renamed `+string(status)+`"}}`),
			"a PUT":   w.call(t, token, http.MethodPut, at, worker),
		} {
			if inside(a, "application")["status"] != string(status) {
				t.Errorf("%s of one that is %s: %d %s", what, status, a.Status, a.Body)
			}
		}
		if got := get(); got.Status == http.StatusOK {
			t.Errorf("one that is %s gets %s", status, got.Body)
		}
	}
	wants(t, "activate", w.call(t, token, http.MethodPatch, at, `{"application":{"status":"active"}}`), http.StatusOK, "")
	wants(t, "it works", get(), http.StatusOK, "")
	if got := inspect(); got != http.StatusUnauthorized {
		t.Errorf("its token from before: %d", got)
	}
	wants(t, "no status", w.call(t, token, http.MethodPatch, at, `{"application":{"status":"gone"}}`), http.StatusUnprocessableEntity, "invalid_request")
	wants(t, "in a PUT", w.call(t, token, http.MethodPut, at, strings.Replace(worker, `"kind"`, `"status":"frozen","kind"`, 1)), http.StatusUnprocessableEntity, "invalid_request")
	for _, kind := range []string{"application.frozen", "application.disabled", "application.active"} {
		trail := w.call(t, token, http.MethodGet, w.base+"/events?type="+kind, "")
		if list, _ := trail.JSON["events"].([]any); len(list) != 1 || list[0].(map[string]any)["actor"] == "operator" {
			t.Errorf("%s in the trail: %s", kind, trail.Body)
		}
	}
}

// A secret answer is not for whoever could not have asked for it.
//
// Requirement: frame-idempotency
func TestAnAnswerIsNotGivenAgainToWhoMayNoLongerAskForIt(t *testing.T) {
	w := start(t)
	ada := w.person(t, "ada", "")
	scopes := []string{string(manage.BindingJobsCreate), string(manage.RecoveryCreate)}
	app := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{Management: true, Scopes: scopes}})
	tokenFor := func(scopes ...string) string {
		return w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials", "scope", strings.Join(scopes, " "))).Text("access_token")
	}
	const recovery = `{"job":{"delivery_method":"RETURN","recovery":true}}`
	key := []string{"Idempotency-Key", "lost"}
	wants(t, "first", w.call(t, tokenFor(scopes...), http.MethodPost, w.jobsOf(ada), recovery, key...), http.StatusCreated, "")
	again := w.call(t, tokenFor(scopes...), http.MethodPost, w.jobsOf(ada), recovery, key...)
	if again.Status != http.StatusCreated || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %s", again.Status, again.Body)
	}
	less := w.call(t, tokenFor(scopes[0]), http.MethodPost, w.jobsOf(ada), recovery, key...)
	if less.Status < 400 || strings.Contains(string(less.Body), "http") {
		t.Errorf("with less: %d %s", less.Status, less.Body)
	}
}
