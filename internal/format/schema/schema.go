// Package schema checks JSON documents against JSON Schemas: draft 2020-12
// unless a schema names another (JSON Schema Core and Validation 2020-12).
//
// A schema stands alone: a $ref leads inside it or to a draft of JSON Schema
// itself, and nothing is ever loaded from anywhere. `format` decides, as its
// authors mean it to. Patterns are those of Go's regexp, which take linear time.
//
// If this package is wrong, a client is granted something that the operator did
// not describe.
package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxSchema is the longest schema that is compiled, in bytes.
const MaxSchema = 64 << 10

// ErrSchema: a text that is no JSON Schema, or one that does not stand alone.
var ErrSchema = errors.New("not a JSON Schema that stands alone")

// A Schema is a compiled schema. It is safe for concurrent use.
type Schema struct{ compiled *jsonschema.Schema }

// here is the name of the schema to itself; it leads nowhere.
const here = "schema:details"

// Compile reads a schema: an object, in JSON. Its error wraps [ErrSchema].
func Compile(text []byte) (*Schema, error) {
	if len(text) > MaxSchema {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrSchema, MaxSchema)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	if doc == nil { // "null" describes nothing
		return nil, fmt.Errorf("%w: not an object", ErrSchema)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(nowhere{})
	if err := c.AddResource(here, doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	compiled, err := c.Compile(here)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	return &Schema{compiled}, nil
}

// nowhere loads nothing.
type nowhere struct{}

func (nowhere) Load(string) (any, error) { return nil, errors.New("nothing is loaded from elsewhere") }

// A Fault is where a document is not as its schema says. It tells the rule and
// the way to the value, and nothing of the value itself.
type Fault struct {
	At   string // JSON pointer into the document (RFC 6901); "": the whole
	Rule string // the keyword of the schema, such as "pattern"
}

func (f *Fault) Error() string { return fmt.Sprintf("at %q: %s", f.At, f.Rule) }

// Check holds a JSON text against the schema. Its error is a *[Fault], or the
// text is not JSON. Numbers are compared as IEEE 754 doubles, as RFC 8785 has them.
func (s *Schema) Check(text []byte) error {
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	err := s.compiled.Validate(doc)
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return fault(invalid)
	}
	return err
}

// fault finds the innermost of the first reasons.
func fault(e *jsonschema.ValidationError) *Fault {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	var at strings.Builder
	for _, name := range e.InstanceLocation {
		at.WriteString("/" + pointer.Replace(name))
	}
	rule := "schema"
	if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
		rule = path[0]
	}
	return &Fault{At: at.String(), Rule: rule}
}

// pointer escapes a member name (RFC 6901, Section 3).
var pointer = strings.NewReplacer("~", "~0", "/", "~1")
