package oauthhttp

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
)

// DeviceScreens are the pages on which a person answers a device (RFC 8628,
// Section 3.3).
type DeviceScreens interface {
	// DeviceEntry asks for a user code; fault is what was wrong with the one that
	// was typed, or nil.
	DeviceEntry(w http.ResponseWriter, r *http.Request, typed string, fault error) error
	// DeviceQuestion asks the person for yes or no.
	DeviceQuestion(w http.ResponseWriter, r *http.Request, d oauth.Waiting, person string) error
	// DeviceAnswered says what the answer was.
	DeviceAnswered(w http.ResponseWriter, r *http.Request, application string, allowed bool) error
}

// registerDevice adds the endpoint for devices and the page for people.
func (e *Endpoints) registerDevice(mux *http.ServeMux) {
	openRoute(mux, "/oauth/device/code", method{"POST", e.startDevice})
	mux.Handle("GET /device", e.screened(e.showDevice))
	mux.Handle("POST /device", e.sameOrigin(e.answerDevice))
}

// startDevice: RFC 8628, Section 3.1.
func (e *Endpoints) startDevice(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	answer, err := e.cfg.Engine.StartDevice(r.Context(), req)
	httpx.SetActor(r, string(answer.Client))
	if err != nil {
		return err
	}
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// showDevice asks for the user code, and for an answer once it has come, typed
// in or in the link (RFC 8628, Sections 3.3 and 3.3.1).
func (e *Endpoints) showDevice(w http.ResponseWriter, r *http.Request) error {
	who, err := e.who(r)
	if err != nil {
		return err
	}
	code := r.URL.Query().Get("user_code")
	if who == nil {
		return toSignIn(w, r, deviceURL(r, code, false))
	}
	if code == "" {
		return e.cfg.Screens.DeviceEntry(w, r, "", nil)
	}
	found, err := e.cfg.Engine.FindDevice(r.Context(), oauth.DeviceCheck{Site: httpx.Site(r), Who: who, Address: address(r), UserCode: code})
	if err != nil {
		return e.deviceFault(w, r, code, err)
	}
	return e.cfg.Screens.DeviceQuestion(w, r, found, who.Identity.DisplayName)
}

// deviceURL is the page with a code in it. passkey tells the sign-in page on the
// way there that a password will not do.
func deviceURL(r *http.Request, code string, passkey bool) string {
	page := httpx.Site(r).Path + "/device"
	if code == "" {
		return page
	}
	query := url.Values{"user_code": {code}}
	if passkey {
		query.Set("passkey", "1")
	}
	return page + "?" + query.Encode()
}

// toSignIn leads over the sign-in page and back to a page of the realm.
func toSignIn(w http.ResponseWriter, r *http.Request, back string) error {
	return seeOther(w, httpx.Site(r).Path+"/signin?"+url.Values{"return_to": {back}}.Encode())
}

// answerDevice takes the person's yes or no. What is neither is a no.
func (e *Endpoints) answerDevice(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	who, err := e.who(r)
	if err != nil {
		return err
	}
	if who == nil {
		return toSignIn(w, r, deviceURL(r, "", false))
	}
	allow := req.Params.Get("decision") == "allow"
	name, err := e.cfg.Engine.DecideDevice(r.Context(), oauth.DeviceDecision{Site: req.Site, Who: who,
		State: req.Params.Get("state"), Allow: allow})
	if err != nil {
		return e.deviceFault(w, r, "", err)
	}
	return e.cfg.Screens.DeviceAnswered(w, r, name, allow)
}

// deviceFault shows the form again, with what was wrong.
func (e *Endpoints) deviceFault(w http.ResponseWriter, r *http.Request, typed string, err error) error {
	_, tries := errors.AsType[*oauth.TriesError](err)
	again, must := errors.AsType[*oauth.SignInAgainError](err)
	switch {
	case must:
		return toSignIn(w, r, deviceURL(r, again.UserCode, again.Passkey))
	case tries:
		httpx.Note(r, "user_code_tries", nil)
	case errors.Is(err, oauth.ErrUserCode):
		httpx.Note(r, "user_code_unknown", nil)
	case errors.Is(err, oauth.ErrDeviceOver), errors.Is(err, oauth.ErrDeviceStopped):
		httpx.Note(r, "device_over", err)
	default:
		return err
	}
	return e.cfg.Screens.DeviceEntry(w, r, typed, err)
}
