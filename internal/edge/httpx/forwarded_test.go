package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/assent-id/assent/internal/edge/httpx"
)

func TestBehindAProxyTheLastForwardedAddressCounts(t *testing.T) {
	tests := []struct {
		name   string
		fields []string
		want   string
	}{
		{"none", nil, "192.0.2.1:1234"},
		{"one", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"made up before it", []string{"10.0.0.1, 203.0.113.7"}, "203.0.113.7:0"},
		{"a field of its own", []string{"10.0.0.1", "203.0.113.7"}, "203.0.113.7:0"},
		{"IPv6", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"IPv4 in IPv6", []string{"::ffff:203.0.113.7"}, "203.0.113.7:0"},
		{"no address", []string{"203.0.113.7, unknown"}, "192.0.2.1:1234"},
		{"with a port", []string{"203.0.113.7:80"}, "192.0.2.1:1234"},
		{"empty", []string{""}, "192.0.2.1:1234"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			h := httpx.Forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, f := range tt.fields {
				r.Header.Add("X-Forwarded-For", f)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
