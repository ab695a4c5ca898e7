package pages

import (
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/assets"
)

// policyToward lets a form lead to an application and on from there. Browsers
// hold every redirect after a form to its policy (CSP Level 3, Section 6.4.1), and
// where an application sends its people next, which may be another host of its
// own, is known to nobody here. So the policy names no host: https, and beside it
// the application's own scheme where that is another.
func policyToward(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" {
		return assets.PagePolicy
	}
	places := "form-action 'self' https:"
	if u.Scheme != "https" {
		places += " " + u.Scheme + ":"
	}
	return strings.Replace(assets.PagePolicy, "form-action 'self'", places, 1)
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
