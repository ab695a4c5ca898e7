package oauthhttp_test

import (
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// clocked is a server whose clock the test turns.
func clocked(t *testing.T) (*servertest.World, *servertest.Clock) {
	t.Helper()
	clock := &servertest.Clock{}
	return servertest.Start(t, func(c *server.Config) { c.Now = clock.Now }), clock
}

// idToken is the ID token that a request leads to.
func idToken(t *testing.T, f *servertest.Flow, pairs ...string) map[string]any {
	t.Helper()
	return claimsOf(t, f.Tokens(t, pairs...).Text("id_token"))
}

// Requirement: authorize-prompt-none, authorize-prompt-none-silent
func TestPromptNoneNeverShowsAPage(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	refused := func(want string) {
		t.Helper()
		page := f.Open(t, "prompt", "none")
		if page.SignedIn+page.Asked != 0 || page.URL.Query().Get("error") != want {
			t.Errorf("got %s, want %s", page.URL, want)
		}
	}
	refused("consent_required")
	first := idToken(t, f)
	silent := f.Open(t, "prompt", "none")
	if silent.SignedIn+silent.Asked != 0 || !silent.Left {
		t.Fatalf("not silent: %+v", silent)
	}
	second := idToken(t, f, "prompt", "none")
	for _, same := range []string{"sub", "auth_time", "sid"} {
		if first[same] != second[same] || first[same] == nil {
			t.Errorf("%s = %v, then %v", same, first[same], second[same])
		}
	}
	_, err := f.Person.Call(t.Context(), "POST", w.URL+"/signout", map[string]any{})
	servertest.Check(t, err)
	refused("login_required")
}

// Requirement: authorize-prompt-login, authorize-max-age
func TestPromptLoginAndMaxAgeSignInAgain(t *testing.T) {
	w, clock := clocked(t)
	f := w.Flow(t, application.NewApplication{})
	first := idToken(t, f)
	clock.Turn(10 * time.Second)
	page := f.Open(t, "max_age", "3600")
	if page.SignedIn != 0 {
		t.Error("a young session signed in again")
	}
	for _, again := range [][]string{{"prompt", "login"}, {"max_age", "5"}, {"max_age", "0"}, {"prompt", "select_account"}} {
		clock.Turn(10 * time.Second)
		page := f.Open(t, again...)
		if page.SignedIn != 1 || !page.Left {
			t.Fatalf("%v: signed in %d times", again, page.SignedIn)
		}
		got := claimsOf(t, f.Redeem(t, page.URL.Query().Get("code")).Text("id_token"))
		if got["auth_time"].(float64) <= first["auth_time"].(float64) || got["sid"] != first["sid"] || got["sub"] != first["sub"] {
			t.Errorf("%v: %v, before %v", again, got, first)
		}
		first = got
	}
}

// Requirement: authorize-id-token-hint
func TestAHintForSomebodyElseDoesNotPass(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	own := f.Tokens(t).Text("id_token")
	if page := f.Open(t, "id_token_hint", own, "prompt", "none"); page.URL.Query().Get("code") == "" {
		t.Errorf("their own hint: %s", page.URL)
	}
	other := *f
	other.Person, other.Identity = w.Person(t, "eve")
	foreign := other.Tokens(t).Text("id_token")
	if page := f.Open(t, "id_token_hint", foreign, "prompt", "none"); page.URL.Query().Get("error") != "login_required" {
		t.Errorf("another's hint: %s", page.URL)
	}
}

// Who has signed in as well as can be is not sent round; what nobody can do is
// said, if it is essential (RFC 9470, Section 4).
//
// Requirement: authorize-acr-step-up
func TestAuthenticationContextIsReportedAndAnImpossibleOneRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	got := idToken(t, f, "acr_values", "phr")
	if got["acr"] != "phr" || got["amr"] == nil {
		t.Errorf("acr, amr = %v, %v", got["acr"], got["amr"])
	}
	if got := idToken(t, f, "acr_values", "unheard-of"); got["acr"] != "phr" {
		t.Errorf("a voluntary one: acr = %v", got["acr"])
	}
	page := f.Open(t, "claims", `{"id_token":{"acr":{"essential":true,"values":["unheard-of"]}}}`)
	if page.URL.Query().Get("error") != "unmet_authentication_requirements" {
		t.Errorf("an essential one: %s", page.URL)
	}
}

// Requirement: authorize-max-age
func TestAnApplicationsDefaultMaxAgeHolds(t *testing.T) {
	w, clock := clocked(t)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{DefaultMaxAge: 60}})
	f.Tokens(t)
	clock.Turn(2 * time.Minute)
	if page := f.Open(t); page.SignedIn != 1 {
		t.Errorf("signed in %d times", page.SignedIn)
	}
}
