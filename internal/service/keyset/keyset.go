// Package keyset keeps the key sets that others publish: those of clients that
// registered a jwks_uri, and those of trusted issuers.
//
// A set is fetched when it is first needed, again when its HTTP lifetime is
// over, and again when a key comes that is not in it, because that is how a key
// is changed (OpenID Connect Core 1.0, Section 10.1.1). Whoever names unknown
// keys can cause one fetch in half a minute and no more. If this package is
// wrong, a key that its owner withdrew is still believed, or strangers make this
// server ask others all day.
package keyset

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/jose"
)

// Limits on sets and on how often they are fetched.
const (
	maxBytes = 64 << 10
	maxKeys  = 64
	maxSets  = 10_000
	maxAll   = 10_000 // keys of all sets together

	pause = 30 * time.Second // between two fetches for unknown keys, and after a failure
	// keep is how long a set may be used after it was fetched, whatever happened
	// to its publisher since.
	keep = 24 * time.Hour
)

// lifetimes bound what the answer itself says.
var lifetimes = fetch.Lifetimes{Least: 5 * time.Minute, Most: keep, Otherwise: 5 * time.Minute}

// A Fetcher gets what a URL stands for.
type Fetcher interface {
	Get(ctx context.Context, url string, limits fetch.Limits) (*fetch.Response, error)
}

// Config is what Sets need.
type Config struct {
	Fetch Fetcher
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
}

// Sets are the key sets that this node has seen.
type Sets struct {
	cfg  Config
	mu   sync.Mutex
	sets map[string]*set // by URL
	keys int             // in all sets
}

// New makes empty Sets.
func New(cfg Config) *Sets {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Sets{cfg: cfg, sets: map[string]*set{}}
}

// Find finds a key in the set at a URL: the one that kid names, or the only one
// if none is named. alg is the algorithm that the key must be for, as the
// caller's own record says; empty: that of the key. The key is nil if there is
// none, also while the set cannot be fetched. The error is that of the context.
func (s *Sets) Find(ctx context.Context, url, kid, alg string) (*jose.PublicKey, error) {
	return s.want(ctx, url, wanted{kid: kid, alg: jose.Alg(alg)})
}

// FindThumbprint finds the key with that thumbprint (RFC 7638), as Find does.
func (s *Sets) FindThumbprint(ctx context.Context, url, thumbprint string) (*jose.PublicKey, error) {
	return s.want(ctx, url, wanted{thumbprint: thumbprint})
}

func (s *Sets) want(ctx context.Context, url string, w wanted) (*jose.PublicKey, error) {
	set := s.at(url)
	key, flight := set.look(w, s.cfg.Now(), func() { s.load(context.WithoutCancel(ctx), url, set) })
	if flight == nil {
		return key, nil
	}
	select {
	case <-flight:
		return set.find(w, s.cfg.Now()), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a key set: %w", ctx.Err())
	}
}

func (s *Sets) at(url string) *set {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.sets[url]
	if known == nil {
		if len(s.sets) >= maxSets {
			s.forget()
		}
		known = &set{}
		s.sets[url] = known
	}
	return known
}

// forget makes room. Who waits for a set still gets it.
func (s *Sets) forget() {
	clear(s.sets)
	s.keys = 0
}

// weigh counts keys that came and went.
func (s *Sets) weigh(url string, set *set, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sets[url] != set {
		return
	}
	if s.keys += more; s.keys > maxAll {
		s.forget()
	}
}

// load fetches a set and lands its flight. What was known stays where the fetch
// fails or brings no set.
func (s *Sets) load(ctx context.Context, url string, set *set) {
	keys, until, err := s.fetch(ctx, url)
	if err != nil {
		s.cfg.Log.InfoContext(ctx, "a key set could not be taken", "error", err)
	}
	s.weigh(url, set, set.land(keys, until, s.cfg.Now(), err))
}

func (s *Sets) fetch(ctx context.Context, url string) ([]*jose.PublicKey, time.Time, error) {
	res, err := s.cfg.Fetch.Get(ctx, url, fetch.Limits{Bytes: maxBytes, Accept: "application/jwk-set+json, application/json"})
	if err != nil {
		return nil, time.Time{}, err
	}
	keys, err := jose.ParseSet(res.Body)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("parse key set: %w", err)
	}
	if len(keys) > maxKeys {
		return nil, time.Time{}, fmt.Errorf("key set of more than %d keys", maxKeys)
	}
	return keys, res.FreshUntil(lifetimes), nil
}
