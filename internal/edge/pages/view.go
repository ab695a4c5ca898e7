package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A view is the data of every template; templates/README.md explains it.
type view struct {
	Title     string
	Realm     realm
	Theme     theme
	Base      string
	Version   string
	NotBuilt  bool
	Inline    *inline // the style and the script stand in the page itself
	Person    string
	Ceremony  any
	Message   string
	Detail    string
	Foreign   bool
	Reference string
	Messages  []notify.Message
	Consent   *consentView
	Party     oauth.Party
	SignIn    *signInView
	Password  *passwordView
	Cancel    string
	Post      *oauth.FormPost
	Device    *deviceView
	Logout    *logoutView
	Bind      *bindView
	Account   *accountView
	Recover   *recoverView

	words      *message.Printer
	scriptKeys []string
	packs      bool // the browser reads gzip
}

type realm struct{ Name, Issuer string }

// realmOf is the realm of a request as people know it. There is none where an
// address is in none.
func (p *Pages) realmOf(r *http.Request) realm {
	s := httpx.Site(r)
	switch {
	case s == nil:
		return realm{Name: "Assent"}
	case s.Realm.DisplayName == "":
		return realm{Name: s.Realm.Name, Issuer: s.Issuer}
	}
	return realm{Name: s.Realm.DisplayName, Issuer: s.Issuer}
}

// view fills in what all pages share, and the text of this key as the title.
func (p *Pages) view(r *http.Request, title string, args ...any) view {
	return p.viewIn(r, "", title, args...)
}

// viewIn is view in the first of these languages that there are texts in, else in
// the browser's: an application may wish for one (OpenID Connect Core 1.0, Section
// 3.1.2.1, ui_locales).
func (p *Pages) viewIn(r *http.Request, locales, title string, args ...any) view {
	v := view{Version: p.version, NotBuilt: p.scripts.Empty(), Realm: p.realmOf(r), scriptKeys: p.scriptKeys,
		words: p.texts.Pick(locales, r.Header.Get("Accept-Language")), packs: assets.Accepts(r.Header.Get("Accept-Encoding"), "gzip")}
	v.Title = v.T(title, args...)
	if s := httpx.Site(r); s != nil {
		v.Base, v.Theme = s.Path, themeOf(s)
	}
	return v
}

// render writes a page that nobody may store.
func (p *Pages) render(w http.ResponseWriter, status int, name string, v view) error {
	return p.renderWith(w, status, name, v, assets.PagePolicy)
}

func (p *Pages) renderWith(w http.ResponseWriter, status int, name string, v view, policy string) error {
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, name, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	assets.Secure(w, v.allow(policy))
	h := w.Header()
	h.Set("Content-Language", v.Lang())
	h.Add("Vary", "Accept-Language")
	return httpx.WriteRaw(w, status, "text/html; charset=utf-8", v.pack(h, body.Bytes()))
}

// Error draws a refusal as a page: what a person can do with it, and a reference
// for whoever helps them. It never shows a cause.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, problem *httpx.Problem) {
	v := p.view(r, "error.title")
	switch {
	case problem.Status == http.StatusNotFound: // no failure, so nothing to refer to
		v.Title, v.Message = v.T("error.none_title"), v.T("error.none")
	case problem.Status < http.StatusInternalServerError || problem.Status == http.StatusServiceUnavailable:
		v.Message, v.Reference = problem.Detail, httpx.Reference(r)
		if key, ok := foreignWords[problem.Code]; ok {
			v.Message = v.T(key)
		}
	default:
		v.Reference = httpx.Reference(r)
	}
	if err := p.render(w, problem.Status, "error.html", v); err != nil {
		httpx.Note(r, problem.Code, err)
	}
}

// parse reads the templates.
func parse() (*template.Template, error) {
	templates, err := template.ParseFS(embedded, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse page templates: %w", err)
	}
	return templates, nil
}
