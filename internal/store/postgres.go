package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/assent-id/assent/internal/model"
)

// pg is PostgreSQL, or what speaks its protocol.
type pg struct {
	config *pgx.ConnConfig
	db     *sql.DB // dials; links are kept here
	feed   *feed
	turns  chan struct{} // as many tokens as there may be links
	closed atomic.Bool

	mu   sync.Mutex
	idle []*pgLink // the last used is the first to be used again

	writer   *pgWriter
	once     *pgConsumer
	announce *pgAnnouncer
}

func openPostgres(ctx context.Context, cfg Config, f *feed) (engine, error) {
	config, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	setParams(config)
	n := cfg.MaxConns
	if n <= 0 {
		n = max(8, 4*runtime.GOMAXPROCS(0))
	}
	p := &pg{config: config, db: stdlib.OpenDB(*config), feed: f, turns: make(chan struct{}, n)}
	p.db.SetMaxIdleConns(-1)
	if err := p.migrate(ctx); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	p.writer = startWriter(p)
	p.once = startConsumer(p)
	p.announce = startAnnouncer(p)
	f.announce = p.announce.add
	return p, nil
}

// setParams sets what the URL leaves open.
func setParams(config *pgx.ConnConfig) {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = waitTimeout
	}
	for name, value := range map[string]string{
		"application_name": "assent",
		// An answer leaves after its commit is on disk.
		"synchronous_commit": "on",
		// What runs longer than its caller waits holds locks for nobody.
		"statement_timeout":                   millisText(runTimeout),
		"lock_timeout":                        millisText(waitTimeout),
		"idle_in_transaction_session_timeout": millisText(2 * runTimeout),
		// Every statement has its index. Plans are made once per connection,
		// perhaps while a table is empty, and must not read all of it later.
		"enable_seqscan": "off",
		"jit":            "off",
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
}

func millisText(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

func (p *pg) name() string { return "postgres" }

// link takes a connection: an idle one, or a new one if there may be more.
func (p *pg) link(ctx context.Context) (*pgLink, error) {
	if p.closed.Load() {
		return nil, errClosed
	}
	if err := takeTurn(ctx, p.turns); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		l := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return l, nil
	}
	p.mu.Unlock()
	l, err := newLink(ctx, p.db)
	if err != nil {
		<-p.turns
		return nil, fmt.Errorf("%w: connect: %w", model.ErrUnavailable, err)
	}
	return l, nil
}

func (p *pg) release(l *pgLink) {
	p.mu.Lock()
	p.idle = append(p.idle, l)
	p.mu.Unlock()
	<-p.turns
}

// drop closes a link that is of no more use.
func (p *pg) drop(l *pgLink) {
	l.discard()
	<-p.turns
}

// send runs a pipeline on some link. Links that turn out to be dead before
// anything was sent are replaced.
func (p *pg) send(ctx context.Context, pl *pipeline) error {
	for {
		l, err := p.link(ctx)
		if err != nil {
			return err
		}
		used := l.used()
		if err = p.attempt(l, pl); !used || !errors.Is(err, errNotSent) {
			return err
		}
	}
}

// attempt runs a pipeline on a link and sees to it that the link is kept only
// if it can be used again.
func (p *pg) attempt(l *pgLink, pl *pipeline) error {
	keep := false
	defer func() {
		if keep {
			p.release(l)
		} else {
			p.drop(l)
		}
	}()
	pl.done = 0
	err := l.run(pl)
	if server, ok := isServerError(err); ok && !isFarewell(server) {
		// An error leaves a transaction open that can only be rolled back.
		keep = pl.status == 'I' || l.run(&pipeline{steps: []step{{sql: "ROLLBACK"}}}) == nil
		return err
	}
	keep = err == nil
	return err
}

// tries bounds how often a transaction runs that others made fail.
const tries = 12

// again repeats what failed only because of others, with growing pauses.
func (p *pg) again(ctx context.Context, run func() error) error {
	pause := time.Millisecond
	for try := 1; ; try++ {
		err := run()
		if !errors.Is(err, errSerialization) {
			return err
		}
		if try == tries {
			return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // G404: spreads attempts in time, guards nothing
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

func (p *pg) read(ctx context.Context, steps ...step) error {
	pl := pipeline{steps: steps}
	return p.again(ctx, func() error {
		err := p.send(ctx, &pl)
		if _, ok := isServerError(err); !ok && err != nil && ctx.Err() == nil && !errors.Is(err, model.ErrUnavailable) {
			err = p.send(ctx, &pl) // reading twice does no harm
		}
		return readOutcome(err)
	})
}

func (p *pg) ping(ctx context.Context) error {
	return p.read(ctx, step{sql: `SELECT value FROM meta WHERE name = 'epoch'`, rows: rowsOf(row.text)})
}

var clockSQL = postgresDialect.words.Replace(`SELECT {{now}}`)

func (p *pg) clock(ctx context.Context) (int64, error) {
	now := rowsOf(row.int)
	if err := p.read(ctx, step{sql: clockSQL, rows: now}); err != nil {
		return 0, err
	}
	return now.one()
}

// close waits for what is under way.
func (p *pg) close() error {
	p.writer.close()
	p.once.close()
	p.announce.close()
	if p.closed.Swap(true) {
		return nil
	}
	for range cap(p.turns) {
		p.turns <- struct{}{}
	}
	var err error
	for _, l := range p.idle {
		err = errors.Join(err, l.conn.Close())
	}
	return errors.Join(err, p.db.Close())
}
