package oauth

import (
	"strings"
	"testing"
)

// In the package, for a pure function: whatever is typed is no user code, or
// exactly one, which is read the same however it is written.
func FuzzUserCodesAreReadInOneWay(f *testing.F) {
	for _, seed := range []string{"BCDF-GHJK", "bcdf ghjk", "BCDFGHJKL", "", "----", "ſTVWXZBC", "BCDF\u2011GHJK", "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code := readUserCode(typed)
		if code == "" {
			return
		}
		if len(code) != userCodeLength || strings.Trim(code, userCodeLetters) != "" {
			t.Errorf("%q was read as %q", typed, code)
		}
		for _, way := range []string{code, GroupUserCode(code), strings.ToLower(GroupUserCode(code))} {
			if again := readUserCode(way); again != code {
				t.Errorf("%q was read as %q, and %q as %q", typed, code, way, again)
			}
		}
	})
}

// 8,000 letters fall evenly: chi-squared with 19 degrees of freedom passes 60 once
// in half a million times.
func TestUserCodesFavourNoLetter(t *testing.T) {
	const codes = 1000
	count := map[rune]float64{}
	for range codes {
		for _, c := range newUserCode() {
			count[c]++
		}
	}
	want, chi := float64(codes*userCodeLength)/float64(len(userCodeLetters)), 0.0
	for _, c := range userCodeLetters {
		chi += (count[c] - want) * (count[c] - want) / want
	}
	if chi > 60 || len(count) != len(userCodeLetters) {
		t.Errorf("chi-squared is %.1f over %d letters", chi, len(count))
	}
}
