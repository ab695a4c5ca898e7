package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/notify"
)

// composeMail writes the e-mail that says that something waits, and never
// what. Once the person has answered there is nothing to say.
func (s *Server) composeMail(ctx context.Context, site *model.Site, payload json.RawMessage) (notify.Message, error) {
	var w approval.Waiting
	if err := json.Unmarshal(payload, &w); err != nil {
		return notify.Message{}, fmt.Errorf("read payload: %w", err)
	}
	a, err := s.Approvals.ForPerson(ctx, site, w.Identity, w.Approval)
	if errors.Is(err, model.ErrNotFound) || err == nil && a.State.Ended() {
		return notify.Message{}, notify.ErrMoot
	}
	if err != nil {
		return notify.Message{}, err
	}
	who, err := s.Directory.Identity(ctx, site, w.Identity)
	if err != nil {
		return notify.Message{}, err
	}
	if who.Traits.PrimaryEmailAddress == "" {
		return notify.Message{}, notify.ErrMoot
	}
	return notify.Message{
		To: who.Traits.PrimaryEmailAddress, At: time.Now(), Subject: "Something waits for your answer",
		Text: "Hello " + who.DisplayName + ",\n\nsomething waits for your answer until " + a.ExpiresAt.Time().Format("15:04 MST") +
			".\nOpen it here:\n\n" + site.Issuer + "/approver/\n",
	}, nil
}

var mailboxPage = template.Must(template.New("mailbox").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Development mailbox</title>
<h1>Development mailbox</h1>
<p>Messages that this server would have sent. They stay on this machine.</p>
{{range .}}<article><h2>{{.Subject}}</h2><p>To {{.To}}, {{.At.Format "2006-01-02 15:04:05"}}</p><pre>{{.Text}}</pre></article>
{{else}}<p>No messages yet.</p>{{end}}
</html>`))

func (s *Server) showMailbox(w http.ResponseWriter, _ *http.Request) error {
	assets.Secure(w, assets.PagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := mailboxPage.Execute(w, s.mailbox.Messages()); err != nil {
		return fmt.Errorf("render mailbox: %w", err)
	}
	return nil
}
