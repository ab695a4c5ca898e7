package assets

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Values of Cache-Control.
const (
	// Immutable is for names that change with their content.
	Immutable = "public, max-age=31536000, immutable"
	// Revalidate is for names that stay.
	Revalidate = "no-cache"
)

// Serve answers with a file of the set, or 404. The cache control is one of the
// constants of this package. The caller has set the security headers.
func (s *Set) Serve(w http.ResponseWriter, r *http.Request, name, cacheControl string) error {
	f := s.files[name]
	if f == nil {
		http.NotFound(w, r)
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", cacheControl)
	if len(f.variants) > 1 {
		h.Set("Vary", "Accept-Encoding")
	}
	v := f.accepted(r.Header.Get("Accept-Encoding"))
	if v.coding != "" {
		h.Set("Content-Encoding", v.coding)
	}
	return answer(w, r, v)
}

func answer(w http.ResponseWriter, r *http.Request, v variant) error {
	h := w.Header()
	h.Set("ETag", v.etag)
	if matches(r.Header.Get("If-None-Match"), v.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Length", strconv.Itoa(len(v.body)))
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(v.body)
	return err
}

// accepted picks the smallest variant that the client reads (RFC 9110, Section
// 12.5.3). A coding must be named: a wildcard gets the plain file, which is
// always right.
func (f *file) accepted(header string) variant {
	for _, v := range f.variants {
		if v.coding == "" || Accepts(header, v.coding) {
			return v
		}
	}
	return f.plain()
}

// Accepts reports whether an Accept-Encoding header names a content coding.
func Accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !found || (err == nil && value > 0)
	}
	return false
}

// matches is RFC 9110, Section 13.1.2, with the weak comparison.
func matches(header, etag string) bool {
	tags := strings.Split(header, ",")
	return slices.ContainsFunc(tags, func(tag string) bool {
		tag = strings.TrimSpace(tag)
		return tag == "*" || strings.TrimPrefix(tag, "W/") == etag
	})
}
