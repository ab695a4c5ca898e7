package oauthhttp_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// OpenID Connect Core 1.0, Section 2.
//
// Requirement: id-token-claims, token-scope-echoed, authorize-claims-placement
func TestACodeGivesTokensForThePersonWhoSignedIn(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	code := f.Code(t, "scope", "openid email read")
	got := f.Redeem(t, code)
	if got.Status != 200 || got.Text("scope") != "openid email read" || got.Text("token_type") != "Bearer" || got.Text("refresh_token") == "" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	id := claimsOf(t, got.Text("id_token"))
	want := map[string]any{"iss": w.URL, "sub": string(f.Identity.ID), "aud": f.App.ID, "azp": f.App.ID, "nonce": "n-1", "acr": "phr"}
	for name, value := range want {
		if id[name] != value {
			t.Errorf("ID token %s = %v, want %v", name, id[name], value)
		}
	}
	for _, name := range []string{"exp", "iat", "auth_time", "amr", "at_hash", "sid"} {
		if id[name] == nil || id[name] == "" {
			t.Errorf("the ID token lacks %s", name)
		}
	}
	for name, value := range id {
		if value == nil || value == "" {
			t.Errorf("%s is empty", name)
		}
		if name == "email" || name == "name" {
			t.Errorf("%s stands in the ID token", name)
		}
	}
	access := claimsOf(t, got.Text("access_token"))
	if access["sub"] != id["sub"] || access["client_id"] != f.App.ID || access["auth_time"] != id["auth_time"] || access["aud"] != w.URL {
		t.Errorf("access token = %v", access)
	}
}

// Requirement: code-entropy
func TestEachCodeIsNewAndNoneStandsInTheDatabase(t *testing.T) {
	folder := t.TempDir()
	w := servertest.Start(t, func(c *server.Config) { c.Database = filepath.Join(folder, "assent.sqlite") })
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{FirstParty: true}})
	seen := map[string]bool{}
	for range 1000 {
		seen[f.Code(t)] = true
	}
	if len(seen) != 1000 {
		t.Errorf("of 1000 codes %d are different", len(seen))
	}
	code := f.Code(t)
	if len(code) < 22 { // 128 bits
		t.Errorf("the code has %d characters", len(code))
	}
	long := f.Code(t, "claims", `{"userinfo":{"email":{"values":["`+strings.Repeat("x", 2000)+`"]}}}`) // is kept here, and fetched by a reference
	refresh := f.Redeem(t, code).Text("refresh_token")
	if !strings.HasPrefix(long, "~") || refresh == "" {
		t.Fatalf("code %q, refresh token %q", long, refresh)
	}
	kept := wholeDatabase(t, folder)
	for name, secret := range map[string]string{"a code": code, "a code that is kept": long[1:], "a refresh token": refresh, "its number": strings.Split(refresh, ".")[2]} {
		if bytes.Contains(kept, []byte(secret)) {
			t.Errorf("%s stands in the database", name)
		}
	}
	if !bytes.Contains(kept, []byte(f.App.ID)) {
		t.Error("what does stand there was not found either")
	}
}

// wholeDatabase is every byte of the files of a database.
func wholeDatabase(t *testing.T, folder string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "assent.sqlite*"))
	servertest.Check(t, err)
	var whole []byte
	for _, name := range files {
		part, err := os.ReadFile(name)
		servertest.Check(t, err)
		whole = append(whole, part...)
	}
	return whole
}

// altered changes one character in the middle.
func altered(text string) string {
	b := []byte(text)
	if at := len(b) / 2; b[at] == 'x' {
		b[at] = 'y'
	} else {
		b[at] = 'x'
	}
	return string(b)
}

// Requirement: code-verifier, code-redirect-uri, code-foreign-client, profile-challenge-demands-verifier
func TestACodeIsRefusedToWhoeverItIsNotFor(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	other := w.App(t, application.NewApplication{GrantTypes: []string{"authorization_code"}, Kind: model.KindWeb})
	code := f.Code(t)
	tests := []struct {
		name  string
		pairs []string
	}{
		{"no verifier", []string{"code_verifier", ""}},
		{"wrong verifier", []string{"code_verifier", ids.Secret()}},
		{"the challenge as verifier", []string{"code_verifier", servertest.Challenge(f.Verifier)}},
		{"short verifier", []string{"code_verifier", f.Verifier[:42]}},
		{"other redirect_uri", []string{"redirect_uri", servertest.Callback + "/"}},
		{"another client", []string{"client_id", other.ID, "client_secret", other.Secret}},
		{"cut", []string{"code", code[:len(code)-1]}},
		{"altered", []string{"code", altered(code)}},
		{"made up", []string{"code", ids.Secret()}},
		{"a parked one that is not there", []string{"code", "~" + ids.Secret()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := f.Redeem(t, code, tt.pairs...); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_grant" {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	if got := f.Redeem(t, code); got.Status != http.StatusOK {
		t.Errorf("afterwards the code is no good to its own client: %s", got.Body)
	}
}

// Requirement: code-reuse-revokes
func TestACodeThatComesTwiceTakesBackWhatItGave(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	code := f.Code(t)
	first := f.Redeem(t, code)
	if got := f.Redeem(t, code); got.Text("error") != "invalid_grant" {
		t.Errorf("second use: %s", got.Body)
	}
	if got := f.Refresh(t, first.Text("refresh_token")); got.Text("error") != "invalid_grant" {
		t.Errorf("refresh afterwards: %s", got.Body)
	}
	if got := w.Post(t, "/oauth/introspect", f.Form("token", first.Text("access_token"))); got.JSON["active"] != false {
		t.Errorf("access token afterwards: %s", got.Body)
	}
}

// Requirement: code-lifetime, profile-lifetimes
func TestACodeLivesForAMinuteOrLess(t *testing.T) {
	w, clock := clocked(t)
	long := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{CodeLifetime: 60, TokenLifetime: 77}})
	short := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{CodeLifetime: 10}})
	late, used, brief := long.Code(t), long.Code(t), short.Code(t)
	tokens := long.Redeem(t, used)
	if tokens.JSON["expires_in"] != 77.0 {
		t.Errorf("expires_in = %v", tokens.JSON["expires_in"])
	}
	clock.Turn(11 * time.Second)
	if got := short.Redeem(t, brief); got.Text("error") != "invalid_grant" {
		t.Errorf("after 11 s: %s", got.Body)
	}
	clock.Turn(50 * time.Second)
	if got := long.Redeem(t, late); got.Text("error") != "invalid_grant" {
		t.Errorf("after 61 s: %s", got.Body)
	}
	if got := long.Redeem(t, used); got.Text("error") != "invalid_grant" {
		t.Errorf("a used one after 61 s: %s", got.Body)
	}
	if got := long.Refresh(t, tokens.Text("refresh_token")); got.Text("error") != "invalid_grant" {
		t.Errorf("what a code that leaked gave still works: %s", got.Body)
	}
}

// atOnce runs the same thing 32 times at the same moment.
func atOnce(do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 32 {
		wg.Go(func() { <-start; do(i) })
	}
	close(start)
	wg.Wait()
}

// Requirement: code-race
func TestOf32UsesOfOneCodeOneWins(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	code := f.Code(t)
	var won, lost atomic.Int32
	atOnce(func(int) {
		switch got := f.Redeem(t, code); {
		case got.Status == http.StatusOK:
			won.Add(1)
		case got.Text("error") == "invalid_grant":
			lost.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// A plain relying party of OpenID Connect knows no PKCE and no nonce.
//
// Requirement: profile-oidc, profile-verifier-needs-challenge
func TestAPlainRelyingPartyNeedsNeitherPKCENorNonce(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{Profile: model.ProfileOIDC, OptionalPKCE: true}})
	plain := []string{"code_challenge", "", "code_challenge_method", "", "nonce", ""}
	code := f.Code(t, plain...)
	if got := f.Redeem(t, code); got.Text("error") != "invalid_grant" { // it brings a verifier: somebody took the challenge out
		t.Errorf("a verifier without a challenge: %s", got.Body)
	}
	if got := f.Redeem(t, code, "code_verifier", "", "redirect_uri", ""); got.Text("error") != "invalid_grant" {
		t.Errorf("without redirect_uri: %s", got.Body)
	}
	got := f.Redeem(t, code, "code_verifier", "")
	if got.Status != http.StatusOK || strings.Contains(string(got.Body), `"nonce"`) {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if id := claimsOf(t, got.Text("id_token")); id["nonce"] != nil || id["sub"] == nil {
		t.Errorf("ID token = %v", id)
	}
	if got := f.Redeem(t, f.Code(t)); got.Status != http.StatusOK {
		t.Errorf("with PKCE and nonce: %s", got.Body)
	}
}
