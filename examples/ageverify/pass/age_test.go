package pass_test

import (
	"errors"
	"testing"
	"time"

	"github.com/assent-id/assent/examples/ageverify/pass"
)

func date(t testing.TB, text string) time.Time {
	t.Helper()
	d, err := time.Parse(time.RFC3339, text+"T00:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Requirement: age-rule
func TestAnAgeIsReachedOnTheBirthdayInUTC(t *testing.T) {
	key, keys := newKey(t, 1)
	for _, tt := range []struct {
		born  string
		years int
		at    string // RFC 3339
		want  error
	}{
		{"2008-11-20", 18, "2026-11-20T00:00:00Z", nil},
		{"2008-11-20", 18, "2026-11-19T23:59:59Z", pass.ErrTooYoung},
		{"2008-11-21", 18, "2026-11-20T12:00:00Z", pass.ErrTooYoung},
		{"2008-11-20", 18, "2026-11-20T00:30:00+01:00", pass.ErrTooYoung}, // still the 19th in UTC
		{"2008-11-20", 18, "2026-11-19T19:00:00-05:00", nil},              // already the 20th
		{"2008-11-20", 0, "2008-11-20T00:00:00Z", nil},
		{"2008-11-20", 0, "2008-11-19T00:00:00Z", pass.ErrTooYoung},
		{"2008-02-29", 18, "2026-02-28T23:59:59Z", pass.ErrTooYoung}, // no such day in 2026
		{"2008-02-29", 18, "2026-03-01T00:00:00Z", nil},
		{"2008-02-29", 20, "2028-02-28T23:59:59Z", pass.ErrTooYoung},
		{"2008-02-29", 20, "2028-02-29T00:00:00Z", nil},
		{"2000-02-29", 100, "2100-03-01T00:00:00Z", nil}, // 2100 is no leap year
		{"2000-02-29", 100, "2100-02-28T12:00:00Z", pass.ErrTooYoung},
		{"2007-03-01", 18, "2025-02-28T23:59:59Z", pass.ErrTooYoung},
		{"1900-01-01", 126, "2026-01-01T00:00:00Z", nil},
		{"1900-01-01", 150, "2049-12-31T23:59:59Z", pass.ErrTooYoung},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		b := issued(t, key, pass.Pass{BornBy: date(t, tt.born), Expires: time.Unix(1<<32-1, 0)})
		if _, err := keys.Check(b, tt.years, at); !errors.Is(err, tt.want) {
			t.Errorf("born %s, %d years, at %s: %v, want %v", tt.born, tt.years, tt.at, err, tt.want)
		}
	}
}

// Requirement: age-rule
func TestTheThresholdIsTheLastDayThatIsOldEnough(t *testing.T) {
	key, keys := newKey(t, 1)
	for d := date(t, "2023-01-01"); d.Year() < 2029; d = d.AddDate(0, 0, 1) {
		if leap := d.AddDate(0, 0, 3).Month() == time.March || d.AddDate(0, 0, -3).Month() == time.February; !leap && d.Day() > 1 {
			continue // the end of February by the day, the rest by the month
		}
		for _, years := range []int{0, 18, 21, 100} {
			by := pass.Threshold(years, d.Add(13*time.Hour))
			for days, want := range map[int]error{0: nil, 1: pass.ErrTooYoung} {
				p := pass.Pass{BornBy: by.AddDate(0, 0, days), Expires: d.AddDate(0, 0, 2)}
				if _, err := keys.Check(issued(t, key, p), years, d); !errors.Is(err, want) {
					t.Fatalf("%s: %d years: born %s: %v, want %v", d, years, p.BornBy, err, want)
				}
			}
		}
	}
}
