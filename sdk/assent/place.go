package assent

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A place is where the API of a resource is: at a base URL and below it.
type place struct {
	resource string
	base     *url.URL
}

// placeOf finds the place that a request goes to; nil: to none. A redirect says
// where to go, and not in whose name: behind one of anybody else's, a request goes
// to none, even if it goes to an API.
func (t *Transport) placeOf(r *http.Request) (*place, error) {
	all, err := t.places()
	if err != nil {
		return nil, err
	}
	here := deepest(all, r)
	for at := r; here != nil && at.Response != nil; {
		if at = at.Response.Request; at == nil || deepest(all, at) != here {
			return nil, nil
		}
	}
	return here, nil
}

// places are those of Resource. The error is one of the program: it names no place,
// or one where a token could be read on its way (RFC 6750, Section 5.3).
func (t *Transport) places() ([]place, error) {
	if len(t.Resource) == 0 {
		return nil, errors.New("Transport.Resource is missing: which APIs are the tokens for?")
	}
	var all []place
	for _, resource := range t.Resource {
		at, moved := t.At[resource]
		if !moved {
			at = resource
		}
		base, err := url.Parse(at)
		switch {
		case resource == "" || err != nil || !isBase(base):
			return nil, fmt.Errorf("Transport.At must say where the API of %q is: an http or https URL without user, query and fragment", resource)
		case base.Scheme == "http" && !isLoopback(lower(base.Hostname())):
			return nil, fmt.Errorf("the API of %q must be https (plain http is for loopback alone)", resource)
		}
		all = append(all, place{resource, base})
	}
	return all, t.ambiguous(all)
}

// isBase reports whether a URL says where something is, and nothing else.
func isBase(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// ambiguous tells of settings of which one must be a mistake.
func (t *Transport) ambiguous(all []place) error {
	for resource := range t.At {
		if !slices.Contains(t.Resource, resource) {
			return fmt.Errorf("Transport.At has %q, and Transport.Resource does not", resource)
		}
	}
	for i, p := range all {
		for _, other := range all[:i] {
			if webOrigin(p.base) == webOrigin(other.base) && slices.Equal(p.segments(), other.segments()) {
				return fmt.Errorf("Transport.Resource has %q and %q at one URL: which of them is a token for?", other.resource, p.resource)
			}
		}
	}
	return nil
}

// deepest is the place that a request is at or below; of several the one with the
// longest path.
func deepest(all []place, r *http.Request) *place {
	var found *place
	for i := range all {
		if p := &all[i]; p.holds(r) && (found == nil || len(p.segments()) > len(found.segments())) {
			found = p
		}
	}
	return found
}

// holds reports whether a request is to the place. What would be sent on by another
// name, in a Host header or an opaque URL, is not.
func (p *place) holds(r *http.Request) bool {
	if r.URL == nil || r.URL.Opaque != "" || webOrigin(r.URL) != webOrigin(p.base) {
		return false
	}
	if r.Host != "" && webOrigin(&url.URL{Scheme: r.URL.Scheme, Host: r.Host}) != webOrigin(p.base) {
		return false
	}
	top, path := p.segments(), segments(r.URL)
	if len(top) == 0 {
		return true
	}
	return len(path) >= len(top) && slices.Equal(path[:len(top)], top) && !slices.ContainsFunc(path, climbs)
}

// segments are those of the place's path, where a slash at the end means nothing.
func (p *place) segments() []string {
	path := segments(p.base)
	if path[len(path)-1] == "" {
		path = path[:len(path)-1]
	}
	return path
}

// segments are those of a path, each of them decoded (RFC 3986, Section 3.3).
func segments(u *url.URL) []string {
	list := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, s := range list {
		if decoded, err := url.PathUnescape(s); err == nil {
			list[i] = decoded
		}
	}
	return list
}

// climbs reports whether a segment, or what servers are known to take for one in it,
// leads out of the path before it (RFC 3986, Section 5.2.4).
func climbs(segment string) bool {
	for part := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '/' || r == '\\' }) {
		if name, _, _ := strings.Cut(part, ";"); name == ".." {
			return true
		}
	}
	return false
}

// webOrigin is scheme, host and port in one spelling (RFC 6454, Sections 4 and 6.2).
func webOrigin(u *url.URL) string {
	scheme, port := lower(u.Scheme), u.Port()
	switch {
	case port != "":
	case scheme == "https":
		port = "443"
	case scheme == "http":
		port = "80"
	}
	return scheme + "://" + lower(u.Hostname()) + " " + port
}

// lower is for ASCII alone: other letters that fold into these are other names.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
