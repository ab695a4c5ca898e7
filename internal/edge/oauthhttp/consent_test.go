package oauthhttp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
)

// Requirement: consent-remembered, consent-shows-new, authorize-prompt-consent
func TestConsentIsRememberedAndMoreIsShownAsNew(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	if page := f.Open(t, "scope", "openid read"); page.Asked != 1 {
		t.Fatalf("asked %d times the first time", page.Asked)
	}
	for _, scope := range []string{"openid read", "read", "openid"} {
		if page := f.Open(t, "scope", scope); page.Asked != 0 || page.URL.Query().Get("code") == "" {
			t.Errorf("%s: asked %d times", scope, page.Asked)
		}
	}
	more, err := f.Person.Authorize(t.Context(), f.URL("scope", "openid read write"), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	fresh, known, _ := strings.Cut(more.Body, "Allowed before")
	if strings.Count(more.Body, "is-new") != 1 || !strings.Contains(fresh, `<bdi>write</bdi>`) || !strings.Contains(known, `<bdi>read</bdi>`) {
		t.Errorf("what is new is not shown: %s", more.Body)
	}
	if page := f.Open(t, "scope", "openid read", "prompt", "consent"); page.Asked != 1 {
		t.Error("prompt=consent did not ask")
	}
}

// Requirement: consent-first-party, consent-cancel
func TestConsentIsSkippedForFirstPartiesAloneAndMayBeRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	ours := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{FirstParty: true}})
	if page := ours.Open(t); page.Asked != 0 || page.URL.Query().Get("code") == "" {
		t.Errorf("first party: asked %d times", page.Asked)
	}
	f := w.Flow(t, application.NewApplication{})
	no, err := f.Person.Authorize(t.Context(), f.URL(), softperson.Choices{Deny: true})
	servertest.Check(t, err)
	members(t, no.URL.Query(), "error", "error_description", "state", "iss")
	if no.URL.Query().Get("error") != "access_denied" {
		t.Errorf("got %v", no.URL.Query())
	}
	if page := f.Open(t); page.Asked != 1 {
		t.Error("a no was remembered as a yes")
	}
}

// Whoever could be any program on the device is asked about each time (RFC 8252,
// Section 8.6).
//
// Requirement: consent-remembered
func TestConsentForAProgramThatAnybodyCanImitateIsAskedEachTime(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone,
		Settings: model.ApplicationSettings{RedirectURIs: []string{"http://127.0.0.1:9/cb"}}})
	for range 2 {
		if page := f.Open(t); page.Asked != 1 || page.URL.Query().Get("code") == "" {
			t.Fatalf("asked %d times: %s", page.Asked, page.URL)
		}
	}
}

// Requirement: consent-bound-to-session
func TestConsentOfAnotherSessionOrSiteIsRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	page, err := f.Person.Authorize(t.Context(), f.URL(), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	_, after, _ := strings.Cut(page.Body, `name="transaction" value="`)
	transaction, _, _ := strings.Cut(after, `"`)
	other, _ := w.Person(t, "eve")
	post := func(p *softperson.Person, headers ...string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/oauth/consent",
			strings.NewReader("decision=allow&transaction="+transaction))
		servertest.Check(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		client := *p.HTTP
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := client.Do(r)
		servertest.Check(t, err)
		servertest.Check(t, resp.Body.Close())
		return resp.StatusCode
	}
	if got := post(other, "Sec-Fetch-Site", "same-origin"); got != http.StatusBadRequest {
		t.Errorf("another session: %d", got)
	}
	if got := post(f.Person, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); got/100 != 4 {
		t.Errorf("another site: %d", got)
	}
	if got := post(f.Person, "Sec-Fetch-Site", "same-origin"); got != http.StatusSeeOther {
		t.Errorf("their own: %d", got)
	}
}
