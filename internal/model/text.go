package model

import (
	"strings"
	"unicode"
)

// Printable is a stranger's text with nothing in it that cannot be seen, cut to
// limit bytes between two characters.
func Printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	for i := range text {
		if i >= limit {
			return text[:i]
		}
	}
	return text
}
