package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/notify"
)

// Mailbox is where the messages of a development server end.
type Mailbox interface {
	// Messages lists what is kept, newest first.
	Messages() []notify.Message
}

// A message brings its style along and no script, and is shown in a frame of the
// mailbox alone. Whoever opens it by itself gets it as confined.
const (
	messagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
		"sandbox allow-top-navigation-by-user-activation"
	framePolicy = assets.PagePolicy + "; frame-src 'self'"
)

// atHome serves a page for development only under the name that the server has. The
// page of a stranger whose name leads to this machine would otherwise read what is in
// it: to a browser they are the same origin.
func (p *Pages) atHome(h httpx.HandlerFunc) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		home, err := url.Parse(httpx.Site(r).Issuer)
		if err != nil || !strings.EqualFold(r.Host, home.Host) {
			return p.problem(r, nothingHere, err)
		}
		return h(w, r)
	}
}

func (p *Pages) showMailbox(w http.ResponseWriter, r *http.Request) error {
	v := p.view(r, "mailbox.title")
	v.Messages = p.mailbox.Messages()
	return p.renderWith(w, http.StatusOK, "mailbox.html", v, framePolicy)
}

// showMessage is one message as a mail program would show it. Its links open in the
// window, not in the frame.
func (p *Pages) showMessage(w http.ResponseWriter, r *http.Request) error {
	for _, m := range p.mailbox.Messages() {
		if m.ID != r.PathValue("id") || m.HTML == "" {
			continue
		}
		assets.Secure(w, messagePolicy)
		body := strings.Replace(m.HTML, "<head>", `<head><base target="_top">`, 1)
		return httpx.WriteRaw(w, http.StatusOK, "text/html; charset=utf-8", []byte(body))
	}
	return p.problem(r, nothingHere, nil)
}
