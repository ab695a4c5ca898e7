package resource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/internal/outgoing"
)

// A Server verifies the tokens of one API. It is safe for concurrent use.
type Server struct {
	cfg       Config
	http      *http.Client
	client    *assent.Client
	keys      *keyring
	feed      *feed // nil: Unrevocable
	asked     *asked
	proofs    spent
	nonces    nonces
	approvals approvals
	pool      sync.Pool // of *scratch

	life  context.Context // of what goes on in the background
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	trouble error         // why the issuer's documents or the feed are not there
	ready   chan struct{} // closed when both have been
}

// New checks the configuration and returns at once; what comes from the issuer is
// fetched in the background, until ctx ends or Close is called. Requests that come
// before the keys are there are answered with 503; [Server.Ready] waits.
func New(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	client, err := assent.NewClient(ctx, cfg.client())
	if err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	s := &Server{cfg: cfg, http: outgoing.WithoutRedirects(cfg.HTTPClient), client: client, ready: make(chan struct{})}
	s.pool.New = func() any { return new(scratch) }
	s.asked = newAsked(s)
	s.nonces = nonces{key: cfg.NonceKey}
	if !cfg.Unrevocable {
		s.feed = newFeed(cfg)
	}
	s.life, s.stop = context.WithCancel(ctx)
	s.keys = newKeyring(s)
	s.tasks.Go(func() { s.run(s.life) })
	return s, nil
}

// Close ends what goes on in the background, and waits for its end.
func (s *Server) Close() {
	s.stop()
	s.tasks.Wait()
}

// Metadata are those of the configuration, completed: for [Metadata.Handler].
func (s *Server) Metadata() Metadata { return s.cfg.Metadata }

// Ready waits until the keys and the revocation feed are there. The error is that
// of ctx, with what is in the way.
func (s *Server) Ready(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != nil {
		return fmt.Errorf("resource: not ready: %w: %w", ctx.Err(), s.trouble)
	}
	return fmt.Errorf("resource: not ready: %w", ctx.Err())
}

// ErrFeedLost: the revocation feed has not been heard for longer than
// [Config.MaxStale].
var ErrFeedLost = errors.New("resource: the revocation feed is lost")

// Health is for readiness probes: nil when tokens are verified with everything
// that it takes, [ErrFeedLost] while they are treated as [Config.Lost] says.
func (s *Server) Health() error {
	select {
	case <-s.ready:
	default:
		return errors.New("resource: the issuer has not answered yet")
	}
	if s.feed != nil && !s.feed.fresh() {
		return ErrFeedLost
	}
	return nil
}

// run fetches what comes from the issuer, and keeps it up to date.
func (s *Server) run(ctx context.Context) {
	places, ok := retried(ctx, s, s.start)
	if !ok {
		return
	}
	s.tasks.Go(func() { s.keys.keepFresh(ctx) })
	if s.feed == nil {
		close(s.ready)
		return
	}
	s.follow(ctx, places.Feed)
}

// start is one attempt to get the issuer's documents.
func (s *Server) start(ctx context.Context) (places, error) {
	at, err := s.discover(ctx)
	if err != nil {
		return at, err
	}
	s.learn(at)
	return at, s.keys.refresh(ctx)
}

// learn takes over what the issuer may change while the API runs.
func (s *Server) learn(at places) {
	s.approvals.set(at.Approvals, s.cfg.OrdinaryScopes)
	s.keys.at(at.JWKS)
}

// client is the configuration of the client that acts for the API.
func (c Config) client() assent.Config {
	return assent.Config{Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Key: c.Key,
		Audience: c.Resource, Lazy: true, Now: c.Now, HTTPClient: c.HTTPClient}
}

// retried tries until it works, for as long as ctx lasts.
func retried[T any](ctx context.Context, s *Server, try func(context.Context) (T, error)) (T, bool) {
	var pause backoff
	for {
		got, err := try(ctx)
		if err == nil {
			s.note(nil)
			return got, true
		}
		s.note(err)
		if !pause.sleep(ctx, maxPause) {
			return got, false
		}
	}
}

// note keeps what is in the way, and tells the log once.
func (s *Server) note(err error) {
	if s.setTrouble(err) && err != nil && s.life.Err() == nil {
		s.cfg.Logger.Warn("the issuer is not there for this API", "issuer", s.cfg.Issuer, "error", err)
	}
}

// setTrouble reports whether that is news.
func (s *Server) setTrouble(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.trouble
	s.trouble = err
	return (old == nil) != (err == nil) || err != nil && old.Error() != err.Error()
}

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)
