package oauthhttp

import (
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// leadWithin is lead for applications within which people authenticate. With manual
// invocation a script asks, and gets every answer as JSON; its page may read it if
// the application's authenticator config trusts it.
func (e *Endpoints) leadWithin(w http.ResponseWriter, r *http.Request, out oauth.Outcome, err error) error {
	httpx.AllowOrigin(w, r, out.Within.Settings.TrustedOrigins)
	manual := out.Within.Settings.Invocation == model.InvokeManual
	switch {
	case err != nil && manual:
		writeRefusal(w, r, err)
		return nil
	case err != nil:
		return err
	case out.Held != "":
		return seeOther(w, resumeAt(httpx.Site(r), out.Held))
	case out.Delivery != nil:
		noteRefusal(r, out.Delivery)
		if manual {
			return writeAddress(w, "redirect_url", out.Delivery.Location)
		}
		return e.writeDelivery(w, r, *out.Delivery)
	case manual:
		return writeAddress(w, "authenticate_url", out.Authenticate)
	default:
		return found(w, r, out.Authenticate)
	}
}

func writeAddress(w http.ResponseWriter, name, address string) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	return httpx.WriteJSON(w, http.StatusOK, map[string]string{name: address})
}

// found redirects with 302, as applications that authenticate people themselves are
// told; a POST is turned into GET by 303 alone (RFC 9700, Section 4.12).
func found(w http.ResponseWriter, r *http.Request, to string) error {
	if r.Method == http.MethodPost {
		return seeOther(w, to)
	}
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
	return nil
}

// preflightTrusted answers for pages that ask by script: which application they ask
// for is not looked at yet.
func (e *Endpoints) preflightTrusted(w http.ResponseWriter, r *http.Request) {
	var trusted []string
	if e.cfg.Authenticators != nil {
		trusted = e.cfg.Authenticators.TrustedOrigins(r.Context(), httpx.Site(r))
	}
	httpx.Preflight(w, r, trusted)
}
