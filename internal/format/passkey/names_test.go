package passkey_test

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/passkey"
)

// Requirement: passkeys-aaguid-names
func TestAuthenticatorsAreCalledWhatPeopleCallThem(t *testing.T) {
	tests := []struct{ aaguid, want string }{
		{"fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "iCloud Keychain"},
		{"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"},
		{"08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"},
		{"2fc0579f-8113-47ea-b116-bb5a8db9202a", "YubiKey 5 NFC"},
		{passkey.SoftwareAAGUID, "Software passkey"},
		{"00000000-0000-0000-0000-000000000000", ""},
		{"01020304-0506-0708-090a-0b0c0d0e0f10", ""},
		{"fbfc3007", ""},
		{"", ""},
	}
	for _, tt := range tests {
		raw, err := hex.DecodeString(strings.ReplaceAll(tt.aaguid, "-", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := passkey.AuthenticatorName(raw); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.aaguid, got, tt.want)
		}
	}
}

// A key in capitals or without its dashes would never be found.
func TestEveryKnownAAGUIDCanBeFound(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	for aaguid, name := range passkey.Authenticators {
		if !form.MatchString(aaguid) || name == "" || name != strings.TrimSpace(name) {
			t.Errorf("%q is called %q", aaguid, name)
		}
	}
}
