package directory_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

// Requirement: passkeys-uv
func TestAnAuthenticatorThatRecognisedNobodyBindsNothing(t *testing.T) {
	w := signintest.New(t)
	for name, change := range map[string]func(*signintest.Virtual){
		"nobody was recognised": func(v *signintest.Virtual) { v.Authenticator.Options.UserNotVerified = true },
		"nobody was there":      func(v *signintest.Virtual) { v.Authenticator.Options.UserNotPresent = true },
	} {
		who := w.Person(t, w.Other, "p"+hex.EncodeToString([]byte(name)))
		device := signintest.NewVirtual(w.Other)
		change(device)
		token := w.Token(t, w.Other, who.ID)
		if _, err := w.TryBind(t.Context(), w.Other, device, signintest.Attempt{Token: token}); !errors.Is(err, directory.ErrPasskeyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		keys, err := w.Directory.Passkeys(t.Context(), w.Other, who.ID)
		if err != nil || len(keys) != 0 {
			t.Errorf("%s: %d passkeys, %v", name, len(keys), err)
		}
		// The link is still good for an authenticator that recognises them.
		if _, err := w.TryBind(t.Context(), w.Other, signintest.NewVirtual(w.Other), signintest.Attempt{Token: token}); err != nil {
			t.Errorf("%s, then recognised: %v", name, err)
		}
	}
}

// Requirement: passkeys-aaguid-names
func TestAPasskeyIsCalledByItsKeeperAndItsDevice(t *testing.T) {
	const (
		iCloud  = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"
		hello   = "08987058-cadc-4b81-b6e1-30de50dcbe96"
		yubiKey = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
		chrome  = "adce0002-35bc-c60a-648b-0b25f1f05503"
		unknown = "01020304-0506-0708-090a-0b0c0d0e0f10"
		iPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15"
		mac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
		windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
	)
	tests := []struct {
		aaguid, agent string
		transports    []string
		want          string
	}{
		{iCloud, iPhone, []string{"internal", "hybrid"}, "iCloud Keychain · iPhone"},
		{iCloud, mac, nil, "iCloud Keychain · Mac"},
		{iCloud, "curl/8", nil, "iCloud Keychain"},
		{hello, windows, []string{"internal"}, "Windows Hello"},
		{chrome, mac, []string{"internal"}, "Chrome on Mac"},
		{yubiKey, windows, []string{"usb", "nfc"}, "YubiKey 5 NFC"},
		{unknown, windows, nil, "Windows"},
		{unknown, windows, []string{"usb"}, ""},
		{unknown, "", nil, ""},
		{passkey.SoftwareAAGUID, windows, nil, "Software passkey"},
	}
	for _, tt := range tests {
		aaguid, err := hex.DecodeString(strings.ReplaceAll(tt.aaguid, "-", ""))
		if err != nil {
			t.Fatal(err)
		}
		key := model.Passkey{AAGUID: aaguid, Transports: tt.transports}
		if got := directory.PasskeyName(key, tt.agent); got != tt.want {
			t.Errorf("%s at %q: got %q, want %q", tt.aaguid, tt.agent, got, tt.want)
		}
	}
}

// Requirement: passkeys-attestation
func TestThePolicyOnAuthenticatorsHoldsWhenAPasskeyIsBound(t *testing.T) {
	w := signintest.New(t)
	other := "b0010203-0405-0607-0809-0a0b0c0d0e0f"
	tests := []struct {
		name   string
		policy model.AttestationPolicy
		asks   string
		want   string
		err    error
	}{
		{"nothing is asked", model.AttestationPolicy{}, "none", "", nil},
		{"a statement is asked", model.AttestationPolicy{Mode: model.AttestationDirect}, "direct", "self", nil},
		{"another model", model.AttestationPolicy{Mode: model.AttestationDirect, Authenticators: []string{other}}, "direct", "", passkey.ErrAuthenticator},
		{"a maker must vouch", model.AttestationPolicy{Mode: model.AttestationDirect, Require: true}, "direct", "", passkey.ErrAuthenticator},
	}
	for i, tt := range tests {
		site := *w.Other
		site.Realm.Policy.Attestation = tt.policy
		who := w.Person(t, w.Other, "person-"+string(rune('a'+i)))
		c, err := w.Directory.BeginBinding(t.Context(), &site, w.Token(t, w.Other, who.ID), directory.Proof{})
		if err != nil {
			t.Fatal(err)
		}
		var options struct{ Attestation string }
		if err := json.Unmarshal(c.Options, &options); err != nil || options.Attestation != tt.asks {
			t.Errorf("%s: asks for %q, %v", tt.name, options.Attestation, err)
		}
		response, err := signintest.NewVirtual(w.Other).Create(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Directory.FinishBinding(t.Context(), &site, directory.BindingAnswer{State: c.State, Response: response})
		if tt.err != nil {
			if !errors.Is(err, directory.ErrPasskeyInvalid) || !errors.Is(err, tt.err) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		keys, listErr := w.Directory.Passkeys(t.Context(), w.Other, who.ID)
		if err != nil || listErr != nil || len(keys) != 1 || keys[0].Attestation != tt.want {
			t.Errorf("%s: %+v, %v, %v", tt.name, keys, err, listErr)
		}
	}
}

// Requirement: passkeys-rp
func TestABrowserIsNotToldOfPasskeysThatItCannotHave(t *testing.T) {
	w := signintest.New(t)
	who := w.Person(t, w.Site, "alex")
	bound := w.Bind(t, w.Site, who.ID, signintest.Software(t, w.Site))
	abroad, session := bound.Passkey, bound.Session
	abroad.ID, abroad.RPID, abroad.CredentialID = "psk_abroad", "shop.example", []byte("a credential of another relying party")
	session.ID, session.Digest, session.PasskeyID = "ses_abroad", []byte("digest of another session"), abroad.ID
	job, err := w.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: who.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Store.CompleteBinding(t.Context(), directory.Completion{Job: job.Job.ID, At: model.MillisOf(w.Clock.Now()),
		Passkey: abroad, Session: session}, model.Effects{}); err != nil {
		t.Fatal(err)
	}
	c, err := w.Directory.BeginBinding(t.Context(), w.Site, w.Token(t, w.Site, who.ID), w.Proof(t, w.Site, who.ID))
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		ExcludeCredentials []struct{ ID evidence.Bytes }
	}
	if err := json.Unmarshal(c.Options, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.ExcludeCredentials) != 1 || string(o.ExcludeCredentials[0].ID) != string(bound.Passkey.CredentialID) {
		t.Errorf("options: %s", c.Options)
	}
	keys, err := w.Directory.Passkeys(t.Context(), w.Site, who.ID)
	if err != nil || len(keys) != 2 || keys[0].RPID+keys[1].RPID != "shop.example" {
		t.Errorf("stored: %+v, %v", keys, err)
	}
}
