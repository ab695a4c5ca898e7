package ids

import (
	"encoding/binary"
	"strings"
)

// Encode writes any 128 bits as an id is written: the prefix, an underscore and
// 26 characters. Only for a UUIDv7 is the result an id in the sense of [Valid].
func Encode(prefix string, block [16]byte) string {
	out := append(make([]byte, 0, len(prefix)+1+idLen), prefix...)
	out = append(out, '_')
	return string(appendID(out, binary.BigEndian.Uint64(block[:8]), binary.BigEndian.Uint64(block[8:])))
}

// Decode is the way back. It takes the one spelling that [Encode] produces and
// reports false for any other text.
func Decode(prefix, text string) (block [16]byte, ok bool) {
	rest, found := strings.CutPrefix(text, prefix)
	if !found || len(rest) != idLen+1 || rest[0] != '_' {
		return block, false
	}
	hi, lo, ok := words(rest[1:])
	binary.BigEndian.PutUint64(block[:8], hi)
	binary.BigEndian.PutUint64(block[8:], lo)
	return block, ok
}
