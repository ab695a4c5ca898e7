package application

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

// Clients that register by publishing (OAuth Client ID Metadata Document): the
// client id is a URL, and the document there says what the client is. Each
// document that was ever taken has a row like any other application, so that an
// operator can stop it and grants can hang under it; the document is asked for
// again when its HTTP lifetime is over.

const (
	documentBytes   = 5 << 10         // Section 8.7
	documentTimeout = 5 * time.Second // of the whole fetch
	documentRetry   = 10 * time.Second
	// documentGrace is how long a client that is known lives on while its document
	// cannot be fetched for a reason that may pass.
	documentGrace = 24 * time.Hour

	maxSightings   = 50_000
	maxNewAtOnce   = 32 // fetches of documents that nobody saw before; half of what the fetcher does at once
	maxKnownSource = 10_000
)

// documentLifetimes bound what the answer says of itself (Section 5.2).
var documentLifetimes = fetch.Lifetimes{Least: time.Minute, Most: 24 * time.Hour, Otherwise: 5 * time.Minute}

// newDocuments is how many documents that nobody saw before are fetched from
// one host: this server must not be a way to make others busy.
var newDocuments = limit.Rate{Every: 2 * time.Second, Burst: 30}

// discoveries is how many rows of them a realm gets, which anybody can make it
// keep, and changes is how many of their changes are noted in the audit trail.
// Clients that are known are not held up by either.
var (
	discoveries = limit.Rate{Every: 10 * time.Second, Burst: 100}
	changes     = limit.Rate{Every: time.Second, Burst: 60}
)

// documents is what this node knows of metadata documents, beside their rows.
type documents struct {
	mu     sync.Mutex
	seen   map[string]sighting // by realm id "/" URL
	flight singleflight.Group
	hosts  *limit.Keyed
	slots  *limit.Slots

	realms, noted *limit.Keyed // by realm
}

// A sighting is how the last fetch of a document went.
type sighting struct {
	again   time.Time // it is not asked for before
	refused bool      // there is none, or a wrong one
	failing time.Time // since when it cannot be fetched; zero: it can
}

// freshAt reports whether a document was taken that is still fresh.
func (s sighting) freshAt(now time.Time) bool { return now.Before(s.again) && s.failing.IsZero() }

func newDocumentsMemory() *documents {
	return &documents{seen: map[string]sighting{}, hosts: limit.NewKeyed(newDocuments, maxKnownSource), slots: limit.NewSlots(maxNewAtOnce),
		realms: limit.NewKeyed(discoveries, maxKnownSource), noted: limit.NewKeyed(changes, maxKnownSource)}
}

func (d *documents) look(key string) sighting {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[key]
}

func (d *documents) remember(key string, s sighting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.seen) >= maxSightings {
		clear(d.seen)
	}
	d.seen[key] = s
}

// document finds the client at a URL. It asks the URL when nothing fresh is
// known of it, and never on each request.
func (s *Service) document(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error) {
	key := string(site.Realm.ID) + "/" + string(id)
	known, err := s.row(ctx, key)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, err
	}
	if known != nil && (known.Status != model.ApplicationActive || known.Settings.Origin != model.OriginDocument) {
		return known, nil // the operator's word comes before the document's (Section 7.2)
	}
	host, err := s.admitDocument(site, id)
	if err != nil {
		return nil, unknownDocument(err)
	}
	now := s.cfg.Now()
	switch last := s.documents.look(key); {
	case !now.Before(last.again):
	case last.refused, known == nil && !last.failing.IsZero():
		return nil, unknownDocument(errors.New("its document was not to be had a moment ago"))
	case known != nil:
		return known, nil
	}
	return s.fetchDocument(ctx, documentRequest{key, host, site.Realm.ID, id, known, model.MillisOf(now)})
}

// admitDocument decides before anything is asked whether a document at that URL
// would be taken.
func (s *Service) admitDocument(site *model.Site, id model.ClientID) (host string, err error) {
	host, err = documentHost(id)
	switch {
	case err != nil:
		return "", err
	case s.cfg.Fetch == nil || !site.Realm.Policy.TakesDocuments():
		return "", errors.New("the realm takes no documents")
	case !s.cfg.Fetch.Allows(string(id)):
		return "", errors.New("the URL may not be fetched")
	case !site.Realm.Policy.CIMD.Admits(host):
		return "", errors.New("the realm takes no documents of that host")
	}
	return host, nil
}

// unknownDocument: whoever has no good document is no client. The reason is for
// the log.
func unknownDocument(reason error) error {
	return fmt.Errorf("client id metadata document: %w: %w", reason, model.ErrNotFound)
}

// row is what the database says, from memory where that may be believed.
func (s *Service) row(ctx context.Context, key string) (*model.Client, error) {
	if s.cfg.Trusted != nil && !s.cfg.Trusted() {
		return s.load(ctx, key)
	}
	return s.cache.Get(ctx, key)
}

type documentRequest struct {
	key, host string
	realm     model.RealmID
	id        model.ClientID
	known     *model.Client // nil: there is no row
	at        model.Millis
}

// fetchDocument asks the URL once for all who wait, whoever of them gives up.
func (s *Service) fetchDocument(ctx context.Context, r documentRequest) (*model.Client, error) {
	landed := s.documents.flight.DoChan(r.key, func() (any, error) { return s.renewDocument(context.WithoutCancel(ctx), r) })
	select {
	case got := <-landed:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.(*model.Client), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a client id metadata document: %w", ctx.Err())
	}
}

func (s *Service) renewDocument(ctx context.Context, r documentRequest) (client *model.Client, err error) {
	if s.documents.look(r.key).freshAt(s.cfg.Now()) { // another flight has just landed
		if known, err := s.row(ctx, r.key); err == nil {
			return known, nil
		}
	}
	if r.known == nil {
		give, err := s.documents.admitNew(r, s.cfg.Now())
		if err != nil {
			return nil, unknownDocument(err)
		}
		defer func() { give(client != nil) }()
	}
	res, err := s.cfg.Fetch.Get(ctx, string(r.id), fetch.Limits{Bytes: documentBytes, Timeout: documentTimeout, Accept: "application/json"})
	if err != nil {
		return s.withoutDocument(ctx, r, err)
	}
	d, err := s.readDocument(ctx, r, res)
	if err != nil {
		return s.withoutDocument(ctx, r, err)
	}
	if client, err = s.adopt(ctx, r, d); err != nil {
		return nil, err
	}
	s.documents.remember(r.key, sighting{again: res.FreshUntil(documentLifetimes)})
	return client, nil
}

// admitNew bounds what strangers can make this node ask for, and keep. give ends
// it and says whether there is a row now: nothing else counts for the realm.
func (d *documents) admitNew(r documentRequest, now time.Time) (give func(kept bool), err error) {
	if _, ok := d.hosts.Allow(strings.ToLower(r.host), now); !ok {
		return nil, errors.New("too many new documents of one host")
	}
	leave, ok := d.slots.Take("")
	if !ok {
		return nil, errors.New("too many new documents at once")
	}
	realm := string(r.realm)
	if _, ok := d.realms.Allow(realm, now); !ok {
		leave()
		return nil, errors.New("too many new documents in one realm")
	}
	return func(kept bool) {
		leave()
		if !kept {
			d.realms.Return(realm)
		}
	}, nil
}

func (s *Service) readDocument(ctx context.Context, r documentRequest, res *fetch.Response) (document, error) {
	// Section 4: 200 and nothing else.
	if res.Status != http.StatusOK || !res.JSON() {
		return document{}, fmt.Errorf("%w: the answer is not JSON with status 200", ErrInvalid)
	}
	d, err := parseDocument(r, res.Body, s.cfg.Fetch.Allows)
	if err != nil {
		return document{}, err
	}
	return d, s.checkSector(ctx, &d.Settings)
}

// withoutDocument decides on a client whose document was not to be had. Neither
// errors nor wrong documents are kept in place of a document (Section 5.2); the
// pause before the next try protects the other side.
func (s *Service) withoutDocument(ctx context.Context, r documentRequest, reason error) (*model.Client, error) {
	now := s.cfg.Now()
	last := s.documents.look(r.key)
	next := sighting{again: now.Add(documentRetry), refused: true, failing: last.failing}
	if next.failing.IsZero() {
		next.failing = now
	}
	if e, ok := errors.AsType[*fetch.Error](reason); ok && e.Passing() && !last.refused && now.Sub(next.failing) < documentGrace {
		next.refused = false
	}
	s.documents.remember(r.key, next)
	s.cfg.Log.InfoContext(ctx, "a client id metadata document was not taken", "host", r.host, "reason", reason)
	if r.known != nil && !next.refused {
		return s.row(ctx, r.key) // as it is by now
	}
	return nil, unknownDocument(reason)
}
