// Package strictjson reads JSON objects that decide something, without
// allocating: what encoding/json lets pass, it refuses. No member stands twice in
// any object, names are compared byte for byte, text is UTF-8 without lone
// surrogates, nothing follows the value, and depth and number of members are
// bounded. The time that it takes grows with the length of the text alone, so it is
// fit for text that nobody has signed.
//
// If this package is wrong, two readers of one signed text see two different
// texts.
//
// RFC 8259: https://www.rfc-editor.org/rfc/rfc8259
package strictjson

import (
	"errors"
	"slices"
	"unicode/utf8"
)

const (
	// maxDepth is how many arrays and objects may be open at once.
	maxDepth = 8
	// maxMembers is how many members an object may have.
	maxMembers = 256
	// fewMembers are compared with each other; beyond that, names are looked up.
	fewMembers = 16
)

// ErrText: the text is not JSON of the kind that is taken here.
var ErrText = errors.New("not strict JSON")

// A Member is one of an object. Value is JSON text, cut out of the whole.
type Member struct{ Name, Value string }

// A Reader reads objects, one after the other. It keeps its memory; the zero
// value is ready.
type Reader struct {
	text    string
	pos     int
	most    int      // members of an object
	members []Member // of the outermost object
	names   []string // of the other objects that are open, innermost last
	objects int      // that have begun
	// many are the names of objects that have more than fewMembers.
	many map[place]struct{}
}

// A place is a name in one of the objects, by their order in the text.
type place struct {
	object int
	name   string
}

// Object are the members of an object. They are good until the next call;
// [ErrText].
func (r *Reader) Object(text string) ([]Member, error) { return r.AtMost(text, maxMembers) }

// AtMost is Object for text whose objects have at most so many members each.
func (r *Reader) AtMost(text string, members int) ([]Member, error) {
	r.text, r.pos, r.most, r.members, r.names, r.objects = text, 0, members, r.members[:0], r.names[:0], 0
	clear(r.many)
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
	clear(r.many)
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
	r.objects++
	o := opened{number: r.objects, outermost: outermost, first: len(r.names)}
	for {
		if !r.member(depth, o) {
			return false
		}
		r.space()
		if !r.take(',') {
			r.names = r.names[:o.first]
			return r.take('}')
		}
	}
}

// opened is an object that is being read.
type opened struct {
	number    int
	outermost bool
	first     int // of its names
}

func (r *Reader) member(depth int, o opened) bool {
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
	if !ok || !r.take(':') || !r.fresh(name, o) {
		return false
	}
	r.names = append(r.names, name)
	r.space()
	start := r.pos
	if !r.value(depth - 1) {
		return false
	}
	if o.outermost {
		r.members = append(r.members, Member{name, r.text[start:r.pos]})
	}
	return true
}

// fresh reports whether the object has no member of that name yet, and room for
// one more.
func (r *Reader) fresh(name string, o opened) bool {
	known := r.names[o.first:]
	switch {
	case len(known) >= r.most:
		return false
	case len(known) < fewMembers:
		return !slices.Contains(known, name)
	case len(known) == fewMembers:
		if r.many == nil {
			r.many = map[place]struct{}{}
		}
		for _, other := range known {
			r.many[place{o.number, other}] = struct{}{}
		}
	}
	before := len(r.many)
	r.many[place{o.number, name}] = struct{}{}
	return len(r.many) > before
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
