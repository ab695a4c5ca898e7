package resource

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

const (
	maxAsked     = 10_000           // tokens that are remembered, of each kind
	askedGood    = 60 * time.Second // and for how long, at most until they expire
	askedBad     = 5 * time.Second
	askTimeout   = 5 * time.Second
	maxAskingNow = 64 // introspections under way
)

type digest = [sha256.Size]byte

// asked are the answers of the issuer to what tokens mean (RFC 7662). A good one
// is kept for a minute while the feed tells what is revoked, because then its
// claims are worth as much as those of a JWT; a bad one for some seconds, so that
// the same bad token is not asked about again and again.
type asked struct {
	s     *Server
	slots chan struct{}

	mu      sync.Mutex
	good    map[digest]goodAnswer
	bad     map[digest]time.Time // until when
	flights map[digest]*flight
}

type goodAnswer struct {
	t     *Token
	until time.Time
}

// A flight is one introspection for all who ask about the same token.
type flight struct {
	done    chan struct{}
	t       *Token
	refusal *Refusal
}

func newAsked(s *Server) *asked {
	return &asked{s: s, slots: make(chan struct{}, maxAskingNow), good: map[digest]goodAnswer{}, bad: map[digest]time.Time{},
		flights: map[digest]*flight{}}
}

// token is what an opaque token means.
func (a *asked) token(ctx context.Context, raw string) (*Token, *Refusal) {
	if a.s.feed == nil {
		return nil, bad("", "opaque tokens are not taken here")
	}
	if !a.s.feed.fresh() {
		if a.s.cfg.Lost == Refuse {
			return nil, later("revoked tokens cannot be told from others now", ErrFeedLost)
		}
		return a.issuer(ctx, raw)
	}
	key := sha256.Sum256([]byte(raw))
	a.mu.Lock()
	now := time.Now()
	if known, ok := a.good[key]; ok && now.Before(known.until) {
		a.mu.Unlock()
		return known.t, nil
	}
	if now.Before(a.bad[key]) {
		a.mu.Unlock()
		return nil, inactive()
	}
	f, under := a.flights[key]
	if !under {
		f = &flight{done: make(chan struct{})}
		a.flights[key] = f
		go a.fly(f, key, raw)
	}
	a.mu.Unlock()
	select {
	case <-f.done:
		return f.t, f.refusal.copy()
	case <-ctx.Done():
		return nil, later("the issuer was not asked to the end", ctx.Err())
	}
}

// fly asks for all who wait: the end of one request ends it for nobody.
func (a *asked) fly(f *flight, key digest, raw string) {
	f.t, f.refusal = a.issuer(a.s.life, raw)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.flights, key)
	now := time.Now()
	switch {
	case f.refusal == nil:
		makeRoom(a.good)
		a.good[key] = goodAnswer{f.t, now.Add(askedGood)}
	case f.refusal.RetryAfter == 0:
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
func (a *asked) issuer(ctx context.Context, raw string) (*Token, *Refusal) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
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
