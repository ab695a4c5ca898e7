// Package hub wakes those who wait on this node. The store's change feed tells
// it what became different, on this node or on another; long polls,
// server-sent events and caches hear of it here.
//
// A waiter costs a map entry and a channel: no query, no timer, no goroutine
// of ours. A wake-up is a hint and never a fact: whoever is woken reads the
// database. If this package loses a wake-up, polls answer late, never wrongly.
package hub

import (
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/model"
)

// A Hub is ready to use as its zero value and safe for concurrent use.
type Hub struct {
	mu        sync.Mutex
	waiters   map[string]map[*Wait]struct{} // by topic NUL key
	listeners map[string][]func(model.Change)
	resync    []func()
}

// A Wait is one waiter's place. C receives at most one pending wake-up;
// further ones while it is full are the same wake-up.
type Wait struct {
	C    <-chan struct{}
	c    chan struct{}
	hub  *Hub
	name string
}

// Watch registers for changes of a key. Register first, read the database
// second, wait third: so no change between reading and waiting is missed.
func (h *Hub) Watch(topic, key string) *Wait {
	c := make(chan struct{}, 1)
	w := &Wait{C: c, c: c, hub: h, name: topic + "\x00" + key}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiters == nil {
		h.waiters = map[string]map[*Wait]struct{}{}
	}
	if h.waiters[w.name] == nil {
		h.waiters[w.name] = map[*Wait]struct{}{}
	}
	h.waiters[w.name][w] = struct{}{}
	return w
}

// Stop gives the place up. It may be called more than once.
func (w *Wait) Stop() {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	set := h.waiters[w.name]
	delete(set, w)
	if len(set) == 0 {
		delete(h.waiters, w.name)
	}
}

// Listen calls f for each change of a topic. f must not block; it is called
// with no lock held, possibly from several goroutines.
func (h *Hub) Listen(topic string, f func(model.Change)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners == nil {
		h.listeners = map[string][]func(model.Change){}
	}
	h.listeners[topic] = append(h.listeners[topic], f)
}

// OnResync calls f when changes may have been missed.
func (h *Hub) OnResync(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resync = append(h.resync, f)
}

// Publish tells everybody concerned. The store calls it after a commit.
func (h *Hub) Publish(changes []model.Change) {
	for _, c := range changes {
		for _, f := range h.wake(c) {
			f(c)
		}
	}
}

func (h *Hub) wake(c model.Change) []func(model.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key := range strings.SplitSeq(c.Key, "/") {
		for w := range h.waiters[c.Topic+"\x00"+key] {
			w.signal()
		}
	}
	return h.listeners[c.Topic]
}

func (w *Wait) signal() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// Resync wakes every waiter and tells every cache to start anew: the feed was
// lost for a while, so anything may have changed.
func (h *Hub) Resync() {
	h.mu.Lock()
	for _, set := range h.waiters {
		for w := range set {
			w.signal()
		}
	}
	fs := h.resync
	h.mu.Unlock()
	for _, f := range fs {
		f()
	}
}

// Waiting is the number of waiters, for metrics.
func (h *Hub) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, set := range h.waiters {
		n += len(set)
	}
	return n
}
