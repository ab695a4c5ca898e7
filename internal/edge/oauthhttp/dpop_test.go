package oauthhttp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

const tokenPath = "/oauth/token"

// tokenProof is a proof for the token endpoint.
func tokenProof(t *testing.T, w *servertest.World, p *servertest.Prover) string {
	t.Helper()
	return p.Proof(t, "POST", w.URL+tokenPath, nil)
}

// redeemWith takes a code to the token endpoint; proof "": none.
func redeemWith(t *testing.T, f *servertest.Flow, code, proof string) servertest.Answer {
	t.Helper()
	return postWith(t, f.World, tokenPath, f.Form("grant_type", oauth.GrantCode, "code", code, "redirect_uri", f.Redirect, "code_verifier", f.Verifier), proof)
}

func refreshWith(t *testing.T, f *servertest.Flow, token, proof string) servertest.Answer {
	t.Helper()
	return postWith(t, f.World, tokenPath, f.Form("grant_type", oauth.GrantRefresh, "refresh_token", token), proof)
}

func postWith(t *testing.T, w *servertest.World, path string, form url.Values, proof string) servertest.Answer {
	t.Helper()
	if proof == "" {
		return w.Post(t, path, form)
	}
	return w.Post(t, path, form, "DPoP", proof)
}

// public is an application without credentials that signs people in.
func public(s model.ApplicationSettings) application.NewApplication {
	return application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, Settings: s}
}

// Requirement: dpop-token-bound
func TestATokenThatWasGotWithAProofIsBoundToItsKey(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, opaque := range []bool{false, true} {
		app := w.App(t, application.NewApplication{Scopes: []string{"read"}, Settings: model.ApplicationSettings{OpaqueTokens: opaque}})
		p := servertest.NewProver(t)
		got := postWith(t, w, tokenPath, app.Form("grant_type", "client_credentials"), tokenProof(t, w, p))
		if got.Status != 200 || got.Text("token_type") != "DPoP" {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
		seen := w.Post(t, "/oauth/introspect", app.Form("token", got.Text("access_token")))
		cnf, _ := seen.JSON["cnf"].(map[string]any)
		if seen.JSON["active"] != true || seen.Text("token_type") != "DPoP" || len(cnf) != 1 || cnf["jkt"] != p.JKT(t) {
			t.Errorf("opaque %v: introspection says %s", opaque, seen.Body)
		}
		if plain := w.Post(t, tokenPath, app.Form("grant_type", "client_credentials")); plain.Text("token_type") != "Bearer" {
			t.Errorf("without a proof: %s", plain.Body)
		}
	}
}

// Requirement: profile-sender-constraint
func TestAnApplicationWhoseTokensMustBeBoundGetsNoneWithoutAProof(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{Sender: model.SenderDPoP}})
	form := app.Form("grant_type", "client_credentials")
	if got := w.Post(t, tokenPath, form); got.Status != 400 || got.Text("error") != "invalid_dpop_proof" || got.JSON["access_token"] != nil {
		t.Errorf("without a proof: %d %s", got.Status, got.Body)
	}
	if got := postWith(t, w, tokenPath, form, tokenProof(t, w, servertest.NewProver(t))); got.Status != 200 {
		t.Errorf("with one: %d %s", got.Status, got.Body)
	}
}

// Requirement: dpop-proof-checks, dpop-bad-proof
func TestTheTokenEndpointAnswersABadProofWith400(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	p := servertest.NewProver(t)
	used := tokenProof(t, w, p)
	if got := postWith(t, w, tokenPath, app.Form("grant_type", "client_credentials"), used); got.Status != 200 {
		t.Fatalf("a good proof: %d %s", got.Status, got.Body)
	}
	for name, proofs := range map[string][]string{
		"none that is one": {"abc"},
		"two headers":      {tokenProof(t, w, p), tokenProof(t, w, p)},
		"used before":      {used},
		"another endpoint": {p.Proof(t, "POST", w.URL+"/oauth/par", nil)},
		"another method":   {p.Proof(t, "GET", w.URL+tokenPath, nil)},
		"another realm":    {p.Proof(t, "POST", w.URL+"/realms/other"+tokenPath, nil)},
		"RS256":            {servertest.NewProverFor(t, "RS256").Proof(t, "POST", w.URL+tokenPath, nil)},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+tokenPath, strings.NewReader(app.Form("grant_type", "client_credentials").Encode()))
		servertest.Check(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header["DPoP"] = proofs
		resp, err := http.DefaultClient.Do(r)
		servertest.Check(t, err)
		var body map[string]any
		servertest.Check(t, json.NewDecoder(resp.Body).Decode(&body))
		servertest.Check(t, resp.Body.Close())
		if resp.StatusCode != 400 || body["error"] != "invalid_dpop_proof" || body["access_token"] != nil || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, body)
		}
	}
}

// Requirement: dpop-htu-normalised
func TestTheURLOfAProofIsThatOfTheRealm(t *testing.T) {
	w := servertest.Start(t, nil)
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "other", DisplayName: "Other"})
	servertest.Check(t, err)
	app := w.AppIn(t, site, application.NewApplication{})
	p := servertest.NewProver(t)
	for _, tt := range []struct {
		htu  string
		want int
	}{
		{w.URL + "/realms/other" + tokenPath, 200},
		{strings.ToUpper(w.URL) + "/realms/%6fther/./oauth/token?a=b#c", 200},
		{w.URL + tokenPath, 400},
		{w.URL + "/realms/Other" + tokenPath, 400},
	} {
		got := postWith(t, w, "/realms/other"+tokenPath, app.Form("grant_type", "client_credentials"), p.Proof(t, "POST", tt.htu, nil))
		if got.Status != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.htu, got.Status, got.Body, tt.want)
		}
	}
}

// Requirement: dpop-race, dpop-jti-once
func TestOf32WhoBringOneProofOneIsServed(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	proof := tokenProof(t, w, servertest.NewProver(t))
	var served, refused atomic.Int32
	atOnce(func(int) {
		switch got := postWith(t, w, tokenPath, app.Form("grant_type", "client_credentials"), proof); {
		case got.Status == 200:
			served.Add(1)
		case got.Text("error") == "invalid_dpop_proof":
			refused.Add(1)
		default:
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	})
	if served.Load() != 1 || served.Load()+refused.Load() != 32 {
		t.Errorf("%d were served and %d refused", served.Load(), refused.Load())
	}
}

// Requirement: dpop-nonce
func TestAClientGetsTheNonceThatItsProofNeeds(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{DPoPNonce: true}})
	p := servertest.NewProver(t)
	send := func(nonce any) servertest.Answer {
		return postWith(t, w, tokenPath, app.Form("grant_type", "client_credentials"), p.Proof(t, "POST", w.URL+tokenPath, map[string]any{"nonce": nonce}))
	}
	first := send(nil)
	if first.Status != 400 || first.Text("error") != "use_dpop_nonce" || first.Header.Get("DPoP-Nonce") == "" {
		t.Fatalf("without a nonce: %d %s", first.Status, first.Body)
	}
	second := send(first.Header.Get("DPoP-Nonce"))
	if second.Status != 200 {
		t.Fatalf("with it: %d %s", second.Status, second.Body)
	}
	if next := second.Header.Get("DPoP-Nonce"); next == "" || send(next).Status != 200 {
		t.Errorf("the nonce of a good answer, %q, does not work", next)
	}
	if got := send("of mine"); got.Text("error") != "use_dpop_nonce" || got.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("with a nonce of its own: %d %s", got.Status, got.Body)
	}
	other := w.App(t, application.NewApplication{})
	if got := postWith(t, w, tokenPath, other.Form("grant_type", "client_credentials"), tokenProof(t, w, p)); got.Status != 200 || got.Header.Get("DPoP-Nonce") != "" {
		t.Errorf("a client that needs none: %d, nonce %q", got.Status, got.Header.Get("DPoP-Nonce"))
	}
}

// Requirement: dpop-bad-proof
func TestABadProofSpendsNeitherCodeNorRefreshToken(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, public(model.ApplicationSettings{}))
	p := servertest.NewProver(t)
	bad := func() string { return p.Proof(t, "GET", w.URL+tokenPath, nil) }
	code := f.Code(t)
	if got := redeemWith(t, f, code, bad()); got.Status != 400 || got.Text("error") != "invalid_dpop_proof" {
		t.Errorf("code with a bad proof: %d %s", got.Status, got.Body)
	}
	got := redeemWith(t, f, code, tokenProof(t, w, p))
	if got.Status != 200 {
		t.Fatalf("the code with a good one: %d %s", got.Status, got.Body)
	}
	token := got.Text("refresh_token")
	for range 3 {
		if got := refreshWith(t, f, token, bad()); got.Status != 400 || got.Text("error") != "invalid_dpop_proof" {
			t.Errorf("refresh token with a bad proof: %d %s", got.Status, got.Body)
		}
	}
	if got := refreshWith(t, f, token, tokenProof(t, w, p)); got.Status != 200 || got.Text("token_type") != "DPoP" {
		t.Errorf("the refresh token with a good one: %d %s", got.Status, got.Body)
	}
}

// Requirement: refresh-dpop-public
func TestARefreshTokenOfAPublicClientIsBoundToItsKey(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, public(model.ApplicationSettings{}))
	p := servertest.NewProver(t)
	got := redeemWith(t, f, f.Code(t), tokenProof(t, w, p))
	token := got.Text("refresh_token")
	for name, proof := range map[string]string{"another key": tokenProof(t, w, servertest.NewProver(t)), "no proof": ""} {
		if got := refreshWith(t, f, token, proof); got.Status != 400 || got.Text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := refreshWith(t, f, token, tokenProof(t, w, p)); got.Status != 200 {
		t.Errorf("its own key: %d %s", got.Status, got.Body)
	}
}

// Requirement: refresh-dpop-confidential
func TestAConfidentialClientMayBringANewKeyWhenItRefreshes(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{Sender: model.SenderDPoP}})
	token := redeemWith(t, f, f.Code(t), tokenProof(t, w, servertest.NewProver(t))).Text("refresh_token")
	p := servertest.NewProver(t)
	got := refreshWith(t, f, token, tokenProof(t, w, p))
	if cnf, _ := claimsOf(t, got.Text("access_token"))["cnf"].(map[string]any); got.Status != 200 || cnf["jkt"] != p.JKT(t) {
		t.Errorf("a new key: %d %s", got.Status, got.Body)
	}
	if got := refreshWith(t, f, got.Text("refresh_token"), ""); got.Text("error") != "invalid_dpop_proof" {
		t.Errorf("no proof: %d %s", got.Status, got.Body)
	}
}

// Requirement: code-dpop-bound
func TestACodeThatIsBoundToAKeyIsOfUseWithItAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	p := servertest.NewProver(t)
	for name, code := range map[string]string{
		"dpop_jkt":                f.Code(t, "dpop_jkt", p.JKT(t)),
		"dpop_jkt that is pushed": pushedCode(t, f, "", "dpop_jkt", p.JKT(t)),
		"a proof at PAR":          pushedCode(t, f, p.Proof(t, "POST", w.URL+"/oauth/par", nil)),
		"both":                    pushedCode(t, f, p.Proof(t, "POST", w.URL+"/oauth/par", nil), "dpop_jkt", p.JKT(t)),
	} {
		for whose, proof := range map[string]string{"another's": tokenProof(t, w, servertest.NewProver(t)), "no": ""} {
			if got := redeemWith(t, f, code, proof); got.Status != 400 || got.Text("error") != "invalid_grant" {
				t.Errorf("%s, with %s proof: %d %s", name, whose, got.Status, got.Body)
			}
		}
		if got := redeemWith(t, f, code, tokenProof(t, w, p)); got.Status != 200 || got.Text("token_type") != "DPoP" {
			t.Errorf("%s, with its own: %d %s", name, got.Status, got.Body)
		}
	}
}

// pushedCode is the code that a pushed request leads to.
func pushedCode(t *testing.T, f *servertest.Flow, proof string, pairs ...string) string {
	t.Helper()
	form := f.Params(pairs...)
	form.Set("client_secret", f.App.Secret)
	got := postWith(t, f.World, "/oauth/par", form, proof)
	if got.Status != http.StatusCreated {
		t.Fatalf("push: %d %s", got.Status, got.Body)
	}
	return openPushed(t, f, got.Text("request_uri")).URL.Query().Get("code")
}

// Requirement: par-dpop-binds
func TestTwoKeysForOneCodeAreRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	p, other := servertest.NewProver(t), servertest.NewProver(t)
	proof := func() string { return p.Proof(t, "POST", w.URL+"/oauth/par", nil) }
	for _, tt := range []struct {
		name, proof, jkt, want string
	}{
		{"the same key", proof(), p.JKT(t), ""},
		{"another", proof(), other.JKT(t), "invalid_dpop_proof"},
		{"a bad proof", tokenProof(t, w, p), p.JKT(t), "invalid_dpop_proof"},
		{"no thumbprint", "", "abc", "invalid_request"},
		{"a thumbprint with padding", "", p.JKT(t) + "=", "invalid_request"},
	} {
		form := f.Params("dpop_jkt", tt.jkt)
		form.Set("client_secret", f.App.Secret)
		if got := postWith(t, w, "/oauth/par", form, tt.proof); got.Text("error") != tt.want || (got.Status == 201) != (tt.want == "") {
			t.Errorf("%s: %d %s, want %q", tt.name, got.Status, got.Body, tt.want)
		}
	}
	if got := f.Open(t, "dpop_jkt", "abc").URL.Query(); got.Get("error") != "invalid_request" || got.Get("code") != "" {
		t.Errorf("at the authorization endpoint: %s", got)
	}
}
