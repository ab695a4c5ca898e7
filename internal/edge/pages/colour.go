package pages

import (
	"fmt"
	"html/template"
	"math"
	"strconv"

	"github.com/assent-id/assent/internal/model"
)

// A colour is red, green and blue from 0 to 255.
type colour [3]float64

var (
	white      = colour{255, 255, 255}
	black      = colour{0, 0, 0}
	lightSheet = colour{0xfd, 0xfe, 0xfc} // --sheet of tokens.css
	darkSheet  = colour{0x14, 0x1a, 0x17}
)

// parseColour reads #rrggbb and nothing else: what it returns is written into a
// style.
func parseColour(text string) (colour, bool) {
	if len(text) != 7 || text[0] != '#' {
		return colour{}, false
	}
	n, err := strconv.ParseUint(text[1:], 16, 32)
	if err != nil {
		return colour{}, false
	}
	return colour{float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff)}, true
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		v /= 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	l, m := a.luminance(), b.luminance()
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

// mix is c with a share of another colour in it.
func (c colour) mix(other colour, share float64) colour {
	for i := range c {
		c[i] += (other[i] - c[i]) * share
	}
	return c
}

// on is the text colour that can be read best on c. One of the two always has a
// contrast of more than 4.5 (WCAG 2.2, Section 1.4.3).
func (c colour) on() colour {
	if contrast(c, white) >= contrast(c, black) {
		return white
	}
	return black
}

// seenOn moves c away from the ground until signs in it can be told from it (WCAG
// 2.2, Section 1.4.11).
func (c colour) seenOn(ground colour) colour {
	away := ground.on()
	for contrast(c, ground) < 3 {
		c = c.mix(away, 0.1)
	}
	return c
}

// accentStyle sets the colours of a realm in the place of ours. It is empty where
// the realm has none.
func accentStyle(t model.Theme) template.CSS {
	light, ok := parseColour(t.Accent)
	dark, okDark := parseColour(t.AccentDark)
	switch {
	case !ok && !okDark:
		return ""
	case !ok:
		return template.CSS("@media (prefers-color-scheme:dark){" + declare(dark, darkSheet) + "}") //nolint:gosec // G203: numbers alone
	case !okDark:
		dark = light
	}
	return template.CSS(declare(light, lightSheet) + "@media (prefers-color-scheme:dark){" + declare(dark, darkSheet) + "}") //nolint:gosec // G203: numbers alone
}

// declare names the accent as tokens.css does. Hovering moves it away from its
// text, so that the text can be read only better.
func declare(accent, sheet colour) string {
	on := accent.on()
	away := white
	if on == white {
		away = black
	}
	return fmt.Sprintf(":root{--assent:%s;--assent-deep:%s;--on-assent:%s;--assent-wash:%s;--assent-sign:%s}",
		accent, accent.mix(away, 0.2), on, sheet.mix(accent, 0.1), accent.seenOn(sheet))
}
