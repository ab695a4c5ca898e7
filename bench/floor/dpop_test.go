package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/bench/fixture"
	"github.com/assent-id/assent/bench/jws"
)

// The yardstick must really check a proof: signature, method, URL, time, and that
// it is new.
func TestADPoPProofCountsOnceAndOnlyForItsRequest(t *testing.T) {
	key, err := jws.Generate()
	if err != nil {
		t.Fatal(err)
	}
	public, err := jws.PublicJWK(&key.PublicKey, "client")
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSpent(t.Context(), filepath.Join(t.TempDir(), "spent.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	h, err := newHandler(fixture.Clients{Issuer: "http://floor", SecretID: "a", Secret: "b", Key: public, TokenSeconds: 300}, s)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewProofSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(htm, htu string, iat time.Time) int {
		proof, err := signer.Sign(fmt.Appendf(nil, `{"jti":"1","htm":%q,"htu":%q,"iat":%d}`, htm, htu, iat.Unix()))
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"grant_type": {"client_credentials"}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://floor/oauth/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("DPoP", proof)
		r.SetBasicAuth("a", "b")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	now := time.Now()
	for _, tt := range []struct {
		name, htm, htu string
		iat            time.Time
		want           int
	}{
		{"another method", "GET", "http://floor/oauth/token", now, 400},
		{"another URL", "POST", "http://floor/other", now, 400},
		{"old", "POST", "http://floor/oauth/token", now.Add(-2 * time.Minute), 400},
		{"good", "POST", "http://floor/oauth/token", now, 200},
		{"the same jti again", "POST", "http://floor/oauth/token", now, 400},
	} {
		if got := ask(tt.htm, tt.htu, tt.iat); got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
}
