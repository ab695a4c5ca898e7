package manage_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
)

// A generator makes calls of every operation out of the document alone. It finds
// out by itself how the things are made that a path names: by the operation that
// creates them. Only what no operation creates is made by hand.
type generator struct {
	*world
	document
	token string
	// made are the things of each realm, by the parameter that names them.
	made map[model.RealmID]map[string]string
	// people are who is made first in each realm, and secrets those of the application
	// that was made last.
	people  map[model.RealmID]*softperson.Person
	secrets map[model.RealmID]string
}

func generate(t *testing.T) *generator {
	t.Helper()
	return generateOn(t, nil)
}

// generateOn does it with another configuration.
func generateOn(t *testing.T, change func(*testing.T, *server.Config)) *generator {
	t.Helper()
	w := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy.Passwords = true
		c.DefaultPolicy.AskAnyone = true
		if change != nil {
			change(t, c)
		}
	})
	g := &generator{world: &world{World: w, base: baseOf(w.URL, w.Site)}, made: map[model.RealmID]map[string]string{},
		people: map[model.RealmID]*softperson.Person{}, secrets: map[model.RealmID]string{}}
	g.document = read(t, g.world)
	g.token = g.world.token(t, keys(manage.Scopes)...)
	return g
}

// elsewhere is a realm for development in a tenant of its own.
func (g *generator) elsewhere(t *testing.T, name string) *model.Site {
	t.Helper()
	tenant, err := g.Server.Realms.CreateTenant(t.Context(), name, "operator")
	servertest.Check(t, err)
	site, err := g.Server.Realms.Create(t.Context(), realm.NewRealm{TenantID: tenant.ID, Name: name, Policy: model.RealmPolicy{Development: true, Passwords: true, AskAnyone: true,
		Resources: []model.ResourcePolicy{{Resource: "https://api.example.com"}}}}) // the one of examples
	servertest.Check(t, err)
	return site
}

// send calls an operation and checks what every answer must be: declared, and
// never our fault.
func (g *generator) send(t *testing.T, o *operation, method, url, body string, headers ...string) servertest.Answer {
	t.Helper()
	got := g.call(t, g.token, method, url, body, headers...)
	if got.Status >= 500 || !o.declares(got) {
		t.Errorf("%s %s: got %d, which the document does not declare: %s", method, url, got.Status, got.Body)
	}
	if got.Status >= 400 {
		isProblem(t, method+" "+url, got)
	}
	return got
}

// path fills in what a path names with things that are there.
func (g *generator) path(t *testing.T, site *model.Site, path string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(path, func(name string) string {
		switch name {
		case "{tenant_id}":
			return string(site.Realm.TenantID)
		case "{realm_id}":
			return string(site.Realm.ID)
		default:
			return g.thing(t, site, name)
		}
	})
}

// thing is something of a realm that a parameter can name.
func (g *generator) thing(t *testing.T, site *model.Site, name string) string {
	t.Helper()
	made := g.made[site.Realm.ID]
	if made == nil {
		made = map[string]string{}
		g.made[site.Realm.ID] = made
	}
	if made[name] == "" {
		made[name] = "?" // an example that needs itself ends here
		if made[name] = g.byHand(t, site, name); made[name] == "" {
			made[name] = g.create(t, site, name)
		}
	}
	return made[name]
}

// create calls the operation that creates what a parameter names, with the example
// of the document, in which the ids of examples are those of things that are there.
func (g *generator) create(t *testing.T, site *model.Site, name string) string {
	t.Helper()
	for path, item := range g.Paths {
		collection, ends := strings.CutSuffix(path, "/"+name)
		post := g.Paths[collection]["post"]
		if !ends || item["get"] == nil || post == nil {
			continue
		}
		got := g.send(t, post, http.MethodPost, g.URL+g.path(t, site, collection), otherwise(g.body(t, site, post)))
		if got.Status != post.success() {
			t.Fatalf("%s with the example of the document: %d %s", post.ID, got.Status, got.Body)
		}
		g.secrets[site.Realm.ID] = cmp.Or(got.Text("client_secret"), g.secrets[site.Realm.ID])
		at := got.Header.Get("Location")
		return at[strings.LastIndexByte(at, '/')+1:]
	}
	t.Fatalf("nothing in the document creates a %s: make one by hand", name)
	return ""
}

// body is the example, with the ids of things that are there.
func (g *generator) body(t *testing.T, site *model.Site, o *operation) string {
	t.Helper()
	return exampleID.ReplaceAllStringFunc(o.example(t), func(id string) string {
		for name := range g.parameters() {
			if g.prefix(name) == id[:3] && name != "{client_id}" {
				return g.thing(t, site, name)
			}
		}
		return id
	})
}

// parameters are all that paths have beside the tenant and the realm.
func (g *generator) parameters() map[string]bool {
	all := map[string]bool{}
	for path := range g.Paths {
		for _, name := range placeholder.FindAllString(path, -1) {
			all[name] = name != "{tenant_id}" && name != "{realm_id}"
		}
	}
	maps.DeleteFunc(all, func(_ string, own bool) bool { return !own })
	return all
}

// in order: what creates, changes and reads comes before what deletes, and what is
// in something is deleted before it.
func (g *generator) walk(t *testing.T, test func(t *testing.T, method, path string, o *operation)) {
	t.Helper()
	type one struct {
		method, path string
		o            *operation
	}
	var all []one
	for path, item := range g.Paths {
		for method, o := range item {
			all = append(all, one{strings.ToUpper(method), path, o})
		}
	}
	order := []string{http.MethodPost, http.MethodPut, http.MethodGet, http.MethodPatch, http.MethodDelete}
	slices.SortFunc(all, func(a, b one) int {
		if d := slices.Index(order, a.method) - slices.Index(order, b.method); d != 0 {
			return d
		}
		if d := strings.Count(b.path, "/") - strings.Count(a.path, "/"); d != 0 && a.method == http.MethodDelete {
			return d
		}
		return strings.Compare(a.path, b.path)
	})
	for _, x := range all {
		t.Run(x.o.ID, func(t *testing.T) { test(t, x.method, x.path, x.o) })
	}
}

// expected are refusals of good calls on what this test has made.
var expected = map[string]int{
	"deleteRealm":  http.StatusConflict, // it works
	"deleteTenant": http.StatusConflict, // it has realms
}

// Requirement: frame-examples-work
func TestEveryOperationWorksAsTheExamplesOfTheDocumentSay(t *testing.T) {
	engines(t, everyOperationWorks)
}

func everyOperationWorks(t *testing.T, g *generator) {
	t.Helper()
	site := g.elsewhere(t, "examples")
	g.logo(t, site)
	for _, name := range slices.Sorted(maps.Keys(g.parameters())) {
		g.thing(t, site, name)
	}
	g.walk(t, func(t *testing.T, method, path string, o *operation) {
		url, body := g.URL+g.path(t, site, path), g.body(t, site, o)
		got := g.send(t, o, method, url, body)
		want := o.success()
		if e := expected[o.ID]; e != 0 {
			want = e
		}
		again := method == http.MethodPost && got.Status == http.StatusConflict // what it makes was made before, by it
		if got.Status != want && !again {
			t.Errorf("%s %s %s: got %d %s, want %d", method, url, body, got.Status, got.Body, want)
		}
		if signsOut[o.ID] {
			servertest.Check(t, g.people[site.Realm.ID].SignIn(t.Context()))
			delete(g.made[site.Realm.ID], "{session_id}")
		}
	})
}

// signsOut are operations after which what works with the session of the person of a
// realm needs another one.
var signsOut = map[string]bool{"revokeRealmTokens": true, "revokeIdentityTokens": true}

// logo gives a realm one, for what reads and removes it.
func (g *generator) logo(t *testing.T, site *model.Site) {
	t.Helper()
	const path = "/v1/tenants/{tenant_id}/realms/{realm_id}/theme/logo/{variant}"
	o := g.Paths[path]["put"]
	wants(t, "set a logo", g.send(t, o, http.MethodPut, g.URL+g.path(t, site, path), o.example(t)), http.StatusOK, "")
}

// anyID are operations that take whatever well-formed id they are given.
var anyID = map[string]bool{
	"revokeToken":    true, // which tokens there are is not kept
	"putApplication": true, // it creates what is not there
	"setLogo":        true, // the variants are the same everywhere
	"removeLogo":     true,
}

// Requirement: frame-foreign-ids
func TestIdsOfOtherRealmsAndTenantsAndOfNobodyAreNotFoundByAnyOperation(t *testing.T) {
	g := generate(t)
	home, away := g.elsewhere(t, "home"), g.elsewhere(t, "away")
	g.walk(t, func(t *testing.T, method, path string, o *operation) {
		body := g.body(t, home, o)
		mixed := *home
		mixed.Realm.TenantID = away.Realm.TenantID
		nowhere := *home
		nowhere.Realm.ID, nowhere.Realm.TenantID = model.RealmID(ids.New("rlm")), model.TenantID(ids.New("ten"))
		if strings.Contains(path, "{realm_id}") {
			g.missing(t, o, method, g.at(&mixed, path), body, "a realm of another tenant")
		}
		if strings.Contains(path, "{tenant_id}") {
			g.missing(t, o, method, g.at(&nowhere, path), body, "no realm, or no tenant")
			for _, bad := range []string{"x", "rlm_", "%00", "ten_01KAGXW5YYE2W8S1ZK1D5FX0P3"} {
				g.missing(t, o, method, placeholder.ReplaceAllLiteralString(path, bad), body, "ids that are none")
			}
		}
		if anyID[o.ID] {
			return
		}
		for _, name := range placeholder.FindAllString(path, -1) {
			if name == "{tenant_id}" || name == "{realm_id}" {
				continue
			}
			foreign := []string{g.nobody(name), "x", "%00", "%ff", g.prefix(name) + "_"}
			if other := g.thing(t, away, name); other != g.thing(t, home, name) {
				foreign = append(foreign, other)
			}
			for _, id := range foreign {
				own := strings.Replace(path, name, id, 1)
				g.missing(t, o, method, g.path(t, home, own), body, name+" of elsewhere: "+id)
			}
			long := g.send(t, o, method, g.URL+g.path(t, home, strings.Replace(path, name, strings.Repeat("x", 3000), 1)), body)
			if long.Status != http.StatusNotFound && long.Status != http.StatusUnprocessableEntity {
				t.Errorf("a long id: %d %s", long.Status, long.Body)
			}
		}
	})
}

func (g *generator) missing(t *testing.T, o *operation, method, path, body, what string) {
	t.Helper()
	if got := g.send(t, o, method, g.URL+path, body); got.Status != http.StatusNotFound || got.Text("code") != "not_found" {
		t.Errorf("%s: %s %s: got %d %s, want 404", what, method, path, got.Status, got.Body)
	}
}

// Every realm has the API at its own issuer, for itself alone.
//
// Requirement: frame-own-realm
func TestTheManagementApplicationOfARealmReachesThatRealmAlone(t *testing.T) {
	g := generate(t)
	home, away := g.elsewhere(t, "home"), g.elsewhere(t, "away")
	secret, err := g.Server.Applications.SetManagementSecret(t.Context(), home, "operator")
	servertest.Check(t, err)
	got := servertest.Do(t, http.MethodPost, home.Issuer+"/oauth/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"},
		"scope": {strings.Join(manage.ScopeNames(), " ")}}.Encode()), "Content-Type", "application/x-www-form-urlencoded",
		"Authorization", "Basic "+basic("management", secret))
	wants(t, "its token", got, http.StatusOK, "")
	own := *g
	own.token = got.Text("access_token")
	g.walk(t, func(t *testing.T, method, path string, o *operation) {
		body := own.body(t, home, o)
		for what, site := range map[string]*model.Site{"another tenant's": away, "the default": g.Site} {
			got := own.send(t, o, method, home.Issuer+g.at(site, path), body)
			wants(t, what, got, http.StatusNotFound, "not_found")
		}
		elsewhere := g.call(t, own.token, method, g.URL+g.at(home, path), body)
		wants(t, "its token at the default realm", elsewhere, http.StatusUnauthorized, "invalid_token")
		if method == http.MethodGet && strings.HasSuffix(path, "{realm_id}") {
			wants(t, "its own realm", own.send(t, o, method, home.Issuer+g.at(home, path), body), http.StatusOK, "")
		}
		if o.ID == "deleteRealm" || o.ID == "listRealms" || o.ID == "createTenant" {
			wants(t, "what the default realm alone may", own.send(t, o, method, home.Issuer+g.at(home, path), body), http.StatusNotFound, "not_found")
		}
	})
}

// Requirement: frame-bodies
func TestEveryOperationRefusesUnknownMembersAndOtherMediaTypes(t *testing.T) {
	g := generate(t)
	site := g.elsewhere(t, "bodies")
	g.walk(t, func(t *testing.T, method, path string, o *operation) {
		if o.RequestBody == nil {
			return
		}
		url, good := g.URL+g.path(t, site, path), g.body(t, site, o)
		for what, body := range strange(t, good) {
			got := g.send(t, o, method, url, body)
			if got.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: got %d %s, want 422", what, got.Status, got.Body)
			}
		}
		for body, want := range map[string][]int{"{": {400}, "": {400, 200, 201}, "[]": {422}, "null": {422, 400}, `"x"`: {422}} {
			headers := []string{"Content-Type", "application/json"}
			if got := g.send(t, o, method, url, body, headers...); !slices.Contains(want, got.Status) {
				t.Errorf("body %q: got %d %s, want %v", body, got.Status, got.Body, want)
			}
		}
		for _, mediaType := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml"} {
			got := g.send(t, o, method, url, good, "Content-Type", mediaType)
			wants(t, mediaType, got, http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
		big := g.send(t, o, method, url, `{"x":"`+strings.Repeat("x", o.RequestBody.Most)+`"}`)
		wants(t, "oversized", big, http.StatusRequestEntityTooLarge, "body_too_large")
	})
}

// strange are a good body with a member that means nothing, in each of its objects
// that have a schema of their own.
func strange(t *testing.T, good string) map[string]string {
	t.Helper()
	var body map[string]any
	servertest.Check(t, json.Unmarshal([]byte(good), &body))
	all := map[string]string{}
	body["meaningless"] = true
	all["at the top"] = encode(t, body)
	delete(body, "meaningless")
	for name, member := range body {
		if inner, ok := member.(map[string]any); ok {
			inner["meaningless"] = true
			all["in "+name] = encode(t, body)
			delete(inner, "meaningless")
		}
	}
	return all
}

// Requirement: frame-paging
func TestEveryListIsPagedAndTakesItsFilters(t *testing.T) {
	engines(t, everyListIsPaged)
}

func everyListIsPaged(t *testing.T, g *generator) {
	t.Helper()
	site := g.elsewhere(t, "lists")
	g.two(t, site)
	lists := 0
	g.walk(t, func(t *testing.T, method, path string, o *operation) {
		if method != http.MethodGet {
			return
		}
		at := g.URL + g.path(t, site, path)
		for _, p := range o.Parameters {
			if p.In != "query" {
				continue
			}
			for _, odd := range []string{"%00", "%ff", strings.Repeat("x", 3000), "*", "'"} {
				g.send(t, o, method, at+"?"+p.Name+"="+odd, "")
			}
			if p.Name != "page_token" {
				good := g.send(t, o, method, at+"?"+p.Name+"="+url.QueryEscape(fmt.Sprint(p.Example)), "")
				wants(t, "the example of "+p.Name, good, http.StatusOK, "")
				wants(t, "empty", g.send(t, o, method, at+"?"+p.Name+"=", ""), http.StatusUnprocessableEntity, "invalid_request")
			}
			if p.Name == "page_size" {
				lists++
				for _, bad := range []string{"0", "201", "-1", "x", "1e9"} {
					wants(t, bad, g.send(t, o, method, at+"?page_size="+bad, ""), http.StatusUnprocessableEntity, "invalid_request")
				}
				wants(t, "no token", g.send(t, o, method, at+"?page_token=!", ""), http.StatusUnprocessableEntity, "invalid_page_token")
				g.turns(t, o, at)
			}
		}
		misspelt := g.send(t, o, method, at+"?stat=active", "")
		wants(t, "a filter that means nothing", misspelt, http.StatusUnprocessableEntity, "invalid_request")
		if strings.Contains(string(misspelt.Body), "stat=") || strings.Contains(misspelt.Text("detail"), "page_size") != strings.Contains(encode(t, o.Parameters), "page_size") {
			t.Errorf("it does not say what there may be: %s", misspelt.Body)
		}
	})
	if lists < 18 {
		t.Errorf("%d lists", lists)
	}
}
