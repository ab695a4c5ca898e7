package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/model"
)

// A pgWriter runs units for many callers. What is waiting when one of its
// lanes looks travels as one transaction with one commit, which costs the
// server far less than a transaction each. Units do not know of each other:
// if one of them fails, it is taken out and decided by itself, and the others
// go again without it. Nobody waits for a group to grow.
type pgWriter struct {
	p     *pg
	queue *queue[*pgJob]
	lanes sync.WaitGroup
}

type pgJob struct {
	ticket
	unit *unit
}

const (
	// writeLanes is how many groups may be on their way at once: while one is
	// being committed, the next is carried out.
	writeLanes = 2
	// writeSteps bounds the statements of a group.
	writeSteps = 256
	// groupTries bounds how often a group runs without those that failed in
	// it, so that many failures do not cost the square of their number.
	groupTries = 3
)

func startWriter(p *pg) *pgWriter {
	w := &pgWriter{p: p, queue: newQueue[*pgJob](1024)}
	for range writeLanes {
		w.lanes.Go(w.lane)
	}
	return w
}

func (w *pgWriter) close() {
	w.queue.close()
	w.lanes.Wait()
}

// write runs a unit and waits until it is durable.
func (p *pg) write(ctx context.Context, u *unit) error {
	if u.alone || u.serializable {
		return p.alone(ctx, u)
	}
	j := &pgJob{unit: u}
	j.answer = make(chan struct{}, 1)
	if err := p.writer.queue.put(ctx, j); err != nil {
		return err
	}
	return j.wait(ctx)
}

func (w *pgWriter) lane() {
	var group []*pgJob
	for j := range w.queue.jobs {
		if !j.take() {
			continue
		}
		group = append(group[:0], j)
		for steps := len(j.unit.steps); steps < writeSteps; {
			next := w.next()
			if next == nil {
				break
			}
			group = append(group, next)
			steps += len(next.unit.steps)
		}
		w.run(group)
		clear(group)
	}
}

// next is another job that waits now; nil if there is none.
func (w *pgWriter) next() *pgJob {
	for {
		select {
		case j, open := <-w.queue.jobs:
			if !open {
				return nil
			}
			if j.take() {
				return j
			}
		default:
			return nil
		}
	}
}

// run decides every job of a group. The callers may have given up waiting, so
// there is no context but the deadlines of the connection.
func (w *pgWriter) run(group []*pgJob) {
	ctx := context.Background()
	for range groupTries {
		if len(group) < 2 {
			break
		}
		failed, err := w.together(ctx, group)
		if failed < 0 {
			for _, j := range group {
				j.err = err
				j.settle()
			}
			return
		}
		// The verdict on the failed one may have hung on its neighbours, which
		// are not committed. Alone it is final.
		j := group[failed]
		group = append(group[:failed], group[failed+1:]...)
		defer w.finish(ctx, j)
	}
	for _, j := range group {
		w.finish(ctx, j)
	}
}

func (w *pgWriter) finish(ctx context.Context, j *pgJob) {
	j.err = w.p.alone(ctx, j.unit)
	j.settle()
}

// together runs a group as one transaction. It returns the index of the job
// that made it fail, or -1 if err (or success) is for all of them.
func (w *pgWriter) together(ctx context.Context, group []*pgJob) (failed int, err error) {
	pl, owners := merge(group)
	err = outcome(w.p.send(ctx, &pl), &pl)
	switch {
	case err == nil, errors.Is(err, model.ErrCommitUnknown), errors.Is(err, model.ErrUnavailable):
		return -1, err
	case pl.done == 0 || pl.done > len(owners): // BEGIN or COMMIT
		return 0, err
	default:
		return owners[pl.done-1], err
	}
}

// merge makes one transaction of a group: first what takes locks, in the
// order of the locks, then the rest. A unit's own statements keep their order.
func merge(group []*pgJob) (pl pipeline, owners []int) {
	type owned struct {
		*step
		job int
	}
	var locking, rest []owned
	for i, j := range group {
		for k := range j.unit.steps {
			st := owned{&j.unit.steps[k], i}
			if st.lock != "" {
				locking = append(locking, st)
			} else {
				rest = append(rest, st)
			}
		}
	}
	slices.SortStableFunc(locking, func(a, b owned) int { return strings.Compare(a.lock, b.lock) })
	pl = begin("READ COMMITTED")
	for _, st := range append(locking, rest...) {
		pl.steps = append(pl.steps, *st.step)
		owners = append(owners, st.job)
	}
	pl.steps = append(pl.steps, step{sql: "COMMIT"})
	return pl, owners
}

func begin(isolation string) pipeline {
	return pipeline{steps: []step{{sql: "BEGIN ISOLATION LEVEL " + isolation}}}
}

// alone runs a unit as a transaction of its own.
func (p *pg) alone(ctx context.Context, u *unit) error {
	pl := begin("READ COMMITTED")
	if u.serializable {
		pl = begin("SERIALIZABLE")
	}
	pl.steps = append(pl.steps, u.steps...)
	pl.steps = append(pl.steps, step{sql: "COMMIT"})
	return p.again(ctx, func() error { return outcome(p.send(ctx, &pl), &pl) })
}
