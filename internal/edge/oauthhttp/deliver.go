package oauthhttp

import (
	"net/http"

	"github.com/assent-id/assent/internal/service/oauth"
)

// writeDelivery sends the browser back to the client: by a redirect, or by a
// page that posts a form. The answer to a POST must not be posted on (RFC 9700,
// Section 4.12), so the redirect is always 303.
func (e *Endpoints) writeDelivery(w http.ResponseWriter, r *http.Request, d oauth.Delivery) error {
	if d.Form != nil {
		return e.cfg.Screens.FormPost(w, r, d.Form)
	}
	return seeOther(w, d.Location)
}
