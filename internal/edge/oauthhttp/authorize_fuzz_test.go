package oauthhttp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// authorizeSeeds are queries; CLIENT stands for the client's id.
var authorizeSeeds = []string{
	"", "client_id=CLIENT", "client_id=CLIENT&response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&scope=openid",
	"client_id=CLIENT&response_type=code&state=%00%22%5c&scope=%22", "client_id=CLIENT&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&prompt=none",
	"client_id=CLIENT&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%23x", "client_id=CLIENT&redirect_uri=//evil.example", "client_id=CLIENT&client_id=CLIENT",
	"client_id=CLIENT&response_type=code&response_mode=form_post", "client_id=CLIENT&response_type=code&response_mode=jwt&state=a", "client_id=CLIENT&request=a.b.c",
	"client_id=CLIENT&request_uri=urn:ietf:params:oauth:request_uri:x", "client_id=CLIENT&request_uri=https://app.example/", "client_id=CLIENT&max_age=99999999999999999999",
	"client_id=CLIENT&claims=%7B%22id_token%22%3A%7B%22sub%22%3A%7B%22value%22%3A%22x%22%7D%7D%7D&response_type=code", "client_id=CLIENT&id_token_hint=x",
	"client_id=CLIENT&authorization_details=%5B%7B%22type%22%3A%22assent_action%22%7D%5D", "client_id=CLIENT&resource=https%3A%2F%2Fx%23", "client_id=https://a.example/b",
	"client_id=%ff&%zz", "client_id=CLIENT&dpop_jkt=x&acr_values=" + strings.Repeat("a+", 50), "client_id=CLIENT&nonce=" + strings.Repeat("n", 2000),
}

func newBrowserTarget(f *testing.F) (*target, servertest.App) {
	f.Helper()
	g := newTarget(f)
	app := g.App(f, application.NewApplication{Kind: model.KindWeb, GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid", "a"},
		Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback}, AuthorizationAlg: "ES256"}})
	return g, app
}

// Wherever a browser is sent, it is a page of ours or the one registered URI.
//
// Requirement: limits-fuzz-authorize, authorize-error-alphabet
func FuzzAuthorize(f *testing.F) {
	for _, seed := range authorizeSeeds {
		f.Add(seed)
	}
	g, app := newBrowserTarget(f)
	f.Fuzz(func(t *testing.T, query string) {
		query = strings.ReplaceAll(query, "CLIENT", app.ID)
		for _, r := range []*http.Request{
			{Method: http.MethodGet, URL: &url.URL{Path: "/oauth/authorize", RawQuery: query}, Host: "localhost:8420", Header: http.Header{}},
			httptest.NewRequest(http.MethodPost, fuzzBase+"/oauth/authorize", strings.NewReader(query)),
		} {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			g.handler.ServeHTTP(w, r.WithContext(t.Context()))
			checkOutcome(t, w)
		}
	})
}

func checkOutcome(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w.Code != http.StatusSeeOther {
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || w.Header().Get("Content-Security-Policy") == "" {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		return
	}
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if to.Host == "" { // our sign-in, or ourselves again
		if !strings.HasPrefix(to.Path, "/signin") && !strings.HasPrefix(to.Path, "/oauth/authorize/resume") {
			t.Fatalf("sent to %s", to)
		}
		return
	}
	q := to.Query()
	if !strings.HasPrefix(to.String(), servertest.Callback+"?") || q.Get("iss") != fuzzBase && q.Get("response") == "" {
		t.Fatalf("sent to %s", to)
	}
	for _, c := range q.Get("error_description") { // RFC 6749, Section 4.1.2.1
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			t.Fatalf("error_description %q", q.Get("error_description"))
		}
	}
}

// Requirement: limits-fuzz-par
func FuzzPushedRequest(f *testing.F) {
	for _, seed := range authorizeSeeds {
		f.Add(seed)
	}
	g, app := newBrowserTarget(f)
	f.Fuzz(func(t *testing.T, form string) {
		form = strings.ReplaceAll(form, "CLIENT", app.ID)
		g.send(t, "/oauth/par", form+"&client_id="+app.ID+"&client_secret="+app.Secret)
		g.send(t, "/oauth/par", form)
	})
}
