package resource

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxRevocations = 1_000_000
	// entryMargin is how much longer than it says an entry is kept: our clock may
	// be behind the issuer's.
	entryMargin = 2 * longestLeeway
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
}

var errFull = errors.New("there are more revocations than this process keeps")

// merge adds what was announced. Nothing is ever taken back: a complete list
// replaces nothing, because an entry ends by its time alone.
func (f *feed) merge(a announcement) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(f.now().Add(-entryMargin).UnixMilli())
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

func (f *feed) forget(before int64) {
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
	for _, parent := range t.Parents {
		kind := ofClient
		if isTokenID(parent) {
			kind = ofToken
		}
		if f.has(kind, parent, t.issued) {
			return true
		}
	}
	return false
}

func (f *feed) has(kind, id string, issued int64) bool {
	e, ok := f.entries[entryKey{kind, id}]
	return ok && issued <= e.before
}
