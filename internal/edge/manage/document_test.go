package manage_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
)

// A document is what these tests read of /v1/openapi.json.
type document struct {
	OpenAPI    string                           `json:"openapi"`
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Description string                     `json:"description"`
			Properties  map[string]json.RawMessage `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID          string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Security    []map[string][]string `json:"security"`
	Parameters  []struct {
		Name        string `json:"name"`
		In          string `json:"in"`
		Description string `json:"description"`
		Example     any    `json:"example"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]struct {
			Example any `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string `json:"description"`
		Content     map[string]struct {
			Example any `json:"example"`
		} `json:"content"`
	} `json:"responses"`
}

func (o *operation) scope() manage.Scope { return manage.Scope(o.Security[0]["management"][0]) }

// success is the status that the operation answers well with.
func (o *operation) success() int {
	for code := range o.Responses {
		if n, err := strconv.Atoi(code); err == nil && n < 300 {
			return n
		}
	}
	return 0
}

func read(t *testing.T, w *world) document {
	t.Helper()
	a := w.Get(t, "/v1/openapi.json")
	var d document
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &d) != nil {
		t.Fatalf("document: %d %s", a.Status, a.Body)
	}
	return d
}

// each runs a test for every operation of the document.
func each(t *testing.T, d document, test func(t *testing.T, method, path string, o *operation)) {
	t.Helper()
	n := 0
	for path, item := range d.Paths {
		for method, o := range item {
			t.Run(o.ID, func(t *testing.T) { test(t, strings.ToUpper(method), path, o) })
			n++
		}
	}
	if n < 12 {
		t.Errorf("%d operations", n)
	}
}

// at fills in a path: the tenant and the realm of a site, and good ids of nobody.
func at(site *model.Site, path string) string {
	return strings.NewReplacer("{tenant_id}", string(site.Realm.TenantID), "{realm_id}", string(site.Realm.ID), "{client_id}", "nobody",
		"{identity_id}", "idn_01kagxw5z0e9y8mpp6wknfsb2r", "{approval_id}", "apr_01kagxw5z2fqksqpwmbxgb0r9n").Replace(path)
}

// Requirement: hooks-management-document
func TestTheDocumentSaysEverything(t *testing.T) {
	w := start(t)
	d := read(t, w)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %s", d.OpenAPI)
	}
	each(t, d, func(t *testing.T, method, _ string, o *operation) {
		if o.Summary == "" || o.Description == "" || len(o.Security) != 1 || manage.Scopes[o.scope()] == "" {
			t.Errorf("said too little: %+v", o)
		}
		for _, p := range o.Parameters {
			if p.Description == "" || p.Example == nil {
				t.Errorf("parameter %s lacks words or an example", p.Name)
			}
		}
		needs := []string{"401", "403", "404", "406", "422", "500", "503"}
		if o.RequestBody != nil {
			needs = append(needs, "400", "408", "413", "415")
			if o.RequestBody.Content["application/json"].Example == nil {
				t.Error("the body has no example")
			}
		}
		for _, code := range needs {
			r := o.Responses[code]
			if r.Description == "" || r.Content["application/problem+json"].Example == nil {
				t.Errorf("status %s is not described", code)
			}
		}
		if s := o.success(); s != http.StatusNoContent && o.Responses[strconv.Itoa(s)].Content["application/json"].Example == nil {
			t.Errorf("the answer %d of %s has no example", s, method)
		}
	})
	for name, s := range d.Components.Schemas {
		if s.Description == "" {
			t.Errorf("schema %s has no words", name)
		}
	}
	for _, secret := range []string{"origin", "management", "registration_token_digest"} {
		if d.Components.Schemas["ApplicationInput"].Properties[secret] != nil {
			t.Errorf("%s can be set", secret)
		}
	}
	if text := string(w.Get(t, "/v1/openapi.json").Body); strings.Contains(text, "$schema") {
		t.Error("there are $schema links")
	}
	yaml := w.Get(t, "/v1/openapi.yaml")
	if yaml.Status != http.StatusOK || !strings.Contains(string(yaml.Body), "openapi: 3.1.0") {
		t.Errorf("yaml: %d %.100s", yaml.Status, yaml.Body)
	}
}

// Requirement: hooks-management-access
func TestNoOperationDoesAnythingWithoutATokenWithItsScope(t *testing.T) {
	w := start(t)
	d := read(t, w)
	all := make(map[manage.Scope]string)
	for scope := range manage.Scopes {
		all[scope] = w.token(t, slices.DeleteFunc(keys(manage.Scopes), func(s manage.Scope) bool { return s == scope })...)
	}
	plain := w.tokenOf(t, model.ApplicationSettings{}, keys(manage.Scopes)...)
	elsewhere := w.tokenOf(t, model.ApplicationSettings{Management: true, Resources: []string{"https://api.example/"}}, keys(manage.Scopes)...)
	each(t, d, func(t *testing.T, method, path string, o *operation) {
		url, body := w.URL+at(w.Site, path), ""
		if o.RequestBody != nil {
			body = encode(t, o.RequestBody.Content["application/json"].Example)
		}
		none := w.call(t, "", method, url, body)
		wants(t, "no token", none, http.StatusUnauthorized, "token_required")
		bad := w.call(t, "not-a-token", method, url, body)
		if bad.Status != http.StatusUnauthorized || none.Header.Get("WWW-Authenticate") == "" || bad.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("bad token: %d, challenges %q, %q", bad.Status, none.Header.Get("WWW-Authenticate"), bad.Header.Get("WWW-Authenticate"))
		}
		for what, token := range map[string]string{"other scopes": all[o.scope()], "not for management": plain, "another audience": elsewhere} {
			got := w.call(t, token, method, url, body)
			wants(t, what, got, http.StatusForbidden, "insufficient_scope")
			if !strings.Contains(got.Header.Get("WWW-Authenticate"), string(o.scope())) {
				t.Errorf("%s: challenge %q", what, got.Header.Get("WWW-Authenticate"))
			}
		}
	})
}

func keys(m map[manage.Scope]string) []manage.Scope {
	var list []manage.Scope
	for k := range m {
		list = append(list, k)
	}
	return list
}

// Requirement: hooks-management-access
func TestForeignIdsAreNotFound(t *testing.T) {
	w := start(t)
	token, strict := w.token(t, keys(manage.Scopes)...), w.other(t)
	foreign := *w.Site
	foreign.Realm.TenantID = "ten_01kagxw5yye2w8s1zk1d5fx0p3"
	nowhere := *w.Site
	nowhere.Realm.ID = "rlm_01kagxw5yzf0bvvq3jr0d0gckm"
	each(t, read(t, w), func(t *testing.T, method, path string, o *operation) {
		body := ""
		if o.RequestBody != nil {
			body = encode(t, o.RequestBody.Content["application/json"].Example)
		}
		wants(t, "another tenant", w.call(t, token, method, w.URL+at(&foreign, path), body), http.StatusNotFound, "not_found")
		wants(t, "no realm", w.call(t, token, method, w.URL+at(&nowhere, path), body), http.StatusNotFound, "not_found")
		wants(t, "under another realm", w.call(t, token, method, strict.Issuer+at(w.Site, path), body), http.StatusNotFound, "not_found")
		if strings.Contains(path, "{identity_id}") || strings.Contains(path, "{approval_id}") || strings.Contains(path, "{client_id}") && method != http.MethodPut {
			wants(t, "nobody", w.call(t, token, method, w.URL+at(w.Site, path), body), http.StatusNotFound, "not_found")
		}
	})
}

// Whatever comes in, the answer is a refusal that repeats none of it.
//
// Requirement: hooks-management-input
func TestMalformedBodiesAreRefusedWithoutAnEcho(t *testing.T) {
	w := start(t)
	token := w.token(t, keys(manage.Scopes)...)
	const canary = "kanarienvogel"
	bodies := map[string]string{
		"broken": `{"` + canary, "no JSON": canary, "a list": `["` + canary + `"]`, "a text": `"` + canary + `"`, "a number": `1`, "null": `null`,
		"an unknown member": `{"` + canary + `":1}`, "deep": strings.Repeat(`{"a":`, 20_000), "twice": `{}{}`,
		"not UTF-8": "{\"password\":\"\xff\xfe" + canary + "\"}",
		"wrong types": `{"algorithms":"` + canary + `","password":["` + canary + `"],"decision":"` + canary + `","name":{"` + canary + `":1},"kind":"` + canary +
			`","passwords":"` + canary + `","resources":"` + canary + `"}`,
		"other case": `{"Decision":"approve","Password":"` + canary + `!!","Name":"` + canary + `","Passwords":true,"Algorithms":["ES256"]}`,
	}
	each(t, read(t, w), func(t *testing.T, method, path string, o *operation) {
		if o.RequestBody == nil {
			return
		}
		url := w.URL + at(w.Site, path)
		for what, body := range bodies {
			got := w.call(t, token, method, url, body)
			if got.Status < 400 || got.Status >= 500 || strings.Contains(string(got.Body), canary) {
				t.Errorf("%s: %d %s", what, got.Status, got.Body)
			}
			isProblem(t, what, got)
		}
		wants(t, "oversized", w.call(t, token, method, url, `{"x":"`+strings.Repeat("x", 300<<10)+`"}`), http.StatusRequestEntityTooLarge, "body_too_large")
		form := w.call(t, token, method, url, "a=b", "Content-Type", "application/x-www-form-urlencoded")
		if form.Status != http.StatusUnsupportedMediaType && form.Status != http.StatusBadRequest {
			t.Errorf("a form: %d %s", form.Status, form.Body)
		}
	})
}

// Requirement: hooks-management-input
func TestOddRequestsAreNeverOurFault(t *testing.T) {
	w := start(t)
	token := w.token(t, keys(manage.Scopes)...)
	each(t, read(t, w), func(t *testing.T, method, path string, o *operation) {
		for _, id := range []string{"%00", "%ff%fe", "..%2f..", strings.Repeat("x", 3000), "idn_", "%F0%9F%98%80", "*", "'--"} {
			url := strings.NewReplacer("{client_id}", id, "{identity_id}", id, "{approval_id}", id).Replace(path)
			for _, where := range []string{at(w.Site, url), strings.NewReplacer("{tenant_id}", id, "{realm_id}", id).Replace(path)} {
				got := w.call(t, token, method, w.URL+where, `{"decision":"approve"}`, "Accept", "text/html;q=x,,", "If-Match", id)
				if got.Status >= 500 {
					t.Errorf("%s %q: %d %s", method, where, got.Status, got.Body)
				}
			}
		}
		got := w.call(t, token, http.MethodTrace, w.URL+at(w.Site, path), "")
		wants(t, "another method", got, http.StatusMethodNotAllowed, "method_not_allowed")
		if got.Header.Get("Allow") == "" {
			t.Error("Allow is missing")
		}
	})
	wants(t, "no operation", w.call(t, token, http.MethodGet, w.base+"/nothing", ""), http.StatusNotFound, "not_found")
	for _, query := range []string{"page_size=0", "page_size=201", "page_size=x", "page_size=1&page_size=2"} {
		got := servertest.Do(t, http.MethodGet, w.base+"/applications?"+query, nil, "Authorization", "Bearer "+token)
		if got.Status >= 500 || query != "page_size=1&page_size=2" && got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", query, got.Status)
		}
	}
}
