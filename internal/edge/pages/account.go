package pages

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

// Account is what people's own pages need; empty: there are none.
type Account struct {
	Sessions Sessions
	Passkeys Passkeys
	Apps     AllowedApplications
}

// Sessions are where a person is signed in.
type Sessions interface {
	Sessions(context.Context, *model.Site, model.IdentityID) ([]model.Session, error)
	EndOne(ctx context.Context, site *model.Site, identity model.IdentityID, id model.SessionID, actor string) error
	EndAll(ctx context.Context, site *model.Site, identity model.IdentityID, actor string, except model.SessionID) (int, error)
}

// Passkeys are a person's passkeys and the codes that stand in for lost ones.
type Passkeys interface {
	Passkeys(context.Context, *model.Site, model.IdentityID) ([]model.Passkey, error)
	RenamePasskey(ctx context.Context, site *model.Site, ref directory.PasskeyRef, name string) error
	RevokePasskey(context.Context, *model.Site, directory.PasskeyRef) error
	InviteSelf(context.Context, *model.Site, model.IdentityID) (directory.Binding, error)
	RecoveryCodes(context.Context, *model.Site, model.IdentityID) (directory.RecoveryState, error)
	NewRecoveryCodes(ctx context.Context, site *model.Site, id model.IdentityID, actor string) ([]string, error)
	Recover(context.Context, *model.Site, directory.RecoveryAnswer) (directory.Binding, error)
}

// AllowedApplications are what a person lets have something of theirs.
type AllowedApplications interface {
	Allowed(context.Context, *model.Site, model.IdentityID) ([]oauth.AllowedApplication, error)
	Disallow(ctx context.Context, site *model.Site, identity model.IdentityID, client model.ClientID, actor string) error
}

// proofLife is how long a passkey that was used counts as the person's own hand on
// what changes how they sign in.
const proofLife = 5 * time.Minute

// A member is the person whose pages these are.
type member struct {
	site     *model.Site
	session  model.Session
	identity model.Identity
	now      time.Time
}

func (m *member) actor() string { return string(m.identity.ID) }

// proved reports whether the person used a passkey just now. A password never
// counts: who guesses it must not come to a passkey.
func (m *member) proved() bool {
	return m.session.PasskeyID != "" && m.now.Before(m.session.AuthTime.Time().Add(proofLife))
}

type memberFunc func(http.ResponseWriter, *http.Request, *member) error

// registerAccount puts a person's own pages at their paths. What changes how
// somebody signs in needs a passkey that was used just now; its question is a page
// to come back to from the sign-in page.
func (p *Pages) registerAccount(mux *http.ServeMux) {
	if p.account.Sessions == nil {
		return
	}
	page := httpx.Pages(p.Error)
	get := func(path string, h memberFunc) { mux.Handle("GET "+path, page(p.asMember(h))) }
	post := func(path string, h memberFunc) { mux.Handle("POST "+path, p.sameOriginPage(p.asMember(h))) }
	get("/account", p.showAccount)
	post("/account/passkeys", p.needsProof("/account/passkeys/new", p.addPasskey))
	get("/account/passkeys/new", p.needsProof("", p.askAddPasskey))
	post("/account/passkeys/{id}/name", p.renamePasskey)
	get("/account/passkeys/{id}/remove", p.needsProof("", p.askRemovePasskey))
	post("/account/passkeys/{id}/remove", p.needsProof("", p.removePasskey))
	post("/account/sessions/{id}/end", p.endSession)
	post("/account/sessions/end", p.endSessions)
	post("/account/applications/remove", p.disallow)
	get("/account/recovery-codes", p.needsProof("", p.askRecoveryCodes))
	post("/account/recovery-codes", p.needsProof("", p.makeRecoveryCodes))
	mux.Handle("GET /recover", page(p.showRecover))
	mux.Handle("POST /recover", p.sameOriginPage(p.recover))
}

// asMember finds out who is signed in; nobody is led to the sign-in page.
func (p *Pages) asMember(h memberFunc) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		m := &member{site: httpx.Site(r), now: p.now()}
		var err error
		m.session, m.identity, err = p.signin.Session(r.Context(), m.site, httpx.SessionCookie(r))
		if errors.Is(err, signin.ErrNoSession) {
			back := m.site.Path + "/account"
			if r.Method == http.MethodGet {
				back = m.site.Path + r.URL.Path
			}
			seeOther(w, m.site.Path+"/signin?"+url.Values{"return_to": {back}}.Encode())
			return nil
		}
		if err != nil {
			return err
		}
		httpx.SetActor(r, m.actor())
		return h(w, r, m)
	}
}

// needsProof leads through the sign-in page whoever did not use a passkey just now.
// They come back to the page at a path of the realm; empty: the request's own.
func (p *Pages) needsProof(back string, h memberFunc) memberFunc {
	return func(w http.ResponseWriter, r *http.Request, m *member) error {
		if m.proved() {
			return h(w, r, m)
		}
		to := m.site.Path + back
		if back == "" {
			to += r.URL.Path
		}
		seeOther(w, m.site.Path+"/signin?"+url.Values{"reauth": {"1"}, "return_to": {to}}.Encode())
		return nil
	}
}

// seeOther leads on after a form, or to a page that comes first.
func seeOther(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// done leads back to the account page, which says what was done.
func (m *member) done(w http.ResponseWriter, what string) error {
	seeOther(w, m.site.Path+"/account?"+url.Values{"done": {what}}.Encode())
	return nil
}

// doneWords are what the account page says after an action.
var doneWords = map[string]string{
	"added":   "account.done_added",
	"renamed": "account.done_renamed",
	"removed": "account.done_removed",
	"ended":   "account.done_ended",
	"taken":   "account.done_taken",
}

func (p *Pages) showAccount(w http.ResponseWriter, r *http.Request, m *member) error {
	v, err := p.accountPage(r, m)
	if err != nil {
		return err
	}
	if key, known := doneWords[r.URL.Query().Get("done")]; known {
		v.Account.Done = v.T(key)
	}
	return p.render(w, http.StatusOK, "account.html", v)
}

// memberView is the start of each of a person's own pages.
func (p *Pages) memberView(r *http.Request, m *member, key string) view {
	v := p.view(r, key)
	v.Person = m.identity.DisplayName
	v.Account = &accountView{}
	return v
}

// accountPage reads everything that the account page shows.
func (p *Pages) accountPage(r *http.Request, m *member) (view, error) {
	ctx, v := r.Context(), p.memberView(r, m, "account.title")
	keys, err := p.account.Passkeys.Passkeys(ctx, m.site, m.identity.ID)
	if err != nil {
		return v, err
	}
	sessions, err := p.account.Sessions.Sessions(ctx, m.site, m.identity.ID)
	if err != nil {
		return v, err
	}
	apps, err := p.account.Apps.Allowed(ctx, m.site, m.identity.ID)
	if err != nil {
		return v, err
	}
	codes, err := p.account.Passkeys.RecoveryCodes(ctx, m.site, m.identity.ID)
	if err != nil {
		return v, err
	}
	s := speaker{v, m}
	a := v.Account
	for _, k := range keys {
		a.Passkeys = append(a.Passkeys, s.passkey(k))
	}
	for _, session := range sessions {
		a.Sessions = append(a.Sessions, s.session(session))
	}
	for _, app := range apps {
		a.Apps = append(a.Apps, s.app(app))
	}
	a.Codes = s.codes(codes)
	a.Username, a.Email = m.identity.Traits.Username, m.identity.Traits.PrimaryEmailAddress
	a.Signals = signalsOf(m, keys)
	return v, nil
}

// readForm reads a form that a page of ours sent.
func (p *Pages) readForm(w http.ResponseWriter, r *http.Request) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return p.problem(r, notAForm, err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return p.formProblem(r, err)
	}
	return nil
}
