// Package pages is what people see of a realm before the approver: sign in, sign
// out, open a binding link, and the page on which everything else ends.
//
// The server renders whole pages; a script does nothing but talk to the
// passkey. If this package is wrong, a person is led to somebody else's site,
// or a page of ours runs somebody else's script.
package pages

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/message"
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
	OpenLink(ctx context.Context, site *model.Site, token string) (directory.Link, error)
	BeginBinding(ctx context.Context, site *model.Site, token string, proof directory.Proof) (directory.BindingCeremony, error)
	FinishBinding(context.Context, *model.Site, directory.BindingAnswer) (directory.Bound, error)
	Passkeys(context.Context, *model.Site, model.IdentityID) ([]model.Passkey, error)
}

// Transactions says for which application somebody is asked to sign in.
type Transactions interface {
	SignInNeed(ctx context.Context, site *model.Site, transaction string) oauth.SignInNeed
	// SignInReason says what it asks of somebody who is signed in already.
	SignInReason(ctx context.Context, site *model.Site, transaction string, who *oauth.SignedIn) oauth.SignInReason
}

// Config is what the pages work with.
type Config struct {
	SignIn    SignIn
	Apps      Transactions
	Directory Directory
	Logos     Logos
	Account   Account
	Scripts   *assets.Set        // of assets.Pages
	Texts     *message.Catalogue // nil: those of Texts
	Mailbox   Mailbox            // shown to everybody: in development only, else nil
	Now       func() time.Time   // nil: time.Now
}

// Pages serves the hosted pages of every realm.
type Pages struct {
	signin    SignIn
	apps      Transactions
	directory Directory
	logos     Logos
	account   Account
	now       func() time.Time
	mailbox   Mailbox
	templates *template.Template
	static    *assets.Set
	scripts   *assets.Set
	version   string
	inline    *inline
	texts     *message.Catalogue
	// scriptKeys are the keys of the texts that every script gets.
	scriptKeys []string
}

// New parses the templates and reads the texts.
func New(c Config) (*Pages, error) {
	templates, err := parse()
	if err != nil {
		return nil, err
	}
	static, err := staticFiles()
	if err != nil {
		return nil, err
	}
	if c.Texts == nil {
		if c.Texts, err = Texts(); err != nil {
			return nil, err
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	sum := sha256.Sum256([]byte(static.Version() + c.Scripts.Version()))
	return &Pages{signin: c.SignIn, apps: c.Apps, directory: c.Directory, logos: c.Logos, account: c.Account, now: c.Now, mailbox: c.Mailbox, templates: templates,
		static: static, scripts: c.Scripts, version: base64.RawURLEncoding.EncodeToString(sum[:9]),
		inline: newInline(static, c.Scripts), texts: c.Texts, scriptKeys: scriptKeys(c.Texts)}, nil
}

func staticFiles() (*assets.Set, error) {
	dir, err := fs.Sub(embedded, "static")
	if err != nil {
		return nil, fmt.Errorf("static files of pages: %w", err)
	}
	return assets.Load(dir)
}

// Register puts the pages at their paths of the realm.
func (p *Pages) Register(mux *http.ServeMux) {
	page := httpx.Pages(p.Error)
	mux.Handle("GET /signin", page(p.showSignIn))
	mux.Handle("POST /signin", p.sameOrigin(p.finishSignIn))
	mux.Handle("POST /signin/password", p.sameOriginPage(p.signInPassword))
	mux.Handle("POST /signout", p.sameOrigin(p.signOut))
	mux.Handle("GET /bind", page(p.showBinding))
	mux.Handle("POST /bind", p.sameOrigin(p.finishBinding))
	mux.Handle("POST /bind/switch", p.sameOriginPage(p.switchAccount))
	if p.mailbox != nil {
		mux.Handle("GET /dev/mailbox", page(p.atHome(p.showMailbox)))
		mux.Handle("GET /dev/mailbox/{id}", page(p.atHome(p.showMessage)))
	}
	p.registerAccount(mux)
	mux.Handle("GET /pages/theme/{name}", page(p.themeFile))
	mux.Handle("GET /pages/static/{name}", page(p.file(p.static)))
	mux.Handle("GET /pages/scripts/{name}", page(p.file(p.scripts)))
}

// sameOrigin refuses what another site makes a browser send.
func (p *Pages) sameOrigin(h httpx.HandlerFunc) http.Handler { return p.guarded(h, httpx.API) }

// sameOriginPage does the same for forms: what is refused is a page.
func (p *Pages) sameOriginPage(h httpx.HandlerFunc) http.Handler {
	return p.guarded(h, httpx.Pages(p.Error))
}

func (p *Pages) guarded(h httpx.HandlerFunc, adapt func(httpx.HandlerFunc) http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(adapt(func(_ http.ResponseWriter, r *http.Request) error {
		return p.problem(r, crossOrigin, nil)
	}))
	return guard.Handler(adapt(h))
}

// file serves what the templates name. With the version in its URL a file may
// be kept for ever.
func (p *Pages) file(files *assets.Set) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		name := r.PathValue("name")
		if !files.Has(name) {
			return p.problem(r, nothingHere, nil)
		}
		assets.Secure(w, assets.PagePolicy)
		cache := assets.Revalidate
		if r.URL.Query().Get("v") == p.version {
			cache = assets.Immutable
		}
		return files.Serve(w, r, name, cache)
	}
}
