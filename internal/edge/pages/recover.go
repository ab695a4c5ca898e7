package pages

import (
	"errors"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/directory"
)

// A recoverView is the form of somebody who has no passkey at hand.
type recoverView struct {
	Login  string // as it was typed
	Fault  string // what was wrong; may be empty
	Locked bool   // nothing is taken now
}

func (p *Pages) showRecover(w http.ResponseWriter, r *http.Request) error {
	return p.recoverPage(w, r, http.StatusOK, &recoverView{})
}

func (p *Pages) recoverPage(w http.ResponseWriter, r *http.Request, status int, form *recoverView) error {
	v := p.view(r, "recover.title")
	v.Recover = form
	return p.render(w, status, "recover.html", v)
}

// recover changes a code for a link that binds a passkey. Nobody learns whether it
// was the person, the code or its use that was wrong.
func (p *Pages) recover(w http.ResponseWriter, r *http.Request) error {
	if err := p.readForm(w, r); err != nil {
		return err
	}
	login := r.PostForm.Get("username")
	b, err := p.account.Passkeys.Recover(r.Context(), httpx.Site(r), directory.RecoveryAnswer{Login: login,
		Code: r.PostForm.Get("code"), Address: address(r), UserAgent: r.UserAgent()})
	if err == nil {
		httpx.SetActor(r, string(b.Job.IdentityID))
		seeOther(w, b.Link)
		return nil
	}
	form := &recoverView{Login: login}
	tries, limited := errors.AsType[*directory.TriesError](err)
	words := p.printer(r)
	switch {
	case errors.Is(err, directory.ErrRecovery):
		httpx.Note(r, "recovery_refused", err)
		form.Fault = words.Text("recover.wrong")
		return p.recoverPage(w, r, http.StatusForbidden, form)
	case limited:
		httpx.Note(r, "too_many_tries", err)
		w.Header().Set("Retry-After", seconds(tries.Wait))
		form.Fault, form.Locked = words.Text("recover.limited", "count", int((tries.Wait+time.Minute-1)/time.Minute)), true
		return p.recoverPage(w, r, http.StatusTooManyRequests, form)
	}
	return err
}
