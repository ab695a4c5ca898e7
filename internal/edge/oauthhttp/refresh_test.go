package oauthhttp_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Requirement: refresh-rotate, refresh-grace, refresh-id-token, refresh-offered
func TestARefreshTokenGivesOneSuccessorHoweverOftenItIsAskedFor(t *testing.T) {
	w, clock := clocked(t)
	f := w.Flow(t, application.NewApplication{})
	tokens := f.Tokens(t)
	first := tokens.Text("refresh_token")
	clock.Turn(2 * time.Second)
	second := f.Refresh(t, first)
	if second.Status != 200 || second.Text("refresh_token") == first || second.Text("refresh_token") == "" {
		t.Fatalf("got %d %s", second.Status, second.Body)
	}
	before, after := claimsOf(t, tokens.Text("id_token")), claimsOf(t, second.Text("id_token"))
	for _, same := range []string{"iss", "sub", "aud", "auth_time", "sid", "acr"} {
		if before[same] != after[same] {
			t.Errorf("%s = %v, then %v", same, before[same], after[same])
		}
	}
	if after["iat"].(float64) <= before["iat"].(float64) || after["nonce"] != nil {
		t.Errorf("ID token = %v", after)
	}
	clock.Turn(50 * time.Second)
	again := f.Refresh(t, first)
	if again.Status != 200 || again.Text("refresh_token") != second.Text("refresh_token") {
		t.Errorf("a repeat within the grace: %d %s", again.Status, again.Body)
	}
	if third := f.Refresh(t, second.Text("refresh_token")); third.Status != 200 || third.Text("refresh_token") == second.Text("refresh_token") {
		t.Errorf("the successor: %d %s", third.Status, third.Body)
	}
}

// Requirement: refresh-reuse-revokes
func TestAnOldRefreshTokenEndsTheGrant(t *testing.T) {
	w, clock := clocked(t)
	for _, late := range []time.Duration{0, 61 * time.Second} {
		f := w.Flow(t, application.NewApplication{})
		first := f.Tokens(t).Text("refresh_token")
		second := f.Refresh(t, first)
		last := second
		if late == 0 { // two steps back is too far, however soon
			last = f.Refresh(t, second.Text("refresh_token"))
		}
		clock.Turn(late)
		if got := f.Refresh(t, first); got.Text("error") != "invalid_grant" {
			t.Errorf("after %s: %d %s", late, got.Status, got.Body)
		}
		if got := f.Refresh(t, last.Text("refresh_token")); got.Text("error") != "invalid_grant" {
			t.Errorf("the thief's: %d %s", got.Status, got.Body)
		}
		if got := w.Post(t, "/oauth/introspect", f.Form("token", last.Text("access_token"))); got.JSON["active"] != false {
			t.Errorf("access token: %s", got.Body)
		}
		events, err := w.Server.Audit.Page(t.Context(), w.Site, "", 50)
		servertest.Check(t, err)
		found := false
		for _, e := range events {
			found = found || e.Type == "refresh_token.reused" && e.Actor == f.App.ID
		}
		if !found {
			t.Error("the audit trail does not know")
		}
	}
}

// Requirement: refresh-keep
func TestAKeptRefreshTokenStaysTheSame(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{Refresh: model.RefreshKeep}})
	token := f.Tokens(t).Text("refresh_token")
	for range 3 {
		if got := f.Refresh(t, token); got.Status != 200 || got.Text("refresh_token") != token {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
	}
}

// Requirement: refresh-narrow-scope, refresh-narrow-resource, refresh-foreign-client, resource-several
func TestARefreshMayAskForLessAndNeverForMore(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Resources: []string{"https://one.example", "https://two.example/api"}})
	other := w.Flow(t, application.NewApplication{})
	page := f.Params("scope", "openid read write")
	page["resource"] = []string{"https://one.example", "https://two.example/api"}
	opened, err := f.Person.Authorize(t.Context(), w.URL+"/oauth/authorize?"+page.Encode(), softperson0)
	servertest.Check(t, err)
	token := f.Redeem(t, opened.URL.Query().Get("code")).Text("refresh_token")
	for name, pairs := range map[string][]string{
		"invalid_scope": {"scope", "openid email"}, "invalid_target": {"resource", "https://three.example"},
	} {
		if got := f.Refresh(t, token, pairs...); got.Text("error") != name {
			t.Errorf("%v: %s", pairs, got.Body)
		}
	}
	if got := other.Refresh(t, token); got.Text("error") != "invalid_grant" {
		t.Errorf("another client: %s", got.Body)
	}
	less := f.Refresh(t, token, "scope", "read", "resource", "https://one.example/")
	access := claimsOf(t, less.Text("access_token"))
	if less.Text("scope") != "read" || access["scope"] != "read" || access["aud"] != "https://one.example" || less.JSON["id_token"] != nil {
		t.Errorf("less: %s %v", less.Body, access)
	}
	full := f.Refresh(t, less.Text("refresh_token"))
	if aud, _ := claimsOf(t, full.Text("access_token"))["aud"].([]any); full.Text("scope") != "openid read write" || len(aud) != 2 {
		t.Errorf("the grant did not keep what it has: %s", full.Body)
	}
}

// Requirement: refresh-race
func Test32UsesOfOneRefreshTokenGiveAllTheSameSuccessor(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	token := f.Tokens(t).Text("refresh_token")
	var mu sync.Mutex
	successors := map[string]int{}
	atOnce(func(int) {
		got := f.Refresh(t, token)
		mu.Lock()
		defer mu.Unlock()
		if got.Status != http.StatusOK {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
		successors[got.Text("refresh_token")]++
	})
	if len(successors) != 1 {
		t.Errorf("%d successors", len(successors))
	}
	for s := range successors {
		if got := f.Refresh(t, s); got.Status != http.StatusOK {
			t.Errorf("the successor: %s", got.Body)
		}
	}
}

// Requirement: refresh-offered, profile-lifetimes
func TestRefreshTokensAreForThoseWhoMayHaveThemAndEnd(t *testing.T) {
	w, clock := clocked(t)
	none := w.Flow(t, application.NewApplication{GrantTypes: []string{oauth.GrantCode}})
	if got := none.Tokens(t); got.JSON["refresh_token"] != nil {
		t.Errorf("not registered for it: %s", got.Body)
	}
	short := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{RefreshLifetime: 3600}})
	token := short.Tokens(t).Text("refresh_token")
	clock.Turn(time.Hour + time.Second)
	if got := short.Refresh(t, token); got.Text("error") != "invalid_grant" {
		t.Errorf("after its end: %s", got.Body)
	}
}
