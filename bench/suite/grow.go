package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/assent-id/assent/bench/fill"
)

// growthTarget is what an operation may cost on a large database, as a multiple
// of what it costs on a small one.
const growthTarget = 1.2

// growthRows are what is measured on a small and on a large database. Visitors and
// tokens are of people all over the database.
var growthRows = []row{
	{key: "secret", name: "client_credentials, secret", steps: secretSteps},
	{key: "code", name: "code + PKCE, authorize to tokens", stores: true, steps: codeSteps},
	{key: "refresh", name: "refresh with rotation", stores: true, steps: refreshSteps},
	{key: "introspect", name: "introspection of people's JWTs", steps: introspectPeopleSteps},
	{key: "ciba", name: "whole CIBA approval", stores: true, steps: cibaSteps},
}

// Sizes are how many identities, grants and passkeys the two databases have.
type Sizes struct {
	Small int `json:"small"`
	Large int `json:"large"`
}

// GrowthSizes are those of the target.
func GrowthSizes() Sizes { return Sizes{Small: 1_000, Large: 1_000_000} }

func (s Sizes) validate() error {
	if s.Small < 100 || s.Large < s.Small {
		return fmt.Errorf("databases of %d and %d identities; both have at least 100, and the second is the larger one", s.Small, s.Large)
	}
	return nil
}

// Grow measures what operations cost on a small and on a large database, in turns,
// one engine after the other. Everything it starts has ended when it returns.
func Grow(ctx context.Context, c Config, sizes Sizes) (*GrowthReport, error) {
	if c.Assent == "" {
		return nil, errors.New("no Assent binary given")
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := sizes.validate(); err != nil {
		return nil, err
	}
	base := newReport(c)
	report := &GrowthReport{At: base.At, Machine: base.Machine, Plan: base.Plan, Sizes: sizes}
	for _, engine := range [][2]string{{"SQLite", "sqlite"}, {"PostgreSQL", "postgres"}} {
		if !c.has(engine[1]) {
			continue
		}
		if err := growOn(ctx, c, report, engine); err != nil {
			return nil, fmt.Errorf("growth on %s: %w", engine[0], err)
		}
	}
	return report, nil
}

// growOn measures one engine.
func growOn(ctx context.Context, c Config, report *GrowthReport, engine [2]string) error {
	dir, err := os.MkdirTemp("", "assent-growth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the database runs as another user
		return err
	}
	b := &bench{Config: c, dir: dir}
	defer b.stop()
	for _, n := range []int{report.Sizes.Small, report.Sizes.Large} {
		filled, err := b.startFilled(ctx, engine, n)
		if err != nil {
			return fmt.Errorf("%d identities: %w", n, err)
		}
		report.Filled = append(report.Filled, filled)
	}
	small, large := b.servers[0], b.servers[1]
	before, err := large.scans(ctx)
	if err != nil {
		return err
	}
	for _, r := range growthRows {
		if !b.wants(r) {
			continue
		}
		if err := b.grow(ctx, report, r, [2]*server{small, large}); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	after, err := large.scans(ctx)
	report.Scans = append(report.Scans, after.since(before)...)
	return err
}

// startFilled makes a database, fills it, and starts Assent on it.
func (b *bench) startFilled(ctx context.Context, engine [2]string, n int) (Filled, error) {
	s := &server{kind: "assent", label: engine[0], database: engine[1], fill: n, dir: filepath.Join(b.dir, fmt.Sprintf("%s-%d", engine[1], n))}
	b.servers = append(b.servers, s)
	b.logf("filling %s with %d identities", s.label, n)
	if err := s.open(ctx, b.Config); err != nil {
		return Filled{}, err
	}
	bytes, err := s.size(ctx)
	if err != nil {
		return Filled{}, err
	}
	b.logf("filled %s with %d identities: %.0f MiB in %.0f s", s.label, n, float64(bytes)/(1<<20), s.filling.Seconds())
	return Filled{Database: s.label, Identities: n, Seconds: s.filling.Seconds(), Bytes: bytes}, s.welcome()
}

// fillDatabase writes what a year of use leaves, before the server starts.
func (s *server) fillDatabase(ctx context.Context) error {
	if s.fill == 0 {
		return nil
	}
	started := time.Now()
	err := fill.Fill(ctx, fill.Plan{Database: s.dsn, Identities: s.fill, Issuer: s.issuer, Shop: shopID,
		Scopes: strings.Fields(personScope), Now: started})
	s.filling = time.Since(started)
	return err
}

// mostVisitors bounds how many of the people in a database visit.
const mostVisitors = 20_000

// welcome takes up the sessions that are in a filled database, spread over all of
// it. The name of their cookie is that of somebody who signed in.
func (s *server) welcome() error {
	if err := s.seatPeople(1); err != nil {
		return err
	}
	name, _, _ := strings.Cut(s.pairs[0].person.cookie()[1], "=")
	there := s.fill / 2
	s.visitors = make([]visitor, min(there, mostVisitors))
	for i := range s.visitors {
		s.visitors[i] = visitor{cookie: [2]string{"Cookie", name + "=" + fill.Cookie(i*there/len(s.visitors))}}
	}
	return nil
}

// grow measures one row on the small and the large database in turns.
func (b *bench) grow(ctx context.Context, report *GrowthReport, r row, servers [2]*server) error {
	var samples [2][]Sample
	for round := range b.Rounds {
		for i, s := range servers {
			sample, err := b.window(ctx, r, s)
			if err != nil {
				return fmt.Errorf("%d identities: %w", s.fill, err)
			}
			samples[i] = append(samples[i], sample)
			b.logf("%-34s round %d  %-10s %8d identities %8.1f µs %8.0f/s  p50 %6.2f ms  p99 %6.2f ms",
				r.name, round+1, s.label, s.fill, sample.Micros, sample.PerSecond, sample.P50Millis, sample.P99Millis)
		}
	}
	result := GrowthRow{Key: r.key, Name: r.name, Database: servers[0].label,
		Small: newCell(servers[0], samples[0]), Large: newCell(servers[1], samples[1])}
	result.judge(b.Measure.Count < smokeCount)
	report.Rows = append(report.Rows, result)
	return nil
}

// size is how many bytes a database takes.
func (s *server) size(ctx context.Context) (size int64, err error) {
	if s.cluster == nil {
		info, err := os.Stat(s.dsn)
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&size)
	return size, err
}
