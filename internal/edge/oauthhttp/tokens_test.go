package oauthhttp_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// without takes members out of an answer that have to differ between tokens.
func without(members map[string]any, gone ...string) string {
	kept := map[string]any{}
	for name, value := range members {
		kept[name] = value
	}
	for _, name := range gone {
		delete(kept, name)
	}
	out, _ := json.Marshal(kept)
	return string(out)
}

// Requirement: access-token-opaque
func TestAnOpaqueTokenIsAReferenceThatMeansWhatAJWTMeans(t *testing.T) {
	var database string
	w := servertest.Start(t, func(c *server.Config) { database = c.Database })
	person, _ := w.Person(t, "alex")
	registered := everyScope(model.ApplicationSettings{})
	jwt := w.App(t, registered)
	registered.Settings.OpaqueTokens = true
	opaque := w.App(t, registered)
	a := approved(t, w, jwt, person, "openid deploy").Text("access_token")
	b := approved(t, w, opaque, person, "openid deploy").Text("access_token")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(b, "at_"))
	if err != nil || len(raw) != 32 || !strings.HasPrefix(b, "at_") {
		t.Fatalf("%q is not a prefix and 256 bits: %v", b, err)
	}
	one := w.Post(t, "/oauth/introspect", jwt.Form("token", a))
	other := w.Post(t, "/oauth/introspect", opaque.Form("token", b))
	differ := []string{"jti", "iat", "exp", "client_id", "grant_id", "auth_time", "approval"}
	if x, y := without(one.JSON, differ...), without(other.JSON, differ...); x != y || other.JSON["active"] != true || names(one.JSON) != names(other.JSON) {
		t.Errorf("a JWT means %s\nan opaque token %s", one.Body, other.Body)
	}
	if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+b); got.Status != 200 {
		t.Errorf("userinfo: %d %s", got.Status, got.Body)
	}
	for name, bad := range map[string]string{"altered": b[:len(b)-2] + "AA", "cut": b[:len(b)-1], "another": "at_" + ids.Secret(), "the prefix": "at_", "the secret alone": b[3:]} {
		if active(t, w, opaque, bad) {
			t.Errorf("%s is active", name)
		}
	}
	files, err := filepath.Glob(database + "*")
	servertest.Check(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		servertest.Check(t, err)
		if strings.Contains(string(text), b) || strings.Contains(string(text), string(raw)) {
			t.Errorf("the token is in %s", filepath.Base(name))
		}
	}
	db, err := sql.Open("sqlite", database)
	servertest.Check(t, err)
	defer func() { servertest.Check(t, db.Close()) }()
	var n int
	servertest.Check(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM opaque_token").Scan(&n))
	if n != 1 {
		t.Errorf("%d tokens are stored, want the one", n)
	}
	if got := w.Post(t, "/oauth/revoke", opaque.Form("token", b)); got.Status != 200 || active(t, w, opaque, b) {
		t.Error("it cannot be revoked")
	}
}

// Requirement: introspect-visible-only, access-token-opaque
func TestTokensAreInactiveOnceTheyExpired(t *testing.T) {
	clock := &servertest.Clock{}
	w := servertest.Start(t, func(c *server.Config) { c.Now = clock.Now })
	for _, opaque := range []bool{false, true} {
		app := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{OpaqueTokens: opaque, TokenLifetime: 60}})
		token := tokenOf(t, w, app)
		clock.Turn(50 * time.Second)
		if !active(t, w, app, token) {
			t.Error("inactive before its time is over")
		}
		clock.Turn(11 * time.Second)
		if active(t, w, app, token) {
			t.Error("active after its time is over")
		}
	}
}

// Requirement: introspect-members
func TestIntrospectionAnswersWhatATokenHolds(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, everyScope(model.ApplicationSettings{}))
	person, who := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex", "scope", "openid deploy", "authorization_details", details)
	_, err := person.Decide(t.Context(), a.Text("approval_id"), "approve")
	servertest.Check(t, err)
	token := poll(t, w, app, a.Text("auth_req_id")).Text("access_token")
	got := w.Post(t, "/oauth/introspect", app.Form("token", token))
	for name, want := range map[string]any{"active": true, "token_type": "Bearer", "sub": string(who.ID), "client_id": app.ID, "scope": "openid deploy",
		"iss": w.URL, "aud": w.URL} {
		if got.JSON[name] != want {
			t.Errorf("%s = %v, want %v", name, got.JSON[name], want)
		}
	}
	for _, name := range []string{"exp", "iat", "jti", "authorization_details", "auth_time"} {
		if got.JSON[name] == nil {
			t.Errorf("%s is missing: %s", name, got.Body)
		}
	}
	// What is in the token and only a delegated or bound one has.
	payload := `{"iss":"` + w.URL + `","sub":"` + app.ID + `","aud":"` + app.ID + `","client_id":"` + app.ID + `","jti":"` + ids.New("tok") + `","iat":` + unix(0) +
		`,"exp":` + unix(time.Minute) + `,"cnf":{"jkt":"x"},"act":{"sub":"svc_x"}}`
	compact, err := w.Server.Keys.Sign(t.Context(), w.Site, "ES256", "at+jwt", []byte(payload))
	servertest.Check(t, err)
	got = w.Post(t, "/oauth/introspect", app.Form("token", compact))
	if got.Text("token_type") != "DPoP" || without(map[string]any{"cnf": got.JSON["cnf"], "act": got.JSON["act"]}) != `{"act":{"sub":"svc_x"},"cnf":{"jkt":"x"}}` {
		t.Errorf("bound and delegated: %s", got.Body)
	}
}

// unix is an instant as tokens carry it.
func unix(ahead time.Duration) string { return strconv.FormatInt(time.Now().Add(ahead).Unix(), 10) }

// Requirement: introspect-visible-only
func TestOnlyAccessTokensOfThisRealmCanBeActive(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	jti := ids.New("tok")
	claims := func(change func(map[string]any)) []byte {
		c := map[string]any{"iss": w.URL, "sub": app.ID, "aud": w.URL, "client_id": app.ID, "jti": jti, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60}
		change(c)
		out, err := json.Marshal(c)
		servertest.Check(t, err)
		return out
	}
	gone := ids.New("idn")
	for _, tt := range []struct {
		name, typ string
		change    func(map[string]any)
		want      bool
	}{
		{"as issued", "at+jwt", func(map[string]any) {}, true},
		{"another JWT of ours", "JWT", func(map[string]any) {}, false},
		{"a signed introspection", "token-introspection+jwt", func(map[string]any) {}, false},
		{"no type", "", func(map[string]any) {}, false},
		{"another issuer", "at+jwt", func(c map[string]any) { c["iss"] = w.URL + "/realms/x" }, false},
		{"no end", "at+jwt", func(c map[string]any) { delete(c, "exp") }, false},
		{"an unknown client", "at+jwt", func(c map[string]any) { c["client_id"] = ids.New("svc") }, false},
		{"a subject that is nobody", "at+jwt", func(c map[string]any) { c["sub"] = gone }, false},
		{"a pairwise subject at a public client", "at+jwt", func(c map[string]any) { c["sub"] = "pw" + gone[3:] }, false},
		{"an unknown client as subject", "at+jwt", func(c map[string]any) { c["sub"] = ids.New("svc") }, false},
		{"under an unknown client", "at+jwt", func(c map[string]any) { c["parents"] = []string{ids.New("svc")} }, false},
		{"a subject of a trusted issuer", "at+jwt", func(c map[string]any) { c["sub"] = "spiffe://example.org/deploy" }, true},
		{"claims of another shape", "at+jwt", func(c map[string]any) { c["parents"] = "x" }, false},
	} {
		compact, err := w.Server.Keys.Sign(t.Context(), w.Site, "ES256", tt.typ, claims(tt.change))
		servertest.Check(t, err)
		if got := active(t, w, app, compact); got != tt.want {
			t.Errorf("%s: active = %t", tt.name, got)
		}
	}
}

// Requirement: revoke-access-token, exchange-parent-revoked
func TestWhatWasDerivedFromATokenDiesWithIt(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	parent := tokenOf(t, w, app)
	child := func(parents ...string) string {
		out, err := json.Marshal(map[string]any{"iss": w.URL, "sub": app.ID, "aud": w.URL, "client_id": app.ID, "jti": ids.New("tok"),
			"iat": time.Now().Unix(), "exp": time.Now().Unix() + 60, "parents": parents})
		servertest.Check(t, err)
		compact, err := w.Server.Keys.Sign(t.Context(), w.Site, "ES256", "at+jwt", out)
		servertest.Check(t, err)
		return compact
	}
	jti, _ := claimsOf(t, parent)["jti"].(string)
	own, grandchild, other := child(jti), child(ids.New("tok"), jti), child(ids.New("tok"))
	if !active(t, w, app, own) || !active(t, w, app, grandchild) || !active(t, w, app, other) {
		t.Fatal("a derived token is inactive from the start")
	}
	if got := w.Post(t, "/oauth/revoke", app.Form("token", parent)); got.Status != 200 {
		t.Fatalf("revoke: %d", got.Status)
	}
	if active(t, w, app, own) || active(t, w, app, grandchild) || !active(t, w, app, other) {
		t.Error("want what was derived to be inactive, and another token active")
	}
}

// Requirement: introspect-signed
func TestIntrospectionIsSignedForWhoAsksForThat(t *testing.T) {
	w := servertest.Start(t, nil)
	const media = "application/token-introspection+jwt"
	plain := w.App(t, application.NewApplication{Scopes: []string{"a"}})
	registered := w.App(t, application.NewApplication{Scopes: []string{"a"}, Settings: model.ApplicationSettings{IntrospectionAlg: "PS256"}})
	provider, err := oidc.NewProvider(t.Context(), w.URL)
	servertest.Check(t, err)
	for _, tt := range []struct {
		name, accept string
		app          servertest.App
		alg          jose.Alg // empty: JSON
	}{
		{"not asked for", "", plain, ""},
		{"anything", "*/*", plain, ""},
		{"asked for", media, plain, jose.RS256},
		{"among others", "application/json;q=0.5, " + strings.ToUpper(media) + ";q=0.9", plain, jose.RS256},
		{"not wanted", media + ";q=0, application/json", plain, ""},
		{"registered", "", registered, jose.PS256},
		{"registered and asked for", media, registered, jose.PS256},
	} {
		token := tokenOf(t, w, tt.app)
		for raw, want := range map[string]bool{token: true, "garbage": false} {
			got := w.Post(t, "/oauth/introspect", tt.app.Form("token", raw), "Accept", tt.accept)
			if tt.alg == "" {
				if got.Status != 200 || got.Header.Get("Content-Type") != "application/json" || got.JSON["active"] != want {
					t.Errorf("%s: %d %v %s", tt.name, got.Status, got.Header, got.Body)
				}
				continue
			}
			if got.Status != 200 || got.Header.Get("Content-Type") != media {
				t.Fatalf("%s: %d %v %s", tt.name, got.Status, got.Header, got.Body)
			}
			u, err := jose.Peek(string(got.Body))
			servertest.Check(t, err)
			c := claimsOf(t, string(got.Body))
			inner, _ := c["token_introspection"].(map[string]any)
			if u.Header().Typ != "token-introspection+jwt" || u.Header().Alg != tt.alg || names(c) != "aud iat iss token_introspection" ||
				c["aud"] != tt.app.ID || inner["active"] != want || want && inner["client_id"] != tt.app.ID || !want && len(inner) != 1 {
				t.Errorf("%s: %+v %v", tt.name, u.Header(), c)
			}
			verifier := provider.Verifier(&oidc.Config{ClientID: tt.app.ID, SkipExpiryCheck: true, SupportedSigningAlgs: []string{string(tt.alg)}})
			if _, err := verifier.Verify(t.Context(), string(got.Body)); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if active(t, w, plain, string(got.Body)) {
				t.Error("the answer is taken for a token")
			}
		}
	}
}

// Requirement: introspect-authenticated, revoke-authenticated, revoke-always-200
func TestPublicClientsMayRevokeTheirOwnTokensAndIntrospectNone(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Kind: model.KindSPA, AuthMethod: model.AuthNone})
	other := w.Flow(t, application.NewApplication{Kind: model.KindSPA, AuthMethod: model.AuthNone})
	api := w.App(t, application.NewApplication{})
	tokens := f.Tokens(t)
	usable := func() bool {
		return w.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token")).Status == 200
	}
	if got := w.Post(t, "/oauth/introspect", f.Form("token", tokens.Text("access_token"))); got.Status != 401 || got.Text("error") != "invalid_client" {
		t.Errorf("introspection by a public client: %d %s", got.Status, got.Body)
	}
	for name, form := range map[string]map[string][]string{"another public client": other.Form("token", tokens.Text("access_token")),
		"another client": api.Form("token", tokens.Text("access_token")), "its refresh token by another": other.Form("token", tokens.Text("refresh_token"))} {
		if got := w.Post(t, "/oauth/revoke", form); got.Status != 200 || !usable() {
			t.Errorf("%s: %d, usable %t", name, got.Status, usable())
		}
	}
	if got := w.Post(t, "/oauth/revoke", f.Form("token", tokens.Text("access_token"))); got.Status != 200 || usable() {
		t.Errorf("its own: %d, usable %t", got.Status, usable())
	}
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Status != 200 {
		t.Errorf("an access token took the grant with it: %d %s", got.Status, got.Body)
	}
}

// Requirement: revoke-refresh-takes-grant, revoke-always-200
func TestRevokingARefreshTokenEndsTheWholeGrant(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	for _, which := range []string{"the live one", "one that was used"} {
		first := f.Tokens(t)
		second := f.Refresh(t, first.Text("refresh_token"))
		if second.Status != 200 {
			t.Fatalf("refresh: %d %s", second.Status, second.Body)
		}
		elsewhere := f.Tokens(t) // another grant of the same person
		raw := second.Text("refresh_token")
		if which == "one that was used" {
			raw = first.Text("refresh_token")
		}
		for range 2 {
			if got := w.Post(t, "/oauth/revoke", f.Form("token", raw, "token_type_hint", "access_token")); got.Status != 200 {
				t.Errorf("%s: %d %s", which, got.Status, got.Body)
			}
		}
		for name, token := range map[string]string{"first access": first.Text("access_token"), "second access": second.Text("access_token"), "refresh": second.Text("refresh_token")} {
			if active(t, w, f.App, token) {
				t.Errorf("%s: the %s token is active", which, name)
			}
		}
		if got := f.Refresh(t, second.Text("refresh_token")); got.Text("error") != "invalid_grant" {
			t.Errorf("%s: refresh: %d %s", which, got.Status, got.Body)
		}
		if !active(t, w, f.App, elsewhere.Text("access_token")) || !active(t, w, f.App, elsewhere.Text("refresh_token")) {
			t.Errorf("%s: another grant died too", which)
		}
	}
}

// Requirement: introspect-visible-only, introspect-members
func TestARefreshTokenIsIntrospectedByItsClientAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{SubjectType: "pairwise", Refresh: model.RefreshRotate}})
	other := w.App(t, application.NewApplication{})
	tokens := f.Tokens(t)
	raw := tokens.Text("refresh_token")
	got := w.Post(t, "/oauth/introspect", f.Form("token", raw, "token_type_hint", "refresh_token"))
	if got.JSON["active"] != true || got.Text("client_id") != f.App.ID || got.Text("iss") != w.URL || got.Text("scope") != tokens.Text("scope") ||
		got.Text("sub") != claimsOf(t, tokens.Text("id_token"))["sub"] || got.JSON["exp"] == nil || got.JSON["iat"] == nil || got.JSON["token_type"] != nil {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if active(t, w, other, raw) {
		t.Error("another client sees it")
	}
	for name, bad := range map[string]string{"altered": raw[:len(raw)-2] + "AA", "the prefix": "rt_", "of no grant": "rt_x.1.x"} {
		if active(t, w, f.App, bad) {
			t.Errorf("%s is active", name)
		}
	}
	if next := f.Refresh(t, raw); next.Status != 200 || active(t, w, f.App, raw) || !active(t, w, f.App, next.Text("refresh_token")) {
		t.Error("want the used one inactive and its successor active")
	}
	_, err := w.Server.Directory.Suspend(t.Context(), w.Site, f.Identity.ID, "test")
	servertest.Check(t, err)
	if active(t, w, f.App, raw) {
		t.Error("active though the person is suspended")
	}
}

// Requirement: revoke-always-200
func TestAnUnusedCodeIsUnknownToRevocation(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	code := f.Code(t)
	if got := w.Post(t, "/oauth/revoke", f.Form("token", code)); got.Status != 200 {
		t.Errorf("revoke: %d %s", got.Status, got.Body)
	}
	if got := f.Redeem(t, code); got.Status != 200 {
		t.Errorf("redeem: %d %s", got.Status, got.Body)
	}
}
