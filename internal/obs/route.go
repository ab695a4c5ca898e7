package obs

import (
	"maps"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	firstStatus, lastStatus = 100, 599

	// routeLimit bounds the pairs of route and method. A server has some
	// dozens; more mean that somebody passes paths instead of patterns.
	routeLimit = 1024
)

// Observe records a finished request: the pattern it was routed by
// ("/oauth/token"; empty when none fitted), its method, status and duration.
// It allocates nothing once it has seen the three together.
//
// Never pass a request's own path: each one would live in memory for good.
func (m *Metrics) Observe(route, method string, status int, took time.Duration) {
	r := m.route(routeKey{route, knownMethod(method)})
	r.seconds.Observe(took.Seconds())
	r.counter(status).Inc()
}

// knownMethod keeps a client from filling the memory with methods of its own
// invention.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions,
		http.MethodPut, http.MethodPatch, http.MethodDelete:
		return method
	}
	return "other"
}

type routeKey struct{ route, method string }

// A route holds the bound children of one pattern and method, so that a
// request pays for two additions and no look-up of labels.
type route struct {
	requests *prometheus.CounterVec // method and route already bound
	seconds  prometheus.Observer
	status   [lastStatus - firstStatus + 1]atomic.Pointer[prometheus.Counter]
}

// route finds or binds. The map is copied when it grows, so that reading it
// takes no lock.
func (m *Metrics) route(key routeKey) *route {
	if r := (*m.routes.Load())[key]; r != nil {
		return r
	}
	m.binding.Lock()
	defer m.binding.Unlock()
	known := *m.routes.Load()
	if len(known) >= routeLimit {
		key.route = "other"
	}
	if r := known[key]; r != nil { // another request was first
		return r
	}
	labels := prometheus.Labels{"method": key.method, "route": key.route}
	r := &route{
		requests: m.requests.MustCurryWith(labels),
		seconds:  m.seconds.With(labels),
	}
	grown := maps.Clone(known)
	grown[key] = r
	m.routes.Store(&grown)
	return r
}

// counter binds a status on its first use; routes see few of them. Two first
// uses at once store the same child.
func (r *route) counter(status int) prometheus.Counter {
	if status < firstStatus || status > lastStatus {
		status = http.StatusInternalServerError // net/http would have refused it: a mistake of ours
	}
	slot := &r.status[status-firstStatus]
	if c := slot.Load(); c != nil {
		return *c
	}
	c := r.requests.WithLabelValues(strconv.Itoa(status))
	slot.Store(&c)
	return c
}
