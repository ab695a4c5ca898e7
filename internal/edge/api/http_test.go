package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// RFC 9110, Sections 9.3.2 and 15.5.6.
func TestAddressesTakeTheirMethodsOnly(t *testing.T) {
	w := newWorld(t)
	id := w.ask(t).Text("approval_id")
	session := []string{"Cookie", cookie(t, w.alex)}
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"HEAD", "/v1/me", 200, ""},
		{"HEAD", at(id), 200, ""},
		{"HEAD", "/v1/evidence/keys", 200, ""},
		{"POST", "/v1/me", 405, "GET, HEAD"},
		{"DELETE", at(id), 405, "GET, HEAD"},
		{"PUT", "/v1/approvals", 405, "GET, HEAD"},
		{"GET", at(id) + "/decision", 405, "POST"},
		{"GET", at(id) + "/redeem", 405, "POST"},
		{"OPTIONS", "/v1/me", 405, "GET, HEAD"},
		{"OPTIONS", "/v1/evidence/keys", 204, ""},
		{"GET", "/v1/", 404, ""},
		{"GET", "/v1/nothing", 404, ""},
		{"POST", "/v1/nothing", 404, ""},
		{"GET", at(id) + "/nothing", 404, ""},
		{"GET", at("apr_x"), 404, ""},
		{"GET", at(ids.New("apr")), 404, ""},
		{"POST", "/v1/demo/ask", 404, ""}, // nobody offers the demo here
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			got := servertest.Do(t, tt.method, w.URL+tt.path, nil, session...)
			if got.Status != tt.status || got.Header.Get("Allow") != tt.allow {
				t.Errorf("got %d, Allow %q; want %d, %q", got.Status, got.Header.Get("Allow"), tt.status, tt.allow)
			}
			if tt.method == "HEAD" && len(got.Body) != 0 {
				t.Error("an answer to HEAD has a body")
			}
			if tt.method != "HEAD" {
				problem(t, got)
			}
		})
	}
}

// While the database is away the answer is 503, with a reference, and nothing
// of why.
func TestWithoutADatabaseTheAnswerSaysNothingOfIt(t *testing.T) {
	w := newWorld(t)
	a := w.ask(t)
	session := []string{"Cookie", cookie(t, w.alex)}
	servertest.Check(t, w.Server.Close())
	for _, got := range []servertest.Answer{
		w.Get(t, "/v1/me", session...), w.Get(t, at(a.Text("approval_id")), session...), w.Get(t, "/v1/approvals", session...),
		w.Get(t, "/v1/approvals/events", session...), w.send(t, a.Text("approval_id"), `{}`),
	} {
		if got.Status != 503 || problem(t, got) != "unavailable" || got.Header.Get("Retry-After") == "" {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
		if text := strings.ToLower(string(got.Body)); strings.Contains(text, "sql") || strings.Contains(text, "store") || strings.Contains(text, "closed") {
			t.Errorf("the answer says why: %s", got.Body)
		}
	}
}

// A stream is a person's event stream as their browser has it open.
type stream struct {
	events chan string // name and data
	ended  chan struct{}
}

func listen(t *testing.T, p *softperson.Person) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Issuer+"/v1/approvals/events", nil)
	servertest.Check(t, err)
	resp, err := (&http.Client{Jar: p.HTTP.Jar}).Do(r)
	servertest.Check(t, err)
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("stream: %d %v", resp.StatusCode, resp.Header)
	}
	s := &stream{events: make(chan string, 100), ended: make(chan struct{})}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "retry: 2000" { // from here on nothing is missed
		t.Fatalf("first line = %q", lines.Text())
	}
	go func() {
		defer close(s.ended)
		defer func() { _ = resp.Body.Close() }()
		name := ""
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "event: "):
				name = strings.TrimPrefix(line, "event: ")
			case strings.HasPrefix(line, "data: "):
				s.events <- name + " " + strings.TrimPrefix(line, "data: ")
			}
		}
	}()
	return s
}

func (s *stream) next(t *testing.T) string {
	t.Helper()
	select {
	case e := <-s.events:
		return e
	case <-s.ended:
		return "the stream has ended"
	case <-time.After(20 * time.Second):
		return "no event in 20 s"
	}
}

func TestAnEventTellsAPersonThatSomethingChanged(t *testing.T) {
	w := newWorld(t)
	kim, _ := w.Person(t, "kim")
	old := w.ask(t).Text("approval_id")
	_, err := w.alex.Decide(t.Context(), old, evidence.Deny)
	servertest.Check(t, err)
	streams, others := []*stream{listen(t, w.alex), listen(t, w.alex)}, listen(t, kim)
	expect := func(id, state string) {
		t.Helper()
		for _, s := range streams {
			if got, want := s.next(t), `approvals {"id":"`+id+`","state":"`+state+`"}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
	a := w.ask(t)
	expect(a.Text("approval_id"), "pending") // and nothing of the old one
	_, err = w.alex.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	expect(a.Text("approval_id"), "approved")
	b := w.ask(t)
	expect(b.Text("approval_id"), "pending")
	w.Post(t, "/oauth/revoke", w.app.Form("token", b.Text("auth_req_id")))
	expect(b.Text("approval_id"), "withdrawn")
	c := w.ask(t, "requested_expiry", "1")
	expect(c.Text("approval_id"), "pending")
	expect(c.Text("approval_id"), "expired")
	select {
	case e := <-others.events:
		t.Errorf("another person heard %s", e)
	default:
	}
}

// A stream is open for long; the session that it was opened with may end.
func TestAStreamEndsWithTheSession(t *testing.T) {
	w := newWorld(t)
	s := listen(t, w.alex)
	_, err := w.alex.Call(t.Context(), http.MethodPost, w.URL+"/signout", struct{}{})
	servertest.Check(t, err)
	w.ask(t)
	if got := s.next(t); got != "the stream has ended" {
		t.Errorf("signed out, and heard: %s", got)
	}
}

func TestOnlyWhoIsSignedInOpensAStream(t *testing.T) {
	w := newWorld(t)
	got := w.Get(t, "/v1/approvals/events")
	if got.Status != 401 || problem(t, got) != "signed_out" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	resp, err := http.Post(w.URL+"/v1/approvals/events", "application/json", nil)
	servertest.Check(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	servertest.Check(t, resp.Body.Close())
	if resp.StatusCode != 405 {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}
