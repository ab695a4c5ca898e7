package hub

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
)

// A Cache keeps what changes seldom. An entry stays until the change feed
// says otherwise; concurrent misses of one key share one load. A load that
// started before an invalidation is answered to its callers but not kept.
type Cache[V any] struct {
	load   func(ctx context.Context, key string) (V, error)
	mu     sync.RWMutex
	m      map[string]V
	epoch  uint64
	flight singleflight.Group
	max    int
}

// NewCache makes a cache of at most max entries. Errors are not cached.
func NewCache[V any](max int, load func(ctx context.Context, key string) (V, error)) *Cache[V] {
	return &Cache[V]{load: load, m: map[string]V{}, max: max}
}

// Get answers from memory, or loads.
func (c *Cache[V]) Get(ctx context.Context, key string) (V, error) {
	c.mu.RLock()
	v, ok := c.m[key]
	c.mu.RUnlock()
	if ok {
		return v, nil
	}
	return c.miss(ctx, key)
}

func (c *Cache[V]) miss(ctx context.Context, key string) (V, error) {
	got, err, _ := c.flight.Do(key, func() (any, error) {
		c.mu.RLock()
		epoch := c.epoch
		c.mu.RUnlock()
		// One caller's cancelled request must not fail the others'.
		v, err := c.load(context.WithoutCancel(ctx), key)
		if err == nil {
			c.keep(key, v, epoch)
		}
		return v, err
	})
	if err != nil {
		var zero V
		return zero, err
	}
	return got.(V), nil
}

func (c *Cache[V]) keep(key string, v V, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	if len(c.m) >= c.max {
		clear(c.m)
	}
	c.m[key] = v
}

// Forget drops one entry.
func (c *Cache[V]) Forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, key)
	c.epoch++
	c.flight.Forget(key)
}

// Clear drops everything.
func (c *Cache[V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.m)
	c.epoch++
}
