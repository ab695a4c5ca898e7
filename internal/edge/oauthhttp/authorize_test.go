package oauthhttp_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

// members are the names of the parameters of an answer, and no others.
func members(t *testing.T, v url.Values, want ...string) {
	t.Helper()
	for _, name := range want {
		if len(v[name]) != 1 {
			t.Errorf("%s is there %d times in %v", name, len(v[name]), v)
		}
	}
	if len(v) != len(want) {
		t.Errorf("members = %v, want %v", v, want)
	}
}

// RFC 6749, Section 4.1.2, and RFC 9207, Section 2.
//
// Requirement: authorize-success-members, authorize-get-and-post, authorize-unknown-ignored, authorize-hints-accepted
func TestAuthorizeAnswersWithCodeStateAndIssuer(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	page := f.Open(t, "display", "popup", "ui_locales", "de fr", "claims_locales", "de", "login_hint", "x", "unheard_of", "1", "acr_values", "zero")
	members(t, page.URL.Query(), "code", "state", "iss")
	if got := page.URL.Query(); got.Get("state") != "st-1" || got.Get("iss") != w.URL || page.Status != http.StatusSeeOther {
		t.Errorf("answer = %d %v", page.Status, got)
	}
	posted, err := f.Person.PostAuthorize(t.Context(), w.URL+"/oauth/authorize", f.Params("scope", "read openid"), softperson.Choices{})
	servertest.Check(t, err)
	if posted.SignedIn+posted.Asked != 0 || !posted.Left || posted.URL.Query().Get("code") == "" {
		t.Errorf("by POST: %+v", posted)
	}
}

// A browser would send what it posted, a password maybe, to where a 307 leads.
//
// Requirement: authorize-303
func TestARedirectThatAnswersAFormMakesABrowserFetch(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	if status, to := led(t, http.MethodPost, f); status != http.StatusSeeOther {
		t.Errorf("nobody is signed in: %d %s", status, to)
	}
	agreed := f.Open(t) // the last step was the form in which the person agreed
	if agreed.Asked != 1 || !agreed.Left || agreed.Status != http.StatusSeeOther {
		t.Errorf("agreed: %d %s", agreed.Status, agreed.URL)
	}
	for name, change := range map[string][]string{"a code": nil, "an error": {"scope", "openid", "response_type", "token"}} {
		page, err := f.Person.PostAuthorize(t.Context(), w.URL+"/oauth/authorize", f.Params(change...), softperson.Choices{})
		servertest.Check(t, err)
		if !page.Left || page.Status != http.StatusSeeOther || page.URL.Query().Has("error") != (change != nil) {
			t.Errorf("%s: %d %s", name, page.Status, page.URL)
		}
	}
}

// Requirement: authorize-order-free
func TestTheOrderOfParametersAndScopesChangesNothing(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	answer := func(scope string, order func(a, b string) int) map[string]any {
		v := f.Params("scope", scope, "claims", `{"userinfo":{"email":null}}`)
		var query []string
		for _, name := range slices.SortedFunc(maps.Keys(v), order) {
			query = append(query, name+"="+url.QueryEscape(v.Get(name)))
		}
		page, err := f.Person.Authorize(t.Context(), w.URL+"/oauth/authorize?"+strings.Join(query, "&"), softperson.Choices{})
		servertest.Check(t, err)
		members(t, page.URL.Query(), "code", "state", "iss")
		got := f.Redeem(t, page.URL.Query().Get("code"))
		scopes := strings.Fields(got.Text("scope"))
		slices.Sort(scopes)
		access, id := claimsOf(t, got.Text("access_token")), claimsOf(t, got.Text("id_token"))
		return map[string]any{"scope": strings.Join(scopes, " "), "sub": access["sub"], "aud": access["aud"], "nonce": id["nonce"], "state": page.URL.Query().Get("state")}
	}
	forth := answer("openid email read", strings.Compare)
	back := answer("read email openid", func(a, b string) int { return strings.Compare(b, a) })
	if forth["scope"] != "email openid read" || !maps.Equal(forth, back) {
		t.Errorf("forth %v, back %v", forth, back)
	}
}

// Whoever cannot be trusted with an answer gets none: RFC 6749, Section 4.1.2.1.
//
// Requirement: authorize-bad-client-page, authorize-bad-redirect-page
func TestAuthorizeShowsItsOwnPageInsteadOfRedirectingAStranger(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{
		RedirectURIs: []string{servertest.Callback, "https://app.example/other?a=1"}}})
	tests := []struct{ name, parameter, value string }{
		{"no client", "client_id", ""},
		{"unknown client", "client_id", "app_nobody"},
		{"client that is a URL", "client_id", "https://client.example/app"},
		{"missing with several registered", "redirect_uri", ""},
		{"unregistered", "redirect_uri", "https://evil.example/callback"},
		{"other path", "redirect_uri", servertest.Callback + "/"},
		{"extra query", "redirect_uri", servertest.Callback + "?x=1"},
		{"other query", "redirect_uri", "https://app.example/other?a=2"},
		{"query cut off", "redirect_uri", "https://app.example/other"},
		{"fragment", "redirect_uri", servertest.Callback + "#x"},
		{"other case", "redirect_uri", "https://APP.example/callback"},
		{"other port", "redirect_uri", "https://app.example:8443/callback"},
		{"user", "redirect_uri", "https://app.example@evil.example/callback"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := f.Open(t, tt.parameter, tt.value)
			if page.Status != http.StatusBadRequest || page.Left || page.Header.Get("Location") != "" {
				t.Errorf("got %d %s", page.Status, page.URL)
			}
			if !strings.Contains(page.Header.Get("Content-Type"), "text/html") || strings.Contains(page.Body, "evil.example") {
				t.Errorf("%s: %s", page.Header.Get("Content-Type"), page.Body)
			}
		})
	}
}

var descriptionAlphabet = regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]+$`)

// Requirement: authorize-errors-to-client, authorize-error-alphabet, authorize-response-type, authorize-response-mode
// Requirement: authorize-scope, authorize-prompt-none-alone, profile-plain-pkce-never, profile-oauth21, resource-form
func TestAuthorizeSendsOtherErrorsToTheClient(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback + "?keep=a%20b"}}})
	tests := []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"implicit", []string{"response_type", "token"}, "unsupported_response_type"},
		{"hybrid", []string{"response_type", "code id_token"}, "unsupported_response_type"},
		{"unknown response mode", []string{"response_mode", "carrier-pigeon"}, "invalid_request"},
		{"no challenge", []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"plain", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"plain by default", []string{"code_challenge_method", ""}, "invalid_request"},
		{"method without challenge", []string{"code_challenge", ""}, "invalid_request"},
		{"challenge that is no hash", []string{"code_challenge", "short"}, "invalid_request"},
		{"unknown scope", []string{"scope", "openid admin"}, "invalid_scope"},
		{"hostile scope", []string{"scope", "\"\\\u00e9\n"}, "invalid_scope"},
		{"foreign resource", []string{"resource", "https://else.example"}, "invalid_target"},
		{"relative resource", []string{"resource", "/api"}, "invalid_target"},
		{"none and more", []string{"prompt", "none login"}, "invalid_request"},
		{"unknown prompt", []string{"prompt", "maybe"}, "invalid_request"},
		{"max_age", []string{"max_age", "-1"}, "invalid_request"},
		{"claims", []string{"claims", "{"}, "invalid_request"},
		{"hint", []string{"id_token_hint", "a.b.c"}, "invalid_request"},
		{"unsigned request", []string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
		{"request_uri of elsewhere", []string{"request_uri", "https://app.example/request"}, "request_uri_not_supported"},
		{"details", []string{"authorization_details", `[{"type":"unheard"}]`}, "invalid_authorization_details"},
		{"dpop_jkt", []string{"dpop_jkt", "x"}, "invalid_request"},
		{"nobody there", []string{"prompt", "none", "client_secret", "ignored"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := f.Open(t, tt.pairs...)
			got := page.URL.Query()
			if tt.want == "" {
				if got.Get("error") != "consent_required" { // whoever is signed in was not asked yet
					t.Errorf("got %v", got)
				}
				return
			}
			members(t, got, "error", "error_description", "state", "iss", "keep")
			if got.Get("error") != tt.want || got.Get("keep") != "a b" || got.Get("iss") != w.URL || got.Get("state") != "st-1" {
				t.Errorf("got %v", got)
			}
			if !descriptionAlphabet.MatchString(got.Get("error_description")) {
				t.Errorf("error_description = %q", got.Get("error_description"))
			}
		})
	}
}

// Requirement: authorize-duplicate-parameter
func TestAuthorizeRefusesAParameterGivenTwice(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	for _, name := range []string{"scope", "state", "nonce", "client_id", "redirect_uri", "max_age"} {
		page, err := f.Person.Authorize(t.Context(), f.URL("max_age", "1")+"&"+name+"=again", softperson.Choices{})
		servertest.Check(t, err)
		if name == "client_id" || name == "redirect_uri" { // whom to tell is what is ambiguous
			if page.Left || page.Status != http.StatusBadRequest || !strings.Contains(page.Body, "invalid_request: "+name) {
				t.Errorf("%s twice: %d %s", name, page.Status, page.Body)
			}
			continue
		}
		if got := page.URL.Query(); got.Get("error") != "invalid_request" || got.Has("state") == (name == "state") {
			t.Errorf("%s twice: %d %s", name, page.Status, page.URL)
		}
	}
}

// Requirement: authorize-state, authorize-registered-query
func TestAuthorizeGivesStateBackAsItCame(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{RedirectURIs: []string{"https://app.example/cb?tenant=7&x=%2F"}}})
	long := strings.Repeat("s&=%/?+ ", 64)
	if got := f.Open(t, "state", long).URL.Query(); got.Get("state") != long || got.Get("tenant") != "7" || got.Get("x") != "/" {
		t.Errorf("answer = %v", got)
	}
	if got := f.Open(t, "state", "").URL.Query(); got.Has("state") {
		t.Errorf("a state that nobody sent: %v", got)
	}
	if got := f.Open(t, "state", "", "scope", "nope").URL.Query(); got.Has("state") || got.Get("error") != "invalid_scope" {
		t.Errorf("a state that nobody sent: %v", got)
	}
}

// RFC 8252, Section 7.3.
//
// Requirement: authorize-loopback-port
func TestNativeApplicationsMayUseAnyLoopbackPort(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, Settings: model.ApplicationSettings{
		RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:7777/cb", "http://localhost/cb?a=1", "com.example.app:/cb"}}})
	tests := []struct {
		uri string
		ok  bool
	}{
		{"http://127.0.0.1:49152/cb", true}, {"http://127.0.0.1/cb", true}, {"http://[::1]:8/cb", true}, {"http://localhost:3000/cb?a=1", true},
		{"com.example.app:/cb", true},
		{"http://127.0.0.1:49152/other", false}, {"http://127.0.0.2:49152/cb", false}, {"http://localhost:3000/cb", false},
		{"http://localhost:3000/cb?a=2", false}, {"https://127.0.0.1:49152/cb", false}, {"http://127.0.0.1:80@evil.example/cb", false},
		{"http://localhost.evil.example:1/cb", false}, {"com.example.app:/other", false},
	}
	for _, tt := range tests {
		page, err := f.Person.Authorize(t.Context(), f.URL("redirect_uri", tt.uri), softperson.Choices{})
		servertest.Check(t, err)
		if got := page.Left && page.URL.Query().Get("code") != ""; got != tt.ok {
			t.Errorf("%s: answered %v, want %v (%d)", tt.uri, got, tt.ok, page.Status)
		}
	}
}

// Requirement: authorize-pages-csp, authorize-pages-without-script, authorize-pages-client-text
func TestPagesOfAnAuthorizationAreSafeForms(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Name: `<b>Evil & Co</b>`, Settings: model.ApplicationSettings{
		PolicyURI: "https://app.example/policy?a=1&b=%22x"}})
	page, err := f.Person.Authorize(t.Context(), f.URL(), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	csp := page.Header.Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") || page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("policy = %q", csp)
	}
	if !strings.Contains(csp, "form-action 'self' https:;") {
		t.Errorf("the form cannot lead on: %q", csp)
	}
	for _, want := range []string{`id="consent"`, `id="allow"`, `id="deny"`, `method="post"`, "&lt;b&gt;Evil &amp; Co&lt;/b&gt;", `id="policy-link"`} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, bad := range []string{"<b>Evil", "javascript:", `id="terms-link"`, "onclick", "<script>"} {
		if strings.Contains(page.Body, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers = %v", page.Header)
	}
}
