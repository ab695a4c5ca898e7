package gate

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// overlap is how far back each reload looks: a transaction that noted its time
// before another may commit after it.
const overlap = 15 * time.Second

// revocations keeps the live ones in memory. They are few: each lives only as
// long as a token that it concerns.
type revocations struct {
	store Store
	dirty atomic.Bool
	mu    sync.RWMutex
	since model.Millis // everything written before this was seen
	m     map[string]model.Revocation
}

func newRevocations(s Store) *revocations {
	r := &revocations{store: s, m: map[string]model.Revocation{}}
	r.dirty.Store(true)
	return r
}

// stale makes the next look read what is new.
func (r *revocations) stale() { r.dirty.Store(true) }

// reset makes the next look read everything.
func (r *revocations) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = 0
	r.dirty.Store(true)
}

func (r *revocations) before(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error) {
	if r.dirty.Load() {
		if err := r.reload(ctx); err != nil {
			return 0, err
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.m[revocationKey(realm, kind, key)].Before, nil
}

func (r *revocations) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dirty.Swap(false) {
		return nil
	}
	now := model.MillisOf(time.Now())
	rows, err := r.store.Revocations(ctx, r.since, now)
	if err != nil {
		r.dirty.Store(true)
		return err
	}
	for _, row := range rows {
		r.m[revocationKey(row.RealmID, row.Kind, row.Key)] = row
	}
	r.forget(now)
	r.since = max(r.since, now.Add(-overlap))
	return nil
}

func (r *revocations) forget(now model.Millis) {
	for k, row := range r.m {
		if now >= row.ExpiresAt {
			delete(r.m, k)
		}
	}
}

func revocationKey(realm model.RealmID, kind model.RevocationKind, key string) string {
	return string(realm) + "/" + string(kind) + "/" + key
}

func cutKey(key string) (realm, id string, ok bool) { return strings.Cut(key, "/") }
