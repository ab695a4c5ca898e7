package oauthhttp

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/logout"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Logout ends sessions at the word of applications.
type Logout interface {
	Read(context.Context, *model.Site, logout.Request) (logout.Intent, error)
	Carry(*model.Site, logout.Intent) (string, error)
	Open(*model.Site, string) (logout.Intent, error)
	Proceed(context.Context, *model.Site, logout.Intent, *oauth.SignedIn) (logout.Outcome, error)
	Confirm(ctx context.Context, site *model.Site, question string, who *oauth.SignedIn) (logout.Outcome, error)
}

// LogoutScreens are the pages on which a session ends.
type LogoutScreens interface {
	// LogoutQuestion asks the person whether to end the session.
	LogoutQuestion(w http.ResponseWriter, r *http.Request, out logout.Outcome, person string) error
	// LoggedOut says that nobody is signed in any more, tells the applications that
	// the browser has to tell, and leads on.
	LoggedOut(w http.ResponseWriter, r *http.Request, out logout.Outcome) error
}

// registerLogout adds the endpoint and where it goes on.
func (e *Endpoints) registerLogout(mux *http.ServeMux) {
	mux.Handle("GET /oauth/logout", e.screened(e.logOut))
	mux.Handle("POST /oauth/logout", e.screened(e.logOutByForm))
	mux.Handle("GET /oauth/logout/continue", e.screened(e.continueLogout))
	mux.Handle("POST /oauth/logout/confirm", e.sameOrigin(e.confirmLogout))
}

// logOut: OpenID Connect RP-Initiated Logout 1.0, Section 2.
func (e *Endpoints) logOut(w http.ResponseWriter, r *http.Request) error {
	req, err := parseAuthorization(w, r)
	if err != nil {
		return err
	}
	in, err := e.readLogout(r, req.Params)
	if err != nil {
		return err
	}
	return e.proceedLogout(w, r, in)
}

func (e *Endpoints) readLogout(r *http.Request, params oauth.Params) (logout.Intent, error) {
	for name, values := range params {
		if len(values) > 1 { // RFC 6749, Section 3.1
			return logout.Intent{}, &oauth.Error{Code: oauth.InvalidRequest, Description: "the parameter " + known(name) + " was sent twice"}
		}
	}
	return e.cfg.Logout.Read(r.Context(), httpx.Site(r), logout.Request{Hint: params.Get("id_token_hint"), ClientID: params.Get("client_id"),
		Redirect: params.Get("post_logout_redirect_uri"), State: params.Get("state")})
}

// known is a parameter's name where it is one of ours: a stranger's text does not
// go on a page.
func known(name string) string {
	switch name {
	case "id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales":
		return name
	default:
		return "of that name"
	}
}

// logOutByForm: a form from another site comes without our cookie
// (SameSite=Lax), so it cannot be seen whose session is meant. The redirect to
// ourselves brings it; the ID token stays out of the address.
func (e *Endpoints) logOutByForm(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	in, err := e.readLogout(r, req.Params)
	if err != nil {
		return err
	}
	carried, err := e.cfg.Logout.Carry(req.Site, in)
	if err != nil {
		return err
	}
	return seeOther(w, req.Site.Path+"/oauth/logout/continue?"+url.Values{"request": {carried}}.Encode())
}

func (e *Endpoints) continueLogout(w http.ResponseWriter, r *http.Request) error {
	in, err := e.cfg.Logout.Open(httpx.Site(r), r.URL.Query().Get("request"))
	if errors.Is(err, seal.ErrOpen) {
		return seeOther(w, httpx.Site(r).Path+"/oauth/logout") // where one is asked
	}
	if err != nil {
		return err
	}
	return e.proceedLogout(w, r, in)
}

func (e *Endpoints) proceedLogout(w http.ResponseWriter, r *http.Request, in logout.Intent) error {
	who, err := e.who(r)
	if err != nil {
		return err
	}
	if in.Fault != logout.FaultNone {
		httpx.Note(r, "logout_"+string(in.Fault), nil)
	}
	out, err := e.cfg.Logout.Proceed(r.Context(), httpx.Site(r), in, who)
	if err != nil {
		return err
	}
	if out.Question != "" {
		return e.cfg.Screens.LogoutQuestion(w, r, out, who.Identity.DisplayName)
	}
	return e.loggedOut(w, r, out)
}

// confirmLogout takes the person's yes.
func (e *Endpoints) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	who, err := e.who(r)
	if err != nil {
		return err
	}
	if who == nil {
		return e.loggedOut(w, r, logout.Outcome{})
	}
	out, err := e.cfg.Logout.Confirm(r.Context(), req.Site, req.Params.Get("question"), who)
	if errors.Is(err, logout.ErrOver) {
		return seeOther(w, req.Site.Path+"/oauth/logout") // and is asked again
	}
	if err != nil {
		return err
	}
	return e.loggedOut(w, r, out)
}

// loggedOut leads on: straight to the application that asked, or over a page
// where there is something to tell, to say or to ask.
func (e *Endpoints) loggedOut(w http.ResponseWriter, r *http.Request, out logout.Outcome) error {
	if httpx.SessionCookie(r) != "" {
		httpx.ClearSessionCookie(w, r)
	}
	if out.Redirect != "" && !out.Ask && len(out.Frames) == 0 {
		return seeOther(w, out.Redirect)
	}
	return e.cfg.Screens.LoggedOut(w, r, out)
}
