package evidence

import (
	"math"
	"strconv"
)

// exactDigits is how many decimal digits every integer may have to survive
// the way through a double unchanged and be printed without an exponent.
const exactDigits = 15

// number reads a number and writes it as ECMAScript does (RFC 8785, Section
// 3.2.2.3).
func (c *canonicalizer) number() *textError {
	start := c.pos
	integer, ok := c.scanNumber()
	if !ok {
		return c.fault("not a number")
	}
	raw := c.in[start:c.pos]
	if integer && raw[0] != '-' && len(raw) <= exactDigits {
		c.out = append(c.out, raw...)
		return nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return c.faultInside("number beyond a double")
	}
	c.out = appendNumber(c.out, f)
	return nil
}

// scanNumber moves over one number of RFC 8259, Section 6, and tells whether
// it has neither fraction nor exponent.
func (c *canonicalizer) scanNumber() (integer, ok bool) {
	if c.peek() == '-' {
		c.pos++
	}
	if c.peek() == '0' {
		c.pos++
	} else if !c.digits() {
		return false, false
	}
	integer = true
	if c.peek() == '.' {
		c.pos++
		integer = false
		if !c.digits() {
			return false, false
		}
	}
	if c.peek()|0x20 == 'e' {
		c.pos++
		if b := c.peek(); b == '+' || b == '-' {
			c.pos++
		}
		return false, c.digits()
	}
	return integer, true
}

func (c *canonicalizer) digits() bool {
	start := c.pos
	for '0' <= c.peek() && c.peek() <= '9' {
		c.pos++
	}
	return c.pos > start
}

// appendNumber writes f as Number.prototype.toString does (ECMA-262, Section
// 6.1.6.1.20), which RFC 8785 prescribes. f is finite.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // also for minus zero
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes 1e-07 where ECMAScript writes 1e-7.
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
