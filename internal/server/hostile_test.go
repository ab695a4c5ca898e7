package server_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// hostile are values that some database, parser or log does not take for text.
var hostile = []string{"", " ", "\x00", "a\x00b", "\xff", "\xed\xa0\x80", "\ufffe", "\u202e", "'", "';--", "%", "%00", "../..", "/", "{}", "[]", "null", "-1",
	"1e999", "9223372036854775808", "\r\nX: y", strings.Repeat("a", 5000), strings.Repeat("é", 3000), "idn_" + strings.Repeat("0", 26), "\u0130"}

// Whatever is sent, the fault is the sender's: no answer is a 5xx, on no
// database.
//
// Requirement: token-never-5xx
func TestNoInputIsTheServersFault(t *testing.T) {
	engines := map[string]func(*server.Config){"sqlite": nil, "postgres": func(c *server.Config) { c.Database = pgtest.Database(t) }}
	for name, change := range engines {
		t.Run(name, func(t *testing.T) {
			w := servertest.Start(t, change)
			hostileForms(t, w, w.App(t, application.NewApplication{Scopes: []string{"a"},
				GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantCIBA, oauth.GrantDevice}}))
			person, _ := w.Person(t, "alex")
			u, err := url.Parse(w.URL)
			servertest.Check(t, err)
			cookie := "assent=" + person.HTTP.Jar.Cookies(u)[0].Value
			for _, value := range hostile {
				hostilePaths(t, w, cookie, value)
			}
		})
	}
}

// hostileForms replaces each parameter of good forms in turn.
func hostileForms(t *testing.T, w *servertest.World, app servertest.App) {
	t.Helper()
	for path, form := range map[string]url.Values{
		"/oauth/token": app.Form("grant_type", oauth.GrantClientCredentials, "scope", "a", "resource", w.URL, "authorization_details", "x"),
		"/oauth/bc-authorize": app.Form("login_hint", "alex", "scope", "a", "binding_message", "x", "requested_expiry", "30",
			"authorization_details", `[]`, "resource", w.URL),
		"/oauth/introspect":  app.Form("token", "x", "token_type_hint", "access_token"),
		"/oauth/revoke":      app.Form("token", "x", "token_type_hint", "auth_req_id"),
		"/oauth/device/code": app.Form("scope", "a", "resource", w.URL, "authorization_details", "x"),
		"/oauth/logout":      app.Form("post_logout_redirect_uri", "https://app.example/", "state", "x"),
	} {
		poll, device, hint := maps.Clone(form), maps.Clone(form), maps.Clone(form)
		poll.Set("grant_type", oauth.GrantCIBA)
		device.Set("grant_type", oauth.GrantDevice)
		hint.Del("login_hint")
		for _, value := range hostile {
			tries := []url.Values{replaced(poll, "auth_req_id", value), replaced(hint, "id_token_hint", value), replaced(device, "device_code", value)}
			for parameter := range form {
				tries = append(tries, replaced(form, parameter, value))
			}
			for _, bad := range tries {
				if got := w.Post(t, path, bad); got.Status >= 500 {
					t.Errorf("%s, %.300q: %d %s", path, bad.Encode(), got.Status, got.Body)
				}
			}
			got := servertest.Do(t, http.MethodPost, w.URL+path, strings.NewReader(value), "Content-Type", "application/x-www-form-urlencoded")
			if got.Status >= 500 {
				t.Errorf("%s, body %.20q: %d %s", path, value, got.Status, got.Body)
			}
		}
	}
}

// replaced is a form with one parameter replaced.
func replaced(form url.Values, parameter, value string) url.Values {
	out := maps.Clone(form)
	out.Set(parameter, value)
	return out
}

// hostilePaths puts a value wherever a path, a query or a body takes one.
func hostilePaths(t *testing.T, w *servertest.World, cookie, value string) {
	t.Helper()
	in, inQuery := url.PathEscape(value), url.QueryEscape(value)
	for _, path := range []string{"/v1/approvals/" + in, "/v1/approvals/" + in + "/evidence", "/v1/approvals?page_token=" + inQuery,
		"/v1/approvals?state=ended&page_token=" + inQuery, "/v1/approvals?page_size=" + inQuery, "/v1/approvals?state=" + inQuery,
		"/realms/" + in, "/realms/" + in + "/v1/me", "/bind?token=" + inQuery, "/signin?return_to=" + inQuery, "/device?user_code=" + inQuery,
		"/oauth/logout?client_id=" + inQuery, "/oauth/logout?id_token_hint=" + inQuery, "/oauth/logout/continue?request=" + inQuery,
		"/.well-known/openid-configuration/realms/" + in, "/" + in} {
		if got := w.Get(t, path, "Cookie", cookie); got.Status >= 500 && !strings.Contains(string(got.Body), "was not built") {
			t.Errorf("GET %.60q: %d %.200s", path, got.Status, got.Body)
		}
	}
	for path, parameter := range map[string]string{"/device": "state", "/oauth/logout/confirm": "question"} {
		got := w.Post(t, path, url.Values{parameter: {value}, "decision": {value}}, "Cookie", cookie)
		if got.Status >= 500 {
			t.Errorf("POST %s, %.20q: %d %.200s", path, value, got.Status, got.Body)
		}
	}
	for _, path := range []string{"/v1/approvals/" + in + "/decision", "/v1/approvals/" + in + "/redeem", "/signin", "/bind", "/v1/demo/ask"} {
		for _, body := range []string{value, `{"decision":{},"assertion":{}}`, `{"state":"x","response":{}}`} {
			got := servertest.Do(t, http.MethodPost, w.URL+path, strings.NewReader(body), "Content-Type", "application/json", "Cookie", cookie)
			if got.Status >= 500 {
				t.Errorf("POST %.60q, %.20q: %d %.200s", path, body, got.Status, got.Body)
			}
		}
	}
}
