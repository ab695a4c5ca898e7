package oauth

import (
	"html/template"
	"slices"

	"github.com/assent-id/assent/internal/format/message"
)

// A Said is what a person reads, before it is in their language: a text of the
// pages' catalogue by its key, or, where Key is empty, a name that is the same in
// every language. Names and values are untrusted text.
type Said struct {
	Key  string
	Args []string // names of values in the text, each followed by its value
	Own  string   // where Key is empty
}

func say(key string, args ...string) Said { return Said{Key: key, Args: args} }

// None reports whether there is nothing to say.
func (s Said) None() bool { return s.Key == "" && s.Own == "" }

// Text is what it says in the printer's language.
func (s Said) Text(p *message.Printer) string {
	if s.Key == "" {
		return s.Own
	}
	return p.Text(s.Key, s.values()...)
}

// HTML is the same, escaped, with each name and value in a <bdi>.
func (s Said) HTML(p *message.Printer) template.HTML {
	if s.Key == "" {
		return template.HTML("<bdi>" + template.HTMLEscapeString(s.Own) + "</bdi>") //nolint:gosec // G203: escaped
	}
	return p.HTML(s.Key, s.values()...)
}

func (s Said) values() []any {
	values := make([]any, len(s.Args))
	for i, a := range s.Args {
		values[i] = a
	}
	return values
}

func (s Said) same(o Said) bool {
	return s.Key == o.Key && s.Own == o.Own && slices.Equal(s.Args, o.Args)
}
