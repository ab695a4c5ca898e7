package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// lite is SQLite inside the process: one writer and several readers.
type lite struct {
	path   string
	feed   *feed
	writer *liteWriter
	// readers holds idle connections, turns as many tokens as there may be
	// connections in use.
	readers chan *liteConn
	turns   chan struct{}
	closed  atomic.Bool
}

// busyMillis is how long SQLite waits for another process's lock.
const busyMillis = int64(waitTimeout / 1e6)

// dsn names the file for the driver with what every connection of a kind sets.
func liteDSN(path string, pragmas ...string) string {
	query := url.Values{"_pragma": append(pragmas, fmt.Sprintf("busy_timeout(%d)", busyMillis))}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

func writerDSN(path string) string {
	return liteDSN(path, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"journal_size_limit(67108864)", "trusted_schema(0)")
}

func readerDSN(path string) string { return liteDSN(path, "query_only(1)", "trusted_schema(0)") }

func openSQLite(ctx context.Context, path string, cfg Config, f *feed) (engine, error) {
	if err := createPrivately(path); err != nil {
		return nil, err
	}
	conn, err := dialSQLite(writerDSN(path))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := migrateSQLite(ctx, conn, path); err != nil {
		return nil, errors.Join(err, conn.close())
	}
	n := cfg.MaxConns
	if n <= 0 {
		n = max(4, runtime.GOMAXPROCS(0))
	}
	l := &lite{path: path, feed: f, writer: startLiteWriter(conn), readers: make(chan *liteConn, n), turns: make(chan struct{}, n)}
	return l, nil
}

// createPrivately makes a new file that only its owner reads. A file that
// exists is left alone: closing it here would drop the locks that this process
// may hold on it (POSIX advisory locking, https://sqlite.org/howtocorrupt.html,
// Section 2.2).
func createPrivately(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return f.Close()
}

func (l *lite) name() string { return "sqlite" }

func (l *lite) write(ctx context.Context, u *unit) error {
	return l.writer.do(ctx, &liteJob{unit: u})
}

// consume is a job of a single statement. Concurrent callers share a commit
// with each other and with everything else that is written at that moment.
func (l *lite) consume(ctx context.Context, o *model.Once) (bool, error) {
	j := liteJob{once: o}
	err := l.writer.do(ctx, &j)
	return j.first && err == nil, err
}

func (l *lite) read(ctx context.Context, steps ...step) error {
	c, err := l.reader(ctx)
	if err != nil {
		return err
	}
	defer l.putBack(c)
	for i := range steps {
		if err := c.query(steps[i].rows, steps[i].sql, steps[i].args...); err != nil {
			return err
		}
	}
	return nil
}

func (l *lite) reader(ctx context.Context) (*liteConn, error) {
	if l.closed.Load() {
		return nil, errClosed
	}
	if err := takeTurn(ctx, l.turns); err != nil {
		return nil, err
	}
	select {
	case c := <-l.readers:
		return c, nil
	default:
	}
	c, err := dialSQLite(readerDSN(l.path))
	if err != nil {
		<-l.turns
		return nil, fmt.Errorf("open a reader: %w", err)
	}
	return c, nil
}

func (l *lite) putBack(c *liteConn) {
	l.readers <- c // never full: there are as many places as turns
	<-l.turns
}

func (l *lite) ping(ctx context.Context) error {
	return l.read(ctx, step{sql: `SELECT value FROM meta WHERE name = 'epoch'`, rows: rowsOf(row.text)})
}

// clock is the clock of this machine: the one that SQLite asks, too.
func (l *lite) clock(context.Context) (int64, error) { return time.Now().UnixMilli(), nil }

// close waits for what is being read and written.
func (l *lite) close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.writer.close()
	for range cap(l.turns) {
		l.turns <- struct{}{}
	}
	close(l.readers)
	var err error
	for c := range l.readers {
		err = errors.Join(err, c.close())
	}
	// The writer goes last: the last connection to close tidies the WAL away.
	return errors.Join(err, l.writer.conn.close())
}
