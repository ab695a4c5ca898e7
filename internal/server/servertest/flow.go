package servertest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// Callback is where the applications of flows are registered to be answered.
const Callback = "https://app.example/callback"

// A Flow is one person at one application with a redirect URI.
type Flow struct {
	*World
	App      App
	Person   *softperson.Person
	Identity model.Identity
	Verifier string
	Redirect string
	issuer   string
}

// Flow registers an application that people sign in to, and a person. Without
// further settings it is a confidential client_secret_post application that must
// use PKCE and gets refresh tokens that rotate.
func (w *World) Flow(t testing.TB, n application.NewApplication) *Flow {
	t.Helper()
	n = flowDefaults(n)
	f := &Flow{World: w, App: w.App(t, n), Verifier: ids.Secret(), Redirect: n.Settings.RedirectURIs[0], issuer: w.Site.Issuer}
	f.Person, f.Identity = w.Person(t, "ada"+ids.New("x")[20:])
	return f
}

// flowDefaults fills in what a relying party is registered with.
func flowDefaults(n application.NewApplication) application.NewApplication {
	if n.Kind == "" {
		n.Kind = model.KindWeb
	}
	if n.GrantTypes == nil {
		n.GrantTypes = []string{oauth.GrantCode, oauth.GrantRefresh}
	}
	if n.Scopes == nil {
		n.Scopes = []string{"openid", "profile", "email", "offline_access", "read", "write"}
	}
	if n.Settings.RedirectURIs == nil {
		n.Settings.RedirectURIs = []string{Callback}
	}
	if n.Settings.Refresh == "" {
		n.Settings.Refresh = model.RefreshRotate
	}
	return n
}

// Challenge is the S256 challenge of a verifier (RFC 7636, Section 4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Params are those of a good authorization request; pairs change them, and an
// empty value leaves its parameter out.
func (f *Flow) Params(pairs ...string) url.Values {
	v := url.Values{"response_type": {"code"}, "client_id": {f.App.ID}, "redirect_uri": {f.Redirect}, "scope": {"openid read"},
		"state": {"st-1"}, "nonce": {"n-1"}, "code_challenge": {Challenge(f.Verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

// URL is the authorization request as a link.
func (f *Flow) URL(pairs ...string) string {
	return f.issuer + "/oauth/authorize?" + f.Params(pairs...).Encode()
}

// Open walks an authorization request as the person who agrees to everything.
func (f *Flow) Open(t testing.TB, pairs ...string) softperson.Page {
	t.Helper()
	page, err := f.Person.Authorize(t.Context(), f.URL(pairs...), softperson.Choices{})
	Check(t, err)
	return page
}

// Code is the code that a request leads to.
func (f *Flow) Code(t testing.TB, pairs ...string) string {
	t.Helper()
	page := f.Open(t, pairs...)
	code := page.URL.Query().Get("code")
	if !page.Left || code == "" {
		t.Fatalf("no code: %d %s\n%s", page.Status, page.URL, page.Body)
	}
	return code
}

// Redeem takes a code to the token endpoint.
func (f *Flow) Redeem(t testing.TB, code string, pairs ...string) Answer {
	t.Helper()
	return f.Post(t, "/oauth/token", f.Form(append([]string{"grant_type", oauth.GrantCode, "code", code, "redirect_uri", f.Redirect,
		"code_verifier", f.Verifier}, pairs...)...))
}

// Form is a form with the application's credentials; an empty value leaves its
// parameter out.
func (f *Flow) Form(pairs ...string) url.Values {
	v := url.Values{"client_id": {f.App.ID}}
	if f.App.Secret != "" {
		v.Set("client_secret", f.App.Secret)
	}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

// Tokens signs the person in and redeems the code.
func (f *Flow) Tokens(t testing.TB, pairs ...string) Answer {
	t.Helper()
	got := f.Redeem(t, f.Code(t, pairs...))
	if got.Status != 200 {
		t.Fatalf("token endpoint: %d %s", got.Status, got.Body)
	}
	return got
}

// Refresh uses a refresh token.
func (f *Flow) Refresh(t testing.TB, token string, pairs ...string) Answer {
	t.Helper()
	return f.Post(t, "/oauth/token", f.Form(append([]string{"grant_type", oauth.GrantRefresh, "refresh_token", token}, pairs...)...))
}
