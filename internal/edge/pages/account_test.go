package pages_test

import (
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/softperson"
)

// An accountHouse is a server whose clock can be turned.
type accountHouse struct {
	*servertest.World
	clock *servertest.Clock
}

func newAccountHouse(t *testing.T, change ...func(*server.Config)) *accountHouse {
	t.Helper()
	h := &accountHouse{clock: &servertest.Clock{}}
	h.World = servertest.Start(t, func(c *server.Config) {
		c.Now = h.clock.Now
		for _, f := range change {
			f(c)
		}
	})
	return h
}

// A guest is a person at a browser that runs no script but for passkeys.
type guest struct {
	*softperson.Person
	id model.IdentityID
}

func (h *accountHouse) guest(t *testing.T, username string) *guest {
	t.Helper()
	p, who := h.Person(t, username)
	return &guest{p, who.ID}
}

// elsewhere is the same person, with the same passkey, at another browser.
func (g *guest) elsewhere(t *testing.T) *guest {
	t.Helper()
	other, err := softperson.New(g.Issuer)
	servertest.Check(t, err)
	other.Key = g.Key
	servertest.Check(t, other.SignIn(t.Context()))
	return &guest{other, g.id}
}

// A seen is a page, or where the browser is led.
type seen struct {
	status int
	to     string // path and query, of a redirect
	body   string
	header http.Header
}

func (g *guest) do(t *testing.T, method, path string, form url.Values, headers ...string) seen {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	target := path
	if strings.HasPrefix(path, "/") {
		target = g.Issuer + path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	servertest.Check(t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Mobile/1 Safari/604.1")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := *g.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	servertest.Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	servertest.Check(t, err)
	s := seen{status: resp.StatusCode, body: string(raw), header: resp.Header}
	if to, err := resp.Location(); err == nil {
		s.to = strings.TrimPrefix(to.String(), g.Issuer)
	}
	return s
}

func (g *guest) open(t *testing.T, path string) seen { t.Helper(); return g.do(t, "GET", path, nil) }

func (g *guest) send(t *testing.T, path string, pairs ...string) seen {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return g.do(t, "POST", path, form)
}

// goes demands a redirect.
func goes(t *testing.T, what string, s seen, to string) {
	t.Helper()
	if s.status != http.StatusSeeOther || s.to != to {
		t.Errorf("%s: got %d to %q, want 303 to %q\n%s", what, s.status, s.to, to, s.body)
	}
}

// shows demands a page with these words in it.
func shows(t *testing.T, what string, s seen, status int, words ...string) {
	t.Helper()
	plain := html.UnescapeString(s.body)
	for _, w := range words {
		if !strings.Contains(plain, w) {
			t.Errorf("%s: no %q in\n%s", what, w, s.body)
		}
	}
	if s.status != status {
		t.Errorf("%s: got %d, want %d\n%s", what, s.status, status, s.body)
	}
	if strings.Contains(s.body, "⟦") {
		t.Errorf("%s: a text is missing:\n%s", what, s.body)
	}
}

func (h *accountHouse) keys(t *testing.T, g *guest) []model.Passkey {
	t.Helper()
	keys, err := h.Server.Directory.Passkeys(t.Context(), h.Site, g.id)
	servertest.Check(t, err)
	return keys
}

func (h *accountHouse) sessions(t *testing.T, g *guest) []model.Session {
	t.Helper()
	list, err := h.Server.SignIn.Sessions(t.Context(), h.Site, g.id)
	servertest.Check(t, err)
	return list
}

// addKey gives the person another passkey, on another device, by the account page.
func (h *accountHouse) addKey(t *testing.T, g *guest) *guest {
	t.Helper()
	s := g.send(t, "/account/passkeys")
	if s.status != http.StatusSeeOther || !strings.HasPrefix(s.to, "/bind?token=") {
		t.Fatalf("add a passkey: %d %q\n%s", s.status, s.to, s.body)
	}
	other, err := softperson.New(g.Issuer)
	servertest.Check(t, err)
	other.HTTP.Jar = g.HTTP.Jar // the link is opened where the first passkey was proved
	servertest.Check(t, other.Bind(t.Context(), g.Issuer+s.to))
	other.HTTP.Jar, err = cookiejar.New(nil)
	servertest.Check(t, err)
	servertest.Check(t, other.SignIn(t.Context()))
	return &guest{other, g.id}
}

const back = "/signin?reauth=1&return_to="

// Requirement: account-page
func TestTheAccountPageShowsWhatIsThePersons(t *testing.T) {
	h := newAccountHouse(t)
	f := h.Flow(t, application.NewApplication{Name: "Shop"})
	f.Tokens(t, "scope", "openid profile read")
	g := &guest{f.Person, f.Identity.ID}
	s := g.open(t, "/account")
	shows(t, "account page", s, http.StatusOK, "Your account", f.Identity.Traits.Username, "Software passkey", "For tests only", "This browser",
		"You have no recovery codes", "Shop", "See your profile", "Know that it is you", "Use “<bdi>read</bdi>”", "just now", f.Identity.Traits.PrimaryEmailAddress)
	if s.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page may be stored: %q", s.header.Get("Cache-Control"))
	}
	g.do(t, "POST", "/account/recovery-codes", url.Values{})
	shows(t, "with codes", g.open(t, "/account"), http.StatusOK, "10 of 10 codes are left")
}

// Requirement: account-page
func TestBrowsersAndTimesAreSaidInWords(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	phone := g.elsewhere(t)
	h.clock.Turn(3*time.Hour + time.Minute)
	shows(t, "hours later", phone.open(t, "/account"), http.StatusOK, "3 hours ago", "A browser that we do not know")
	h.clock.Turn(8 * time.Hour)
	g.open(t, "/account")
	h.clock.Turn(8 * time.Hour)
	g.open(t, "/account")
	h.clock.Turn(8 * time.Hour)
	shows(t, "a day later", g.open(t, "/account"), http.StatusOK, "a day ago")
}

// accountForms are all forms of the account page, with ids that are somebody's.
func accountForms(key model.PasskeyID, session model.SessionID, client string) map[string]url.Values {
	return map[string]url.Values{
		"/account/passkeys":                             {},
		"/account/passkeys/" + string(key) + "/name":    {"name": {"Mine"}},
		"/account/passkeys/" + string(key) + "/remove":  {"last": {"yes"}},
		"/account/sessions/" + string(session) + "/end": {},
		"/account/sessions/end":                         {},
		"/account/applications/remove":                  {"client_id": {client}},
		"/account/recovery-codes":                       {},
	}
}

// Requirement: account-same-origin
func TestAnotherSiteChangesNothingOfAnAccount(t *testing.T) {
	h := newAccountHouse(t)
	f := h.Flow(t, application.NewApplication{Name: "Shop"})
	tokens := f.Tokens(t, "scope", "openid offline_access")
	g := &guest{f.Person, f.Identity.ID}
	key, session := h.keys(t, g)[0], h.sessions(t, g)[0]
	for path, form := range accountForms(key.ID, session.ID, f.App.ID) {
		shows(t, path, g.do(t, "POST", path, form, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "another site")
		shows(t, path, g.do(t, "POST", path, form, "Sec-Fetch-Site", "", "Origin", "https://evil.example"), http.StatusForbidden)
	}
	shows(t, "recover", g.do(t, "POST", "/recover", url.Values{}, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	if got := h.keys(t, g); len(got) != 1 || got[0].Name != key.Name {
		t.Errorf("another site changed the passkeys: %+v", got)
	}
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Status != http.StatusOK {
		t.Errorf("another site took an application back: %d %s", got.Status, got.Body)
	}
	shows(t, "after all", g.open(t, "/account"), http.StatusOK, "You have no recovery codes")
}

func TestNobodyIsLedToTheSignInPage(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	nobody, err := softperson.New(h.Site.Issuer)
	servertest.Check(t, err)
	n := &guest{nobody, ""}
	goes(t, "page", n.open(t, "/account"), "/signin?return_to=%2Faccount")
	goes(t, "question", n.open(t, "/account/recovery-codes"), "/signin?return_to=%2Faccount%2Frecovery-codes")
	for path, form := range accountForms(h.keys(t, g)[0].ID, h.sessions(t, g)[0].ID, "app_x") {
		goes(t, path, n.do(t, "POST", path, form), "/signin?return_to=%2Faccount")
	}
	if len(h.keys(t, g)) != 1 || len(h.sessions(t, g)) != 1 {
		t.Error("nobody changed something")
	}
}

// Requirement: account-own-ids
func TestSomebodyElsesIDsAreNotFound(t *testing.T) {
	h := newAccountHouse(t)
	f := h.Flow(t, application.NewApplication{Name: "Shop"})
	f.Tokens(t)
	ada, bob := &guest{f.Person, f.Identity.ID}, h.guest(t, "bob")
	key, session := h.keys(t, ada)[0], h.sessions(t, ada)[0]
	for path, form := range accountForms(key.ID, session.ID, f.App.ID) {
		if path == "/account/passkeys" || path == "/account/recovery-codes" || path == "/account/sessions/end" {
			continue // they name nothing
		}
		shows(t, path, bob.do(t, "POST", path, form), http.StatusNotFound, "There is no page here")
	}
	shows(t, "question", bob.open(t, "/account/passkeys/"+string(key.ID)+"/remove"), http.StatusNotFound)
	for _, path := range []string{"/account/passkeys/psk_1/name", "/account/passkeys/x/remove", "/account/sessions/ses_'/end"} {
		shows(t, path, bob.send(t, path, "name", "x"), http.StatusNotFound)
	}
	if got := h.keys(t, ada); len(got) != 1 || got[0].Name != key.Name || len(h.sessions(t, ada)) != 1 {
		t.Errorf("bob changed what is ada's: %+v", got)
	}
	shows(t, "ada", ada.open(t, "/account"), http.StatusOK, "Shop")
}

// Requirement: account-step-up
func TestWhatChangesHowOneSignsInNeedsAPasskeyJustNow(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	key := string(h.keys(t, g)[0].ID)
	h.clock.Turn(5*time.Minute + time.Second)
	removal := "%2Faccount%2Fpasskeys%2F" + key + "%2Fremove"
	goes(t, "add", g.send(t, "/account/passkeys"), back+"%2Faccount%2Fpasskeys%2Fnew")
	goes(t, "add page", g.open(t, "/account/passkeys/new"), back+"%2Faccount%2Fpasskeys%2Fnew")
	goes(t, "remove", g.send(t, "/account/passkeys/"+key+"/remove", "last", "yes"), back+removal)
	goes(t, "remove page", g.open(t, "/account/passkeys/"+key+"/remove"), back+removal)
	goes(t, "codes", g.send(t, "/account/recovery-codes"), back+"%2Faccount%2Frecovery-codes")
	goes(t, "codes page", g.open(t, "/account/recovery-codes"), back+"%2Faccount%2Frecovery-codes")
	if codes, err := h.Server.Directory.RecoveryCodes(t.Context(), h.Site, g.id); err != nil || codes.Total != 0 || len(h.keys(t, g)) != 1 {
		t.Errorf("something was changed all the same: %+v %v", codes, err)
	}
	goes(t, "rename", g.send(t, "/account/passkeys/"+key+"/name", "name", "Laptop"), "/account?done=renamed")
	shows(t, "renamed", g.open(t, "/account?done=renamed"), http.StatusOK, "Laptop", "has its new name")

	again := g.elsewhere(t) // a passkey was used here just now
	shows(t, "add page", again.open(t, "/account/passkeys/new"), http.StatusOK, "Add a passkey")
	shows(t, "codes page", again.open(t, "/account/recovery-codes"), http.StatusOK, "ten codes")
	shows(t, "remove page", again.open(t, "/account/passkeys/"+key+"/remove"), http.StatusOK, "Remove this passkey?")
}

// Requirement: account-step-up
func TestAPasswordIsNoProofForChangesOfPasskeys(t *testing.T) {
	h := newAccountHouse(t, func(c *server.Config) { c.DefaultPolicy.Passwords = true })
	g := h.guest(t, "ada")
	const password = "seven brown kettles"
	_, err := h.Server.SignIn.SetPassword(t.Context(), h.Site, signin.NewPassword{IdentityID: g.id, Password: password, Actor: "operator"})
	servertest.Check(t, err)
	p, err := softperson.New(h.Site.Issuer)
	servertest.Check(t, err)
	n := &guest{p, g.id}
	goes(t, "sign in", n.send(t, "/signin/password", "username", "ada", "password", password, "return_to", "/account"), "/account")
	shows(t, "page", n.open(t, "/account"), http.StatusOK, "with your password", "Safari on iPhone")
	goes(t, "add", n.send(t, "/account/passkeys"), back+"%2Faccount%2Fpasskeys%2Fnew")
	goes(t, "codes", n.send(t, "/account/recovery-codes"), back+"%2Faccount%2Frecovery-codes")
	goes(t, "remove", n.send(t, "/account/passkeys/"+string(h.keys(t, g)[0].ID)+"/remove"), back+"%2Faccount%2Fpasskeys%2F"+string(h.keys(t, g)[0].ID)+"%2Fremove")
	if len(h.keys(t, g)) != 1 {
		t.Error("a password removed a passkey")
	}
}

// Requirement: account-passkeys
func TestAPasskeyIsRenamedOnlyToWhatCanBeSeen(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	key := string(h.keys(t, g)[0].ID)
	for _, name := range []string{"", " ", "a\u202eb", strings.Repeat("x", 65), "two\nlines"} {
		shows(t, name, g.send(t, "/account/passkeys/"+key+"/name", "name", name), http.StatusUnprocessableEntity, "That name cannot be used")
	}
	shows(t, "no form", g.do(t, "POST", "/account/passkeys/"+key+"/name", url.Values{}, "Content-Type", "application/json"), http.StatusUnsupportedMediaType)
	shows(t, "too long", g.send(t, "/account/passkeys/"+key+"/name", "name", strings.Repeat("x", 10<<10)), http.StatusRequestEntityTooLarge)
	goes(t, "markup", g.send(t, "/account/passkeys/"+key+"/name", "name", "<script>alert(1)</script>"), "/account?done=renamed")
	if s := g.open(t, "/account"); strings.Contains(s.body, "<script>alert") {
		t.Error("a name became markup")
	}
}

// Requirement: account-passkeys
func TestAPasskeyIsAddedAndRemovedWithTheSessionsThatItOpened(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	other := h.addKey(t, g)
	keys := h.keys(t, g)
	if len(keys) != 2 {
		t.Fatalf("%d passkeys", len(keys))
	}
	second := "/account/passkeys/" + string(keys[1].ID) + "/remove"
	shows(t, "other", other.open(t, "/account"), http.StatusOK, "Used here")
	page := g.open(t, second)
	shows(t, "question", page, http.StatusOK, "Browsers that were signed in with it")
	if strings.Contains(page.body, `id="last"`) {
		t.Error("it is not the last one")
	}
	goes(t, "remove", g.send(t, second), "/account?done=removed")
	goes(t, "its session", other.open(t, "/account"), "/signin?return_to=%2Faccount")
	shows(t, "again", g.send(t, second), http.StatusNotFound)
	shows(t, "this one", g.open(t, "/account?done=removed"), http.StatusOK, "The passkey was removed")
}

// Requirement: account-last-passkey
func TestTheLastPasskeyIsRemovedOnlyWithAWayBackOrAWarningTaken(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	path := "/account/passkeys/" + string(h.keys(t, g)[0].ID) + "/remove"
	shows(t, "question", g.open(t, path), http.StatusOK, "you have no recovery codes", `name="last"`)
	shows(t, "no tick", g.send(t, path), http.StatusUnprocessableEntity, "Tick the box first")
	shows(t, "another tick", g.send(t, path, "last", "no"), http.StatusUnprocessableEntity)
	if len(h.keys(t, g)) != 1 {
		t.Fatal("the last passkey went without a warning taken")
	}
	g.send(t, "/account/recovery-codes")
	page := g.open(t, path)
	shows(t, "with codes", page, http.StatusOK, "only with one of your 10 recovery codes")
	if strings.Contains(page.body, `name="last"`) {
		t.Error("a box to tick, though there is a way back")
	}
	out := g.send(t, path)
	shows(t, "removed", out, http.StatusOK, "You are signed out", "this one too")
	if len(h.keys(t, g)) != 0 || len(h.sessions(t, g)) != 0 {
		t.Error("something is left")
	}
	goes(t, "after", g.open(t, "/account"), "/signin?return_to=%2Faccount")

	bob := h.guest(t, "bob") // without codes, and knowing it
	bobs := "/account/passkeys/" + string(h.keys(t, bob)[0].ID) + "/remove"
	shows(t, "bob", bob.send(t, bobs, "last", "yes"), http.StatusOK, "You are signed out")
}

// Requirement: account-sessions
func TestSessionsEndOneByOneAndAllAtOnce(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	phone, tablet := g.elsewhere(t), g.elsewhere(t)
	idOf := func(other *guest) string {
		m := regexp.MustCompile(`(?s)tag">This browser.*?/account/sessions/(ses_[0-9a-z]+)/end`).FindStringSubmatch(other.open(t, "/account").body)
		if m == nil {
			t.Fatal("the page does not mark its own session")
		}
		return m[1]
	}
	goes(t, "end", g.send(t, "/account/sessions/"+idOf(phone)+"/end"), "/account?done=ended")
	goes(t, "the phone", phone.open(t, "/account"), "/signin?return_to=%2Faccount")
	shows(t, "the tablet", tablet.open(t, "/account"), http.StatusOK, "This browser")
	own := tablet.send(t, "/account/sessions/"+idOf(tablet)+"/end")
	shows(t, "one's own", own, http.StatusOK, "You are signed out", "on this browser")
	if c := own.header.Get("Set-Cookie"); !strings.Contains(c, "Max-Age=0") {
		t.Errorf("the cookie stays: %q", c)
	}
	phone = g.elsewhere(t)
	shows(t, "everywhere", g.send(t, "/account/sessions/end"), http.StatusOK, "on every browser and device")
	for name, one := range map[string]*guest{"this": g, "phone": phone} {
		goes(t, name, one.open(t, "/account"), "/signin?return_to=%2Faccount")
	}
	if list := h.sessions(t, g); len(list) != 0 {
		t.Errorf("sessions are left: %+v", list)
	}
}

// Requirement: account-applications
func TestTakingAnApplicationBackKillsItsTokensAtOnce(t *testing.T) {
	h := newAccountHouse(t)
	f := h.Flow(t, application.NewApplication{Name: "Shop"})
	tokens := f.Tokens(t, "scope", "openid profile offline_access read")
	g := &guest{f.Person, f.Identity.ID}
	waiting := f.Code(t) // an answer that is on its way
	shows(t, "before", g.open(t, "/account"), http.StatusOK, "Shop", "Keep this access while you are away")
	alive := func() servertest.Answer {
		return h.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token"))
	}
	if got := alive(); got.Status != http.StatusOK {
		t.Fatalf("userinfo: %d %s", got.Status, got.Body)
	}
	goes(t, "take back", g.send(t, "/account/applications/remove", "client_id", f.App.ID), "/account?done=taken")
	shows(t, "after", g.open(t, "/account?done=taken"), http.StatusOK, "You have not allowed any application anything", "has lost what you had allowed it")
	if got := alive(); got.Status != http.StatusUnauthorized {
		t.Errorf("the access token lives: %d %s", got.Status, got.Body)
	}
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Text("error") != "invalid_grant" {
		t.Errorf("the refresh token lives: %d %s", got.Status, got.Body)
	}
	if got := f.Redeem(t, waiting); got.Text("error") != "invalid_grant" {
		t.Errorf("an answer from before opened a grant: %d %s", got.Status, got.Body)
	}
	shows(t, "again", g.send(t, "/account/applications/remove", "client_id", f.App.ID), http.StatusNotFound)
	if page := f.Open(t); page.Asked == 0 {
		t.Error("the person was not asked again")
	}
}

// The browser is told which passkeys count, those of the realm's own relying party
// alone.
func TestTheAccountPageSignalsThePasskeysThatCount(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	h.addKey(t, g)
	m := regexp.MustCompile(`(?s)id="assent-signals">(.*?)</script>`).FindStringSubmatch(g.open(t, "/account").body)
	if m == nil {
		t.Fatal("no signals")
	}
	for _, want := range []string{`"rpId":"localhost"`, `"name":"ada"`, `"userId":"` + base64.RawURLEncoding.EncodeToString([]byte(g.id)) + `"`,
		base64.RawURLEncoding.EncodeToString(h.keys(t, g)[0].CredentialID), base64.RawURLEncoding.EncodeToString(h.keys(t, g)[1].CredentialID)} {
		if !strings.Contains(m[1], want) {
			t.Errorf("no %s in %s", want, m[1])
		}
	}
}

// Requirement: account-own-ids, paths-realms-apart
func TestAccountPagesOfARealmUnderAPathKeepToIt(t *testing.T) {
	h := newAccountHouse(t)
	ada := h.guest(t, "ada")
	site, err := h.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "blue", Policy: h.Site.Realm.Policy})
	servertest.Check(t, err)
	p, who := h.PersonIn(t, site, "bob")
	bob := &guest{p, who.ID}
	shows(t, "page", bob.open(t, "/account"), http.StatusOK, `action="/realms/blue/account/passkeys"`, `href="/realms/blue/approver/"`)
	for path, form := range accountForms(h.keys(t, ada)[0].ID, h.sessions(t, ada)[0].ID, "app_x") {
		if strings.Contains(path, "_") || strings.Contains(path, "applications") {
			shows(t, path, bob.do(t, "POST", path, form), http.StatusNotFound)
		}
	}
	h.clock.Turn(6 * time.Minute)
	goes(t, "proof", bob.open(t, "/account/recovery-codes"), "/signin?reauth=1&return_to=%2Frealms%2Fblue%2Faccount%2Frecovery-codes")
	goes(t, "another realm's session", (&guest{p, who.ID}).do(t, "GET", h.Site.Issuer+"/account", nil), h.Site.Issuer+"/signin?return_to=%2Faccount")
	if len(h.keys(t, ada)) != 1 || len(h.sessions(t, ada)) != 1 {
		t.Error("a person of another realm changed something")
	}
}

// Requirement: own-limits
func TestWhoMakesCodesOrLinksTooOftenReadsSo(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	for _, path := range []string{"/account/recovery-codes", "/account/passkeys"} {
		for i := range 10 {
			if got := g.send(t, path); got.status >= 400 {
				t.Fatalf("%s, time %d: %d", path, i, got.status)
			}
		}
		got := g.send(t, path)
		shows(t, path, got, http.StatusTooManyRequests, "many times within the last hour")
		if wait, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || wait < 1 || wait > 360 {
			t.Errorf("%s: Retry-After %q", path, got.header.Get("Retry-After"))
		}
	}
}
