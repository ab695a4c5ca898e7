// Package strictjson reads JSON objects that decide something, without
// allocating: what encoding/json lets pass, it refuses. No member stands twice in
// any object, names are compared byte for byte, text is UTF-8 without lone
// surrogates, nothing follows the value, and nesting is bounded.
//
// If this package is wrong, two readers of one signed text see two different
// texts.
//
// RFC 8259: https://www.rfc-editor.org/rfc/rfc8259
package strictjson

import (
	"errors"
	"unicode/utf8"
)

// maxDepth is how many arrays and objects may be open at once.
const maxDepth = 8

// ErrText: the text is not JSON of the kind that is taken here.
var ErrText = errors.New("not strict JSON")

// A Member is one of an object. Value is JSON text, cut out of the whole.
type Member struct{ Name, Value string }

// A Reader reads objects, one after the other. It keeps its memory; the zero
// value is ready.
type Reader struct {
	text    string
	pos     int
	members []Member // of the outermost object
	names   []string // of the other objects that are open, innermost last
}

// Object are the members of an object. They are good until the next call;
// [ErrText].
func (r *Reader) Object(text string) ([]Member, error) {
	r.text, r.pos, r.members, r.names = text, 0, r.members[:0], r.names[:0]
	r.space()
	if r.peek() != '{' || !r.object(maxDepth, true) {
		return nil, ErrText
	}
	r.space()
	if r.pos != len(text) {
		return nil, ErrText
	}
	return r.members, nil
}

// Forget lets go of the text.
func (r *Reader) Forget() {
	clear(r.members[:cap(r.members)])
	clear(r.names[:cap(r.names)])
	r.text = ""
}

// peek is the next byte, 0 at the end: a byte that begins nothing.
func (r *Reader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *Reader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.pos++
	return true
}

func (r *Reader) space() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *Reader) value(depth int) bool {
	switch c := r.peek(); c {
	case '{':
		return r.object(depth, false)
	case '[':
		return r.array(depth)
	case '"':
		_, ok := r.str()
		return ok
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	default:
		return r.number()
	}
}

func (r *Reader) word(w string) bool {
	if len(r.text)-r.pos < len(w) || r.text[r.pos:r.pos+len(w)] != w {
		return false
	}
	r.pos += len(w)
	return true
}

func (r *Reader) array(depth int) bool {
	r.pos++
	r.space()
	if depth == 0 || r.take(']') {
		return depth > 0
	}
	for {
		r.space()
		if !r.value(depth - 1) {
			return false
		}
		r.space()
		if !r.take(',') {
			return r.take(']')
		}
	}
}

// object reads one; the members of the outermost are kept.
func (r *Reader) object(depth int, outermost bool) bool {
	r.pos++
	r.space()
	if depth == 0 || r.take('}') {
		return depth > 0
	}
	open := len(r.names)
	for {
		if !r.member(depth, outermost, open) {
			return false
		}
		r.space()
		if !r.take(',') {
			r.names = r.names[:open]
			return r.take('}')
		}
	}
}

func (r *Reader) member(depth int, outermost bool, open int) bool {
	r.space()
	if r.peek() != '"' {
		return false
	}
	raw, ok := r.str()
	if !ok {
		return false
	}
	name, ok := Text(raw)
	r.space()
	if !ok || !r.take(':') {
		return false
	}
	r.space()
	if outermost {
		return r.outer(depth, name)
	}
	for _, other := range r.names[open:] {
		if other == name {
			return false
		}
	}
	r.names = append(r.names, name)
	return r.value(depth - 1)
}

func (r *Reader) outer(depth int, name string) bool {
	for i := range r.members {
		if r.members[i].Name == name {
			return false
		}
	}
	start := r.pos
	if !r.value(depth - 1) {
		return false
	}
	r.members = append(r.members, Member{name, r.text[start:r.pos]})
	return true
}

// number: RFC 8259, Section 6.
func (r *Reader) number() bool {
	r.take('-')
	if !r.take('0') && !r.digits() {
		return false
	}
	if r.take('.') && !r.digits() {
		return false
	}
	if r.take('e') || r.take('E') {
		if !r.take('+') {
			r.take('-')
		}
		return r.digits()
	}
	return true
}

func (r *Reader) digits() bool {
	start := r.pos
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.pos++
	}
	return r.pos > start
}

// str reads a string with its quotes.
func (r *Reader) str() (string, bool) {
	start := r.pos
	for i := start + 1; i < len(r.text); {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			return r.text[start:r.pos], true
		case c == '\\':
			size := escape(r.text[i:])
			if size == 0 {
				return "", false
			}
			i += size
		case c < ' ':
			return "", false
		case c < utf8.RuneSelf:
			i++
		default:
			char, size := utf8.DecodeRuneInString(r.text[i:])
			if char == utf8.RuneError && size == 1 {
				return "", false
			}
			i += size
		}
	}
	return "", false
}
