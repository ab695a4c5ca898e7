package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/assent-id/assent/internal/format/passkey"
)

// virtualKey makes an EC key for the virtual authenticator, which drops leading
// zeros of the coordinates: one key in 128 would be malformed.
func virtualKey(tb testing.TB, kind virtualwebauthn.KeyType) virtualwebauthn.Credential {
	tb.Helper()
	if kind != virtualwebauthn.KeyTypeEC2 {
		return virtualwebauthn.NewCredential(kind)
	}
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		if point[1] == 0 || point[33] == 0 {
			continue
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			tb.Fatal(err)
		}
		return virtualwebauthn.NewCredentialWithImportedKey(kind, pkcs8)
	}
}

// A device is the second implementation of an authenticator, by other hands.
type device struct {
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
	rp   virtualwebauthn.RelyingParty
}

func newDevice(tb testing.TB, kind virtualwebauthn.KeyType) *device {
	return &device{
		auth: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: user.Handle}),
		cred: virtualKey(tb, kind),
		rp:   virtualwebauthn.RelyingParty{ID: rp.ID, Name: rp.Name, Origin: origin},
	}
}

func (d *device) register(tb testing.TB) (passkey.Credential, error) {
	tb.Helper()
	challenge := passkey.NewChallenge()
	options, err := virtualwebauthn.ParseAttestationOptions(string(creation(tb, challenge)))
	if err != nil {
		tb.Fatal(err)
	}
	response := virtualwebauthn.CreateAttestationResponse(d.rp, d.auth, d.cred, *options)
	return passkey.VerifyRegistration(rp, challenge, []byte(response))
}

func (d *device) answer(tb testing.TB, asked, expected []byte, c passkey.Credential) (passkey.Result, error) {
	tb.Helper()
	request, err := passkey.RequestOptions(rp, asked, [][]byte{c.ID})
	if err != nil {
		tb.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAssertionOptions(string(request))
	if err != nil {
		tb.Fatal(err)
	}
	if !d.cred.IsAllowedForAssertion(*options) {
		tb.Fatal("the options do not allow the credential")
	}
	return verify([]byte(virtualwebauthn.CreateAssertionResponse(d.rp, d.auth, d.cred, *options)), expected, c)
}

func TestVirtualAuthenticator(t *testing.T) {
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		t.Run(string(kind), func(t *testing.T) { testDevice(t, kind) })
	}
}

func testDevice(t *testing.T, kind virtualwebauthn.KeyType) {
	honest := newDevice(t, kind)
	c, err := honest.register(t)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*device)
		want   error
	}{
		{"honest", func(*device) {}, nil},
		{"wrong origin", func(d *device) { d.rp.Origin = "https://evil.example" }, passkey.ErrRefused},
		{"wrong RP id", func(d *device) { d.rp.ID = "evil.example" }, passkey.ErrRefused},
		{"user not verified", func(d *device) { d.auth.Options.UserNotVerified = true }, passkey.ErrRefused},
		{"user not present", func(d *device) { d.auth.Options.UserNotPresent = true }, passkey.ErrRefused},
		{"backup eligibility changed", func(d *device) { d.auth.Options.BackupEligible = true }, passkey.ErrRefused},
		{"replaced key", func(d *device) { d.cred.Key = virtualKey(t, kind).Key }, passkey.ErrRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := *honest
			tt.change(&d)
			challenge := passkey.NewChallenge()
			if _, err := d.answer(t, challenge, challenge, c); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := honest.answer(t, passkey.NewChallenge(), passkey.NewChallenge(), c); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("wrong challenge: got %v, want ErrRefused", err)
	}
}

func TestVirtualAuthenticatorCloneIsReported(t *testing.T) {
	d := newDevice(t, virtualwebauthn.KeyTypeEC2)
	c, err := d.register(t)
	if err != nil {
		t.Fatal(err)
	}
	clone := *d
	challenge := passkey.NewChallenge()
	d.cred.Counter = 5
	first, err := d.answer(t, challenge, challenge, c)
	if err != nil || first.CloneSuspected {
		t.Fatalf("got %+v, %v", first, err)
	}
	c.SignCount = first.SignCount
	clone.cred.Counter = 3
	second, err := clone.answer(t, challenge, challenge, c)
	if err != nil || !second.CloneSuspected {
		t.Errorf("got %+v, %v, want a suspicion", second, err)
	}
}

func TestVirtualAuthenticatorMustVerifyTheUserToRegister(t *testing.T) {
	for name, change := range map[string]func(*device){
		"not verified":            func(d *device) { d.auth.Options.UserNotVerified = true },
		"not present":             func(d *device) { d.auth.Options.UserNotPresent = true },
		"another origin":          func(d *device) { d.rp.Origin = "https://evil.example" },
		"another RP":              func(d *device) { d.rp.ID = "evil.example" },
		"backed up, not eligible": func(d *device) { d.auth.Options.BackupState = true },
	} {
		d := newDevice(t, virtualwebauthn.KeyTypeEC2)
		change(d)
		if _, err := d.register(t); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("%s: got %v, want ErrRefused", name, err)
		}
	}
}
