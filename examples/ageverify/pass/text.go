package pass

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrText: a text is no pass in any of its forms.
var ErrText = errors.New("a pass is the base64 of 64 bytes, or 64 characters of Latin-1")

// Parse reads a pass as it is sent: 64 bytes in base64, of either alphabet and
// with or without padding (86 or 88 characters), or in the legacy form, in which
// each of 64 characters, U+0000 to U+00FF, is a byte. The lengths tell them apart.
// Whether the 64 bytes are a good pass is another question.
func Parse(text string) ([Size]byte, error) {
	if utf8.RuneCountInString(text) == Size {
		return parseLatin1(text)
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	if len(text) == 88 {
		encoding = encoding.WithPadding(base64.StdPadding)
	}
	// Strict, so that a pass has one text in each alphabet: the last character has
	// four bits to spare. The decoder would skip ends of lines.
	b, err := encoding.Strict().DecodeString(text)
	if err != nil || len(b) != Size || strings.ContainsAny(text, "\r\n") {
		return [Size]byte{}, ErrText
	}
	return [Size]byte(b), nil
}

func parseLatin1(text string) (b [Size]byte, err error) {
	i := 0
	for _, r := range text {
		if r > 0xff {
			return [Size]byte{}, ErrText
		}
		b[i] = byte(r)
		i++
	}
	return b, nil
}

// Base64 is a pass as a text for machines and links.
func Base64(b [Size]byte) string { return base64.StdEncoding.EncodeToString(b[:]) }

// Latin1 is a pass in the legacy form.
func Latin1(b [Size]byte) string {
	var text strings.Builder
	for _, c := range b {
		text.WriteRune(rune(c))
	}
	return text.String()
}
