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
	const claims = 3 // the token, the claims as text, and its scopes
	rows, err := verify.Run(t.Context(), 5, 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if own := row.VerifyAllocs - row.BareAllocs; own < claims || own > claims+forgotten {
			t.Errorf("%s: %v allocations, %v of them for the signature, want %v beside those", row.Alg, row.VerifyAllocs, row.BareAllocs, claims)
		}
	}
	if len(rows) != 2 {
		t.Error(rows)
	}
}
