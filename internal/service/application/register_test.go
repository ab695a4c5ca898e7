package application_test

import (
	"errors"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// Whoever registers again and again from one address is slowed down, and nobody
// else with them.
//
// Requirement: register-modes
func TestOpenRegistrationIsSlowedDownByAddress(t *testing.T) {
	s := newShore(t, sqlite(t))
	at := time.Now()
	s.Service = application.New(application.Config{Store: s.store, Now: func() time.Time { return at }})
	refused := func(site *model.Site, address string) bool {
		_, err := s.Register(t.Context(), site, application.Registration{Address: address, Body: []byte(`{}`)})
		no, ok := errors.AsType[*application.Refusal](err)
		if !ok {
			t.Fatal(err)
		}
		return no.Code == application.TooManyRequests
	}
	for i := range 300 {
		if refused(s.open, "192.0.2.1") {
			t.Fatalf("refused the %dth time", i+1)
		}
	}
	if !refused(s.open, "192.0.2.1") || refused(s.open, "192.0.2.2") {
		t.Error("the 301st passes, or another address does not")
	}
	elsewhere := *s.other
	elsewhere.Realm.Policy = s.open.Realm.Policy
	if refused(&elsewhere, "192.0.2.1") {
		t.Error("another realm does not take it either")
	}
	at = at.Add(time.Second)
	if refused(s.open, "192.0.2.1") || !refused(s.open, "192.0.2.1") {
		t.Error("a second later one passes")
	}
}

// What a client registers is what it may have, and what it hears again.
//
// Requirement: register-answer
func TestMetadataSurviveTheirWayThroughTheSettings(t *testing.T) {
	seconds := 60
	m := application.Metadata{RedirectURIs: []string{"https://app.example/cb"}, AuthMethod: "private_key_jwt", AuthAlg: "ES256", GrantTypes: []string{"authorization_code"},
		ResponseTypes: []string{"code"}, Name: "App", JWKSURI: "https://app.example/jwks", Type: "web", SubjectType: "public", IDTokenAlg: "EdDSA",
		DefaultMaxAge: &seconds, TLSBound: true, RequirePAR: true, SoftwareID: "x", Version: "1"}
	d, err := application.SettingsFrom(m)
	check(t, err)
	again, err := application.SettingsFrom(application.MetadataOf(model.Application{Kind: d.Kind, Name: d.Name, Settings: d.Settings}))
	check(t, err)
	if d.Settings.Sender != model.SenderMTLS || d.Settings.DefaultMaxAge != 60 || d.Settings.AssertionAlgs[0] != "ES256" || len(d.Settings.AssertionAlgs) != 1 {
		t.Errorf("got %+v", d.Settings)
	}
	if again.Settings.Sender != d.Settings.Sender || again.Kind != d.Kind || again.Name != d.Name || again.Settings.IDTokenAlg != "EdDSA" || !again.Settings.RequirePAR {
		t.Errorf("got %+v, want %+v", again, d)
	}
	zero := 0
	m.DefaultMaxAge = &zero // now at the latest
	if d, err = application.SettingsFrom(m); err != nil || d.Settings.DefaultMaxAge != 1 {
		t.Errorf("default_max_age 0: %d, %v", d.Settings.DefaultMaxAge, err)
	}
}
