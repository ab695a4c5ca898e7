package suite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/bench/verify"
)

// verifyKey names the verification among the rows.
const verifyKey = "verify"

const (
	verifyRounds = 3    // at least
	verifyOps    = 2000 // of a round, at most
)

// verification measures sdk/resource before the servers start, while nothing else
// runs.
func (b *bench) verification(ctx context.Context) (err error) {
	if len(b.Rows) > 0 && !slices.Contains(b.Rows, verifyKey) {
		return nil
	}
	b.logf("verification in sdk/resource")
	b.report.Verification, err = verify.Run(ctx, max(b.Rounds, verifyRounds), min(b.Measure.Count, verifyOps))
	return err
}

func (r *Report) verifications(b *strings.Builder) {
	if len(r.Verification) == 0 {
		return
	}
	b.WriteString("## Verification of an access token in sdk/resource, warm, µs\n\n")
	b.WriteString("| algorithm | bare signature check | verify in sdk/resource | ratio | target | met | allocations, of them for the signature |\n|---|--:|--:|--:|--:|---|--:|\n")
	for _, row := range r.Verification {
		fmt.Fprintf(b, "| %s | %.1f | %.1f | %.2f | ≤ %.2f × | %s | %.0f, %.0f |\n", row.Alg, row.Bare, row.Verify, row.Ratio,
			verify.Target, verdict(&Cell{Met: &row.Met}), row.VerifyAllocs, row.BareAllocs)
	}
	b.WriteString("\n")
}
