package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits on a connection. Answers have no limit of their own: polls and event
// streams wait.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// A front is a listener and what answers there.
type front struct {
	srv      *http.Server
	listener net.Listener
}

// fronts are the main listener and, where there is to be one, that for clients
// with certificates.
func (s *Server) fronts(ctx context.Context, main net.Listener) ([]front, error) {
	var tlsConfig *tls.Config // nil: TLS ends elsewhere
	var err error
	if s.cfg.TLSCert != "" {
		if tlsConfig, err = s.tlsConfig(s.cfg.TLSCert, s.cfg.TLSKey); err != nil {
			return nil, err
		}
	}
	list := []front{{s.httpServer(s.handler, tlsConfig), main}}
	if s.cfg.MTLS.on() {
		f, err := s.mtlsFront(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func (s *Server) httpServer(h http.Handler, tlsConfig *tls.Config) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, TLSConfig: tlsConfig,
		ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn)}
}

// serve speaks HTTP/2 as well where there is TLS.
func (f front) serve() error {
	var err error
	if f.srv.TLSConfig != nil {
		err = f.srv.ServeTLS(f.listener, "", "")
	} else {
		err = f.srv.Serve(f.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

func (s *Server) shutDown(fronts []front) error {
	s.cfg.Logger.Info("stopping")
	s.stop() // answers those who wait
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.GracefulStop)
	defer cancel()
	errs := make([]error, len(fronts))
	var all sync.WaitGroup
	for i, f := range fronts {
		all.Go(func() {
			if err := f.srv.Shutdown(ctx); err != nil {
				errs[i] = errors.Join(fmt.Errorf("stop: requests were cut after %s: %w", s.cfg.GracefulStop, err), f.srv.Close())
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
