package pages

import (
	"net/http"

	"github.com/assent-id/assent/internal/service/oauth"
)

// FormPost answers an application with a form that the browser posts (OAuth 2.0
// Form Post Response Mode, Section 2). A script sends it; without one there is a
// button.
func (p *Pages) FormPost(w http.ResponseWriter, r *http.Request, f *oauth.FormPost) error {
	v := p.view(r, "form_post.title")
	v.Post = f
	return p.renderWith(w, http.StatusOK, "form_post.html", v, policyToward(f.Action))
}
