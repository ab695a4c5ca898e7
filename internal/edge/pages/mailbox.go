package pages

import (
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/service/notify"
)

// Mailbox is where the messages of a development server end.
type Mailbox interface {
	// Messages lists what is kept, newest first.
	Messages() []notify.Message
}

// A letter is a message as the page shows it.
type letter struct {
	notify.Message
	Paragraphs []string
}

func (p *Pages) showMailbox(w http.ResponseWriter, r *http.Request) error {
	v := p.view(r, "Development mailbox")
	for _, m := range p.mailbox.Messages() {
		v.Messages = append(v.Messages, letter{m, strings.Split(strings.TrimSpace(m.Text), "\n\n")})
	}
	return p.render(w, http.StatusOK, "mailbox.html", v)
}
