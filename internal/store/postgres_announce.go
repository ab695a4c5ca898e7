package store

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/model"
)

// channel is the notification channel of the feed.
const channel = "assent_change"

// maxPayload keeps a notification under PostgreSQL's 8000 bytes.
const maxPayload = 7900

// A pgAnnouncer tells other nodes of this node's changes as soon as they are
// committed. It notifies after the commit and on a connection of its own: a
// NOTIFY inside the transactions would put all their commits in one line,
// because PostgreSQL holds a lock on the whole database from there to the end
// of a commit that notifies. What gets lost between commit and notification is
// found by the poll.
type pgAnnouncer struct {
	p    *pg
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	pending strings.Builder // lines not sent yet
	tooMuch bool
	closed  bool
}

func startAnnouncer(p *pg) *pgAnnouncer {
	a := &pgAnnouncer{p: p, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go a.loop()
	return a
}

// add queues changes; whatever is queued when the announcer looks goes out as
// one notification.
func (a *pgAnnouncer) add(changes []model.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	for i := range changes {
		if a.tooMuch = a.tooMuch || !appendLine(&a.pending, &changes[i]); a.tooMuch {
			break
		}
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// close sends what is queued.
func (a *pgAnnouncer) close() {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.wake)
	}
	a.mu.Unlock()
	<-a.done
}

func (a *pgAnnouncer) loop() {
	defer close(a.done)
	for range a.wake {
		a.flush()
	}
	a.flush()
}

func (a *pgAnnouncer) flush() {
	a.mu.Lock()
	payload := a.p.feed.node + "\n"
	if !a.tooMuch { // otherwise no lines at all: read the table
		payload += a.pending.String()
	}
	nothing := !a.tooMuch && a.pending.Len() == 0
	a.pending.Reset()
	a.tooMuch = false
	a.mu.Unlock()
	if nothing {
		return
	}
	notify := step{sql: `SELECT pg_notify('` + channel + `', $1)`, args: []any{payload}, rows: rowsOf(row.bytes)}
	if err := a.p.read(context.Background(), notify); err != nil {
		a.p.feed.logger.Debug("notify other nodes", "error", err)
	}
}

// appendLine writes a change as a line of tab-separated fields. It reports
// whether there was room, and no field that would break the line.
func appendLine(b *strings.Builder, c *model.Change) bool {
	at := strconv.FormatInt(int64(c.At), 10)
	if b.Len()+len(c.ID)+len(c.Topic)+len(c.Key)+len(at)+4 > maxPayload-32 {
		return false
	}
	for i, field := range []string{c.ID, c.Topic, c.Key, at} {
		if strings.ContainsAny(field, "\t\n\x00") {
			return false
		}
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(field)
	}
	b.WriteByte('\n')
	return true
}

// parsePayload is the other side. complete is false if the sender had more to
// say than fits: the table has it.
func parsePayload(payload string) (node string, changes []model.Change, complete bool) {
	node, lines, _ := strings.Cut(payload, "\n")
	for line := range strings.Lines(lines) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			return node, changes, false
		}
		at, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return node, changes, false
		}
		changes = append(changes, model.Change{ID: fields[0], Topic: fields[1], Key: fields[2], At: model.Millis(at)})
	}
	return node, changes, len(changes) > 0
}
