package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxBody = 16 << 10 // bytes
	maxText = 200      // characters of a name and the like
)

// An object is a JSON object whose members have not been looked at.
type object map[string]json.RawMessage

// readObject reads a body that is one object with some of these members, spelled
// so, each at most once (encoding/json alone would take "NAME" and the last of
// two).
func readObject(w http.ResponseWriter, r *http.Request, members ...string) (object, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is too large")
	}
	if err != nil {
		return nil, malformed("the body ended early")
	}
	if !utf8.Valid(text) || !json.Valid(text) { // RFC 8259, Section 8.1
		return nil, malformed("the body is not JSON in UTF-8")
	}
	return membersOf(text, members)
}

func membersOf(text []byte, members []string) (object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, malformed("the body is not an object")
	}
	o := make(object)
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, malformed("the body is not an object")
		}
		var value json.RawMessage
		switch _, twice := o[name]; {
		case twice:
			return nil, malformed("a member is there twice")
		case !slices.Contains(members, name):
			return nil, refuse(http.StatusBadRequest, "unknown_member", "the body may have "+strings.Join(members, ", "))
		}
		if err := d.Decode(&value); err != nil {
			return nil, malformed("the body is not an object")
		}
		o[name] = value
	}
	return o, nil
}

// noBody refuses a body where one would mean nothing.
func noBody(r *http.Request) error {
	if n, _ := r.Body.Read(make([]byte, 1)); n > 0 {
		return malformed("this request has no body")
	}
	return nil
}

// raw reads a string member as it is; nil: it is not there, or null.
func (o object) raw(name string) (*string, error) {
	value, ok := o[name]
	if !ok || string(value) == "null" {
		return nil, nil
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, malformed(name + " must be a string")
	}
	return &s, nil
}

// text reads a string member that people see. U+FFFD is what becomes of escapes
// that are no character.
func (o object) text(name string) (*string, error) {
	s, err := o.raw(name)
	if err != nil || s == nil {
		return nil, err
	}
	bad := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	if utf8.RuneCountInString(*s) > maxText || strings.ContainsFunc(*s, bad) {
		return nil, malformed(name + " must have at most 200 characters, none of them a control character")
	}
	return s, nil
}

// id reads a member that names something; "": it is not there, or null.
func (o object) id(name string) (string, error) {
	s, err := o.text(name)
	switch {
	case err != nil:
		return "", err
	case s == nil:
		return "", nil
	case *s == "":
		return "", malformed(name + " must not be empty")
	}
	return *s, nil
}
