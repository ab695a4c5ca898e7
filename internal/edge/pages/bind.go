package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A bindView is what the pages about a binding link show.
type bindView struct {
	Token    string // for the form that goes on as somebody else
	SignedIn string // who is signed in, where that is not whom the link is for
	Recovery bool   // the person has lost their passkeys
	Another  bool   // they have one already
}

// A bindCeremony is what the page's script reads.
type bindCeremony struct {
	ceremony
	// Onward is the one origin beside our own where the person may be led
	// afterwards; empty: none.
	Onward string `json:"onward,omitempty"`
}

// showBinding opens a link: on this page, or in the application that it leads to.
func (p *Pages) showBinding(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	link, err := p.directory.OpenLink(r.Context(), httpx.Site(r), token)
	if err != nil {
		return p.refuseLink(w, r, err)
	}
	if link.Embedded() {
		return leadToApplication(w, httpx.Site(r), link, token)
	}
	who, err := p.visitor(r)
	if err != nil {
		return err
	}
	if who != nil && who.Identity.ID != link.Identity.ID {
		return p.wrongAccount(w, r, who, token)
	}
	c, err := p.directory.BeginBinding(r.Context(), httpx.Site(r), token, p.prover(who))
	if errors.Is(err, directory.ErrProofRequired) {
		prove(w, httpx.Site(r), token, who)
		return nil
	}
	if err != nil {
		return p.refuseLink(w, r, err)
	}
	return p.bindPage(w, r, c)
}

func (p *Pages) bindPage(w http.ResponseWriter, r *http.Request, c directory.BindingCeremony) error {
	v := p.view(r, "bind.title")
	v.Person = c.Identity.DisplayName
	v.Bind = &bindView{Recovery: c.Job.Proof == model.ProofRecovery, Another: c.Another}
	v.Ceremony = bindCeremony{ceremony: ceremony{Options: c.Options, State: c.State}, Onward: originOf(c.Job.RedirectURI)}
	return p.render(w, http.StatusOK, "bind.html", v)
}

// originOf is the origin of a URL, empty for a path.
func originOf(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// leadToApplication opens a link in the application that its authenticator config
// names. The operator chose that address, when the config was saved.
func leadToApplication(w http.ResponseWriter, site *model.Site, l directory.Link, token string) error {
	link := site.Issuer + "/bind?" + url.Values{"token": {token}}.Encode()
	base, query, _ := strings.Cut(l.Config.Settings.InvokeURL, "?")
	if query != "" {
		query += "&"
	}
	seeOther(w, strings.TrimSuffix(base, "/")+"/assent-bind?"+query+url.Values{"link": {link}}.Encode())
	return nil
}

// wrongAccount says who is signed in where the link is for somebody else. It does
// not say for whom: whoever holds a link may not be that person.
func (p *Pages) wrongAccount(w http.ResponseWriter, r *http.Request, who *oauth.SignedIn, token string) error {
	httpx.Note(r, "wrong_account", nil)
	v := p.view(r, "bind.other_title")
	v.Bind = &bindView{Token: token, SignedIn: who.Identity.DisplayName}
	return p.render(w, http.StatusConflict, "link_other.html", v)
}

// switchAccount signs out and opens the link again.
func (p *Pages) switchAccount(w http.ResponseWriter, r *http.Request) error {
	if err := p.readForm(w, r); err != nil {
		return err
	}
	if cookie := httpx.SessionCookie(r); cookie != "" {
		if err := p.signin.SignOut(r.Context(), httpx.Site(r), cookie); err != nil {
			return err
		}
	}
	httpx.ClearSessionCookie(w, r)
	seeOther(w, httpx.Site(r).Path+"/bind?"+url.Values{"token": {r.PostForm.Get("token")}}.Encode())
	return nil
}

// prover is the passkey that was just proved in this browser, none if there is none. A
// password proves none: who guesses it must not come to a passkey. Nor does a
// session that somebody left open.
func (p *Pages) prover(who *oauth.SignedIn) directory.Proof {
	if who == nil || who.Session.PasskeyID == "" || !p.now().Before(who.Session.AuthTime.Time().Add(proofLife)) {
		return directory.Proof{}
	}
	return directory.Proof{IdentityID: who.Identity.ID, PasskeyID: who.Session.PasskeyID, At: who.Session.AuthTime}
}

// prove leads through the sign-in page and back to the link.
func prove(w http.ResponseWriter, site *model.Site, token string, who *oauth.SignedIn) {
	to := url.Values{"return_to": {site.Path + "/bind?" + url.Values{"token": {token}}.Encode()}}
	if who != nil {
		to.Set("reauth", "1")
	}
	seeOther(w, site.Path+"/signin?"+to.Encode())
}

// A linkRefusal is how a link that cannot be used looks to a person and to the
// page's script.
type linkRefusal struct {
	refusal
	err  error
	page string // "": the general one
}

var linkRefusals = []linkRefusal{
	{refusal{http.StatusGone, "link_used", "bind.used"}, directory.ErrLinkUsed, "link_used.html"},
	{refusal{http.StatusGone, "link_expired", "bind.expired"}, directory.ErrLinkExpired, "link_expired.html"},
	{refusal{http.StatusNotFound, "link_unknown", "bind.unknown"}, directory.ErrLinkUnknown, "link_unknown.html"},
	{refusal{http.StatusForbidden, "not_allowed", "bind.stopped"}, directory.ErrNotAllowed, "link_stopped.html"},
	{refusal{http.StatusForbidden, "recovery_required", "bind.lost"}, directory.ErrRecoveryRequired, "link_lost.html"},
	{refusal{http.StatusForbidden, "proof_required", "bind.proof"}, directory.ErrProofRequired, ""},
	{refusal{http.StatusForbidden, "origin_not_trusted", "bind.elsewhere"}, directory.ErrOrigin, ""},
	{refusal{http.StatusBadRequest, "ceremony_expired", "bind.waited"}, directory.ErrCeremony, ""},
	{refusal{http.StatusConflict, "passkey_taken", "bind.taken"}, directory.ErrPasskeyTaken, ""},
	{refusal{http.StatusUnprocessableEntity, "software_passkey", "bind.software"}, directory.ErrSoftwarePasskey, ""},
	{refusal{http.StatusUnprocessableEntity, "passkey_invalid", "bind.invalid"}, directory.ErrPasskeyInvalid, ""},
}

func findLinkRefusal(err error) (linkRefusal, bool) {
	for _, l := range linkRefusals {
		if errors.Is(err, l.err) {
			return l, true
		}
	}
	return linkRefusal{}, false
}

// refuseLink draws the page that says why a link cannot be used.
func (p *Pages) refuseLink(w http.ResponseWriter, r *http.Request, err error) error {
	l, known := findLinkRefusal(err)
	switch {
	case !known:
		return err
	case l.page == "":
		return p.problem(r, l.refusal, err)
	}
	httpx.Note(r, l.code, err)
	return p.render(w, l.status, l.page, p.view(r, l.key+"_title"))
}

func (p *Pages) finishBinding(w http.ResponseWriter, r *http.Request) error {
	var a answer
	if err := httpx.ReadJSON(w, r, maxAnswer, &a); err != nil {
		return err
	}
	who, err := p.visitor(r)
	if err != nil {
		return err
	}
	answer := directory.BindingAnswer{State: a.State, Response: a.Response, UserAgent: r.UserAgent()}
	// What they proved is sealed in the state; that they are still signed in is asked
	// here, however long they looked at the page.
	if who != nil && who.Session.PasskeyID != "" {
		answer.SignedIn = who.Identity.ID
	}
	bound, err := p.directory.FinishBinding(r.Context(), httpx.Site(r), answer)
	if err != nil {
		if l, known := findLinkRefusal(err); known {
			return p.problem(r, l.refusal, err)
		}
		return err
	}
	if answer.SignedIn == bound.Session.IdentityID {
		// Who adds a passkey keeps their session: the applications that were opened in it
		// must not hear of an end.
		if err := p.signin.SignOut(r.Context(), httpx.Site(r), bound.SessionCookie); err != nil {
			httpx.Note(r, "", err)
		}
	} else {
		p.begin(w, r, entry{bound.SessionCookie, bound.Session, bound.ReturnTo})
	}
	d := done{ReturnTo: bound.ReturnTo}
	p.accepted(r, bound.Identity.ID, &d)
	return httpx.WriteJSON(w, http.StatusOK, d)
}
