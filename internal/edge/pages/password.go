package pages

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
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
		return &httpx.Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "This address takes a form.", Cause: err}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return formProblem(err)
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

func formProblem(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &httpx.Problem{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Detail: "That was too long.", Cause: err}
	}
	// The cause would quote what was typed.
	return &httpx.Problem{Status: http.StatusBadRequest, Code: "malformed_body", Detail: "The form could not be read."}
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
	status := http.StatusForbidden
	switch {
	case isRefused:
		httpx.Note(r, "signin_refused", refused)
		v.Fault = "That username and password do not belong together. Check both and try again."
	case isTries:
		httpx.Note(r, "too_many_tries", err)
		w.Header().Set("Retry-After", seconds(tries.Wait))
		status = http.StatusTooManyRequests
		v.Fault = "Those were too many wrong passwords. Wait " + wait(tries.Wait) + ", then try again, or use your passkey."
	case errors.Is(err, signin.ErrBusy):
		httpx.Note(r, "busy", err)
		w.Header().Set("Retry-After", "2")
		status = http.StatusServiceUnavailable
		v.Fault = "Many people are signing in right now. Try again in a moment."
	case errors.Is(err, signin.ErrPasswordsOff):
		return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here.", Cause: err}
	default:
		return err
	}
	return p.signInPage(w, r, signInView{to: v.ReturnTo, status: status, password: v})
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }

// wait says a time as people do, rounded up.
func wait(d time.Duration) string {
	if s := int((d + time.Second - 1) / time.Second); s < 60 {
		return strconv.Itoa(max(s, 2)) + " seconds"
	}
	if text := words(d); text != "minute" {
		return text
	}
	return "a minute"
}

// takesPassword reports whether the page may offer the form: not where somebody
// must prove a passkey to add another.
func takesPassword(site *model.Site, to string, passkey bool) bool {
	return site.Realm.Policy.Passwords && !passkey && !strings.HasPrefix(to, site.Path+"/bind?")
}
