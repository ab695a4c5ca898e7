package notify

import (
	"context"
	"slices"
	"sync"
)

// A Mailbox is the development mailbox: it keeps the newest messages of this
// process for its page, and sends nothing anywhere.
type Mailbox struct {
	mu   sync.Mutex
	kept []Message
}

// mailboxSize is how many messages are kept.
const mailboxSize = 200

// Send puts a message into the mailbox.
func (m *Mailbox) Send(_ context.Context, msg Message) error {
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
