package assent

import "strings"

// maxHeader bounds a WWW-Authenticate field, in bytes.
const maxHeader = 8 << 10

// An authChallenge is one challenge of a WWW-Authenticate field (RFC 9110,
// Section 11.6.1). The names of its parameters are in lower case.
type authChallenge struct {
	scheme string
	params map[string]string
}

// challenges reads a field: a list of challenges whose parameters are a list as
// well. What is not well-formed ends it.
func challenges(field string) []authChallenge {
	var list []authChallenge
	rest := field
	for {
		rest = strings.TrimLeft(rest, " \t,")
		name, after := token(rest)
		if name == "" {
			return list
		}
		value, next, isParam := parameter(after)
		switch {
		case isParam && len(list) == 0:
			return list
		case isParam:
			list[len(list)-1].set(name, value)
			rest = next
		default:
			// The token68 of another scheme is taken for a scheme without parameters.
			list = append(list, authChallenge{scheme: name, params: map[string]string{}})
			rest = strings.TrimLeftFunc(after, notBlank)
		}
	}
}

func notBlank(r rune) bool { return !strings.ContainsRune(" \t,", r) }

// set keeps the first of parameters with one name, which may be there once (RFC
// 9110, Section 11.2).
func (c authChallenge) set(name, value string) {
	name = strings.ToLower(name)
	if _, twice := c.params[name]; !twice {
		c.params[name] = value
	}
}

// token splits off a token of RFC 9110, Section 5.6.2.
func token(s string) (name, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// parameter reads "= value" with a token or a quoted string as its value.
func parameter(s string) (value, rest string, ok bool) {
	s, found := strings.CutPrefix(strings.TrimLeft(s, " \t"), "=")
	if !found {
		return "", s, false
	}
	s = strings.TrimLeft(s, " \t")
	if inner, quoted := strings.CutPrefix(s, `"`); quoted {
		return quotedString(inner)
	}
	value, rest = token(s)
	return value, rest, value != ""
}

// quotedString: RFC 9110, Section 5.6.4.
func quotedString(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
