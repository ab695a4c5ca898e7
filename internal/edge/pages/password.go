package pages

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/service/signin"
)

// A passwordView is the form of a realm that takes passwords.
type passwordView struct {
	ReturnTo string
	Login    string // as it was typed
	Fault    string // what was wrong; may be empty
}

// maxForm bounds the form, in bytes.
const maxForm = 8 << 10

// signInPassword takes the form: it works without script, and every way it ends
// is a page.
func (p *Pages) signInPassword(w http.ResponseWriter, r *http.Request) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return p.problem(r, notAForm, err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return p.formProblem(r, err)
	}
	site := httpx.Site(r)
	to := safeReturn(site, r.PostForm.Get("return_to"))
	login := r.PostForm.Get("username")
	in, err := p.signin.SignInWithPassword(r.Context(), site, signin.PasswordAnswer{Login: login,
		Password: r.PostForm.Get("password"), Address: address(r), UserAgent: r.UserAgent(), Cookie: httpx.SessionCookie(r)})
	if err != nil {
		return p.refusePassword(w, r, &passwordView{ReturnTo: to, Login: login}, err)
	}
	p.begin(w, r, entry{in.Cookie, in.Session, to})
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (p *Pages) formProblem(r *http.Request, err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return p.problem(r, tooLong, err)
	}
	// The cause would quote what was typed.
	return p.problem(r, malformed, nil)
}

// address is where the browser is.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// refusePassword shows the form again and says what can be done. It says the same
// of a person who does not exist, has no password, has another one or is stopped.
func (p *Pages) refusePassword(w http.ResponseWriter, r *http.Request, v *passwordView, err error) error {
	refused, isRefused := errors.AsType[*signin.Refused](err)
	tries, isTries := errors.AsType[*signin.TriesError](err)
	words, status := p.printer(r), http.StatusForbidden
	switch {
	case isRefused:
		httpx.Note(r, "signin_refused", refused)
		v.Fault = words.Text("password.wrong")
	case isTries:
		httpx.Note(r, "too_many_tries", err)
		w.Header().Set("Retry-After", seconds(tries.Wait))
		status = http.StatusTooManyRequests
		v.Fault = tooMany(words, tries.Wait)
	case errors.Is(err, signin.ErrBusy):
		httpx.Note(r, "busy", err)
		w.Header().Set("Retry-After", "2")
		status = http.StatusServiceUnavailable
		v.Fault = words.Text("password.busy")
	case errors.Is(err, signin.ErrPasswordsOff):
		return p.problem(r, nothingHere, err)
	default:
		return err
	}
	return p.signInPage(w, r, showing{to: v.ReturnTo, status: status, password: v, other: true})
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }

// tooMany says how long to wait, rounded up.
func tooMany(words *message.Printer, d time.Duration) string {
	if s := int((d + time.Second - 1) / time.Second); s < 60 {
		return words.Text("password.wait_seconds", "count", max(s, 2))
	}
	return words.Text("password.wait", "count", minutes(d))
}
