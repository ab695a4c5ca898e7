package pages

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/assets"
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

// done is what it learns: where to go, and which passkeys of the person count, so
// that the browser can stop offering others (Web Authentication Level 3, Section
// 5.1.10.3).
type done struct {
	ReturnTo string   `json:"return_to"`
	UserID   string   `json:"user_id,omitempty"` // base64url
	Accepted []string `json:"accepted,omitempty"`
}

func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	to := safeReturn(httpx.Site(r), q.Get("return_to"))
	return p.signInPage(w, r, showing{to: to, status: http.StatusOK, password: &passwordView{ReturnTo: to},
		stepUp: q.Get("reauth") == "1", other: q.Get("other") == "1"})
}

// A showing is what one showing of the sign-in page differs in.
type showing struct {
	to       string
	status   int
	password *passwordView
	stepUp   bool // whoever is signed in has to use a passkey now
	other    bool // whoever is signed in wants to be somebody else
}

// signInPage draws the page. Where its form may end at an application, the policy
// names that place (see Consent).
func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request, s showing) error {
	who, err := p.visitor(r)
	if err != nil {
		return err
	}
	n := p.needOf(r, s.to, who)
	if who != nil && s.stepUp {
		n.reason = reasonStepUp
	}
	v := p.viewIn(r, n.Locales, "signin.title")
	v.Party, v.Person, v.Cancel, v.Inline = n.Party, nameOf(who), n.cancel, p.inline
	if who != nil && !s.other && (n.reason == reasonNone || n.reason == reasonHint) {
		v.SignIn = v.stayWords(n, otherAccount(r, s.to))
		v.Title = v.T("signin.on_title")
		return p.render(w, s.status, "signin.html", v)
	}
	return p.ceremonyPage(w, r, s, signInPlan{v, n})
}

// A signInPlan is the page so far, and what it is for.
type signInPlan struct {
	view view
	need need
}

// ceremonyPage draws the page with a new ceremony.
func (p *Pages) ceremonyPage(w http.ResponseWriter, r *http.Request, s showing, plan signInPlan) error {
	v, n, site := plan.view, plan.need, httpx.Site(r)
	c, err := p.signin.Begin(r.Context(), site)
	if err != nil {
		return err
	}
	v.Ceremony = ceremony{Options: c.Options, State: joinState(c.State, s.to), ReturnTo: s.to}
	if v.Person == "" && n.why != "" {
		v.Message = v.T(n.why)
	}
	policy := assets.PagePolicy
	if site.Realm.Policy.Passwords && !n.Passkey && n.reason != reasonStepUp {
		v.Password = s.password
		policy = policyToward(n.Redirect)
	}
	v.SignIn = v.signInWords(n)
	return p.renderWith(w, s.status, "signin.html", v, policy)
}

// otherAccount is the page on which somebody who is signed in can be somebody
// else.
func otherAccount(r *http.Request, to string) string {
	return httpx.Site(r).Path + "/signin?" + url.Values{"other": {"1"}, "return_to": {to}}.Encode()
}

// visitor is who is signed in at this browser; nil: nobody.
func (p *Pages) visitor(r *http.Request) (*oauth.SignedIn, error) {
	cookie := httpx.SessionCookie(r)
	if cookie == "" {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	session, identity, err := p.signin.Session(r.Context(), httpx.Site(r), cookie)
	if errors.Is(err, signin.ErrNoSession) {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err
	}
	httpx.SetActor(r, string(identity.ID))
	return &oauth.SignedIn{Session: session, Identity: identity}, nil
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
		return p.signInProblem(r, err)
	}
	p.begin(w, r, entry{in.Cookie, in.Session, to})
	d := done{ReturnTo: to}
	p.accepted(r, in.Session.IdentityID, &d)
	return httpx.WriteJSON(w, http.StatusOK, d)
}

// accepted names the passkeys of a person that count here. A browser keeps them by
// relying party, so those of another one are not among them. It forgets what is
// not in the list: where the list is not known, there is none.
func (p *Pages) accepted(r *http.Request, id model.IdentityID, d *done) {
	site := httpx.Site(r)
	keys, err := p.directory.Passkeys(r.Context(), site, id)
	if err != nil {
		httpx.Note(r, "", err)
		return
	}
	d.UserID = base64.RawURLEncoding.EncodeToString([]byte(id))
	for _, k := range keys {
		if k.For(site.RPID, site.RPID) {
			d.Accepted = append(d.Accepted, base64.RawURLEncoding.EncodeToString(k.CredentialID))
		}
	}
}

// An entry is a session that has just begun.
type entry struct {
	cookie  string
	session model.Session
	to      string
}

// begin gives the browser its new session and ends the one that it had: a cookie that
// somebody else may have put there is worth nothing afterwards.
func (p *Pages) begin(w http.ResponseWriter, r *http.Request, e entry) {
	httpx.SetActor(r, string(e.session.IdentityID))
	if old := httpx.SessionCookie(r); old != "" {
		if err := p.signin.SignOut(r.Context(), httpx.Site(r), old); err != nil {
			httpx.Note(r, "", err)
		}
	}
	httpx.SetSessionCookie(w, r, e.cookie, e.session.ExpiresAt.Time())
}

var (
	waitedTooLong    = refusal{http.StatusBadRequest, "ceremony_expired", "problem.waited"}
	signInMalformed  = refusal{http.StatusBadRequest, "signin_refused", "problem.refused"}
	signInRefused    = refusal{http.StatusForbidden, "signin_refused", "problem.refused"}
	passkeyUnknown   = refusal{http.StatusForbidden, "passkey_unknown", "problem.refused"}
	passkeyElsewhere = refusal{http.StatusForbidden, "passkey_elsewhere", "problem.elsewhere"}
	accountStopped   = refusal{http.StatusForbidden, "not_allowed", "problem.stopped"}
)

// causes are the refusals that say more than that one cannot sign in. The codes
// let a browser forget a passkey that nobody here owns, and keep one that is good
// in another realm. That an account is stopped is told to who has proved that it
// is theirs, and to nobody else.
var causes = map[signin.Cause]refusal{
	signin.CauseUnknownPasskey: passkeyUnknown,
	signin.CauseRevokedPasskey: passkeyUnknown,
	signin.CauseElsewhere:      passkeyElsewhere,
	signin.CauseMalformed:      signInMalformed,
	signin.CauseSuspended:      accountStopped,
}

// signInProblem is what a browser learns of a refusal: one sentence for nearly all
// of them.
func (p *Pages) signInProblem(r *http.Request, err error) error {
	refused, ok := errors.AsType[*signin.Refused](err)
	switch {
	case errors.Is(err, signin.ErrCeremony):
		return p.problem(r, waitedTooLong, err)
	case !ok:
		return err
	}
	if known, ok := causes[refused.Cause]; ok {
		return p.problem(r, known, err)
	}
	return p.problem(r, signInRefused, err)
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
		return p.render(w, http.StatusOK, "signed_out.html", p.view(r, "signed_out.title"))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
