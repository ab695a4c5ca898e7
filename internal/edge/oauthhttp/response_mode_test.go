package oauthhttp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

// OAuth 2.0 Form Post Response Mode, Section 2.
//
// Requirement: authorize-form-post, authorize-pages-without-script, authorize-pages-csp
func TestFormPostIsAPageThatPostsTheAnswer(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{RedirectURIs: []string{"https://app.example:8443/cb?keep=1"}}})
	const hostile = `"><script>alert(1)</script>&amp;'`
	page := f.Open(t, "response_mode", "form_post", "state", hostile)
	members(t, page.Posted, "code", "state", "iss")
	if page.Status != http.StatusOK || page.URL.String() != "https://app.example:8443/cb?keep=1" {
		t.Errorf("posts to %s, %d", page.URL, page.Status)
	}
	if page.Posted.Get("state") != hostile || page.Posted.Get("iss") != w.URL || strings.Contains(page.Body, "<script>") {
		t.Errorf("fields = %v\n%s", page.Posted, page.Body)
	}
	for _, want := range []string{`method="post"`, `<button class="button button-primary" type="submit" id="go-on">`, "/pages/scripts/pages.js?v="} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	csp := page.Header.Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || !strings.Contains(csp, " form-action 'self' https:; ") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy = %q", csp)
	}
	if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers = %v", page.Header)
	}
	if got := f.Redeem(t, page.Posted.Get("code")); got.Status != 200 {
		t.Errorf("the code: %d %s", got.Status, got.Body)
	}
	refused := f.Open(t, "response_mode", "form_post", "scope", "admin")
	members(t, refused.Posted, "error", "error_description", "state", "iss")
}

// RFC 8252, Section 7.1: a private-use scheme takes no forms.
//
// Requirement: authorize-response-mode
func TestFormPostNeedsAPlaceOnTheWeb(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone,
		Settings: model.ApplicationSettings{RedirectURIs: []string{"com.example.app:/cb", "http://[::1]:7777/cb"}}})
	if got := f.Open(t, "response_mode", "form_post").URL; got.Scheme != "com.example.app" || got.Query().Get("error") != "invalid_request" {
		t.Errorf("got %s", got)
	}
	page := f.Open(t, "response_mode", "form_post", "redirect_uri", "http://[::1]:8/cb")
	if page.Posted.Get("code") == "" || !strings.Contains(page.Header.Get("Content-Security-Policy"), " form-action 'self' https: http:; ") {
		t.Errorf("on an IPv6 address: %s %v %s", page.URL, page.Posted, page.Header.Get("Content-Security-Policy"))
	}
}

// signedAnswer reads the one member of a signed response and verifies it as a
// client does, with the published keys.
func signedAnswer(t *testing.T, w *servertest.World, answer url.Values, alg string) map[string]any {
	t.Helper()
	members(t, answer, "response")
	u, err := jose.Peek(answer.Get("response"))
	servertest.Check(t, err)
	if string(u.Header().Alg) != alg {
		t.Errorf("signed with %s, want %s", u.Header().Alg, alg)
	}
	set, err := jose.ParseSet(w.Get(t, "/oauth/jwks").Body)
	servertest.Check(t, err)
	for _, key := range set {
		if key.KID() == u.Header().KID {
			_, err := jose.Verify(u, key)
			servertest.Check(t, err)
			return claimsOf(t, answer.Get("response"))
		}
	}
	t.Fatalf("no published key %s", u.Header().KID)
	return nil
}

// JARM, Sections 2.1, 2.3 and 3.
//
// Requirement: jarm-modes, jarm-claims, jarm-errors, jarm-algorithm
func TestSignedResponsesHoldTheWholeAnswer(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, alg := range []string{"ES256", "PS256", "EdDSA", "RS256"} {
		f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{AuthorizationAlg: alg,
			RedirectURIs: []string{servertest.Callback + "?keep=1"}}})
		for _, mode := range []string{"jwt", "query.jwt", "form_post.jwt"} {
			for _, scope := range []string{"openid", "admin"} {
				page := f.Open(t, "response_mode", mode, "scope", scope)
				answer := page.Posted
				if mode != "form_post.jwt" {
					answer = page.URL.Query()
				}
				if answer.Get("keep") != "1" && mode != "form_post.jwt" {
					t.Errorf("the registered query is lost: %v", answer)
				}
				answer.Del("keep")
				c := signedAnswer(t, w, answer, alg)
				exp, _ := c["exp"].(float64)
				left := time.Until(time.Unix(int64(exp), 0))
				if c["iss"] != w.URL || c["aud"] != f.App.ID || left <= 0 || left > 10*time.Minute || c["state"] != "st-1" {
					t.Errorf("%s %s: %v", alg, mode, c)
				}
				want := map[string]int{"openid": 5, "admin": 6}[scope] // iss, aud, exp, state; code, or error and error_description
				if (c["code"] != nil) != (scope == "openid") || (c["error"] == "invalid_scope") != (scope == "admin") || len(c) != want {
					t.Errorf("%s %s %s: %v", alg, mode, scope, c)
				}
			}
		}
		if page := f.Open(t); page.URL.Query().Get("code") == "" {
			t.Errorf("without response_mode: %s", page.URL)
		}
	}
}

// RFC 8725, Section 3.12: one kind of our own JWTs does not pass for another.
//
// Requirement: jarm-claims
func TestASignedResponseIsNoIDToken(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{AuthorizationAlg: "ES256"}})
	response := f.Open(t, "response_mode", "jwt").URL.Query().Get("response")
	if got := f.Open(t, "id_token_hint", response).URL.Query(); got.Get("error") != "invalid_request" {
		t.Errorf("as a hint: %v", got)
	}
	if got := w.Post(t, "/oauth/introspect", f.Form("token", response)); got.JSON["active"] != false {
		t.Errorf("as an access token: %s", got.Body)
	}
}

// Whoever registered for one form gets that, and refusals in it, too.
//
// Requirement: jarm-modes, jarm-errors, authorize-response-mode, profile-switch-alone
func TestAnApplicationGetsTheResponseModesItIsRegisteredFor(t *testing.T) {
	w := servertest.Start(t, nil)
	tests := []struct {
		name     string
		settings model.ApplicationSettings
		asked    string
		want     string // query, post, jwt, post jwt
		refused  bool
	}{
		{"nothing said", model.ApplicationSettings{}, "", "query", false},
		{"query", model.ApplicationSettings{}, "query", "query", false},
		{"signed without an algorithm", model.ApplicationSettings{}, "jwt", "query", true},
		{"fragment", model.ApplicationSettings{}, "fragment", "query", true},
		{"fragment.jwt", model.ApplicationSettings{AuthorizationAlg: "ES256"}, "fragment.jwt", "query", true},
		{"an unknown one", model.ApplicationSettings{}, "web_message", "query", true},
		{"forms alone, nothing said", model.ApplicationSettings{ResponseModes: []string{"form_post"}}, "", "post", false},
		{"forms alone, query", model.ApplicationSettings{ResponseModes: []string{"form_post"}}, "query", "post", true},
		{"forms and query, nothing said", model.ApplicationSettings{ResponseModes: []string{"form_post", "query"}}, "", "query", false},
		{"signed alone, nothing said", model.ApplicationSettings{ResponseModes: []string{"jwt", "form_post.jwt"}}, "", "jwt", false},
		{"signed alone, form", model.ApplicationSettings{ResponseModes: []string{"jwt", "form_post.jwt"}}, "form_post.jwt", "post jwt", false},
		{"signed alone, query", model.ApplicationSettings{ResponseModes: []string{"jwt", "form_post.jwt"}}, "query", "jwt", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := w.Flow(t, application.NewApplication{Settings: tt.settings})
			page := f.Open(t, "response_mode", tt.asked)
			answer, form := page.URL.Query(), ""
			if page.Posted != nil {
				answer, form = page.Posted, "post"
			}
			if answer.Has("response") {
				form = strings.TrimSpace(form + " jwt")
				claims := claimsOf(t, answer.Get("response"))
				answer = url.Values{}
				for name, value := range claims {
					if text, ok := value.(string); ok {
						answer.Set(name, text)
					}
				}
			}
			if form == "" {
				form = "query"
			}
			if form != tt.want || (answer.Get("error") == "invalid_request") != tt.refused || (answer.Get("code") == "") != tt.refused {
				t.Errorf("by %s: %v", form, answer)
			}
		})
	}
}

// FAPI 2.0 Message Signing, Section 5.4.
//
// Requirement: profile-fapi2-message-signing, jarm-modes
func TestMessageSigningSignsEveryResponse(t *testing.T) {
	w := servertest.Start(t, nil)
	key := newKey(t, jose.ES256)
	n := application.NewApplication{AuthMethod: model.AuthPrivateKeyJWT, JWKS: publicKeys(key),
		Settings: model.ApplicationSettings{Profile: model.ProfileFAPI2Signing}}
	servertest.Check(t, application.Apply(model.ProfileFAPI2Signing, &n.Settings))
	f := w.Flow(t, n)
	f.App.Key = key
	s := signer{f, key}
	prover := servertest.NewProver(t)
	send := func(form url.Values) servertest.Answer {
		for name, values := range f.App.AssertionForm(t, w.URL, nil) {
			form[name] = values
		}
		return w.Post(t, "/oauth/par", form, "DPoP", prover.Proof(t, http.MethodPost, w.URL+"/oauth/par", nil))
	}
	if got := send(f.Params()); got.Text("error") != "invalid_request" {
		t.Errorf("unsigned: %d %s", got.Status, got.Body)
	}
	if page := s.direct(t, s.object(t, nil)); signedAnswer(t, w, page.URL.Query(), "ES256")["error"] != "invalid_request" {
		t.Errorf("not pushed: %s", page.URL)
	}
	pushed := send(url.Values{"request": {s.object(t, nil)}})
	if pushed.Status != 201 {
		t.Fatalf("pushed: %d %s", pushed.Status, pushed.Body)
	}
	page, err := f.Person.Authorize(t.Context(), w.URL+"/oauth/authorize?"+url.Values{"client_id": {f.App.ID},
		"request_uri": {pushed.Text("request_uri")}}.Encode(), softperson.Choices{})
	servertest.Check(t, err)
	if c := signedAnswer(t, w, page.URL.Query(), "ES256"); c["code"] == nil || c["state"] != "signed" {
		t.Errorf("answer = %v", c)
	}
	for _, mode := range []string{"query", "form_post"} {
		if got := send(url.Values{"request": {s.object(t, map[string]any{"response_mode": mode})}}); got.Text("error") != "invalid_request" {
			t.Errorf("%s: %d %s", mode, got.Status, got.Body)
		}
	}
}
