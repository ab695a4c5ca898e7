package pages_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// A house is a world with its pages in front of it.
type house struct {
	*signintest.World
	pages   *pages.Pages
	handler http.Handler
	log     *bytes.Buffer
}

func newHouse(t *testing.T, change ...func(*pages.Config)) *house {
	t.Helper()
	scripts, err := assets.Load(fstest.MapFS{"pages.js": {Data: []byte("script")}})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{World: signintest.New(t), log: &bytes.Buffer{}}
	config := pages.Config{SignIn: h.SignIn, Directory: h.Directory, Scripts: scripts}
	for _, c := range change {
		c(&config)
	}
	p, err := pages.New(config)
	if err != nil {
		t.Fatal(err)
	}
	h.pages = p
	mux := http.NewServeMux()
	p.Register(mux)
	mux.Handle("GET /broken", httpx.Pages(p.Error)(func(http.ResponseWriter, *http.Request) error {
		return errors.New("secret cause")
	}))
	realms := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := h.Site
		if strings.HasPrefix(r.URL.Path, h.Other.Path+"/") {
			site = h.Other
		}
		http.StripPrefix(site.Path, mux).ServeHTTP(w, httpx.WithSite(r, site))
	})
	logger := slog.New(slog.NewTextHandler(h.log, nil))
	h.handler = httpx.Recorded(logger, nil, realms)
	return h
}

// A browser has cookies and says where it stands.
type browser struct {
	*house
	cookies map[string]string
}

func (h *house) browser() *browser { return &browser{h, map[string]string{}} }

func (b *browser) do(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w.Result()
}

func (b *browser) get(t *testing.T, path string) *http.Response {
	t.Helper()
	return b.do(t, httptest.NewRequest("GET", signintest.Base+path, nil))
}

func (b *browser) post(t *testing.T, path string, v any) *http.Response {
	t.Helper()
	return b.do(t, request(t, path, v))
}

func request(t *testing.T, path string, v any) *http.Request {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", signintest.Base+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", signintest.Base)
	return r
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

type ceremony struct {
	Options  json.RawMessage `json:"options"`
	State    string          `json:"state"`
	ReturnTo string          `json:"return_to"`
}

var block = regexp.MustCompile(`(?s)<script type="application/json" id="assent-ceremony">(.*?)</script>`)

func readCeremony(t *testing.T, page string) ceremony {
	t.Helper()
	found := block.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no ceremony in the page:\n%s", page)
	}
	var c ceremony
	if err := json.Unmarshal([]byte(found[1]), &c); err != nil {
		t.Fatalf("ceremony: %v", err)
	}
	return c
}

type answer struct {
	State    string          `json:"state"`
	Response json.RawMessage `json:"response"`
}

// member reads one member of a JSON answer.
func member(t *testing.T, r *http.Response, name string) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(text(t, r)), &doc); err != nil {
		t.Fatalf("answer: %v", err)
	}
	value, _ := doc[name].(string)
	return value
}

// bind opens a link and creates a passkey with it.
func (b *browser) bind(t *testing.T, base, token string, d signintest.Device) *http.Response {
	t.Helper()
	page := b.get(t, base+"/bind?token="+token)
	if page.StatusCode != http.StatusOK {
		t.Fatalf("open link: %d", page.StatusCode)
	}
	c := readCeremony(t, text(t, page))
	response, err := d.Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	return b.post(t, base+"/bind", answer{c.State, response})
}

// signIn opens the page at an address and signs in, whoever is signed in already.
func (b *browser) signIn(t *testing.T, base, query string, d signintest.Device) *http.Response {
	t.Helper()
	c := b.begin(t, base, query)
	response, err := d.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return b.post(t, base+"/signin", answer{c.State, response})
}

// begin opens the page at an address for whoever comes.
func (b *browser) begin(t *testing.T, base, query string) ceremony {
	t.Helper()
	return readCeremony(t, text(t, b.get(t, base+"/signin?other=1&"+strings.TrimPrefix(query, "?"))))
}

func TestFromALinkToTheApproverAndBackIn(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	b := h.browser()

	bound := b.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	if bound.StatusCode != http.StatusOK || member(t, bound, "return_to") != "/approver/" {
		t.Fatalf("bind: %d", bound.StatusCode)
	}
	first := b.cookies["assent"]
	in := b.signIn(t, "", "?return_to=%2Fapprover%2Fhistory", device)
	if in.StatusCode != http.StatusOK || member(t, in, "return_to") != "/approver/history" {
		t.Fatalf("sign in: %d", in.StatusCode)
	}
	c := in.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure ||
		!c.Expires.Equal(h.Clock.Now().Add(30*24*time.Hour).Truncate(time.Second)) {
		t.Errorf("cookie %+v", c)
	}
	if _, _, err := h.SignIn.Session(t.Context(), h.Site, first); err == nil {
		t.Error("the session from before the sign-in is still alive")
	}
	last := b.cookies["assent"]
	if out := b.post(t, "/signout", struct{}{}); out.StatusCode != http.StatusNoContent {
		t.Errorf("sign out: %d", out.StatusCode)
	}
	if _, _, err := h.SignIn.Session(t.Context(), h.Site, last); err == nil || b.cookies["assent"] != "" {
		t.Error("signing out left something behind")
	}
	if out := b.post(t, "/signout", struct{}{}); out.StatusCode != http.StatusNoContent {
		t.Errorf("sign out twice: %d", out.StatusCode)
	}
}

func TestRealmsUnderAPathKeepToIt(t *testing.T) {
	h := newHouse(t)
	bob := h.Person(t, h.Other, "bob")
	device := signintest.NewVirtual(h.Other)
	b := h.browser()
	bound := b.bind(t, "/realms/blue", h.Token(t, h.Other, bob.ID), device)
	if got := member(t, bound, "return_to"); got != "/realms/blue/approver/" {
		t.Errorf("bind goes on to %q", got)
	}
	in := b.signIn(t, "/realms/blue", "?return_to=/approver/", device)
	if got := member(t, in, "return_to"); got != "/realms/blue/approver/" {
		t.Errorf("sign in goes on to %q, outside the realm", got)
	}
	if b.cookies["assent-blue"] == "" || b.cookies["assent"] != "" {
		t.Errorf("cookies %v", b.cookies)
	}
}

func TestNoReturnToLeadsAway(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	b := h.browser()
	b.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	for _, to := range []string{"//evil.example", `/\evil.example`, "https://evil.example/", "javascript:alert(1)",
		"/\t/evil.example", "/%2f/evil.example/..//", "evil.example", "///evil.example", "/..//evil.example", "\\\\evil.example"} {
		query := "?" + url.Values{"return_to": {to}}.Encode()
		if got := b.begin(t, "", query).ReturnTo; got != "/approver/" {
			t.Errorf("the page goes from %q to %q", to, got)
		}
		if got := member(t, b.signIn(t, "", query, device), "return_to"); got != "/approver/" {
			t.Errorf("the answer goes from %q to %q", to, got)
		}
	}
	// The half of the state that says where to go is not sealed: forging it
	// must not lead away either.
	c := b.begin(t, "", "")
	sealed, _, _ := strings.Cut(c.State, ".")
	response, err := device.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	forged := b.post(t, "/signin", answer{sealed + ".Ly9ldmlsLmV4YW1wbGU", response})
	if got := member(t, forged, "return_to"); got != "/approver/" {
		t.Errorf("a forged state goes to %q", got)
	}
}

func TestOtherSitesCannotPost(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	b := h.browser()
	b.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	for _, path := range []string{"/signin", "/signout", "/bind"} {
		for name, header := range map[string][2]string{
			"cross-site fetch": {"Sec-Fetch-Site", "cross-site"}, "sister site": {"Sec-Fetch-Site", "same-site"},
			"old browser": {"Origin", "https://evil.example"}} {
			r := request(t, path, struct{}{})
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Del("Origin")
			r.Header.Set(header[0], header[1])
			got := b.do(t, r)
			if got.StatusCode != http.StatusForbidden || member(t, got, "code") != "cross_origin" {
				t.Errorf("%s to %s: %d", name, path, got.StatusCode)
			}
		}
	}
	if _, _, err := h.SignIn.Session(t.Context(), h.Site, b.cookies["assent"]); err != nil {
		t.Errorf("another site signed alice out: %v", err)
	}
}

func TestEveryPageIsLockedDown(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	for _, path := range []string{"/signin", "/bind?token=" + h.Token(t, h.Site, alice.ID), "/bind?token=no", "/broken"} {
		r := h.browser().get(t, path)
		page := text(t, r)
		want := map[string]string{
			"Content-Security-Policy": policyOf(page),
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Type": "text/html; charset=utf-8"}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		if !strings.Contains(r.Header.Get("Permissions-Policy"), "publickey-credentials-get=(self)") {
			t.Errorf("%s: Permissions-Policy is %q", path, r.Header.Get("Permissions-Policy"))
		}
		rest := strings.ReplaceAll(inlined.ReplaceAllString(block.ReplaceAllString(page, ""), ""), "<p>"+signintest.Base+"</p>", "")
		for _, inline := range []string{"<style", " style=", " onclick", "data:", "http://", "https://"} {
			if strings.Contains(rest, inline) {
				t.Errorf("%s holds %q", path, inline)
			}
		}
	}
}

// inlined is a style or a script that a page carries in itself.
var inlined = regexp.MustCompile(`(?s)<(style|script type="module")>(.*?)</(?:style|script)>`)

// policyOf is the policy that allows what a page carries, and nothing else.
func policyOf(page string) string {
	allowed := map[string]string{}
	for _, m := range inlined.FindAllStringSubmatch(page, -1) {
		sum := sha256.Sum256([]byte(m[2]))
		allowed[m[1]] += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src 'self'" + allowed[`script type="module"`] + "; style-src 'self'" + allowed["style"] +
		"; img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

func TestEveryFileThatAPageNamesIsThere(t *testing.T) {
	h := newHouse(t)
	bob := h.Person(t, h.Other, "bob")
	b := h.browser()
	named := regexp.MustCompile(`(?:src|href)="([^"]*\?v=[^"]*)"`).FindAllStringSubmatch(text(t, b.get(t, "/realms/blue/bind?token="+h.Token(t, h.Other, bob.ID))), -1)
	if len(named) < 3 {
		t.Fatalf("the page names %d files", len(named))
	}
	for _, m := range named {
		r := b.get(t, html.UnescapeString(m[1]))
		if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != assets.Immutable {
			t.Errorf("%s: %d %q", m[1], r.StatusCode, r.Header.Get("Cache-Control"))
		}
	}
	for path, want := range map[string]int{"/pages/static/tokens.css": 200, "/pages/static/none.css": 404,
		"/pages/static/..%2ftemplates%2fbind.html": 404, "/pages/scripts/pages.js?v=old": 200} {
		r := b.get(t, path)
		if r.StatusCode != want || r.Header.Get("Cache-Control") == assets.Immutable {
			t.Errorf("%s: %d %q, want %d", path, r.StatusCode, r.Header.Get("Cache-Control"), want)
		}
	}
}

func TestLinksThatCannotBeUsedHavePagesInPlainWords(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	alice := h.Person(t, h.Site, "alice")
	bob := h.Person(t, h.Other, "bob")
	used := h.Token(t, h.Site, alice.ID)
	h.browser().bind(t, "", used, signintest.Software(t, h.Site))
	short, err := h.Directory.CreateBindingJob(ctx, h.Site, directory.NewBinding{IdentityID: alice.ID, Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	h.Clock.Advance(time.Minute)
	carol := h.Person(t, h.Site, "carol")
	suspended := h.Token(t, h.Site, carol.ID)
	if _, err := h.Directory.Suspend(ctx, h.Site, carol.ID, ""); err != nil {
		t.Fatal(err)
	}
	_, expired, _ := strings.Cut(short.Link, "?token=")
	tests := []struct {
		name, token string
		status      int
		words       string
	}{
		{"used", used, http.StatusGone, "has been used"},
		{"expired", expired, http.StatusGone, "too old"},
		{"of another realm", h.Token(t, h.Other, bob.ID), http.StatusNotFound, "do not know this link"},
		{"none", "", http.StatusNotFound, "do not know this link"},
		{"of a suspended person", suspended, http.StatusForbidden, "account is stopped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := h.browser().get(t, "/bind?token="+tt.token)
			if got := text(t, r); r.StatusCode != tt.status || !strings.Contains(got, tt.words) {
				t.Errorf("got %d:\n%s", r.StatusCode, got)
			}
		})
	}
}

func TestASecondPasskeyLeadsThroughSignIn(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	first := signintest.Software(t, h.Site)
	h.browser().bind(t, "", h.Token(t, h.Site, alice.ID), first)
	link := "/bind?token=" + h.Token(t, h.Site, alice.ID)

	b := h.browser()
	r := b.get(t, link)
	to := r.Header.Get("Location")
	if want := "/signin?" + (url.Values{"return_to": {link}}).Encode(); r.StatusCode != http.StatusSeeOther || to != want {
		t.Fatalf("got %d to %q, want %q", r.StatusCode, to, want)
	}
	in := b.signIn(t, "", strings.TrimPrefix(to, "/signin"), first)
	if got := member(t, in, "return_to"); got != link {
		t.Fatalf("after signing in: %q, want %q", got, link)
	}
	_, token, _ := strings.Cut(link, "token=")
	if r := b.bind(t, "", token, signintest.Software(t, h.Site)); r.StatusCode != http.StatusOK {
		t.Errorf("bind the second: %d %s", r.StatusCode, text(t, r))
	}
	keys, err := h.Directory.Passkeys(t.Context(), h.Site, alice.ID)
	if err != nil || len(keys) != 2 {
		t.Errorf("%d passkeys (%v), want 2", len(keys), err)
	}
}

func TestRefusalsAreProblemsThatTellNoCause(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	b := h.browser()
	b.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	c := b.begin(t, "", "")
	replay, err := device.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	b.post(t, "/signin", answer{c.State, replay})

	tests := []struct {
		name   string
		act    func(*testing.T) *http.Response
		status int
		code   string
	}{
		{"unknown passkey", func(t *testing.T) *http.Response {
			return b.signIn(t, "", "", signintest.Software(t, h.Site))
		}, 403, "passkey_unknown"},
		{"replayed", func(t *testing.T) *http.Response {
			return b.post(t, "/signin", answer{c.State, replay})
		}, 400, "ceremony_expired"},
		{"no state", func(t *testing.T) *http.Response {
			return b.post(t, "/signin", answer{"", replay})
		}, 400, "ceremony_expired"},
		{"no passkey", func(t *testing.T) *http.Response {
			return b.post(t, "/signin", answer{b.begin(t, "", "").State, json.RawMessage(`{}`)})
		}, 400, "signin_refused"},
		{"unknown member", func(t *testing.T) *http.Response {
			return b.post(t, "/signin", map[string]string{"state": "", "admin": "yes"})
		}, 400, "malformed_body"},
		{"a form", func(t *testing.T) *http.Response {
			r := request(t, "/signin", struct{}{})
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return b.do(t, r)
		}, 415, "unsupported_media_type"},
		{"too much", func(t *testing.T) *http.Response {
			return b.post(t, "/bind", answer{State: strings.Repeat("a", 200<<10), Response: json.RawMessage(`{}`)})
		}, 413, "body_too_large"},
		{"binding not begun", func(t *testing.T) *http.Response {
			return b.post(t, "/bind", answer{State: c.State, Response: json.RawMessage(`{}`)})
		}, 400, "ceremony_expired"},
		{"suspended", func(t *testing.T) *http.Response {
			if _, err := h.Directory.Suspend(t.Context(), h.Site, alice.ID, ""); err != nil {
				t.Fatal(err)
			}
			return b.signIn(t, "", "", device)
		}, 403, "not_allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.act(t)
			body := text(t, r)
			var doc struct{ Code, Reference, Detail string }
			if err := json.Unmarshal([]byte(body), &doc); err != nil {
				t.Fatalf("%v in %q", err, body)
			}
			if r.StatusCode != tt.status || doc.Code != tt.code || doc.Reference == "" {
				t.Errorf("got %d %+v, want %d %s", r.StatusCode, doc, tt.status, tt.code)
			}
			for _, cause := range []string{"gate", "suspended:", "revoked", "identity", "not found"} {
				if strings.Contains(body, cause) {
					t.Errorf("the answer tells of %q: %s", cause, body)
				}
			}
			if len(r.Cookies()) != 0 {
				t.Errorf("a refusal sets cookies: %v", r.Cookies())
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control is %q", r.Header.Get("Cache-Control"))
			}
		})
	}
}

func TestTheErrorPageHasAReferenceAndNoCause(t *testing.T) {
	h := newHouse(t)
	r := h.browser().get(t, "/broken")
	page := text(t, r)
	reference := regexp.MustCompile(`<code>(req_[0-9a-z]+)</code>`).FindStringSubmatch(page)
	if r.StatusCode != http.StatusInternalServerError || reference == nil || strings.Contains(page, "secret cause") {
		t.Fatalf("got %d:\n%s", r.StatusCode, page)
	}
	if log := h.log.String(); !strings.Contains(log, reference[1]) || !strings.Contains(log, "secret cause") {
		t.Errorf("the log does not know %s: %s", reference[1], log)
	}
}

func TestNamesOfPeopleAreText(t *testing.T) {
	h := newHouse(t)
	odd, err := h.Directory.CreateIdentity(t.Context(), h.Site, directory.NewIdentity{
		DisplayName: `</script><script>alert(1)</script>`, Traits: model.Traits{Username: `"><img src=x>`}})
	if err != nil {
		t.Fatal(err)
	}
	page := text(t, h.browser().get(t, "/bind?token="+h.Token(t, h.Site, odd.ID)))
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") || strings.Count(page, "</script>") != 3 {
		t.Errorf("a name became markup:\n%s", page)
	}
	if c := readCeremony(t, page); !bytes.Contains(c.Options, []byte("script")) {
		t.Errorf("the browser is not told the name: %s", c.Options)
	}
}

func TestNoSecretReachesTheLog(t *testing.T) {
	h := newHouse(t)
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	b := h.browser()
	tokens := []string{h.Token(t, h.Site, alice.ID), h.Token(t, h.Site, alice.ID)}
	b.bind(t, "", tokens[0], device)
	first := b.cookies["assent"]
	b.get(t, "/bind?token="+tokens[0])
	h.browser().get(t, "/bind?token="+tokens[1])
	b.signIn(t, "", "?return_to=/bind?token="+tokens[1], device)
	b.get(t, "/bind?token="+tokens[1]+"x")
	c := b.begin(t, "", "")
	for _, secret := range []string{tokens[0], tokens[1], first, b.cookies["assent"], c.State} {
		if secret == "" || strings.Contains(h.log.String(), secret) {
			t.Errorf("%q is empty or in the log", secret)
		}
	}
	if !strings.Contains(h.log.String(), "link_used") {
		t.Errorf("the log does not say why a link was refused:\n%s", h.log)
	}
}

func TestSigningOutFromAPageShowsAPage(t *testing.T) {
	h := newHouse(t)
	r := request(t, "/signout", struct{}{})
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	got := h.browser().do(t, r)
	if page := text(t, got); got.StatusCode != http.StatusOK || !strings.Contains(page, "signed out") {
		t.Errorf("got %d:\n%s", got.StatusCode, page)
	}
}
