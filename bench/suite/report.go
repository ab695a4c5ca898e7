package suite

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/bench/verify"
)

// A Report is one run. It marshals to the JSON that bench/results keeps.
type Report struct {
	At      time.Time     `json:"at"`
	Machine Machine       `json:"machine"`
	Plan    Plan          `json:"plan"`
	Rows    []RowResult   `json:"rows"`
	Starts  []StartResult `json:"starts,omitempty"`
	Memory  []*Memory     `json:"memory"`
	// Verification is what sdk/resource costs, in this process.
	Verification []verify.Row `json:"verification,omitempty"`
}

// Machine is where the run happened.
type Machine struct {
	Processors int    `json:"processors"`
	Model      string `json:"model"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql,omitempty"`
	LoadBefore string `json:"load_average_before"`
}

// Plan is how the run was done.
type Plan struct {
	Rounds         int     `json:"rounds"`
	Connections    int     `json:"connections"`
	WarmSeconds    float64 `json:"warm_up_seconds"`
	MeasureSeconds float64 `json:"window_seconds"`
	MeasureOps     int     `json:"window_operations_at_most"`
}

// A RowResult is one operation on every server.
type RowResult struct {
	Key          string  `json:"key"`
	Name         string  `json:"name"`
	TargetRatio  float64 `json:"target_ratio,omitempty"`
	TargetMicros float64 `json:"target_micros,omitempty"`
	Rate         float64 `json:"offered_per_second,omitempty"` // 0: a closed loop
	Cells        []Cell  `json:"cells"`
}

// A Cell is one operation on one server: medians over the windows.
type Cell struct {
	Kind     string   `json:"server"`
	Database string   `json:"database"`
	Median   Sample   `json:"median"`
	Ratio    float64  `json:"ratio_to_floor,omitempty"` // 0: no floor
	Met      *bool    `json:"target_met,omitempty"`     // nil: no target
	Samples  []Sample `json:"samples"`
}

// A StartResult is how long one server took from exec to a 200 of /readyz.
type StartResult struct {
	Kind         string  `json:"server"`
	Database     string  `json:"database"`
	FirstMillis  float64 `json:"first_run_ms"`
	ExistsMillis float64 `json:"existing_database_ms"`
}

// Memory is the resident memory of one server in bytes.
type Memory struct {
	Kind     string `json:"server"`
	Database string `json:"database"`
	Idle     int64  `json:"idle_bytes"`
	AfterRun int64  `json:"after_run_bytes"`
	// DatabaseAfterRun is what the processes of PostgreSQL hold, beside.
	DatabaseAfterRun int64 `json:"database_after_run_bytes,omitempty"`
}

func newReport(c Config) *Report {
	return &Report{
		At: time.Now().UTC().Truncate(time.Second),
		Machine: Machine{
			Processors: processors(), Go: runtime.Version(),
			Model:  lineOf("/proc/cpuinfo", "model name"),
			Kernel: firstLine("/proc/sys/kernel/osrelease"), LoadBefore: firstLine("/proc/loadavg"),
		},
		Plan: Plan{
			Rounds: c.Rounds, Connections: c.Connections, WarmSeconds: c.Warm.For.Seconds(),
			MeasureSeconds: c.Measure.For.Seconds(), MeasureOps: c.Measure.Count,
		},
	}
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// lineOf returns the value of the first "name : value" line of a file.
func lineOf(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name); found {
			return strings.Trim(rest, " \t:\n")
		}
	}
	return ""
}

func newCell(s *server, samples []Sample) Cell {
	of := func(f func(Sample) float64) float64 {
		values := make([]float64, len(samples))
		for i, sample := range samples {
			values[i] = f(sample)
		}
		return median(values)
	}
	return Cell{
		Kind: s.kind, Database: s.label, Samples: samples,
		Median: Sample{
			Micros:    of(func(s Sample) float64 { return s.Micros }),
			PerSecond: of(func(s Sample) float64 { return s.PerSecond }),
			P50Millis: of(func(s Sample) float64 { return s.P50Millis }),
			P99Millis: of(func(s Sample) float64 { return s.P99Millis }),
			Ops:       int(of(func(s Sample) float64 { return float64(s.Ops) })),
		},
	}
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// floor returns the cell that a database is compared with: the floor on the
// same database, or the only floor there is.
func (r *RowResult) floor(database string) *Cell {
	var only *Cell
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Kind != "floor" {
			continue
		}
		if c.Database == database {
			return c
		}
		only = c
	}
	return only
}

// cell returns Assent's cell on a database, or nil.
func (r *RowResult) cell(database string) *Cell {
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Kind == "assent" && c.Database == database {
			return c
		}
	}
	return nil
}

// Targets of a row with an offered rate: the p50 as a multiple of the floor's,
// the p99 in milliseconds.
const (
	offeredP50 = 1.2
	offeredP99 = 5
)

// smoke says that the windows are too short for the clock that the kernel
// counts processor time with, so that no figure means anything.
func (p Plan) smoke() bool { return p.MeasureOps < smokeCount }

// smokeCount is how many operations a window must have room for.
const smokeCount = 1000

// judge fills in ratios and, unless it was a smoke run, verdicts.
func (r *RowResult) judge(smoke bool) {
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Kind == "floor" {
			continue
		}
		f := r.floor(c.Database)
		if f != nil && f.Median.Micros > 0 {
			c.Ratio = c.Median.Micros / f.Median.Micros
		}
		if smoke {
			continue
		}
		switch {
		case r.Rate > 0 && f != nil:
			met := c.Median.P50Millis <= offeredP50*f.Median.P50Millis && c.Median.P99Millis <= offeredP99
			c.Met = &met
		case r.TargetRatio > 0 && c.Ratio > 0:
			met := c.Ratio <= r.TargetRatio
			c.Met = &met
		case r.TargetMicros > 0:
			met := c.Median.Micros <= r.TargetMicros
			c.Met = &met
		}
	}
}
