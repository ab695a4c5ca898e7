package pages

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
)

func (p *Pages) showBinding(w http.ResponseWriter, r *http.Request) error {
	site := httpx.Site(r)
	token := r.URL.Query().Get("token")
	person, err := p.person(r)
	if err != nil {
		return err
	}
	c, err := p.directory.BeginBinding(r.Context(), site, token, person)
	if errors.Is(err, directory.ErrProofRequired) {
		p.prove(w, r, token)
		return nil
	}
	if err != nil {
		return p.refuseLink(w, r, err)
	}
	v := p.view(r, "Create a passkey")
	v.Person = c.Identity.DisplayName
	v.Ceremony = ceremony{Options: c.Options, State: c.State}
	return p.render(w, http.StatusOK, "bind.html", v)
}

// person is who has proved a passkey in this browser, empty if nobody has. A
// password proves none: who guesses it must not come to a passkey.
func (p *Pages) person(r *http.Request) (model.IdentityID, error) {
	cookie := httpx.SessionCookie(r)
	if cookie == "" {
		return "", nil
	}
	session, _, err := p.signin.Session(r.Context(), httpx.Site(r), cookie)
	if errors.Is(err, signin.ErrNoSession) {
		return "", nil
	}
	if err == nil {
		httpx.SetActor(r, string(session.IdentityID))
	}
	if session.PasskeyID == "" {
		return "", err
	}
	return session.IdentityID, err
}

// prove leads through the sign-in page and back to the link.
func (p *Pages) prove(w http.ResponseWriter, r *http.Request, token string) {
	base := httpx.Site(r).Path
	back := base + "/bind?" + url.Values{"token": {token}}.Encode()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", base+"/signin?"+url.Values{"return_to": {back}}.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// A linkRefusal is how a link that cannot be used looks to a person and to the
// page's script.
type linkRefusal struct {
	err    error
	status int
	code   string
	page   string // "": the general one
	title  string
	detail string
}

var linkRefusals = []linkRefusal{
	{directory.ErrLinkUsed, http.StatusGone, "link_used", "link_used.html", "Link used",
		"This link has been used."},
	{directory.ErrLinkExpired, http.StatusGone, "link_expired", "link_expired.html", "Link too old",
		"This link is too old."},
	{directory.ErrLinkUnknown, http.StatusNotFound, "link_unknown", "link_unknown.html", "Unknown link",
		"We do not know this link."},
	{directory.ErrProofRequired, http.StatusForbidden, "proof_required", "", "",
		"Sign in with the passkey that you have before you add another one."},
	{directory.ErrCeremony, http.StatusBadRequest, "ceremony_expired", "", "",
		"This page has waited too long. Open the link again."},
	{directory.ErrPasskeyTaken, http.StatusConflict, "passkey_taken", "", "",
		"This passkey is in use already."},
	{directory.ErrSoftwarePasskey, http.StatusUnprocessableEntity, "software_passkey", "", "",
		"Passkeys that live in a program are not accepted here."},
	{directory.ErrPasskeyInvalid, http.StatusUnprocessableEntity, "passkey_invalid", "", "",
		"Your device made a passkey that we cannot accept."},
	{directory.ErrNotAllowed, http.StatusForbidden, "not_allowed", "", "",
		"This link cannot be used right now. Ask the person who sent it."},
}

func findLinkRefusal(err error) (linkRefusal, bool) {
	for _, l := range linkRefusals {
		if errors.Is(err, l.err) {
			return l, true
		}
	}
	return linkRefusal{}, false
}

func (l linkRefusal) problem(cause error) *httpx.Problem {
	return &httpx.Problem{Status: l.status, Code: l.code, Detail: l.detail, Cause: cause}
}

// refuseLink draws the page that says why a link cannot be used.
func (p *Pages) refuseLink(w http.ResponseWriter, r *http.Request, err error) error {
	l, known := findLinkRefusal(err)
	switch {
	case !known:
		return err
	case l.page == "":
		return l.problem(err)
	}
	httpx.Note(r, l.code, err)
	return p.render(w, l.status, l.page, p.view(r, l.title))
}

func (p *Pages) finishBinding(w http.ResponseWriter, r *http.Request) error {
	var a answer
	if err := httpx.ReadJSON(w, r, maxAnswer, &a); err != nil {
		return err
	}
	person, err := p.person(r)
	if err != nil {
		return err
	}
	bound, err := p.directory.FinishBinding(r.Context(), httpx.Site(r), directory.BindingAnswer{
		State: a.State, Response: a.Response, UserAgent: r.UserAgent(), SignedIn: person})
	if err != nil {
		if l, known := findLinkRefusal(err); known {
			return l.problem(err)
		}
		return err
	}
	if person == bound.Session.IdentityID {
		// Who adds a passkey keeps their session: the applications that were opened in it
		// must not hear of an end.
		if err := p.signin.SignOut(r.Context(), httpx.Site(r), bound.SessionCookie); err != nil {
			httpx.Note(r, "", err)
		}
		return httpx.WriteJSON(w, http.StatusOK, done{ReturnTo: bound.ReturnTo})
	}
	return p.enter(w, r, entry{bound.SessionCookie, bound.Session, bound.ReturnTo})
}
