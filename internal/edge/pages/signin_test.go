package pages_test

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// requests are the authorization requests that wait for a person, by transaction.
type requests map[string]oauth.SignInNeed

func (q requests) SignInNeed(_ context.Context, _ *model.Site, transaction string) oauth.SignInNeed {
	return q[transaction]
}

func (q requests) SignInReason(_ context.Context, _ *model.Site, transaction string, _ *oauth.SignedIn) oauth.SignInReason {
	return oauth.SignInReason(transaction)
}

// signedIn is a browser in which Alice has signed in.
func signedIn(t *testing.T, h *house) (*browser, model.Identity, signintest.Device) {
	t.Helper()
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	b := h.browser()
	b.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	return b, alice, device
}

// Requirement: pages-signin-returning
func TestWhoIsSignedInIsOfferedToGoOnWithoutACeremony(t *testing.T) {
	h := newHouse(t)
	b, alice, _ := signedIn(t, h)
	page := text(t, b.get(t, "/signin?return_to=/approver/history"))
	for _, want := range []string{`id="stay" href="/approver/history"`, alice.DisplayName, `href="/signin?other=1&amp;return_to=%2Fapprover%2Fhistory"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "assent-ceremony") {
		t.Error("the page begins a ceremony that nobody asked for")
	}
	if first := text(t, h.browser().get(t, "/signin")); strings.Contains(first, alice.DisplayName) {
		t.Error("a page for strangers names who signed in last")
	}
}

// Requirement: pages-stepup
func TestAStepUpTakesAPasskeyAgainAndMakesTheAuthenticationNew(t *testing.T) {
	h := newHouse(t)
	b, alice, device := signedIn(t, h)
	before, _, err := h.SignIn.Session(t.Context(), h.Site, b.cookies["assent"])
	if err != nil {
		t.Fatal(err)
	}
	h.Clock.Advance(10 * time.Minute)
	page := text(t, b.get(t, "/signin?reauth=1&return_to=/account"))
	if !strings.Contains(page, "Confirm that it is you") || !strings.Contains(page, alice.DisplayName) || strings.Contains(page, "webauthn") {
		t.Errorf("got\n%s", page)
	}
	c := readCeremony(t, page)
	response, err := device.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	if r := b.post(t, "/signin", answer{c.State, response}); member(t, r, "return_to") != "/account" {
		t.Errorf("got %d", r.StatusCode)
	}
	after, _, err := h.SignIn.Session(t.Context(), h.Site, b.cookies["assent"])
	if err != nil || after.ID != before.ID || after.AuthTime != model.MillisOf(h.Clock.Now()) {
		t.Errorf("the session was %+v and is %+v (%v)", before, after, err)
	}
}

// Nobody is signed in, so there is nobody to confirm.
func TestAStepUpWithoutASessionIsAnOrdinarySignIn(t *testing.T) {
	page := text(t, newHouse(t).browser().get(t, "/signin?reauth=1"))
	if !strings.Contains(page, "<h1>Sign in</h1>") {
		t.Errorf("got\n%s", page)
	}
}

func TestThePageSaysWhatTheRequestAsksOfWhoIsSignedIn(t *testing.T) {
	need := oauth.SignInNeed{Party: party, Redirect: "https://ledger.example/cb", Hint: `eve"><script>`}
	waiting := requests{"again": need, "choose": need, "other": need, "hint": need, "": {}}
	h := newHouse(t, func(c *pages.Config) { c.Apps = waiting })
	b, alice, _ := signedIn(t, h)
	tests := []struct {
		transaction string
		want        []string
		ceremony    bool
	}{
		{"again", []string{"Confirm that it is you", "Ledger"}, true},
		{"choose", []string{"Choose an account", "Ledger"}, true},
		{"other", []string{"Use another account", "Ledger", "It asks for", "eve&#34;&gt;&lt;script&gt;"}, true},
		{"hint", []string{"Is this the right account?", "Ledger", "eve&#34;&gt;&lt;script&gt;", "stay=" + string(alice.ID)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.transaction, func(t *testing.T) {
			to := "/oauth/authorize/resume?transaction=" + tt.transaction
			page := text(t, b.get(t, "/signin?return_to="+url.QueryEscape(to)))
			for _, want := range append(tt.want, alice.DisplayName, "/oauth/authorize/cancel?transaction="+tt.transaction) {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if strings.Contains(page, `id="assent-ceremony"`) != tt.ceremony || strings.Contains(page, "<script>") {
				t.Errorf("got\n%s", page)
			}
		})
	}
}

func TestAnApplicationsLanguageGoesBeforeTheBrowsers(t *testing.T) {
	h := newHouse(t, func(c *pages.Config) {
		c.Texts = pseudo(t)
		c.Apps = requests{"t": {Party: party, Locales: "tlh qps-ploc"}}
	})
	r := h.browser().getIn(t, "/signin?return_to="+url.QueryEscape("/oauth/authorize/resume?transaction=t"), "en")
	if page := text(t, r); r.Header.Get("Content-Language") != "qps-ploc" || !strings.Contains(page, "‹Sign in›") {
		t.Errorf("got %v", r.Header)
	}
}

// Requirement: pages-signals
func TestASignInNamesThePasskeysThatCount(t *testing.T) {
	h := newHouse(t)
	b, alice, device := signedIn(t, h)
	second := signintest.Software(t, h.Site)
	if r := b.bind(t, "", h.Token(t, h.Site, alice.ID), second); r.StatusCode != http.StatusOK {
		t.Fatalf("bind: %d", r.StatusCode)
	}
	keys, err := h.Directory.Passkeys(t.Context(), h.Site, alice.ID)
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	var said struct {
		UserID   string   `json:"user_id"`
		Accepted []string `json:"accepted"`
	}
	if err := json.Unmarshal([]byte(text(t, b.signIn(t, "", "", device))), &said); err != nil {
		t.Fatal(err)
	}
	if said.UserID != base64.RawURLEncoding.EncodeToString([]byte(alice.ID)) || len(said.Accepted) != 2 {
		t.Errorf("got %+v", said)
	}
	for _, k := range keys {
		if !slices.Contains(said.Accepted, base64.RawURLEncoding.EncodeToString(k.CredentialID)) {
			t.Errorf("%s is not accepted", k.ID)
		}
	}
	// A browser forgets what is not in the list, so a refusal must have none.
	if refused := text(t, b.signIn(t, "", "", signintest.Software(t, h.Site))); strings.Contains(refused, "accepted") {
		t.Errorf("a refusal says %s", refused)
	}
}

// Requirement: pages-realms-apart, pages-signals
func TestAPasskeyOfAnotherRealmIsToldApartFromOneThatNobodyKnows(t *testing.T) {
	h := newHouse(t)
	bob := h.Person(t, h.Other, "bob")
	device := signintest.NewVirtual(h.Other)
	b := h.browser()
	b.bind(t, "/realms/blue", h.Token(t, h.Other, bob.ID), device)
	if r := b.signIn(t, "", "", device); r.StatusCode != http.StatusForbidden || member(t, r, "code") != "passkey_elsewhere" {
		t.Errorf("got %d", r.StatusCode)
	}
	if r := b.signIn(t, "/realms/blue", "", device); r.StatusCode != http.StatusOK {
		t.Errorf("at home: %d", r.StatusCode)
	}
}

// Requirement: pages-signin-light
func TestTheSignInPageFitsIntoTheFirstFlight(t *testing.T) {
	h := newHouse(t)
	b, _, _ := signedIn(t, h)
	packed := func(b *browser, encoding string) *http.Response {
		r := httptest.NewRequest("GET", signintest.Base+"/signin", nil)
		r.Header.Set("Accept-Encoding", encoding)
		return b.do(t, r)
	}
	r := packed(h.browser(), "br, gzip")
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" || len(body) > 12_000 {
		t.Fatalf("got %d bytes (%v), %v", len(body), err, r.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	if page, err := io.ReadAll(z); err != nil || !strings.HasSuffix(strings.TrimSpace(string(page)), "</html>") {
		t.Errorf("got %q (%v)", page, err)
	}
	for name, r := range map[string]*http.Response{"a browser that reads no gzip": packed(h.browser(), "br, gzip;q=0"), "a page that names somebody": packed(b, "gzip")} {
		if got := text(t, r); r.Header.Get("Content-Encoding") != "" || !strings.Contains(got, "</html>") {
			t.Errorf("%s: %v", name, r.Header)
		}
	}
}
