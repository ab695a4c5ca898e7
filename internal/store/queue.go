package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// A ticket is what one caller holds while somebody else works for them.
type ticket struct {
	state  atomic.Int32
	err    error
	answer chan struct{}
}

// The states of a ticket. Its holder may give up only while it is queued.
const (
	ticketQueued = iota
	ticketTaken
	ticketGivenUp
)

// take is the worker's: it reports whether the caller still waits.
func (t *ticket) take() bool { return t.state.CompareAndSwap(ticketQueued, ticketTaken) }

func (t *ticket) settle() { t.answer <- struct{}{} }

// wait returns the outcome. Once the work has been taken, the end of ctx
// changes nothing: the caller learns what happened.
func (t *ticket) wait(ctx context.Context) error {
	select {
	case <-t.answer:
		return t.err
	case <-ctx.Done():
		if t.state.CompareAndSwap(ticketQueued, ticketGivenUp) {
			return ctx.Err()
		}
		<-t.answer
		return t.err
	}
}

// A queue hands work to one goroutine. It is bounded: when it is full, callers
// wait, and in the end they are told that the store is unavailable.
type queue[J any] struct {
	jobs chan J

	mu     sync.RWMutex // held to send; closing takes it whole
	closed bool
}

func newQueue[J any](places int) *queue[J] { return &queue[J]{jobs: make(chan J, places)} }

func (q *queue[J]) put(ctx context.Context, j J) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return errClosed
	}
	select {
	case q.jobs <- j:
		return nil
	default:
	}
	timer := time.NewTimer(waitTimeout)
	defer timer.Stop()
	select {
	case q.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("%w: too many writers are waiting", model.ErrUnavailable)
	}
}

// close lets the worker finish what is queued and then end.
func (q *queue[J]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.jobs)
	}
}
