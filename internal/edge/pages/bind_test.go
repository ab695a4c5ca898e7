package pages_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// form is what a page of ours sends.
func (b *browser) form(t *testing.T, path string, values url.Values, site string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("POST", signintest.Base+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	return b.do(t, r)
}

// Requirement: binding-wrong-account
func TestWhoIsSignedInAsSomebodyElseIsToldSoAndMayGoOn(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.Person(t, h.Site, "alice"), h.Person(t, h.Site, "bob")
	b := h.browser()
	b.bind(t, "", h.Token(t, h.Site, bob.ID), signintest.Software(t, h.Site))
	link := h.Token(t, h.Site, alice.ID)
	r := b.get(t, "/bind?token="+link)
	page := text(t, r)
	if r.StatusCode != http.StatusConflict || !strings.Contains(page, "<bdi>Bob</bdi>") || strings.Contains(page, "Alice") || strings.Contains(page, "assent-ceremony") {
		t.Fatalf("%d %s", r.StatusCode, page)
	}
	if !strings.Contains(page, `action="/bind/switch"`) || !strings.Contains(page, `value="`+link+`"`) {
		t.Errorf("no way on: %s", page)
	}
	if r := b.form(t, "/bind/switch", url.Values{"token": {link}}, "cross-site"); r.StatusCode != http.StatusForbidden || len(b.cookies) == 0 {
		t.Errorf("another site signed them out: %d", r.StatusCode)
	}
	old := b.cookies["assent"]
	on := b.form(t, "/bind/switch", url.Values{"token": {link}}, "same-origin")
	if on.StatusCode != http.StatusSeeOther || on.Header.Get("Location") != "/bind?token="+link || len(b.cookies) != 0 {
		t.Errorf("%d to %s, cookies %v", on.StatusCode, on.Header.Get("Location"), b.cookies)
	}
	if _, _, err := h.SignIn.Session(t.Context(), h.Site, old); err == nil {
		t.Error("the session lives on")
	}
	if r := b.bind(t, "", link, signintest.Software(t, h.Site)); r.StatusCode != http.StatusOK {
		t.Errorf("bind after signing out: %d", r.StatusCode)
	}
	odd := b.form(t, "/bind/switch", url.Values{"token": {"x&return_to=//evil.example"}}, "same-origin")
	if to := odd.Header.Get("Location"); to != "/bind?token=x%26return_to%3D%2F%2Fevil.example" {
		t.Errorf("an odd token leads to %q", to)
	}
}

// Requirement: binding-suspended
func TestTheLinkOfASuspendedPersonSaysWhomToAskAndWorksAgainLater(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	link := h.Token(t, h.Site, alice.ID)
	if _, err := h.Directory.Suspend(t.Context(), h.Site, alice.ID, ""); err != nil {
		t.Fatal(err)
	}
	r := h.browser().get(t, "/bind?token="+link)
	if page := text(t, r); r.StatusCode != http.StatusForbidden || !strings.Contains(page, "This account is stopped") || strings.Contains(page, "Alice") {
		t.Errorf("%d %s", r.StatusCode, page)
	}
	if _, err := h.Directory.Activate(t.Context(), h.Site, alice.ID, ""); err != nil {
		t.Fatal(err)
	}
	if r := h.browser().bind(t, "", link, signintest.Software(t, h.Site)); r.StatusCode != http.StatusOK {
		t.Errorf("later: %d", r.StatusCode)
	}
}

// Requirement: binding-step-up
func TestASessionThatWasLeftOpenIsNoProofForAnotherPasskey(t *testing.T) {
	var h *house
	h = newHouse(t, func(c *pages.Config) { c.Now = func() time.Time { return h.Clock.Now() } })
	alice := h.Person(t, h.Site, "alice")
	b, device := h.browser(), signintest.Software(t, h.Site)
	b.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	link := h.Token(t, h.Site, alice.ID)
	h.Clock.Advance(6 * time.Minute)
	r := b.get(t, "/bind?token="+link)
	to, err := url.Parse(r.Header.Get("Location"))
	if r.StatusCode != http.StatusSeeOther || err != nil || to.Path != "/signin" || to.Query().Get("reauth") != "1" || to.Query().Get("return_to") != "/bind?token="+link {
		t.Fatalf("%d to %s", r.StatusCode, to)
	}
	b.signIn(t, "", "?return_to=/bind?token="+link, device)
	page := text(t, b.get(t, "/bind?token="+link))
	if !strings.Contains(page, "Add another passkey") {
		t.Fatalf("after a proof: %s", page)
	}
	c := readCeremony(t, page)
	h.Clock.Advance(6 * time.Minute) // they look at the page for a while
	response, err := signintest.Software(t, h.Site).Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	if r := b.post(t, "/bind", answer{c.State, response}); r.StatusCode != http.StatusOK {
		t.Errorf("bind: %d %s", r.StatusCode, text(t, r))
	}
}

// configs are authenticator configs by id.
type configs map[model.AuthenticatorConfigID]*model.AuthenticatorConfig

func (c configs) Config(_ context.Context, _ *model.Site, id model.AuthenticatorConfigID) (*model.AuthenticatorConfig, error) {
	if v := c[id]; v != nil {
		return v, nil
	}
	return nil, model.ErrNotFound
}

// Requirement: binding-embedded, binding-redirect
func TestALinkOpensWhereItsAuthenticatorConfigSays(t *testing.T) {
	known := configs{}
	config := func(s model.AuthenticatorSettings) model.AuthenticatorConfigID {
		id := model.AuthenticatorConfigID(ids.New("acf"))
		s.TrustedOrigins = []string{"https://shop.example"}
		known[id] = &model.AuthenticatorConfig{ID: id, Settings: s}
		return id
	}
	h := newHouse(t)
	people := h.People(func(c *directory.Config) { c.Authenticators = known })
	h = h.with(t, people)
	alice := h.Person(t, h.Site, "alice")
	for invoke, want := range map[string]string{
		"https://shop.example/login/":    "https://shop.example/login/assent-bind?link=",
		"https://shop.example":           "https://shop.example/assent-bind?link=",
		"https://shop.example/go?app=1":  "https://shop.example/go/assent-bind?app=1&link=",
		"com.example.shop:/authenticate": "com.example.shop:/authenticate/assent-bind?link=",
	} {
		id := config(model.AuthenticatorSettings{Type: model.AuthenticatorEmbedded, InvokeURL: invoke})
		b, err := people.CreateBindingJob(t.Context(), h.Site, directory.NewBinding{IdentityID: alice.ID, ConfigID: id})
		if err != nil {
			t.Fatal(err)
		}
		r := h.browser().get(t, strings.TrimPrefix(b.Link, signintest.Base))
		if got := r.Header.Get("Location"); r.StatusCode != http.StatusSeeOther || got != want+url.QueryEscape(b.Link) {
			t.Errorf("%s: %d to %s", invoke, r.StatusCode, got)
		}
		if r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", r.Header)
		}
	}
	hosted := config(model.AuthenticatorSettings{Type: model.AuthenticatorHosted})
	b, err := people.CreateBindingJob(t.Context(), h.Site, directory.NewBinding{IdentityID: alice.ID, ConfigID: hosted, RedirectURI: "https://shop.example/welcome"})
	if err != nil {
		t.Fatal(err)
	}
	page := text(t, h.browser().get(t, strings.TrimPrefix(b.Link, signintest.Base)))
	if !strings.Contains(block.FindStringSubmatch(page)[1], `"onward":"https://shop.example"`) {
		t.Errorf("the script may not go on: %s", page)
	}
	_, token, _ := strings.Cut(b.Link, "token=")
	if to := member(t, h.browser().bind(t, "", token, signintest.Software(t, h.Site)), "return_to"); to != "https://shop.example/welcome" {
		t.Errorf("goes on to %q", to)
	}
}

// with is the same house with another directory.
func (h *house) with(t *testing.T, people *directory.Service) *house {
	t.Helper()
	world := h.World
	other := newHouse(t, func(c *pages.Config) { c.Directory, c.SignIn = people, world.SignIn })
	other.World = world
	return other
}

// A letters is a mailbox with these messages.
type letters []notify.Message

func (l letters) Messages() []notify.Message { return l }

// Requirement: mail-development
func TestTheMailboxShowsMessagesWithoutRunningThem(t *testing.T) {
	body := `<!doctype html><html><head><title>x</title></head><body><a href="https://id.example.com/bind?token=x">Create</a><script>alert(1)</script></body></html>`
	h := newHouse(t, func(c *pages.Config) {
		c.Mailbox = letters{{ID: "out_1", To: "ada@example.com", Subject: "Create <b>your</b> passkey", Text: "Hello <Ada>", HTML: body}}
	})
	b := h.browser()
	list := b.get(t, "/dev/mailbox")
	page := text(t, list)
	if !strings.Contains(page, `src="/dev/mailbox/out_1" sandbox="allow-top-navigation-by-user-activation"`) || strings.Contains(page, "<b>your") ||
		!strings.Contains(page, "Hello &lt;Ada&gt;") || strings.Contains(page, "alert(1)") {
		t.Errorf("list: %s", page)
	}
	if policy := list.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy of the list: %s", policy)
	}
	one := b.get(t, "/dev/mailbox/out_1")
	policy := one.Header.Get("Content-Security-Policy")
	if regexp.MustCompile(`script|allow-scripts|allow-same-origin|connect|img`).MatchString(policy) || !strings.Contains(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy of a message: %s", policy)
	}
	if shown := text(t, one); !strings.Contains(shown, `<base target="_top">`) || !strings.Contains(shown, "Create") {
		t.Errorf("message: %s", shown)
	}
	if r := b.get(t, "/dev/mailbox/out_2"); r.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown one: %d", r.StatusCode)
	}
}
