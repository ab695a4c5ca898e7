package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	callTimeout = 10 * time.Second
	maxDocument = 1 << 20 // bytes of discovery and keys
)

// places are what this package needs of the discovery document (OpenID Connect
// Discovery 1.0, Section 3).
type places struct {
	Issuer string `json:"issuer"`
	JWKS   string `json:"jwks_uri"`
	Feed   string `json:"revocation_feed_endpoint"`
	// Approvals are the scopes that need an approval each time.
	Approvals []string `json:"approval_scopes_supported"`
}

func (s *Server) discover(ctx context.Context) (places, error) {
	var p places
	body, err := s.fetch(ctx, s.cfg.Issuer+"/.well-known/openid-configuration")
	if err != nil {
		return p, fmt.Errorf("discovery: %w", err)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("discovery: %w", err)
	}
	switch {
	case p.Issuer != s.cfg.Issuer: // OpenID Connect Discovery 1.0, Section 4.3: exactly equal.
		return p, fmt.Errorf("discovery: the document is of issuer %q", p.Issuer)
	case !sameOrigin(p.Issuer, p.JWKS):
		return p, fmt.Errorf("discovery: jwks_uri %q is not on the issuer's origin", p.JWKS)
	case s.feed != nil && !sameOrigin(p.Issuer, p.Feed): // credentials go there
		return p, fmt.Errorf("discovery: revocation_feed_endpoint %q is not on the issuer's origin", p.Feed)
	}
	return p, nil
}

func sameOrigin(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Scheme == ub.Scheme && ua.Host == ub.Host && ub.User == nil
}

// fetch reads a public document of the issuer.
func (s *Server) fetch(ctx context.Context, target string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	resp, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: HTTP status %d", target, resp.StatusCode)
	}
	return readAll(resp.Body, maxDocument)
}

var errLong = errors.New("the answer is too long")

func readAll(from io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errLong
	}
	return body, err
}

// A backoff is the growing pause between attempts to reach the issuer.
type backoff struct{ last time.Duration }

// sleep pauses, at most that long, and reports whether ctx still lasts.
func (b *backoff) sleep(ctx context.Context, longest time.Duration) bool {
	b.last = min(max(2*b.last, firstPause), longest)
	pause := b.last/2 + rand.N(b.last/2+1) //nolint:gosec // jitter, so that many APIs do not come back at once
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}
