package revocation

import (
	"slices"
	"strings"
	"testing"
)

// Whatever is sent for a cursor, it never claims a place that was not reached, and
// what is made of it can be read again.
func FuzzCursor(f *testing.F) {
	j := newJournal()
	j.last = 7
	for _, seed := range []string{"", "x", "a-1", "AAAAAAAAAAAA-1.BBBBBBBBBBBB-zz", "AAAAAAAAAAAA-18446744073709551616", "-.-",
		"AAAAAAAAAAAA-1.AAAAAAAAAAAA-2", strings.Repeat("AAAAAAAAAAAA-1.", 20), "AAAAAAAAAAA\n-1"} {
		f.Add(seed)
		f.Add(seed + "." + j.name + "-7")
		f.Add(j.name + "-8." + seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := parseCursor(text)
		if at, ok := c.in(j.name, j.last); ok && (at > j.last || !strings.Contains(text, j.name+"-")) {
			t.Errorf("%q is at %d of a journal of %d", text, at, j.last)
		}
		next := c.with(place{j.name, j.last})
		if at, ok := next.in(j.name, j.last); !ok || at != j.last || len(next) > maxPlaces {
			t.Errorf("%q leads to %q", text, next)
		}
		if strings.Trim(next.String(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abcdefghijklmnopqrstuvwxyz0189-.") != "" {
			t.Errorf("%q is repeated as %q", text, next)
		}
		if again := parseCursor(next.String()); !slices.Equal(again, next) {
			t.Errorf("%q is written %q and read %q", text, next, again)
		}
	})
}
