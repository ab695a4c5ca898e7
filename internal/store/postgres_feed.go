package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// follow listens and reads: notifications bring a change within milliseconds,
// and the table, read every second, brings all of them.
func (p *pg) follow(ctx context.Context) error {
	look := make(chan struct{}, 1)
	var listening sync.WaitGroup
	listening.Go(func() { p.listenForever(ctx, look) })
	defer listening.Wait()
	return p.pollForever(ctx, look)
}

// pollForever reads the table every second, or sooner when told to look.
func (p *pg) pollForever(ctx context.Context, look <-chan struct{}) error {
	var mark watermark
	var failing time.Time
	tick := time.NewTicker(feedPoll)
	defer tick.Stop()
	for {
		began := time.Now()
		err := p.poll(ctx, &mark)
		switch {
		case err == nil:
			// Past this, changes may have been swept that nobody here has read.
			if !failing.IsZero() && began.Sub(failing) > changeLife/2 {
				p.feed.resync()
			}
			failing = time.Time{}
			p.feed.completeAt(began)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errClosed):
			return err
		case failing.IsZero():
			failing = began
			p.feed.logger.Warn("read the change feed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-look:
		}
	}
}

func (p *pg) poll(ctx context.Context, mark *watermark) error {
	if mark.last == 0 {
		now, err := p.clock(ctx)
		if err != nil {
			return err
		}
		mark.last = now
	}
	clock, changes := rowsOf(row.int), rowsOf(scanChange)
	// The clock is read first: what is noted while the rows are being read lies
	// after it.
	from := mark.last - feedOverlap.Milliseconds()
	err := p.read(ctx, step{sql: clockSQL, rows: clock},
		step{sql: changesSinceSQL, args: []any{from, p.feed.node}, rows: changes})
	if err != nil {
		return err
	}
	now, err := clock.one()
	if err != nil {
		return err
	}
	if _, jumped := mark.from(now); jumped {
		p.feed.resync()
	}
	mark.last = now
	p.feed.heard(changes.got)
	return nil
}

// listenForever keeps a connection that listens. Each time it comes back after
// a loss, everything may be different.
func (p *pg) listenForever(ctx context.Context, look chan<- struct{}) {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	pause := shortest
	for again := false; ctx.Err() == nil; again = true {
		err := p.listen(ctx, func() {
			pause = shortest
			if again {
				p.feed.resync()
			}
			wake(look)
		}, look)
		if ctx.Err() != nil {
			return
		}
		p.feed.logger.Warn("listen for changes", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // G404: spreads nodes in time, guards nothing
		}
		pause = min(2*pause, longest)
	}
}

func (p *pg) listen(ctx context.Context, listening func(), look chan<- struct{}) error {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	listening()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		node, changes, complete := parsePayload(n.Payload)
		if node == p.feed.node {
			continue
		}
		p.feed.heard(changes)
		if !complete {
			wake(look)
		}
	}
}

// wake leaves a sign for somebody who may be busy.
func wake(sign chan<- struct{}) {
	select {
	case sign <- struct{}{}:
	default:
	}
}
