package manage

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// A Page is the input of operations that list. Lists have a stable order, and a
// page begins after the last one of the page before, whatever came or went since.
type Page struct {
	Size  int    `query:"page_size" minimum:"1" maximum:"200" default:"50" doc:"How many at most." example:"50"`
	Token string `query:"page_token" maxLength:"1024" doc:"The next_page_token of the page before; left out: the first page." example:"c2hvcA"`
}

// after is what the page begins after; empty: it is the first.
func (p Page) after() (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(p.Token)
	if err != nil || !plainText(string(raw)) {
		return "", refused("invalid_page_token", err)
	}
	return string(raw), nil
}

// cut is one page out of a list that was read with one element more than fits, and
// the token of the next page. last names an element in the order of the list.
func cut[T any](p Page, list []T, last func(T) string) (page []T, next string) {
	if len(list) <= p.Size {
		return list, ""
	}
	list = list[:p.Size]
	return list, token(last(list[len(list)-1]))
}

// token is the page_token of what begins after something; empty: there is no more.
func token(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

// plainText reports whether text is one that every database takes.
func plainText(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
