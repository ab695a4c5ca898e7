// Package suite runs the benchmarks: it starts the floor and Assent, loads
// them in turns, and reports what an operation cost each of them.
//
// The measure is processor time per operation, summed over every process on
// the server's side, the database included. Servers take turns within each row
// (A B A B ...), so that whatever else the machine does hits all of them; the
// figures are medians over the rounds and the verdicts are ratios to the
// floor of the same run. See docs/performance.md.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/assent-id/assent/bench/load"
)

// Config says what to run. The zero value of an optional field is explained
// beside it.
type Config struct {
	Floor  string // path of the floor binary
	Assent string // path of the assent binary; empty: the floor alone
	// Databases to run on: "sqlite", "postgres". Empty: both.
	Databases []string
	Rows      []string // keys of rows; empty: all
	Rounds    int      // windows per row and server
	// Connections is how many operations are under way at once.
	Connections int
	Warm        load.Phase // before each window
	Measure     load.Phase // each window
	Starts      int        // how often each cold start is measured; 0: not at all
	Log         io.Writer  // progress; nil: none
	// Profiles is a folder for Go profiles of Assent, one for each row and
	// database; empty: none are taken.
	Profiles string
}

// Quick is a configuration that shows in seconds that every answer is right.
// Its times mean nothing.
func Quick() Config {
	return Config{
		Rounds: 1, Connections: 2, Starts: 1,
		Warm:    load.Phase{For: time.Second, Count: 4},
		Measure: load.Phase{For: 5 * time.Second, Count: 40},
	}
}

// Full is the configuration of a real run, which takes about eight minutes.
func Full() Config {
	return Config{
		Rounds: 5, Connections: 32, Starts: 7,
		Warm:    load.Phase{For: 700 * time.Millisecond, Count: 50_000},
		Measure: load.Phase{For: 2 * time.Second, Count: 250_000},
	}
}

func (c Config) validate() error {
	switch {
	case c.Rounds < 1 || c.Connections < 1:
		return fmt.Errorf("rounds and connections must be positive")
	case c.Warm.Count < 1 || c.Measure.Count < 1:
		return fmt.Errorf("both phases need a count")
	}
	for _, key := range c.Rows {
		if key != verifyKey && !slices.ContainsFunc(rows, func(r row) bool { return r.key == key }) {
			return fmt.Errorf("no row %q; rows are %s", key, RowKeys())
		}
	}
	return nil
}

func (c Config) has(database string) bool {
	return len(c.Databases) == 0 || slices.Contains(c.Databases, database)
}

func (c Config) wants(r row) bool {
	return len(c.Rows) == 0 || slices.Contains(c.Rows, r.key)
}

func (c Config) logf(format string, args ...any) {
	if c.Log != nil {
		_, _ = fmt.Fprintf(c.Log, format+"\n", args...)
	}
}

// A bench is one run under way.
type bench struct {
	Config
	dir     string // everything temporary
	servers []*server
	report  *Report
}

// Run performs the whole run. Everything it starts has ended when it returns.
func Run(ctx context.Context, c Config) (*Report, error) {
	if c.Floor == "" {
		return nil, errors.New("no floor binary given")
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "assent-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the database runs as another user
		return nil, err
	}
	b := &bench{Config: c, dir: dir, report: newReport(c)}
	defer b.stop()
	if err := b.verification(ctx); err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	if err := b.idle(ctx); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := b.row(ctx, r); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	if err := b.memory(func(m *Memory) *int64 { return &m.AfterRun }); err != nil {
		return nil, err
	}
	if err := b.coldStarts(ctx); err != nil {
		return nil, fmt.Errorf("cold start: %w", err)
	}
	return b.report, nil
}

// start brings up every server of the run.
func (b *bench) start(ctx context.Context) error {
	if b.has("sqlite") {
		if err := b.startPair(ctx, "SQLite", "sqlite"); err != nil {
			return err
		}
	}
	if b.has("postgres") {
		if err := b.startPair(ctx, "PostgreSQL", "postgres"); err != nil {
			return err
		}
		return b.noteVersion(ctx, b.servers[len(b.servers)-1].dsn)
	}
	return nil
}

// noteVersion puts the version of the database into the report.
func (b *bench) noteVersion(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.QueryRow(ctx, "SHOW server_version").Scan(&b.report.Machine.PostgreSQL)
}

// startPair starts the floor and Assent, each on a database of its own.
func (b *bench) startPair(ctx context.Context, label, database string) error {
	for _, kind := range []string{"floor", "assent"} {
		if kind == "assent" && b.Assent == "" {
			continue
		}
		s := &server{kind: kind, label: label, database: database, dir: filepath.Join(b.dir, kind+"-"+database)}
		b.servers = append(b.servers, s)
		b.logf("starting %s on %s", kind, label)
		if err := s.open(ctx, b.Config); err != nil {
			return fmt.Errorf("start %s on %s: %w", kind, label, err)
		}
	}
	return nil
}

func (b *bench) stop() {
	for _, s := range slices.Backward(b.servers) {
		s.close()
	}
}

// processors is what the machine has, for the report.
func processors() int { return runtime.NumCPU() }
