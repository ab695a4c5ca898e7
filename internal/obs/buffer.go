package obs

import (
	"io"
	"sync"
	"time"
)

// bufferLimit is the size in bytes at which a writer flushes by itself. A
// stalled output then holds its writers back instead of filling the memory.
const bufferLimit = 32 << 10

// A buffer gathers whole records and writes them together. Appending takes
// only mu; the slow write happens under out, so that requests go on logging
// while the operating system takes its time.
type buffer struct {
	every time.Duration

	mu      sync.Mutex // pending, closed
	pending []byte
	closed  bool
	timer   *time.Timer // armed by the first record after a flush: an idle server never wakes

	out   sync.Mutex // w, spare, err; taken before mu
	w     io.Writer
	spare []byte
	err   error
}

func newBuffer(w io.Writer, every time.Duration) *buffer {
	b := &buffer{every: every, w: w}
	b.timer = time.AfterFunc(every, func() { _ = b.flush() }) // the error is kept for Close
	b.timer.Stop()
	return b
}

// Write appends one record. It never fails: flush and close report errors.
func (b *buffer) Write(record []byte) (int, error) {
	b.mu.Lock()
	first := len(b.pending) == 0
	b.pending = append(b.pending, record...)
	now := b.closed || len(b.pending) >= bufferLimit
	if first && !now {
		b.timer.Reset(b.every)
	}
	b.mu.Unlock()
	if now {
		_ = b.flush()
	}
	return len(record), nil
}

func (b *buffer) flush() error {
	b.out.Lock()
	defer b.out.Unlock()
	b.mu.Lock()
	batch := b.pending
	b.pending = b.spare[:0]
	b.mu.Unlock()
	if len(batch) > 0 {
		if _, err := b.w.Write(batch); err != nil && b.err == nil {
			b.err = err
		}
	}
	b.spare = batch
	return b.err
}

func (b *buffer) close() error {
	b.mu.Lock()
	b.closed = true
	b.timer.Stop()
	b.mu.Unlock()
	return b.flush()
}
