package pages

import (
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A consentView is the question in the person's language.
type consentView struct {
	*oauth.Consent
	Items, Fresh, Known []item
}

// Consent asks the person to agree. The form leads on to the application.
func (p *Pages) Consent(w http.ResponseWriter, r *http.Request, c *oauth.Consent) error {
	v := p.viewIn(r, c.Locales, "consent.title", "app", c.Party.Name)
	v.Consent = &consentView{Consent: c, Items: v.items(c.Items), Fresh: v.items(c.Fresh()), Known: v.items(c.Known())}
	v.Party, v.Person = c.Party, c.Person
	return p.renderWith(w, http.StatusOK, "consent.html", v, policyToward(c.Redirect))
}

// Refused shows an error that no client may be sent (RFC 6749, Section
// 4.1.2.1).
func (p *Pages) Refused(w http.ResponseWriter, r *http.Request, refusal *oauth.Error) {
	v := p.view(r, "error.refused_title")
	switch {
	case refusal.Status() == http.StatusServiceUnavailable:
		v.Message = v.T("error.unavailable")
	case refusal == oauth.ErrWaitedTooLong:
		v.Title, v.Foreign = v.T("error.old_title"), true
		v.Message = v.T("error.old")
	case refusal.Status() < http.StatusInternalServerError:
		v.Foreign = true
		v.Message = v.T("error.refused")
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
