// Package ids makes the names that Assent gives to things, and the secrets
// that it hands out.
//
// An id is a prefix that says what is named ("apr", "idn", ...), an underscore
// and a UUIDv7 (RFC 9562, Section 5.7) in 26 lower-case characters of
// Crockford's base32. Ids sort by the time at which they were made and may be
// shown to anybody. A secret is 256 bits from the operating system and carries
// nothing else; the server keeps only its digest.
//
// If this package is wrong, two things share a name, or a secret can be
// guessed. Never use an id where a secret is meant: most of its bits are a
// clock.
package ids

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// alphabet is Crockford's base32 in lower case: no i, l, o or u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	idLen     = 26 // 128 bits, five at a time, the first character holds three
	maxPrefix = 16
)

// New returns a fresh id such as "apr_01jd3v…" for the prefix "apr" (without
// its underscore). Ids made later by the same process sort later, down to the
// resolution of about a quarter of a microsecond. It must not be used for
// anything that has to stay unguessable; see [Secret].
func New(prefix string) string { return At(prefix, time.Now()) }

// At is [New] for another instant than the present one.
func At(prefix string, now time.Time) string {
	var buf [maxPrefix + 1 + idLen]byte
	out := append(buf[:0], prefix...)
	out = append(out, '_')
	hi, lo := uuid(now)
	return string(appendID(out, hi, lo))
}

// uuid lays out a UUIDv7 in two words. The 12 bits after the version hold the
// fraction of the millisecond instead of randomness (RFC 9562, Section 6.2,
// Method 3), so that ids of one burst stay in order.
func uuid(now time.Time) (hi, lo uint64) {
	ns := now.UnixNano()
	ms := uint64(ns / 1e6)
	fraction := uint64(ns%1e6) << 12 / 1e6
	hi = ms<<16 | 7<<12 | fraction
	lo = 0b10<<62 | random64()>>2
	return hi, lo
}

// pool holds random bytes read ahead, because one read from the operating
// system costs more than the rest of New together. That is for ids alone:
// bytes that wait in memory are no material for secrets.
var pool = sync.Pool{New: func() any { return new(ahead) }}

type ahead struct {
	bytes [512]byte
	left  int
}

func random64() uint64 {
	a := pool.Get().(*ahead)
	defer pool.Put(a)
	if a.left == 0 {
		_, _ = rand.Read(a.bytes[:]) // never fails: crypto/rand ends the program instead
		a.left = len(a.bytes)
	}
	a.left -= 8
	return binary.LittleEndian.Uint64(a.bytes[a.left:])
}

func appendID(out []byte, hi, lo uint64) []byte {
	var text [idLen]byte
	for i := idLen - 1; i >= 0; i-- {
		text[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return append(out, text[:]...)
}

// Valid reports whether id is the prefix, an underscore and a UUIDv7 in the
// one spelling that [New] produces. It says nothing about whether such a
// thing exists.
func Valid(prefix, id string) bool {
	rest, found := strings.CutPrefix(id, prefix)
	if !found || len(rest) != idLen+1 || rest[0] != '_' {
		return false
	}
	_, _, ok := parse(rest[1:])
	return ok
}

// Time returns the instant at which the id was made, to the millisecond. The
// second result is false where id is not one of ours, whatever its prefix.
func Time(id string) (time.Time, bool) {
	i := len(id) - idLen
	if i < 1 || id[i-1] != '_' {
		return time.Time{}, false
	}
	hi, _, ok := parse(id[i:])
	if !ok {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(hi >> 16)), true
}

// parse reads the 26 characters and checks version and variant, so that each
// UUID has exactly one spelling.
func parse(text string) (hi, lo uint64, ok bool) {
	hi, lo, ok = words(text)
	return hi, lo, ok && hi>>12&15 == 7 && lo>>62 == 0b10
}

// words reads the 26 characters of any 128 bits.
func words(text string) (hi, lo uint64, ok bool) {
	if text[0] > '7' { // more than 128 bits
		return 0, 0, false
	}
	for i := range len(text) {
		v := strings.IndexByte(alphabet, text[i])
		if v < 0 {
			return 0, 0, false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	return hi, lo, true
}
