package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// A Message is an e-mail.
type Message struct {
	To      string
	Subject string
	Text    string
	At      time.Time
}

// A Composer writes the message for a payload, or answers ErrMoot.
type Composer func(ctx context.Context, site *model.Site, payload json.RawMessage) (Message, error)

// A Mailbox is the development mailbox: it keeps the newest messages of this
// process for its page, and sends nothing anywhere.
type Mailbox struct {
	Compose Composer
	mu      sync.Mutex
	kept    []Message
}

// mailboxSize is how many messages are kept.
const mailboxSize = 200

// Deliver puts a message into the mailbox.
func (m *Mailbox) Deliver(ctx context.Context, site *model.Site, payload json.RawMessage) error {
	msg, err := m.Compose(ctx, site, payload)
	if err != nil {
		return fmt.Errorf("compose message: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = append(m.kept, msg)
	if len(m.kept) > mailboxSize {
		m.kept = slices.Delete(m.kept, 0, len(m.kept)-mailboxSize)
	}
	return nil
}

// Messages lists what is kept, newest first.
func (m *Mailbox) Messages() []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.Clone(m.kept)
	slices.Reverse(out)
	return out
}
