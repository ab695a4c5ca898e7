package revocation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// A Page is what a reader has not seen, or the next part of it.
type Page struct {
	Entries  []Entry `json:"revocations"`
	Cursor   string  `json:"cursor"`
	Complete bool    `json:"complete"`       // everything that there is, not only what came since a cursor
	More     bool    `json:"more,omitempty"` // this is not the end of it: the rest comes after the cursor
}

// News reports whether the page says anything that the reader did not know.
func (p Page) News() bool { return p.Complete || p.More || len(p.Entries) > 0 }

// Names knows under which names an identity is the subject of tokens, and for which
// resource servers, by their identifiers, the tokens with each name are; nil: all.
type Names interface {
	SubjectNames(ctx context.Context, site *model.Site, id model.IdentityID) (map[string][]string, error)
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
	// PageSize is how many entries a page has at most, or, where one person has more
	// names, those of one person. Default 10,000.
	PageSize int
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
	if cfg.PageSize == 0 {
		cfg.PageSize = 10_000
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
	// Resources are the resource servers for which its client acts. Of a person it is
	// told the names that are in tokens for them.
	Resources []string
	// RealmAlone: it is told of the realm itself and nothing else.
	RealmAlone bool
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
	page, err := f.page(ctx, &q, f.cfg.Memory.since(&q, model.MillisOf(f.cfg.Now()), f.cfg.PageSize+1))
	if err != nil {
		return Page{}, err
	}
	if !f.cfg.Trusted() { // it took too long
		return Page{}, ErrUnsure
	}
	return page, nil
}

// A reading is what a reader has not seen, or the beginning of that.
type reading struct {
	known    cursor
	news     []*entry
	end      place // where the reader is when it has seen all of it
	complete bool
}

// since lists what came after the place at which a reader was in the journal, or
// everything if it was not in it; as many entries as that.
func (m *Memory) since(q *Query, now model.Millis, most int) reading {
	j := m.journal(q.Site.Realm.ID)
	journal := j.nameFor(q)
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := reading{known: parseCursor(q.Since), end: place{journal, j.last}}
	at, ok := r.known.in(journal, j.last)
	if r.complete = !ok || q.Whole && at < j.last; r.complete {
		at = 0
	}
	r.news = j.after(at, most, func(e *entry) bool {
		return now < e.until() && (!q.RealmAlone || e.row.Kind == model.RevokeRealm)
	})
	if len(r.news) == most {
		r.end.at = r.news[most-1].at
	}
	return r
}

// page writes a reading down, and what is too much, or takes too long, not any more.
func (f *Feed) page(ctx context.Context, q *Query, r reading) (Page, error) {
	page, end, began := Page{Entries: []Entry{}, Complete: r.complete, More: len(r.news) > f.cfg.PageSize}, r.end, time.Now()
	for i, e := range r.news {
		some, err := f.entries(ctx, q, e)
		if err != nil {
			return Page{}, err
		}
		if i > 0 && (len(page.Entries)+len(some) > f.cfg.PageSize || time.Since(began) > readWithin) {
			page.More, end.at = true, r.news[i-1].at
			break
		}
		page.Entries = append(page.Entries, some...)
	}
	page.Cursor = r.known.with(end).String()
	// The names of one person came together. They are told in an order that says
	// nothing of that.
	slices.SortFunc(page.Entries, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Before, b.Before), cmp.Compare(a.ID, b.ID)) })
	return page, nil
}

// entries are what a revocation is in tokens that the reader may see.
func (f *Feed) entries(ctx context.Context, q *Query, e *entry) ([]Entry, error) {
	until := e.until()
	switch e.row.Kind {
	case model.RevokeToken: // as a whole
		return []Entry{{KindToken, e.row.Key, until, until}}, nil
	case model.RevokeGrant: // it has ended
		return []Entry{{KindGrant, e.row.Key, until, until}}, nil
	case model.RevokeGrantTokens:
		return []Entry{{KindGrant, e.row.Key, e.row.Before, until}}, nil
	case model.RevokeApplication:
		return []Entry{{KindClient, e.row.Key, e.row.Before, until}}, nil
	case model.RevokeRealm:
		return []Entry{{KindRealm, q.Site.Issuer, e.row.Before, until}}, nil
	case model.RevokeIdentity:
		names, err := f.names(ctx, q.Site, e)
		var list []Entry
		for name, resources := range names {
			if resources == nil || meet(resources, q.Resources) {
				list = append(list, Entry{KindSubject, name, e.row.Before, until})
			}
		}
		return list, err
	}
	return nil, nil // of another release of the server, which tells it
}

func meet(some, others []string) bool {
	return slices.ContainsFunc(some, func(a string) bool {
		return slices.ContainsFunc(others, func(b string) bool { return model.SameResource(a, b) })
	})
}

// names are those of an identity. They are found once for each entry: a name
// that comes into use later is in tokens of later alone.
func (f *Feed) names(ctx context.Context, site *model.Site, e *entry) (subjects, error) {
	// One reader's cancelled request must not fail the others'.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
	defer cancel()
	if err := take(ctx, e.naming); err != nil {
		return nil, late(ctx, fmt.Errorf("names of %s: %w", e.row.Key, err))
	}
	if e.names != nil {
		defer func() { <-e.naming }()
		return e.names, nil
	}
	// What is read on the way is also read for others, who wait longer.
	type answer struct {
		names subjects
		err   error
	}
	found := make(chan answer, 1)
	go func() {
		defer func() { <-e.naming }()
		names, err := f.cfg.Names.SubjectNames(ctx, site, model.IdentityID(e.row.Key))
		if err == nil {
			e.names = names
		}
		found <- answer{names, err}
	}()
	var got answer
	select {
	case got = <-found:
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	if got.err != nil {
		return nil, late(ctx, fmt.Errorf("names of %s: %w", e.row.Key, got.err))
	}
	return got.names, nil
}
