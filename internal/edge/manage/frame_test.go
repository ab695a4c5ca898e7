package manage_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/softperson"
)

// admin is a person who uses the application that is there for admins.
func (w *world) admin(t *testing.T) *servertest.Flow {
	t.Helper()
	f := w.Flow(t, application.NewApplication{})
	f.App, f.Redirect = servertest.App{ID: "assent-admin"}, "http://127.0.0.1:7777/callback"
	return f
}

func (w *world) setAdmin(t *testing.T, who model.Identity, is bool) {
	t.Helper()
	_, err := w.Server.Directory.SetAdmin(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: who.ID, Actor: "operator"}, is)
	servertest.Check(t, err)
}

// Requirement: frame-admins
func TestAdminsManageInTheirOwnNameForAsLongAsTheyAreAdmins(t *testing.T) {
	w := start(t)
	f, other := w.admin(t), w.admin(t)
	const scope = "openid realms:read events:read"
	if page := f.Open(t, "scope", scope); page.URL.Query().Get("error") != "access_denied" {
		t.Errorf("somebody who is no admin: %s", page.URL)
	}
	w.setAdmin(t, f.Identity, true)
	w.setAdmin(t, other.Identity, true) // the last one could not be unmade
	token := f.Tokens(t, "scope", scope).Text("access_token")
	wants(t, "an admin", w.call(t, token, http.MethodGet, w.base, ""), http.StatusOK, "")
	wants(t, "without the scope", w.call(t, token, http.MethodGet, w.base+"/applications", ""), http.StatusForbidden, "insufficient_scope")
	made := w.call(t, f.Tokens(t, "scope", "openid tenants:create").Text("access_token"), http.MethodPost, w.URL+"/v1/tenants", tenantBody)
	wants(t, "create", made, http.StatusCreated, "")
	trail := w.call(t, token, http.MethodGet, w.base+"/events?type=tenant.created", "")
	if !strings.Contains(string(trail.Body), `"actor":"`+string(f.Identity.ID)+`"`) {
		t.Errorf("the trail does not name the admin: %s", trail.Body)
	}
	w.setAdmin(t, f.Identity, false)
	wants(t, "no admin any more", w.call(t, token, http.MethodGet, w.base, ""), http.StatusUnauthorized, "invalid_token")
}

// Requirement: frame-admins
func TestNoOtherApplicationGetsAnAdminsRights(t *testing.T) {
	w := start(t)
	f := w.Flow(t, application.NewApplication{Scopes: []string{"openid", "realms:read"}})
	w.setAdmin(t, f.Identity, true)
	token := f.Tokens(t, "scope", "openid realms:read").Text("access_token")
	wants(t, "an admin's token of another application", w.call(t, token, http.MethodGet, w.base, ""), http.StatusForbidden, "insufficient_scope")
	all := w.token(t, keys(manage.Scopes)...)
	for _, id := range []string{"assent-admin", "management"} {
		url := w.base + "/applications/" + id
		wants(t, "put "+id, w.call(t, all, http.MethodPut, url, shop), http.StatusConflict, "kept_elsewhere")
		wants(t, "change "+id, w.call(t, all, http.MethodPatch, url, `{"application":{"display_name":"x"}}`), http.StatusConflict, "kept_elsewhere")
		wants(t, "delete "+id, w.call(t, all, http.MethodDelete, url, ""), http.StatusConflict, "kept_elsewhere")
	}
}

// Requirement: frame-management-secret
func TestTheManagementApplicationOfARealmNeedsASecretFirst(t *testing.T) {
	w := start(t)
	token := func(secret string) servertest.Answer {
		app := servertest.App{ID: "management", Secret: secret}
		return w.Post(t, "/oauth/token", nil, "Authorization", "Basic "+basic(app.ID, app.Secret))
	}
	for _, guess := range []string{"", "management"} {
		if got := token(guess); got.Status < 400 {
			t.Errorf("without a secret: %d %s", got.Status, got.Body)
		}
	}
	first, err := w.Server.Applications.SetManagementSecret(t.Context(), w.Site, "operator")
	servertest.Check(t, err)
	good := w.Post(t, "/oauth/token", form("grant_type", "client_credentials"), "Authorization", "Basic "+basic("management", first))
	wants(t, "with it", good, http.StatusOK, "")
	wants(t, "its token", w.call(t, good.Text("access_token"), http.MethodGet, w.base, ""), http.StatusOK, "")
	_, err = w.Server.Applications.SetManagementSecret(t.Context(), w.Site, "operator")
	servertest.Check(t, err)
	if old := w.Post(t, "/oauth/token", form("grant_type", "client_credentials"), "Authorization", "Basic "+basic("management", first)); old.Text("error") != "invalid_client" {
		t.Errorf("the secret before: %d %s", old.Status, old.Body)
	}
}

// Requirement: frame-tenants
func TestARealmIsMadeChangedAndDeletedOnceItIsDisabled(t *testing.T) {
	w := start(t)
	token := w.token(t, keys(manage.Scopes)...)
	tenant := w.call(t, token, http.MethodPost, w.URL+"/v1/tenants", tenantBody)
	at := w.URL + tenant.Header.Get("Location")
	wants(t, "the name twice", w.call(t, token, http.MethodPost, w.URL+"/v1/tenants", tenantBody), http.StatusConflict, "taken")
	made := w.call(t, token, http.MethodPost, at+"/realms", `{"realm":{"name":"staff","display_name":"Staff","policy":{"passwords":true}}}`)
	wants(t, "create", made, http.StatusCreated, "")
	wants(t, "again", w.call(t, token, http.MethodPost, at+"/realms", `{"realm":{"name":"staff","display_name":"Staff"}}`), http.StatusConflict, "taken")
	url := w.URL + made.Header.Get("Location")
	wants(t, "its keys", w.Get(t, "/realms/staff/.well-known/openid-configuration"), http.StatusOK, "")
	person := w.call(t, token, http.MethodPost, url+"/identities", `{"identity":{"display_name":"Ada","traits":{"type":"traits_v0","username":"ada"}}}`)
	wants(t, "somebody in it", person, http.StatusCreated, "")
	wants(t, "while it works", w.call(t, token, http.MethodDelete, url, ""), http.StatusConflict, "not_disabled")
	wants(t, "with a realm", w.call(t, token, http.MethodDelete, at, ""), http.StatusConflict, "in_use")
	off := w.call(t, token, http.MethodPatch, url, `{"realm":{"status":"disabled"}}`)
	wants(t, "disable", off, http.StatusOK, "")
	wants(t, "an old version", w.call(t, token, http.MethodDelete, url, "", "If-Match", made.Header.Get("ETag")), http.StatusPreconditionFailed, "changed")
	wants(t, "delete", w.call(t, token, http.MethodDelete, url, "", "If-Match", off.Header.Get("ETag")), http.StatusNoContent, "")
	wants(t, "gone", w.call(t, token, http.MethodGet, url, ""), http.StatusNotFound, "not_found")
	wants(t, "the default one", w.call(t, token, http.MethodPatch, w.base, `{"realm":{"status":"disabled"}}`), http.StatusConflict, "realm_in_use")
	wants(t, "the default one", w.call(t, token, http.MethodDelete, w.base, ""), http.StatusConflict, "realm_in_use")
	wants(t, "the tenant", w.call(t, token, http.MethodDelete, at, ""), http.StatusNoContent, "")
}

// Requirement: frame-theme
func TestARealmHasColoursAndPicturesAndNothingElseForALogo(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.RealmsRead, manage.RealmsUpdate)
	theme := w.base + "/theme"
	set := w.call(t, token, http.MethodPatch, theme, `{"theme":{"accent":"#0b5d3b","help_url":"https://help.example/"}}`)
	wants(t, "set", set, http.StatusOK, "")
	back := w.call(t, token, http.MethodPatch, theme, `{"theme":{"help_url":null}}`)
	if v := inside(back, "theme"); v["accent"] != "#0b5d3b" || v["help_url"] != nil {
		t.Errorf("after taking a member away: %s", back.Body)
	}
	for _, bad := range []string{`{"accent":"red"}`, `{"accent":"#0b5d3"}`, `{"accent":"#0b5d3b;}"}`, `{"help_url":"javascript:alert(1)"}`, `{"help_url":"http://x/"}`, `{"logo_light":"x"}`} {
		if got := w.call(t, token, http.MethodPatch, theme, `{"theme":`+bad+`}`); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", bad, got.Status, got.Body)
		}
	}
	const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR4nGP4DwQACfsD/fteaysAAAAASUVORK5CYII="
	logo := w.call(t, token, http.MethodPut, theme+"/logo/light", `{"logo":{"data":"`+pixel+`"}}`)
	wants(t, "a logo", logo, http.StatusOK, "")
	at, _ := inside(logo, "theme")["logo_light"].(string)
	if shown := servertest.Do(t, http.MethodGet, at, nil); shown.Status != http.StatusOK || shown.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the logo at %q: %d %s", at, shown.Status, shown.Header)
	}
	for what, data := range map[string]string{"a script": "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a cut picture": "\x89PNG\r\n\x1a\n", "an animation": "GIF89a\x01\x00\x01\x00\x00\x00\x00;"} {
		wants(t, what, w.call(t, token, http.MethodPut, theme+"/logo/light", `{"logo":{"data":"`+base64.StdEncoding.EncodeToString([]byte(data))+`"}}`),
			http.StatusUnprocessableEntity, "invalid_logo")
	}
	wants(t, "no such pages", w.call(t, token, http.MethodPut, theme+"/logo/grey", `{"logo":{"data":"`+pixel+`"}}`), http.StatusNotFound, "not_found")
	wants(t, "take it away", w.call(t, token, http.MethodDelete, theme+"/logo/light", ""), http.StatusNoContent, "")
	wants(t, "again", w.call(t, token, http.MethodDelete, theme+"/logo/light", ""), http.StatusNotFound, "not_found")
}

// Requirement: frame-sessions, frame-grants
func TestSessionsAndGrantsOfAPersonAreListedAndEnded(t *testing.T) {
	w := start(t)
	f := w.Flow(t, application.NewApplication{})
	tokens := f.Tokens(t, "scope", "openid offline_access")
	token := w.token(t, manage.SessionsRead, manage.SessionsDelete, manage.GrantsRead, manage.GrantsDelete, manage.TokensDelete)
	grants := w.call(t, token, http.MethodGet, w.base+"/grants?identity_id="+string(f.Identity.ID)+"&client_id="+f.App.ID, "")
	list, _ := grants.JSON["grants"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["state"] != "live" {
		t.Fatalf("grants: %s", grants.Body)
	}
	grant := w.base + "/grants/" + list[0].(map[string]any)["id"].(string)
	wants(t, "read", w.call(t, token, http.MethodGet, grant, ""), http.StatusOK, "")
	wants(t, "revoke", w.call(t, token, http.MethodDelete, grant, ""), http.StatusNoContent, "")
	if after := w.call(t, token, http.MethodGet, grant, ""); inside(after, "grant")["state"] != "revoked" {
		t.Errorf("after: %s", after.Body)
	}
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Text("error") != "invalid_grant" {
		t.Errorf("refresh: %d %s", got.Status, got.Body)
	}
	sessions := w.base + "/identities/" + string(f.Identity.ID) + "/sessions"
	open := w.call(t, token, http.MethodGet, sessions, "")
	all, _ := open.JSON["sessions"].([]any)
	if len(all) == 0 {
		t.Fatalf("sessions: %s", open.Body)
	}
	one := all[0].(map[string]any)["id"].(string)
	wants(t, "end one", w.call(t, token, http.MethodDelete, sessions+"/"+one, ""), http.StatusNoContent, "")
	wants(t, "end it again", w.call(t, token, http.MethodDelete, sessions+"/"+one, ""), http.StatusNotFound, "not_found")
	wants(t, "end all", w.call(t, token, http.MethodDelete, sessions, ""), http.StatusNoContent, "")
	if left := w.call(t, token, http.MethodGet, sessions, ""); strings.Contains(string(left.Body), "ses_") {
		t.Errorf("left: %s", left.Body)
	}
	servertest.Check(t, f.Person.SignIn(t.Context()))
	again := f.Tokens(t, "scope", "openid").Text("access_token")
	jti := claim(t, again, "jti")
	wants(t, "revoke the token", w.call(t, token, http.MethodDelete, w.base+"/tokens/"+jti, ""), http.StatusNoContent, "")
	if got := w.call(t, again, http.MethodGet, w.URL+"/userinfo", ""); got.Status != http.StatusUnauthorized {
		t.Errorf("userinfo with a revoked token: %d", got.Status)
	}
}

// Requirement: frame-events
func TestTheTrailIsReadNewestFirstByWhatIsKnown(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.EventsRead, manage.ApplicationsCreate)
	for range 3 {
		wants(t, "create", w.call(t, token, http.MethodPost, w.base+"/applications", shop), http.StatusCreated, "")
	}
	url := w.base + "/events?type=application.created&page_size=2"
	first := w.call(t, token, http.MethodGet, url, "")
	second := w.call(t, token, http.MethodGet, url+"&page_token="+first.Text("next_page_token"), "")
	a, _ := first.JSON["events"].([]any)
	b, _ := second.JSON["events"].([]any)
	if len(a) != 2 || len(b) == 0 || a[0].(map[string]any)["id"].(string) <= a[1].(map[string]any)["id"].(string) || a[1].(map[string]any)["id"].(string) <= b[0].(map[string]any)["id"].(string) {
		t.Errorf("pages: %s and %s", first.Body, second.Body)
	}
	if none := w.call(t, token, http.MethodGet, url+"&before=2020-01-01T00:00:00Z", ""); strings.Contains(string(none.Body), "evt_") {
		t.Errorf("before everything: %s", none.Body)
	}
	for _, bad := range []string{"after=yesterday", "before=1", "page_token=c2hvcA"} {
		if got := w.call(t, token, http.MethodGet, w.base+"/events?"+bad, ""); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", bad, got.Status)
		}
	}
}

// Any program on a device can say that it is the application for admins, so people
// are asked each time, in one sentence.
//
// Requirement: frame-admins
func TestAnAdminIsAskedEachTime(t *testing.T) {
	w := start(t)
	f := w.admin(t)
	w.setAdmin(t, f.Identity, true)
	const scope = "openid realms:read identities:read"
	f.Tokens(t, "scope", scope)
	page, err := f.Person.Authorize(t.Context(), f.URL("scope", scope), softperson.Choices{Deny: true})
	servertest.Check(t, err)
	if page.URL.Query().Get("error") != "access_denied" {
		t.Errorf("the second time nobody was asked: %s", page.URL)
	}
}
