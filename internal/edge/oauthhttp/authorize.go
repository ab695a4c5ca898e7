package oauthhttp

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

// Sessions knows who sits at a browser.
type Sessions interface {
	Session(ctx context.Context, site *model.Site, cookie string) (model.Session, model.Identity, error)
}

// Screens are the pages that a request from a browser may lead over.
type Screens interface {
	// Consent asks the person to agree.
	Consent(http.ResponseWriter, *http.Request, *oauth.Consent) error
	// FormPost posts an answer to the client from the browser.
	FormPost(http.ResponseWriter, *http.Request, *oauth.FormPost) error
	// Refused shows an error that no client may be sent.
	Refused(http.ResponseWriter, *http.Request, *oauth.Error)
	DeviceScreens
	LogoutScreens
}

// Authenticators knows which pages may run ceremonies for a realm.
type Authenticators interface {
	// TrustedOrigins are those of all authenticator configs of the realm.
	TrustedOrigins(context.Context, *model.Site) []string
	// RelatedOrigins are those among them that use the realm's passkeys.
	RelatedOrigins(context.Context, *model.Site) ([]string, error)
}

// registerAuthorize adds what browsers open. A page of another origin has no
// business reading any of it, unless people authenticate there.
func (e *Endpoints) registerAuthorize(mux *http.ServeMux) {
	for _, method := range []string{"GET", "POST"} {
		mux.Handle(method+" /oauth/authorize", e.screened(e.authorize))
	}
	for _, path := range []string{"/oauth/authorize", "/oauth/authorize/resume"} {
		mux.HandleFunc("OPTIONS "+path, e.preflightTrusted)
	}
	mux.Handle("GET /oauth/authorize/resume", e.screened(e.resume))
	mux.Handle("GET /oauth/authorize/cancel", e.screened(e.cancel))
	mux.Handle("GET /oauth/logo", httpx.API(e.logo))
	mux.Handle("POST /oauth/consent", e.sameOrigin(e.consent))
	openRoute(mux, "/oauth/par", method{"POST", e.push})
}

// screened writes errors as pages: there is a person at the browser, and nobody
// to redirect to.
func (e *Endpoints) screened(h httpx.HandlerFunc) http.Handler {
	return httpx.Adapt(h, func(w http.ResponseWriter, r *http.Request, err error) {
		refusal := oauth.AsError(err)
		httpx.Note(r, string(refusal.Code), refusal.Cause)
		e.cfg.Screens.Refused(w, r, refusal)
	})
}

// sameOrigin refuses what another site makes a browser send.
func (e *Endpoints) sameOrigin(h httpx.HandlerFunc) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(e.screened(func(http.ResponseWriter, *http.Request) error {
		return &oauth.Error{Code: oauth.AccessDenied, Description: "this request came from another site"}
	}))
	return guard.Handler(e.screened(h))
}

// who is the person at the browser; nil: nobody is signed in.
func (e *Endpoints) who(r *http.Request) (*oauth.SignedIn, error) {
	cookie := httpx.SessionCookie(r)
	if cookie == "" {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	session, identity, err := e.cfg.Sessions.Session(r.Context(), httpx.Site(r), cookie)
	if errors.Is(err, signin.ErrNoSession) {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err
	}
	httpx.SetActor(r, string(identity.ID))
	return &oauth.SignedIn{Session: session, Identity: identity}, nil
}

// authorize: RFC 6749, Section 3.1: GET, and POST as a form.
func (e *Endpoints) authorize(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead { // no code for who reads no answer
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	req, err := parseAuthorization(w, r)
	if err != nil {
		return err
	}
	who, err := e.who(r)
	if err != nil {
		return err
	}
	if who == nil && r.Method == http.MethodPost {
		// A form from another site comes without our cookie (SameSite=Lax). The
		// redirect to ourselves brings it.
		out, err := e.cfg.Engine.Hold(r.Context(), req)
		return e.lead(w, r, out, err)
	}
	out, err := e.cfg.Engine.Authorize(r.Context(), req, who)
	return e.lead(w, r, out, err)
}

func parseAuthorization(w http.ResponseWriter, r *http.Request) (oauth.Request, error) {
	if r.Method == http.MethodPost {
		return parse(w, r)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(values) > maxParams {
		return oauth.Request{}, &oauth.Error{Code: oauth.InvalidRequest, Description: "the query is malformed", Cause: err}
	}
	req := requestOf(r)
	req.Params = oauth.Params(values)
	return req, nil
}

// resume goes on after the person has signed in.
func (e *Endpoints) resume(w http.ResponseWriter, r *http.Request) error {
	who, err := e.who(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	req := requestOf(r)
	req.Stay = model.IdentityID(q.Get("stay"))
	out, err := e.cfg.Engine.Resume(r.Context(), req, q.Get("transaction"), who)
	return e.lead(w, r, out, err)
}

func (e *Endpoints) cancel(w http.ResponseWriter, r *http.Request) error {
	out, err := e.cfg.Engine.Cancel(r.Context(), requestOf(r), r.URL.Query().Get("transaction"))
	return e.lead(w, r, out, err)
}

// consent takes the person's answer to a question for consent.
func (e *Endpoints) consent(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	who, err := e.who(r)
	if err != nil {
		return err
	}
	if who == nil {
		return &oauth.Error{Code: oauth.LoginRequired, Description: "you are not signed in any more. Start again from the application"}
	}
	answer := e.cfg.Engine.Refused
	if req.Params.Get("decision") == "allow" {
		answer = e.cfg.Engine.Consented
	}
	out, err := answer(r.Context(), req, req.Params.Get("transaction"), who)
	return e.lead(w, r, out, err)
}

// lead takes the browser where the request goes next.
func (e *Endpoints) lead(w http.ResponseWriter, r *http.Request, out oauth.Outcome, err error) error {
	if out.Within != nil {
		return e.leadWithin(w, r, out, err)
	}
	if err != nil {
		return err
	}
	site := httpx.Site(r)
	switch {
	case out.Delivery != nil:
		noteRefusal(r, out.Delivery)
		return e.writeDelivery(w, r, *out.Delivery)
	case out.Consent != nil:
		return e.cfg.Screens.Consent(w, r, out.Consent)
	case out.Held != "":
		return seeOther(w, resumeAt(site, out.Held))
	default:
		return seeOther(w, site.Path+"/signin?return_to="+url.QueryEscape(resumeAt(site, out.SignIn)))
	}
}

func resumeAt(site *model.Site, transaction string) string {
	return site.Path + "/oauth/authorize/resume?transaction=" + url.QueryEscape(transaction)
}

func noteRefusal(r *http.Request, d *oauth.Delivery) {
	if d.Refusal != nil {
		httpx.Note(r, string(d.Refusal.Code), d.Refusal.Cause)
	}
}

// seeOther redirects with 303, which turns every method into GET (RFC 9700,
// Section 4.12), and is never stored.
func seeOther(w http.ResponseWriter, to string) error {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// push: RFC 9126, Section 2.
func (e *Endpoints) push(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	answer, err := e.cfg.Engine.Push(r.Context(), req)
	httpx.SetActor(r, string(answer.Client))
	if err != nil {
		return err
	}
	offerNonce(w, answer.Nonce)
	return httpx.WriteJSON(w, http.StatusCreated, answer)
}
