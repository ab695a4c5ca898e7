package directory

import (
	"net"
	"strings"
	"unicode"
)

// maxTarget bounds where a person is led, in bytes.
const maxTarget = 2048

// plainURL reports whether a text reads the same to Go and to a browser: neither
// drops nor turns a character of it (WHATWG URL, Section 4.4).
func plainURL(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == '\\' || r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' '
	})
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
