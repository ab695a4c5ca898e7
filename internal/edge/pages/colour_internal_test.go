package pages

import (
	"regexp"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
)

// Whatever accent an operator chooses, the text on it can be read and signs in it
// can be told from the page.
//
// Requirement: pages-theme
func TestEveryAccentIsReadable(t *testing.T) {
	for r := 0; r <= 255; r += 51 {
		for g := 0; g <= 255; g += 51 {
			for b := 0; b <= 255; b += 51 {
				accent := colour{float64(r), float64(g), float64(b)}
				for _, sheet := range []colour{lightSheet, darkSheet} {
					declared := declarations(t, declare(accent, sheet))
					on := declared["--on-assent"]
					if c := contrast(declared["--assent"], on); c < 4.5 {
						t.Errorf("text on %s has a contrast of %.2f", accent, c)
					}
					if c := contrast(declared["--assent-deep"], on); c < 4.5 {
						t.Errorf("text on %s, hovered over, has a contrast of %.2f", accent, c)
					}
					if c := contrast(declared["--assent-sign"], sheet); c < 3 {
						t.Errorf("signs in %s have a contrast of %.2f on %s", accent, c, sheet)
					}
				}
			}
		}
	}
}

func declarations(t *testing.T, style string) map[string]colour {
	t.Helper()
	found := map[string]colour{}
	for _, m := range regexp.MustCompile(`(--[a-z-]+):(#[0-9a-f]{6})[;}]`).FindAllStringSubmatch(style, -1) {
		c, ok := parseColour(m[2])
		if !ok {
			t.Fatalf("%s is no colour", m[2])
		}
		found[m[1]] = c
	}
	if len(found) != 5 {
		t.Fatalf("%q declares %d colours", style, len(found))
	}
	return found
}

func TestContrastIsThatOfWCAG(t *testing.T) {
	grey, _ := parseColour("#767676") // the lightest grey that may be text on white
	for _, tt := range []struct {
		a, b     colour
		from, to float64
	}{{white, black, 21, 21}, {white, white, 1, 1}, {grey, white, 4.54, 4.55}} {
		if c := contrast(tt.a, tt.b); c < tt.from-0.001 || c > tt.to {
			t.Errorf("%s on %s: %.3f", tt.a, tt.b, c)
		}
	}
}

// What is written into a style is made of numbers: nothing that somebody stored
// reaches it as it is.
func TestOnlyColoursReachTheStyle(t *testing.T) {
	for _, bad := range []string{"", "red", "#fff", "#1234567", "#12345g", "#+12345", "#12 345", "}*{x:y}", "#fff;}*", "#0x1234", "＃123456"} {
		if style := accentStyle(model.Theme{Accent: bad, AccentDark: bad}); style != "" {
			t.Errorf("%q became %q", bad, style)
		}
	}
	if style := string(accentStyle(model.Theme{Accent: "#AA00ff"})); strings.Count(style, "--assent:#aa00ff") != 2 {
		t.Errorf("one accent is for both: %s", style)
	}
	dark := string(accentStyle(model.Theme{AccentDark: "#aa00ff"}))
	if !strings.HasPrefix(dark, "@media (prefers-color-scheme:dark){:root{") || strings.Count(dark, "--assent:") != 1 {
		t.Errorf("an accent for dark pages alone: %s", dark)
	}
}
