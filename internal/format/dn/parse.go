package dn

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxName is the longest string that is read, in bytes.
const maxName = 4 << 10

// short are the names of attribute types: those of RFC 4514, Section 3, and more
// that certificates of businesses and banks have.
var short = map[string]string{
	"cn": "2.5.4.3", "l": "2.5.4.7", "st": "2.5.4.8", "o": "2.5.4.10", "ou": "2.5.4.11", "c": "2.5.4.6", "street": "2.5.4.9",
	"dc": "0.9.2342.19200300.100.1.25", "uid": "0.9.2342.19200300.100.1.1",
	"sn": "2.5.4.4", "serialnumber": "2.5.4.5", "title": "2.5.4.12", "businesscategory": "2.5.4.15", "postalcode": "2.5.4.17",
	"givenname": "2.5.4.42", "gn": "2.5.4.42", "dnqualifier": "2.5.4.46", "organizationidentifier": "2.5.4.97",
	"emailaddress": "1.2.840.113549.1.9.1", "e": "1.2.840.113549.1.9.1",
	"jurisdictionl": "1.3.6.1.4.1.311.60.2.1.1", "jurisdictionst": "1.3.6.1.4.1.311.60.2.1.2", "jurisdictionc": "1.3.6.1.4.1.311.60.2.1.3",
}

// Parse reads the string form of RFC 4514, Section 3. Spaces around the
// separators are skipped: RFC 1779 had them and people still write them.
func Parse(text string) (Name, error) {
	if text == "" || len(text) > maxName || !utf8.ValidString(text) {
		return Name{}, fmt.Errorf("%w: empty, too long or not UTF-8", ErrName)
	}
	var n Name
	for _, part := range cut(text, ',') {
		var attributes []attribute
		for _, one := range cut(part, '+') {
			a, err := parseAttribute(one)
			if err != nil {
				return Name{}, err
			}
			attributes = append(attributes, a)
		}
		n.parts = append(n.parts, sorted(attributes))
	}
	slices.Reverse(n.parts)
	return n, nil
}

// cut parts a text at a separator where no backslash stands before it.
func cut(text string, separator byte) []string {
	var list []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case separator:
			list = append(list, text[start:i])
			start = i + 1
		}
	}
	return append(list, text[start:])
}

func parseAttribute(text string) (attribute, error) {
	kind, value, found := strings.Cut(text, "=")
	kind = strings.Trim(kind, " ")
	if id, ok := short[strings.ToLower(kind)]; ok {
		kind = id
	} else if !isOID(kind) {
		return attribute{}, fmt.Errorf("%w: unknown attribute type", ErrName)
	}
	if !found {
		return attribute{}, fmt.Errorf("%w: an attribute without a value", ErrName)
	}
	value = strings.TrimLeft(value, " ")
	if rest, isHex := strings.CutPrefix(value, "#"); isHex { // RFC 4514, Section 2.4: DER
		der, err := hex.DecodeString(strings.TrimRight(rest, " "))
		if err != nil || len(der) == 0 {
			return attribute{}, fmt.Errorf("%w: bad hexadecimal value", ErrName)
		}
		return newAttribute(kind, der), nil
	}
	plain, err := unescape(value)
	return attribute{kind: kind, value: fold(plain)}, err
}

// isOID: RFC 4512, Section 1.4, numericoid.
func isOID(s string) bool {
	numbers := strings.Split(s, ".")
	if len(numbers) < 2 {
		return false
	}
	for _, n := range numbers {
		if n == "" || len(n) > 1 && n[0] == '0' || strings.Trim(n, "0123456789") != "" {
			return false
		}
	}
	return true
}

// unescape undoes the escapes of RFC 4514, Section 2.4. What must be escaped and
// is not makes the name malformed.
func unescape(value string) (string, error) {
	var out []byte
	for value != "" {
		c, rest := value[0], value[1:]
		if strings.IndexByte("\";<>\x00", c) >= 0 {
			return "", fmt.Errorf("%w: a character that must be escaped", ErrName)
		}
		if c == '\\' {
			var ok bool
			if c, rest, ok = escaped(rest); !ok {
				return "", fmt.Errorf("%w: bad escape", ErrName)
			}
		}
		out, value = append(out, c), rest
	}
	if !utf8.Valid(out) {
		return "", fmt.Errorf("%w: not UTF-8", ErrName)
	}
	return string(out), nil
}

// escaped reads what stands after a backslash: a special character, or a byte in
// hexadecimal.
func escaped(text string) (c byte, rest string, ok bool) {
	if text != "" && strings.IndexByte(`\"+,;<> #=`, text[0]) >= 0 {
		return text[0], text[1:], true
	}
	if len(text) < 2 {
		return 0, "", false
	}
	b, err := hex.DecodeString(text[:2])
	if err != nil {
		return 0, "", false
	}
	return b[0], text[2:], true
}
