package oauthhttp_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// RFC 8693, Section 2.2.2: invalid_request, whatever is wrong with a token.
//
// Requirement: exchange-input, token-matrix
func TestTokensThatCannotBeExchanged(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	other := newChain(t, w, model.ApplicationSettings{})
	tokens := c.Tokens(t, "scope", "openid read offline_access")
	good, now := tokens.Text("access_token"), time.Now().Unix()
	person := map[string]any{"sub": c.Identity.ID, "client_id": c.App.ID}
	with := func(pairs ...any) map[string]any {
		m := maps.Clone(person)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for _, tt := range []struct {
		name, kind, token string
	}{
		{"no token", accessType, ""},
		{"no type", "", good},
		{"unknown type", "urn:x", good},
		{"a refresh token", refreshType, tokens.Text("refresh_token")},
		{"a refresh token as an access token", accessType, tokens.Text("refresh_token")},
		{"an ID token as an access token", accessType, tokens.Text("id_token")},
		{"an access token as an ID token", idType, good},
		{"an access token as a JWT of others", jwtType, good},
		{"an ID token as a JWT of others", jwtType, tokens.Text("id_token")},
		{"another application's", accessType, other.Tokens(t).Text("access_token")},
		{"another application's ID token", idType, other.Tokens(t).Text("id_token")},
		{"malformed", accessType, "x"},
		{"malformed ID token", idType, "x.y.z"},
		{"altered", accessType, good[:len(good)-6] + "AAAAAA"},
		{"unsigned", accessType, "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + "."},
		{"made-up reference", accessType, "at_" + ids.Secret()},
		{"expired", accessType, ownToken(t, w, "at+jwt", with("exp", now-1))},
		{"expired ID token", idType, ownToken(t, w, "JWT", with("aud", c.App.ID, "exp", now-1))},
		{"ID token for two", idType, ownToken(t, w, "JWT", with("aud", []string{c.App.ID, other.App.ID}))},
		{"ID token of nobody", idType, ownToken(t, w, "JWT", map[string]any{"aud": c.App.ID, "sub": c.App.ID})},
		{"ID token of a person who is not there", idType, ownToken(t, w, "JWT", map[string]any{"aud": c.App.ID, "sub": ids.New("idn")})},
		{"signed claims of userinfo", idType, ownToken(t, w, "JWT", with("aud", c.App.ID, "iat", nil, "exp", nil))},
		{"logout token", idType, ownToken(t, w, "logout+jwt", with("aud", c.App.ID))},
		{"of another issuer", accessType, ownToken(t, w, "at+jwt", with("iss", "https://other.example"))},
		{"of a client that is not there", accessType, ownToken(t, w, "at+jwt", with("client_id", ids.New("svc"), "aud", c.App.ID))},
	} {
		form := c.Form("grant_type", oauth.GrantExchange, "subject_token", tt.token, "subject_token_type", tt.kind)
		wantError(t, tt.name, w.Post(t, "/oauth/token", form), "invalid_request")
	}
	for _, kind := range []string{idType, refreshType, jwtType, "urn:ietf:params:oauth:token-type:saml2", "x"} {
		wantError(t, "requested "+kind, swap(t, w, c.App, good, "requested_token_type", kind), "invalid_request")
	}
	wantError(t, "the good one", swap(t, w, c.App, good, "requested_token_type", accessType), "")
	wantError(t, "twice", w.Post(t, "/oauth/token", url.Values{"client_id": {c.App.ID}, "client_secret": {c.App.Secret},
		"grant_type": {oauth.GrantExchange}, "subject_token": {good, good}, "subject_token_type": {accessType}}), "invalid_request")
	w.Post(t, "/oauth/revoke", c.Form("token", good))
	wantError(t, "revoked", swap(t, w, c.App, good), "invalid_request")
}

// Requirement: exchange-input, token-unknown-grant-type, token-matrix
func TestWhoMayNotExchange(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	token := c.Tokens(t).Text("access_token")
	without := w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantClientCredentials}})
	wantError(t, "not registered for it", swap(t, w, without, token), "unauthorized_client")
	public := w.App(t, application.NewApplication{Kind: model.KindSPA, AuthMethod: model.AuthNone, GrantTypes: []string{oauth.GrantExchange}})
	form := url.Values{"client_id": {public.ID}, "grant_type": {oauth.GrantExchange}, "subject_token": {token}, "subject_token_type": {accessType}}
	wantError(t, "public", w.Post(t, "/oauth/token", form), "unauthorized_client")
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(c.back.ID), model.ApplicationFrozen, "operator"))
	wantError(t, "frozen", swap(t, w, c.back, token, "audience", dbURL), "invalid_client")
	servertest.Check(t, w.Server.Realms.SetStatus(t.Context(), w.Site.Realm.ID, model.RealmDisabled, "operator"))
	if got := swap(t, w, c.App, token); got.Status == 200 {
		t.Errorf("in a realm that was stopped: %s", got.Body)
	}
}

// An ID token says who signed in. It gives no scope and no details, and what
// comes from it ends with the session.
//
// Requirement: exchange-narrows, exchange-delegation
func TestAnIDTokenGivesATokenThatAllowsNothingElse(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	tokens := c.Tokens(t, "scope", "openid read write")
	send := func(pairs ...string) servertest.Answer {
		t.Helper()
		return w.Post(t, "/oauth/token", c.Form(append([]string{"grant_type", oauth.GrantExchange,
			"subject_token", tokens.Text("id_token"), "subject_token_type", idType}, pairs...)...))
	}
	got := send("resource", apiURL)
	after := claimsOf(t, got.Text("access_token"))
	if got.Status != 200 || got.JSON["scope"] != nil || after["scope"] != nil || after["sub"] != string(c.Identity.ID) || after["aud"] != apiURL || after["auth_time"] == nil {
		t.Errorf("got %d %s: %v", got.Status, got.Body, after)
	}
	wantError(t, "scope", send("scope", "read"), "invalid_scope")
	wantError(t, "target", send("audience", dbURL), "invalid_target")
	_, err := w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(c.App.ID), "operator")
	servertest.Check(t, err)
	wantError(t, "revoked", send(), "invalid_request")
	if active(t, w, c.App, got.Text("access_token")) {
		t.Error("the token lives on")
	}
}

// A client's own token is exchanged too: the subject is the client, and stopping
// it stops what came of it.
//
// Requirement: exchange-delegation, exchange-parent-revoked
func TestAClientsOwnTokenIsExchangedByWhomItWasSentTo(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	batch := w.App(t, application.NewApplication{Scopes: []string{"read", "other"}, Resources: []string{c.back.ID}})
	got := swapped(t, w, c.back, tokenOf(t, w, batch), "audience", dbURL)
	after := claimsOf(t, got)
	if after["sub"] != batch.ID || after["client_id"] != c.back.ID || after["scope"] != "read" || after["auth_time"] != nil {
		t.Errorf("claims = %v", after)
	}
	if !active(t, w, c.back, got) {
		t.Error("a fresh token is inactive")
	}
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(batch.ID), model.ApplicationDisabled, "operator"))
	if active(t, w, c.back, got) {
		t.Error("the token of a client that was stopped lives on")
	}
}

// RFC 9449, Section 1: a token that was bound to a key does not get loose by an
// exchange. Whom it was sent to has checked the proof and binds to its own key.
//
// Requirement: exchange-input, dpop-token-bound
func TestABoundTokenIsExchangedWithItsKey(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{Sender: model.SenderDPoP})
	free := newChain(t, w, model.ApplicationSettings{})
	prover, other := servertest.NewProver(t), servertest.NewProver(t)
	proof := func(p *servertest.Prover) []string {
		return []string{"DPoP", p.Proof(t, "POST", w.URL+"/oauth/token", nil)}
	}
	bound := func(f *chain) string {
		t.Helper()
		got := f.Post(t, "/oauth/token", f.Form("grant_type", oauth.GrantCode, "code", f.Code(t), "redirect_uri", f.Redirect,
			"code_verifier", f.Verifier), proof(prover)...)
		if got.Text("token_type") != "DPoP" {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
		return got.Text("access_token")
	}
	send := func(app servertest.App, token string, headers ...string) servertest.Answer {
		t.Helper()
		return w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantExchange, "subject_token", token, "subject_token_type", accessType), headers...)
	}
	for _, f := range []*chain{c, free} {
		token := bound(f)
		wantError(t, "another key", send(f.App, token, proof(other)...), "invalid_request")
		got := send(f.App, token, proof(prover)...)
		if cnf, _ := claimsOf(t, got.Text("access_token"))["cnf"].(map[string]any); got.Text("token_type") != "DPoP" || cnf["jkt"] != prover.JKT(t) {
			t.Errorf("the same key: %d %s", got.Status, got.Body)
		}
		got = send(f.back, token, proof(other)...)
		if cnf, _ := claimsOf(t, got.Text("access_token"))["cnf"].(map[string]any); cnf["jkt"] != other.JKT(t) {
			t.Errorf("by whom it was sent to: %d %s", got.Status, got.Body)
		}
	}
	wantError(t, "no proof", send(free.App, bound(free)), "invalid_request")
	if got := send(c.App, bound(c)); got.Status == 200 {
		t.Errorf("no proof of a client that must: %s", got.Body)
	}
}

// RFC 8705, Section 3.
//
// Requirement: exchange-input, mtls-bound-token
func TestATokenOfACertificateIsExchangedWithIt(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert, other := servertest.SelfSigned(t, nil), servertest.SelfSigned(t, nil)
	c := newChain(t, m.World, model.ApplicationSettings{Sender: model.SenderMTLS})
	form := c.Form("grant_type", oauth.GrantCode, "code", c.Code(t), "redirect_uri", c.Redirect, "code_verifier", c.Verifier)
	token := m.PostWith(t, &cert, tokenPath, form).Text("access_token")
	exchange := c.Form("grant_type", oauth.GrantExchange, "subject_token", token, "subject_token_type", accessType)
	wantError(t, "another", m.PostWith(t, &other, tokenPath, exchange), "invalid_request")
	wantError(t, "none", m.Post(t, tokenPath, exchange), "invalid_request")
	got := m.PostWith(t, &cert, tokenPath, exchange)
	if cnf, _ := claimsOf(t, got.Text("access_token"))["cnf"].(map[string]any); cnf["x5t#S256"] != x5t(cert) {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	// An application whose own tokens are free of keys still shows that of this one.
	free := newChain(t, m.World, model.ApplicationSettings{})
	bound := ownToken(t, m.World, "at+jwt", map[string]any{"sub": free.Identity.ID, "client_id": free.App.ID, "cnf": map[string]any{"x5t#S256": x5t(cert)}})
	exchange = free.Form("grant_type", oauth.GrantExchange, "subject_token", bound, "subject_token_type", accessType)
	wantError(t, "not shown", m.Post(t, tokenPath, exchange), "invalid_request")
	wantError(t, "shown", m.PostWith(t, &cert, tokenPath, exchange), "")
}

// A sign-in that is over vouches for nobody, and what came of it is over too.
//
// Requirement: exchange-parent-revoked, logout-session-ended
func TestWhatComesFromASignInEndsWithTheSession(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	tokens := c.Tokens(t)
	byID := func(pairs ...string) servertest.Answer {
		t.Helper()
		return w.Post(t, "/oauth/token", c.Form(append([]string{"grant_type", oauth.GrantExchange,
			"subject_token", tokens.Text("id_token"), "subject_token_type", idType}, pairs...)...))
	}
	children := []string{byID().Text("access_token"), swapped(t, w, c.App, tokens.Text("access_token"))}
	got := browserOf(c.Person).open(t, w.Site.Issuer+"/oauth/logout?id_token_hint="+tokens.Text("id_token"))
	if got.status/100 > 3 {
		t.Fatalf("logout: %d", got.status)
	}
	for i, child := range children {
		if child == "" || active(t, w, c.App, child) {
			t.Errorf("child %d lives on", i)
		}
	}
	wantError(t, "the ID token", byID(), "invalid_request")
	wantError(t, "the access token", swap(t, w, c.App, tokens.Text("access_token")), "invalid_request")
}
