package pages

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/service/logout"
)

// A logoutView is what the pages at the end of a session show beyond what all
// show.
type logoutView struct {
	Question string
	Fault    string // in words; may be empty
	Name     string // of the application that asked; untrusted, may be empty
	// Redirect is registered and was checked: it may have a scheme of its own.
	Redirect template.URL
	Frames   []string
}

func (v view) logout(out logout.Outcome) *logoutView {
	shown := &logoutView{Question: out.Question, Name: out.Name, Redirect: template.URL(out.Redirect), Frames: out.Frames} //nolint:gosec // G203: see the field
	if key := faultWords[out.Fault]; key != "" {
		shown.Fault = v.T(key)
	}
	return shown
}

// faultWords say what is wrong with an application's request.
var faultWords = map[logout.Fault]string{
	logout.FaultHint:     "logout.fault_hint",
	logout.FaultClient:   "logout.fault_client",
	logout.FaultRedirect: "logout.fault_redirect",
	logout.FaultState:    "logout.fault_state",
}

func faultStatus(f logout.Fault) int {
	if f == logout.FaultNone {
		return http.StatusOK
	}
	return http.StatusBadRequest
}

// LogoutQuestion asks the person whether to end the session. The form leads on
// to the application, so the policy names its place.
func (p *Pages) LogoutQuestion(w http.ResponseWriter, r *http.Request, out logout.Outcome, person string) error {
	v := p.view(r, "logout.title")
	v.Person, v.Logout = person, v.logout(out)
	return p.renderWith(w, faultStatus(out.Fault), "logout.html", v, policyToward(out.Redirect))
}

// LoggedOut says that nobody is signed in any more, and frames the applications
// that the browser has to tell (OpenID Connect Front-Channel Logout 1.0, Section
// 3).
func (p *Pages) LoggedOut(w http.ResponseWriter, r *http.Request, out logout.Outcome) error {
	v := p.view(r, "signed_out.title")
	v.Logout = v.logout(out)
	return p.renderWith(w, faultStatus(out.Fault), "logout_done.html", v, framing(assets.PagePolicy, out.Frames))
}

// framing lets a page frame the origins of these addresses, and no others.
func framing(policy string, frames []string) string {
	var origins []string
	for _, f := range frames {
		u, err := url.Parse(f)
		if err != nil {
			continue
		}
		if place := sourceOf(u); !slices.Contains(origins, place) {
			origins = append(origins, place)
		}
	}
	if len(origins) == 0 {
		return policy
	}
	return policy + "; frame-src " + strings.Join(origins, " ")
}
