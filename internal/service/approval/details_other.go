package approval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/assent-id/assent/sdk/evidence"
)

// What a person can still read of details that no template of ours is for.
const (
	maxOtherLines = 50
	maxOtherLabel = 128 // bytes
)

// Describe says authorization details in words: those of our own types as their
// template has it, any other object member by member. It refuses with a
// *[DetailsError] what cannot be shown as it is.
func Describe(raw json.RawMessage) ([]evidence.Line, error) {
	kind, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	if t, ok := detailsTypes[kind]; ok {
		return t.show(raw)
	}
	return showOther(kind, raw)
}

func typeOf(raw json.RawMessage) (string, error) {
	var head map[string]json.RawMessage
	if err := json.Unmarshal(raw, &head); err != nil || head == nil {
		return "", &DetailsError{Reason: "not a JSON object with a type", Cause: err}
	}
	var kind string
	if err := json.Unmarshal(head["type"], &kind); err != nil || kind == "" {
		return "", &DetailsError{Reason: "not a JSON object with a type", Cause: err}
	}
	return kind, nil
}

// showOther lists every value of an object in canonical order, each under the
// names that lead to it: {"amount":{"value":"5"}} is "amount value: 5". The
// realm says by a schema what such an object may hold; that all of it is shown
// does not depend on the schema.
func showOther(kind string, raw json.RawMessage) ([]evidence.Line, error) {
	canonical, err := evidence.Canonical(raw)
	if err != nil {
		return nil, &DetailsError{Reason: "not canonical JSON", Cause: err}
	}
	l := lister{kind: kind, dec: json.NewDecoder(bytes.NewReader(canonical))}
	l.dec.UseNumber()
	if err := l.value(""); err != nil {
		return nil, err
	}
	if _, err := l.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &DetailsError{Reason: "data after the object"}
	}
	return l.lines, nil
}

// A lister reads one JSON text and writes a line for each of its leaves.
type lister struct {
	kind  string
	dec   *json.Decoder
	lines []evidence.Line
}

func (l *lister) value(label string) error {
	t, err := l.dec.Token()
	if err != nil {
		return &DetailsError{Reason: "not JSON", Cause: err}
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return l.object(label)
		}
		return l.array(label)
	case string:
		return l.add(label, v)
	case nil:
		return l.add(label, "null")
	default: // json.Number or bool
		return l.add(label, fmt.Sprint(v))
	}
}

func (l *lister) object(label string) error {
	if !l.dec.More() {
		return errors.Join(l.add(label, "{}"), l.end())
	}
	for l.dec.More() {
		t, err := l.dec.Token()
		if err != nil {
			return &DetailsError{Reason: "not JSON", Cause: err}
		}
		name, _ := t.(string)
		if err := checkName(name); err != nil {
			return err
		}
		if err := l.value(strings.TrimPrefix(label+" "+name, " ")); err != nil {
			return err
		}
	}
	return l.end()
}

func (l *lister) array(label string) error {
	if !l.dec.More() {
		return errors.Join(l.add(label, "[]"), l.end())
	}
	for i := 1; l.dec.More(); i++ {
		if err := l.value(label + " " + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return l.end()
}

func (l *lister) end() error {
	if _, err := l.dec.Token(); err != nil {
		return &DetailsError{Reason: "not JSON", Cause: err}
	}
	return nil
}

func (l *lister) add(label, value string) error {
	if ourLabel(label) { // "at" is a good name for a member, and not for a line
		label = l.kind + " " + label
	}
	switch {
	case len(l.lines) >= maxOtherLines:
		return &DetailsError{Reason: "more than 50 values, which is more than a person can read"}
	case len(label) > maxOtherLabel:
		return &DetailsError{Reason: "the names of members are longer than 128 bytes together"}
	case len(value) > maxDetailValue:
		return &DetailsError{Reason: "a value has more than 1000 bytes"}
	}
	l.lines = append(l.lines, evidence.Line{Label: label, Value: value})
	return nil
}

// checkName keeps one name from looking like two, or like none. A number would
// look like a place in a list.
func checkName(name string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }
	if name == "" || strings.ContainsFunc(name, odd) || strings.Trim(name, "0123456789") == "" {
		return &DetailsError{Reason: "the name of a member is not a printable word"}
	}
	return nil
}
