package jose

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may nest; the outermost object counts
// as one.
const maxDepth = 8

// scanObject checks that data is exactly one JSON object (RFC 8259) in strict
// form, down to its leaves: valid UTF-8, no lone surrogates, at most maxDepth
// levels, and in no object two member names that are equal or differ only in
// case. It calls visit for each member of the outermost object with its decoded
// name and raw value.
//
// The standard decoder takes the last of two equal names and matches struct
// fields regardless of case; another verifier takes the first. A token that two
// programs read differently is the start of most JOSE attacks, so such a token
// is refused outright.
func scanObject(data []byte, visit func(name, value []byte) error) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	s := scanner{data: data}
	s.space()
	if s.peek() != '{' {
		return fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	if err := s.object(visit); err != nil {
		return err
	}
	s.space()
	if s.pos != len(data) {
		return s.fail("data after the JSON object")
	}
	return nil
}

type scanner struct {
	data  []byte
	pos   int
	depth int
}

func (s *scanner) fail(what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, what, s.pos)
}

// peek returns the next byte, or 0 at the end; 0 is in no JSON text.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) enter() error {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		return s.fail("nested too deeply")
	}
	return nil
}

func (s *scanner) object(visit func(name, value []byte) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	var names nameSet
	s.space()
	if s.peek() == '}' {
		return s.leave()
	}
	for {
		s.space()
		name, err := s.member(&names)
		if err != nil {
			return err
		}
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(name, s.data[start:s.pos]); err != nil {
				return err
			}
		}
		if more, err := s.next('}'); err != nil || !more {
			return err
		}
	}
}

// member reads a name and its colon, and stops before the value.
func (s *scanner) member(names *nameSet) ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("a member name is missing")
	}
	start := s.pos
	escaped, err := s.string()
	if err != nil {
		return nil, err
	}
	name := s.data[start+1 : s.pos-1]
	if escaped {
		var plain string
		if err := json.Unmarshal(s.data[start:s.pos], &plain); err != nil {
			return nil, s.fail("bad member name")
		}
		name = []byte(plain)
	}
	if !names.add(name) {
		return nil, s.fail("a member name appears twice, or in two cases")
	}
	s.space()
	if s.peek() != ':' {
		return nil, s.fail("a colon is missing")
	}
	s.pos++
	s.space()
	return name, nil
}

// next reads what follows an element: a comma (more) or the closing bracket.
func (s *scanner) next(closing byte) (more bool, err error) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		return false, s.leave()
	}
	return false, s.fail("a comma or bracket is missing")
}

func (s *scanner) leave() error {
	s.pos++
	s.depth--
	return nil
}

func (s *scanner) array() error {
	if err := s.enter(); err != nil {
		return err
	}
	s.space()
	if s.peek() == ']' {
		return s.leave()
	}
	for {
		s.space()
		if err := s.value(); err != nil {
			return err
		}
		if more, err := s.next(']'); err != nil || !more {
			return err
		}
	}
}

func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array()
	case c == '"':
		_, err := s.string()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	return s.literal()
}

func (s *scanner) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := s.pos + len(word); end <= len(s.data) && string(s.data[s.pos:end]) == word {
			s.pos = end
			return nil
		}
	}
	return s.fail("not a JSON value")
}

func (s *scanner) digits() bool {
	start := s.pos
	for '0' <= s.peek() && s.peek() <= '9' {
		s.pos++
	}
	return s.pos > start
}

// number follows RFC 8259, Section 6.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.fail("bad number")
	}
	if s.peek() == '.' {
		if s.pos++; !s.digits() {
			return s.fail("bad number")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.fail("bad number")
		}
	}
	return nil
}

// string reads a quoted string and reports whether it holds an escape.
func (s *scanner) string() (escaped bool, err error) {
	s.pos++
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return false, err
			}
		case c < ' ':
			return false, s.fail("control character in a string")
		default:
			s.pos++
		}
	}
	return false, s.fail("a string does not end")
}

func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		return s.unicode()
	}
	return s.fail("bad escape")
}

// unicode reads \uXXXX, or a surrogate pair of two of them. A lone surrogate
// stands for no character; decoders replace it, each in its own way.
func (s *scanner) unicode() error {
	r, ok := s.hex4()
	switch {
	case !ok || 0xdc00 <= r && r <= 0xdfff:
		return s.fail("bad escape")
	case r < 0xd800 || r > 0xdbff:
		return nil
	case s.peek() != '\\':
		return s.fail("lone surrogate")
	}
	s.pos++
	if low, ok := s.hex4(); !ok || low < 0xdc00 || low > 0xdfff {
		return s.fail("lone surrogate")
	}
	return nil
}

func (s *scanner) hex4() (r uint32, ok bool) {
	if s.peek() != 'u' || s.pos+5 > len(s.data) {
		return 0, false
	}
	for _, c := range s.data[s.pos+1 : s.pos+5] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | uint32(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | uint32(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	s.pos += 5
	return r, true
}
