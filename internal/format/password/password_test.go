package password_test

import (
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/password"
)

// Requirement: authorize-password-off
func TestAHashIsArgon2idAndOnlyItsPasswordMatches(t *testing.T) {
	hash := password.Hash("a rather long pass phrase")
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "phrase") {
		t.Fatalf("hash = %s", hash)
	}
	if again := password.Hash("a rather long pass phrase"); again == hash {
		t.Error("two hashes have one salt")
	}
	for text, want := range map[string]bool{"a rather long pass phrase": true, "a rather long pass phrasE": false, "": false, hash: false} {
		if ok, stale, err := password.Matches(hash, text); ok != want || stale || err != nil {
			t.Errorf("%q: got %t, stale %t, %v", text, ok, stale, err)
		}
	}
}

// The hash is one of the reference implementation (argon2 -id, version 13), of
// "password" under "somesalt".
func TestAHashAtOtherCostsMatchesAndIsStale(t *testing.T) {
	const other = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, stale, err := password.Matches(other, "password")
	if !ok || !stale || err != nil {
		t.Errorf("got %t, stale %t, %v", ok, stale, err)
	}
}

func TestWhatIsNoHashOfOursIsAnErrorAndNoMatch(t *testing.T) {
	good := password.Hash("x")
	for _, bad := range []string{"", "x", "$2y$10$abc", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=99999999", 1), strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "t=2", "t=02", 1),
		good[:len(good)-3], good + "$", good + "=", strings.Replace(good, "p=1", "p=1,x=2", 1)} {
		if ok, _, err := password.Matches(bad, "x"); ok || err == nil {
			t.Errorf("%q: %t, %v", bad, ok, err)
		}
	}
}

// A machine that is busy takes longer; none is this quick.
func TestAHashTakesLongEnough(t *testing.T) {
	least := time.Hour
	for range 5 {
		start := time.Now()
		password.Hash("a rather long pass phrase")
		least = min(least, time.Since(start))
	}
	if least < 3*time.Millisecond {
		t.Errorf("a hash takes %v", least)
	}
}

func TestEasyPasswordsAreRefusedAndOthersNeedNoComposition(t *testing.T) {
	tests := map[string]password.Weakness{
		"onlylowercaseletterswhynot": "", "two words here": "", "Grüße an alle": "", "8351 0274 6629": "",
		"elevenchars": password.TooShort, "ééééééééééé": password.TooShort, "": password.TooShort,
		strings.Repeat("many words ", 100): password.TooLong, "with\x00nul in it": password.NotText, "not\xffutf8 text": password.NotText,
		"aaaaaaaaaaaa": password.Common, "abcabcabcabc": password.Common, "123456789012": password.Common, "987654321098": password.Common,
		"Password1234": password.Common, "passwordpassword": password.Common, "P@ssw0rd2026!": password.Common, "qwertyuiopas": password.Common,
		"administrator": password.Common, "1q2w3e4r5t6y": password.Common, "correct horse battery staple": password.Common, "iloveyou12345": password.Common,
		"ada.lovelace@example.com": password.OwnName, "Ada.LovelaceAda.Lovelace": password.OwnName,
	}
	for text, want := range tests {
		if got := password.Check(text, "ada.lovelace", "ada.lovelace@example.com", ""); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
