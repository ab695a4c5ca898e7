package store

import (
	"context"
	"errors"
	"time"
)

// follow hears of other processes on the same file. SQLite has nobody who
// could notify, but it can say cheaply whether another connection has
// committed: PRAGMA data_version on the writer's own connection does not move
// with its own commits.
func (l *lite) follow(ctx context.Context) error {
	var mark watermark
	version := int64(-1)
	tick := time.NewTicker(feedPoll)
	defer tick.Stop()
	for first := true; ; first = false {
		if err := l.poll(ctx, &mark, &version, first); err != nil && ctx.Err() == nil {
			if errors.Is(err, errClosed) {
				return err
			}
			l.feed.logger.Warn("read the change feed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (l *lite) poll(ctx context.Context, mark *watermark, version *int64, first bool) error {
	began := time.Now()
	got := rowsOf(row.int)
	err := l.writer.do(ctx, &liteJob{outside: func(c *liteConn) error { return c.query(got, "PRAGMA data_version") }})
	if err != nil {
		return err
	}
	now, err := got.one()
	if err != nil {
		return err
	}
	if first {
		mark.last = began.UnixMilli()
	}
	if now != *version {
		if err := l.catchUp(ctx, mark, began); err != nil {
			return err
		}
		*version = now
	}
	mark.last = began.UnixMilli()
	l.feed.completeAt(began)
	return nil
}

// catchUp reads what others noted.
func (l *lite) catchUp(ctx context.Context, mark *watermark, now time.Time) error {
	from, jumped := mark.from(now.UnixMilli())
	changes := rowsOf(scanChange)
	if err := l.read(ctx, step{sql: changesSinceSQL, args: []any{from, l.feed.node}, rows: changes}); err != nil {
		return err
	}
	if jumped {
		l.feed.resync()
	}
	l.feed.heard(changes.got)
	return nil
}
