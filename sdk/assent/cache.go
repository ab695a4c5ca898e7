package assent

import (
	"context"
	"sync"
	"time"
)

// maxKept is how many tokens a client keeps: one for each set of scopes and
// resources.
const maxKept = 256

// A tokenCache keeps tokens by key.
type tokenCache struct {
	mu   sync.Mutex
	kept map[string]*keptToken
}

// A keptToken is one place of the cache. Its times are by the client's clock.
type keptToken struct {
	token   *AccessToken // nil: none
	renew   time.Time    // from then on another is asked for in the background
	last    time.Time    // from then on callers wait for that one
	used    time.Time
	renewal paced[*AccessToken]
}

// A minter gets a new token.
type minter func(context.Context) (*AccessToken, error)

// get returns the token of a key, kept or new.
func (c *tokenCache) get(ctx context.Context, now func() time.Time, key string, mint minter) (*AccessToken, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		alive, f, pause := c.look(ctx, now(), key, mint)
		switch {
		case f != nil:
			return orAlive(ctx, f, alive)
		case alive != nil:
			return alive, nil
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// orAlive waits for a new token. Where none comes, the old one does as long as it
// lives.
func orAlive(ctx context.Context, f *flight[*AccessToken], alive *AccessToken) (*AccessToken, error) {
	t, err := f.wait(ctx)
	switch {
	case err == nil:
		return t.copy(), nil
	case alive != nil && ctx.Err() == nil:
		return alive, nil
	default:
		return nil, err
	}
}

// look finds the token of a key that still lives, and the flight to wait for. No
// flight: the token will do, or a new one may be asked for only after a pause.
func (c *tokenCache) look(ctx context.Context, at time.Time, key string, mint minter) (alive *AccessToken, f *flight[*AccessToken], pause time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.place(key, at)
	if k.token != nil && at.Before(k.token.ExpiresAt) {
		alive = k.token.copy()
	}
	if alive != nil && at.Before(k.renew) {
		return alive, nil, 0
	}
	// Within the lock: what lands from now on is seen by the next look.
	f, pause = k.renewal.start(ctx, func(ctx context.Context) (*AccessToken, error) {
		t, err := mint(ctx)
		if err == nil {
			c.keep(k, t, at)
		}
		return t, err
	})
	if alive != nil && at.Before(k.last) {
		return alive, nil, 0
	}
	return alive, f, pause
}

// keep notes a token that was asked for at a time, unless the issuer does not say
// how long it lives. Four fifths of its life it is simply there; then another is
// fetched; and in its last tenth or its last 30 seconds, whichever is shorter, it
// is used only where no other comes: it might expire on its way.
func (c *tokenCache) keep(k *keptToken, t *AccessToken, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	life := t.ExpiresAt.Sub(asked)
	if t.ExpiresAt.IsZero() || life <= 0 {
		k.token = nil
		return
	}
	k.token = t.copy()
	k.renew = t.ExpiresAt.Add(-life / 5)
	k.last = t.ExpiresAt.Add(-min(life/10, 30*time.Second))
}

// place finds the place of a key, or makes one where the least recently used was.
func (c *tokenCache) place(key string, at time.Time) *keptToken {
	k := c.kept[key]
	if k == nil {
		if c.kept == nil {
			c.kept = map[string]*keptToken{}
		}
		if len(c.kept) >= maxKept {
			delete(c.kept, c.oldest())
		}
		k = &keptToken{}
		c.kept[key] = k
	}
	k.used = at
	return k
}

func (c *tokenCache) oldest() (key string) {
	var oldest *keptToken
	for name, k := range c.kept {
		if oldest == nil || k.used.Before(oldest.used) {
			key, oldest = name, k
		}
	}
	return key
}

func (c *tokenCache) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.kept {
		if k.token != nil && k.token.Token == token {
			k.token = nil
		}
	}
}

// copy lets callers do with a token what they like.
func (t *AccessToken) copy() *AccessToken {
	own := *t
	return &own
}
