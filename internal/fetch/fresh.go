package fetch

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// JSON reports whether the answer says that it is JSON: application/json, or a
// type with the suffix +json (RFC 6839, Section 3.1).
func (r *Response) JSON() bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (media == "application/json" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}

// Lifetimes bound what an answer says of how long it stays fresh.
type Lifetimes struct {
	Least, Most time.Duration
	Otherwise   time.Duration // where it says nothing
}

// FreshUntil is when the answer should be asked for again, by its own headers
// (RFC 9111, Section 4.2.1) and within bounds.
func (r *Response) FreshUntil(bounds Lifetimes) time.Time {
	life, said := lifetime(r.Header)
	if !said {
		life = bounds.Otherwise
	}
	return r.At.Add(min(max(life, bounds.Least), bounds.Most))
}

// lifetime is what the headers leave of an answer's life when it arrives.
func lifetime(h http.Header) (life time.Duration, said bool) {
	directives := strings.ToLower(strings.Join(h.Values("Cache-Control"), ","))
	for d := range strings.SplitSeq(directives, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch strings.TrimSpace(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			// RFC 9111, Section 4.2.1: a value that cannot be read is stale.
			life, said = seconds(strings.Trim(strings.TrimSpace(value), `"`)), true
		}
	}
	if !said {
		life, said = expires(h)
	}
	return life - seconds(h.Get("Age")), said // RFC 9111, Section 4.2.3
}

// expires: RFC 9111, Section 5.3; an Expires that is no date is in the past.
func expires(h http.Header) (time.Duration, bool) {
	if h.Get("Expires") == "" {
		return 0, false
	}
	end, err := http.ParseTime(h.Get("Expires"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil {
		return 0, true
	}
	return end.Sub(date), true
}

// seconds reads delta-seconds (RFC 9111, Section 1.2.2). A number too large to
// matter is as good as a hundred years.
func seconds(text string) time.Duration {
	const most = 100 * 365 * 24 * 60 * 60
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
	}
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > most {
		n = most
	}
	return time.Duration(n) * time.Second
}
