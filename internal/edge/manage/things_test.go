package manage_test

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/softperson"
)

// byHand makes what no operation creates.
func (g *generator) byHand(t *testing.T, site *model.Site, name string) string {
	t.Helper()
	switch name {
	case "{identity_id}":
		p, who := g.person(t, site)
		g.people[site.Realm.ID] = p
		_, err := g.Server.Directory.NewRecoveryCodes(t.Context(), site, who.ID, string(who.ID))
		servertest.Check(t, err)
		return string(who.ID)
	case "{member_id}":
		_, who := g.person(t, site)
		return string(who.ID)
	case "{passkey_id}":
		return g.softwarePasskey(t, site)
	case "{session_id}":
		list, err := g.Server.SignIn.Sessions(t.Context(), site, model.IdentityID(g.thing(t, site, "{identity_id}")))
		servertest.Check(t, err)
		return string(list[0].ID)
	case "{grant_id}":
		return g.grant(t, site)
	case "{approval_id}":
		return g.approval(t, site)
	case "{jti}":
		g.thing(t, site, "{grant_id}") // the token of which it is
		return g.made[site.Realm.ID][name]
	case "{kid}":
		return g.oldKey(t, site)
	case "{variant}":
		return "light"
	}
	return ""
}

// person is somebody with a passkey, a session and a browser.
func (g *generator) person(t *testing.T, site *model.Site) (*softperson.Person, model.Identity) {
	t.Helper()
	return g.PersonIn(t, site, "someone-"+strings.ToLower(rand.Text()))
}

// softwarePasskey gives the person of a realm one that the server keeps, so that
// revoking it ends no session.
func (g *generator) softwarePasskey(t *testing.T, site *model.Site) string {
	t.Helper()
	made := g.call(t, g.token, http.MethodPost, baseOf(g.URL, site)+"/identities/"+g.thing(t, site, "{identity_id}")+"/software-passkey", "")
	wants(t, "a software passkey", made, http.StatusCreated, "")
	id, _ := inside(made, "passkey")["id"].(string)
	return id
}

// grant lets the person of a realm allow the application of the realm something.
func (g *generator) grant(t *testing.T, site *model.Site) string {
	t.Helper()
	client, redirect := g.thing(t, site, "{client_id}"), applicationRedirect(t, g)
	g.thing(t, site, "{identity_id}")
	const verifier = "a-verifier-of-the-tests-0123456789-0123456789"
	v := form("response_type", "code", "client_id", client, "redirect_uri", redirect, "scope", "openid", "code_challenge", servertest.Challenge(verifier), "code_challenge_method", "S256")
	page, err := g.people[site.Realm.ID].Authorize(t.Context(), site.Issuer+"/oauth/authorize?"+v.Encode(), softperson.Choices{})
	servertest.Check(t, err)
	got := servertest.Do(t, http.MethodPost, site.Issuer+"/oauth/token", strings.NewReader(form("grant_type", "authorization_code",
		"code", page.URL.Query().Get("code"), "redirect_uri", redirect, "code_verifier", verifier).Encode()),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic(client, g.secrets[site.Realm.ID]))
	wants(t, "tokens", got, http.StatusOK, "")
	g.made[site.Realm.ID]["{jti}"] = claim(t, got.Text("access_token"), "jti")
	list := g.call(t, g.token, http.MethodGet, baseOf(g.URL, site)+"/grants?client_id="+client, "")
	grants, _ := list.JSON["grants"].([]any)
	if len(grants) != 1 {
		t.Fatalf("grants of %s: %s", client, list.Body)
	}
	id, _ := grants[0].(map[string]any)["id"].(string)
	return id
}

// applicationRedirect is where the application of the examples is answered.
func applicationRedirect(t *testing.T, g *generator) string {
	t.Helper()
	var body struct {
		Application struct {
			RedirectURIs []string `json:"redirect_uris"`
		} `json:"application"`
	}
	o := g.Paths["/v1/tenants/{tenant_id}/realms/{realm_id}/applications"]["post"]
	servertest.Check(t, json.Unmarshal([]byte(o.example(t)), &body))
	return body.Application.RedirectURIs[0]
}

// oldKey is a key of the service client of a realm that is not its last.
func (g *generator) oldKey(t *testing.T, site *model.Site) string {
	t.Helper()
	at := baseOf(g.URL, site) + "/service-clients/" + g.thing(t, site, "{service_client_id}")
	rotated := g.call(t, g.token, http.MethodPost, at+"/rotate-keys", "{}")
	wants(t, "rotate", rotated, http.StatusOK, "")
	keys, _ := inside(rotated, "service_client")["keys"].([]any)
	old, _ := keys[len(keys)-1].(map[string]any)
	kid, _ := old["kid"].(string)
	return kid
}

// approval asks the person of a realm, whose software passkey can answer.
func (g *generator) approval(t *testing.T, site *model.Site) string {
	t.Helper()
	g.thing(t, site, "{passkey_id}")
	app := g.AppIn(t, site, application.NewApplication{Scopes: []string{"openid"}})
	asked := servertest.Do(t, http.MethodPost, site.Issuer+"/oauth/bc-authorize", strings.NewReader(app.Form("scope", "openid",
		"login_hint", g.thing(t, site, "{identity_id}"), "binding_message", "Deploy v2").Encode()), "Content-Type", "application/x-www-form-urlencoded")
	wants(t, "ask", asked, http.StatusOK, "")
	return asked.Text("approval_id")
}

// two makes at least two of everything that a list of a realm can hold.
func (g *generator) two(t *testing.T, site *model.Site) {
	t.Helper()
	base, made := baseOf(g.URL, site), func() map[string]string { return g.made[site.Realm.ID] }
	who, other := g.thing(t, site, "{identity_id}"), g.thing(t, site, "{member_id}")
	done := func(what string, a servertest.Answer) servertest.Answer {
		if a.Status >= 300 {
			t.Fatalf("%s: %d %s", what, a.Status, a.Body)
		}
		return a
	}
	for range 2 {
		for _, name := range []string{"{client_id}", "{grant_id}", "{jti}", "{group_id}", "{role_id}", "{resource_server_id}", "{authenticator_config_id}", "{job_id}", "{passkey_id}", "{service_client_id}"} {
			delete(made(), name)
			g.thing(t, site, name)
		}
		for _, one := range []string{who, other} {
			done("join", g.call(t, g.token, http.MethodPut, base+"/groups/"+made()["{group_id}"]+"/members/"+one, ""))
			done("role", g.call(t, g.token, http.MethodPut, base+"/roles/"+made()["{role_id}"]+"/members/"+one, ""))
			done("admin", g.call(t, g.token, http.MethodPut, base+"/admins/"+one, ""))
		}
	}
	done("realm", g.call(t, g.token, http.MethodPost, g.URL+"/v1/tenants/"+string(site.Realm.TenantID)+"/realms", `{"realm":{"name":"second","display_name":"Second"}}`))
	password := inside(done("password", g.call(t, g.token, http.MethodPut, base+"/identities/"+who+"/password", "")), "password")["value"]
	_, err := g.Server.SignIn.SignInWithPassword(t.Context(), site, signin.PasswordAnswer{Login: g.username(t, site, who), Password: password.(string)})
	servertest.Check(t, err)
}

func (g *generator) username(t *testing.T, site *model.Site, id string) string {
	t.Helper()
	who, err := g.Server.Directory.Identity(t.Context(), site, model.IdentityID(id))
	servertest.Check(t, err)
	return who.Traits.Username
}

// named are members of bodies that no two things may share.
var named = regexp.MustCompile(`"(name|username|identifier)":"([^"]*)"`)

// otherwise is a body with other names in it.
func otherwise(body string) string {
	return named.ReplaceAllString(body, `"$1":"$2-`+strings.ToLower(rand.Text()[:8])+`"`)
}

// turns walks a list page by page, one thing on each, and compares it with the list
// in one piece.
func (g *generator) turns(t *testing.T, o *operation, at string) {
	t.Helper()
	whole, _ := elements(g.send(t, o, http.MethodGet, at+"?page_size=200", ""))
	var found []string
	next := ""
	for range 300 {
		page := g.send(t, o, http.MethodGet, at+"?page_size=1&page_token="+url.QueryEscape(next), "")
		wants(t, "a page", page, http.StatusOK, "")
		list, token := elements(page)
		found, next = append(found, list...), token
		if len(list) > 1 {
			t.Fatalf("%d on a page", len(list))
		}
		if next == "" {
			break
		}
	}
	if len(whole) < 2 || !slices.Equal(found, whole) {
		t.Errorf("pages of one: %q, all: %q", found, whole)
	}
}

// elements names the things of a page, and the next one.
func elements(page servertest.Answer) (names []string, next string) {
	for _, list := range page.JSON {
		all, _ := list.([]any)
		for _, one := range all {
			v, _ := one.(map[string]any)
			text := func(name string) string { s, _ := v[name].(string); return s }
			names = append(names, cmp.Or(text("id"), text("identity_id"), text("client_id")))
		}
	}
	return names, page.Text("next_page_token")
}
