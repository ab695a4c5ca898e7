package manage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/directory"
)

const (
	embeddedConfig = `{"authenticator_config":{"name":"Shop","type":"embedded","invocation_type":"automatic","invoke_url":"https://shop.example/login",` +
		`"trusted_origins":["https://shop.example"],"rp_id":"shop.example"}}`
	hostedConfig = `{"authenticator_config":{"name":"Pages","type":"hosted","trusted_origins":["https://shop.example"]}}`
)

func (w *world) configToken(t *testing.T) string {
	t.Helper()
	return w.token(t, manage.AuthenticatorConfigsCreate, manage.AuthenticatorConfigsRead, manage.AuthenticatorConfigsUpdate, manage.AuthenticatorConfigsDelete)
}

// Requirement: embedded-config-api
func TestAuthenticatorConfigsAreMadeReadChangedListedAndDeleted(t *testing.T) {
	w := start(t)
	token, base := w.configToken(t), w.base+"/authenticator-configs"
	made := w.call(t, token, http.MethodPost, base, embeddedConfig)
	c := inside(made, "authenticator_config")
	id, _ := c["id"].(string)
	if made.Status != http.StatusCreated || !ids.Valid("acf", id) || c["realm_id"] != string(w.Site.Realm.ID) || c["tenant_id"] != string(w.Site.Realm.TenantID) ||
		c["type"] != "embedded" || c["rp_id"] != "shop.example" || c["create_time"] == "" || c["update_time"] != c["create_time"] ||
		made.Header.Get("ETag") != `"1"` || !strings.HasSuffix(base+"/"+id, made.Header.Get("Location")) {
		t.Fatalf("made: %d %v %s", made.Status, made.Header, made.Body)
	}
	at := base + "/" + id
	patched := w.call(t, token, http.MethodPatch, at, `{"authenticator_config":{"invocation_type":"manual","rp_id":null}}`, "If-Match", `"1"`)
	c = inside(patched, "authenticator_config")
	if patched.Status != http.StatusOK || c["invocation_type"] != "manual" || c["rp_id"] != nil || c["name"] != "Shop" || patched.Header.Get("ETag") != `"2"` {
		t.Errorf("patched: %d %s", patched.Status, patched.Body)
	}
	wants(t, "an old version", w.call(t, token, http.MethodPatch, at, `{"authenticator_config":{"name":"X"}}`, "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "an old version to delete", w.call(t, token, http.MethodDelete, at, "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "another type", w.call(t, token, http.MethodPatch, at, `{"authenticator_config":{"type":"hosted","invoke_url":null,"invocation_type":null}}`),
		http.StatusUnprocessableEntity, "invalid_authenticator_config")
	w.call(t, token, http.MethodPost, base, hostedConfig)
	first := w.call(t, token, http.MethodGet, base+"?page_size=1", "")
	second := w.call(t, token, http.MethodGet, base+"?page_size=1&page_token="+first.Text("next_page_token"), "")
	one, _ := first.JSON["authenticator_configs"].([]any)
	two, _ := second.JSON["authenticator_configs"].([]any)
	if len(one) != 1 || len(two) != 1 || one[0].(map[string]any)["id"] != id || two[0].(map[string]any)["type"] != "hosted" || second.Text("next_page_token") != "" {
		t.Errorf("pages: %s %s", first.Body, second.Body)
	}
	if got := w.call(t, token, http.MethodDelete, at, "", "If-Match", `"2"`); got.Status != http.StatusNoContent {
		t.Errorf("delete: %d %s", got.Status, got.Body)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		wants(t, method, w.call(t, token, method, at, ""), http.StatusNotFound, "not_found")
	}
}

// Requirement: embedded-config-in-use
func TestAnAuthenticatorConfigThatIsNamedIsNotDeleted(t *testing.T) {
	w := start(t)
	token, base := w.configToken(t), w.base+"/authenticator-configs"
	make := func() string {
		id, _ := inside(w.call(t, token, http.MethodPost, base, embeddedConfig), "authenticator_config")["id"].(string)
		return id
	}
	byApp, byJob := make(), make()
	app := w.App(t, application.NewApplication{Kind: model.KindWeb, GrantTypes: []string{"authorization_code"}, Settings: model.ApplicationSettings{
		RedirectURIs: []string{servertest.Callback}, FirstParty: true, AuthenticatorConfig: model.AuthenticatorConfigID(byApp)}})
	_, who := w.Person(t, "ada")
	job, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: who.ID, ConfigID: model.AuthenticatorConfigID(byJob)})
	servertest.Check(t, err)
	for _, id := range []string{byApp, byJob} {
		wants(t, id, w.call(t, token, http.MethodDelete, base+"/"+id, ""), http.StatusConflict, "in_use")
	}
	servertest.Check(t, w.Server.Applications.Delete(t.Context(), w.Site, model.ClientID(app.ID), ""))
	servertest.Check(t, w.Server.Directory.RevokeBindingJob(t.Context(), w.Site, job.Job.ID, ""))
	for _, id := range []string{byApp, byJob} {
		if got := w.call(t, token, http.MethodDelete, base+"/"+id, ""); got.Status != http.StatusNoContent {
			t.Errorf("%s is free: %d %s", id, got.Status, got.Body)
		}
	}
}

func TestAnAuthenticatorConfigThatOpensADoorIsRefusedInWords(t *testing.T) {
	w := start(t)
	token, base := w.configToken(t), w.base+"/authenticator-configs"
	for name, body := range map[string]string{
		"an origin with a path": strings.Replace(embeddedConfig, `["https://shop.example"]`, `["https://shop.example/"]`, 1),
		"a foreign invoke URL":  strings.Replace(embeddedConfig, "https://shop.example/login", "https://evil.example/", 1),
		"a foreign rp_id":       strings.Replace(embeddedConfig, `"rp_id":"shop.example"`, `"rp_id":"evil.example"`, 1),
	} {
		got := w.call(t, token, http.MethodPost, base, body)
		wants(t, name, got, http.StatusUnprocessableEntity, "invalid_authenticator_config")
		if detail := got.Text("detail"); len(detail) < 20 || strings.Contains(detail, "evil") {
			t.Errorf("%s: %q", name, detail)
		}
	}
	wants(t, "another member", w.call(t, token, http.MethodPost, base, strings.Replace(embeddedConfig, `"rp_id"`, `"rpid"`, 1)), http.StatusUnprocessableEntity, "invalid_request")
	wants(t, "another type", w.call(t, token, http.MethodPost, base, strings.Replace(embeddedConfig, `"embedded"`, `"both"`, 1)), http.StatusUnprocessableEntity, "invalid_request")
	other := w.other(t)
	id, _ := inside(w.call(t, token, http.MethodPost, base, embeddedConfig), "authenticator_config")["id"].(string)
	wants(t, "in another realm", w.call(t, token, http.MethodGet, baseOf(w.URL, other)+"/authenticator-configs/"+id, ""), http.StatusNotFound, "not_found")
}

// A link was given for the place where it led then.
//
// Requirement: binding-embedded
func TestALinkDoesNotOpenWhereItsConfigLeadsLater(t *testing.T) {
	w := start(t)
	ada := w.person(t, "ada", "")
	config, err := w.Server.Authenticators.Create(t.Context(), w.Site, authenticator.Draft{Name: "Shop", Settings: model.AuthenticatorSettings{
		Type: model.AuthenticatorEmbedded, Invocation: model.InvokeAutomatic, InvokeURL: "https://shop.example/in", TrustedOrigins: []string{"https://shop.example"}}})
	servertest.Check(t, err)
	token := w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead, manage.AuthenticatorConfigsUpdate)
	made := w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"RETURN","authenticator_config_id":"`+string(config.ID)+`"}}`)
	wants(t, "create", made, http.StatusCreated, "")
	state := func() any {
		return job(w.call(t, token, http.MethodGet, w.jobsOf(ada)+"/"+job(made)["id"].(string), ""))["state"]
	}
	one := w.base + "/authenticator-configs/" + string(config.ID)
	wants(t, "rename", w.call(t, token, http.MethodPatch, one, `{"authenticator_config":{"name":"Other"}}`), http.StatusOK, "")
	if state() != "LINK_SENT" {
		t.Errorf("renamed: the job is %v", state())
	}
	evil := `{"authenticator_config":{"invoke_url":"https://evil.example/in","trusted_origins":["https://evil.example"]}}`
	wants(t, "move", w.call(t, token, http.MethodPatch, one, evil), http.StatusOK, "")
	if state() != "REVOKED" {
		t.Errorf("moved: the job is %v", state())
	}
	if page := servertest.Do(t, http.MethodGet, made.Text("credential_binding_link"), nil); page.Status != http.StatusNotFound || page.Header.Get("Location") != "" {
		t.Errorf("the link leads to %d %s", page.Status, page.Header.Get("Location"))
	}
}
