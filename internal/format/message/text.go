package message

import (
	"fmt"
	"strings"
)

// A kind says what a segment of a text is.
type kind int

const (
	plain  kind = iota
	value       // the segment's text is the name of what takes its place
	strong      // begins or ends what is *strong*
	code        // begins or ends `code`
)

type segment struct {
	kind kind
	text string
}

// A text is what was written, cut where something else takes a place.
type text []segment

// parse cuts a text at its names and marks.
func parse(written string) (text, error) {
	var t text
	open := map[kind]bool{}
	for written != "" {
		s, n := next(written)
		written = written[n:]
		if s.kind == strong || s.kind == code {
			open[s.kind] = !open[s.kind]
		}
		t = t.add(s)
	}
	if open[strong] || open[code] {
		return nil, errUnclosed
	}
	return t, t.nested()
}

// next is the segment that the text begins with, and its length in bytes.
func next(written string) (segment, int) {
	switch written[0] {
	case '\\':
		if len(written) > 1 && strings.ContainsRune("\\*`{", rune(written[1])) {
			return segment{plain, written[1:2]}, 2
		}
	case '*':
		return segment{kind: strong}, 1
	case '`':
		return segment{kind: code}, 1
	case '{':
		if name, _, found := strings.Cut(written[1:], "}"); found && isWord(name) {
			return segment{value, name}, len(name) + 2
		}
	}
	if n := strings.IndexAny(written[1:], "\\*`{"); n >= 0 {
		return segment{plain, written[:n+1]}, n + 1
	}
	return segment{plain, written}, len(written)
}

// add joins plain text with plain text.
func (t text) add(s segment) text {
	if n := len(t); n > 0 && s.kind == plain && t[n-1].kind == plain {
		t[n-1].text += s.text
		return t
	}
	return append(t, s)
}

// nested demands that a mark is closed before one that was opened earlier: what
// is drawn must be well-formed HTML.
func (t text) nested() error {
	var open []kind
	for _, s := range t {
		if s.kind != strong && s.kind != code {
			continue
		}
		last := len(open) - 1
		switch {
		case last >= 0 && open[last] == s.kind:
			open = open[:last]
		case last == 1:
			return fmt.Errorf("marks cross: %w", errUnclosed)
		default:
			open = append(open, s.kind)
		}
	}
	return nil
}

// isWord reports whether this can be a key or a name.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") == ""
}
