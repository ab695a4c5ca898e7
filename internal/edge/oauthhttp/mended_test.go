package oauthhttp_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

// What somebody may do at one service says nothing of another.
//
// Requirement: consent-remembered
func TestConsentForAScopeIsForTheServiceThatItWasGivenFor(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Resources: []string{"https://notes.example", "https://bank.example"}})
	for _, agreed := range [][]string{{"scope", "write", "resource", "https://notes.example"}, {"scope", "read", "resource", "https://bank.example"}} {
		if page := f.Open(t, agreed...); page.Asked != 1 {
			t.Fatalf("%v: asked %d times", agreed, page.Asked)
		}
		if page := f.Open(t, agreed...); page.Asked != 0 {
			t.Errorf("%v again: asked %d times", agreed, page.Asked)
		}
	}
	if page := f.Open(t, "scope", "write", "resource", "https://bank.example"); page.Asked != 1 {
		t.Error("two answers were put together to a third")
	}
}

// Requirement: consent-remembered, rar-registered-types
func TestDetailsAreAskedAboutEachTime(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	pairs := []string{"authorization_details", details}
	for range 2 {
		if page := f.Open(t, pairs...); page.Asked != 1 || page.URL.Query().Get("code") == "" {
			t.Fatalf("asked %d times: %s", page.Asked, page.URL)
		}
	}
	if page := f.Open(t, append(pairs, "prompt", "none")...); page.URL.Query().Get("error") != "consent_required" {
		t.Errorf("silently: %s", page.URL)
	}
}

// However often its page is loaded again, a request is over an hour after it
// came.
//
// Requirement: authorize-prompt-login
func TestAWaitingRequestEndsHoweverOftenItIsLoaded(t *testing.T) {
	w, clock := clocked(t)
	f := w.Flow(t, application.NewApplication{})
	_, err := f.Person.Call(t.Context(), "POST", w.URL+"/signout", map[string]any{})
	servertest.Check(t, err)
	page, err := f.Person.Authorize(t.Context(), f.URL(), softperson.Choices{StopAtSignIn: true})
	servertest.Check(t, err)
	for range 3 { // each answer holds a fresh transaction
		clock.Turn(25 * time.Minute)
		back, err := url.Parse(page.URL.Query().Get("return_to"))
		servertest.Check(t, err)
		if page, err = f.Person.Authorize(t.Context(), w.URL+back.String(), softperson.Choices{StopAtSignIn: true}); err != nil {
			t.Fatal(err)
		}
	}
	if page.Status != 400 || !strings.Contains(page.Body, "too old") {
		t.Errorf("after 75 minutes: %d %s", page.Status, page.URL)
	}
}

// An expired code ends nothing for whoever lacks what belongs to it.
//
// Requirement: code-reuse-revokes
func TestAnOldCodeFromALogEndsNothing(t *testing.T) {
	w, clock := clocked(t)
	f := w.Flow(t, application.NewApplication{AuthMethod: model.AuthNone, Kind: model.KindSPA})
	code := f.Code(t)
	tokens := f.Redeem(t, code)
	clock.Turn(2 * time.Minute)
	if got := f.Redeem(t, code, "code_verifier", strings.Repeat("x", 43)); got.Text("error") != "invalid_grant" {
		t.Errorf("got %s", got.Body)
	}
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Status != 200 {
		t.Errorf("the grant was ended: %s", got.Body)
	}
}

// Requirement: subject-pairwise
func TestPairwiseClientsCannotCompareSessionsOrGuessIdentities(t *testing.T) {
	w := servertest.Start(t, nil)
	pairwise := func(host string) *servertest.Flow {
		return w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{SubjectType: "pairwise",
			RedirectURIs: []string{"https://" + host + "/cb"}}})
	}
	one, two := pairwise("one.example"), pairwise("two.example")
	two.Person, two.Identity = one.Person, one.Identity
	first, second := idToken(t, one), idToken(t, two)
	if first["sid"] == second["sid"] || first["sub"] == second["sub"] || first["sid"] == nil {
		t.Errorf("two sectors see %v and %v", first, second)
	}
	if again := idToken(t, one); again["sid"] != first["sid"] {
		t.Errorf("sid changed from %v to %v", first["sid"], again["sid"])
	}
	guess := `{"id_token":{"sub":{"value":"` + string(one.Identity.ID) + `"}}}`
	if page := one.Open(t, "prompt", "none", "claims", guess); page.URL.Query().Get("error") != "login_required" {
		t.Errorf("a guess is confirmed: %s", page.URL)
	}
}
