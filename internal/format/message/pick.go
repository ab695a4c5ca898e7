package message

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxRanges bounds what is read of one wish: it comes from strangers.
const maxRanges = 32

// Pick is the printer of the first language that there are texts in. Each wish is
// a BCP 47 tag, several with spaces between them, or the value of an
// Accept-Language header; an earlier wish goes before a later one. If none can be
// met, the texts are English.
func (c *Catalogue) Pick(preferred ...string) *Printer {
	for _, wish := range preferred {
		for _, lang := range ranges(wish) {
			if p := c.lookup(lang); p != nil {
				return p
			}
		}
	}
	return c.printers[fallback]
}

// ranges are the languages of a wish, the dearest first (RFC 9110, Section
// 12.5.4). What cannot be read is left out.
func ranges(wish string) []string {
	type weighted struct {
		lang string
		q    float64
	}
	var all []weighted
	separator := func(r rune) bool { return r == ',' }
	if !strings.ContainsAny(wish, ",;") {
		separator = func(r rune) bool { return r == ' ' }
	}
	for part := range strings.FieldsFuncSeq(wish, separator) {
		if len(all) == maxRanges {
			break
		}
		lang, params, _ := strings.Cut(part, ";")
		if q := weight(params); q > 0 {
			all = append(all, weighted{strings.ToLower(strings.TrimSpace(lang)), q})
		}
	}
	slices.SortStableFunc(all, func(a, b weighted) int { return cmp.Compare(b.q, a.q) })
	var langs []string
	for _, w := range all {
		langs = append(langs, w.lang)
	}
	return langs
}

// weight reads "q=0.5". No weight is 1; one that is none is 0, which asks for
// nothing.
func weight(params string) float64 {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1
	}
	written, ok := strings.CutPrefix(strings.ToLower(params), "q=")
	q, err := strconv.ParseFloat(written, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// lookup finds the language of a range, shortened from its end until there is one
// (RFC 4647, Section 3.4), or one that is more particular than the range asks for.
func (c *Catalogue) lookup(lang string) *Printer {
	if lang == "*" {
		return c.printers[fallback]
	}
	for at := lang; at != ""; {
		if p := c.printers[at]; p != nil {
			return p
		}
		at = at[:max(strings.LastIndexByte(at, '-'), 0)]
	}
	for _, tag := range c.tags {
		if lang != "" && strings.HasPrefix(tag, lang+"-") {
			return c.printers[tag]
		}
	}
	return nil
}
