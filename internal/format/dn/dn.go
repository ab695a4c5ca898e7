// Package dn compares distinguished names: one in the string form of RFC 4514,
// as an operator writes it down, with one in DER, as a certificate has it.
//
// If this package is wrong, a certificate of one client passes for another's.
package dn

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ErrName: not a distinguished name.
var ErrName = errors.New("not a distinguished name")

// A Name is a distinguished name. The most significant part comes first, as in
// a certificate; the string form has it last (RFC 4514, Section 2.1).
type Name struct{ parts [][]attribute }

// An attribute is one type and value in the form in which it is compared.
type attribute struct {
	kind  string // dotted object identifier
	value string // folded text, or the DER of what is no text
	der   bool
}

// Equal reports whether two names have the same parts in the same order; in one
// part the order means nothing (X.501, Section 9.2). Text is compared regardless
// of case and of the number of spaces (RFC 5280, Section 7.1; RFC 4518).
func (n Name) Equal(other Name) bool {
	return slices.EqualFunc(n.parts, other.parts, slices.Equal[[]attribute])
}

// derAttribute and the types below are Name of RFC 5280, Section 4.1.2.4.
// encoding/asn1 takes a slice for a SET if its type's name ends so.
type derAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type derPartSET []derAttribute

// FromDER reads the name of a certificate, such as x509.Certificate.RawSubject.
func FromDER(der []byte) (Name, error) {
	var parts []derPartSET
	rest, err := asn1.Unmarshal(der, &parts)
	if err != nil || len(rest) > 0 {
		return Name{}, fmt.Errorf("%w: bad DER", ErrName)
	}
	var n Name
	for _, p := range parts {
		part := make([]attribute, len(p))
		for i, a := range p {
			part[i] = newAttribute(a.Type.String(), a.Value.FullBytes)
		}
		n.parts = append(n.parts, sorted(part))
	}
	return n, nil
}

func sorted(part []attribute) []attribute {
	slices.SortFunc(part, func(a, b attribute) int {
		return strings.Compare(a.kind+"="+a.value, b.kind+"="+b.value)
	})
	return part
}

// newAttribute takes the text of a value, whichever of the string types it has.
func newAttribute(kind string, der []byte) attribute {
	var v any
	if rest, err := asn1.Unmarshal(der, &v); err == nil && len(rest) == 0 {
		if text, ok := v.(string); ok {
			return attribute{kind: kind, value: fold(text)}
		}
	}
	return attribute{kind: kind, value: string(der), der: true}
}

func fold(text string) string {
	return strings.Map(foldRune, strings.Join(strings.Fields(text), " "))
}

// foldRune answers the smallest of the runes that differ only in case. It knows
// single runes alone, so that no two names are the same that RFC 4518 keeps apart.
func foldRune(r rune) rune {
	smallest := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		smallest = min(smallest, other)
	}
	return smallest
}
