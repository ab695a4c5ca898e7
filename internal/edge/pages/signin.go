package pages

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

// maxAnswer bounds what a browser brings back from a passkey, in bytes.
const maxAnswer = 96 << 10

// A ceremony is what the page's script reads.
type ceremony struct {
	Options  json.RawMessage `json:"options"`
	State    string          `json:"state"`
	ReturnTo string          `json:"return_to,omitempty"`
}

// An answer is what it posts.
type answer struct {
	State    string          `json:"state"`
	Response json.RawMessage `json:"response"`
}

type done struct {
	ReturnTo string `json:"return_to"`
}

func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request) error {
	to := safeReturn(httpx.Site(r), r.URL.Query().Get("return_to"))
	return p.signInPage(w, r, signInView{to: to, status: http.StatusOK, password: &passwordView{ReturnTo: to}})
}

// A signInView is what one showing of the page differs in.
type signInView struct {
	to       string
	status   int
	password *passwordView
}

// signInPage draws the page with a new ceremony. Where its form may end at an
// application, the policy names that place (see Consent).
func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request, s signInView) error {
	site, to := httpx.Site(r), s.to
	c, err := p.signin.Begin(r.Context(), site)
	if err != nil {
		return err
	}
	v := p.view(r, "Sign in")
	if strings.HasPrefix(to, site.Path+"/bind?") {
		v.Message = "You already have a passkey. Sign in with it to add another."
	}
	device, query, _ := strings.Cut(to, "?")
	if device == site.Path+"/device" {
		v.Message = "Sign in first, then you can connect your device."
	}
	need := p.forApplication(r, to, &v)
	if values, err := url.ParseQuery(query); err == nil && device == site.Path+"/device" && values.Has("passkey") {
		need.Passkey = true // the device's application takes no less
	}
	v.Ceremony = ceremony{Options: c.Options, State: joinState(c.State, to), ReturnTo: to}
	if !takesPassword(site, to, need.Passkey) {
		return p.render(w, s.status, "signin.html", v)
	}
	v.Password = s.password
	return p.renderWith(w, s.status, "signin.html", v, policyToward(need.Redirect))
}

// forApplication says for whom one signs in, and how to go back without.
func (p *Pages) forApplication(r *http.Request, to string, v *view) oauth.SignInNeed {
	site := httpx.Site(r)
	query, found := strings.CutPrefix(to, site.Path+"/oauth/authorize/resume?")
	if !found || p.apps == nil {
		return oauth.SignInNeed{}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return oauth.SignInNeed{}
	}
	transaction := values.Get("transaction")
	need := p.apps.SignInNeed(r.Context(), site, transaction)
	if v.Party = need.Party; v.Party.ID != "" {
		v.Cancel = site.Path + "/oauth/authorize/cancel?transaction=" + url.QueryEscape(transaction)
	}
	return need
}

// safeReturn is where to go after signing in: the path that was asked for if it
// is one of the realm, else the approver.
func safeReturn(site *model.Site, asked string) string {
	if site.LocalPath(asked) {
		return asked
	}
	return site.Path + "/approver/"
}

// joinState lets the state carry where to go. That half is not sealed: whoever
// changes it leads only themselves, and only within the realm.
func joinState(sealed, to string) string {
	return sealed + "." + base64.RawURLEncoding.EncodeToString([]byte(to))
}

func splitState(site *model.Site, state string) (sealed, to string) {
	sealed, encoded, _ := strings.Cut(state, ".")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		raw = nil
	}
	return sealed, safeReturn(site, string(raw))
}

func (p *Pages) finishSignIn(w http.ResponseWriter, r *http.Request) error {
	var a answer
	if err := httpx.ReadJSON(w, r, maxAnswer, &a); err != nil {
		return err
	}
	site := httpx.Site(r)
	sealed, to := splitState(site, a.State)
	in, err := p.signin.Finish(r.Context(), site, signin.Answer{State: sealed, Response: a.Response,
		UserAgent: r.UserAgent(), Cookie: httpx.SessionCookie(r)})
	if err != nil {
		return signInProblem(err)
	}
	return p.enter(w, r, entry{in.Cookie, in.Session, to})
}

// An entry is a session that has just begun.
type entry struct {
	cookie  string
	session model.Session
	to      string
}

// enter gives the browser its new session and ends the one that it had: a
// cookie that somebody else may have put there is worth nothing afterwards.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, e entry) error {
	p.begin(w, r, e)
	return httpx.WriteJSON(w, http.StatusOK, done{ReturnTo: e.to})
}

func (p *Pages) begin(w http.ResponseWriter, r *http.Request, e entry) {
	httpx.SetActor(r, string(e.session.IdentityID))
	if old := httpx.SessionCookie(r); old != "" {
		if err := p.signin.SignOut(r.Context(), httpx.Site(r), old); err != nil {
			httpx.Note(r, "", err)
		}
	}
	httpx.SetSessionCookie(w, r, e.cookie, e.session.ExpiresAt.Time())
}

// signInProblem is what a browser learns of a refusal: one sentence for all of
// them. The code alone lets it forget a passkey that nobody here owns.
func signInProblem(err error) error {
	refused, ok := errors.AsType[*signin.Refused](err)
	switch {
	case errors.Is(err, signin.ErrCeremony):
		return &httpx.Problem{Status: http.StatusBadRequest, Code: "ceremony_expired", Cause: err,
			Detail: "This page has waited too long. Load it again."}
	case !ok:
		return err
	}
	p := &httpx.Problem{Status: http.StatusForbidden, Code: "signin_refused", Cause: err,
		Detail: "You cannot sign in with this passkey here."}
	switch refused.Cause {
	case signin.CauseUnknownPasskey, signin.CauseRevokedPasskey:
		p.Code = "passkey_unknown"
	case signin.CauseMalformed:
		p.Status = http.StatusBadRequest
	}
	return p
}

// signOut ends the session of the browser. A page gets a page, a script nothing.
func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	if cookie := httpx.SessionCookie(r); cookie != "" {
		if err := p.signin.SignOut(r.Context(), httpx.Site(r), cookie); err != nil {
			return err
		}
	}
	httpx.ClearSessionCookie(w, r)
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return p.render(w, http.StatusOK, "signed_out.html", p.view(r, "Signed out"))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
