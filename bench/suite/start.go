package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/assent-id/assent/bench/child"
	"github.com/assent-id/assent/bench/proc"
)

// settle is how long a server is left alone before its idle memory is read.
const settle = 2 * time.Second

// idle reads the memory of every server before any load.
func (b *bench) idle(ctx context.Context) error {
	for _, s := range b.servers {
		b.report.Memory = append(b.report.Memory, &Memory{Kind: s.kind, Database: s.label})
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.memory(func(m *Memory) *int64 { return &m.Idle })
}

// memory reads the resident memory of every server into the chosen field, and
// that of the databases beside.
func (b *bench) memory(field func(*Memory) *int64) error {
	for i, s := range b.servers {
		m := b.report.Memory[i]
		var err error
		if *field(m), err = proc.Memory(s.process.PID()); err != nil {
			return err
		}
		if s.cluster == nil {
			continue
		}
		if m.DatabaseAfterRun, err = proc.Memory(s.cluster.PID()); err != nil {
			return err
		}
	}
	return nil
}

// coldStarts measures how long servers take from exec to ready.
func (b *bench) coldStarts(ctx context.Context) error {
	if b.Starts == 0 {
		return nil
	}
	for _, s := range b.servers {
		if s.kind != "assent" {
			continue
		}
		exists, err := s.restarts(ctx, b.Starts)
		if err != nil {
			return fmt.Errorf("existing database on %s: %w", s.label, err)
		}
		first, err := s.firstRuns(ctx, b.Starts)
		if err != nil {
			return fmt.Errorf("first run on %s: %w", s.label, err)
		}
		b.report.Starts = append(b.report.Starts, StartResult{
			Kind: s.kind, Database: s.label, FirstMillis: first, ExistsMillis: exists,
		})
		b.logf("%s on %s: first run %.0f ms, existing database %.0f ms", s.kind, s.label, first, exists)
	}
	return nil
}

// restarts stops and starts the server on the database of the whole run and
// returns the median in milliseconds.
func (s *server) restarts(ctx context.Context, n int) (float64, error) {
	times := make([]float64, n)
	for i := range times {
		s.process.Stop()
		took, err := s.serve(ctx)
		if err != nil {
			return 0, err
		}
		times[i] = float64(took) / float64(time.Millisecond)
	}
	return median(times), nil
}

// firstRuns starts servers on databases that do not exist yet (SQLite) or are
// empty (PostgreSQL) and returns the median in milliseconds.
func (s *server) firstRuns(ctx context.Context, n int) (float64, error) {
	times := make([]float64, n)
	for i := range times {
		took, err := s.firstRun(ctx, i)
		if err != nil {
			return 0, err
		}
		times[i] = float64(took) / float64(time.Millisecond)
	}
	return median(times), nil
}

func (s *server) firstRun(ctx context.Context, i int) (time.Duration, error) {
	fresh := *s
	fresh.dir = filepath.Join(s.dir, fmt.Sprintf("first-%d", i))
	if err := os.Mkdir(fresh.dir, 0o755); err != nil {
		return 0, err
	}
	fresh.dsn = filepath.Join(fresh.dir, "data.db")
	if s.cluster != nil {
		dsn, err := s.cluster.CreateDatabase(ctx)
		if err != nil {
			return 0, err
		}
		fresh.dsn = dsn
	}
	port, err := child.FreePort()
	if err != nil {
		return 0, err
	}
	fresh.address = fmt.Sprintf("127.0.0.1:%d", port)
	fresh.host = fmt.Sprintf("localhost:%d", port)
	fresh.issuer = "http://" + fresh.host
	took, err := fresh.serve(ctx)
	if fresh.process != nil {
		fresh.process.Stop()
	}
	return took, err
}
