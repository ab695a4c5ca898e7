package revocation

import (
	"slices"
	"strconv"
	"strings"
)

// maxPlaces is how many journals a cursor remembers: that many nodes may take
// turns in answering one reader without telling it anything twice.
const maxPlaces = 8

// A place is how far a reader has come in a journal.
type place struct {
	journal string
	at      uint64
}

// A cursor is how far a reader has come in the journals of the nodes that it
// asked, the latest first. No clock is in it, so it does not matter whose is
// wrong.
type cursor []place

// String spells it with characters that need no quoting in a URL (RFC 3986,
// Section 2.3) and in an entity tag (RFC 9110, Section 8.8.3).
func (c cursor) String() string {
	var b strings.Builder
	for i, p := range c {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p.journal + "-" + strconv.FormatUint(p.at, 36))
	}
	return b.String()
}

// parseCursor reads what looks like ours and leaves out the rest, which is not
// repeated in answers: whoever has been nowhere is told everything.
func parseCursor(text string) cursor {
	var c cursor
	for part := range strings.SplitSeq(text, ".") {
		name, number, _ := strings.Cut(part, "-")
		at, err := strconv.ParseUint(number, 36, 64)
		if err == nil && len(c) < maxPlaces && looksLikeJournal(name) {
			c = append(c, place{name, at})
		}
	}
	return c
}

func looksLikeJournal(name string) bool {
	return len(name) == journalName && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// in is how far the reader has come in a journal. Nobody has come further than
// its end; who says so has not been there.
func (c cursor) in(journal string, last uint64) (at uint64, ok bool) {
	for _, p := range c {
		if p.journal == journal && p.at <= last {
			return p.at, true
		}
	}
	return 0, false
}

// with is the cursor of a reader who has now come to a place.
func (c cursor) with(now place) cursor {
	c = slices.DeleteFunc(slices.Clone(c), func(p place) bool { return p.journal == now.journal })
	c = slices.Insert(c, 0, now)
	return c[:min(len(c), maxPlaces)]
}
