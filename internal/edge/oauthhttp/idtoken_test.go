package oauthhttp_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"net/http/cookiejar"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// EdDSA is the odd one: Ed25519 hashes with SHA-512 (RFC 8032, Section 5.1).
//
// Requirement: id-token-algorithm, id-token-at-hash
func TestIDTokensAreSignedAsTheClientRegistered(t *testing.T) {
	w := servertest.Start(t, nil)
	provider, err := oidc.NewProvider(t.Context(), w.URL)
	servertest.Check(t, err)
	half256 := func(s string) []byte { sum := sha256.Sum256([]byte(s)); return sum[:16] }
	half512 := func(s string) []byte { sum := sha512.Sum512([]byte(s)); return sum[:32] }
	for registered, want := range map[string]struct {
		alg  jose.Alg
		half func(string) []byte
	}{
		"RS256": {jose.RS256, half256}, "ES256": {jose.ES256, half256}, "PS256": {jose.PS256, half256},
		"EdDSA": {jose.EdDSA, half512},
	} {
		for _, opaque := range []bool{false, true} {
			f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{IDTokenAlg: registered, OpaqueTokens: opaque}})
			tokens := f.Tokens(t)
			u, err := jose.Peek(tokens.Text("id_token"))
			servertest.Check(t, err)
			if u.Header().Alg != want.alg || u.Header().Typ != "JWT" {
				t.Errorf("%s: header %+v", registered, u.Header())
			}
			hash := base64.RawURLEncoding.EncodeToString(want.half(tokens.Text("access_token")))
			if got := claimsOf(t, tokens.Text("id_token"))["at_hash"]; got != hash {
				t.Errorf("%s: at_hash %v, want %s", registered, got, hash)
			}
			id, err := provider.Verifier(&oidc.Config{ClientID: f.App.ID, SupportedSigningAlgs: []string{string(want.alg)}}).Verify(t.Context(), tokens.Text("id_token"))
			if err != nil {
				t.Fatalf("%s: %v", registered, err)
			}
			if err := id.VerifyAccessToken(tokens.Text("access_token")); err != nil {
				t.Errorf("%s: %v", registered, err)
			}
		}
	}
}

// Requirement: id-token-sid
func TestTheSidOfIDTokensIsTheSessions(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	sid := func(tokens servertest.Answer) string {
		sid, _ := claimsOf(t, tokens.Text("id_token"))["sid"].(string)
		if sid == "" {
			t.Fatalf("no sid: %s", tokens.Body)
		}
		return sid
	}
	first := f.Tokens(t)
	if again := f.Tokens(t); sid(again) != sid(first) {
		t.Error("two sids in one session")
	}
	if refreshed := f.Refresh(t, first.Text("refresh_token")); sid(refreshed) != sid(first) {
		t.Error("another sid after a refresh")
	}
	servertest.Check(t, f.Person.SignIn(t.Context()))
	if again := f.Tokens(t); sid(again) != sid(first) {
		t.Error("another sid after signing in once more in the same browser")
	}
	jar, err := cookiejar.New(nil)
	servertest.Check(t, err)
	f.Person.HTTP.Jar = jar // another browser
	if elsewhere := f.Tokens(t); sid(elsewhere) == sid(first) {
		t.Error("one sid in two sessions")
	}
}

// Requirement: id-token-only-openid
func TestWithoutOpenIDThereIsNoIDToken(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	tokens := f.Tokens(t, "scope", "read")
	if tokens.JSON["id_token"] != nil || tokens.Text("access_token") == "" {
		t.Errorf("%s", tokens.Body)
	}
	if next := f.Refresh(t, tokens.Text("refresh_token")); next.Status != 200 || next.JSON["id_token"] != nil {
		t.Errorf("refresh: %d %s", next.Status, next.Body)
	}
}
