package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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

// Limits on a connection. Answers have no limit of their own: polls and event
// streams wait.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
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
	tlsConfig, err := s.tlsConfig()
	if err != nil {
		return errors.Join(err, listener.Close(), s.Close())
	}
	ballast := newBallast()
	defer runtime.KeepAlive(ballast)
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	var work sync.WaitGroup
	for _, job := range []func(context.Context){s.follow, s.outbox.Run, s.expire, s.sweep, s.maintain} {
		work.Go(func() { job(background) })
	}
	srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, TLSConfig: tlsConfig,
		ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- s.serve(srv, listener) }()
	if ready != nil {
		ready(s.cfg.BaseURL)
	}
	defer time.AfterFunc(time.Second, settle).Stop()
	select {
	case err = <-failed:
		err = errors.Join(err, s.shutDown(srv))
	case <-ctx.Done():
		err = s.shutDown(srv)
	}
	stopBackground()
	work.Wait()
	err = errors.Join(err, s.Close())
	s.cfg.Logger.Info("stopped")
	return err
}

func (s *Server) serve(srv *http.Server, l net.Listener) error {
	var err error
	if srv.TLSConfig != nil {
		err = srv.ServeTLS(l, "", "")
	} else {
		err = srv.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// tlsConfig: TLS 1.3, and in 1.2 only AEAD with ephemeral keys (RFC 9325). It is
// nil where TLS ends elsewhere.
func (s *Server) tlsConfig() (*tls.Config, error) {
	if s.cfg.TLSCert == "" {
		return nil, nil //nolint:nilnil // no TLS is an answer
	}
	certificate, err := tls.LoadX509KeyPair(s.cfg.TLSCert, s.cfg.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, CipherSuites: []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}}, nil
}

func (s *Server) shutDown(srv *http.Server) error {
	s.cfg.Logger.Info("stopping")
	s.stop() // answers those who wait
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.GracefulStop)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop: requests were cut after %s: %w", s.cfg.GracefulStop, err), srv.Close())
	}
	return nil
}

func (s *Server) follow(ctx context.Context) {
	if err := s.store.Follow(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Error("change feed ended", "error", err)
	}
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
