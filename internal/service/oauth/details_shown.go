package oauth

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/assent-id/assent/internal/service/approval"
)

// A Line is what a person is shown of authorization details.
type Line struct{ Label, Value string }

// describeDetail says an object in words for a page of ours. Characters that
// cannot be seen are written as what they are.
func describeDetail(raw json.RawMessage) []Line {
	said, err := approval.Describe(raw)
	if err != nil { // it was checked when it came; whatever it is, it is shown
		return []Line{{"details", visible(string(raw))}}
	}
	lines := make([]Line, len(said))
	for i, l := range said {
		lines[i] = Line{visible(l.Label), visible(l.Value)}
	}
	return lines
}

// visible writes the characters that show nothing, or turn the text around, as
// their code points.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden: what is not printed, and what is printed as nothing (Unicode's
// Default_Ignorable_Code_Point among letters, marks and symbols).
func hidden(r rune) bool {
	switch {
	case !unicode.IsPrint(r):
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0, r == 0x2800:
		return true
	default:
		return unicode.Is(unicode.Variation_Selector, r)
	}
}
