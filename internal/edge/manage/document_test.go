package manage_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/format/ids"
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
		Responses map[string]*response `json:"responses"`
	} `json:"components"`
}

type operation struct {
	ID          string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Security    []map[string][]string `json:"security"`
	Parameters  []parameter           `json:"parameters"`
	RequestBody *struct {
		Most    int `json:"x-maximum-bytes"`
		Content map[string]struct {
			Example any `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]*response `json:"responses"`
}

type response struct {
	Ref         string `json:"$ref"`
	Description string `json:"description"`
	Content     map[string]struct {
		Example  any `json:"example"`
		Examples map[string]struct {
			Value struct {
				Code   string `json:"code"`
				Detail string `json:"detail"`
				Status int    `json:"status"`
			} `json:"value"`
		} `json:"examples"`
		Schema struct {
			AllOf []struct {
				Properties struct {
					Code struct {
						Enum []string `json:"enum"`
					} `json:"code"`
				} `json:"properties"`
			} `json:"allOf"`
		} `json:"schema"`
	} `json:"content"`
}

// codes are those that a refusal can have.
func (r *response) codes() []string {
	if s := r.Content["application/problem+json"].Schema.AllOf; len(s) == 2 {
		return s[1].Properties.Code.Enum
	}
	return nil
}

// declares reports whether the document says that an operation answers so.
func (o *operation) declares(a servertest.Answer) bool {
	r := o.Responses[strconv.Itoa(a.Status)]
	return r != nil && (a.Status < 300 || slices.Contains(r.codes(), a.Text("code")))
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Example     any    `json:"example"`
}

// scopes are all that the operation needs.
func (o *operation) scopes() (list []manage.Scope) {
	for _, s := range o.Security[0]["management"] {
		list = append(list, manage.Scope(s))
	}
	return list
}

// example is the body of the document.
func (o *operation) example(t *testing.T) string {
	t.Helper()
	if o.RequestBody == nil {
		return ""
	}
	return encode(t, o.RequestBody.Content["application/json"].Example)
}

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
	for _, item := range d.Paths {
		for _, o := range item {
			for status, r := range o.Responses {
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
					o.Responses[status] = d.Components.Responses[name]
				}
			}
		}
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
func (d document) at(site *model.Site, path string) string {
	return placeholder.ReplaceAllStringFunc(path, func(name string) string {
		switch name {
		case "{tenant_id}":
			return string(site.Realm.TenantID)
		case "{realm_id}":
			return string(site.Realm.ID)
		default:
			return d.nobody(name)
		}
	})
}

var (
	placeholder = regexp.MustCompile(`\{[a-z_]+\}`)
	exampleID   = regexp.MustCompile(`\b([a-z]{3})_[0-9a-z]{26}\b`)
)

// prefix is how ids of a parameter begin, by its example; "": it is no id of ours.
func (d document) prefix(name string) string {
	for _, item := range d.Paths {
		for _, o := range item {
			for _, p := range o.Parameters {
				if example, _ := p.Example.(string); "{"+p.Name+"}" == name && exampleID.MatchString(example) {
					return example[:3]
				}
			}
		}
	}
	return ""
}

// nobody is a good value of a parameter that leads to nothing.
func (d document) nobody(name string) string {
	if p := d.prefix(name); p != "" && name != "{client_id}" {
		return ids.New(p)
	}
	return "nobody"
}

// Requirement: hooks-management-document
func TestTheDocumentSaysEverything(t *testing.T) {
	w := start(t)
	d := read(t, w)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %s", d.OpenAPI)
	}
	each(t, d, func(t *testing.T, method, path string, o *operation) {
		for _, name := range placeholder.FindAllString(path, -1) {
			if !slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.In == "path" && "{"+p.Name+"}" == name }) {
				t.Errorf("%s of the path is not read", name)
			}
		}
		if o.Summary == "" || o.Description == "" || len(o.Security) != 2 || !slices.Equal(o.Security[0]["management"], o.Security[1]["admin"]) || len(o.scopes()) == 0 ||
			slices.ContainsFunc(o.scopes(), func(s manage.Scope) bool { return manage.Scopes[s] == "" }) {
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
			if o.RequestBody.Most < 1000 {
				t.Error("nobody says how large the body may be")
			}
			if o.RequestBody.Content["application/json"].Example == nil {
				t.Error("the body has no example")
			}
		}
		for _, code := range needs {
			r := o.Responses[code]
			if r == nil || r.Description == "" || len(r.codes()) == 0 {
				t.Errorf("status %s is not described", code)
			}
		}
		for status, r := range o.Responses {
			for _, code := range r.codes() {
				v := r.Content["application/problem+json"].Examples[code].Value
				if v.Code != code || v.Detail == "" || strconv.Itoa(v.Status) != status {
					t.Errorf("%s has no example: %+v", code, v)
				}
			}
		}
		if method == http.MethodPost && !slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == "Idempotency-Key" }) {
			t.Error("it does not take an Idempotency-Key")
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
		url, body := w.URL+d.at(w.Site, path), o.example(t)
		none := w.call(t, "", method, url, body)
		wants(t, "no token", none, http.StatusUnauthorized, "token_required")
		bad := w.call(t, "not-a-token", method, url, body)
		if bad.Status != http.StatusUnauthorized || none.Header.Get("WWW-Authenticate") == "" || bad.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("bad token: %d, challenges %q, %q", bad.Status, none.Header.Get("WWW-Authenticate"), bad.Header.Get("WWW-Authenticate"))
		}
		tokens := map[string]string{"not for management": plain, "another audience": elsewhere}
		for _, scope := range o.scopes() {
			tokens["without "+string(scope)] = all[scope]
		}
		for what, token := range tokens {
			got := w.call(t, token, method, url, body)
			wants(t, what, got, http.StatusForbidden, "insufficient_scope")
			if !strings.Contains(got.Header.Get("WWW-Authenticate"), string(o.scopes()[0])) {
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

// Whatever comes in, the answer is a refusal that repeats none of it.
//
// Requirement: hooks-management-input
func TestMalformedBodiesAreRefusedWithoutAnEcho(t *testing.T) {
	w := start(t)
	d, token := read(t, w), w.token(t, keys(manage.Scopes)...)
	const canary = "kanarienvogel"
	bodies := map[string]string{
		"broken": `{"` + canary, "no JSON": canary, "a list": `["` + canary + `"]`, "a text": `"` + canary + `"`, "a number": `1`, "null": `null`,
		"an unknown member": `{"` + canary + `":1}`, "deep": strings.Repeat(`{"a":`, 20_000), "twice": `{}{}`,
		"not UTF-8": "{\"password\":\"\xff\xfe" + canary + "\"}",
		"wrong types": `{"algorithms":"` + canary + `","password":["` + canary + `"],"decision":"` + canary + `","name":{"` + canary + `":1},"kind":"` + canary +
			`","passwords":"` + canary + `","resources":"` + canary + `"}`,
		"other case": `{"Decision":"approve","Password":"` + canary + `!!","Name":"` + canary + `","Passwords":true,"Algorithms":["ES256"]}`,
	}
	each(t, d, func(t *testing.T, method, path string, o *operation) {
		if o.RequestBody == nil {
			return
		}
		url := w.URL + d.at(w.Site, path)
		for what, body := range bodies {
			got := w.call(t, token, method, url, body)
			if got.Status < 400 || got.Status >= 500 || strings.Contains(string(got.Body), canary) {
				t.Errorf("%s: %d %s", what, got.Status, got.Body)
			}
			isProblem(t, what, got)
		}
		wants(t, "oversized", w.call(t, token, method, url, `{"x":"`+strings.Repeat("x", o.RequestBody.Most)+`"}`), http.StatusRequestEntityTooLarge, "body_too_large")
		form := w.call(t, token, method, url, "a=b", "Content-Type", "application/x-www-form-urlencoded")
		if form.Status != http.StatusUnsupportedMediaType && form.Status != http.StatusBadRequest {
			t.Errorf("a form: %d %s", form.Status, form.Body)
		}
	})
}

// Requirement: hooks-management-input
func TestOddRequestsAreNeverOurFault(t *testing.T) {
	w := start(t)
	d, token := read(t, w), w.token(t, keys(manage.Scopes)...)
	site := w.other(t) // so that the token outlives what is done to its realm
	each(t, d, func(t *testing.T, method, path string, o *operation) {
		for _, id := range []string{"%00", "%ff%fe", "..%2f..", strings.Repeat("x", 3000), "idn_", "%F0%9F%98%80", "*", "'--"} {
			own := placeholder.ReplaceAllStringFunc(path, func(name string) string {
				if name == "{tenant_id}" || name == "{realm_id}" {
					return name
				}
				return id
			})
			for _, where := range []string{d.at(site, own), placeholder.ReplaceAllLiteralString(path, id)} {
				got := w.call(t, token, method, w.URL+where, `{"decision":"approve"}`, "Accept", "text/html;q=x,,", "If-Match", id)
				if got.Status >= 500 {
					t.Errorf("%s %q: %d %s", method, where, got.Status, got.Body)
				}
			}
		}
		got := w.call(t, token, http.MethodTrace, w.URL+d.at(site, path), "")
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
