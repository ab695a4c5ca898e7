package gate

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// overlap is how far before a change each reload looks.
const overlap = time.Second

// seen says that nothing is known to be new.
const seen = math.MaxInt64

// revocations keeps the live ones in memory. They are few: each lives only as
// long as a token that it concerns.
type revocations struct {
	store Store
	now   func() time.Time
	from  atomic.Int64 // what was written at or after this Millis is not in m yet
	mu    sync.RWMutex
	m     map[string]model.Revocation
}

func newRevocations(s Store, now func() time.Time) *revocations {
	return &revocations{store: s, now: now, m: map[string]model.Revocation{}}
}

// stale makes the next look read what was written at an instant and after it.
// The instant is by the writer's clock, as are those of the rows.
func (r *revocations) stale(at model.Millis) {
	at = at.Add(-overlap)
	for known := r.from.Load(); int64(at) < known; known = r.from.Load() {
		if r.from.CompareAndSwap(known, int64(at)) {
			return
		}
	}
}

// reset makes the next look read everything.
func (r *revocations) reset() { r.stale(0) }

func (r *revocations) before(ctx context.Context, realm model.RealmID, kind model.RevocationKind, key string) (model.Millis, error) {
	name := revocationKey(realm, kind, key)
	r.mu.RLock()
	current, at := r.from.Load() == seen, r.m[name].Before
	r.mu.RUnlock()
	if current {
		return at, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return 0, err
	}
	return r.m[name].Before, nil
}

// reload reads what is new, with the lock held: whoever looks meanwhile waits
// for it, and if it failed tries again.
func (r *revocations) reload(ctx context.Context) error {
	from := r.from.Swap(seen)
	if from == seen {
		return nil
	}
	now := model.MillisOf(r.now())
	rows, err := r.store.Revocations(ctx, model.Millis(from), now)
	if err != nil {
		r.stale(model.Millis(from))
		return err
	}
	for _, row := range rows {
		r.m[revocationKey(row.RealmID, row.Kind, row.Key)] = row
	}
	r.forget(now)
	return nil
}

func (r *revocations) forget(now model.Millis) {
	for k, row := range r.m {
		if row.ExpiresAt != 0 && now >= row.ExpiresAt {
			delete(r.m, k)
		}
	}
}

func revocationKey(realm model.RealmID, kind model.RevocationKind, key string) string {
	return string(realm) + "/" + string(kind) + "/" + key
}
