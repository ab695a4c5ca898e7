package passkey_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
)

// verify reads and verifies an assertion.
func verify(response, challenge []byte, c passkey.Credential) (passkey.Result, error) {
	a, err := passkey.ParseAssertion(response)
	if err != nil {
		return passkey.Result{}, err
	}
	return a.Verify(rp, challenge, c)
}

// enrolled returns a forger whose passkey was registered without a lie.
func enrolled(tb testing.TB) (*forger, passkey.Credential) {
	tb.Helper()
	f := newForger(tb)
	challenge := passkey.NewChallenge()
	c, err := passkey.VerifyRegistration(rp, challenge, f.create(tb, challenge, nil))
	if err != nil {
		tb.Fatal(err)
	}
	return f, c
}

func TestAnAssertionIsRefusedForEachCheckAlone(t *testing.T) {
	f, c := enrolled(t)
	challenge := passkey.NewChallenge()
	tests := []struct {
		name   string
		change func(*forger)
		want   error // nil: accepted
	}{
		{"honest", nil, nil},
		{"the other origin", func(f *forger) { f.origin = "https://app.example.com" }, nil},
		{"an unknown member in the client data", func(f *forger) { f.extra = `,"crossOrigin":false,"new_keys":{"a":[1]}` }, nil},
		{"authenticator extensions", func(f *forger) { f.flags |= ed; f.tail = []byte{0xa0} }, nil},

		{"type create", func(f *forger) { f.typ = "webauthn.create" }, passkey.ErrRefused},
		{"type payment", func(f *forger) { f.typ = "payment.get" }, passkey.ErrRefused},
		{"another challenge", func(f *forger) { f.challenge = passkey.NewChallenge() }, passkey.ErrRefused},
		{"no challenge", func(f *forger) { f.challenge = nil }, passkey.ErrRefused},
		{"the challenge and more", func(f *forger) { f.challenge = append(bytes.Clone(challenge), 0) }, passkey.ErrRefused},
		{"another site", func(f *forger) { f.origin = "https://evil.example" }, passkey.ErrRefused},
		{"another subdomain", func(f *forger) { f.origin = "https://evil.id.example.com" }, passkey.ErrRefused},
		{"plain http", func(f *forger) { f.origin = "http://id.example.com" }, passkey.ErrRefused},
		{"another port", func(f *forger) { f.origin = origin + ":8443" }, passkey.ErrRefused},
		{"the default port", func(f *forger) { f.origin = origin + ":443" }, passkey.ErrRefused},
		{"capitals in the origin", func(f *forger) { f.origin = "https://ID.example.com" }, passkey.ErrRefused},
		{"a path in the origin", func(f *forger) { f.origin = origin + "/" }, passkey.ErrRefused},
		{"user info in the origin", func(f *forger) { f.origin = "https://id.example.com@evil.example" }, passkey.ErrRefused},
		{"no origin", func(f *forger) { f.origin = "" }, passkey.ErrRefused},
		{"a frame of another origin", func(f *forger) { f.extra = `,"crossOrigin":true` }, passkey.ErrRefused},
		{"a top origin", func(f *forger) { f.extra = `,"topOrigin":"` + origin + `"` }, passkey.ErrRefused},
		{"another RP", func(f *forger) { f.rpID = "evil.example" }, passkey.ErrRefused},
		{"the parent domain as RP", func(f *forger) { f.rpID = "example.com" }, passkey.ErrRefused},
		{"nobody present", func(f *forger) { f.flags = uv }, passkey.ErrRefused},
		{"nobody verified", func(f *forger) { f.flags = up }, passkey.ErrRefused},
		{"no flags", func(f *forger) { f.flags = 0 }, passkey.ErrRefused},
		{"now eligible for backup", func(f *forger) { f.flags |= be }, passkey.ErrRefused},
		{"backed up and not eligible", func(f *forger) { f.flags |= bs }, passkey.ErrRefused},
		{"another credential", func(f *forger) { f.rawID = []byte("another") }, passkey.ErrRefused},
		{"another key", func(f *forger) { f.sign = newForger(t).sign }, passkey.ErrRefused},
		{"a signature with data after it", func(f *forger) { s := f.sign; f.sign = func(m []byte) []byte { return append(s(m), 0) } }, passkey.ErrRefused},
		{"no signature", func(f *forger) { f.sign = func([]byte) []byte { return nil } }, passkey.ErrRefused},
		{"a signature over other data", func(f *forger) { s := f.sign; f.sign = func(m []byte) []byte { return s(m[1:]) } }, passkey.ErrRefused},

		{"challenge twice", func(f *forger) { f.extra = `,"challenge":"` + b64(challenge) + `"` }, passkey.ErrMalformed},
		{"origin in two cases", func(f *forger) { f.extra = `,"Origin":"` + origin + `"` }, passkey.ErrMalformed},
		{"a twin by its escape", func(f *forger) { f.extra = `,"\u0074ype":"webauthn.get"` }, passkey.ErrMalformed},
		{"client data with data after it", func(f *forger) { f.extra = "}{" }, passkey.ErrMalformed},
		{"authenticator data with data after it", func(f *forger) { f.tail = []byte{0} }, passkey.ErrMalformed},
		{"extensions announced and absent", func(f *forger) { f.flags |= ed }, passkey.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(f.assert(t, challenge, tt.change), challenge, c)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAssertionsOfAllThreeKeyKindsVerify(t *testing.T) {
	ed := newEd25519Forger(t)
	challenge := passkey.NewChallenge()
	c, err := passkey.VerifyRegistration(rp, challenge, ed.create(t, challenge, nil))
	if err != nil {
		t.Fatal(err)
	}
	again := passkey.NewChallenge()
	if _, err := verify(ed.assert(t, again, nil), again, c); err != nil {
		t.Errorf("EdDSA: %v", err)
	}
	if _, err := verify(ed.assert(t, again, func(f *forger) { f.sign = newEd25519Forger(t).sign }), again, c); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("EdDSA by another key: got %v", err)
	}
	// ES256 is everywhere else; RS256 is in TestVirtualAuthenticator.
}

func TestAReplacedCredentialIsRefused(t *testing.T) {
	f, c := enrolled(t)
	_, other := enrolled(t) // the same id, another key
	if !bytes.Equal(c.ID, other.ID) {
		t.Fatal("the ids differ, so nothing is tested")
	}
	challenge := passkey.NewChallenge()
	if _, err := verify(f.assert(t, challenge, nil), challenge, other); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

func TestTheBackupStateIsReported(t *testing.T) {
	f := newForger(t)
	challenge := passkey.NewChallenge()
	c, err := passkey.VerifyRegistration(rp, challenge, f.create(t, challenge, func(f *forger) { f.flags |= be }))
	if err != nil || !c.BackupEligible || c.BackupState {
		t.Fatalf("got %+v, %v", c, err)
	}
	for _, flag := range []byte{0, bs} {
		got, err := verify(f.assert(t, challenge, func(f *forger) { f.flags |= be | flag }), challenge, c)
		if err != nil || got.BackupState != (flag == bs) {
			t.Errorf("flag %x: got %+v, %v", flag, got, err)
		}
	}
	if _, err := verify(f.assert(t, challenge, nil), challenge, c); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("no longer eligible: got %v, want ErrRefused", err)
	}
}

func TestACounterThatDoesNotGrowIsReportedAndNotRefused(t *testing.T) {
	f, c := enrolled(t)
	challenge := passkey.NewChallenge()
	for _, tt := range []struct {
		stored, sent uint32
		suspected    bool
	}{{0, 0, false}, {0, 1, false}, {5, 6, false}, {5, 4_000_000_000, false}, {5, 5, true}, {5, 4, true}, {5, 0, true}} {
		c.SignCount = tt.stored
		got, err := verify(f.assert(t, challenge, func(f *forger) { f.counter = tt.sent }), challenge, c)
		want := passkey.Result{SignCount: tt.sent, CloneSuspected: tt.suspected}
		if err != nil || got != want {
			t.Errorf("stored %d, sent %d: got %+v, %v", tt.stored, tt.sent, got, err)
		}
	}
}

func TestAnEmptyOrShortChallengeNeverVerifies(t *testing.T) {
	f, c := enrolled(t)
	for _, challenge := range [][]byte{nil, {}, []byte("fifteen bytes..")} {
		if _, err := verify(f.assert(t, challenge, nil), challenge, c); err == nil {
			t.Errorf("a challenge of %d bytes was accepted", len(challenge))
		}
		if _, err := passkey.VerifyRegistration(rp, challenge, f.create(t, challenge, nil)); err == nil {
			t.Errorf("a registration with a challenge of %d bytes was accepted", len(challenge))
		}
	}
}

func TestChangedAfterSigningIsRefused(t *testing.T) {
	f, c := enrolled(t)
	challenge := passkey.NewChallenge()
	response := f.assert(t, challenge, nil)
	var parts struct{ Response map[string]string }
	if err := json.Unmarshal(response, &parts); err != nil {
		t.Fatal(err)
	}
	spaced := strings.Replace(string(response), parts.Response["clientDataJSON"],
		b64([]byte(`{"type":"webauthn.get", "challenge":"`+b64(challenge)+`","origin":"`+origin+`"}`)), 1)
	hash := sha256.Sum256([]byte(rp.ID))
	counted := strings.Replace(string(response), parts.Response["authenticatorData"],
		b64(append(hash[:], up|uv, 0, 0, 0, 9)), 1)
	for _, altered := range []string{spaced, counted} {
		if _, err := verify([]byte(altered), challenge, c); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("got %v, want ErrRefused", err)
		}
	}
}

func TestParseAssertionReturnsTheSignedBytes(t *testing.T) {
	f, c := enrolled(t)
	challenge := passkey.NewChallenge()
	a, err := passkey.ParseAssertion(f.assert(t, challenge, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"webauthn.get","challenge":"` + b64(challenge) + `","origin":"` + origin + `"}`
	if string(a.ClientDataJSON) != want || !bytes.Equal(a.CredentialID, c.ID) || !bytes.Equal(a.UserHandle, user.Handle) ||
		len(a.AuthenticatorData) != 37 || len(a.Signature) < 68 {
		t.Errorf("got %+v", a)
	}
}

func TestParseAssertionRefusesWhatIsNone(t *testing.T) {
	f, _ := enrolled(t)
	good := string(f.assert(t, passkey.NewChallenge(), nil))
	for name, text := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "an empty object": "{}", "data after it": good + "{}",
		"another type": strings.Replace(good, "public-key", "password", 1),
		"two ids":      strings.Replace(good, `"id":"`, `"id":"AAAA`, 1),
		"no response":  strings.Replace(good, `"response"`, `"reply"`, 1),
		"too long":     good + strings.Repeat(" ", 20_000),
	} {
		if _, err := passkey.ParseAssertion([]byte(text)); !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", name, err)
		}
	}
	var made passkey.Assertion
	if _, err := made.Verify(rp, passkey.NewChallenge(), passkey.Credential{}); !errors.Is(err, passkey.ErrMalformed) {
		t.Errorf("an assertion that was never parsed: got %v", err)
	}
}
