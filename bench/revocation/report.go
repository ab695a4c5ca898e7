package revocation

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Report is one run. It marshals to the JSON that bench/results keeps.
type Report struct {
	At          time.Time `json:"at"`
	Processors  int       `json:"processors"`
	Revocations int       `json:"revocations"`
	Nodes       int       `json:"nodes"`
	Servers     int       `json:"resource_servers"`
	// Milliseconds until a resource server refused a revoked token, since the
	// management API had answered, and since it was asked.
	AfterAnswer  Distribution `json:"after_answer_ms"`
	AfterRequest Distribution `json:"after_request_ms"`
	StillRefused bool         `json:"still_refused_after_restart"`
	Samples      int          `json:"samples"`

	answers, requests []float64
}

// A Distribution of milliseconds.
type Distribution struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
	// Over counts those that took more than a second.
	Over int `json:"over_a_second"`
}

func newReport(c Config) *Report {
	return &Report{At: time.Now().UTC().Truncate(time.Second), Processors: runtime.NumCPU(),
		Revocations: c.Revocations, Nodes: c.Nodes, Servers: c.Servers}
}

func (r *Report) add(samples []sample) {
	for _, s := range samples {
		r.answers = append(r.answers, s.afterAnswer.Seconds()*1000)
		r.requests = append(r.requests, s.afterRequest.Seconds()*1000)
	}
}

func (r *Report) settle() {
	r.Samples = len(r.answers)
	r.AfterAnswer, r.AfterRequest = distribution(r.answers), distribution(r.requests)
}

func distribution(millis []float64) Distribution {
	if len(millis) == 0 {
		return Distribution{}
	}
	sorted := slices.Sorted(slices.Values(millis))
	at := func(q float64) float64 { return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)] }
	first := slices.IndexFunc(sorted, func(m float64) bool { return m > 1000 })
	over := 0
	if first >= 0 {
		over = len(sorted) - first
	}
	return Distribution{P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: sorted[len(sorted)-1], Over: over}
}

// Markdown is the report for people.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Revocation, %s\n\n", r.At.Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(&b, "%d revocations of all tokens of a client, alternating between %d nodes on one PostgreSQL; %d resource servers as processes of their own, which verify tokens by themselves "+
		"and follow the revocation feed; %d processors for all of it. Each token was asked about every millisecond until it was refused: %d samples.\n\n", r.Revocations, r.Nodes, r.Servers, r.Processors, r.Samples)
	b.WriteString("| milliseconds until refused | p50 | p90 | p99 | p99.9 | most | over a second |\n|---|---|---|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		d    Distribution
	}{{"since the management API had answered", r.AfterAnswer}, {"since it was asked", r.AfterRequest}} {
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.1f | %.1f | %.1f | %d |\n", row.name, row.d.P50, row.d.P90, row.d.P99, row.d.P999, row.d.Max, row.d.Over)
	}
	if r.StillRefused {
		b.WriteString("\nAfter a restart of all nodes and resource servers the last revoked token was still refused, and a new one was taken.\n")
	}
	return b.String()
}
