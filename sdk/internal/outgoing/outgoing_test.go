package outgoing_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/assent-id/assent/sdk/internal/outgoing"
)

func TestNoRedirectIsFollowedAndNoCookieKept(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; r.Header.Get("Cookie") != "" {
			t.Error("a cookie came back")
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	given := &http.Client{Jar: jar, Transport: http.DefaultTransport}
	for _, c := range []*http.Client{outgoing.WithoutRedirects(nil), outgoing.WithoutRedirects(given)} {
		for range 2 {
			resp, err := c.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			if _ = resp.Body.Close(); resp.StatusCode != http.StatusFound {
				t.Errorf("got %d", resp.StatusCode)
			}
		}
	}
	if requests != 4 || given.Jar == nil || given.CheckRedirect != nil {
		t.Errorf("%d requests, want 4; the client that was given: %+v", requests, given)
	}
}

func TestAConnectionThatWentSilentIsNoticed(t *testing.T) {
	own, ok := outgoing.WithoutRedirects(nil).Transport.(*http.Transport)
	if !ok || own.HTTP2 == nil || own.HTTP2.SendPingTimeout <= 0 || own.HTTP2.PingTimeout <= 0 || own.ResponseHeaderTimeout <= 0 {
		t.Errorf("%+v", own)
	}
}
