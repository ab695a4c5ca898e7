package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Consent asks the person to agree. The form leads on to the application, and a
// browser holds redirects after a form to the policy too, so it names the place.
func (p *Pages) Consent(w http.ResponseWriter, r *http.Request, c *oauth.Consent) error {
	v := p.view(r, "Allow "+c.Party.Name)
	v.Consent, v.Person = c, c.Person
	return p.renderWith(w, http.StatusOK, "consent.html", v, policyToward(c.Redirect))
}

// policyToward lets forms lead to one place beyond ours (CSP Level 3, Section
// 6.4.1).
func policyToward(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" || strings.ContainsAny(u.Scheme+u.Host, "; ,'\"") {
		return assets.PagePolicy
	}
	return strings.Replace(assets.PagePolicy, "form-action 'self'", "form-action 'self' "+sourceOf(u), 1)
}

// sourceOf is an address as a policy names it: its origin, or its scheme alone
// where that is not the web's. A policy cannot spell an IPv6 address either (CSP
// Level 3, Section 2.3.1, host-char).
func sourceOf(u *url.URL) string {
	if web := u.Scheme == "https" || u.Scheme == "http"; web && !strings.Contains(u.Host, "[") {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}

// Refused shows an error that no client may be sent (RFC 6749, Section
// 4.1.2.1).
func (p *Pages) Refused(w http.ResponseWriter, r *http.Request, refusal *oauth.Error) {
	v := p.view(r, "This cannot go on")
	switch {
	case refusal.Status() == http.StatusServiceUnavailable:
		v.Message = "We cannot answer right now. Try again in a moment."
	case refusal.Status() < http.StatusInternalServerError:
		v.Message = "The application that sent you here made a request that we cannot answer. Nothing was allowed. " +
			"Go back to it and try again; if that does not help, tell the people who run it."
		v.Detail = refusal.Description
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
