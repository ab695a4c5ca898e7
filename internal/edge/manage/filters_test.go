package manage_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
)

// found are the members of that name of a list.
func found(a servertest.Answer, list, member string) (names []string) {
	all, _ := a.JSON[list].([]any)
	for _, one := range all {
		name, _ := one.(map[string]any)[member].(string)
		names = append(names, name)
	}
	return names
}

func TestFiltersOfApplicationsConfigsRealmsAndTenantsNarrowTheList(t *testing.T) {
	w := start(t)
	token := w.token(t, keys(manage.Scopes)...)
	for id, name := range map[string]string{"a": "Harbour Coffee", "b": "harbour Tea", "c": "The Harbour"} {
		wants(t, id, w.call(t, token, http.MethodPut, w.base+"/applications/"+id, strings.Replace(shop, `"Shop"`, `"`+name+`"`, 1)), http.StatusOK, "")
	}
	wants(t, "an agent", w.call(t, token, http.MethodPut, w.base+"/applications/d", strings.Replace(shop, `"web"`, `"service"`, 1)), http.StatusOK, "")
	wants(t, "freeze", w.call(t, token, http.MethodPatch, w.base+"/applications/b", `{"application":{"status":"frozen"}}`), http.StatusOK, "")
	for _, name := range []string{"One", "Two"} {
		body := `{"authenticator_config":{"name":"` + name + `","type":"hosted"}}`
		wants(t, name, w.call(t, token, http.MethodPost, w.base+"/authenticator-configs", body), http.StatusCreated, "")
	}
	_, err := w.Server.Realms.CreateTenant(t.Context(), "Acme", "operator")
	servertest.Check(t, err)
	_, err = w.Server.Realms.Create(t.Context(), realm.NewRealm{TenantID: w.Site.Realm.TenantID, Name: "staff"})
	servertest.Check(t, err)
	disabled := baseOf(w.URL, w.other(t))
	wants(t, "disable", w.call(t, token, http.MethodPatch, disabled, `{"realm":{"status":"disabled"}}`), http.StatusOK, "")
	tenants := w.URL + "/v1/tenants"
	realms := tenants + "/" + string(w.Site.Realm.TenantID) + "/realms"
	for _, c := range []struct {
		url, list, member string
		want              []string
	}{
		{w.base + "/applications?display_name=HARBOUR", "applications", "client_id", []string{"a", "b"}},
		{w.base + "/applications?display_name=harbour&status=active", "applications", "client_id", []string{"a"}},
		{w.base + "/applications?status=frozen", "applications", "client_id", []string{"b"}},
		{w.base + "/applications?kind=service&display_name=shop", "applications", "client_id", []string{"d"}},
		{w.base + "/authenticator-configs?name=Two", "authenticator_configs", "name", []string{"Two"}},
		{w.base + "/authenticator-configs?name=two", "authenticator_configs", "name", nil},
		{realms + "?status=disabled", "realms", "name", []string{"strict"}},
		{realms + "?name=staff&status=active", "realms", "name", []string{"staff"}},
		{tenants + "?display_name=acm", "tenants", "display_name", []string{"Acme"}},
	} {
		if diff := cmp.Diff(c.want, found(w.call(t, token, http.MethodGet, c.url, ""), c.list, c.member)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.url, diff)
		}
	}
}

func TestAMisspeltMemberIsAnsweredWithThoseThatThereAre(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.IdentitiesCreate, manage.IdentitiesUpdate, manage.BindingJobsCreate)
	ada := w.person(t, "ada", "")
	for _, c := range []struct{ method, url, body, location, message string }{
		{http.MethodPost, w.base + "/identities", `{"identity":{"traits":{"type":"traits_v0","username":"x","kanarienvogel":1}}}`, "body.identity.traits", "primary_email_address"},
		{http.MethodPost, w.base + "/identities", `{"identity":{"kanarien.vogel":1,"traits":{"type":"traits_v0","username":"x"}}}`, "body.identity", "display_name, status, traits"},
		{http.MethodPatch, w.base + "/identities/" + string(ada.ID), `{"identity":{"kanarienvogel":1}}`, "body.identity", "display_name, status, traits"},
		{http.MethodPost, w.base + "/credential-binding-jobs/batch", `{"jobs":[{"identity_id":"x","delivery_method":"RETURN","kanarienvogel":1}]}`, "body.jobs[0]", "delivery_method"},
		{http.MethodPost, w.base + "/identities", `{"identity":{"traits":{"type":"traits_v0","username":"x"}},"kanarienvogel":1}`, "body", "it may have identity"},
	} {
		got := w.call(t, token, c.method, c.url, c.body)
		wants(t, c.body, got, http.StatusUnprocessableEntity, "invalid_request")
		var problem struct {
			Errors []manage.FieldError `json:"errors"`
		}
		servertest.Check(t, json.Unmarshal(got.Body, &problem))
		if len(problem.Errors) != 1 || problem.Errors[0].Location != c.location || !strings.Contains(problem.Errors[0].Message, c.message) || strings.Contains(string(got.Body), "anarien") {
			t.Errorf("%s: %s", c.body, got.Body)
		}
	}
}

func TestAPasskeyIsRenamedByWhoReadItsName(t *testing.T) {
	w := start(t)
	person, ada := w.Person(t, "ada")
	token := w.token(t, manage.PasskeysRead, manage.PasskeysUpdate)
	list := found(w.call(t, token, http.MethodGet, w.base+"/identities/"+string(ada.ID)+"/passkeys", ""), "passkeys", "id")
	one := w.base + "/identities/" + string(ada.ID) + "/passkeys/" + list[0]
	read := w.call(t, token, http.MethodGet, one, "").Header.Get("ETag")
	servertest.Check(t, person.SignIn(t.Context())) // which changes when it was last used
	renamed := w.call(t, token, http.MethodPatch, one, `{"passkey":{"name":"Blue key"}}`, "If-Match", read)
	wants(t, "what was read", renamed, http.StatusOK, "")
	wants(t, "what was read before", w.call(t, token, http.MethodPatch, one, `{"passkey":{"name":"Red key"}}`, "If-Match", read), http.StatusPreconditionFailed, "changed")
	if now := renamed.Header.Get("ETag"); now == "" || now == read || now != w.call(t, token, http.MethodGet, one, "").Header.Get("ETag") {
		t.Errorf("ETags %q, then %q", read, now)
	}
}

func TestAnApplicationIsDeletedInTheVersionThatWasRead(t *testing.T) {
	w := start(t)
	token, url := w.token(t, manage.ApplicationsRead, manage.ApplicationsCreate, manage.ApplicationsUpdate, manage.ApplicationsDelete), w.base+"/applications/shop"
	old := w.call(t, token, http.MethodPut, url, shop).Header.Get("ETag")
	now := w.call(t, token, http.MethodPatch, url, `{"application":{"display_name":"Other"}}`).Header.Get("ETag")
	wants(t, "an old version", w.call(t, token, http.MethodDelete, url, "", "If-Match", old), http.StatusPreconditionFailed, "changed")
	wants(t, "it is there", w.call(t, token, http.MethodGet, url, ""), http.StatusOK, "")
	wants(t, "this version", w.call(t, token, http.MethodDelete, url, "", "If-Match", now), http.StatusNoContent, "")
}

// Requirement: frame-grants
func TestAGrantSaysWhetherItsRefreshTokenLivesAndWhenItWasUsed(t *testing.T) {
	w := start(t)
	f, token := w.Flow(t, application.NewApplication{}), w.token(t, manage.GrantsRead, manage.GrantsDelete)
	tokens := f.Tokens(t, "scope", "openid offline_access")
	refresh := func() map[string]any {
		list := w.call(t, token, http.MethodGet, w.base+"/grants?client_id="+f.App.ID, "")
		all, _ := list.JSON["grants"].([]any)
		r, _ := all[0].(map[string]any)["refresh_token"].(map[string]any)
		return r
	}
	if r := refresh(); r["live"] != true || r["uses"] != 0.0 || r["create_time"] == "" || r["last_use_time"] != nil {
		t.Errorf("at first: %v", r)
	}
	f.Refresh(t, tokens.Text("refresh_token"))
	if r := refresh(); r["live"] != true || r["uses"] != 1.0 || r["last_use_time"] != r["create_time"] {
		t.Errorf("used: %v", r)
	}
	grants := found(w.call(t, token, http.MethodGet, w.base+"/grants?client_id="+f.App.ID, ""), "grants", "id")
	wants(t, "revoke", w.call(t, token, http.MethodDelete, w.base+"/grants/"+grants[0], ""), http.StatusNoContent, "")
	if r := refresh(); r["live"] != false {
		t.Errorf("revoked: %v", r)
	}
}

// Requirement: hooks-management-document
func TestTheDocumentIsThatOfTheIssuerAtWhichItIsRead(t *testing.T) {
	w := start(t)
	other := w.other(t)
	for issuer, foreign := range map[string]string{w.Site.Issuer: other.Issuer + "/", other.Issuer: w.URL + "/oauth"} {
		for _, form := range []string{"json", "yaml"} {
			got := string(servertest.Do(t, http.MethodGet, issuer+"/v1/openapi."+form, nil).Body)
			for _, part := range []string{issuer + "/oauth/token", issuer + "/oauth/authorize", "assent-admin", "clientCredentials", "authorizationCode"} {
				if !strings.Contains(got, part) {
					t.Errorf("%s at %s lacks %s", form, issuer, part)
				}
			}
			if strings.Contains(got, foreign) || strings.Contains(got, "issuer.invalid") {
				t.Errorf("%s at %s names another", form, issuer)
			}
		}
	}
	if size := len(w.Get(t, "/v1/openapi.json").Body); size > 500_000 {
		t.Errorf("%d bytes", size)
	}
}

// Requirement: hooks-management-document
func TestEachCodeOfTheDocumentHasTheSentenceThatComesWithIt(t *testing.T) {
	w := start(t)
	token := w.token(t, keys(manage.Scopes)...)
	w.person(t, "ada", "")
	for _, c := range []struct{ method, url, body, status, code string }{
		{http.MethodPost, w.base + "/identities", `{"identity":{"traits":{"type":"traits_v0","username":"ada"}}}`, "409", "username_taken"},
		{http.MethodDelete, w.URL + "/v1/tenants/" + string(w.Site.Realm.TenantID), "", "409", "in_use"},
		{http.MethodDelete, baseOf(w.URL, w.other(t)), "", "409", "not_disabled"},
		{http.MethodGet, w.base + "/groups?page_token=!", "", "422", "invalid_page_token"},
	} {
		got, said := w.call(t, token, c.method, c.url, c.body), w.operationAt(t, c.method, c.url).Responses[c.status]
		if want := said.Content["application/problem+json"].Examples[c.code].Value.Detail; got.Text("code") != c.code || got.Text("detail") != want {
			t.Errorf("%s: %s, the document: %s", c.code, got.Body, want)
		}
	}
}
