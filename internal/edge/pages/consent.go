package pages

import (
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Consent asks the person to agree. The form leads on to the application.
func (p *Pages) Consent(w http.ResponseWriter, r *http.Request, c *oauth.Consent) error {
	v := p.view(r, "Allow "+c.Party.Name)
	v.Consent, v.Person = c, c.Person
	return p.renderWith(w, http.StatusOK, "consent.html", v, policyToward(c.Redirect))
}

// Refused shows an error that no client may be sent (RFC 6749, Section
// 4.1.2.1).
func (p *Pages) Refused(w http.ResponseWriter, r *http.Request, refusal *oauth.Error) {
	v := p.view(r, "This cannot go on")
	switch {
	case refusal.Status() == http.StatusServiceUnavailable:
		v.Message = "We cannot answer right now. Try again in a moment."
	case refusal == oauth.ErrWaitedTooLong:
		v.Title, v.Foreign = "This page is too old", true
		v.Message = "It has waited too long for an answer, and nothing was allowed. Go back to the application and start again."
	case refusal.Status() < http.StatusInternalServerError:
		v.Foreign = true
		v.Message = "The application that sent you here made a request that we cannot answer. Nothing was allowed. " +
			"Go back to it and try again; if that does not help, tell the people who run it."
		v.Detail = string(refusal.Code) + ": " + refusal.Description
	}
	v.Reference = httpx.Reference(r)
	status := refusal.Status()
	if status == http.StatusUnauthorized { // no login of ours would help
		status = http.StatusBadRequest
	}
	if err := p.render(w, status, "error.html", v); err != nil {
		httpx.Note(r, string(refusal.Code), err)
	}
}
