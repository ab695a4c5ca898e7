// Package notify delivers what the outbox holds: written by the transaction
// that causes it, leased by one node, delivered at least once, retried with
// growing pauses until it is not worth sending any more.
//
// If this package is wrong, a person is not told that something waits; no
// approval depends on it.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// A Channel delivers one kind of message. A new channel is one new file and
// one row in Config.Channels.
type Channel interface {
	// Deliver sends, or answers ErrMoot if there is nothing to send any more.
	Deliver(ctx context.Context, site *model.Site, payload json.RawMessage) error
}

// ErrMoot: the reason to send is gone.
var ErrMoot = errors.New("nothing to send any more")

// Realms finds the realm of an item.
type Realms interface {
	ByID(ctx context.Context, id model.RealmID) (*model.Site, error)
}

// Config is what a Service needs.
type Config struct {
	Store    Store
	Realms   Realms
	Channels map[string]Channel
	Hub      *hub.Hub // says when there is something to send; nil: found out within seconds
	Log      *slog.Logger
	Now      func() time.Time
}

// A Service runs the outbox of this node.
type Service struct {
	cfg  Config
	node string
	wake chan struct{} // holds one call of look
}

// How items are leased and retried.
const (
	lease     = time.Minute
	batch     = 32
	idleCheck = 5 * time.Second // for what other transactions and nodes wrote
	firstWait = 5 * time.Second
	maxWait   = 10 * time.Minute
)

// New fills in defaults.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, node: ids.New("node"), wake: make(chan struct{}, 1)}
	if cfg.Hub != nil {
		cfg.Hub.Listen(model.TopicOutbox, func(model.Change) { s.look() })
	}
	return s
}

// look makes this node look at once: something was put in that should not wait.
func (s *Service) look() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run delivers until ctx ends.
func (s *Service) Run(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.Deliver(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("outbox", "error", err)
		}
		if n == batch {
			continue
		}
		s.pause(ctx)
	}
}

func (s *Service) pause(ctx context.Context) {
	wait := idleCheck
	if next, err := s.cfg.Store.NextOutbox(ctx); err == nil && next != 0 {
		wait = max(50*time.Millisecond, min(wait, next.Time().Sub(s.cfg.Now())))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wake:
	case <-ctx.Done():
	}
}

// Deliver sends what is due now, and says how many items it took. They go out
// side by side: one slow receiver does not hold the others up.
func (s *Service) Deliver(ctx context.Context) (int, error) {
	items, err := s.cfg.Store.LeaseOutbox(ctx, s.node, model.MillisOf(s.cfg.Now()), lease, batch)
	if err != nil {
		return 0, fmt.Errorf("lease outbox: %w", err)
	}
	errs := make([]error, len(items))
	var sending sync.WaitGroup
	for i, item := range items {
		sending.Go(func() { errs[i] = s.settle(ctx, item, s.send(ctx, item)) })
	}
	sending.Wait()
	return len(items), errors.Join(errs...)
}

func (s *Service) send(ctx context.Context, item model.OutboxItem) error {
	if item.ExpiresAt != 0 && model.MillisOf(s.cfg.Now()) >= item.ExpiresAt {
		return ErrMoot
	}
	channel := s.cfg.Channels[item.Channel]
	if channel == nil {
		return fmt.Errorf("no channel %q on this node", item.Channel)
	}
	site, err := s.cfg.Realms.ByID(ctx, item.RealmID)
	if err != nil {
		return err
	}
	return channel.Deliver(ctx, site, item.Payload)
}

func (s *Service) settle(ctx context.Context, item model.OutboxItem, sent error) error {
	if sent == nil || errors.Is(sent, ErrMoot) {
		if err := s.cfg.Store.DoneOutbox(ctx, s.node, item.ID); err != nil {
			return fmt.Errorf("finish %s: %w", item.ID, err)
		}
		return nil
	}
	s.cfg.Log.Warn("outbox item not delivered", "item", string(item.ID), "channel", item.Channel, "attempt", item.Attempts, "error", sent)
	wait := min(maxWait, firstWait<<min(item.Attempts, 10))
	due := model.MillisOf(s.cfg.Now()).Add(wait)
	if err := s.cfg.Store.RetryOutbox(ctx, s.node, item.ID, due, sent.Error()); err != nil {
		return fmt.Errorf("give %s back: %w", item.ID, err)
	}
	return nil
}
