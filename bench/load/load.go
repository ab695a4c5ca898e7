// Package load is the load generator of the benchmarks: a closed loop of N
// keep-alive connections, each of which sends its next operation when the
// answer to the last one has been read and checked.
//
// An operation that did not answer what it must is an error and stops the
// window, so that a server cannot look fast by refusing. The generator runs in
// a process of its own; what it costs is not part of any figure.
package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrDone is what a Step returns when its prepared inputs are used up. It ends
// the phase without being an error.
var ErrDone = errors.New("prepared inputs used up")

// A Step performs one whole operation and checks its answer.
type Step func() error

// A Phase ends after a time or after a number of operations, whichever comes
// first. Both must be given: everything here is bounded.
type Phase struct {
	For   time.Duration
	Count int
	// Rate is how many operations per second are offered, evenly spaced; 0: as
	// many as the server answers. The latency of an offered operation counts
	// from the moment it was due, so that waiting for a slow one before it is
	// not forgotten.
	Rate float64
}

// due is when operation number n (from 1) of a phase is to start.
func (p Phase) due(start time.Time, n int64) time.Time {
	if p.Rate == 0 {
		return time.Now()
	}
	at := start.Add(time.Duration(float64(n-1) / p.Rate * float64(time.Second)))
	time.Sleep(time.Until(at))
	return at
}

// Work is one window of load.
type Work struct {
	Steps   []Step // one per connection
	Warm    Phase  // not measured
	Measure Phase
	// Begin and End are called right before and right after the measured
	// phase, while no operation is under way.
	Begin, End func() error
}

// A Result is what the measured phase was.
type Result struct {
	Ops      int
	Elapsed  time.Duration
	P50, P99 time.Duration // of a whole operation
}

// Run warms up, then measures. Any failed operation fails the run.
func Run(ctx context.Context, w Work) (Result, error) {
	if _, err := runPhase(ctx, w.Steps, w.Warm); err != nil {
		return Result{}, fmt.Errorf("warm-up: %w", err)
	}
	if err := w.Begin(); err != nil {
		return Result{}, err
	}
	started := time.Now()
	took, err := runPhase(ctx, w.Steps, w.Measure)
	elapsed := time.Since(started)
	if err != nil {
		return Result{}, err
	}
	if err := w.End(); err != nil {
		return Result{}, err
	}
	if len(took) == 0 {
		return Result{}, errors.New("no operation was performed")
	}
	slices.Sort(took)
	return Result{
		Ops: len(took), Elapsed: elapsed,
		P50: percentile(took, 50), P99: percentile(took, 99),
	}, nil
}

// percentile reads a sorted, non-empty list: the smallest value that at least
// p percent of the operations did not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// runPhase drives every step until the phase is over and returns how long each
// operation took. The first error stops all of them.
func runPhase(ctx context.Context, steps []Step, p Phase) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, p.For)
	defer cancel()
	var (
		started atomic.Int64
		group   sync.WaitGroup
		took    = make([][]time.Duration, len(steps))
		failed  = make([]error, len(steps))
	)
	start := time.Now()
	for i, step := range steps {
		group.Go(func() {
			for ctx.Err() == nil {
				n := started.Add(1)
				if n > int64(p.Count) {
					return
				}
				at := p.due(start, n)
				if err := step(); errors.Is(err, ErrDone) {
					return
				} else if err != nil {
					failed[i] = err
					cancel()
					return
				}
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	group.Wait()
	return slices.Concat(took...), errors.Join(failed...)
}
