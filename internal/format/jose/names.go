package jose

import (
	"bytes"
	"unicode"
)

// fewNames is how many names of one object are compared one by one; beyond it a
// map keeps a hostile object from costing the square of its size.
const fewNames = 24

// A nameSet holds the names of one object, folded. The zero value is empty.
type nameSet struct {
	few  [fewNames][]byte
	n    int
	many map[string]struct{}
}

// add reports whether the name is new, regardless of case.
func (s *nameSet) add(name []byte) bool {
	name = fold(name)
	for _, other := range s.few[:s.n] {
		if bytes.Equal(name, other) {
			return false
		}
	}
	if s.n < fewNames {
		s.few[s.n] = name
		s.n++
		return true
	}
	if _, taken := s.many[string(name)]; taken {
		return false
	}
	if s.many == nil {
		s.many = make(map[string]struct{})
	}
	s.many[string(name)] = struct{}{}
	return true
}

// fold maps names that differ only in case to one. It folds as encoding/json
// does when it looks for a struct field, so that 'ſ' is an s and the Kelvin sign
// a k, and returns its argument where that is folded already.
func fold(name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' || c >= 0x80 {
			return bytes.Map(foldRune, name)
		}
	}
	return name
}

// foldRune returns the smallest rune of the orbit, in lower case if it is ASCII.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			r = next
			break
		}
		r = next
	}
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}
