package assets

import "net/http"

// Content security policies (CSP Level 3). No inline script or style, no data
// URL, nothing from elsewhere, no frame.
const (
	shared = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; "
	// PagePolicy is for the hosted pages.
	PagePolicy = shared + "base-uri 'none'"
	// ApproverPolicy is for the approver, which has a <base> of its own.
	ApproverPolicy = shared + "base-uri 'self'"
)

// Secure sets the headers that every page, script and style carries.
func Secure(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if policy == ApproverPolicy {
		// Not on the pages that an application may open in a window of its own: the
		// window could not tell its opener afterwards that it is done.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), "+
		"camera=(), geolocation=(), microphone=(), payment=()")
}
