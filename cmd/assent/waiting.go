package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

// waiting shows that a person has been asked: on a terminal with a line that
// counts down, elsewhere with plain lines.
type waiting struct {
	out  io.Writer
	req  assent.Request
	end  chan struct{}
	done sync.WaitGroup
}

func (p *program) showWaiting(req assent.Request) *waiting {
	w := &waiting{out: p.stderr, req: req, end: make(chan struct{})}
	fmt.Fprintf(w.out, "Asking %s: %s\n", oneLine(req.Action.Person), oneLine(req.Action.Message))
	if len(req.Action.Command) != 0 {
		fmt.Fprintf(w.out, "To run: %s\n", shellWords(req.Action.Command))
	}
	fmt.Fprintf(w.out, "Their screen shows the number %s\n", req.Comparison)
	if !isTerminal(p.stderr) {
		fmt.Fprintf(w.out, "Waiting; %s left\n", clock(time.Until(req.ExpiresAt)))
		return w
	}
	w.done.Go(w.count)
	return w
}

// count redraws the line each second.
func (w *waiting) count() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		fmt.Fprintf(w.out, "\r\x1b[KWaiting for the answer, number %s, %s left (Ctrl-C takes it back)",
			w.req.Comparison, clock(time.Until(w.req.ExpiresAt)))
		select {
		case <-tick.C:
		case <-w.end:
			fmt.Fprint(w.out, "\r\x1b[K")
			return
		}
	}
}

// stop ends the display. It may be called when nothing is shown.
func (w *waiting) stop() {
	if w == nil {
		return
	}
	close(w.end)
	w.done.Wait()
}
