package store

import (
	"context"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// A liteWriter is the only one that writes to the file in this process. It
// commits in groups: what is waiting when it looks runs in one transaction,
// each unit by itself, and nobody is answered before the one fsync that makes
// all of it durable. It never waits for a group to grow.
type liteWriter struct {
	conn  *liteConn
	queue *queue[*liteJob]
	done  chan struct{} // closed when the goroutine has ended
}

// A group ends when nobody waits any more, or at one of these.
const (
	groupJobs = 512
	groupTime = 25 * time.Millisecond
)

// A liteJob is what one caller wants of the writer: a unit, a consumption, or
// something to be done with the connection outside any transaction.
type liteJob struct {
	ticket
	unit    *unit
	once    *model.Once
	first   bool // the answer to once
	outside func(*liteConn) error
}

func startLiteWriter(conn *liteConn) *liteWriter {
	w := &liteWriter{conn: conn, queue: newQueue[*liteJob](2 * groupJobs), done: make(chan struct{})}
	go w.loop()
	return w
}

// do queues a job and waits for its outcome.
func (w *liteWriter) do(ctx context.Context, j *liteJob) error {
	j.ticket.answer = make(chan struct{}, 1)
	if err := w.queue.put(ctx, j); err != nil {
		return err
	}
	return j.wait(ctx)
}

// close runs what is queued and ends the goroutine.
func (w *liteWriter) close() {
	w.queue.close()
	<-w.done
}

func (w *liteWriter) loop() {
	defer close(w.done)
	g := liteGroup{conn: w.conn}
	for j := range w.queue.jobs {
		switch {
		case !j.take():
		case j.outside != nil:
			j.err = j.outside(w.conn)
			j.settle()
		default:
			w.group(&g, j)
		}
	}
}

// group runs j and what else is queued now, commits, and answers.
func (w *liteWriter) group(g *liteGroup, j *liteJob) {
	if err := g.begin(); err != nil {
		w.refuse(j, err)
		return
	}
	var outside []*liteJob
	until := time.Now().Add(groupTime)
	g.run(j)
gather:
	for len(g.jobs) < groupJobs && time.Now().Before(until) {
		select {
		case next, open := <-w.queue.jobs:
			switch {
			case !open:
				break gather
			case !next.take():
			case next.outside != nil:
				outside = append(outside, next)
			default:
				g.run(next)
			}
		default:
			break gather
		}
	}
	g.commit()
	for _, o := range outside {
		o.err = o.outside(w.conn)
		o.settle()
	}
}

// refuse tells everybody who waits now what kept a transaction from beginning:
// another process held the file for [waitTimeout], and there is no use in each
// of them waiting as long again.
func (w *liteWriter) refuse(j *liteJob, err error) {
	for {
		j.err = err
		j.settle()
		for taken := false; !taken; {
			select {
			case next, open := <-w.queue.jobs:
				if !open {
					return
				}
				j, taken = next, next.take()
			default:
				return
			}
		}
	}
}

// A liteGroup is one transaction that several jobs share.
type liteGroup struct {
	conn *liteConn
	open bool
	jobs []*liteJob
}

// begin takes the write lock (IMMEDIATE): now, while waiting for another
// process is still possible, and not in the middle.
func (g *liteGroup) begin() error {
	_, err := g.conn.exec("BEGIN IMMEDIATE")
	g.open = err == nil
	return err
}

// run does a job inside the group's transaction. If it fails, it is undone
// alone; the others do not notice.
func (g *liteGroup) run(j *liteJob) {
	first := len(g.jobs) == 0
	g.jobs = append(g.jobs, j)
	if !g.open { // what came before was undone
		if j.err = g.begin(); j.err != nil {
			return
		}
		first = true
	}
	if first {
		// Nothing before it can be lost, so it needs no savepoint.
		if j.err = g.work(j); j.err != nil {
			g.rollback()
		}
		return
	}
	if j.once != nil {
		// A single statement undoes itself. If it fails at all, the disk does,
		// and SQLite may have rolled everything back.
		if j.err = g.work(j); j.err != nil {
			g.fail(j.err)
		}
		return
	}
	if _, j.err = g.conn.exec("SAVEPOINT job"); j.err != nil {
		return
	}
	if j.err = g.work(j); j.err != nil {
		if _, err := g.conn.exec("ROLLBACK TO job"); err != nil {
			g.fail(err)
			return
		}
	}
	if _, err := g.conn.exec("RELEASE job"); err != nil {
		g.fail(err)
	}
}

func (g *liteGroup) work(j *liteJob) error {
	if j.once != nil {
		n, err := g.conn.exec(consumeSQL, string(j.once.RealmID), j.once.Namespace, j.once.Digest[:], int64(j.once.Until))
		j.first = n > 0
		return err
	}
	for i := range j.unit.steps {
		if err := g.conn.run(&j.unit.steps[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *liteGroup) commit() {
	if g.open {
		if _, err := g.conn.exec("COMMIT"); err != nil {
			g.fail(commitError(err))
		}
		g.open = false
	}
	for i, j := range g.jobs {
		j.settle()
		g.jobs[i] = nil
	}
	g.jobs = g.jobs[:0]
}

// fail undoes the transaction for everybody in it.
func (g *liteGroup) fail(err error) {
	for _, j := range g.jobs {
		if j.err == nil {
			j.err = err
		}
	}
	g.rollback()
}

func (g *liteGroup) rollback() {
	// SQLite may have rolled back by itself, and then says so here.
	_, _ = g.conn.exec("ROLLBACK")
	g.open = false
}
