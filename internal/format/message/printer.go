package message

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// A Printer writes the texts of one language. What it lacks it writes in English.
type Printer struct {
	lang    string
	texts   map[string]text
	english *Printer // nil: this is English
}

// Lang is the language's BCP 47 tag.
func (p *Printer) Lang() string { return p.lang }

// Text is the text of a key with values in their places; args are names, each
// followed by its value. Where there is no such key, its forms are: key.one or
// key.other, by the number that is called count. Marks are left out.
//
// A key or a value that is missing is a fault of the caller; it stands in ⟦ and ⟧
// in the text, where a test looks for it.
func (p *Printer) Text(key string, args ...any) string {
	var b strings.Builder
	for _, s := range p.find(key, args) {
		switch s.kind {
		case plain:
			b.WriteString(s.text)
		case value:
			v, _ := lookup(args, s.text)
			b.WriteString(v)
		}
	}
	return b.String()
}

// HTML is like Text, as HTML: what is marked stands in its elements. The text and
// the values are escaped, and each value is in a <bdi>, so that the direction that
// it is written in changes nothing around it.
func (p *Printer) HTML(key string, args ...any) template.HTML {
	var b strings.Builder
	open := map[kind]bool{}
	for _, s := range p.find(key, args) {
		switch s.kind {
		case plain:
			b.WriteString(html.EscapeString(s.text))
		case value:
			v, _ := lookup(args, s.text)
			b.WriteString("<bdi>" + html.EscapeString(v) + "</bdi>")
		case strong, code:
			b.WriteString(tag(s.kind, open[s.kind]))
			open[s.kind] = !open[s.kind]
		}
	}
	return template.HTML(b.String()) //nolint:gosec // G203: every part is escaped above
}

func tag(k kind, opened bool) string {
	name := map[kind]string{strong: "strong", code: "code"}[k]
	if opened {
		return "</" + name + ">"
	}
	return "<" + name + ">"
}

// find is the text of a key in this language, else in English.
func (p *Printer) find(key string, args []any) text {
	for at := p; at != nil; at = at.english {
		if t, ok := at.texts[key]; ok {
			return t
		}
		if t, ok := at.texts[key+"."+at.form(args)]; ok {
			return t
		}
	}
	return text{{plain, missing(key)}}
}

func missing(name string) string { return "⟦" + name + "⟧" }

// lookup is the value of a name, as text.
func lookup(args []any, name string) (string, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return fmt.Sprint(args[i+1]), true
		}
	}
	return missing(name), false
}
