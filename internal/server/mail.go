package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

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
