package pages

import (
	"errors"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request, m *member) error {
	id := r.PathValue("id")
	if !ids.Valid("ses", id) {
		return p.problem(r, nothingHere, nil)
	}
	err := p.account.Sessions.EndOne(r.Context(), m.site, m.identity.ID, model.SessionID(id), m.actor())
	if errors.Is(err, model.ErrNotFound) {
		return p.problem(r, nothingHere, err)
	}
	if err != nil {
		return err
	}
	if model.SessionID(id) == m.session.ID {
		return p.left(w, r, "account.left_here")
	}
	return m.done(w, "ended")
}

// endSessions signs the person out everywhere, here too.
func (p *Pages) endSessions(w http.ResponseWriter, r *http.Request, m *member) error {
	if _, err := p.account.Sessions.EndAll(r.Context(), m.site, m.identity.ID, m.actor(), ""); err != nil {
		return err
	}
	return p.left(w, r, "account.left_everywhere")
}

// left is the page after the end of this browser's own session.
func (p *Pages) left(w http.ResponseWriter, r *http.Request, key string) error {
	httpx.ClearSessionCookie(w, r)
	v := p.view(r, "account.left_title")
	v.Message = v.T(key, "realm", v.Realm.Name)
	return p.render(w, http.StatusOK, "account_left.html", v)
}

// disallow takes back what an application was allowed. Its id is in the form and not
// in the path: it may be an address itself.
func (p *Pages) disallow(w http.ResponseWriter, r *http.Request, m *member) error {
	if err := p.readForm(w, r); err != nil {
		return err
	}
	client := model.ClientID(r.PostForm.Get("client_id"))
	err := p.account.Apps.Disallow(r.Context(), m.site, m.identity.ID, client, m.actor())
	if errors.Is(err, model.ErrNotFound) {
		return p.problem(r, nothingHere, err)
	}
	if err != nil {
		return err
	}
	return m.done(w, "taken")
}
