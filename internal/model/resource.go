package model

import (
	"net/url"
	"strings"
)

// SameResource reports whether two identifiers name one resource server. An origin
// is the same with and without its trailing slash (RFC 3986, Section 6.2.3).
func SameResource(a, b string) bool {
	return a == b || strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") && originOnly(a)
}

func originOnly(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == ""
}
