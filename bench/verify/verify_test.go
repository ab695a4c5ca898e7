package verify_test

import (
	"testing"

	"github.com/assent-id/assent/bench/verify"
)

// A run fails on the first wrong answer. Times are not looked at here; what is
// allocated is: beside what the signature needs, the token and its claims.
//
// Requirement: mw-cost
func TestVerificationAllocatesItsClaimsAndNothingElse(t *testing.T) {
	rows, err := verify.Run(t.Context(), 3, 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if own := row.VerifyAllocs - row.BareAllocs; own < 1 || own > 4+forgotten { // a stray one of the background may be among them
			t.Errorf("%s: %v allocations, %v of them for the signature", row.Alg, row.VerifyAllocs, row.BareAllocs)
		}
	}
	if len(rows) != 2 {
		t.Error(rows)
	}
}
