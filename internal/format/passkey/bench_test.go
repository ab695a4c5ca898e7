package passkey_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
)

func BenchmarkAssertion(b *testing.B) {
	s, c := registered(b)
	challenge := passkey.NewChallenge()
	response := assert(b, s, challenge)
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := passkey.ParseAssertion(response); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ParseAndVerify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a, err := passkey.ParseAssertion(response)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := a.Verify(rp, challenge, c); err != nil {
				b.Fatal(err)
			}
		}
	})
}
