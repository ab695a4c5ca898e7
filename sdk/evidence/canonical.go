package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxText  = 16 << 20 // bytes of JSON text that Canonical accepts
	maxDepth = 64       // nested arrays and objects that Canonical accepts
)

// Canonical returns the RFC 8785 form of a JSON text. It refuses what that
// RFC leaves undefined: duplicate members, text that is not UTF-8, lone
// surrogates and numbers outside IEEE 754 doubles; and texts over 16 MB or
// nested deeper than 64.
func Canonical(jsonText []byte) ([]byte, error) {
	return appendCanonical(make([]byte, 0, len(jsonText)), jsonText, maxDepth)
}

// CanonicalValue returns the RFC 8785 form of what encoding/json makes of v.
func CanonicalValue(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return Canonical(text.Bytes())
}

// Hash returns the base64url SHA-256 of a canonical text: 43 characters.
func Hash(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A textError tells where a JSON text cannot be brought into canonical form.
type textError struct {
	offset int
	reason string
	path   []string // members that lead to the fault, outermost first
	// inside is true when the text is well-formed JSON up to the fault, so
	// that path tells which member is to blame.
	inside bool
}

func (e *textError) Error() string {
	if len(e.path) == 0 {
		return fmt.Sprintf("JSON at byte %d: %s", e.offset, e.reason)
	}
	return fmt.Sprintf("JSON at byte %d (%q): %s", e.offset, strings.Join(e.path, "."), e.reason)
}

// within records that the fault lies inside the member called key.
func (e *textError) within(key []byte) *textError {
	e.path = slices.Insert(e.path, 0, string(key))
	return e
}

func appendCanonical(dst, text []byte, depth int) ([]byte, error) {
	if len(text) > maxText {
		return nil, &textError{reason: "longer than 16 MB"}
	}
	if !utf8.Valid(text) {
		return nil, &textError{reason: "not UTF-8"}
	}
	c := canonicalizer{in: text, out: dst, members: make([]member, 0, 16)}
	c.space()
	if err := c.value(depth); err != nil {
		return nil, err
	}
	c.space()
	if c.pos != len(text) {
		return nil, c.fault("text after the end of the value")
	}
	return c.out, nil
}

// A canonicalizer reads one JSON text and writes its canonical form in the
// same pass. Members that already stand in order are not moved.
type canonicalizer struct {
	in      []byte
	pos     int
	out     []byte
	members []member // of all objects that are open, innermost last
	scratch []byte
}

// A member is one written "name":value of an open object.
type member struct {
	name       []byte // decoded
	start, end int    // in out
}

func (c *canonicalizer) fault(reason string) *textError {
	return &textError{offset: c.pos, reason: reason}
}

func (c *canonicalizer) faultInside(reason string) *textError {
	return &textError{offset: c.pos, reason: reason, inside: true}
}

func (c *canonicalizer) space() {
	for c.pos < len(c.in) {
		switch c.in[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end; a byte 0 is never valid JSON
// outside strings.
func (c *canonicalizer) peek() byte {
	if c.pos < len(c.in) {
		return c.in[c.pos]
	}
	return 0
}

// take moves over b and writes it if it comes next.
func (c *canonicalizer) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.pos++
	c.out = append(c.out, b)
	return true
}

func (c *canonicalizer) value(depth int) *textError {
	switch b := c.peek(); {
	case b == '{' || b == '[':
		if depth == 0 {
			return c.faultInside("nested too deeply")
		}
		if b == '{' {
			return c.object(depth - 1)
		}
		return c.array(depth - 1)
	case b == '"':
		_, _, err := c.text()
		return err
	case b == '-' || '0' <= b && b <= '9':
		return c.number()
	case b == 't':
		return c.literal("true")
	case b == 'f':
		return c.literal("false")
	case b == 'n':
		return c.literal("null")
	}
	return c.fault("not a value")
}

func (c *canonicalizer) literal(word string) *textError {
	if !bytes.HasPrefix(c.in[c.pos:], []byte(word)) {
		return c.fault("not a value")
	}
	c.pos += len(word)
	c.out = append(c.out, word...)
	return nil
}

func (c *canonicalizer) array(depth int) *textError {
	c.take('[')
	c.space()
	if c.take(']') {
		return nil
	}
	for {
		c.space()
		if err := c.value(depth); err != nil {
			return err
		}
		c.space()
		switch {
		case c.take(','):
		case c.take(']'):
			return nil
		default:
			return c.fault("expected , or ]")
		}
	}
}

func (c *canonicalizer) object(depth int) *textError {
	first := len(c.members)
	c.take('{')
	c.space()
	if c.take('}') {
		return nil
	}
	inOrder := true
	for {
		if err := c.member(depth); err != nil {
			return err
		}
		if n := len(c.members); n-first > 1 {
			inOrder = inOrder && compareUTF16(c.members[n-2].name, c.members[n-1].name) < 0
		}
		c.space()
		if c.take(',') {
			continue
		}
		if c.peek() != '}' {
			return c.fault("expected , or }")
		}
		if err := c.arrange(first, inOrder); err != nil {
			return err
		}
		c.take('}')
		return nil
	}
}

func (c *canonicalizer) member(depth int) *textError {
	c.space()
	start := len(c.out)
	raw, escaped, err := c.text()
	if err != nil {
		return err
	}
	name := raw
	if escaped {
		name = bytes.Clone(unescape(c.out[start:]))
	}
	c.space()
	if !c.take(':') {
		return c.fault("expected :")
	}
	c.space()
	if err := c.value(depth); err != nil {
		return err.within(name)
	}
	c.members = append(c.members, member{name: name, start: start, end: len(c.out)})
	return nil
}

// arrange closes the members from index first on: it puts them in the order
// of their names (RFC 8785, Section 3.2.3) and refuses equal names.
func (c *canonicalizer) arrange(first int, inOrder bool) *textError {
	members := c.members[first:]
	c.members = c.members[:first]
	if inOrder {
		return nil
	}
	begin := members[0].start
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.name, b.name) })
	c.scratch = c.scratch[:0]
	for i, m := range members {
		if i > 0 {
			if bytes.Equal(members[i-1].name, m.name) {
				return c.faultInside("duplicate member").within(m.name)
			}
			c.scratch = append(c.scratch, ',')
		}
		c.scratch = append(c.scratch, c.out[m.start:m.end]...)
	}
	copy(c.out[begin:], c.scratch)
	return nil
}

// compareUTF16 orders valid UTF-8 texts by their UTF-16 code units. That is
// the order of the bytes, except that characters beyond U+FFFF, which become
// surrogates, stand before U+E000 to U+FFFF.
func compareUTF16(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			return int(y) - int(x)
		}
		return int(x) - int(y)
	}
	return len(a) - len(b)
}

// text reads a string and writes it with the escapes of RFC 8785, Section
// 3.2.2.2. It returns what stood between the quotes and whether that held
// escapes.
func (c *canonicalizer) text() (raw []byte, escaped bool, err *textError) {
	if c.peek() != '"' {
		return nil, false, c.fault("expected a string")
	}
	from := c.pos // not yet written
	c.pos++
	start := c.pos
	for {
		pos := c.pos
		for pos < len(c.in) && plain[c.in[pos]] {
			pos++
		}
		c.pos = pos
		switch c.peek() {
		case '"':
			c.pos++
			c.out = append(c.out, c.in[from:c.pos]...)
			return c.in[start:pos], escaped, nil
		case '\\':
			escaped = true
			c.out = append(c.out, c.in[from:pos]...)
			if err := c.escape(); err != nil {
				return nil, false, err
			}
			from = c.pos
		default:
			return nil, false, c.fault("string with a bare control character or without an end")
		}
	}
}

// plain tells which bytes stand in a string as they are.
var plain = func() (t [256]bool) {
	for b := range t {
		t[b] = b >= 0x20 && b != '"' && b != '\\'
	}
	return t
}()

func (c *canonicalizer) escape() *textError {
	if c.pos+1 >= len(c.in) {
		return c.fault("string without an end")
	}
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(letters, c.in[c.pos+1]); i >= 0 {
		c.pos += 2
		c.out = appendRune(c.out, rune(meanings[i]))
		return nil
	}
	r, ok := c.unit()
	if !ok {
		return c.fault("not an escape")
	}
	if utf16.IsSurrogate(r) {
		low, ok := c.unit()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return c.faultInside("lone surrogate")
		}
	}
	c.out = appendRune(c.out, r)
	return nil
}

// unit reads one \uXXXX.
func (c *canonicalizer) unit() (rune, bool) {
	if len(c.in)-c.pos < 6 || c.in[c.pos] != '\\' || c.in[c.pos+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, b := range c.in[c.pos+2 : c.pos+6] {
		digit := strings.IndexByte("0123456789abcdef", b|0x20)
		// b|0x20 also maps control characters to digits.
		if digit < 0 || b < '0' {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	c.pos += 6
	return r, true
}

// unescape decodes a string literal that is already in canonical form. The
// result may share its bytes.
func unescape(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal[1 : len(literal)-1]
	}
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		panic("evidence: canonical string does not decode: " + err.Error())
	}
	return []byte(s)
}

// appendText writes s as a canonical string. It refuses invalid UTF-8.
func appendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, &textError{reason: "not UTF-8"}
	}
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		if plain[s[i]] {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = appendRune(dst, rune(s[i]))
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"'), nil
}

func appendRune(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if r < 0x20 {
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}
