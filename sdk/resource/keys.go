package resource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/sdk/internal/jws"
	"github.com/assent-id/assent/sdk/internal/strictjson"
)

const (
	keysEvery = 5 * time.Minute  // background refresh
	keysPause = 10 * time.Second // between refreshes that unknown key ids cause
	keysWait  = 2 * time.Second  // how long a request waits for one

	maxKeys    = 1000
	maxKeyID   = 256 // bytes
	maxHeaders = 64  // raw headers whose meaning is kept
)

// A keySet are the issuer's keys as they were at one moment.
type keySet struct {
	byID map[string]jws.Key
	// headers maps raw header segments, of tokens whose signature held, to their
	// keys: the issuer writes the same header again and again. The map is replaced,
	// never changed.
	headers atomic.Pointer[map[string]jws.Key]
	mu      sync.Mutex
}

func (k *keySet) header(raw []byte) (jws.Key, bool) {
	key, ok := (*k.headers.Load())[string(raw)]
	return key, ok
}

// remember is called for headers under which a signature held, so that nobody but
// the issuer fills the map.
func (k *keySet) remember(raw []byte, key jws.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := *k.headers.Load()
	if len(old) >= maxHeaders {
		return
	}
	grown := maps.Clone(old)
	grown[string(raw)] = key
	k.headers.Store(&grown)
}

// parseKeys reads a JWK set (RFC 7517, Section 5). Keys that are not for
// signatures, have no kid, are malformed or of kinds unknown here are passed over;
// equal kids are refused.
func parseKeys(text string, algs []string) (*keySet, error) {
	var r strictjson.Reader
	members, err := r.Object(text)
	if err != nil {
		return nil, fmt.Errorf("JWK set: %w", err)
	}
	set := &keySet{byID: map[string]jws.Key{}}
	set.headers.Store(&map[string]jws.Key{})
	var list string
	for _, m := range members {
		if m.Name == "keys" {
			list = m.Value
		}
	}
	seen := map[string]bool{}
	if !strictjson.Items(list, func(item string) bool { return len(seen) < maxKeys && set.add(item, seen, algs) }) {
		return nil, errors.New("JWK set: keys is no array, too long, or has equal kids")
	}
	return set, nil
}

func (k *keySet) add(item string, seen map[string]bool, algs []string) bool {
	var r strictjson.Reader
	members, err := r.Object(item)
	if err != nil {
		return false
	}
	member := jwkMember(members)
	kid, _ := member("kid")
	use, hasUse := member("use")
	if kid == "" || len(kid) > maxKeyID || hasUse && use != "sig" {
		return true
	}
	if seen[kid] {
		return false
	}
	seen[kid] = true
	key, err := jws.Parse(member)
	if err == nil && key.Public != nil && slices.ContainsFunc(algs, key.Named) {
		k.byID[kid] = key
	}
	return true
}

func jwkMember(members []strictjson.Member) jws.Member {
	return func(name string) (string, bool) {
		for _, m := range members {
			if m.Name == name {
				text, _ := strictjson.Text(m.Value)
				return text, true
			}
		}
		return "", false
	}
}

// A keyring is the issuer's keys, kept up to date.
type keyring struct {
	s   *Server
	set atomic.Pointer[keySet] // nil until they have been read

	mu     sync.Mutex
	url    string
	tried  time.Time     // when an unknown key id last caused a refresh in vain
	flight chan struct{} // closed when the refresh that is under way has ended; nil: none is
	failed error         // of the last refresh that an unknown key id caused
}

func newKeyring(s *Server) *keyring { return &keyring{s: s} }

func (k *keyring) at(url string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.url = url
}

// refresh reads the keys.
func (k *keyring) refresh(ctx context.Context) error {
	k.mu.Lock()
	url := k.url
	k.mu.Unlock()
	body, err := k.s.fetch(ctx, url)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	set, err := parseKeys(string(body), k.s.cfg.Algs)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	k.set.Store(set)
	return nil
}

// keepFresh reads the issuer's documents again and again. While that fails the old
// ones serve.
func (k *keyring) keepFresh(ctx context.Context) {
	t := time.NewTicker(keysEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := k.again(ctx); err != nil && ctx.Err() == nil {
			k.s.cfg.Logger.Warn("the issuer's metadata and keys could not be read again", "issuer", k.s.cfg.Issuer, "error", err)
		}
	}
}

func (k *keyring) again(ctx context.Context) error {
	at, err := k.s.discover(ctx)
	if err == nil {
		k.s.learn(at)
	}
	return errors.Join(err, k.refresh(ctx))
}

// byID finds a key. One that is unknown causes a refresh, for all who ask for one
// meanwhile. After a refresh that did not bring it the next comes only after
// [keysPause]: made-up ids must not turn into requests, and an issuer that makes
// several new keys at once is no stranger.
func (k *keyring) byID(ctx context.Context, kid string) (*keySet, jws.Key, *Refusal) {
	set := k.set.Load()
	if key, ok := set.byID[kid]; ok {
		return set, key, nil
	}
	err := k.refreshOnce(ctx)
	set = k.set.Load()
	key, ok := set.byID[kid]
	switch {
	case ok:
		k.worthwhile()
		return set, key, nil
	case err != nil:
		return nil, key, later("the issuer's keys cannot be read", err)
	}
	return nil, key, bad("", "the token is signed with a key that the issuer does not have")
}

// worthwhile notes that the last refresh was none that a stranger caused.
func (k *keyring) worthwhile() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = time.Time{}
}

func (k *keyring) refreshOnce(ctx context.Context) error {
	k.mu.Lock()
	flight := k.flight
	if flight == nil {
		if !k.tried.IsZero() && time.Since(k.tried) < keysPause {
			defer k.mu.Unlock()
			return k.failed
		}
		flight = make(chan struct{})
		k.tried, k.flight = time.Now(), flight
		go k.fly(flight)
	}
	k.mu.Unlock()
	t := time.NewTimer(keysWait)
	defer t.Stop()
	select {
	case <-flight:
	case <-t.C:
		return errors.New("no answer in time")
	case <-ctx.Done():
		return ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed
}

// fly refreshes for all who wait: the end of one request ends it for nobody.
func (k *keyring) fly(flight chan struct{}) {
	err := k.refresh(k.s.life)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed, k.flight = err, nil
	close(flight)
}
