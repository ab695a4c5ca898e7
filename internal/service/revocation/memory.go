// Package revocation keeps the revocations that still matter in memory, and
// tells resource servers of them: which tokens are dead before they expire.
//
// The gate asks it for each token that is used here; resource servers follow
// the feed and ask nobody. If this package is wrong, a token that was revoked
// is still accepted somewhere.
package revocation

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// Revocations lists those of all realms that were written at or after
	// `since` and have not expired at `now`.
	Revocations(ctx context.Context, since, now model.Millis) ([]model.Revocation, error)
}

// overlap is how far before a change each reload looks.
const overlap = time.Second

// seen says that nothing is known to be new.
const seen = math.MaxInt64

// Config is what a Memory needs.
type Config struct {
	Store Store
	Hub   *hub.Hub         // nil: nobody tells of changes
	Now   func() time.Time // default time.Now
}

// A Memory holds the live revocations of all realms. They are few: each lives
// only as long as a token that it concerns. It reads them once, and then what is
// new when it is told that there is something: one query for a change, however
// many look.
type Memory struct {
	cfg  Config
	from atomic.Int64 // what was written at or after this Millis is not in known yet
	news atomic.Pointer[chan struct{}]

	mu       sync.RWMutex
	known    map[name]*entry
	realms   map[model.RealmID]*journal
	searched model.Millis // for what has expired
}

// NewMemory listens for changes.
func NewMemory(cfg Config) *Memory {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Memory{cfg: cfg, known: map[name]*entry{}, realms: map[model.RealmID]*journal{}}
	first := make(chan struct{})
	m.news.Store(&first)
	if cfg.Hub != nil {
		cfg.Hub.Listen(model.TopicRevocation, func(c model.Change) { m.stale(c.At) })
		cfg.Hub.OnResync(func() { m.stale(0) })
	}
	return m
}

// Before is up to when, in milliseconds, tokens of a key are dead; 0: nothing of
// it was revoked.
func (m *Memory) Before(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error) {
	what := name{realm, kind, key}
	m.mu.RLock()
	current, before := m.from.Load() == seen, m.known[what].before()
	m.mu.RUnlock()
	if current {
		return before, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reload(ctx); err != nil {
		return 0, err
	}
	return m.known[what].before(), nil
}

// stale makes the next look read what was written at an instant and after it,
// and wakes those who wait. The instant is by the writer's clock, as are those of
// the rows; 0 is everything.
func (m *Memory) stale(at model.Millis) {
	m.unread(at.Add(-overlap))
	next := make(chan struct{})
	close(*m.news.Swap(&next))
}

// unread notes that what was written at an instant and after it is not known.
func (m *Memory) unread(from model.Millis) {
	for noted := m.from.Load(); int64(from) < noted; noted = m.from.Load() {
		if m.from.CompareAndSwap(noted, int64(from)) {
			return
		}
	}
}

// changed ends when there may be something new. Take it first, look second, and
// wait third: so nothing between looking and waiting is missed.
func (m *Memory) changed() <-chan struct{} { return *m.news.Load() }

// current reads what is new, if there is anything.
func (m *Memory) current(ctx context.Context) error {
	m.mu.RLock()
	current := m.from.Load() == seen
	m.mu.RUnlock()
	if current {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reload(ctx)
}

// reload reads what is new, with the lock held: whoever looks meanwhile waits
// for it, and if it failed tries again.
func (m *Memory) reload(ctx context.Context) error {
	from := m.from.Swap(seen)
	if from == seen {
		return nil
	}
	now := model.MillisOf(m.cfg.Now())
	rows, err := m.cfg.Store.Revocations(ctx, model.Millis(from), now)
	if err != nil {
		m.unread(model.Millis(from))
		return fmt.Errorf("read revocations: %w", err)
	}
	for _, row := range rows {
		m.learn(row)
	}
	m.forget(now)
	return nil
}

// A name is what a revocation is known by. Looking one up allocates nothing.
type name struct {
	realm model.RealmID
	kind  model.RevocationKind
	key   string
}
