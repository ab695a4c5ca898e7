package passkey_test

import (
	_ "embed"
	"errors"
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
)

// fixedChallenge is the one that the seeds in testdata/fuzz answer.
var fixedChallenge = []byte("the challenge of the fuzz seeds!")

// fixedSoftware is the passkey that made some of them, so that every fuzzing
// process verifies with the same key.
//
//go:embed testdata/software.json
var fixedSoftware []byte

func fixed(tb testing.TB) (*passkey.Software, passkey.Credential) {
	tb.Helper()
	s, err := passkey.ParseSoftware(fixedSoftware)
	if err != nil {
		tb.Fatal(err)
	}
	response, err := s.Create(creation(tb, fixedChallenge))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := passkey.VerifyRegistration(rp, fixedChallenge, response)
	if err != nil {
		tb.Fatal(err)
	}
	return s, c
}

func TestTheFixedPasskeyGetsThroughEveryCheck(t *testing.T) {
	s, c := fixed(t)
	if _, err := verify(assert(t, s, fixedChallenge), fixedChallenge, c); err != nil {
		t.Error(err)
	}
}

func FuzzParseAssertion(f *testing.F) {
	_, c := fixed(f)
	f.Fuzz(func(t *testing.T, response []byte) {
		a, err := passkey.ParseAssertion(response)
		if err != nil {
			if !errors.Is(err, passkey.ErrMalformed) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if len(a.CredentialID) == 0 || len(a.AuthenticatorData) < 37 {
			t.Errorf("accepted with id %x, authenticator data %x", a.CredentialID, a.AuthenticatorData)
		}
		c := c
		c.ID = a.CredentialID // to get past the first check
		if _, err := a.Verify(rp, fixedChallenge, c); err != nil &&
			!errors.Is(err, passkey.ErrRefused) && !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("an error of no kind: %v", err)
		}
	})
}

// Statements are read where a realm asks for them, by strangers' bytes.
func FuzzAttestation(f *testing.F) {
	m := newMaker(f, modelOf(modelAAGUID[:]))
	forged := newForger(f)
	for _, change := range []func(*forger){nil, self, vouched(f, m)} {
		f.Add(forged.create(f, fixedChallenge, func(g *forger) {
			g.aaguid = modelAAGUID
			if change != nil {
				change(g)
			}
		}))
	}
	asking := rp
	// No roots: every fuzzing process has a maker of its own.
	asking.Attestation = passkey.Attestation{Direct: true}
	f.Fuzz(func(t *testing.T, response []byte) {
		c, err := passkey.VerifyRegistration(asking, fixedChallenge, response)
		if err != nil && !errors.Is(err, passkey.ErrRefused) && !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("an error of no kind: %v", err)
		}
		if err == nil && c.Attestation == "" {
			t.Errorf("accepted without a word on the statement: %+v", c)
		}
	})
}

func FuzzParseRegistration(f *testing.F) {
	f.Fuzz(func(t *testing.T, response []byte) {
		c, err := passkey.VerifyRegistration(rp, fixedChallenge, response)
		if err != nil {
			if !errors.Is(err, passkey.ErrRefused) && !errors.Is(err, passkey.ErrMalformed) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if len(c.ID) == 0 || len(c.AAGUID) != 16 || len(c.PublicKey) == 0 || len(c.Transports) > 8 || c.BackupState && !c.BackupEligible {
			t.Errorf("accepted as %+v", c)
		}
	})
}
