package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/schema"
)

const payment = `{
  "type": "object",
  "required": ["type", "amount"],
  "additionalProperties": false,
  "properties": {
    "type": {"const": "payment"},
    "amount": {"$ref": "#/$defs/amount"},
    "on": {"type": "string", "format": "date"}
  },
  "$defs": {"amount": {"type": "object", "required": ["value"], "properties": {
    "value": {"type": "string", "pattern": "^[0-9]{1,9}\\.[0-9]{2}$"}, "a/b~c": {"type": "string"}}}}
}`

func compile(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestADocumentIsHeldAgainstItsSchema(t *testing.T) {
	s := compile(t, payment)
	tests := []struct {
		name, document, at, rule string // rule empty: it fits
	}{
		{"fits", `{"type":"payment","amount":{"value":"12.00"},"on":"2026-11-20"}`, "", ""},
		{"a member is missing", `{"type":"payment"}`, "", "required"},
		{"a member too many", `{"type":"payment","amount":{"value":"1.00"},"x":1}`, "", "additionalProperties"},
		{"behind a reference", `{"type":"payment","amount":{"value":"1"}}`, "/amount/value", "pattern"},
		{"a wrong type", `{"type":"payment","amount":{"value":1}}`, "/amount/value", "type"},
		{"a name that a pointer escapes", `{"type":"payment","amount":{"value":"1.00","a/b~c":1}}`, "/amount/a~1b~0c", "type"},
		{"a format decides", `{"type":"payment","amount":{"value":"1.00"},"on":"tomorrow"}`, "/on", "format"},
		{"another constant", `{"type":"payout","amount":{"value":"1.00"}}`, "/type", "const"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := s.Check([]byte(tt.document))
			fault, _ := errors.AsType[*schema.Fault](err)
			switch {
			case tt.rule == "" && err != nil:
				t.Errorf("got %v", err)
			case tt.rule != "" && (fault == nil || fault.At != tt.at || fault.Rule != tt.rule):
				t.Errorf("got %v, want %s at %s", err, tt.rule, tt.at)
			}
		})
	}
}

func TestAFaultTellsNothingOfTheValue(t *testing.T) {
	err := compile(t, payment).Check([]byte(`{"type":"payment","amount":{"value":"hunter2"}}`))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoSchemaOfItsOwnIsRefused(t *testing.T) {
	tests := map[string]string{
		"no JSON":                        `{`,
		"null":                           `null`,
		"no object":                      `true`,
		"a keyword of the wrong type":    `{"type": 7}`,
		"a pattern that is none":         `{"pattern": "("}`,
		"a reference to the web":         `{"$ref": "https://example.com/schema.json"}`,
		"a reference to a file":          `{"$ref": "file:///etc/passwd"}`,
		"a draft that would be loaded":   `{"$schema": "https://example.com/draft"}`,
		"a reference that leads nowhere": `{"$ref": "#/$defs/x"}`,
		"too long":                       `{"title": "` + strings.Repeat("x", schema.MaxSchema) + `"}`,
	}
	for name, text := range tests {
		if s, err := schema.Compile([]byte(text)); !errors.Is(err, schema.ErrSchema) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A schema that refers to itself without end must end all the same.
func TestASchemaInACircleEnds(t *testing.T) {
	s, err := schema.Compile([]byte(`{"allOf": [{"$ref": "#"}]}`))
	if err == nil {
		err = s.Check([]byte(`{}`))
	}
	if err == nil {
		t.Error("a circle holds for everything")
	}
}

func TestHugeNumbersAreNoWork(t *testing.T) {
	s := compile(t, `{"properties": {"n": {"multipleOf": 3}}}`)
	for _, n := range []string{"9e300", "3", "1e-300"} {
		_ = s.Check([]byte(`{"n":` + n + `}`)) // the answer does not matter, only that there is one
	}
	if err := s.Check([]byte(`{"n":1e999999999}`)); err == nil {
		t.Error("a number that no double holds was taken")
	}
}

func FuzzCheck(f *testing.F) {
	s, err := schema.Compile([]byte(payment))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`{"type":"payment","amount":{"value":"12.00"}}`, `[]`, `null`, `{"type":`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if first, again := s.Check(document), s.Check(document); (first == nil) != (again == nil) {
			t.Errorf("%q: first %v, then %v", document, first, again)
		}
	})
}
