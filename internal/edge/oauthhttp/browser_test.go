package oauthhttp_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
)

// A browser has the cookies of a person, and stops at each redirect.
type browser struct{ client http.Client }

// browserOf is the browser in which a person is signed in; nil: nobody is.
func browserOf(p *softperson.Person) *browser {
	b := &browser{client: http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if p != nil {
		b.client.Jar = p.HTTP.Jar
	}
	return b
}

// A shown page, or what came in its place.
type shown struct {
	status   int
	header   http.Header
	body     string
	location *url.URL // of a redirect; else nil
}

func (b *browser) do(t testing.TB, r *http.Request) shown {
	t.Helper()
	resp, err := b.client.Do(r)
	servertest.Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	servertest.Check(t, err)
	s := shown{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if to := resp.Header.Get("Location"); to != "" {
		s.location, err = r.URL.Parse(to)
		servertest.Check(t, err)
	}
	return s
}

func (b *browser) open(t testing.TB, target string) shown {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, target, nil)
	servertest.Check(t, err)
	return b.do(t, r)
}

// send posts a form as a page of ours does; headers are name, value pairs and
// may say otherwise.
func (b *browser) send(t testing.TB, target string, form url.Values, headers ...string) shown {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, target, strings.NewReader(form.Encode()))
	servertest.Check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(t, r)
}

// hidden is the value of a hidden field.
func (s shown) hidden(t testing.TB, name string) string {
	t.Helper()
	_, after, found := strings.Cut(s.body, `type="hidden" name="`+name+`" value="`)
	value, _, closed := strings.Cut(after, `"`)
	if !found || !closed {
		t.Fatalf("the page has no field %s: %d\n%s", name, s.status, s.body)
	}
	return html.UnescapeString(value)
}

// says demands texts on a page.
func (s shown) says(t testing.TB, status int, texts ...string) {
	t.Helper()
	if s.status != status {
		t.Fatalf("status %d, want %d\n%s", s.status, status, s.body)
	}
	for _, text := range texts {
		if !strings.Contains(s.body, text) {
			t.Errorf("the page lacks %q:\n%s", text, s.body)
		}
	}
}

// blueRealm is another realm for development.
func blueRealm() realm.NewRealm {
	return realm.NewRealm{Name: "blue", Policy: model.RealmPolicy{Development: true}}
}
