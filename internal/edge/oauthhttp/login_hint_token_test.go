package oauthhttp_test

import (
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

const directoryIssuer = "https://directory.example"

// CIBA Core 1.0, Section 7.1, and RFC 9493, Section 3.2.
//
// Requirement: ciba-one-hint, ciba-login-hint-token
func TestALoginHintTokenNamesThePerson(t *testing.T) {
	trusted, stranger := newKey(t, jose.PS256), newKey(t, jose.PS256)
	w := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy.RevealUnknownUsers = true // so that it is seen who was found
		c.DefaultPolicy.TrustedIssuers = []model.TrustedIssuer{{Issuer: directoryIssuer, JWKS: publicKeys(trusted),
			Subjects: []model.SubjectRule{{Subject: "person-*", Identity: "login:email"}, {Subject: "robot-*"}}}}
	})
	a := newAsker(t, w, model.ApplicationSettings{})
	_, who := w.Person(t, "alex")
	now := time.Now().Unix()
	own := func(claims map[string]any) string { return a.hint(t, a.Key, a.ID, claims) }
	theirs := func(claims map[string]any) string {
		return a.hintOf(t, "login-hint+jwt", trusted, directoryIssuer, claims)
	}
	by := func(format string, members ...string) map[string]any {
		id := map[string]any{"format": format}
		for i := 0; i < len(members); i += 2 {
			id[members[i]] = members[i+1]
		}
		return map[string]any{"sub_id": id}
	}
	tests := []struct{ name, token, want string }{
		{"by identity id", own(map[string]any{"sub": string(who.ID)}), ""},
		{"by user name", own(map[string]any{"sub": "Alex"}), ""},
		{"by address", own(by("email", "email", "alex@example.com")), ""},
		{"by something opaque", own(by("opaque", "id", string(who.ID))), ""},
		{"by our own name for them", own(by("iss_sub", "iss", w.URL, "sub", string(who.ID))), ""},
		{"for the endpoint", own(map[string]any{"sub": "alex", "aud": w.URL + "/oauth/bc-authorize"}), ""},
		{"of a trusted issuer, by address", theirs(by("email", "email", "alex@example.com")), ""},
		{"of a trusted issuer, by its own name and the realm's rule", theirs(map[string]any{"sub": "person-7", "email": "alex@example.com", "email_verified": true}), ""},
		{"of a trusted issuer, of the type of its assertions", a.hint(t, trusted, directoryIssuer, by("email", "email", "alex@example.com")), "invalid_request"},
		{"of nobody", own(map[string]any{"sub": "nobody"}), "unknown_user_id"},
		{"of an address of nobody", theirs(by("email", "email", "nobody@example.com")), "unknown_user_id"},
		{"of a trusted issuer, by a name that no rule knows", theirs(map[string]any{"sub": "alex"}), "unknown_user_id"},
		{"of a workload", theirs(map[string]any{"sub": "robot-1"}), "unknown_user_id"},
		{"expired", own(map[string]any{"sub": "alex", "exp": now - 1}), "expired_login_hint_token"},
		{"expired, of a trusted issuer", theirs(map[string]any{"sub": "person-7", "exp": now - 1}), "expired_login_hint_token"},
		{"without an end", own(map[string]any{"sub": "alex", "exp": nil}), "invalid_request"},
		{"not valid yet", own(map[string]any{"sub": "alex", "nbf": now + 60}), "invalid_request"},
		{"for another server", own(map[string]any{"sub": "alex", "aud": "https://else.example"}), "invalid_request"},
		{"for nobody", own(map[string]any{"sub": "alex", "aud": nil}), "invalid_request"},
		{"without anybody", own(nil), "invalid_request"},
		{"with another issuer's subject", own(by("iss_sub", "iss", "https://else.example", "sub", "x")), "invalid_request"},
		{"in a format that we do not know", own(by("phone_number", "phone_number", "+1")), "invalid_request"},
		{"with a malformed name", own(map[string]any{"sub_id": "alex"}), "invalid_request"},
		{"signed by a stranger", a.hint(t, stranger, a.ID, map[string]any{"sub": "alex"}), "invalid_request"},
		{"of an issuer, signed by a stranger", a.hintOf(t, "login-hint+jwt", stranger, directoryIssuer, map[string]any{"sub": "person-7"}), "invalid_request"},
		{"of an issuer that nobody trusts", a.hint(t, stranger, "https://else.example", map[string]any{"sub": "alex"}), "invalid_request"},
		{"of no issuer", own(map[string]any{"sub": "alex", "iss": nil}), "invalid_request"},
		{"no JWT", "alex", "invalid_request"},
		{"unsigned", "eyJhbGciOiJub25lIn0.e30.", "invalid_request"},
	}
	for _, tt := range tests {
		got := w.Post(t, "/oauth/bc-authorize", a.Form("login_hint_token", tt.token))
		if got.Text("error") != tt.want || (got.Status == 200) != (tt.want == "") {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
		if got.Status == 200 {
			w.Post(t, "/oauth/revoke", a.Form("token", got.Text("auth_req_id"))) // room for the next one
		}
	}
	if got := w.Post(t, "/oauth/bc-authorize", a.Form("login_hint_token", own(map[string]any{"sub": "alex"}), "login_hint", "alex")); got.Text("error") != "invalid_request" {
		t.Errorf("with another hint: %d %s", got.Status, got.Body)
	}
}

// hint signs a login_hint_token.
func (a asker) hint(t testing.TB, key *jose.PrivateKey, issuer string, changes map[string]any) string {
	t.Helper()
	return a.hintOf(t, "JWT", key, issuer, changes)
}

func (a asker) hintOf(t testing.TB, typ string, key *jose.PrivateKey, issuer string, changes map[string]any) string {
	t.Helper()
	c := map[string]any{"iss": issuer, "aud": a.URL, "exp": time.Now().Unix() + 60}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return sign(t, key, typ, c)
}

// A pairwise client knows its people by names that nobody else has; those are
// hints, too.
//
// Requirement: ciba-one-hint, ciba-login-hint-token
func TestHintsMayBeTheNamesThatTheClientHasForItsPeople(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.RevealUnknownUsers = true })
	settings := model.ApplicationSettings{SubjectType: "pairwise", Sector: "a.example"}
	n := application.NewApplication{GrantTypes: []string{"authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"}, Settings: settings}
	f := w.Flow(t, n)
	tokens := f.Tokens(t)
	sub, _ := claimsOf(t, tokens.Text("id_token"))["sub"].(string)
	other := newAsker(t, w, model.ApplicationSettings{SubjectType: "pairwise", Sector: "b.example"})
	for name, value := range map[string]string{"login_hint": sub, "id_token_hint": tokens.Text("id_token")} {
		if got := w.Post(t, "/oauth/bc-authorize", f.Form(name, value)); got.Status != 200 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.Post(t, "/oauth/bc-authorize", other.Form("login_hint", sub)); got.Text("error") != "unknown_user_id" {
		t.Errorf("in another sector: %d %s", got.Status, got.Body)
	}
}

// What names a person at our door must not open it.
//
// Requirement: ciba-login-hint-token, jwt-bearer-claims
func TestALoginHintTokenIsNoAssertion(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://directory.example","sub":"person-7","jti":"x"}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: directoryIssuer, Subjects: []model.SubjectRule{{Subject: "*"}}})
	exchange := func(token string) servertest.Answer {
		return v.Post(t, "/oauth/token", v.app.Form("grant_type", oauth.GrantExchange, "subject_token", token, "subject_token_type", jwtType))
	}
	hint := map[string]any{"typ": "login-hint+jwt"}
	wantError(t, "an assertion", v.bring(t, v.app, v.token(t, v.URL, nil)), "")
	wantError(t, "a hint", v.bring(t, v.app, v.typed(t, hint, v.URL, nil)), "invalid_grant")
	wantError(t, "a hint as a subject token", exchange(v.typed(t, hint, v.URL, nil)), "invalid_request")
}
