package message

import (
	"slices"
	"strconv"
	"strings"
)

// form is the plural form of the number that is called count: one or other. The
// rules are those of the Unicode CLDR for the languages that have no more forms
// than two; where a language has more, the text of other must fit all of them.
func (p *Printer) form(args []any) string {
	written, ok := lookup(args, "count")
	n, err := strconv.ParseInt(written, 10, 64)
	if ok && err == nil && isOne(p.lang, n) {
		return "one"
	}
	return "other"
}

// Languages without forms, and those that count nothing and one alike.
var (
	formless     = []string{"id", "ja", "ko", "ms", "th", "vi", "zh"}
	nothingAsOne = []string{"fr", "hi", "hy", "pt"}
)

func isOne(lang string, n int64) bool {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	switch {
	case slices.Contains(formless, base):
		return false
	case slices.Contains(nothingAsOne, base):
		return n == 0 || n == 1
	case base == "is": // 1, 21, 31, ... but not 11
		return n%10 == 1 && n%100 != 11
	}
	return n == 1
}
