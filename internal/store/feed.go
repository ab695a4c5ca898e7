package store

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// The rhythm of the feed.
const (
	// feedPoll is how often the table of changes is read. It finds what no
	// notification told: those that were lost, and those of a process that died
	// between its commit and its notification.
	feedPoll = time.Second
	// feedOverlap is how far back each reading begins: a change becomes visible
	// with its commit, later than the instant that it carries.
	feedOverlap = 5 * time.Second
	// feedMemory is how long the ids of changes heard are remembered at least.
	// It must exceed the overlap and the poll, or a change is heard twice.
	feedMemory = 10 * time.Second
	// changeLife is how long the sweeper leaves changes in the table.
	changeLife = time.Minute
)

// A feed tells this process what changed: what it did itself, and what it
// heard of others. It remembers the ids of others' changes for a while,
// because the same change may arrive as a notification and in the table.
type feed struct {
	node    string // the name of this open store in the table of changes
	publish func([]model.Change)
	resync  func()
	logger  *slog.Logger
	// announce passes own changes on to other processes; nil: they look.
	announce func([]model.Change)
	fresh    atomic.Int64 // Unix nanoseconds, 0: never

	mu       sync.Mutex
	seen     map[string]struct{}
	seenPrev map[string]struct{}
	turned   time.Time
}

func newFeed(cfg Config, node string) *feed {
	return &feed{node: node, publish: cfg.Publish, resync: cfg.Resync, logger: cfg.Logger, seen: make(map[string]struct{})}
}

// stamp gives an id to changes that have none.
func (f *feed) stamp(changes []model.Change) []model.Change {
	copied := false
	for i := range changes {
		if changes[i].ID != "" {
			continue
		}
		if !copied {
			changes = append([]model.Change(nil), changes...)
			copied = true
		}
		changes[i].ID = ids.New("chg")
	}
	return changes
}

// committed tells of this store's own changes.
func (f *feed) committed(changes []model.Change) {
	f.publish(changes)
	if f.announce != nil {
		f.announce(changes)
	}
}

// heard tells of others' changes, of each once.
func (f *feed) heard(changes []model.Change) {
	var news []model.Change
	f.mu.Lock()
	if now := time.Now(); now.Sub(f.turned) > feedMemory {
		f.seen, f.seenPrev, f.turned = make(map[string]struct{}), f.seen, now
	}
	for _, c := range changes {
		_, known := f.seen[c.ID]
		if !known {
			_, known = f.seenPrev[c.ID]
		}
		if !known {
			f.seen[c.ID] = struct{}{}
			news = append(news, c)
		}
	}
	f.mu.Unlock()
	if len(news) > 0 {
		f.publish(news)
	}
}

func (f *feed) completeAt(t time.Time) { f.fresh.Store(t.UnixNano()) }

// Follow keeps this process up to date with what others change in the same
// database, until ctx ends; it returns nil then. It deals with lost
// connections by itself.
func (s *Store) Follow(ctx context.Context) error { return s.db.follow(ctx) }

// FeedFreshAt is the last instant at which every change that had been
// committed anywhere was known here, by this process's clock. It is zero
// before Follow has run. Whoever must not act on stale knowledge compares it.
func (s *Store) FeedFreshAt() time.Time {
	ns := s.feed.fresh.Load()
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

const changesSinceSQL = `
SELECT id, topic, subject, at FROM change WHERE noted_at >= $1 AND node <> $2 ORDER BY noted_at, id`

func scanChange(r row) model.Change {
	return model.Change{ID: r.text(), Topic: r.text(), Key: r.text(), At: millis(r)}
}

// A watermark is where the next reading of the feed begins, by the clock of
// the database.
type watermark struct{ last int64 }

// from says where to read from at the database's present, and whether its
// clock jumped back: what was noted since then may lie before any instant that
// was asked for.
func (w *watermark) from(now int64) (from int64, jumped bool) {
	jumped = now < w.last-feedOverlap.Milliseconds()/2
	return min(now, w.last) - feedOverlap.Milliseconds(), jumped
}
