// Package revocation keeps the revocations that still matter in memory, and
// tells resource servers of them: which tokens are dead before they expire.
//
// The gate asks it for each token that is used here; resource servers follow
// the feed and ask nobody. If this package is wrong, a token that was revoked
// is still accepted somewhere.
package revocation

import (
	"context"
	"errors"
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

// readWithin bounds how long anybody waits for the database here. It is longer
// than a database takes that works.
const readWithin = 5 * time.Second

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
	turn chan struct{} // who reads the database puts one in
	news atomic.Pointer[chan struct{}]

	mu       sync.RWMutex
	from     model.Millis // what was written then or later is not in known yet
	told     uint64       // how often somebody said that there is something new
	known    map[name]*entry
	realms   map[model.RealmID]*journal
	searched model.Millis // for what has expired
}

// NewMemory listens for changes.
func NewMemory(cfg Config) *Memory {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Memory{cfg: cfg, turn: make(chan struct{}, 1), known: map[name]*entry{}, realms: map[model.RealmID]*journal{}}
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
	current, before := m.from == seen, m.known[what].before()
	m.mu.RUnlock()
	if current {
		return before, nil
	}
	if err := m.reload(ctx); err != nil {
		return 0, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
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
	m.mu.Lock()
	defer m.mu.Unlock()
	m.from = min(m.from, from)
	m.told++
}

// changed ends when there may be something new. Take it first, look second, and
// wait third: so nothing between looking and waiting is missed.
func (m *Memory) changed() <-chan struct{} { return *m.news.Load() }

// current reads what is new, if there is anything.
func (m *Memory) current(ctx context.Context) error {
	m.mu.RLock()
	current := m.from == seen
	m.mu.RUnlock()
	if current {
		return nil
	}
	return m.reload(ctx)
}

// reload reads what is new. Whoever looks meanwhile waits for it, and if it failed
// tries again; nobody for longer than readWithin. The lock is not held while the
// database is read: who says that there is something new does not wait for that.
func (m *Memory) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	if err := take(ctx, m.turn); err != nil {
		return late(ctx, fmt.Errorf("read revocations: %w", err))
	}
	defer func() { <-m.turn }()
	m.mu.RLock()
	from, told := m.from, m.told
	m.mu.RUnlock()
	if from == seen { // who was first has read it
		return nil
	}
	now := model.MillisOf(m.cfg.Now())
	rows, err := m.cfg.Store.Revocations(ctx, from, now)
	if err != nil {
		return late(ctx, fmt.Errorf("read revocations: %w", err))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range rows {
		m.learn(row)
	}
	m.forget(now)
	if m.told == told { // else there is something that may have come after the reading
		m.from = seen
	}
	return nil
}

// take waits for a turn, or until ctx ends.
func take(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// late calls what took too long by its name: the database does not answer.
func late(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
	}
	return err
}

// A name is what a revocation is known by. Looking one up allocates nothing.
type name struct {
	realm model.RealmID
	kind  model.RevocationKind
	key   string
}
