package oauthhttp_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// People's browsers get logos from this server, and pictures alone.
//
// Requirement: authorize-pages-client-text
func TestLogosComeFromThisServerAndArePictures(t *testing.T) {
	picture, err := base64.StdEncoding.DecodeString(onePixel)
	servertest.Check(t, err)
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/logo.png":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(picture)
		case "/logo.svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
		default:
			_, _ = w.Write(bytes.Repeat(picture, 2000))
		}
	}))
	t.Cleanup(elsewhere.Close)
	w := servertest.Start(t, func(c *server.Config) { c.FetchAllow = []string{"127.0.0.1"} })
	app := func(logo string) *servertest.Flow {
		return w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{LogoURI: logo}})
	}
	good := app(elsewhere.URL + "/logo.png")
	page, err := good.Person.Authorize(t.Context(), good.URL(), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	path := "/oauth/logo?client_id=" + url.QueryEscape(good.App.ID)
	if !strings.Contains(page.Body, `src="`+path+`"`) || strings.Contains(page.Body, elsewhere.URL) {
		t.Errorf("the page shows the logo from elsewhere, or not at all")
	}
	for range 3 {
		got := w.Get(t, path)
		if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "image/png" || !bytes.Equal(got.Body, picture) ||
			got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("got %d %v", got.Status, got.Header)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the logo was fetched %d times", n)
	}
	for _, bad := range []string{"", elsewhere.URL + "/logo.svg", elsewhere.URL + "/large", "http://127.0.0.1:1/nobody"} {
		if got := w.Get(t, "/oauth/logo?client_id="+url.QueryEscape(app(bad).App.ID)); got.Status != http.StatusNotFound {
			t.Errorf("%q: %d", bad, got.Status)
		}
	}
	if got := w.Get(t, "/oauth/logo?client_id=nobody"); got.Status != http.StatusNotFound {
		t.Errorf("of nobody: %d", got.Status)
	}
}
