package manage_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// revokeTokens pulls a lever and answers up to when.
func (w *world) revokeTokens(t *testing.T, token, path string) time.Time {
	t.Helper()
	got := w.call(t, token, http.MethodPost, w.base+path+"/revoke-tokens", "")
	wants(t, path+"/revoke-tokens", got, http.StatusOK, "")
	at, err := time.Parse("2006-01-02T15:04:05.000Z", got.Text("tokens_invalid_before"))
	servertest.Check(t, err)
	return at
}

// answers holds an access token to be alive or dead at userinfo.
func (w *world) answers(t *testing.T, what, token string, alive bool) {
	t.Helper()
	if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+token); (got.Status == http.StatusOK) != alive {
		t.Errorf("%s: %d %s, want alive %v", what, got.Status, got.Body, alive)
	}
}

// Requirement: lever-api, lever-grant
func TestAProgramRevokesAllTokensOfAnApplicationAPersonAGrantAndARealm(t *testing.T) {
	w := start(t)
	f, spared := w.Flow(t, application.NewApplication{}), w.Flow(t, application.NewApplication{})
	others := spared.Tokens(t).Text("access_token")
	token := w.token(t, manage.TokensDelete, manage.RealmsUpdate)
	var last time.Time
	for _, tt := range []struct {
		name    string
		path    func(grant string) string
		refresh bool // the refresh token lives
	}{
		{"application", func(string) string { return "/applications/" + f.App.ID }, false},
		{"identity", func(string) string { return "/identities/" + string(f.Identity.ID) }, false},
		{"grant", func(grant string) string { return "/grants/" + grant }, true},
		{"realm", func(string) string { return "" }, false},
	} {
		tokens := f.Tokens(t)
		access := tokens.Text("access_token")
		w.answers(t, tt.name+": before", access, true)
		at := w.revokeTokens(t, token, tt.path(claim(t, access, "grant_id")))
		if tt.name == "realm" {
			wants(t, "the caller's own token", w.call(t, token, http.MethodPost, w.base+"/revoke-tokens", ""), http.StatusUnauthorized, "invalid_token")
		}
		if !at.After(last) {
			t.Errorf("%s: revoked up to %s, after %s", tt.name, at, last)
		}
		last = at
		w.answers(t, tt.name+": revoked", access, false)
		w.answers(t, tt.name+": somebody else's", others, tt.name != "realm")
		got := f.Refresh(t, tokens.Text("refresh_token"))
		if (got.Status == http.StatusOK) != tt.refresh {
			t.Errorf("%s: refresh: %d %s", tt.name, got.Status, got.Body)
		}
		if tt.refresh {
			w.answers(t, tt.name+": refreshed", got.Text("access_token"), true)
		}
		w.answers(t, tt.name+": anew", f.Tokens(t).Text("access_token"), true)
	}
}

// Requirement: lever-api
func TestLeversNeedTheirScopeAndWhoeverTheyMean(t *testing.T) {
	w := start(t)
	f := w.Flow(t, application.NewApplication{})
	access := f.Tokens(t).Text("access_token")
	grant := claim(t, access, "grant_id")
	token, poor := w.token(t, manage.TokensDelete), w.token(t, manage.GrantsDelete, manage.ApplicationsUpdate, manage.IdentitiesUpdate, manage.RealmsUpdate)
	for _, path := range []string{"", "/applications/" + f.App.ID, "/identities/" + string(f.Identity.ID), "/grants/" + grant} {
		wants(t, path, w.call(t, poor, http.MethodPost, w.base+path+"/revoke-tokens", ""), http.StatusForbidden, "insufficient_scope")
	}
	for _, path := range []string{"/applications/nobody", "/identities/idn_01kagxw5z0e9y8mpp6wknfsb2r", "/grants/grt_01kagxw5z4e8xr2m9mv8n9vpcx", "/grants/x"} {
		wants(t, path, w.call(t, token, http.MethodPost, w.base+path+"/revoke-tokens", ""), http.StatusNotFound, "not_found")
	}
	w.answers(t, "nothing happened", access, true)
}

// What is taken from an admin is taken by whoever could give it.
//
// Requirement: lever-admins
func TestOnlyWhoMakesAdminsRevokesTheTokensOfOne(t *testing.T) {
	w := start(t)
	f := w.admins(t)
	tokens := f.Tokens(t, "scope", adminScope)
	path := "/identities/" + string(f.Identity.ID)
	wants(t, "without admins:create", w.call(t, w.token(t, manage.TokensDelete), http.MethodPost, w.base+path+"/revoke-tokens", ""),
		http.StatusForbidden, "insufficient_scope")
	wants(t, "the admin goes on", w.call(t, tokens.Text("access_token"), http.MethodGet, w.base, ""), http.StatusOK, "")
	w.revokeTokens(t, w.token(t, manage.TokensDelete, manage.AdminsCreate), path)
	w.over(t, f, tokens)
	anew := f.Tokens(t, "scope", adminScope)
	wants(t, "the admin anew", w.call(t, anew.Text("access_token"), http.MethodGet, w.base, ""), http.StatusOK, "")
}

// Requirement: lever-admins
func TestOnlyWhoMakesAdminsRevokesTheTokensOfTheirApplications(t *testing.T) {
	w := start(t)
	f := w.admins(t)
	tokens := f.Tokens(t, "scope", adminScope)
	program := w.token(t, manage.RealmsRead)
	for _, path := range []string{"/applications/" + f.App.ID, "/applications/" + claim(t, program, "client_id"), "/applications/management"} {
		wants(t, path, w.call(t, w.token(t, allBut(manage.AdminsCreate)...), http.MethodPost, w.base+path+"/revoke-tokens", ""),
			http.StatusForbidden, "insufficient_scope")
	}
	wants(t, "the admin goes on", w.call(t, tokens.Text("access_token"), http.MethodGet, w.base, ""), http.StatusOK, "")
	wants(t, "the program goes on", w.call(t, program, http.MethodGet, w.base, ""), http.StatusOK, "")
	w.revokeTokens(t, w.token(t, manage.TokensDelete, manage.AdminsCreate), "/applications/"+f.App.ID)
	wants(t, "the admin", w.call(t, tokens.Text("access_token"), http.MethodGet, w.base, ""), http.StatusUnauthorized, "invalid_token")
}

// A program that may revoke single tokens does not thereby sign the realm out.
//
// Requirement: lever-api
func TestTheLeverOnARealmNeedsTheScopeToChangeIt(t *testing.T) {
	w := start(t)
	f := w.Flow(t, application.NewApplication{})
	access := f.Tokens(t).Text("access_token")
	for _, scope := range []manage.Scope{manage.TokensDelete, manage.RealmsUpdate} {
		wants(t, string(scope)+" alone", w.call(t, w.token(t, scope), http.MethodPost, w.base+"/revoke-tokens", ""), http.StatusForbidden, "insufficient_scope")
	}
	w.answers(t, "nothing happened", access, true)
	w.revokeTokens(t, w.token(t, manage.TokensDelete, manage.RealmsUpdate), "")
	w.answers(t, "revoked", access, false)
}

// The management application that pulls the lever on itself gets a new token, and
// that works at once. It has flaked by a millisecond before.
//
// Requirement: lever-api
func TestATokenForTheManagementAPIIsDeadRightBeforeAndGoodRightAfter(t *testing.T) {
	w := start(t)
	for range 20 {
		secret, err := w.Server.Applications.SetManagementSecret(t.Context(), w.Site, "operator")
		servertest.Check(t, err)
		mint := func() string {
			t.Helper()
			got := servertest.Do(t, http.MethodPost, w.URL+"/oauth/token", strings.NewReader(form("grant_type", oauth.GrantClientCredentials, "scope", "tokens:delete admins:create realms:read").Encode()),
				"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic("management", secret))
			wants(t, "a token", got, http.StatusOK, "")
			return got.Text("access_token")
		}
		old := mint()
		w.revokeTokens(t, old, "/applications/management")
		wants(t, "right before", w.call(t, old, http.MethodGet, w.base, ""), http.StatusUnauthorized, "invalid_token")
		wants(t, "right after", w.call(t, mint(), http.MethodGet, w.base, ""), http.StatusOK, "")
	}
}

// A repeated request with one key pulls the lever once.
//
// Requirement: lever-api
func TestALeverWithAnIdempotencyKeyIsPulledOnce(t *testing.T) {
	w := start(t)
	f := w.Flow(t, application.NewApplication{})
	token := w.token(t, manage.TokensDelete)
	url := w.base + "/applications/" + f.App.ID + "/revoke-tokens"
	first := w.call(t, token, http.MethodPost, url, "", "Idempotency-Key", "one")
	access := f.Tokens(t).Text("access_token")
	second := w.call(t, token, http.MethodPost, url, "", "Idempotency-Key", "one")
	if first.Status != http.StatusOK || string(first.Body) != string(second.Body) {
		t.Errorf("got %d %s and %d %s", first.Status, first.Body, second.Status, second.Body)
	}
	w.answers(t, "issued in between", access, true)
}
