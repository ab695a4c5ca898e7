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

func newLogoutView(out logout.Outcome) *logoutView {
	return &logoutView{Question: out.Question, Name: out.Name, Fault: faultWords[out.Fault],
		Redirect: template.URL(out.Redirect), Frames: out.Frames} //nolint:gosec // G203: see the field
}

// faultWords say what is wrong with an application's request.
var faultWords = map[logout.Fault]string{
	logout.FaultHint:     "The link that brought you here is not valid any more. You can sign out all the same.",
	logout.FaultClient:   "We do not know the application that sent you here.",
	logout.FaultRedirect: "The application wants to send you on to an address that it has not registered. You stay here instead.",
	logout.FaultState:    "The application wants to take more back than it may. You stay here instead.",
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
	v := p.view(r, "Sign out")
	v.Person, v.Logout = person, newLogoutView(out)
	return p.renderWith(w, faultStatus(out.Fault), "logout.html", v, policyToward(out.Redirect))
}

// LoggedOut says that nobody is signed in any more, and frames the applications
// that the browser has to tell (OpenID Connect Front-Channel Logout 1.0, Section
// 3).
func (p *Pages) LoggedOut(w http.ResponseWriter, r *http.Request, out logout.Outcome) error {
	v := p.view(r, "Signed out")
	v.Logout = newLogoutView(out)
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
