package manage_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
)

// A world is a server with a management application.
type world struct {
	*servertest.World
	base    string // of the default realm's operations
	reading sync.Once
	says    document
}

func start(t *testing.T) *world {
	t.Helper()
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.Passwords = true })
	return &world{World: w, base: baseOf(w.URL, w.Site)}
}

func baseOf(url string, site *model.Site) string {
	return url + "/v1/tenants/" + string(site.Realm.TenantID) + "/realms/" + string(site.Realm.ID)
}

// token is that of a new management application with these scopes.
func (w *world) token(t *testing.T, scopes ...manage.Scope) string {
	t.Helper()
	return w.tokenOf(t, model.ApplicationSettings{Management: true}, scopes...)
}

func (w *world) tokenOf(t *testing.T, s model.ApplicationSettings, scopes ...manage.Scope) string {
	t.Helper()
	for _, scope := range scopes {
		s.Scopes = append(s.Scopes, string(scope))
	}
	app := w.App(t, application.NewApplication{Settings: s})
	got := w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials", "scope", strings.Join(s.Scopes, " ")))
	if got.Status != http.StatusOK {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	return got.Text("access_token")
}

// call sends JSON, or nothing where body is empty.
func (w *world) call(t *testing.T, token, method, url, body string, headers ...string) servertest.Answer {
	t.Helper()
	if token != "" {
		headers = append([]string{"Authorization", "Bearer " + token}, headers...)
	}
	got := request(t, method, url, body, headers...)
	if o := w.operationAt(t, method, url); o != nil && !o.declares(got) {
		t.Errorf("%s %s: the document of %s does not declare %d %s: %s", method, url, o.ID, got.Status, got.Text("code"), got.Body)
	}
	return got
}

func request(t *testing.T, method, url, body string, headers ...string) servertest.Answer {
	t.Helper()
	if body == "" {
		return servertest.Do(t, method, url, nil, headers...)
	}
	return servertest.Do(t, method, url, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// operationAt is what the document says of an address; nil: nothing.
func (w *world) operationAt(t *testing.T, method, url string) *operation {
	t.Helper()
	w.reading.Do(func() { w.says = read(t, w) })
	_, path, ok := strings.Cut(url, "/v1/")
	path, _, _ = strings.Cut("/v1/"+path, "?")
	if !ok {
		return nil
	}
	for pattern, item := range w.says.Paths {
		if o := item[strings.ToLower(method)]; o != nil && fits(pattern, path) {
			return o
		}
	}
	return nil
}

// fits reports whether a path is one of a pattern: no path here is one of two.
func fits(pattern, path string) bool {
	return slices.EqualFunc(strings.Split(pattern, "/"), strings.Split(path, "/"), func(p, part string) bool { return p == part || strings.HasPrefix(p, "{") })
}

// other is a realm that is not for development.
func (w *world) other(t *testing.T) *model.Site {
	t.Helper()
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "strict"})
	servertest.Check(t, err)
	return site
}

// wants checks the status and, of a refusal, the code and its form.
func wants(t *testing.T, what string, a servertest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Text("code") != code {
		t.Errorf("%s: got %d %s, want %d %s", what, a.Status, a.Body, status, code)
	}
	if status >= http.StatusBadRequest {
		isProblem(t, what, a)
	}
}

func isProblem(t *testing.T, what string, a servertest.Answer) {
	t.Helper()
	if a.Header.Get("Content-Type") != "application/problem+json" || a.JSON["status"] != float64(a.Status) || a.Text("title") == "" ||
		a.Text("reference") == "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: no problem document: %s %s", what, a.Header, a.Body)
	}
}

// inside is what an answer wraps.
func inside(a servertest.Answer, name string) map[string]any {
	v, _ := a.JSON[name].(map[string]any)
	return v
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	servertest.Check(t, err)
	return string(text)
}

// basic are credentials of client_secret_basic.
func basic(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// claim reads one out of a token that this server signed.
func claim(t *testing.T, compact, name string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	servertest.Check(t, err)
	var claims map[string]any
	servertest.Check(t, json.Unmarshal(payload, &claims))
	text, _ := claims[name].(string)
	return text
}
