package httpx

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// PreferredWait reads `Prefer: wait=N` in seconds (RFC 7240, Section 4.3); 0 if the
// client does not want to wait.
func PreferredWait(r *http.Request) time.Duration {
	for _, header := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if n, err := strconv.Atoi(strings.Trim(value, ` "`)); err == nil && n > 0 && n < 3600 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}

// Accepts reports whether the Accept header names a media type itself, and does
// not refuse it (RFC 9110, Section 12.5.1).
func Accepts(r *http.Request, name string) bool {
	for _, header := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(header, ",") {
			mt, params, err := mime.ParseMediaType(item)
			if err != nil || mt != name {
				continue
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			return params["q"] == "" || err == nil && q > 0
		}
	}
	return false
}
