package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// A Message is an e-mail. Text and HTML say the same.
type Message struct {
	ID      string // the same at every attempt to send it
	From    string // name of the sender, as people read it; the address is the server's
	To      string // address
	Lang    string // BCP 47 tag
	Subject string
	Text    string
	HTML    string
	At      time.Time
}

// A Composer writes the message for a payload, or answers ErrMoot. A
// [*RefusedError] says that there never will be one to send.
type Composer func(ctx context.Context, site *model.Site, payload json.RawMessage) (Message, error)

// A Transport hands a message on. A [*RefusedError] is final; any other error may
// pass.
type Transport interface {
	Send(ctx context.Context, msg Message) error
}

// A RefusedError says that a message will not arrive however often it is sent.
type RefusedError struct{ Reason string } // a few words for the operator

func (e *RefusedError) Error() string { return e.Reason }

// Mail is the channel of e-mails.
type Mail struct {
	Compose   Composer
	Transport Transport // nil: nothing is sent from here
	// Failed hears of what was refused for good.
	Failed func(ctx context.Context, site *model.Site, payload json.RawMessage, reason string) error
}

// Deliver writes and sends one message. What is refused for good is not sent
// again, once whoever waits for it knows.
func (m *Mail) Deliver(ctx context.Context, site *model.Site, payload json.RawMessage) error {
	if m.Transport == nil {
		return fmt.Errorf("%w: no e-mail is sent from here", ErrMoot)
	}
	err := m.send(ctx, site, payload)
	refused, final := errors.AsType[*RefusedError](err)
	if !final {
		return err
	}
	if m.Failed != nil {
		if err := m.Failed(ctx, site, payload, model.Printable(refused.Reason, maxReason)); err != nil {
			return fmt.Errorf("note that a message was refused: %w", err)
		}
	}
	return fmt.Errorf("%w: %w", ErrMoot, err)
}

// maxReason bounds what is kept of a refusal, in bytes: mail servers write pages.
const maxReason = 200

func (m *Mail) send(ctx context.Context, site *model.Site, payload json.RawMessage) error {
	msg, err := m.Compose(ctx, site, payload)
	if err != nil {
		return fmt.Errorf("compose message: %w", err)
	}
	if err := m.Transport.Send(ctx, msg); err != nil {
		return fmt.Errorf("send message %s: %w", msg.ID, err)
	}
	return nil
}
