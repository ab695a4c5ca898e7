package oauthhttp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// bound is an access token of a person that is bound to a key.
func bound(t *testing.T, w *servertest.World, p *servertest.Prover, s model.ApplicationSettings) string {
	t.Helper()
	f := w.Flow(t, application.NewApplication{Settings: s})
	got := redeemWith(t, f, f.Code(t), tokenProof(t, w, p))
	if got.Status != 200 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	return got.Text("access_token")
}

// Requirement: dpop-ath, dpop-scheme-case, dpop-downgrade, dpop-bad-proof
func TestABoundTokenNeedsAProofOfItsKeyForThisVeryRequest(t *testing.T) {
	w := servertest.Start(t, nil)
	p := servertest.NewProver(t)
	token := bound(t, w, p, model.ApplicationSettings{})
	at := w.URL + "/userinfo"
	good := func() string { return p.ResourceProof(t, "GET", at, token, nil) }
	used := good()
	for _, tt := range []struct {
		name, scheme, proof string
		want                string // error; empty: served
	}{
		{"a good proof", "DPoP", used, ""},
		{"the scheme in lower case", "dpop", good(), ""},
		{"the scheme in upper case", "DPOP", good(), ""},
		{"the proof again", "DPoP", used, "invalid_dpop_proof"},
		{"no proof", "DPoP", "", "invalid_dpop_proof"},
		{"no hash of the token", "DPoP", p.Proof(t, "GET", at, nil), "invalid_dpop_proof"},
		{"the hash of another token", "DPoP", p.ResourceProof(t, "GET", at, "other", nil), "invalid_dpop_proof"},
		{"another method", "DPoP", p.ResourceProof(t, "POST", at, token, nil), "invalid_dpop_proof"},
		{"another URL", "DPoP", p.ResourceProof(t, "GET", w.URL+tokenPath, token, nil), "invalid_dpop_proof"},
		{"another key", "DPoP", servertest.NewProver(t).ResourceProof(t, "GET", at, token, nil), "invalid_token"},
		{"as a bearer token", "Bearer", "", "invalid_token"},
		{"as a bearer token with a proof", "bearer", good(), "invalid_token"},
		{"a good proof after all that", "DPoP", good(), ""},
	} {
		headers := []string{"Authorization", tt.scheme + " " + token}
		if tt.proof != "" {
			headers = append(headers, "DPoP", tt.proof)
		}
		got := w.Get(t, "/userinfo", headers...)
		challenge := strings.Join(got.Header.Values("WWW-Authenticate"), ", ")
		if tt.want == "" && got.Status != 200 {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
		if tt.want != "" && (got.Status != http.StatusUnauthorized || got.Text("error") != tt.want || got.JSON["sub"] != nil ||
			!strings.Contains(challenge, `error="`+tt.want+`"`) || !strings.Contains(challenge, `algs="ES256 EdDSA PS256 Ed25519"`)) {
			t.Errorf("%s: %d %s, challenge %s", tt.name, got.Status, got.Body, challenge)
		}
	}
	form := servertest.Do(t, "POST", at, strings.NewReader("access_token="+token), "Content-Type", "application/x-www-form-urlencoded",
		"DPoP", p.ResourceProof(t, "POST", at, token, nil))
	if form.Status != http.StatusUnauthorized {
		t.Errorf("in a form: %d %s", form.Status, form.Body)
	}
}

// Requirement: dpop-downgrade
func TestATokenThatIsNotBoundIsNoDPoPToken(t *testing.T) {
	w := servertest.Start(t, nil)
	token := w.Flow(t, application.NewApplication{}).Tokens(t).Text("access_token")
	proof := servertest.NewProver(t).ResourceProof(t, "GET", w.URL+"/userinfo", token, nil)
	if got := w.Get(t, "/userinfo", "Authorization", "DPoP "+token, "DPoP", proof); got.Status != 401 || got.Text("error") != "invalid_token" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := w.Get(t, "/userinfo", "Authorization", "BEARER "+token); got.Status != 200 {
		t.Errorf("as what it is: %d %s", got.Status, got.Body)
	}
}

// Requirement: dpop-nonce
func TestAResourceAsksForTheNonceToo(t *testing.T) {
	w := servertest.Start(t, nil)
	p := servertest.NewProver(t)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{DPoPNonce: true}})
	code := f.Code(t)
	nonce := redeemWith(t, f, code, tokenProof(t, w, p)).Header.Get("DPoP-Nonce")
	token := redeemWith(t, f, code, p.Proof(t, "POST", w.URL+tokenPath, map[string]any{"nonce": nonce})).Text("access_token")
	get := func(nonce any) servertest.Answer {
		return w.Get(t, "/userinfo", "Authorization", "DPoP "+token, "DPoP", p.ResourceProof(t, "GET", w.URL+"/userinfo", token, map[string]any{"nonce": nonce}))
	}
	first := get(nil)
	if first.Status != 401 || first.Text("error") != "use_dpop_nonce" || !strings.Contains(first.Header.Get("WWW-Authenticate"), `DPoP error="use_dpop_nonce"`) {
		t.Fatalf("without a nonce: %d %s", first.Status, first.Body)
	}
	if got := get(first.Header.Get("DPoP-Nonce")); got.Status != 200 {
		t.Errorf("with it: %d %s", got.Status, got.Body)
	}
}
