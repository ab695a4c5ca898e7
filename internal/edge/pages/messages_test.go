package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/logout"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// sources are the files that may name texts, by path.
func sources(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = string(raw)
		}
	}
	return found
}

const scripts = "../../../web/pages/src/*.ts"

var (
	// literal is a string that has the form of a key.
	literal = regexp.MustCompile(`"([a-z][a-z_]*\.[a-z][a-z0-9_.]*[a-z0-9])"`)
	// scripted is a key as scripts name it.
	scripted = regexp.MustCompile(`\bwords\("(\w+)"`)
	// said is a key as the service says it that knows what is asked.
	said = regexp.MustCompile(`\bsay\("([a-z_.]+)"`)
	// file is a literal that names a file or a host and no text.
	file = regexp.MustCompile(`\.(html|css|js|json|svg|go|local)$`)
)

// usedKeys are the keys that the sources name, with where.
func usedKeys(t *testing.T) map[string]string {
	t.Helper()
	used := map[string]string{}
	for name, text := range sources(t, "*.go", "templates/*.html") {
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			used[m[1]] = name
		}
	}
	for name, text := range sources(t, "../../service/oauth/*.go") {
		for _, m := range said.FindAllStringSubmatch(text, -1) {
			used[m[1]] = name
		}
	}
	for name, text := range sources(t, scripts) {
		for _, m := range scripted.FindAllStringSubmatch(text, -1) {
			used["script."+m[1]] = name
		}
	}
	return used
}

// formless is a key without its plural form.
func formless(key string) string {
	return strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
}

// Requirement: pages-texts
func TestEveryTextThatIsUsedIsThereAndEveryTextThatIsThereIsUsed(t *testing.T) {
	texts, err := pages.Texts()
	if err != nil {
		t.Fatal(err)
	}
	used := usedKeys(t)
	there := map[string]bool{}
	for _, key := range texts.Keys() {
		there[formless(key)] = true
		// The title of what a key says is named after it.
		if used[formless(key)] == "" && used[strings.TrimSuffix(key, "_title")] == "" {
			t.Errorf("nothing shows the text %s", key)
		}
	}
	groups := map[string]bool{}
	for key := range there {
		group, _, _ := strings.Cut(key, ".")
		groups[group] = true
	}
	for key, where := range used {
		if group, _, _ := strings.Cut(key, "."); groups[group] && !there[key] && !file.MatchString(key) {
			t.Errorf("%s shows the text %s, which is not there", where, key)
		}
	}
	if len(used) < 100 {
		t.Errorf("only %d uses were found", len(used))
	}
}

// What a template says outside of its actions would be English for everybody.
//
// Requirement: pages-texts
func TestNoTemplateHoldsATextOfItsOwn(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{-? ?/\*.*?\*/ ?-?\}\}|\{\{.*?\}\}`)
	shown := regexp.MustCompile(`\b(?:placeholder|title|alt|aria-label)="([^"]*)"`)
	tag := regexp.MustCompile(`(?s)<[^>]*>`)
	letters := regexp.MustCompile(`\pL{2,}`)
	ours := strings.NewReplacer("Assent", "", "&nbsp;", "", "XXXX-XXXX", "", "/recover", "")
	for name, text := range sources(t, "templates/*.html") {
		rest := action.ReplaceAllString(text, "")
		for _, m := range shown.FindAllStringSubmatch(rest, -1) {
			if letters.MatchString(ours.Replace(m[1])) {
				t.Errorf("%s says %q in an attribute", name, m[1])
			}
		}
		if said := letters.FindAllString(ours.Replace(tag.ReplaceAllString(rest, " ")), -1); said != nil {
			t.Errorf("%s says %q", name, said)
		}
	}
}

// pseudo is every English text with marks around it, as a language of its own.
func pseudo(t *testing.T) *message.Catalogue {
	t.Helper()
	english, err := os.ReadFile("messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(english, &texts); err != nil {
		t.Fatal(err)
	}
	for key, text := range texts {
		texts[key] = "‹" + text + "›"
	}
	made, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	c, err := message.Load(fstest.MapFS{"en.json": {Data: english}, "qps-ploc.json": {Data: made}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A showing draws one page.
type showing struct {
	name string
	draw func(*pages.Pages, http.ResponseWriter, *http.Request) error
}

var party = oauth.Party{ID: "app_1", Name: "Ledger", Client: "https://ledger.example", Policy: "https://ledger.example/p",
	Terms: "https://ledger.example/t", Reach: oauth.Said{Key: "reach.host_in_name", Args: []string{"to", "ledger.example", "host", "ledger.example"}}}

// consentItems are every scope that has words of its own, and those of services
// that are known by more or by less.
func consentItems() []oauth.ConsentItem {
	site := &model.Site{Realm: model.Realm{Policy: model.RealmPolicy{Resources: []model.ResourcePolicy{
		{Resource: "https://ledger.example", Name: "Ledger", Scopes: []string{"ledger:read", "ledger:write"}, ScopeTexts: map[string]string{"ledger:read": "Ledger"}},
		{Resource: "https://ledger.example/2", Scopes: []string{"ledger:2", "ledger:3"}, ScopeTexts: map[string]string{"ledger:2": "Ledger"}},
	}}}}
	scopes := []string{"openid", "profile", "email", "phone", "offline_access", "administer", "ledger:read", "ledger:write", "ledger:2", "ledger:3", "ledger:4"}
	items := oauth.DescribeScopes(site, scopes)
	site.Realm.Default = true
	items = append(items, oauth.DescribeScopes(site, []string{"administer"})...)
	items[0].New, items[0].Lines = true, []oauth.Line{{Label: "Ledger", Value: "Ledger"}}
	return items
}

// showings are the pages that other parts of the server ask for.
var showings = []showing{
	{"consent.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.Consent(w, r, &oauth.Consent{Party: party, Redirect: "https://ledger.example/cb", Person: "Alice", Items: consentItems()})
	}},
	{"consent.html again", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		c := &oauth.Consent{Party: party, Redirect: "https://ledger.example/cb", Person: "Alice", Items: consentItems(), Again: true}
		c.Party.Reach = oauth.Said{Key: "reach.device"}
		return p.Consent(w, r, c)
	}},
	{"error.html refused", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		p.Refused(w, r, &oauth.Error{Code: "invalid_request", Description: "Ledger"})
		return nil
	}},
	{"error.html too old", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		p.Refused(w, r, oauth.ErrWaitedTooLong)
		return nil
	}},
	{"error.html ours", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		p.Error(w, r, httpx.AsProblem(fmt.Errorf("cause")))
		return nil
	}},
	{"form_post.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.FormPost(w, r, &oauth.FormPost{Action: "https://ledger.example/cb", Fields: [][2]string{{"code", "1"}}})
	}},
	{"device.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceEntry(w, r, "", nil)
	}},
	{"device.html unknown", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceEntry(w, r, "", fmt.Errorf("unknown"))
	}},
	{"device.html over", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceEntry(w, r, "", oauth.ErrDeviceOver)
	}},
	{"device.html stopped", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceEntry(w, r, "", oauth.ErrDeviceStopped)
	}},
	{"device.html locked", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceEntry(w, r, "", &oauth.TriesError{Wait: 5 * time.Minute})
	}},
	{"device_question.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceQuestion(w, r, oauth.Waiting{UserCode: "ABCD-EFGH", Party: party, Items: consentItems(), Address: "192.0.2.1", UserAgent: "Ledger", AskedAt: time.Now().Add(-time.Hour)}, "Alice")
	}},
	{"device_question.html without a scope", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceQuestion(w, r, oauth.Waiting{UserCode: "ABCD-EFGH", Party: oauth.Party{Name: "Ledger"}, Address: "192.0.2.1", Near: true, AskedAt: time.Now()}, "Alice")
	}},
	{"device_done.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceAnswered(w, r, "Ledger", true)
	}},
	{"device_done.html denied", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.DeviceAnswered(w, r, "Ledger", false)
	}},
	{"logout.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.LogoutQuestion(w, r, logout.Outcome{Question: "q", Name: "Ledger", Fault: logout.FaultHint}, "Alice")
	}},
	{"logout_done.html", func(p *pages.Pages, w http.ResponseWriter, r *http.Request) error {
		return p.LoggedOut(w, r, logout.Outcome{Name: "Ledger", Redirect: "https://ledger.example", Frames: []string{"https://ledger.example/out"}})
	}},
}

// english finds words on a page that are in no other language: what people chose,
// and addresses, stand for themselves.
func english(page string) []string {
	page = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`).ReplaceAllString(page, "")
	data := regexp.MustCompile(`Acme|Assent|Alice|Ledger|ledger\.example|http://localhost:8420|ABCD-EFGH|XXXX-XXXX|192\.0\.2\.1|req_\w+|invalid_request|ledger:\w+|&\w+;`)
	words := regexp.MustCompile(`‹[^‹›]*›`)
	var left []string
	page = untagged(page)
	for words.MatchString(page) { // a text may hold another
		page = words.ReplaceAllString(page, "")
	}
	for _, text := range regexp.MustCompile(`>([^<]*)<|\b(?:placeholder|title|alt|aria-label)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if rest := data.ReplaceAllString(text[1]+text[2], ""); regexp.MustCompile(`\pL`).MatchString(rest) {
			left = append(left, strings.TrimSpace(rest))
		}
	}
	return left
}

// untagged joins a text over the elements within it.
func untagged(page string) string {
	return regexp.MustCompile(`</?(?:bdi|strong|code|span)\b[^>]*>`).ReplaceAllString(page, "")
}

// Requirement: pages-texts
func TestALanguageReachesEveryWordOfEveryPage(t *testing.T) {
	h := newHouse(t, func(c *pages.Config) { c.Texts = pseudo(t) })
	check := func(t *testing.T, r *http.Response) { t.Helper(); inPseudo(t, r.Header, text(t, r)) }
	for _, s := range showings {
		t.Run(s.name, func(t *testing.T) {
			r := httpx.WithSite(httptest.NewRequest("GET", signintest.Base+"/", nil), h.Site)
			r.Header.Set("Accept-Language", "qps-ploc, en;q=0.5")
			w := httptest.NewRecorder()
			if err := s.draw(h.pages, w, r); err != nil {
				t.Fatal(err)
			}
			check(t, w.Result())
		})
	}
	alice := h.Person(t, h.Site, "alice")
	device := signintest.Software(t, h.Site)
	in := h.browser()
	in.bind(t, "", h.Token(t, h.Site, alice.ID), device)
	for _, path := range []string{"/signin", "/signin?return_to=/device", "/signin?return_to=" + url.QueryEscape("/bind?token=x"), "/pages/static/none"} {
		t.Run(path, func(t *testing.T) { check(t, h.browser().getIn(t, path, "qps-ploc")) })
	}
	for _, path := range []string{"/signin", "/signin?other=1", "/signin?reauth=1"} {
		t.Run("signed in "+path, func(t *testing.T) { check(t, in.getIn(t, path, "qps-ploc")) })
	}
}

// inPseudo demands that a page is in the pseudo language, every word of it.
func inPseudo(t *testing.T, header http.Header, page string) {
	t.Helper()
	if !strings.Contains(page, `<html lang="qps-ploc">`) || header.Get("Content-Language") != "qps-ploc" || header.Get("Vary") != "Accept-Language" {
		t.Errorf("the page is not in the language: %v", header)
	}
	if left := english(page); left != nil {
		t.Errorf("the page says in English: %q", left)
	}
	if strings.ContainsAny(page, "⟦⟧") {
		t.Errorf("a text or a value is missing:\n%s", page)
	}
}

// getIn opens a page in a language.
func (b *browser) getIn(t *testing.T, path, language string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", signintest.Base+path, nil)
	r.Header.Set("Accept-Language", language)
	return b.do(t, r)
}

// What a script is told of a refusal is in the language of its page.
func TestRefusalsAreInTheLanguageOfThePage(t *testing.T) {
	h := newHouse(t, func(c *pages.Config) { c.Texts = pseudo(t) })
	r := request(t, "/signin", answer{"", json.RawMessage(`{}`)})
	r.Header.Set("Accept-Language", "qps-ploc")
	if got := member(t, h.browser().do(t, r), "detail"); !strings.HasPrefix(got, "‹") {
		t.Errorf("the detail is %q", got)
	}
}

func TestAPageIsEnglishWhereNoOtherLanguageIsThere(t *testing.T) {
	h := newHouse(t)
	r := h.browser().getIn(t, "/signin", "de-DE, de;q=0.9")
	if page := text(t, r); !strings.Contains(page, `<html lang="en">`) || r.Header.Get("Content-Language") != "en" {
		t.Errorf("got %v", r.Header)
	}
}
