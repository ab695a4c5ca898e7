package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escape is the length of the escape that the text begins with; 0 if it is none.
// Surrogates stand in pairs (RFC 8259, Section 8.2).
func escape(text string) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, text[1]) < 0 {
			return 0
		}
		return 2
	}
	first, ok := unit(text)
	switch {
	case !ok:
		return 0
	case !utf16.IsSurrogate(first):
		return 6
	}
	second, ok := unit(text[6:])
	if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
		return 0
	}
	return 12
}

// unit reads \uXXXX.
func unit(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	// ParseUint takes no sign and, with a base, no underscore.
	return rune(n), err == nil
}

// Text is what a string value says; false if the value is no string. It
// allocates only where there are escapes.
func Text(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	inner := value[1 : len(value)-1]
	at := strings.IndexByte(inner, '\\')
	if at < 0 {
		return inner, true
	}
	var out strings.Builder
	out.Grow(len(inner))
	for ; at >= 0; at = strings.IndexByte(inner, '\\') {
		out.WriteString(inner[:at])
		size := escape(inner[at:])
		if size == 0 {
			return "", false
		}
		out.WriteRune(meaning(inner[at : at+size]))
		inner = inner[at+size:]
	}
	out.WriteString(inner)
	return out.String(), true
}

// meaning of one escape that [escape] has measured.
func meaning(text string) rune {
	first, _ := unit(text)
	switch len(text) {
	case 12:
		second, _ := unit(text[6:])
		return utf16.DecodeRune(first, second)
	case 6:
		return first
	}
	switch c := text[1]; c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return rune(c)
	}
}

// maxWhole is the largest whole number that every reader of JSON keeps whole.
const maxWhole = 1<<53 - 1

// Seconds is a NumericDate (RFC 7519, Section 2) that is not negative; parts of a
// second are cut off. false: the value is none.
func Seconds(value string) (int64, bool) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return n, 0 <= n && n <= maxWhole
	}
	if value == "" || value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || f < 0 || f > maxWhole {
		return 0, false
	}
	return int64(f), true
}

// Items calls visit with each item of an array until it says false; false if it
// did, or if the value is no array. The value is one that a [Reader] has read.
func Items(value string, visit func(item string) bool) bool {
	if value == "" || value[0] != '[' {
		return false
	}
	r := Reader{text: value, pos: 1, most: maxMembers}
	for r.space(); r.peek() != ']'; r.space() {
		start := r.pos
		if !r.value(maxDepth) || !visit(value[start:r.pos]) {
			return false
		}
		r.space()
		r.take(',')
		r.space()
	}
	return true
}
