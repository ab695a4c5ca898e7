package server_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// An operator may send the hash of a decision as the nonce of a sign-in. What
// the person's passkey signs then is no yes; the same decision, signed as one,
// is.
func TestWhatASignInSignsIsNoDecision(t *testing.T) {
	f := newFamily(t, servertest.Start(t, nil), "domains")
	statement, err := f.person.Statement(t.Context(), f.waiting)
	servertest.Check(t, err)
	wanted, err := softperson.NewDecision(statement, evidence.Approve)
	servertest.Check(t, err)
	honest, err := f.person.Sign(wanted.Decision)
	servertest.Check(t, err)
	lured, err := f.person.Key.Assert(passkey.SignInChallenge(wanted.Challenge[:]))
	servertest.Check(t, err)
	forged := softperson.Answer{Decision: honest.Decision, Assertion: lured}
	if got := code(t, f.person.Send(t.Context(), f.waiting, forged)); got != "passkey_invalid" {
		t.Errorf("a sign-in for a yes is answered with %q", got)
	}
	if got := code(t, f.person.Send(t.Context(), f.waiting, honest)); got != "" {
		t.Errorf("the decision itself is refused: %s", got)
	}
}
