package oauth

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

var errURL = errors.New("not an absolute http or https URL")

// normalURL brings a URL without its query and fragment into the form in which
// two of them are compared: RFC 9449, Section 4.3, asks for the normalisations of
// RFC 3986, Sections 6.2.2 and 6.2.3.
func normalURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errURL
	}
	// Parse has put the scheme into lower case (Section 6.2.2.1).
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", errURL
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port != "" && port != defaultPort(u.Scheme) { // Section 6.2.3
		host = net.JoinHostPort(host, port)
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	path := withoutDots(normalEscapes(u.EscapedPath()))
	if path == "" { // Section 6.2.3
		path = "/"
	}
	return u.Scheme + "://" + host + path, nil
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// escapedPath is a decoded path as it stands in a URL.
func escapedPath(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// normalEscapes writes percent-encodings in upper case and undoes those of
// characters that need none (RFC 3986, Sections 6.2.2.1 and 6.2.2.2). url.Parse
// has checked that each is whole.
func normalEscapes(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			out.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		if c, err := url.PathUnescape(escape); err == nil && unreserved(c[0]) {
			out.WriteByte(c[0])
		} else {
			out.WriteString(escape)
		}
		i += 2
	}
	return out.String()
}

// unreserved: RFC 3986, Section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// withoutDots removes dot segments (RFC 3986, Sections 5.2.4 and 6.2.2.3). Empty
// segments stay: they mean something.
func withoutDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path, "/")[1:]
	kept := make([]string, 0, len(segments))
	for i, s := range segments {
		switch s {
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		case ".":
		default:
			kept = append(kept, s)
			continue
		}
		if i == len(segments)-1 {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
