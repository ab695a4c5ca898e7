package assets_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
)

func load(t *testing.T, files map[string]string) *assets.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := assets.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var build = map[string]string{
	".gitkeep":                "",
	"index.html":              `<base href="/__ASSENT_APPROVER__/"><p>app</p>`,
	"assets/app-a1b2c3.js":    "plain script",
	"assets/app-a1b2c3.js.br": "small script",
	"assets/app-a1b2c3.js.gz": "medium script",
	"sw.js":                   "worker",
	"manifest.webmanifest":    "{}",
	"icons/mark.svg":          "<svg/>",
}

// get asks the approver of a realm at a path.
func get(t *testing.T, set *assets.Set, path string, header ...string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	assets.RegisterApprover(mux, set)
	r := httptest.NewRequest("GET", "/", nil)
	r = httpx.WithSite(r, &model.Site{Path: "/realms/blue"})
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryScreenIsTheAppAndEveryFileIsItself(t *testing.T) {
	set := load(t, build)
	const app = `<base href="/realms/blue/approver/"><p>app</p>`
	tests := []struct {
		path   string
		status int
		kind   string
		cache  string
		body   string
	}{
		{"/approver/", 200, "text/html; charset=utf-8", assets.Revalidate, app},
		{"/approver/index.html", 200, "text/html; charset=utf-8", assets.Revalidate, app},
		{"/approver/approvals/apr_1", 200, "text/html; charset=utf-8", assets.Revalidate, app},
		{"/approver/assets/app-a1b2c3.js", 200, "text/javascript; charset=utf-8", assets.Immutable, "plain script"},
		{"/approver/assets/app-older.js", 404, "text/plain; charset=utf-8", "", "404 page not found\n"},
		{"/approver/assets/app-a1b2c3.js.br", 404, "text/plain; charset=utf-8", "", "404 page not found\n"},
		{"/approver/sw.js", 200, "text/javascript; charset=utf-8", assets.Revalidate, "worker"},
		{"/approver/manifest.webmanifest", 200, "application/manifest+json", assets.Revalidate, "{}"},
		{"/approver/icons/mark.svg", 200, "image/svg+xml", assets.Revalidate, "<svg/>"},
		{"/approver/.gitkeep", 200, "text/html; charset=utf-8", assets.Revalidate, app},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r := get(t, set, tt.path)
			if r.StatusCode != tt.status || r.Header.Get("Content-Type") != tt.kind || r.Header.Get("Cache-Control") != tt.cache {
				t.Errorf("got %d %q %q", r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
			}
			if got := body(t, r); got != tt.body {
				t.Errorf("got body %q, want %q", got, tt.body)
			}
			if r.Header.Get("Content-Security-Policy") != assets.ApproverPolicy || r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("got headers %v", r.Header)
			}
		})
	}
}

func TestTheApproverHasASlash(t *testing.T) {
	r := get(t, load(t, build), "/approver")
	if got := r.Header.Get("Location"); r.StatusCode != http.StatusSeeOther || got != "/realms/blue/approver/" {
		t.Errorf("got %d to %q", r.StatusCode, got)
	}
}

func TestFilesTravelInTheBestCodingThatIsAccepted(t *testing.T) {
	set := load(t, build)
	tests := []struct{ accept, coding, body string }{
		{"", "", "plain script"},
		{"gzip, deflate, br, zstd", "br", "small script"},
		{"gzip", "gzip", "medium script"},
		{"GZIP;q=0.5", "gzip", "medium script"},
		{"br;q=0, gzip", "gzip", "medium script"},
		{"br; q=0", "", "plain script"},
		{"br;q=x", "", "plain script"},
		{"brotli", "", "plain script"},
		{"*", "", "plain script"},
	}
	for _, tt := range tests {
		t.Run(tt.accept, func(t *testing.T) {
			r := get(t, set, "/approver/assets/app-a1b2c3.js", "Accept-Encoding", tt.accept)
			if got := r.Header.Get("Content-Encoding"); got != tt.coding {
				t.Errorf("got coding %q, want %q", got, tt.coding)
			}
			if got := body(t, r); got != tt.body {
				t.Errorf("got %q, want %q", got, tt.body)
			}
			if got := r.Header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("got Vary %q", got)
			}
		})
	}
}

func TestWhatTheBrowserHasIsNotSentAgain(t *testing.T) {
	set := load(t, build)
	first := get(t, set, "/approver/")
	tag := first.Header.Get("ETag")
	tests := []struct {
		name, header string
		want         int
	}{
		{"the same", tag, 304},
		{"weak", "W/" + tag, 304},
		{"one of several", `"x", ` + tag, 304},
		{"another", `"x"`, 200},
	}
	for _, tt := range tests {
		if r := get(t, set, "/approver/", "If-None-Match", tt.header); r.StatusCode != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, r.StatusCode, tt.want)
		}
	}
	plain := get(t, set, "/approver/assets/app-a1b2c3.js").Header.Get("ETag")
	small := get(t, set, "/approver/assets/app-a1b2c3.js", "Accept-Encoding", "br").Header.Get("ETag")
	if plain == small {
		t.Error("two codings share one strong validator")
	}
}

func TestWithoutABuildThePageSaysWhatToDo(t *testing.T) {
	r := get(t, load(t, map[string]string{".gitkeep": ""}), "/approver/")
	if got := body(t, r); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "run make build") {
		t.Errorf("got %d %q", r.StatusCode, got)
	}
}

func TestTheVersionChangesWithAnyFile(t *testing.T) {
	one := load(t, map[string]string{"a.js": "1", "b.js": "2"})
	for name, files := range map[string]map[string]string{
		"content":  {"a.js": "1", "b.js": "3"},
		"name":     {"a.js": "1", "c.js": "2"},
		"one more": {"a.js": "1", "b.js": "2", "c.js": ""},
	} {
		if load(t, files).Version() == one.Version() {
			t.Errorf("%s: the version did not change", name)
		}
	}
	if again := load(t, map[string]string{"b.js": "2", "a.js": "1"}); again.Version() != one.Version() {
		t.Error("the version changed by itself")
	}
}

func TestWhatIsEmbeddedLoads(t *testing.T) {
	for name, open := range map[string]func() (*assets.Set, error){"approver": assets.Approver, "pages": assets.Pages} {
		set, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if set.Has(".gitkeep") || set.Has(".gitignore") {
			t.Errorf("%s serves hidden files", name)
		}
	}
}
