package oauthhttp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// led sends a request as a browser in which nobody is signed in, and answers its
// status and where it leads.
func led(t *testing.T, method string, f *servertest.Flow, pairs ...string) (int, *url.URL) {
	t.Helper()
	at, body := f.World.URL+"/oauth/authorize", f.Params(pairs...).Encode()
	if method == http.MethodGet {
		at, body = at+"?"+body, ""
	}
	r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
	servertest.Check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	servertest.Check(t, err)
	servertest.Check(t, got.Body.Close())
	to, err := url.Parse(got.Header.Get("Location"))
	servertest.Check(t, err)
	return got.StatusCode, to
}

// parked reports whether a redirect refers to state in the database.
func parked(to *url.URL) bool {
	return strings.Contains(to.Query().Get("transaction")+to.Query().Get("return_to"), "~")
}

// publicPusher is an application that anybody can send requests for.
func publicPusher(t *testing.T, w *servertest.World) *servertest.Flow {
	t.Helper()
	return w.Flow(t, application.NewApplication{Kind: model.KindSPA, AuthMethod: model.AuthNone})
}

// Requirement: limits-parked
func TestNothingIsKeptOfARequestThatNobodyReads(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	junk := strings.Repeat("x", 60_000)
	status, to := led(t, http.MethodPost, f, "junk", junk, "login_hint", junk[:100])
	if status != http.StatusSeeOther || to.Query().Get("transaction") == "" || parked(to) {
		t.Errorf("%d %s", status, to)
	}
	page, err := f.Person.Authorize(t.Context(), f.World.URL+to.String(), softperson0)
	servertest.Check(t, err)
	if page.URL.Query().Get("code") == "" {
		t.Errorf("it led to %d %s", page.Status, page.URL)
	}
	pushed := push(t, f, "junk", junk)
	if page := openPushed(t, f, pushed.Text("request_uri")); page.URL.Query().Get("code") == "" {
		t.Errorf("pushed: %d %s", page.Status, page.URL)
	}
}

// Requirement: limits-parked
func TestARequestIsAtMost32kB(t *testing.T) {
	w := servertest.Start(t, nil)
	f := publicPusher(t, w)
	for size, want := range map[int]string{31_000: "", 33_000: "invalid_request"} {
		acr := strings.Repeat("x", size)
		status, to := led(t, http.MethodPost, f, "acr_values", acr, "state", "mine")
		if to.Query().Get("error") != want || want != "" && to.Query().Get("state") != "mine" || want == "" && !parked(to) {
			t.Errorf("%d bytes: %d %s", size, status, to)
		}
		if got := w.Post(t, "/oauth/par", f.Params("acr_values", acr)); got.Text("error") != want || (got.Status == http.StatusCreated) != (want == "") {
			t.Errorf("%d bytes, pushed: %d %s", size, got.Status, got.Body)
		}
	}
	quoted := strings.Repeat("<", 6000) // each is six bytes of JSON
	wantError(t, "that grows when it is kept", w.Post(t, "/oauth/par", f.Params("acr_values", quoted)), "invalid_request")
}

// Requirement: limits-parked
func TestStrangersCannotFillTheDatabaseWithRequests(t *testing.T) {
	w := servertest.Start(t, nil)
	long := strings.Repeat("x", 2000)
	for name, send := range map[string]func(*servertest.Flow) int{
		"pushed":    func(f *servertest.Flow) int { return w.Post(t, "/oauth/par", f.Params()).Status },
		"in a link": func(f *servertest.Flow) int { status, _ := led(t, http.MethodGet, f, "state", long); return status },
		"in a form": func(f *servertest.Flow) int { status, _ := led(t, http.MethodPost, f, "state", long); return status },
	} {
		f := publicPusher(t, w)
		n := 0
		for n < 1000 && send(f) < 400 {
			n++
		}
		if n < 60 || n == 1000 {
			t.Errorf("%s: %d requests were kept", name, n)
		}
		if status := send(f); status != http.StatusTooManyRequests {
			t.Errorf("%s: %d", name, status)
		}
		if status, to := led(t, http.MethodGet, f); status != http.StatusSeeOther {
			t.Errorf("%s: one that is not kept: %d %s", name, status, to)
		}
		if status := send(publicPusher(t, w)); status >= 400 {
			t.Errorf("%s: another application: %d", name, status)
		}
	}
	proven := w.Flow(t, application.NewApplication{})
	for i := range 300 {
		if got := push(t, proven); got.Status != http.StatusCreated {
			t.Fatalf("request %d of a client that authenticates: %d %s", i, got.Status, got.Body)
		}
	}
}
