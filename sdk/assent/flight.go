package assent

import (
	"context"
	"sync"
	"time"
)

// A flight is one attempt to get something, for all who wait for it.
type flight[T any] struct {
	landed chan struct{}
	value  T
	err    error
}

// wait returns what the flight brought, or ends with ctx, which is the end of
// this caller's waiting alone.
func (f *flight[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-f.landed:
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// pace is how often one thing is asked for at most: who cannot answer is not
// helped by being asked again at once, and neither is who refuses.
const pace = time.Second

// paced starts flights: one at a time, and one in a second.
type paced[T any] struct {
	mu     sync.Mutex
	flying *flight[T] // nil: none is
	began  time.Time
}

// start returns the flight to wait for: the one under way, or a new one that get
// makes. There is none if one began less than a second ago; then pause tells how
// long to wait. get runs in a goroutine of its own and does not end with ctx, so
// that a caller who gives up takes nothing from the others; it has to end by
// itself.
func (p *paced[T]) start(ctx context.Context, get func(context.Context) (T, error)) (f *flight[T], pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flying != nil {
		return p.flying, 0
	}
	if pause = pace - time.Since(p.began); !p.began.IsZero() && pause > 0 {
		return nil, pause
	}
	f = &flight[T]{landed: make(chan struct{})}
	p.flying, p.began = f, time.Now()
	go p.fly(context.WithoutCancel(ctx), f, get)
	return f, 0
}

func (p *paced[T]) fly(ctx context.Context, f *flight[T], get func(context.Context) (T, error)) {
	f.value, f.err = get(ctx)
	p.mu.Lock()
	p.flying = nil
	p.mu.Unlock()
	close(f.landed)
}

// await returns what is there already, or what get brings to all who wait; get
// leaves it where have finds it.
func await[T any](ctx context.Context, p *paced[*T], have func() *T, get func(context.Context) (*T, error)) (*T, error) {
	for {
		if v := have(); v != nil {
			return v, nil
		}
		f, pause := p.start(ctx, get)
		if f != nil {
			return f.wait(ctx)
		}
		if have() != nil { // it came between the two questions
			continue
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
