package resource

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxRevocations = 1_000_000
	// entryMargin is how much longer than it says an entry is kept: our clock may
	// be behind the issuer's.
	entryMargin = 2 * longestLeeway
	// forgetEvery spares those who ask: while entries are gone through, they wait.
	forgetEvery = 10 * time.Second
)

// An entryKey names what became invalid.
type entryKey struct{ kind, id string }

// The kinds of entries.
const (
	ofRealm   = "realm"
	ofClient  = "client"
	ofSubject = "subject"
	ofGrant   = "grant"
	ofToken   = "token"
)

// An entry says of which tokens: those issued at that instant or before. Both are
// Unix milliseconds; no token that it concerns outlives expires.
type entry struct{ before, expires int64 }

// A feed is what is known of revocations, and when that was heard last.
type feed struct {
	stale   time.Duration
	now     func() time.Time
	started time.Time
	heard   atomic.Pointer[moment] // nil: never
	mu      sync.RWMutex
	entries map[entryKey]entry
	swept   time.Time // when they were gone through last
}

func newFeed(c Config) *feed {
	return &feed{stale: c.MaxStale, now: c.Now, started: time.Now(), entries: map[entryKey]entry{}}
}

// A moment is one by both clocks of the machine: the one that nobody sets stands
// still while a machine sleeps, the other may be set back.
type moment struct {
	running time.Duration
	wall    int64 // Unix nanoseconds
}

func (f *feed) moment() moment {
	now := time.Now()
	return moment{now.Sub(f.started), now.UnixNano()}
}

// fresh reports whether it was heard within MaxStale, by either clock.
func (f *feed) fresh() bool {
	heard := f.heard.Load()
	if heard == nil {
		return false
	}
	now := f.moment()
	return now.running-heard.running < f.stale && time.Duration(now.wall-heard.wall) < f.stale
}

func (f *feed) hear() {
	now := f.moment()
	f.heard.Store(&now)
}

// An announcement is what the feed answers.
type announcement struct {
	Revocations []struct {
		Kind    string `json:"kind"`
		ID      string `json:"id"`
		Before  int64  `json:"before"`
		Expires int64  `json:"expires"`
	} `json:"revocations"`
	Cursor   string `json:"cursor"`
	Complete bool   `json:"complete"`
	More     bool   `json:"more"` // after the cursor, at once
}

var errFull = errors.New("there are more revocations than this process keeps")

// merge adds what was announced. Nothing is ever taken back: a complete list
// replaces nothing, because an entry ends by its time alone.
func (f *feed) merge(a announcement) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(f.now())
	for _, r := range a.Revocations {
		key := entryKey{r.Kind, r.ID}
		known, ok := f.entries[key]
		if !ok && len(f.entries) >= maxRevocations {
			return errFull
		}
		f.entries[key] = entry{before: max(known.before, r.Before), expires: max(known.expires, r.Expires)}
	}
	return nil
}

// forget lets go of what nobody can need any more, now and then.
func (f *feed) forget(now time.Time) {
	if !now.Before(f.swept) && now.Before(f.swept.Add(forgetEvery)) {
		return
	}
	f.swept = now
	before := now.Add(-entryMargin).UnixMilli()
	for key, e := range f.entries {
		if e.expires <= before {
			delete(f.entries, key)
		}
	}
}

// revoked reports whether an entry concerns the token.
func (f *feed) revoked(t *Token) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.entries) == 0 {
		return false
	}
	if f.has(ofRealm, t.Issuer, t.issued) || f.has(ofClient, t.ClientID, t.issued) || f.has(ofSubject, t.Subject, t.issued) ||
		f.has(ofClient, t.Subject, t.issued) || f.has(ofToken, t.JTI, t.issued) || t.GrantID != "" && f.has(ofGrant, t.GrantID, t.issued) {
		return true
	}
	return slices.ContainsFunc(t.Parents, func(parent string) bool { return f.hasParent(parent, t.issued) })
}

// hasParent looks for what an exchanged token hangs under. Client ids may look like
// anything, so that what has no prefix of ours is looked for as both, as sub is.
func (f *feed) hasParent(id string, issued int64) bool {
	switch {
	case isTokenID(id):
		return f.has(ofToken, id, issued)
	case strings.HasPrefix(id, "grt_"):
		return f.has(ofGrant, id, issued)
	}
	return f.has(ofClient, id, issued) || f.has(ofSubject, id, issued)
}

func (f *feed) has(kind, id string, issued int64) bool {
	e, ok := f.entries[entryKey{kind, id}]
	return ok && issued <= e.before
}
