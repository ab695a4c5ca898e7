package passkey_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
)

const origin = "https://id.example.com"

var (
	rp   = passkey.RP{ID: "id.example.com", Name: "Example", Origins: []string{origin, "https://app.example.com"}}
	user = passkey.User{Handle: []byte("handle-of-ada"), Name: "ada", DisplayName: "Ada"}
)

// registered returns a software passkey and what the server stores of it.
func registered(tb testing.TB) (*passkey.Software, passkey.Credential) {
	tb.Helper()
	s, err := passkey.NewSoftware(rp.ID, origin)
	if err != nil {
		tb.Fatal(err)
	}
	challenge := passkey.NewChallenge()
	response, err := s.Create(creation(tb, challenge))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := passkey.VerifyRegistration(rp, challenge, response)
	if err != nil {
		tb.Fatal(err)
	}
	return s, c
}

func creation(tb testing.TB, challenge []byte, exclude ...[]byte) []byte {
	tb.Helper()
	options, err := passkey.CreationOptions(rp, user, challenge, exclude)
	if err != nil {
		tb.Fatal(err)
	}
	return options
}

func assert(tb testing.TB, s *passkey.Software, challenge []byte) []byte {
	tb.Helper()
	response, err := s.Assert(challenge)
	if err != nil {
		tb.Fatal(err)
	}
	return response
}
