package passkey_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/sdk/evidence"
)

// The value was computed with sha256sum, not with this package.
func TestTheChallengeOfASignInIsTheHashOfItsNameAndTheNonce(t *testing.T) {
	nonce := make([]byte, 32)
	for i := range nonce {
		nonce[i] = byte(i)
	}
	const want = "17c1af1ab44aaa2cfb868547d7a6ad95188bee36af9a6f69ed539662b93b73cc"
	if got := hex.EncodeToString(passkey.SignInChallenge(nonce)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The worst that a server can send as a nonce is the hash of a decision that it
// wants to be a yes.
func TestASignInIsNeverADecisionNorADecisionASignIn(t *testing.T) {
	decision, err := evidence.Decision{Typ: evidence.DecisionType, Statement: evidence.Hash([]byte("statement")),
		Answer: evidence.Deny, At: 1_700_000_000}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if decision[0] != '{' {
		t.Errorf("a decision begins with %q: it may be the preimage of a sign-in", decision[0])
	}
	yes := evidence.Challenge(decision)
	signIn := passkey.SignInChallenge(yes[:])
	tests := []struct {
		name             string
		signed, expected []byte
		want             error
	}{
		{"a decision as itself", yes[:], yes[:], nil},
		{"a sign-in as itself", signIn, signIn, nil},
		{"a sign-in as a decision", signIn, yes[:], passkey.ErrRefused},
		{"a decision as a sign-in", yes[:], signIn, passkey.ErrRefused},
	}
	device, credential := registered(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(assert(t, device, tt.signed), tt.expected, credential)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
