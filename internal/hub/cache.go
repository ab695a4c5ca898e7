package hub

import (
	"context"
	"strconv"
	"sync"

	"golang.org/x/sync/singleflight"
)

// A Cache keeps what changes seldom. An entry stays until the change feed
// says otherwise; concurrent misses of one key share one load. A load that
// started before an invalidation is answered to those who asked before it, but
// neither kept nor shared with those who ask after it.
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
	v, epoch, ok := c.look(key)
	if ok {
		return v, nil
	}
	return c.miss(ctx, key, epoch)
}

func (c *Cache[V]) look(key string) (v V, epoch uint64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok = c.m[key]
	return v, c.epoch, ok
}

func (c *Cache[V]) miss(ctx context.Context, key string, epoch uint64) (V, error) {
	// The epoch is part of the name: what was asked before an invalidation is
	// another flight than what was asked after it.
	got, err, _ := c.flight.Do(strconv.FormatUint(epoch, 36)+" "+key, func() (any, error) {
		if v, _, ok := c.look(key); ok { // another flight has just landed
			return v, nil
		}
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
}

// Clear drops everything.
func (c *Cache[V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.m)
	c.epoch++
}
