package oauthhttp_test

import (
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/sdk/evidence"
)

func tokenOf(t *testing.T, w *servertest.World, app servertest.App) string {
	t.Helper()
	got := w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials"))
	if got.Status != 200 {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	return got.Text("access_token")
}

func active(t *testing.T, w *servertest.World, app servertest.App, token string) bool {
	t.Helper()
	got := w.Post(t, "/oauth/introspect", app.Form("token", token))
	if got.Status != 200 {
		t.Fatalf("introspect: %d %s", got.Status, got.Body)
	}
	is, _ := got.JSON["active"].(bool)
	if !is && len(got.JSON) != 1 {
		t.Errorf("an inactive token says more: %s", got.Body)
	}
	return is
}

// RFC 7662, Section 2.2.
//
// Requirement: introspect-authenticated
func TestIntrospectionTellsThoseWhoMayKnow(t *testing.T) {
	w := servertest.Start(t, nil)
	api := w.App(t, application.NewApplication{})
	app := w.App(t, application.NewApplication{Scopes: []string{"a"}, Resources: []string{api.ID}})
	stranger := w.App(t, application.NewApplication{})
	token := tokenOf(t, w, app)
	got := w.Post(t, "/oauth/introspect", api.Form("token", token))
	if got.JSON["active"] != true || got.Text("client_id") != app.ID || got.Text("scope") != "a" || got.Text("token_type") != "Bearer" || got.JSON["exp"] == nil {
		t.Errorf("audience: %d %s", got.Status, got.Body)
	}
	if !active(t, w, app, token) {
		t.Error("its own client sees it as inactive")
	}
	if active(t, w, stranger, token) {
		t.Error("a stranger sees it")
	}
	if got := w.Post(t, "/oauth/introspect", nil); got.Status != 401 {
		t.Errorf("unauthenticated: %d", got.Status)
	}
	if got := w.Post(t, "/oauth/introspect", app.Form()); got.Text("error") != "invalid_request" {
		t.Errorf("no token: %s", got.Body)
	}
	for name, bad := range map[string]string{"garbage": "x", "altered": token[:len(token)-4] + "AAAA", "unsigned": "eyJhbGciOiJub25lIn0." + strings.Split(token, ".")[1] + "."} {
		if active(t, w, app, bad) {
			t.Errorf("%s token is active", name)
		}
	}
}

func TestATokenDiesWithWhateverItHangsUnder(t *testing.T) {
	w := servertest.Start(t, nil)
	ctx := t.Context()
	app := w.App(t, application.NewApplication{})
	person, who := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex")
	_, err := person.Decide(ctx, a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	token := poll(t, w, app, a.Text("auth_req_id")).Text("access_token")
	if !active(t, w, app, token) {
		t.Fatal("a fresh token is inactive")
	}
	_, err = w.Server.Directory.Suspend(ctx, w.Site, who.ID, "test")
	servertest.Check(t, err)
	if active(t, w, app, token) {
		t.Error("the token of a suspended person is active")
	}
	_, err = w.Server.Directory.Activate(ctx, w.Site, who.ID, "test")
	servertest.Check(t, err)
	if active(t, w, app, token) {
		t.Error("reactivating the person revived the token")
	}
}

// RFC 7009, Section 2.
//
// Requirement: revoke-always-200, revoke-authenticated, revoke-access-token
func TestRevocationTakesOwnTokensBackAtOnce(t *testing.T) {
	w := servertest.Start(t, nil)
	app, stranger := w.App(t, application.NewApplication{}), w.App(t, application.NewApplication{})
	token, other := tokenOf(t, w, app), tokenOf(t, w, app)
	if got := w.Post(t, "/oauth/revoke", stranger.Form("token", token)); got.Status != 200 || !active(t, w, app, token) {
		t.Errorf("a stranger revoked it: %d", got.Status)
	}
	for range 2 { // and again: still 200
		if got := w.Post(t, "/oauth/revoke", app.Form("token", token, "token_type_hint", "access_token")); got.Status != 200 {
			t.Errorf("revoke: %d %s", got.Status, got.Body)
		}
	}
	if active(t, w, app, token) || !active(t, w, app, other) {
		t.Error("want the revoked token inactive and the other one active")
	}
	if got := w.Post(t, "/oauth/revoke", app.Form("token", "unknown")); got.Status != 200 {
		t.Errorf("unknown token: %d", got.Status)
	}
	if got := w.Post(t, "/oauth/revoke", app.Form()); got.Text("error") != "invalid_request" {
		t.Errorf("no token: %d %s", got.Status, got.Body)
	}
	if got := w.Post(t, "/oauth/revoke", nil); got.Status != 401 {
		t.Errorf("unauthenticated: %d", got.Status)
	}
}

func TestTokensAndClientsOfAnotherRealmAreUnknown(t *testing.T) {
	w := servertest.Start(t, nil)
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "other", Policy: model.RealmPolicy{Development: true}})
	servertest.Check(t, err)
	app := w.App(t, application.NewApplication{})
	there := w.AppIn(t, site, application.NewApplication{})
	if got := w.Post(t, "/realms/other/oauth/token", app.Form("grant_type", "client_credentials")); got.Status != 401 {
		t.Errorf("client of another realm: %d %s", got.Status, got.Body)
	}
	got := w.Post(t, "/realms/other/oauth/token", there.Form("grant_type", "client_credentials"))
	if got.Status != 200 || claimsOf(t, got.Text("access_token"))["iss"] != w.URL+"/realms/other" {
		t.Fatalf("own realm: %d %s", got.Status, got.Body)
	}
	if active(t, w, app, got.Text("access_token")) {
		t.Error("a token of another realm is active here")
	}
	if _, err := w.Server.Directory.CreateIdentity(t.Context(), site, directory.NewIdentity{DisplayName: "A", Traits: model.Traits{Username: "alex"}}); err != nil {
		t.Errorf("the same name in two realms: %v", err)
	}
}
