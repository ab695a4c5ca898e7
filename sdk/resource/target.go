package resource

import (
	"net"
	"net/url"
	"strings"
)

// sameTarget compares a proof's htu with the URL of the request, both without
// query and fragment (RFC 9449, Section 4.3, number 9), after the normalisations
// of RFC 3986, Sections 6.2.2 and 6.2.3.
func sameTarget(htu, own string) bool {
	if htu == "" {
		return false
	}
	if htu == own && !strings.ContainsAny(htu, "?#") {
		return true
	}
	a, okA := normalURL(htu)
	b, okB := normalURL(own)
	return okA && okB && a == b
}

func normalURL(raw string) (string, bool) {
	u, err := url.Parse(raw)
	// Parse puts the scheme into lower case (Section 6.2.2.1).
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] { // Section 6.2.3
		host = net.JoinHostPort(host, port)
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host + withoutDots(normalEscapes(u.EscapedPath())), true
}

// normalEscapes writes percent-encodings in upper case and undoes those of
// characters that need none (Sections 6.2.2.1 and 6.2.2.2). url.Parse has checked
// that each is whole.
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

// withoutDots removes dot segments (Sections 5.2.4 and 6.2.2.3); an empty path is
// a slash (Section 6.2.3). Empty segments stay: they mean something.
func withoutDots(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path, "/")[1:]
	kept := make([]string, 0, len(segments)+1)
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "..":
			kept = kept[:max(0, len(kept)-1)]
		case s != ".":
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
