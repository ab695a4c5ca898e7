package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// How often the background looks.
const (
	expireEvery   = 2 * time.Second
	sweepEvery    = time.Minute
	maintainEvery = 10 * time.Minute
)

// Run listens and serves until ctx ends, then stops without cutting a request:
// waiting polls are answered, streams are closed, the rest finishes. ready is
// called once with the base URL when the server answers.
func (s *Server) Run(ctx context.Context, ready func(baseURL string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s: %w", s.cfg.Listen, err), s.Close())
	}
	return s.Serve(ctx, listener, ready)
}

// Serve is Run on a listener that is open already.
func (s *Server) Serve(ctx context.Context, listener net.Listener, ready func(baseURL string)) error {
	fronts, err := s.fronts(ctx, listener)
	if err != nil {
		return errors.Join(err, listener.Close(), s.Close())
	}
	ballast := newBallast()
	defer runtime.KeepAlive(ballast)
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	var work sync.WaitGroup
	for _, job := range []func(context.Context){s.follow, s.outbox.Run, s.expire, s.sweep, s.announce, s.maintain, s.reap, s.noteUses} {
		work.Go(func() { job(background) })
	}
	failed := make(chan error, len(fronts))
	for _, f := range fronts {
		go func() { failed <- f.serve() }()
	}
	if ready != nil {
		ready(s.cfg.BaseURL)
	}
	defer time.AfterFunc(time.Second, settle).Stop()
	select {
	case err = <-failed:
		err = errors.Join(err, s.shutDown(fronts))
	case <-ctx.Done():
		err = s.shutDown(fronts)
	}
	stopBackground()
	work.Wait()
	s.noteLastUses(ctx)
	err = errors.Join(err, s.Close())
	s.cfg.Logger.Info("stopped")
	return err
}

func (s *Server) follow(ctx context.Context) {
	if err := s.store.Follow(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Error("change feed ended", "error", err)
	}
}

// feedFreshAt is the store's instant by this server's clock.
func (s *Server) feedFreshAt() time.Time {
	at := s.store.FeedFreshAt()
	if at.IsZero() {
		return at
	}
	return at.Add(s.cfg.ClockAhead)
}

func (s *Server) expire(ctx context.Context) {
	s.every(ctx, expireEvery, "expire approvals", func() error {
		_, err := s.Approvals.ExpireDue(ctx)
		return err
	})
}

func (s *Server) sweep(ctx context.Context) {
	s.every(ctx, sweepEvery, "sweep", func() error { return s.store.Sweep(ctx, model.MillisOf(time.Now())) })
}

func (s *Server) maintain(ctx context.Context) {
	s.every(ctx, maintainEvery, "maintain signing keys", func() error {
		sites, err := s.Realms.All(ctx)
		if err != nil {
			return err
		}
		var errs []error // one realm's trouble is not every realm's
		for _, site := range sites {
			errs = append(errs, s.Keys.Maintain(ctx, site))
		}
		return errors.Join(errs...)
	})
}

// every does a job at once and then at an interval, until ctx ends.
func (s *Server) every(ctx context.Context, interval time.Duration, name string, job func() error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := job(); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn(name, "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
