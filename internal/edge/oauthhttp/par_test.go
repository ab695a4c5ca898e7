package oauthhttp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

// softperson0 is a person who agrees to everything.
var softperson0 = softperson.Choices{}

// push sends an authorization request by the back channel.
func push(t *testing.T, f *servertest.Flow, pairs ...string) servertest.Answer {
	t.Helper()
	form := f.Params(pairs...)
	if form.Get("client_secret") == "" {
		form.Set("client_secret", f.App.Secret)
	}
	return f.Post(t, "/oauth/par", form)
}

func openPushed(t *testing.T, f *servertest.Flow, uri string, extra ...string) softperson.Page {
	t.Helper()
	v := url.Values{"client_id": {f.App.ID}, "request_uri": {uri}}
	for i := 0; i < len(extra); i += 2 {
		v.Set(extra[i], extra[i+1])
	}
	page, err := f.Person.Authorize(t.Context(), f.World.URL+"/oauth/authorize?"+v.Encode(), softperson0)
	servertest.Check(t, err)
	return page
}

// RFC 9126, Section 2.2.
//
// Requirement: par-answer, par-parameters-pushed-only, profile-par-required
func TestAPushedRequestIsWhatIsAskedFor(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{RequirePAR: true}})
	got := push(t, f, "state", "pushed")
	uri := got.Text("request_uri")
	if got.Status != http.StatusCreated || got.JSON["expires_in"] != 60.0 || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") ||
		len(uri) < len("urn:ietf:params:oauth:request_uri:")+22 || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	page := openPushed(t, f, uri, "state", "outside", "scope", "openid admin", "redirect_uri", "https://evil.example/")
	if q := page.URL.Query(); q.Get("state") != "pushed" || q.Get("code") == "" || page.URL.Host != "app.example" {
		t.Fatalf("got %s", page.URL)
	}
	if got := f.Redeem(t, page.URL.Query().Get("code")); got.Text("scope") != "openid read" {
		t.Errorf("tokens: %s", got.Body)
	}
	if direct := f.Open(t).URL.Query(); direct.Get("error") != "invalid_request" {
		t.Errorf("a request that was not pushed: %v", direct)
	}
}

// Requirement: par-client-auth, par-request-uri-refused, par-validated, par-request-object
func TestPARRefusesAtOnceWhatCannotGoOn(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	tests := []struct {
		name   string
		pairs  []string
		status int
		want   string
	}{
		{"wrong secret", []string{"client_secret", "wrong"}, 401, "invalid_client"},
		{"request_uri", []string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, 400, "invalid_request"},
		{"redirect_uri", []string{"redirect_uri", "https://evil.example/"}, 400, "invalid_request"},
		{"scope", []string{"scope", "admin"}, 400, "invalid_scope"},
		{"PKCE", []string{"code_challenge", ""}, 400, "invalid_request"},
		{"response type", []string{"response_type", "token"}, 400, "unsupported_response_type"},
		{"request object", []string{"request", "a.b.c"}, 400, "invalid_request_object"},
		{"resource", []string{"resource", "https://else.example"}, 400, "invalid_target"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := push(t, f, tt.pairs...)
			if got.Status != tt.status || got.Text("error") != tt.want || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
}

// Requirement: par-consumed-on-completion, par-foreign-client, par-expired
func TestAPushedRequestIsUsedUpWhenThePersonIsDone(t *testing.T) {
	w, clock := clocked(t)
	f := w.Flow(t, application.NewApplication{})
	uri := push(t, f).Text("request_uri")
	for range 2 { // reloads of the page
		page, err := f.Person.Authorize(t.Context(), w.URL+"/oauth/authorize?"+url.Values{"client_id": {f.App.ID}, "request_uri": {uri}}.Encode(),
			softperson.Choices{StopAtAsk: true})
		servertest.Check(t, err)
		if page.Asked != 1 {
			t.Fatalf("not asked: %d %s", page.Status, page.Body)
		}
	}
	other := w.Flow(t, application.NewApplication{})
	other.Person = f.Person
	if page := openPushed(t, other, uri); page.URL.Query().Get("error") != "invalid_request_uri" {
		t.Errorf("another client: %d %s", page.Status, page.URL)
	}
	if page := openPushed(t, f, uri); page.URL.Query().Get("code") == "" {
		t.Fatalf("got %s", page.URL)
	}
	if page := openPushed(t, f, uri); page.URL.Query().Get("error") != "invalid_request_uri" {
		t.Errorf("again: %d %s", page.Status, page.URL)
	}
	late := push(t, f).Text("request_uri")
	clock.Turn(61 * time.Second)
	if page := openPushed(t, f, late); page.URL.Query().Get("error") != "invalid_request_uri" {
		t.Errorf("expired: %d %s %s", page.Status, page.URL, page.Body)
	}
	// Where several are registered, nobody knows where the answer would go.
	two := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback, servertest.Callback + "2"}}})
	two.Person = f.Person
	if page := openPushed(t, two, late); page.Left || page.Status != http.StatusBadRequest || !strings.Contains(page.Body, "invalid_request_uri") {
		t.Errorf("expired, and no way back: %d %s", page.Status, page.Body)
	}
}

// Requirement: par-race
func TestOf32CompletionsOfOnePushedRequestOneWins(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{FirstParty: true}})
	uri := push(t, f).Text("request_uri")
	var won, lost atomic.Int32
	atOnce(func(int) {
		switch q := openPushed(t, f, uri).URL.Query(); {
		case q.Get("code") != "":
			won.Add(1)
		case q.Get("error") == "invalid_request_uri":
			lost.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}
