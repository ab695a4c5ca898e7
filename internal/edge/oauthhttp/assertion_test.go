package oauthhttp_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// RFC 7523, Section 3, with the limits of docs/divergences.md.
//
// Requirement: assertion-issuer-subject, assertion-audience-else, assertion-lifetime
func TestClientAssertionRules(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.KeyApp(t, jose.ES256, application.NewApplication{})
	now := time.Now().Unix()
	tests := []struct {
		name   string
		aud    any
		claims map[string]any
		want   int
	}{
		// Requirement: assertion-audience-issuer
		{"issuer", w.URL, nil, 200},
		{"token endpoint", w.URL + "/oauth/token", nil, 200},
		{"list of ours", []string{w.URL, w.URL + "/oauth/token"}, nil, 200},
		{"list with a stranger", []string{w.URL, "https://other.example"}, nil, 401},
		{"empty list", []string{}, nil, 401},
		{"stranger", "https://other.example", nil, 401},
		{"issuer with a slash", w.URL + "/", nil, 401},
		{"another endpoint", w.URL + "/oauth/revoke", nil, 401},
		{"no aud", nil, map[string]any{"aud": nil}, 401},
		{"no exp", w.URL, map[string]any{"exp": nil}, 401},
		{"expired", w.URL, map[string]any{"exp": now - 1}, 401},
		{"exp in 5 minutes", w.URL, map[string]any{"exp": now + 298}, 200},
		{"exp too far", w.URL, map[string]any{"exp": now + 302}, 401},
		{"exp as text", w.URL, map[string]any{"exp": "2099"}, 401},
		// Requirement: assertion-future
		{"iat a little ahead", w.URL, map[string]any{"iat": now + 8}, 200},
		{"iat ahead", w.URL, map[string]any{"iat": now + 12}, 401},
		{"nbf a little ahead", w.URL, map[string]any{"nbf": now + 8}, 200},
		{"nbf ahead", w.URL, map[string]any{"nbf": now + 12}, 401},
		{"no iat", w.URL, map[string]any{"iat": nil}, 200},
		{"no jti", w.URL, map[string]any{"jti": nil}, 401},
		{"no iss", w.URL, map[string]any{"iss": nil}, 401},
		{"iss of another", w.URL, map[string]any{"iss": "svc_other"}, 401},
		{"no sub", w.URL, map[string]any{"sub": nil, "iss": nil}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims := map[string]any{"aud": tt.aud}
			for k, v := range tt.claims {
				claims[k] = v
			}
			got := w.Post(t, "/oauth/token", app.AssertionForm(t, "", claims, "grant_type", "client_credentials"))
			if got.Status != tt.want {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	form := app.AssertionForm(t, w.URL, nil, "grant_type", "client_credentials", "client_id", "svc_other")
	if got := w.Post(t, "/oauth/token", form); got.Status != 401 {
		t.Errorf("client_id of another: %d %s", got.Status, got.Body)
	}
}

func TestClientAssertionAlgorithmsAndKeys(t *testing.T) {
	w := servertest.Start(t, nil)
	const cc = "client_credentials"
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.PS256} {
		app := w.KeyApp(t, alg, application.NewApplication{})
		if got := w.Post(t, "/oauth/token", app.AssertionForm(t, w.URL, nil, "grant_type", cc)); got.Status != 200 {
			t.Errorf("%s: %d %s", alg, got.Status, got.Body)
		}
	}
	// RS256 is for applications that are registered for it.
	// Requirement: profile-algorithms
	rsa := w.KeyApp(t, jose.RS256, application.NewApplication{})
	if got := w.Post(t, "/oauth/token", rsa.AssertionForm(t, w.URL, nil, "grant_type", cc)); got.Status != 401 {
		t.Errorf("RS256 by default: %d %s", got.Status, got.Body)
	}
	// Another key, though it names itself alike, is another key.
	app, thief := w.KeyApp(t, jose.ES256, application.NewApplication{}), w.KeyApp(t, jose.ES256, application.NewApplication{})
	thief.ID = app.ID
	if got := w.Post(t, "/oauth/token", thief.AssertionForm(t, w.URL, nil, "grant_type", cc)); got.Status != 401 {
		t.Errorf("foreign key: %d %s", got.Status, got.Body)
	}
}

// Requirement: assertion-jti-once
func TestAnAssertionWorksOnceOfManyAtOnce(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.KeyApp(t, jose.ES256, application.NewApplication{})
	form := app.AssertionForm(t, w.URL, nil, "grant_type", "client_credentials")
	var passed atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			switch got := w.Post(t, "/oauth/token", form); got.Status {
			case http.StatusOK:
				passed.Add(1)
			case http.StatusUnauthorized:
			default:
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 1 {
		t.Errorf("%d of 32 passed, want 1", passed.Load())
	}
}
