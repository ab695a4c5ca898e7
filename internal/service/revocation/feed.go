package revocation

import (
	"context"
	"errors"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

// Kind says what an entry is about, in the words of tokens.
type Kind string

// The kinds, and the claim that an entry's id is held against.
const (
	KindClient  Kind = "client"  // client_id
	KindSubject Kind = "subject" // sub
	KindGrant   Kind = "grant"   // grant_id
	KindToken   Kind = "token"   // jti
	KindRealm   Kind = "realm"   // iss
)

// An Entry tells a resource server that tokens are dead that were issued at
// Before or earlier. It may forget it at Expires: no such token lives longer.
type Entry struct {
	Kind    Kind         `json:"kind"`
	ID      string       `json:"id"`
	Before  model.Millis `json:"before"`
	Expires model.Millis `json:"expires"`
}

// A Page is what a reader has not seen.
type Page struct {
	Entries  []Entry `json:"revocations"`
	Cursor   string  `json:"cursor"`
	Complete bool    `json:"complete"` // these are all that there are
}

// News reports whether the page says anything that the reader did not know.
func (p Page) News() bool { return p.Complete || len(p.Entries) > 0 }

// Names knows under which names an identity is the subject of tokens.
type Names interface {
	SubjectNames(ctx context.Context, site *model.Site, id model.IdentityID) ([]string, error)
}

// ErrUnsure: this node may have missed something, so it says nothing.
var ErrUnsure = errors.New("this node may have missed a revocation")

// FeedConfig is what a Feed needs.
type FeedConfig struct {
	Memory *Memory
	Names  Names
	// Trusted reports whether this node has heard everything; nil: always.
	Trusted func() bool
	Now     func() time.Time // default time.Now
	// Waiting bounds who waits at once, of one client and in all. Defaults 2,000
	// and 20,000.
	WaitingOfClient, Waiting int
}

// A Feed tells resource servers what was revoked. Whoever waits costs a
// goroutine and a timer, and no query.
type Feed struct {
	cfg FeedConfig
	of  *limit.Slots // of one client
	all *limit.Slots
}

// NewFeed makes the feed of a memory.
func NewFeed(cfg FeedConfig) *Feed {
	if cfg.Trusted == nil {
		cfg.Trusted = func() bool { return true }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.WaitingOfClient == 0 {
		cfg.WaitingOfClient = 2000
	}
	if cfg.Waiting == 0 {
		cfg.Waiting = 20_000
	}
	return &Feed{cfg: cfg, of: limit.NewSlots(cfg.WaitingOfClient), all: limit.NewSlots(cfg.Waiting)}
}

// A Query is what a reader asks for.
type Query struct {
	Site  *model.Site
	Since string // the cursor that it was given last; "": none
	Whole bool   // if there is news it wants everything
}

// Read answers what came since a cursor; everything if this node cannot read on
// from it. The error may be ErrUnsure.
func (f *Feed) Read(ctx context.Context, q Query) (Page, error) {
	if !f.cfg.Trusted() {
		return Page{}, ErrUnsure
	}
	if err := f.cfg.Memory.current(ctx); err != nil {
		return Page{}, err
	}
	got := f.cfg.Memory.since(q)
	page := Page{Entries: []Entry{}, Cursor: got.next.String(), Complete: got.complete}
	now := model.MillisOf(f.cfg.Now())
	for _, e := range got.news {
		if now >= e.until() {
			continue
		}
		var err error
		if page.Entries, err = f.add(ctx, page.Entries, q.Site, e); err != nil {
			return Page{}, err
		}
	}
	if !f.cfg.Trusted() { // it took too long
		return Page{}, ErrUnsure
	}
	return page, nil
}

// A reading is what a reader has not seen, and where it is then.
type reading struct {
	news     []*entry
	next     cursor
	complete bool
}

// since lists what came after the place at which a reader was in the journal, or
// everything if it was not in it.
func (m *Memory) since(q Query) reading {
	known, j := parseCursor(q.Since), m.journal(q.Site.Realm.ID)
	m.mu.RLock()
	defer m.mu.RUnlock()
	at, ok := known.in(j)
	r := reading{news: j.after(at), next: known.with(j), complete: !ok}
	if ok && q.Whole && at < j.last {
		r.news, r.complete = j.after(0), true
	}
	return r
}

// add appends what an entry is in tokens.
func (f *Feed) add(ctx context.Context, list []Entry, site *model.Site, e *entry) ([]Entry, error) {
	until := e.until()
	switch e.row.Kind {
	case model.RevokeToken: // as a whole
		return append(list, Entry{KindToken, e.row.Key, until, until}), nil
	case model.RevokeGrant: // it has ended
		return append(list, Entry{KindGrant, e.row.Key, until, until}), nil
	case model.RevokeGrantTokens:
		return append(list, Entry{KindGrant, e.row.Key, e.row.Before, until}), nil
	case model.RevokeApplication:
		return append(list, Entry{KindClient, e.row.Key, e.row.Before, until}), nil
	case model.RevokeRealm:
		return append(list, Entry{KindRealm, site.Issuer, e.row.Before, until}), nil
	case model.RevokeIdentity:
		names, err := f.names(ctx, site, e)
		for _, name := range names {
			list = append(list, Entry{KindSubject, name, e.row.Before, until})
		}
		return list, err
	}
	return list, nil // of another release of the server, which tells it
}

// names are those of an identity. They are found once for each entry: a name
// that comes into use later is in tokens of later alone.
func (f *Feed) names(ctx context.Context, site *model.Site, e *entry) ([]string, error) {
	e.naming.Lock()
	defer e.naming.Unlock()
	if e.names != nil {
		return e.names, nil
	}
	var err error
	// One reader's cancelled request must not fail the others'.
	e.names, err = f.cfg.Names.SubjectNames(context.WithoutCancel(ctx), site, model.IdentityID(e.row.Key))
	return e.names, err
}
