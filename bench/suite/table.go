package suite

import (
	"fmt"
	"strings"
)

// Markdown writes the report as tables for people.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmark of %s\n\n", r.At.Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "%d × %s, Linux %s, %s", r.Machine.Processors, r.Machine.Model, r.Machine.Kernel, r.Machine.Go)
	if r.Machine.PostgreSQL != "" {
		fmt.Fprintf(&b, ", PostgreSQL %s", r.Machine.PostgreSQL)
	}
	fmt.Fprintf(&b, "; load average at the start %s.\n", r.Machine.LoadBefore)
	fmt.Fprintf(&b, "%d connections; medians of %d windows of %g s (at most %d operations) after %g s of warm-up; servers in turns.\n\n",
		r.Plan.Connections, r.Plan.Rounds, r.Plan.MeasureSeconds, r.Plan.MeasureOps, r.Plan.WarmSeconds)
	if r.Plan.smoke() {
		b.WriteString("**A smoke run: the times below mean nothing.**\n\n")
	}
	r.costs(&b)
	r.verifications(&b)
	r.speeds(&b)
	r.starts(&b)
	r.memories(&b)
	return b.String()
}

// costs is the table that the targets are about.
func (r *Report) costs(b *strings.Builder) {
	b.WriteString("## Processor time per operation, µs, over all server-side processes\n\n")
	b.WriteString("| operation | database | floor | Assent | ratio | target | met |\n|---|---|--:|--:|--:|--:|---|\n")
	for i := range r.Rows {
		row := &r.Rows[i]
		for _, database := range []string{"SQLite", "PostgreSQL"} {
			floor, cell := row.floor(database), row.cell(database)
			if cell == nil && (floor == nil || floor.Database != database) {
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", row.Name, database,
				micros(floor), micros(cell), ratio(cell), row.target(), verdict(cell))
		}
	}
	b.WriteString("\n")
}

func micros(c *Cell) string {
	if c == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", c.Median.Micros)
}

func ratio(c *Cell) string {
	if c == nil || c.Ratio == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", c.Ratio)
}

func verdict(c *Cell) string {
	switch {
	case c == nil || c.Met == nil:
		return "–"
	case *c.Met:
		return "yes"
	}
	return "**no**"
}

func (r *RowResult) target() string {
	switch {
	case r.TargetRatio > 0:
		return fmt.Sprintf("≤ %.2f ×", r.TargetRatio)
	case r.Rate > 0:
		return fmt.Sprintf("p50 ≤ %.1f ×, p99 ≤ %d ms", offeredP50, offeredP99)
	case r.TargetMicros > 0:
		return fmt.Sprintf("≤ %.0f µs", r.TargetMicros)
	}
	return "–"
}

// speeds is throughput and latency under the closed loop, with the generator
// on the same processors.
func (r *Report) speeds(b *strings.Builder) {
	b.WriteString("## Throughput and latency, generator on the same processors\n\n")
	b.WriteString("| operation | server | per second | p50, ms | p99, ms |\n|---|---|--:|--:|--:|\n")
	for _, row := range r.Rows {
		for _, c := range row.Cells {
			fmt.Fprintf(b, "| %s | %s, %s | %.0f | %.2f | %.2f |\n", row.Name, title(c.Kind), c.Database,
				c.Median.PerSecond, c.Median.P50Millis, c.Median.P99Millis)
		}
	}
	b.WriteString("\n")
}

func title(kind string) string {
	if kind == "assent" {
		return "Assent"
	}
	return kind
}

// Targets of the start, in milliseconds, and of memory, in MiB.
const (
	firstTarget  = 300
	existsTarget = 60
	idleTarget   = 25
	runTarget    = 60
)

func (r *Report) starts(b *strings.Builder) {
	if len(r.Starts) == 0 {
		return
	}
	fmt.Fprintf(b, "## Cold start, from exec to a 200 of /readyz, ms (targets: first run ≤ %d, existing database ≤ %d)\n\n", firstTarget, existsTarget)
	b.WriteString("| server | first run | existing database |\n|---|--:|--:|\n")
	for _, s := range r.Starts {
		fmt.Fprintf(b, "| %s, %s | %.0f | %.0f |\n", title(s.Kind), s.Database, s.FirstMillis, s.ExistsMillis)
	}
	b.WriteString("\n")
}

func (r *Report) memories(b *strings.Builder) {
	fmt.Fprintf(b, "## Resident memory, MiB (targets: idle ≤ %d, after the run ≤ %d on SQLite)\n\n", idleTarget, runTarget)
	b.WriteString("| server | idle | after the run | PostgreSQL beside it |\n|---|--:|--:|--:|\n")
	for _, m := range r.Memory {
		database := "–"
		if m.DatabaseAfterRun > 0 {
			database = mebibytes(m.DatabaseAfterRun)
		}
		fmt.Fprintf(b, "| %s, %s | %s | %s | %s |\n", title(m.Kind), m.Database, mebibytes(m.Idle), mebibytes(m.AfterRun), database)
	}
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
