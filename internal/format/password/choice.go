package password

import (
	"strings"
	"unicode/utf8"
)

// How long a password is. There are no rules of composition: length is what
// guessing costs (NIST SP 800-63B, Section 3.1.1.2).
const (
	MinLength = 12   // characters
	MaxBytes  = 1024 // a hash of more says nothing more
)

// A Weakness is why a password may not be chosen; empty: it may.
type Weakness string

// The weaknesses.
const (
	TooShort Weakness = "it needs at least 12 characters"
	TooLong  Weakness = "it may have at most 1024 bytes"
	NotText  Weakness = "it must be text without control characters"
	Common   Weakness = "it is among the first that anybody would guess"
	OwnName  Weakness = "it must not be a name of the person"
)

// Check says what is wrong with a new password. names are what the person is
// called: none of them, and none of them repeated, is a secret.
func Check(password string, names ...string) Weakness {
	switch {
	case !printable(password):
		return NotText
	case utf8.RuneCountInString(password) < MinLength:
		return TooShort
	case len(password) > MaxBytes:
		return TooLong
	case common(password):
		return Common
	}
	for _, name := range names {
		if repeats(fold(password), fold(name)) {
			return OwnName
		}
	}
	return ""
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// common reports whether guessing would begin with the password: one of the list,
// a short piece again and again, or a walk along the keys or the alphabet.
func common(password string) bool {
	p := fold(password)
	for n := 1; n <= 4; n++ {
		if len(p) > n && repeats(p, p[:n]) {
			return true
		}
	}
	for _, row := range walks {
		if strings.HasPrefix(row+row, p) || strings.HasPrefix(reversed(row+row), p) {
			return true
		}
	}
	// What people add at the end to please a rule makes it no better.
	core := strings.TrimRight(p, "0123456789!?.*#@$ ")
	for _, c := range commonest {
		if p == c || core != "" && repeats(core, c) {
			return true
		}
	}
	return false
}

// repeats reports whether s is a piece, once or more often, cut off anywhere after
// the first.
func repeats(s, piece string) bool {
	return piece != "" && len(s) >= len(piece) && strings.HasPrefix(strings.Repeat(piece, len(s)/len(piece)+1), s)
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// walks are ways along the keyboard and the alphabet.
var walks = []string{
	"0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop[]", "qwertyuiopasdfghjklzxcvbnm",
	"qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "asdfghjkl;'", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujmik,ol.p;/",
	"1qaz2wsx3edc4rfv5tgb6yhn", "1q2w3e4r5t6y", "q1w2e3r4t5y6u7i8o9p0", "!@#$%^&*()_+",
}

// commonest are words with which guessing begins, alone, repeated, or with
// digits and signs behind them.
var commonest = []string{
	"password", "passwort", "motdepasse", "contraseña", "contrasena", "senha", "wachtwoord", "parola", "passw0rd", "p@ssword", "p@ssw0rd", "pa$$word",
	"mypassword", "newpassword", "thepassword", "passwordpassword", "letmein", "letmeinnow", "letmeinplease", "welcome", "welcomehome", "welcometo",
	"changeme", "changemenow", "pleasechangeme", "administrator", "adminadmin", "admin", "root", "rootroot", "secret", "topsecret", "supersecret",
	"mysecret", "mysecretpassword", "qwerty", "qwertyuiop", "qwertyqwerty", "qwerty123", "iloveyou", "iloveyousomuch", "iloveyouforever", "monkey",
	"dragon", "sunshine", "princess", "football", "baseball", "basketball", "superman", "batman", "starwars", "pokemon", "whatever", "trustno",
	"trustnoone", "computer", "internet", "liverpoolfc", "manchesterunited", "chocolate", "butterfly", "michael", "jennifer", "charlie", "default",
	"testtest", "testing", "test", "testpassword", "correcthorsebatterystaple", "correct horse battery staple", "assent", "assentassent",
}
