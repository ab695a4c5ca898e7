package suite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A GrowthReport is what growth costs. It marshals to the JSON that bench/results
// keeps.
type GrowthReport struct {
	At      time.Time   `json:"at"`
	Machine Machine     `json:"machine"`
	Plan    Plan        `json:"plan"`
	Sizes   Sizes       `json:"identities"`
	Filled  []Filled    `json:"filled"`
	Rows    []GrowthRow `json:"rows"`
	Scans   []Scan      `json:"scans"`
}

// Filled is how one database was filled.
type Filled struct {
	Database   string  `json:"database"`
	Identities int     `json:"identities"`
	Seconds    float64 `json:"seconds"`
	Bytes      int64   `json:"bytes"`
}

// A GrowthRow is one operation on one engine, small and large.
type GrowthRow struct {
	Key      string  `json:"key"`
	Name     string  `json:"name"`
	Database string  `json:"database"`
	Small    Cell    `json:"small"`
	Large    Cell    `json:"large"`
	Ratio    float64 `json:"ratio,omitempty"`
	Met      *bool   `json:"target_met,omitempty"`
}

func (r *GrowthRow) judge(smoke bool) {
	if r.Small.Median.Micros > 0 {
		r.Ratio = r.Large.Median.Micros / r.Small.Median.Micros
	}
	if !smoke && r.Ratio > 0 {
		met := r.Ratio <= growthTarget
		r.Met = &met
	}
}

// Markdown writes the report as tables for people.
func (r *GrowthReport) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Growth from %d to %d identities, grants and passkeys, %s\n\n", r.Sizes.Small, r.Sizes.Large, r.At.Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "%d × %s, Linux %s, %s; load average at the start %s.\n", r.Machine.Processors, r.Machine.Model, r.Machine.Kernel,
		r.Machine.Go, r.Machine.LoadBefore)
	fmt.Fprintf(&b, "%d connections; medians of %d windows of %g s (at most %d operations) after %g s of warm-up; databases in turns.\n\n",
		r.Plan.Connections, r.Plan.Rounds, r.Plan.MeasureSeconds, r.Plan.MeasureOps, r.Plan.WarmSeconds)
	if r.Plan.smoke() {
		b.WriteString("**A smoke run: the times below mean nothing.**\n\n")
	}
	fmt.Fprintf(&b, "| operation | database | %d, µs | %d, µs | ratio | target | met |\n|---|---|--:|--:|--:|--:|---|\n", r.Sizes.Small, r.Sizes.Large)
	for i := range r.Rows {
		row := &r.Rows[i]
		shown := Cell{Ratio: row.Ratio, Met: row.Met}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | ≤ %.1f × | %s |\n", row.Name, row.Database, micros(&row.Small), micros(&row.Large),
			ratio(&shown), growthTarget, verdict(&shown))
	}
	b.WriteString("\n| database | identities | MiB | filled in, s |\n|---|--:|--:|--:|\n")
	for _, f := range r.Filled {
		fmt.Fprintf(&b, "| %s | %d | %s | %.0f |\n", f.Database, f.Identities, mebibytes(f.Bytes), f.Seconds)
	}
	r.scanned(&b)
	return b.String()
}

// scanned lists what PostgreSQL read without an index on the large database.
func (r *GrowthReport) scanned(b *strings.Builder) {
	if len(r.Scans) == 0 {
		return
	}
	b.WriteString("\nTables that PostgreSQL read from end to end on the large database, upkeep included:\n\n| table | times | rows each time |\n|---|--:|--:|\n")
	for _, s := range r.Scans {
		fmt.Fprintf(b, "| %s | %d | %d |\n", s.Table, s.Times, s.Rows/max(1, s.Times))
	}
}

// A Scan is a table that was read from end to end.
type Scan struct {
	Table string `json:"table"`
	Times int64  `json:"times"`
	Rows  int64  `json:"rows_read"`
}

// smallTable is how many rows a table has that is better read whole.
const smallTable = 200

// scans are the counters of PostgreSQL for sequential scans; nil on SQLite, which
// counts none.
type scans map[string]Scan

func (s *server) scans(ctx context.Context) (scans, error) {
	if s.cluster == nil {
		return nil, nil
	}
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT relname, coalesce(seq_scan, 0), coalesce(seq_tup_read, 0) FROM pg_stat_user_tables`)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Scan])
	found := make(scans, len(list))
	for _, scan := range list {
		found[scan.Table] = scan
	}
	return found, err
}

// since lists what was read from end to end in between and is not small.
func (s scans) since(before scans) []Scan {
	var list []Scan
	for table, now := range s {
		d := Scan{Table: table, Times: now.Times - before[table].Times, Rows: now.Rows - before[table].Rows}
		if d.Times > 0 && d.Rows/d.Times > smallTable {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Scan) int { return strings.Compare(a.Table, b.Table) })
	return list
}
