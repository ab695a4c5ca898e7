package fetch

import (
	"context"
	"sync"
)

// places bounds how many fetches are under way, for each host and in all, so
// that one slow host cannot hold everything up. Who finds no place waits for
// one as long as its own time lasts.
type places struct {
	all  chan struct{}
	each int

	mu    sync.Mutex
	hosts map[string]*host
}

// A host counts who has a place or waits for one; the last to leave takes it
// away.
type host struct {
	places chan struct{}
	here   int
}

func newPlaces(all, each int) *places {
	return &places{all: make(chan struct{}, all), each: each, hosts: map[string]*host{}}
}

// enter takes a place of the host first: those who wait for a slow host take
// nothing from the others.
func (p *places) enter(ctx context.Context, name string) (leave func(), err error) {
	h := p.join(name)
	if err := take(ctx, h.places); err != nil {
		p.part(name, h)
		return nil, err
	}
	if err := take(ctx, p.all); err != nil {
		<-h.places
		p.part(name, h)
		return nil, err
	}
	return func() {
		<-p.all
		<-h.places
		p.part(name, h)
	}, nil
}

func take(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &Error{Kind: Timeout, Reason: "too many fetches are under way"}
	}
}

func (p *places) join(name string) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[name]
	if h == nil {
		h = &host{places: make(chan struct{}, p.each)}
		p.hosts[name] = h
	}
	h.here++
	return h
}

func (p *places) part(name string, h *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.here--; h.here == 0 {
		delete(p.hosts, name)
	}
}
