// Package message keeps the texts that people read, in the languages they read
// them in. A catalogue is a folder of flat JSON files, one for each language; the
// English one is complete, and the others may leave texts out.
//
// If this package is wrong, a name that somebody chose is read by a browser as
// markup, or a person reads a text that is not about what happens.
package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// fallback is the language that every key has a text in.
const fallback = "en"

// A Catalogue holds texts by language and key. It does not change after Load.
type Catalogue struct {
	printers map[string]*Printer // by lower-case tag
	tags     []string            // the keys of printers, in order
}

// Load reads dir/{lang}.json for every language that is there; lang is a BCP 47
// tag, and en must be among them. A key is a word of letters, digits, dots and
// underscores; its text may hold {name}, which a value takes the place of, *strong*
// and `code`, each of which \ before the sign makes a plain sign.
//
// It is an error if a language has a key or a name that English lacks, or if a
// text has a mark that is not closed.
func Load(fsys fs.FS, dir string) (*Catalogue, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list the texts of %s: %w", dir, err)
	}
	c := &Catalogue{printers: map[string]*Printer{}}
	for _, file := range files {
		p, err := read(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read the texts of %s: %w", file, err)
		}
		c.printers[strings.ToLower(p.lang)] = p
	}
	if c.printers[fallback] == nil {
		return nil, fmt.Errorf("read the texts of %s: there is no %s.json", dir, fallback)
	}
	c.tags = slices.Sorted(maps.Keys(c.printers))
	return c, c.compare()
}

func read(fsys fs.FS, file string) (*Printer, error) {
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	var texts map[string]string
	if err := json.Unmarshal(raw, &texts); err != nil {
		return nil, err
	}
	p := &Printer{lang: strings.TrimSuffix(path.Base(file), ".json"), texts: map[string]text{}}
	for key, written := range texts {
		if !isWord(key) {
			return nil, fmt.Errorf("%q is no key", key)
		}
		if p.texts[key], err = parse(written); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return p, p.plurals()
}

// plurals demands the form that every number has where there is another one.
func (p *Printer) plurals() error {
	for key := range p.texts {
		if base, one := strings.CutSuffix(key, ".one"); one {
			if _, ok := p.texts[base+".other"]; !ok {
				return fmt.Errorf("%s has no %s.other beside it", key, base)
			}
		}
	}
	return nil
}

// compare holds every language to English and ties them to it.
func (c *Catalogue) compare() error {
	english := c.printers[fallback]
	for _, tag := range c.tags {
		p := c.printers[tag]
		if p == english {
			continue
		}
		p.english = english
		for key, t := range p.texts {
			original, ok := english.texts[key]
			if !ok {
				return fmt.Errorf("%s.json: there is no text %s in English", p.lang, key)
			}
			if err := t.within(original); err != nil {
				return fmt.Errorf("%s.json: %s: %w", p.lang, key, err)
			}
		}
	}
	return nil
}

// within reports a value that the original has no place for: nobody gives it one.
func (t text) within(original text) error {
	for _, s := range t {
		if s.kind == value && !slices.Contains(original, s) {
			return fmt.Errorf("{%s} is not in the English text", s.text)
		}
	}
	return nil
}

// Keys lists the keys of the English texts, in order.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.printers[fallback].texts)) }

// Languages lists the tags of the languages that there are texts in, in order.
func (c *Catalogue) Languages() []string {
	var all []string
	for _, tag := range c.tags {
		all = append(all, c.printers[tag].lang)
	}
	return all
}

var errUnclosed = errors.New("a mark is not closed")
