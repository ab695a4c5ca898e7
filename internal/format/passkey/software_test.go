package passkey_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
)

func TestSoftwarePasskeyRegistersAndAnswers(t *testing.T) {
	s, c := registered(t)
	challenge := passkey.NewChallenge()
	response := assert(t, s, challenge)
	a, err := passkey.ParseAssertion(response)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.UserHandle, user.Handle) || !bytes.Equal(a.CredentialID, s.CredentialID()) {
		t.Errorf("handle %q, id %x", a.UserHandle, a.CredentialID)
	}
	got, err := a.Verify(rp, challenge, c)
	if err != nil || got != (passkey.Result{}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSoftwarePasskeySaysThatItIsOne(t *testing.T) {
	_, c := registered(t)
	if c.AAGUIDText() != passkey.SoftwareAAGUID || !c.IsSoftware() {
		t.Errorf("AAGUID %s, want %s", c.AAGUIDText(), passkey.SoftwareAAGUID)
	}
	if c.BackupEligible || c.SignCount != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestSoftwarePasskeyIsRefusedWhereARealOneWouldBe(t *testing.T) {
	s, c := registered(t)
	challenge := passkey.NewChallenge()
	refused := func(name string, rp passkey.RP, challenge []byte, c passkey.Credential, response []byte) {
		t.Helper()
		a, err := passkey.ParseAssertion(response)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Verify(rp, challenge, c); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
	}
	good := assert(t, s, challenge)
	refused("another challenge", rp, passkey.NewChallenge(), c, good)
	other := rp
	other.Origins = []string{"https://elsewhere.example"}
	refused("another origin", other, challenge, c, good)
	other = rp
	other.ID = "app.example.com"
	refused("another RP", other, challenge, c, good)
	_, replaced := registered(t)
	refused("another credential", rp, challenge, replaced, good)
	replaced.ID = c.ID
	refused("a replaced key", rp, challenge, replaced, good)
}

func TestASoftwarePasskeyThatStoppedCountingIsReported(t *testing.T) {
	s, c := registered(t)
	c.SignCount = 3
	challenge := passkey.NewChallenge()
	if got, err := verify(assert(t, s, challenge), challenge, c); err != nil || !got.CloneSuspected {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSoftwarePasskeySurvivesItsText(t *testing.T) {
	s, c := registered(t)
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := passkey.ParseSoftware(data)
	if err != nil {
		t.Fatal(err)
	}
	challenge := passkey.NewChallenge()
	if _, err := verify(assert(t, again, challenge), challenge, c); err != nil {
		t.Error(err)
	}
	a, err := passkey.ParseAssertion(assert(t, again, challenge))
	if err != nil || !bytes.Equal(a.UserHandle, user.Handle) {
		t.Errorf("the handle is lost: %v", err)
	}
	for _, bad := range []string{"", "{}", "null", `{"rp_id":"a","origin":"b","credential_id":"AA","private_key":"AA"}`} {
		if _, err := passkey.ParseSoftware([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestSoftwarePasskeyAnswersOnlyItsOwnRP(t *testing.T) {
	for name, id := range map[string]string{"another RP": "evil.example", "the parent": "example.com"} {
		s, err := passkey.NewSoftware(id, origin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(creation(t, passkey.NewChallenge())); err == nil {
			t.Errorf("%s: made a passkey for a foreign RP", name)
		}
	}
	if _, err := passkey.NewSoftware("", ""); err == nil {
		t.Error("a passkey for no RP was made")
	}
}

func TestSoftwarePasskeyHeedsItsOptions(t *testing.T) {
	s, c := registered(t)
	if _, err := s.Create(creation(t, passkey.NewChallenge(), c.ID)); err == nil {
		t.Error("registered although it is excluded")
	}
	if _, err := s.Create(bytes.Replace(creation(t, passkey.NewChallenge()), []byte(`"alg":-7`), []byte(`"alg":-36`), 1)); err == nil {
		t.Error("registered although ES256 is not offered")
	}
	if _, err := s.Create([]byte("x")); err == nil {
		t.Error("registered without options")
	}
}

func TestCopiesOfASoftwarePasskeyAnswerAtOnce(t *testing.T) {
	s, c := registered(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				challenge := passkey.NewChallenge()
				response, err := s.Assert(challenge)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := verify(response, challenge, c); err != nil || got.CloneSuspected {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}
