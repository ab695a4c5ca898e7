package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/softperson"
)

const phrase = "seven brown kettles"

// passwordFlow is a flow in a realm that takes passwords. Its person has one, and
// a browser without a session.
func passwordFlow(t *testing.T) *servertest.Flow {
	t.Helper()
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.Passwords = true })
	f := w.Flow(t, application.NewApplication{})
	_, err := w.Server.SignIn.SetPassword(t.Context(), w.Site, signin.NewPassword{IdentityID: f.Identity.ID, Password: phrase})
	servertest.Check(t, err)
	newBrowser(t, f.Person)
	return f
}

func newBrowser(t *testing.T, p *softperson.Person) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	servertest.Check(t, err)
	p.HTTP.Jar = jar
}

// typed sends the form of the sign-in page, as a browser without script does.
func typed(t *testing.T, f *servertest.Flow, text, returnTo string, headers ...string) *http.Response {
	t.Helper()
	form := url.Values{"username": {f.Identity.Traits.Username}, "password": {text}, "return_to": {returnTo}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.World.URL+"/signin/password", strings.NewReader(form.Encode()))
	servertest.Check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", f.World.URL)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := *f.Person.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	servertest.Check(t, err)
	servertest.Check(t, resp.Body.Close())
	return resp
}

// atSignIn opens an authorization request up to the sign-in page, and answers that
// page and where it leads to.
func atSignIn(t *testing.T, f *servertest.Flow, pairs ...string) (body, returnTo string, header http.Header) {
	t.Helper()
	page, err := f.Person.Authorize(t.Context(), f.URL(pairs...), softperson.Choices{StopAtSignIn: true})
	servertest.Check(t, err)
	if !strings.HasSuffix(page.URL.Path, "/signin") {
		t.Fatalf("no sign-in page: %d %s", page.Status, page.URL)
	}
	shown := f.World.Get(t, page.URL.RequestURI())
	return string(shown.Body), page.URL.Query().Get("return_to"), shown.Header
}

// passwordClaims reads the claims of a JWT of ours.
func passwordClaims(t *testing.T, compact string) map[string]any {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", compact)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	servertest.Check(t, err)
	var claims map[string]any
	servertest.Check(t, json.Unmarshal(raw, &claims))
	return claims
}

// Requirement: authorize-password, authorize-acr-step-up, authorize-pages-without-script
func TestAPasswordGivesTokensThatSaySoUntilThePasskeyStepsUp(t *testing.T) {
	f := passwordFlow(t)
	body, to, header := atSignIn(t, f)
	for _, want := range []string{`id="username"`, `id="password"`, `id="password-signin"`, `action="/signin/password"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https:;") {
		t.Errorf("the form cannot lead to the application: %s", csp)
	}
	in := typed(t, f, phrase, to)
	if in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != to || in.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d to %q", in.StatusCode, in.Header.Get("Location"))
	}
	first := passwordClaims(t, f.Tokens(t).Text("id_token"))
	if first["acr"] != "pwd" || !equalList(first["amr"], "pwd") {
		t.Errorf("acr %v, amr %v", first["acr"], first["amr"])
	}
	// RFC 9470, Section 4: what the session does not meet leads to a passkey.
	body, _, _ = atSignIn(t, f, "acr_values", "phr")
	if strings.Contains(body, `id="password"`) || !strings.Contains(body, `id="start"`) {
		t.Error("the page takes a password where a passkey is asked for")
	}
	page := f.Open(t, "acr_values", "phr")
	second := passwordClaims(t, f.Redeem(t, page.URL.Query().Get("code")).Text("id_token"))
	if page.SignedIn != 1 || second["acr"] != "phr" || equalList(second["amr"], "pwd") {
		t.Errorf("signed in %d times, acr %v, amr %v", page.SignedIn, second["acr"], second["amr"])
	}
	if first["sid"] != second["sid"] || first["sub"] != second["sub"] {
		t.Errorf("sid %v became %v", first["sid"], second["sid"])
	}
}

func equalList(v any, want string) bool {
	list, _ := v.([]any)
	return len(list) == 1 && list[0] == want
}

// Requirement: authorize-acr-step-up
func TestAnEssentialPasskeyIsNotMetByAPassword(t *testing.T) {
	f := passwordFlow(t)
	_, to, _ := atSignIn(t, f, "claims", `{"id_token":{"acr":{"essential":true,"values":["phr"]}}}`)
	if in := typed(t, f, phrase, to); in.StatusCode != http.StatusSeeOther {
		t.Fatalf("got %d", in.StatusCode)
	}
	page, err := f.Person.Authorize(t.Context(), f.World.URL+to, softperson.Choices{StopAtSignIn: true})
	servertest.Check(t, err)
	if page.URL.Query().Get("code") != "" {
		t.Errorf("a code: %s", page.URL)
	}
}

// Requirement: authorize-password-off
func TestARealmThatTakesNoPasswordsShowsAndTakesNone(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	_, err := w.Server.SignIn.SetPassword(t.Context(), w.Site, signin.NewPassword{IdentityID: f.Identity.ID, Password: phrase})
	servertest.Check(t, err)
	newBrowser(t, f.Person)
	if body, _, _ := atSignIn(t, f); strings.Contains(body, `id="password"`) || !strings.Contains(body, "There is no password.") {
		t.Error("the page offers a password")
	}
	if in := typed(t, f, phrase, "/approver/"); in.StatusCode != http.StatusNotFound || len(in.Cookies()) != 0 {
		t.Errorf("got %d, cookies %v", in.StatusCode, in.Cookies())
	}
}

// Requirement: authorize-password
func TestTheFormRefusesInPlainWordsAndLeadsNowhereElse(t *testing.T) {
	f := passwordFlow(t)
	tests := []struct {
		name, text, to string
		headers        []string
		status         int
	}{
		{"wrong", "not the right one", "/approver/", nil, http.StatusForbidden},
		{"from another site", phrase, "/approver/", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"from another site, newer browsers", phrase, "/approver/", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"no form", phrase, "/approver/", []string{"Content-Type", "application/json"}, http.StatusUnsupportedMediaType},
		{"much too long", strings.Repeat("x", 10_000), "/approver/", nil, http.StatusRequestEntityTooLarge},
	}
	for _, tt := range tests {
		in := typed(t, f, tt.text, tt.to, tt.headers...)
		if in.StatusCode != tt.status || len(in.Cookies()) != 0 || !strings.HasPrefix(in.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d, %s, cookies %v", tt.name, in.StatusCode, in.Header.Get("Content-Type"), in.Cookies())
		}
	}
	if in := typed(t, f, phrase, "https://evil.example/"); in.Header.Get("Location") != "/approver/" {
		t.Errorf("led to %q", in.Header.Get("Location"))
	}
	var last *http.Response
	for range 8 {
		last = typed(t, f, "not the right one", "/approver/")
	}
	if last.StatusCode != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
		t.Errorf("after many: %d, Retry-After %q", last.StatusCode, last.Header.Get("Retry-After"))
	}
}

// A person who signed in with a password answers nothing without the passkey, not
// even with a no.
//
// Requirement: authorize-password
func TestAPasswordDecidesNoApproval(t *testing.T) {
	f := passwordFlow(t)
	asker := f.World.App(t, application.NewApplication{Scopes: []string{"openid"}})
	asked := f.Post(t, "/oauth/bc-authorize", asker.Form("scope", "openid", "login_hint", f.Identity.Traits.Username, "binding_message", "Deploy"))
	if asked.Status != http.StatusOK {
		t.Fatalf("ask: %d %s", asked.Status, asked.Body)
	}
	typed(t, f, phrase, "/approver/")
	list, err := f.Person.List(t.Context(), "pending")
	servertest.Check(t, err)
	if len(list) != 1 {
		t.Fatalf("list %v", list)
	}
	statement, err := f.Person.Statement(t.Context(), list[0].ID)
	servertest.Check(t, err)
	for _, answer := range []string{"approve", "deny"} {
		d, err := softperson.NewDecision(statement, answer)
		servertest.Check(t, err)
		signed, err := f.Person.Sign(d.Decision)
		servertest.Check(t, err)
		signed.Assertion = nil
		refused, ok := f.Person.Send(t.Context(), list[0].ID, signed).(*softperson.Problem) //nolint:errorlint // it is that type
		if !ok || refused.Status != http.StatusForbidden || refused.Code != "passkey_required" {
			t.Errorf("%s without the passkey: %v", answer, refused)
		}
	}
	if _, err := f.Person.Decide(t.Context(), list[0].ID, "approve"); err != nil {
		t.Errorf("with the passkey: %v", err)
	}
}

// A password must not lead to another passkey.
func TestAPasswordDoesNotProveAPasskeyToABindingLink(t *testing.T) {
	f := passwordFlow(t)
	typed(t, f, phrase, "/approver/")
	job, err := f.Server.Directory.CreateBindingJob(t.Context(), f.Site, directory.NewBinding{IdentityID: f.Identity.ID})
	servertest.Check(t, err)
	client := *f.Person.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Get(job.Link)
	servertest.Check(t, err)
	servertest.Check(t, resp.Body.Close())
	if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), "/signin?") {
		t.Fatalf("got %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	if page := f.World.Get(t, resp.Header.Get("Location")); strings.Contains(string(page.Body), `id="password"`) {
		t.Error("the page takes a password as a proof")
	}
}
