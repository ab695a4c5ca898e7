package api

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/assent-id/assent/sdk/resource"
)

// A Limit is how many requests one client may make in a window of time. Window is
// in whole seconds.
type Limit struct {
	Requests int
	Window   time.Duration
}

// quota counts the requests of each client in this process, in windows that begin
// with a client's first request.
type quota struct {
	limit   Limit
	mu      sync.Mutex
	windows map[string]window
	swept   time.Time
}

type window struct {
	ends time.Time
	used int
}

func newQuota(l Limit) *quota { return &quota{limit: l, windows: make(map[string]window)} }

// take counts one request: what remains, negative where there was nothing, and
// when the client has all of it again.
func (q *quota) take(client string, now time.Time) (remaining int, reset time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sweep(now)
	w := q.windows[client]
	if !now.Before(w.ends) {
		w = window{ends: now.Add(q.limit.Window)}
	}
	if w.used <= q.limit.Requests {
		w.used++
	}
	q.windows[client] = w
	return q.limit.Requests - w.used, w.ends.Sub(now)
}

// sweep forgets the windows that have ended, once for each length of one.
func (q *quota) sweep(now time.Time) {
	if now.Sub(q.swept) < q.limit.Window {
		return
	}
	q.swept = now
	for client, w := range q.windows {
		if !now.Before(w.ends) {
			delete(q.windows, client)
		}
	}
}

// within counts a request whose token is good and tells the client where it stands:
// draft-ietf-httpapi-ratelimit-headers-10, Sections 3 and 4. One that is too many is
// answered, before it costs an approval.
func (a *api) within(w http.ResponseWriter, r *http.Request, t *resource.Token) bool {
	remaining, reset := a.quota.take(t.ClientID, a.Now())
	seconds := int((reset + time.Second - 1) / time.Second)
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"client";q=%d;w=%d`, a.Limit.Requests, int(a.Limit.Window/time.Second)))
	w.Header().Set("RateLimit", fmt.Sprintf(`"client";r=%d;t=%d`, max(remaining, 0), seconds))
	if remaining >= 0 {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	a.answer(func(http.ResponseWriter, *http.Request) error {
		return refuse(http.StatusTooManyRequests, "too_many_requests", "this client has made all requests of this while")
	}).ServeHTTP(w, r)
	return false
}
