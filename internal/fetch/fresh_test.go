package fetch_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/fetch"
)

func TestAnAnswerStaysFreshAsItsHeadersSayWithinBounds(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	bounds := fetch.Lifetimes{Least: time.Minute, Most: 24 * time.Hour, Otherwise: 5 * time.Minute}
	date := func(d time.Duration) string { return at.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		name string
		h    http.Header
		want time.Duration
	}{
		{"nothing said", nil, 5 * time.Minute},
		{"ten minutes", http.Header{"Cache-Control": {"public, max-age=600"}}, 10 * time.Minute},
		{"in capitals and quotes", http.Header{"Cache-Control": {`MAX-AGE="600"`}}, 10 * time.Minute},
		{"in another line", http.Header{"Cache-Control": {"public", "max-age=600"}}, 10 * time.Minute},
		{"a second", http.Header{"Cache-Control": {"max-age=1"}}, time.Minute},
		{"a year", http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
		{"beyond counting", http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 24 * time.Hour},
		{"negative", http.Header{"Cache-Control": {"max-age=-5"}}, time.Minute},
		{"no number", http.Header{"Cache-Control": {"max-age=soon"}}, time.Minute},
		{"not to be stored", http.Header{"Cache-Control": {"max-age=600, no-store"}}, time.Minute},
		{"not to be believed", http.Header{"Cache-Control": {"no-cache"}}, time.Minute},
		{"aged on its way", http.Header{"Cache-Control": {"max-age=600"}, "Age": {"120"}}, 8 * time.Minute},
		{"aged away", http.Header{"Cache-Control": {"max-age=600"}, "Age": {"700"}}, time.Minute},
		{"expires", http.Header{"Date": {date(0)}, "Expires": {date(20 * time.Minute)}}, 20 * time.Minute},
		{"by another clock", http.Header{"Date": {date(time.Hour)}, "Expires": {date(80 * time.Minute)}}, 20 * time.Minute},
		{"expired", http.Header{"Date": {date(0)}, "Expires": {"0"}}, time.Minute},
		{"max-age counts more", http.Header{"Cache-Control": {"max-age=600"}, "Date": {date(0)}, "Expires": {date(time.Hour)}}, 10 * time.Minute},
	} {
		r := fetch.Response{Header: tt.h, At: at}
		if got := r.FreshUntil(bounds).Sub(at); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAnAnswerIsJSONIfItSaysSo(t *testing.T) {
	for media, want := range map[string]bool{"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true,
		"application/jwk-set+json": true, "application/oauth-client+json": true, "": false, "text/json": false, "text/html": false,
		"application/jsonp": false, "image/svg+json": false, "application/json, text/html": false} {
		r := fetch.Response{Header: http.Header{"Content-Type": {media}}}
		if got := r.JSON(); got != want {
			t.Errorf("%q: %v, want %v", media, got, want)
		}
	}
}
