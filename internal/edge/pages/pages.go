// Package pages is what people see of a realm before the approver: sign in, sign
// out, open a binding link, and the page on which everything else ends.
//
// The server renders whole pages; a script does nothing but talk to the
// passkey. If this package is wrong, a person is led to somebody else's site,
// or a page of ours runs somebody else's script.
package pages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

//go:embed templates/*.html static
var embedded embed.FS

// SignIn is what the pages need of the sign-in service.
type SignIn interface {
	Begin(context.Context, *model.Site) (signin.Ceremony, error)
	Finish(context.Context, *model.Site, signin.Answer) (signin.SignedIn, error)
	SignInWithPassword(context.Context, *model.Site, signin.PasswordAnswer) (signin.SignedIn, error)
	Session(ctx context.Context, site *model.Site, cookie string) (model.Session, model.Identity, error)
	SignOut(ctx context.Context, site *model.Site, cookie string) error
}

// Directory is what the pages need of the directory.
type Directory interface {
	BeginBinding(ctx context.Context, site *model.Site, token string, signedIn model.IdentityID) (directory.BindingCeremony, error)
	FinishBinding(context.Context, *model.Site, directory.BindingAnswer) (directory.Bound, error)
}

// Transactions says for which application somebody is asked to sign in.
type Transactions interface {
	SignInNeed(ctx context.Context, site *model.Site, transaction string) oauth.SignInNeed
}

// Config is what the pages work with.
type Config struct {
	SignIn    SignIn
	Apps      Transactions
	Directory Directory
	Scripts   *assets.Set // of assets.Pages
	Mailbox   Mailbox     // shown to everybody: in development only, else nil
}

// Pages serves the hosted pages of every realm.
type Pages struct {
	signin    SignIn
	apps      Transactions
	directory Directory
	mailbox   Mailbox
	templates *template.Template
	static    *assets.Set
	scripts   *assets.Set
	version   string
}

// New parses the templates.
func New(c Config) (*Pages, error) {
	templates, err := template.ParseFS(embedded, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse page templates: %w", err)
	}
	dir, err := fs.Sub(embedded, "static")
	if err != nil {
		return nil, fmt.Errorf("static files of pages: %w", err)
	}
	static, err := assets.Load(dir)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(static.Version() + c.Scripts.Version()))
	return &Pages{signin: c.SignIn, apps: c.Apps, directory: c.Directory, mailbox: c.Mailbox, templates: templates, static: static,
		scripts: c.Scripts, version: base64.RawURLEncoding.EncodeToString(sum[:9])}, nil
}

// Register puts the pages at their paths of the realm.
func (p *Pages) Register(mux *http.ServeMux) {
	page := httpx.Pages(p.Error)
	mux.Handle("GET /signin", page(p.showSignIn))
	mux.Handle("POST /signin", sameOrigin(p.finishSignIn))
	mux.Handle("POST /signin/password", p.sameOriginPage(p.signInPassword))
	mux.Handle("POST /signout", sameOrigin(p.signOut))
	mux.Handle("GET /bind", page(p.showBinding))
	mux.Handle("POST /bind", sameOrigin(p.finishBinding))
	if p.mailbox != nil {
		mux.Handle("GET /dev/mailbox", page(p.showMailbox))
	}
	mux.Handle("GET /pages/static/{name}", page(p.file(p.static)))
	mux.Handle("GET /pages/scripts/{name}", page(p.file(p.scripts)))
}

// sameOrigin refuses what another site makes a browser send.
func sameOrigin(h httpx.HandlerFunc) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(httpx.API(func(http.ResponseWriter, *http.Request) error {
		return &httpx.Problem{Status: http.StatusForbidden, Code: "cross_origin",
			Detail: "This request came from another site."}
	}))
	return guard.Handler(httpx.API(h))
}

// sameOriginPage does the same for forms: what is refused is a page.
func (p *Pages) sameOriginPage(h httpx.HandlerFunc) http.Handler {
	page := httpx.Pages(p.Error)
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(page(func(http.ResponseWriter, *http.Request) error {
		return &httpx.Problem{Status: http.StatusForbidden, Code: "cross_origin",
			Detail: "This request came from another site."}
	}))
	return guard.Handler(page(h))
}

// file serves what the templates name. With the version in its URL a file may
// be kept for ever.
func (p *Pages) file(files *assets.Set) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		name := r.PathValue("name")
		if !files.Has(name) {
			return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is no such page."}
		}
		assets.Secure(w, assets.PagePolicy)
		cache := assets.Revalidate
		if r.URL.Query().Get("v") == p.version {
			cache = assets.Immutable
		}
		return files.Serve(w, r, name, cache)
	}
}

// A view is the data of every template; templates/README.md explains it.
type view struct {
	Title     string
	Realm     realm
	Base      string
	Version   string
	NotBuilt  bool
	Person    string
	Ceremony  any
	Message   string
	Detail    string
	Foreign   bool
	Reference string
	Messages  []letter
	Consent   *oauth.Consent
	Party     oauth.Party
	Password  *passwordView
	Cancel    string
	Post      *oauth.FormPost
	Device    *deviceView
	Logout    *logoutView
}

type realm struct{ Name, Issuer string }

// view fills in what all pages share. There is no realm on a page about an
// address that is in none.
func (p *Pages) view(r *http.Request, title string) view {
	v := view{Title: title, Version: p.version, NotBuilt: p.scripts.Empty(), Realm: realm{Name: "Assent"}}
	if s := httpx.Site(r); s != nil {
		v.Base = s.Path
		v.Realm = realm{Name: s.Realm.DisplayName, Issuer: s.Issuer}
		if v.Realm.Name == "" {
			v.Realm.Name = s.Realm.Name
		}
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
	assets.Secure(w, policy)
	return httpx.WriteRaw(w, status, "text/html; charset=utf-8", body.Bytes())
}

// Error draws a refusal as a page: what a person can do with it, and a reference
// for whoever helps them. It never shows a cause.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, problem *httpx.Problem) {
	v := p.view(r, "That did not work")
	switch {
	case problem.Status == http.StatusNotFound: // no failure, so nothing to refer to
		v.Title, v.Message = "There is no page here", "Check that the whole address was opened."
	case problem.Status < http.StatusInternalServerError || problem.Status == http.StatusServiceUnavailable:
		v.Message, v.Reference = problem.Detail, httpx.Reference(r)
	default:
		v.Reference = httpx.Reference(r)
	}
	if err := p.render(w, problem.Status, "error.html", v); err != nil {
		httpx.Note(r, problem.Code, err)
	}
}
