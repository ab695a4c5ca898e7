package manage_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
)

// ownToken is that of a realm's own management application, with all scopes.
func (w *world) ownToken(t *testing.T, site *model.Site) string {
	t.Helper()
	secret, err := w.Server.Applications.SetManagementSecret(t.Context(), site, "operator")
	servertest.Check(t, err)
	got := w.there(t, site, "", http.MethodPost, "/oauth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(manage.ScopeNames(), " ")}}.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic("management", secret))
	wants(t, "its token", got, http.StatusOK, "")
	return got.Text("access_token")
}

// there calls a realm at its own issuer, whatever host that names.
func (w *world) there(t *testing.T, site *model.Site, token, method, path, body string, headers ...string) servertest.Answer {
	t.Helper()
	u, err := url.Parse(site.Issuer)
	servertest.Check(t, err)
	headers = append([]string{"Content-Type", "application/json", "Host", u.Host}, headers...)
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return servertest.Do(t, method, w.URL+u.Path+path, strings.NewReader(body), headers...)
}

func (w *world) realm(t *testing.T, name string, p model.RealmPolicy) (*model.Site, string) {
	t.Helper()
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: name, Policy: p})
	servertest.Check(t, err)
	return site, "/v1/tenants/" + string(site.Realm.TenantID) + "/realms/" + string(site.Realm.ID)
}

const (
	related  = `{"policy":{"related_origins":["https://evil.example"]}}`
	evilHere = `{"authenticator_config":{"name":"X","type":"embedded","invocation_type":"manual","invoke_url":"https://evil.example/","trusted_origins":["https://evil.example"]}}`
	goodHere = `{"authenticator_config":{"name":"X","type":"embedded","invocation_type":"manual","invoke_url":"http://shop.localhost/","trusted_origins":["http://shop.localhost"]}}`
)

// Requirement: frame-shared-host
func TestOneRealmOfAHostDoesNotDecideWhoUsesThePasskeysOfAll(t *testing.T) {
	w := start(t)
	site, path := w.realm(t, "blue", model.RealmPolicy{})
	own, all := w.ownToken(t, site), w.token(t, keys(manage.Scopes)...)
	configs := path + "/authenticator-configs"
	wants(t, "related origins", w.there(t, site, own, http.MethodPatch, path+"/policy", related), http.StatusForbidden, "shared_host")
	wants(t, "an rp_id", w.there(t, site, own, http.MethodPatch, path+"/policy", `{"policy":{"rp_id":"localhost"}}`), http.StatusForbidden, "shared_host")
	wants(t, "something else", w.there(t, site, own, http.MethodPatch, path+"/policy", `{"policy":{"passwords":true}}`), http.StatusOK, "")
	wants(t, "an origin elsewhere", w.there(t, site, own, http.MethodPost, configs, evilHere), http.StatusForbidden, "shared_host")
	made := w.there(t, site, own, http.MethodPost, configs, goodHere)
	wants(t, "an origin under the host", made, http.StatusCreated, "")
	id, _ := inside(made, "authenticator_config")["id"].(string)
	one := configs + "/" + id
	wants(t, "change it to one elsewhere", w.there(t, site, own, http.MethodPatch, one,
		`{"authenticator_config":{"invoke_url":"https://evil.example/","trusted_origins":["https://evil.example"]}}`), http.StatusForbidden, "shared_host")
	wants(t, "one of another relying party", w.there(t, site, own, http.MethodPost, configs, embeddedConfig), http.StatusCreated, "")
	wants(t, "make that use the host's passkeys", w.there(t, site, own, http.MethodPatch, one,
		`{"authenticator_config":{"rp_id":null,"invoke_url":"https://evil.example/","trusted_origins":["https://evil.example"]}}`), http.StatusForbidden, "shared_host")
	if got := w.Get(t, "/.well-known/webauthn"); strings.Contains(string(got.Body), "evil") {
		t.Errorf("published: %s", got.Body)
	}
	wants(t, "by who manages the server", w.call(t, all, http.MethodPatch, w.URL+path+"/policy", related), http.StatusOK, "")
	wants(t, "a config by them", w.call(t, all, http.MethodPost, w.URL+configs, evilHere), http.StatusCreated, "")
	wants(t, "what they set stays as it is", w.there(t, site, own, http.MethodPatch, path+"/policy", `{"policy":{"passwords":false}}`), http.StatusOK, "")
}

// Requirement: frame-shared-host
func TestARealmWithItsOwnHostDecidesForThatHostAlone(t *testing.T) {
	w := start(t)
	site, path := w.realm(t, "login", model.RealmPolicy{Host: "login.acme.example"})
	own := w.ownToken(t, site)
	wants(t, "related origins", w.there(t, site, own, http.MethodPatch, path+"/policy", related), http.StatusOK, "")
	wants(t, "a config", w.there(t, site, own, http.MethodPost, path+"/authenticator-configs", evilHere), http.StatusCreated, "")
	wants(t, "the domain it is in", w.there(t, site, own, http.MethodPatch, path+"/policy", `{"policy":{"rp_id":"acme.example"}}`), http.StatusForbidden, "shared_host")
	all := w.token(t, manage.RealmsUpdate)
	for _, bad := range []string{"example", "evil.example", "me.example", "login.acme.example.evil", "x.login.acme.example", ".acme.example", "localhost"} {
		wants(t, bad, w.call(t, all, http.MethodPatch, w.URL+path+"/policy", `{"policy":{"rp_id":"`+bad+`"}}`), http.StatusUnprocessableEntity, "invalid_policy")
	}
	wants(t, "the domain, by who manages the server", w.call(t, all, http.MethodPatch, w.URL+path+"/policy", `{"policy":{"rp_id":"acme.example"}}`), http.StatusOK, "")
	wants(t, "related origins for that domain", w.there(t, site, own, http.MethodPatch, path+"/policy", `{"policy":{"related_origins":[]}}`), http.StatusForbidden, "shared_host")
}
