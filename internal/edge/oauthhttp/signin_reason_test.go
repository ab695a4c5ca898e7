package oauthhttp_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

// heading is what the page that a request leads to is called; "" where it leads
// over no page.
func heading(t *testing.T, f *servertest.Flow, pairs ...string) (string, shown) {
	t.Helper()
	b := browserOf(f.Person)
	page := b.open(t, f.URL(pairs...))
	for page.location != nil && strings.HasPrefix(page.location.String(), f.World.URL) {
		page = b.open(t, page.location.String())
	}
	found := regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`).FindStringSubmatch(page.body)
	if page.location != nil || found == nil {
		return "", page
	}
	return html.UnescapeString(found[1]), page
}

// Requirement: pages-wrong-account, pages-stepup
func TestTheSignInPageSaysWhySomebodySignsInAgain(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	own := f.Tokens(t).Text("id_token")
	other := *f
	other.Person, other.Identity = w.Person(t, "eve")
	foreign := other.Tokens(t).Text("id_token")
	tests := []struct {
		name  string
		pairs []string
		want  string
	}{
		{"nothing", nil, ""},
		{"their own token", []string{"id_token_hint", own}, ""},
		{"somebody else's token", []string{"id_token_hint", foreign}, "Use another account"},
		{"login", []string{"prompt", "login"}, "Confirm that it is you"},
		{"a choice", []string{"prompt", "select_account"}, "Choose an account"},
		{"their own name", []string{"login_hint", strings.ToUpper(f.Identity.Traits.Username)}, ""},
		{"their own id", []string{"login_hint", string(f.Identity.ID)}, ""},
		{"another's name", []string{"login_hint", "eve"}, "Is this the right account?"},
		{"nobody's name", []string{"login_hint", "nobody-at-all"}, "Is this the right account?"},
		{"another's name, but no page", []string{"login_hint", "eve", "prompt", "none"}, ""},
		{"another's name and login", []string{"login_hint", "eve", "prompt", "login"}, "Confirm that it is you"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, page := heading(t, f, tt.pairs...)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.want == "" && (page.location == nil || page.location.Query().Get("code") == "") {
				t.Errorf("no code: %d %v", page.status, page.location)
			}
		})
	}
}

// A hint asks once: who says that they go on as themselves does, and nobody can
// say so for them.
//
// Requirement: pages-wrong-account
func TestWhoIsHintedAtMayStayWhoTheyAre(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	f.Tokens(t)
	_, page := heading(t, f, "login_hint", "eve@<b>example</b>")
	if strings.Contains(page.body, "<b>example") {
		t.Error("a hint became markup")
	}
	found := regexp.MustCompile(`id="stay" href="([^"]*)"`).FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("no way to stay:\n%s", page.body)
	}
	stay := w.URL + html.UnescapeString(found[1])
	b := browserOf(f.Person)
	if on := b.open(t, stay); on.location == nil || on.location.Query().Get("code") == "" {
		t.Errorf("staying leads to %d %v", on.status, on.location)
	}
	forged := strings.Replace(stay, string(f.Identity.ID), "idn_00000000000000000000000000", 1)
	if on := b.open(t, forged); on.location == nil || !strings.HasSuffix(on.location.Path, "/signin") {
		t.Errorf("staying as somebody else leads to %d %v", on.status, on.location)
	}
}

// Whoever signs in after all goes on, with consent asked of them.
func TestAfterAHintAnybodyMaySignIn(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	f.Tokens(t)
	page, err := f.Person.Authorize(t.Context(), f.URL("login_hint", "eve"), softperson.Choices{})
	servertest.Check(t, err)
	if page.SignedIn != 1 || page.URL.Query().Get("code") == "" {
		t.Errorf("signed in %d times, and got to %s", page.SignedIn, page.URL)
	}
}
