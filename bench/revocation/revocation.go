// Package revocation measures how long a revoked token still passes at resource
// servers that verify tokens by themselves: from the moment that the management
// API has said that the client's tokens are revoked until a resource server
// refuses one.
//
// The world is as an operator's: nodes of Assent on one PostgreSQL behind a
// balancer that deals out connections in turn, and resource servers as processes
// that reach the issuer through it. In the end everything is restarted, and the
// revoked tokens must still be refused.
package revocation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Config says what to run.
type Config struct {
	Assent      string // path of the assent binary
	API         string // path of the binary of bench/api
	Revocations int
	Nodes       int
	Servers     int       // resource servers
	Log         io.Writer // progress; nil: none
}

// Limits of one step. What takes longer is a fault, not a figure.
const (
	acceptLimit = 10 * time.Second
	refuseLimit = 20 * time.Second
	askEvery    = time.Millisecond
)

// Run measures. Everything it starts has ended when it returns.
func Run(ctx context.Context, c Config) (*Report, error) {
	dir, err := os.MkdirTemp("", "assent-revocation-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the database runs as another user
		return nil, err
	}
	w := &world{Config: c, dir: dir}
	defer w.stop()
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	report := newReport(c)
	var last string
	for i := range c.Revocations {
		token, samples, err := w.once(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("revocation %d: %w", i+1, err)
		}
		last = token
		report.add(samples)
		if (i+1)%100 == 0 {
			w.logf("%d of %d", i+1, c.Revocations)
		}
	}
	if err := w.afterRestart(ctx, last); err != nil {
		return nil, fmt.Errorf("after a restart of everything: %w", err)
	}
	report.StillRefused = true
	report.settle()
	return report, nil
}

// A sample is one revoked token at one resource server.
type sample struct {
	afterAnswer  time.Duration // since the management API had answered; 0: refused before that
	afterRequest time.Duration // since it was asked
}

// once gets a token, sees that every resource server takes it, revokes it through
// one of the nodes, and asks each resource server until it refuses it.
func (w *world) once(ctx context.Context, i int) (string, []sample, error) {
	t, err := w.token(ctx)
	if err != nil {
		return "", nil, err
	}
	if err := w.each(func(s int) error { return w.until(ctx, s, t, http.StatusNoContent, acceptLimit) }); err != nil {
		return "", nil, fmt.Errorf("a new token: %w", err)
	}
	asked := time.Now()
	answered := make(chan time.Time, 1)
	refused := make([]time.Time, w.Servers)
	failed := make(chan error, 1)
	go func() {
		err := w.revoke(ctx, i%w.Nodes)
		answered <- time.Now()
		failed <- err
	}()
	err = w.each(func(s int) error {
		err := w.until(ctx, s, t, http.StatusUnauthorized, refuseLimit)
		refused[s] = time.Now()
		return err
	})
	at := <-answered
	if err := errors.Join(<-failed, err); err != nil {
		return "", nil, err
	}
	samples := make([]sample, w.Servers)
	for s, when := range refused {
		samples[s] = sample{max(when.Sub(at), 0), when.Sub(asked)}
	}
	return t, samples, nil
}

// until asks a resource server with a token until it answers with a status. An
// answer of a third kind is a fault.
func (w *world) until(ctx context.Context, s int, token string, want int, limit time.Duration) error {
	for end := time.Now().Add(limit); ; {
		got, err := w.ask(ctx, s, token)
		switch {
		case err != nil:
			return err
		case got == want:
			return nil
		case got != http.StatusNoContent && got != http.StatusUnauthorized:
			return fmt.Errorf("resource server %d answers %d", s+1, got)
		case time.Now().After(end):
			return fmt.Errorf("resource server %d still answers %d after %v, want %d", s+1, got, limit, want)
		}
		time.Sleep(askEvery)
	}
}

// afterRestart stops everything but the database and starts it again.
func (w *world) afterRestart(ctx context.Context, revoked string) error {
	w.logf("restarting %d nodes and %d resource servers", w.Nodes, w.Servers)
	w.halt()
	if err := w.serve(ctx); err != nil {
		return err
	}
	if err := w.each(func(s int) error {
		got, err := w.ask(ctx, s, revoked)
		if err == nil && got != http.StatusUnauthorized {
			err = fmt.Errorf("resource server %d answers %d to a revoked token", s+1, got)
		}
		return err
	}); err != nil {
		return err
	}
	t, err := w.token(ctx)
	if err != nil {
		return err
	}
	return w.each(func(s int) error { return w.until(ctx, s, t, http.StatusNoContent, acceptLimit) })
}

// each does something for every resource server at once.
func (w *world) each(do func(s int) error) error {
	failures := make(chan error, w.Servers)
	for s := range w.Servers {
		go func() { failures <- do(s) }()
	}
	var all error
	for range w.Servers {
		all = errors.Join(all, <-failures)
	}
	return all
}

func (w *world) logf(format string, args ...any) {
	if w.Log != nil {
		_, _ = fmt.Fprintf(w.Log, format+"\n", args...)
	}
}
