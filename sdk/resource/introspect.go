package resource

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/assent-id/assent/sdk/internal/jws"
)

const (
	maxAsked   = 10_000           // tokens that are remembered, of each kind
	askedGood  = 60 * time.Second // and for how long, at most until they expire
	askedBad   = 5 * time.Second
	askTimeout = 5 * time.Second

	maxAskingNow = 64    // introspections under way, of each kind
	maxStrangers = 1_000 // tokens never seen that wait for that

	// opaquePrefix begins the access tokens that are references (RFC 6750, Section
	// 5.2): only the issuer knows what they mean. 256 random bits follow.
	opaquePrefix = "at_"
	opaqueBits   = 256
)

// isOpaque reports whether the issuer may have made that reference: whatever else
// is none, and nobody is asked about it.
func isOpaque(raw string) bool {
	text, ok := strings.CutPrefix(raw, opaquePrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(opaqueBits/8) {
		return false
	}
	var room [opaqueBits / 8]byte
	bits, err := jws.AppendDecoded(room[:0], []byte(text))
	return err == nil && len(bits) == len(room)
}

// opaque finds out what a reference says. asked: the issuer said it for this
// request.
func (s *Server) opaque(ctx context.Context, raw string) (t *Token, asked bool, refusal *Refusal) {
	switch {
	case s.feed == nil || s.cfg.TokenFormat == JWTOnly:
		return nil, false, bad("", "opaque tokens are not taken here")
	case !isOpaque(raw):
		return nil, false, bad("", "the token is malformed")
	}
	return s.asked.token(ctx, raw)
}

type digest = [sha256.Size]byte

// asked are the answers of the issuer to what tokens mean (RFC 7662). A good one
// is kept for a minute while the feed tells what is revoked, because then its
// claims are worth as much as those of a JWT; a bad one for some seconds, so that
// the same bad token is not asked about again and again.
//
// Each kind of question has its own places at the issuer: whoever makes tokens up
// takes none from those whose token was good before, or whose signature holds.
type asked struct {
	s         *Server
	strangers slots
	known     slots // tokens that were good before
	signed    slots // JWTs, while the feed is lost

	mu      sync.Mutex
	good    map[digest]goodAnswer
	bad     map[digest]time.Time // until when
	flights map[digest]*flight
	waiting int // flights of strangers
}

// slots bound how many introspections of one kind are under way.
type slots chan struct{}

type goodAnswer struct {
	t     *Token
	until time.Time
}

// A flight is one introspection for all who ask about the same token.
type flight struct {
	done     chan struct{}
	stranger bool // the token was never good
	t        *Token
	refusal  *Refusal
}

func newAsked(s *Server) *asked {
	return &asked{s: s, strangers: make(slots, maxAskingNow), known: make(slots, maxAskingNow), signed: make(slots, maxAskingNow),
		good: map[digest]goodAnswer{}, bad: map[digest]time.Time{}, flights: map[digest]*flight{}}
}

// token is what an opaque token means. While the feed is lost the issuer is asked
// each time, except about what was no good a moment ago: it never gets better.
func (a *asked) token(ctx context.Context, raw string) (t *Token, asked bool, refusal *Refusal) {
	fresh := a.s.feed.fresh()
	if !fresh && a.s.cfg.Lost == Refuse {
		return nil, false, later("revoked tokens cannot be told from others now", ErrFeedLost)
	}
	key := sha256.Sum256([]byte(raw))
	a.mu.Lock()
	now := time.Now()
	known, seen := a.good[key]
	switch {
	case fresh && seen && now.Before(known.until):
		a.mu.Unlock()
		return known.t, false, nil
	case now.Before(a.bad[key]):
		a.mu.Unlock()
		return nil, false, inactive()
	}
	f, under := a.flights[key]
	own := !under || !fresh // what began earlier is too old while the feed is lost
	if own {
		if !seen && a.waiting >= maxStrangers {
			a.mu.Unlock()
			return nil, false, later("too many tokens are asked about", nil)
		}
		f = &flight{done: make(chan struct{}), stranger: !seen}
		a.board(f, key, raw)
	}
	a.mu.Unlock()
	select {
	case <-f.done:
		return f.t, own, f.refusal.copy()
	case <-ctx.Done():
		return nil, false, later("the issuer was not asked to the end", ctx.Err())
	}
}

// board starts a flight; a.mu is held.
func (a *asked) board(f *flight, key digest, raw string) {
	a.flights[key] = f
	if f.stranger {
		a.waiting++
	}
	go a.fly(f, key, raw)
}

// fly asks for all who wait: the end of one request ends it for nobody.
func (a *asked) fly(f *flight, key digest, raw string) {
	at := a.known
	if f.stranger {
		at = a.strangers
	}
	f.t, f.refusal = a.issuer(a.s.life, at, raw)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flights[key] == f {
		delete(a.flights, key)
	}
	if f.stranger {
		a.waiting--
	}
	now := time.Now()
	switch {
	case f.refusal == nil:
		makeRoom(a.good)
		a.good[key] = goodAnswer{f.t, now.Add(askedGood)}
	case f.refusal.RetryAfter == 0:
		delete(a.good, key)
		makeRoom(a.bad)
		a.bad[key] = now.Add(askedBad)
	}
	close(f.done)
}

// makeRoom drops any one: what is missing is asked again.
func makeRoom[V any](m map[digest]V) {
	if len(m) < maxAsked {
		return
	}
	for key := range m {
		delete(m, key)
		return
	}
}

func inactive() *Refusal { return bad("", "the token is not active") }

// issuer asks, whatever is remembered.
func (a *asked) issuer(ctx context.Context, at slots, raw string) (*Token, *Refusal) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case at <- struct{}{}:
		defer func() { <-at }()
	case <-ctx.Done():
		return nil, later("too many tokens are asked about", ctx.Err())
	}
	answer, err := a.s.client.Introspect(ctx, raw)
	if err != nil {
		return nil, later("the issuer does not answer", err)
	}
	w := a.s.scratch()
	defer a.s.release(w)
	t := new(Token)
	err = w.payload.read(t, string(answer))
	switch {
	case !w.payload.active:
		return nil, inactive()
	case errors.Is(err, errClaims):
		return nil, bad("", "the token is no access token")
	case err != nil:
		return nil, later("the issuer's answer is malformed", err)
	}
	return t, nil
}
