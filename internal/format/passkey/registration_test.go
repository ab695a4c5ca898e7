package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/passkey"
)

func TestARegistrationIsRefusedForEachCheckAlone(t *testing.T) {
	f := newForger(t)
	challenge := passkey.NewChallenge()
	x, y := f.cose[10:42], f.cose[45:77]
	rsaKey := func(bytes int) []byte { // {1: 3, 3: -257, -1: n, -2: e}
		cose := []byte{0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, byte(bytes >> 8), byte(bytes)}
		n := append(make([]byte, bytes-1), 1)
		n[0] = 0x80
		return append(append(cose, n...), 0x21, 0x43, 1, 0, 1)
	}
	tests := []struct {
		name   string
		change func(*forger)
		want   error // nil: accepted
	}{
		{"honest", nil, nil},
		{"eligible and backed up", func(f *forger) { f.flags |= be | bs }, nil},
		{"RSA of 2048 bits", func(f *forger) { f.cose = rsaKey(256) }, nil},
		{"a statement nobody asked for", func(f *forger) {
			f.format = "\x63fmt\x66packed\x67attStmt\xa3\x63alg\x26\x63sig\x41\x00\x63x5c\x81\x41\x00"
		}, nil},
		{"a statement of an unknown format", func(f *forger) { f.format = "\x63fmt\x66xyzzyx\x67attStmt\xa1\x61a\x01" }, nil},

		{"self attestation that does not verify", func(f *forger) {
			f.format = "\x63fmt\x66packed\x67attStmt\xa2\x63alg\x26\x63sig\x41\x00"
		}, passkey.ErrRefused},
		{"a statement with format none", func(f *forger) { f.format = "\x63fmt\x64none\x67attStmt\xa1\x61a\x01" }, passkey.ErrRefused},
		{"type get", func(f *forger) { f.typ = "webauthn.get" }, passkey.ErrRefused},
		{"another challenge", func(f *forger) { f.challenge = passkey.NewChallenge() }, passkey.ErrRefused},
		{"another site", func(f *forger) { f.origin = "https://evil.example" }, passkey.ErrRefused},
		{"a path in the origin", func(f *forger) { f.origin = origin + "/x" }, passkey.ErrRefused},
		{"a frame of another origin", func(f *forger) { f.extra = `,"crossOrigin":true` }, passkey.ErrRefused},
		{"another RP", func(f *forger) { f.rpID = "evil.example" }, passkey.ErrRefused},
		{"nobody present", func(f *forger) { f.flags = uv | at }, passkey.ErrRefused},
		{"nobody verified", func(f *forger) { f.flags = up | at }, passkey.ErrRefused},
		{"backed up and not eligible", func(f *forger) { f.flags |= bs }, passkey.ErrRefused},
		{"the client names another credential", func(f *forger) { f.rawID = []byte("another") }, passkey.ErrRefused},
		{"ES384", func(f *forger) { f.cose = append([]byte{0xa5, 0x01, 0x02, 0x03, 0x38, 0x22}, f.cose[5:]...) }, passkey.ErrRefused},
		{"a point off the curve", func(f *forger) { f.cose = ec2(0x26, y, x) }, passkey.ErrRefused},
		{"a short coordinate", func(f *forger) { f.cose = ec2(0x26, x[:31], y) }, passkey.ErrRefused},
		{"an elliptic key that says EdDSA", func(f *forger) { f.cose = ec2(0x27, x, y) }, passkey.ErrRefused},
		{"an Edwards key that says ES256", func(f *forger) {
			f.cose = append([]byte{0xa4, 0x01, 0x01, 0x03, 0x26, 0x20, 0x06, 0x21, 0x58, 32}, x...)
		}, passkey.ErrRefused},
		{"RSA of 1024 bits", func(f *forger) { f.cose = rsaKey(128) }, passkey.ErrRefused},
		{"RSA of 8192 bits", func(f *forger) { f.cose = rsaKey(1024) }, passkey.ErrRefused},

		{"origin in two cases", func(f *forger) { f.extra = `,"ORIGIN":"` + origin + `"` }, passkey.ErrMalformed},
		{"no attested credential", func(f *forger) { f.flags = up | uv }, passkey.ErrMalformed},
		{"authenticator data with data after it", func(f *forger) { f.tail = []byte{0} }, passkey.ErrMalformed},
		{"attestation that is no CBOR", func(f *forger) { f.format = "\x63fmt\x64none\x67attStmt\xff" }, passkey.ErrMalformed},
		{"a key that is no CBOR", func(f *forger) { f.cose = f.cose[:40] }, passkey.ErrMalformed},
		{"a key with a parameter twice", func(f *forger) {
			f.cose = append([]byte{0xa6, 0x01, 0x02, 0x01, 0x02}, f.cose[3:]...)
		}, passkey.ErrMalformed},
		{"no credential id", func(f *forger) { f.id, f.rawID = nil, nil }, passkey.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := passkey.VerifyRegistration(rp, challenge, f.create(t, challenge, tt.change))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRegistrationReturnsWhatToStore(t *testing.T) {
	f := newForger(t)
	challenge := passkey.NewChallenge()
	got, err := passkey.VerifyRegistration(rp, challenge, f.create(t, challenge, func(f *forger) {
		f.flags |= be | bs
		f.counter = 7
		f.aaguid = [16]byte{0xde, 0xad, 15: 1}
	}))
	want := passkey.Credential{ID: f.id, PublicKey: f.cose, AAGUID: append([]byte{0xde, 0xad}, append(make([]byte, 13), 1)...),
		SignCount: 7, BackupEligible: true, BackupState: true, Transports: []string{"usb", "nfc"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got.AAGUIDText() != "dead0000-0000-0000-0000-000000000001" || got.IsSoftware() {
		t.Errorf("AAGUID %s, software %t", got.AAGUIDText(), got.IsSoftware())
	}
	if text := (passkey.Credential{AAGUID: []byte{1}}).AAGUIDText(); text != "" {
		t.Errorf("an AAGUID of one byte reads %q", text)
	}
}

func TestTransportsAreBounded(t *testing.T) {
	f := newForger(t)
	challenge := passkey.NewChallenge()
	names := `"usb","usb","` + strings.Repeat("x", 100) + `","a","b","c","d","e","f","g","h","i","j"`
	response := bytes.Replace(f.create(t, challenge, nil), []byte(`"usb","nfc"`), []byte(names), 1)
	c, err := passkey.VerifyRegistration(rp, challenge, response)
	if diff := cmp.Diff([]string{"usb", "a", "b", "c", "d", "e", "f", "g"}, c.Transports); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestRegistrationRefusesWhatIsNone(t *testing.T) {
	challenge := passkey.NewChallenge()
	good := string(newForger(t).create(t, challenge, nil))
	for name, text := range map[string]string{
		"empty": "", "an assertion": string(newForger(t).assert(t, challenge, nil)), "data after it": good + "x",
		"another type": strings.Replace(good, "public-key", "password", 1), "two ids": strings.Replace(good, `"id":"`, `"id":"AAAA`, 1),
		"too long": good + strings.Repeat(" ", 70_000),
	} {
		if _, err := passkey.VerifyRegistration(rp, challenge, []byte(text)); !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", name, err)
		}
	}
}

func TestCreationOptionsAreWhatBrowsersRead(t *testing.T) {
	challenge := bytes.Repeat([]byte{0xff}, 32)
	options, err := passkey.CreationOptions(rp, user, challenge, [][]byte{{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"rp":{"id":"id.example.com","name":"Example"},` +
		`"user":{"id":"aGFuZGxlLW9mLWFkYQ","name":"ada","displayName":"Ada"},` +
		`"challenge":"__________________________________________8",` +
		`"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-8},{"type":"public-key","alg":-257}],` +
		`"timeout":300000,"excludeCredentials":[{"type":"public-key","id":"AQID"}],` +
		`"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"},` +
		`"attestation":"none","extensions":{"credProps":true}}`
	if diff := cmp.Diff(want, string(options)); diff != "" {
		t.Error(diff)
	}
}

func TestRequestOptionsAreWhatBrowsersRead(t *testing.T) {
	challenge := bytes.Repeat([]byte{0}, 16)
	for want, options := range map[string]func() (json.RawMessage, error){
		`{"challenge":"AAAAAAAAAAAAAAAAAAAAAA","timeout":300000,"rpId":"id.example.com","allowCredentials":[{"type":"public-key","id":"_w"}],"userVerification":"required"}`: func() (json.RawMessage, error) {
			return passkey.RequestOptions(rp, challenge, [][]byte{{0xff}})
		},
		`{"timeout":300000,"rpId":"id.example.com","allowCredentials":[],"userVerification":"required"}`: func() (json.RawMessage, error) {
			return passkey.RequestOptions(rp, nil, nil)
		},
	} {
		got, err := options()
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

func TestOptionsRefuseWhatTheSpecificationDoes(t *testing.T) {
	good := passkey.NewChallenge()
	for name, call := range map[string]func() (json.RawMessage, error){
		"short challenge to create": func() (json.RawMessage, error) { return passkey.CreationOptions(rp, user, good[:15], nil) },
		"no challenge to create":    func() (json.RawMessage, error) { return passkey.CreationOptions(rp, user, nil, nil) },
		"short challenge to get":    func() (json.RawMessage, error) { return passkey.RequestOptions(rp, good[:15], nil) },
		"no handle":                 func() (json.RawMessage, error) { return passkey.CreationOptions(rp, passkey.User{}, good, nil) },
		"long handle": func() (json.RawMessage, error) {
			return passkey.CreationOptions(rp, passkey.User{Handle: make([]byte, 65)}, good, nil)
		},
	} {
		if options, err := call(); err == nil {
			t.Errorf("%s: got %s", name, options)
		}
	}
}

func TestChallengesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		c := passkey.NewChallenge()
		if len(c) != 32 || seen[string(c)] {
			t.Fatalf("challenge %x of %d bytes", c, len(c))
		}
		seen[string(c)] = true
	}
}
