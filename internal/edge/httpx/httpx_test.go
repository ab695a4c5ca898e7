package httpx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A journal is what a server logs, line by line.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// lines waits for n lines: the last one is written after the answer.
func (j *journal) lines(t *testing.T, n int) []map[string]any {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		j.mu.Lock()
		text := strings.TrimSpace(j.text.String())
		j.mu.Unlock()
		var out []map[string]any
		for line := range strings.SplitSeq(text, "\n") {
			var m map[string]any
			if json.Unmarshal([]byte(line), &m) == nil {
				out = append(out, m)
			}
		}
		if len(out) >= n || time.Now().After(end) {
			if len(out) != n {
				t.Fatalf("%d lines, want %d:\n%s", len(out), n, text)
			}
			return out
		}
	}
}

// serve answers one GET request with a handler, as the server would.
func serve(t *testing.T, h http.Handler) (*http.Response, []byte, map[string]any, error) {
	t.Helper()
	j := &journal{}
	mux := http.NewServeMux()
	mux.Handle("GET /x/{id}", h)
	s := httptest.NewServer(httpx.Recorded(slog.New(slog.NewJSONHandler(j, nil)), nil, mux))
	defer s.Close()
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	resp, err := http.Get(s.URL + "/x/1?token=secret")
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	return resp, body, j.lines(t, 1)[0], err
}

func TestAPanicIsAProblemWithAReferenceAndOneLineWithTheCause(t *testing.T) {
	for name, tt := range map[string]struct {
		value any
		cause string
	}{
		"an error":  {errors.New("the wheel came off"), "panic: the wheel came off"},
		"a text":    {"the wheel came off", "panic: the wheel came off"},
		"something": {struct{ X string }{"not for the log"}, "panic"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body, line, err := serve(t, httpx.API(func(http.ResponseWriter, *http.Request) error { panic(tt.value) }))
			if err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			if err := json.Unmarshal(body, &doc); err != nil || resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%d %s %s", resp.StatusCode, resp.Header, body)
			}
			if doc["code"] != "server_error" || doc["reference"] != line["reference"] || !ids.Valid("req", fmt.Sprint(doc["reference"])) {
				t.Errorf("problem %s, line %v", body, line)
			}
			if strings.Contains(string(body), "wheel") || strings.Contains(string(body), "panic") {
				t.Errorf("the answer says why: %s", body)
			}
			if line["cause"] != tt.cause || line["level"] != "ERROR" || line["refusal"] != "server_error" || line["route"] != "GET /x/{id}" {
				t.Errorf("line = %v", line)
			}
			if stack := fmt.Sprint(line["stack"]); !strings.Contains(stack, "httpx_test.go") || strings.Contains(stack, "not for the log") {
				t.Errorf("stack = %s", stack)
			}
		})
	}
}

// Half an answer must not look like a whole one.
func TestAnAnswerThatBreaksOffIsCut(t *testing.T) {
	for name, h := range map[string]httpx.HandlerFunc{
		"by a panic": func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, `{"approved":`)
			_ = http.NewResponseController(w).Flush()
			panic("the wheel came off")
		},
		"by giving up": func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, `{"approved":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, body, line, err := serve(t, httpx.API(h))
			if err == nil {
				t.Errorf("the client got %q and takes it for whole", body)
			}
			if line["refusal"] == nil {
				t.Errorf("line = %v", line)
			}
		})
	}
}

func TestARefusalAfterTheAnswerBeganIsOnlyLogged(t *testing.T) {
	_, body, line, err := serve(t, httpx.API(func(w http.ResponseWriter, _ *http.Request) error {
		if err := httpx.WriteJSON(w, 200, map[string]int{"a": 1}); err != nil {
			return err
		}
		return &httpx.Problem{Status: 400, Code: "late", Cause: errors.New("too late")}
	}))
	if err != nil || string(body) != `{"a":1}` {
		t.Errorf("got %q, %v", body, err)
	}
	if line["refusal"] != "answer_cut" || line["status"] != 200.0 || !strings.Contains(fmt.Sprint(line["cause"]), "too late") {
		t.Errorf("line = %v", line)
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"a problem", &httpx.Problem{Status: 409, Code: "already", Title: "T", Detail: "D", Members: map[string]any{"state": "denied", "code": "not this"}}, 409, "already"},
		{"a wrapped problem", fmt.Errorf("doing: %w", &httpx.Problem{Status: 404, Code: "not_found"}), 404, "not_found"},
		{"an unreachable database", fmt.Errorf("read: %w", model.ErrUnavailable), 503, "unavailable"},
		{"an unknown commit", fmt.Errorf("write: %w", model.ErrCommitUnknown), 503, "unavailable"},
		{"anything else", errors.New("secret cause"), 500, "server_error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, line, err := serve(t, httpx.API(func(http.ResponseWriter, *http.Request) error { return tt.err }))
			if err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			if err := json.Unmarshal(body, &doc); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || doc["code"] != tt.code || doc["status"] != float64(tt.status) || doc["title"] == "" {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
			if (resp.Header.Get("Retry-After") != "") != (tt.status == 503) || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers = %v", resp.Header)
			}
			if line["refusal"] != tt.code || line["reference"] != doc["reference"] || strings.Contains(string(body), "secret cause") {
				t.Errorf("line %v, body %s", line, body)
			}
			if want := "INFO"; tt.status >= 500 && line["level"] != "ERROR" || tt.status < 500 && line["level"] != want {
				t.Errorf("level = %v", line["level"])
			}
			if raw, err := json.Marshal(line); err != nil || strings.Contains(string(raw), "token") {
				t.Errorf("the query is in the log: %s", raw)
			}
		})
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	const limit = 100
	tests := []struct {
		name, contentType, body string
		status                  int
	}{
		{"good", "application/json", `{"name":"a"}`, 200},
		{"with a charset", "application/json; charset=utf-8", `{"name":"a"}`, 200},
		{"white space behind", "application/json", `{"name":"a"}` + " \n", 200},
		{"no type", "", `{"name":"a"}`, 415},
		{"a form", "application/x-www-form-urlencoded", `{"name":"a"}`, 415},
		{"what a page may send unasked", "text/plain", `{"name":"a"}`, 415},
		{"malformed type", "application/json;;;", `{"name":"a"}`, 415},
		{"nothing", "application/json", ``, 400},
		{"cut short", "application/json", `{"name":"a`, 400},
		{"another type of member", "application/json", `{"name":1}`, 400},
		{"unknown member", "application/json", `{"name":"a","other":1}`, 400},
		{"two values", "application/json", `{"name":"a"}{}`, 400},
		{"at the limit", "application/json", `{"name":"` + strings.Repeat("a", limit-11) + `"}`, 200},
		{"over the limit", "application/json", `{"name":"` + strings.Repeat("a", limit-10) + `"}`, 413},
		{"over the limit behind", "application/json", `{"name":"a"}` + strings.Repeat(" ", limit), 413},
	}
	h := httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		var v struct {
			Name string `json:"name"`
		}
		if err := httpx.ReadJSON(w, r, limit, &v); err != nil {
			return err
		}
		return httpx.WriteJSON(w, 200, v)
	})
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.status)
		}
	}
}

// RFC 6265bis, Section 4.1.3: the prefix demands Secure, no Domain and the path "/".
func TestTheSessionCookieStaysInItsBrowserAndRealm(t *testing.T) {
	for _, site := range []*model.Site{
		{Secure: true, Realm: model.Realm{Default: true}}, {Secure: false, Realm: model.Realm{Default: true}},
		{Secure: true, Realm: model.Realm{Name: "acme"}}, {Secure: false, Realm: model.Realm{Name: "acme"}},
	} {
		r := httpx.WithSite(httptest.NewRequest(http.MethodGet, "/", nil), site)
		w := httptest.NewRecorder()
		httpx.SetSessionCookie(w, r, "value", time.Now().Add(time.Hour))
		c := w.Result().Cookies()[0]
		if !c.HttpOnly || c.Secure != site.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
			strings.HasPrefix(c.Name, "__Host-") != site.Secure {
			t.Errorf("cookie = %s", c)
		}
		r.AddCookie(c)
		if got := httpx.SessionCookie(r); got != "value" {
			t.Errorf("read back %q", got)
		}
		other := *site
		other.Realm = model.Realm{Name: "other"}
		if got := httpx.SessionCookie(httpx.WithSite(r, &other)); got != "" {
			t.Errorf("another realm reads %q", got)
		}
		w = httptest.NewRecorder()
		httpx.ClearSessionCookie(w, httpx.WithSite(r, site))
		if gone := w.Result().Cookies()[0]; gone.Name != c.Name || gone.MaxAge >= 0 || gone.Value != "" {
			t.Errorf("clearing sends %s", gone)
		}
	}
}

// took reports whether a line says in milliseconds how long the request took.
func took(line map[string]any) bool {
	ms, ok := line["took_ms"].(float64)
	return ok && ms >= 0 && ms < 60_000
}

// A counted is the statuses that the metrics saw.
type counted struct{ statuses []int }

func (c *counted) Observe(_, _ string, status int, _ time.Duration) {
	c.statuses = append(c.statuses, status)
}

func TestOfAClientThatWentAwayNoFaultOfOursIsRecorded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		gone   bool
		err    error
		status int
		level  string
	}{
		{"gone while the database worked", true, fmt.Errorf("read: %w", context.Canceled), 499, "INFO"},
		{"gone while it waited for a connection", true, fmt.Errorf("read: %w: %w", model.ErrUnavailable, context.Canceled), 499, "INFO"},
		{"gone during the commit", true, fmt.Errorf("write: %w", model.ErrCommitUnknown), 499, "INFO"},
		{"gone, and refused anyway", true, &httpx.Problem{Status: 404, Code: "not_found"}, 404, "INFO"},
		{"gone, and a fault of ours", true, errors.New("the wheel came off"), 500, "ERROR"},
		{"there, and work of ours was cancelled", false, fmt.Errorf("read: %w", context.Canceled), 500, "ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, metrics := &journal{}, &counted{}
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			h := httpx.Recorded(slog.New(slog.NewJSONHandler(j, nil)), metrics, httpx.API(func(http.ResponseWriter, *http.Request) error {
				if tt.gone {
					leave()
				}
				return tt.err
			}))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
			line := j.lines(t, 1)[0]
			if line["status"] != float64(tt.status) || line["level"] != tt.level || line["cause"] == nil && tt.status != 404 {
				t.Errorf("line = %v", line)
			}
			if len(metrics.statuses) != 1 || metrics.statuses[0] != tt.status {
				t.Errorf("the metrics count %v", metrics.statuses)
			}
		})
	}
}

func TestEveryRequestLeavesOneLine(t *testing.T) {
	j := &journal{}
	mux := http.NewServeMux()
	mux.Handle("GET /x/{id}", httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		httpx.SetActor(r, "idn_1")
		return httpx.WriteJSON(w, 201, 1)
	}))
	mux.HandleFunc("GET /quiet", func(http.ResponseWriter, *http.Request) {})
	h := httpx.Recorded(slog.New(slog.NewJSONHandler(j, nil)), nil, mux)
	for _, path := range []string{"/x/apr_secret?a=b", "/quiet", "/nowhere"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	lines := j.lines(t, 3)
	if l := lines[0]; l["route"] != "GET /x/{id}" || l["status"] != 201.0 || l["actor"] != "idn_1" || l["method"] != "GET" || !took(l) {
		t.Errorf("line = %v", l)
	}
	if lines[1]["route"] != "GET /quiet" {
		t.Errorf("line = %v", lines[1])
	}
	if lines[1]["status"] != 200.0 || lines[2]["status"] != 404.0 {
		t.Errorf("lines = %v", lines[1:])
	}
	if strings.Contains(j.text.String(), "apr_secret") {
		t.Error("the path is in the log")
	}
}
