package suite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/bench/load"
	"github.com/assent-id/assent/bench/proc"
)

// A Sample is one window on one server.
type Sample struct {
	Micros    float64 `json:"cpu_micros_per_op"`
	PerSecond float64 `json:"ops_per_second"`
	P50Millis float64 `json:"p50_ms"`
	P99Millis float64 `json:"p99_ms"`
	Ops       int     `json:"ops"`
}

// row measures one row: every server in turn, as often as there are rounds.
func (b *bench) row(ctx context.Context, r row) error {
	servers := b.contenders(r)
	if !b.wants(r) || len(servers) == 0 {
		return nil
	}
	result := RowResult{Key: r.key, Name: r.name, TargetRatio: r.ratio, TargetMicros: r.micros, Rate: r.rate}
	samples := map[*server][]Sample{}
	for round := range b.Rounds {
		for _, s := range servers {
			sample, err := b.window(ctx, r, s)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", s.kind, s.label, err)
			}
			samples[s] = append(samples[s], sample)
			b.logf("%-36s round %d  %-6s %-10s %8.1f µs %9.0f/s  p50 %6.2f ms  p99 %6.2f ms",
				r.name, round+1, s.kind, s.label, sample.Micros, sample.PerSecond, sample.P50Millis, sample.P99Millis)
		}
	}
	for _, s := range servers {
		result.Cells = append(result.Cells, newCell(s, samples[s]))
	}
	result.judge(b.report.Plan.smoke())
	b.report.Rows = append(b.report.Rows, result)
	return nil
}

// contenders lists the servers that a row is measured on. Where nothing is
// written, one floor stands for all databases.
func (b *bench) contenders(r row) []*server {
	var list []*server
	floor := false
	for _, s := range b.servers {
		if s.kind == "floor" {
			if r.noFloor || (floor && !r.stores) {
				continue
			}
			floor = true
		}
		list = append(list, s)
	}
	return list
}

// operations is how many a window of a row can need at most.
func (b *bench) operations(r row) int {
	if r.rate == 0 {
		return b.Warm.Count + b.Measure.Count
	}
	return b.Warm.Count + min(b.Measure.Count, int(r.rate*b.Measure.For.Seconds())+b.Connections)
}

// window performs one window of a row on one server.
func (b *bench) window(ctx context.Context, r row, s *server) (Sample, error) {
	steps, closeAll, err := r.steps(s, b.Connections, b.operations(r))
	if err != nil {
		return Sample{}, err
	}
	defer closeAll()
	var before, after time.Duration
	read := func(into *time.Duration) func() error {
		return func() (err error) {
			*into, err = proc.CPU(s.pids()...)
			return err
		}
	}
	measure, profiled := b.Measure, func() error { return nil }
	measure.Rate = r.rate
	result, err := load.Run(ctx, load.Work{
		Steps: steps, Warm: b.Warm, Measure: measure,
		Begin: func() error { profiled = b.profile(r, s); return read(&before)() }, End: read(&after),
	})
	err = errors.Join(err, profiled())
	if err != nil {
		return Sample{}, fmt.Errorf("%w (server says: %s)", err, s.process.Output())
	}
	millis := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return Sample{
		Micros:    float64(after-before) / float64(time.Microsecond) / float64(result.Ops),
		PerSecond: float64(result.Ops) / result.Elapsed.Seconds(),
		P50Millis: millis(result.P50), P99Millis: millis(result.P99), Ops: result.Ops,
	}, nil
}
