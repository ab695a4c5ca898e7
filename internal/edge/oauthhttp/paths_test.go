package oauthhttp_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

// everyPath has what each endpoint answers to somebody who sends nothing.
var everyPath = []struct {
	method, path string
	status       int
}{
	{"GET", "/.well-known/openid-configuration", 200}, {"GET", "/.well-known/oauth-authorization-server", 200}, {"GET", "/oauth/jwks", 200},
	{"GET", "/oauth/authorize", 400}, {"POST", "/oauth/authorize", 400}, {"POST", "/oauth/par", 401}, {"POST", "/oauth/token", 401},
	{"POST", "/oauth/bc-authorize", 401}, {"POST", "/oauth/device/code", 401}, {"POST", "/oauth/introspect", 401}, {"POST", "/oauth/revoke", 401},
	{"GET", "/userinfo", 401}, {"POST", "/userinfo", 401}, {"GET", "/oauth/register/nobody", 401}, {"GET", "/device", 303},
	{"GET", "/oauth/logout", 200}, {"GET", "/.well-known/webauthn", 200},
}

// Requirement: paths-endpoints, paths-issuer-of-realm
func TestEveryEndpointAnswersUnderEachIssuer(t *testing.T) {
	w := servertest.Start(t, nil)
	create := func(n realm.NewRealm) *model.Site {
		site, err := w.Server.Realms.Create(t.Context(), n)
		servertest.Check(t, err)
		return site
	}
	port := w.URL[strings.LastIndex(w.URL, ":"):]
	lab := create(realm.NewRealm{Name: "lab"})
	hosted := create(realm.NewRealm{Name: "hosted", Policy: model.RealmPolicy{Host: "id.acme.localhost"}})
	for want, site := range map[string]*model.Site{w.URL: w.Site, w.URL + "/realms/lab": lab, "http://id.acme.localhost" + port: hosted} {
		if site.Issuer != want {
			t.Errorf("issuer = %s, want %s", site.Issuer, want)
		}
		host := strings.TrimPrefix(site.Origin, "http://")
		for _, p := range everyPath {
			headers := []string{"Content-Type", "application/x-www-form-urlencoded"}
			got := servertest.DoAt(t, host, p.method, w.URL+site.Path+p.path, headers...)
			if got.Status != p.status {
				t.Errorf("%s %s%s: %d, want %d: %.200s", p.method, site.Issuer, p.path, got.Status, p.status, got.Body)
			}
			if p.path == "/.well-known/openid-configuration" && got.Text("issuer") != want {
				t.Errorf("issuer of %s is %s", want, got.Text("issuer"))
			}
		}
	}
	for _, at := range []string{"/realms/hosted", "/realms/" + w.Site.Realm.Name} { // each has one place
		if got := w.Get(t, at+"/.well-known/openid-configuration"); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d", at, got.Status)
		}
	}
	if _, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "again", Policy: model.RealmPolicy{Host: "id.acme.localhost"}}); err == nil {
		t.Error("two realms have one host")
	}
}

// Requirement: paths-related-origins
func TestRelatedOriginsAreListed(t *testing.T) {
	w := servertest.Start(t, nil)
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.RelatedOrigins = []string{"https://shop.example"}
	}, "test"))
	got := w.Get(t, "/.well-known/webauthn", "Origin", "https://shop.example")
	list, _ := got.JSON["origins"].([]any)
	if got.Status != 200 || got.Header.Get("Content-Type") != "application/json" || len(list) != 2 || list[0] != w.URL || list[1] != "https://shop.example" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Requirement: resource-default, token-scope-as-asked, cc-default-scope
func TestWhatIsNotAskedForIsTheDefaultAndNoMore(t *testing.T) {
	w := servertest.Start(t, nil)
	chosen := w.App(t, application.NewApplication{Scopes: []string{"a", "b", "c"}, Resources: []string{"https://one.example", "https://two.example"},
		Settings: model.ApplicationSettings{DefaultScopes: []string{"b"}}})
	all := w.App(t, application.NewApplication{Scopes: []string{"a", "b"}})
	cc := func(app servertest.App, pairs ...string) servertest.Answer {
		return w.Post(t, "/oauth/token", app.Form(append([]string{"grant_type", oauth.GrantClientCredentials}, pairs...)...))
	}
	tests := []struct {
		got        servertest.Answer
		scope, aud string
	}{
		{cc(chosen), "b", "https://one.example"},
		{cc(chosen, "scope", "c a"), "c a", "https://one.example"},
		{cc(chosen, "scope", "a", "resource", "https://two.example"), "a", "https://two.example"},
		{cc(all), "a b", w.URL},
		{cc(all, "scope", ""), "a b", w.URL},
	}
	for i, tt := range tests {
		c := claimsOf(t, tt.got.Text("access_token"))
		if tt.got.Text("scope") != tt.scope || c["scope"] != tt.scope || c["aud"] != tt.aud {
			t.Errorf("%d: scope %q, claims %v", i, tt.got.Text("scope"), c)
		}
	}
	f := w.Flow(t, application.NewApplication{Resources: []string{"https://one.example", "https://two.example"}})
	tokens := f.Tokens(t, "resource", "https://two.example", "scope", "openid read")
	again := f.Refresh(t, tokens.Text("refresh_token")) // no resource: the grant's
	if c := claimsOf(t, again.Text("access_token")); c["aud"] != "https://two.example" || again.Text("scope") != "openid read" {
		t.Errorf("refresh: %v", c)
	}
}

// stalled sends the beginning of a request and no more of it, and waits for an
// answer for less time than the server waits for the rest.
func stalled(t *testing.T, w *servertest.World, beginning string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	servertest.Check(t, err)
	defer func() { _ = conn.Close() }()
	servertest.Check(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, beginning)
	servertest.Check(t, err)
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	servertest.Check(t, err)
	body, err := io.ReadAll(got.Body)
	servertest.Check(t, err)
	return got.StatusCode, string(body)
}

// The rest of what is too large never comes here, so who waited for it would not
// answer. Everything else about the requests is right.
//
// Requirement: limits-body
func TestWhatIsTooLargeIsRefusedBeforeItIsRead(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantCIBA, oauth.GrantDevice}})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(app.ID+":"+app.Secret))
	const form, begin = "application/x-www-form-urlencoded", "grant_type=client_credentials&x="
	filling := strings.Repeat("x", 64<<10)
	for path, contentType := range map[string]string{"/oauth/token": form, "/oauth/par": form, "/oauth/authorize": form, "/oauth/introspect": form, "/oauth/revoke": form,
		"/userinfo": form, "/oauth/device/code": form, "/oauth/bc-authorize": form, "/oauth/register": "application/json"} {
		head := "POST " + path + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(w.URL, "http://") + "\r\nContent-Type: " + contentType + "\r\nAuthorization: " + basic + "\r\n"
		for name, beginning := range map[string]string{
			"announced": head + "Content-Length: 65537\r\n\r\n" + begin,
			"huge":      head + "Content-Length: 1000000000000\r\n\r\n" + begin,
			"in pieces": head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s%s\r\n", len(begin)+len(filling), begin, filling),
		} {
			if contentType != form && name != "in pieces" { // the server takes what has come
				continue
			}
			if status, body := stalled(t, w, beginning); status != 400 || !strings.Contains(body, "larger than 64 kB") {
				t.Errorf("%s, %s: %d %.300s", path, name, status, body)
			}
		}
	}
	if got := w.Get(t, "/oauth/authorize", "X-Large", filling); got.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large header: %d", got.Status)
	}
	most := url.Values{"grant_type": {oauth.GrantClientCredentials}, "x": {filling[:len(filling)-len(begin)]}}
	if got := w.Post(t, "/oauth/token", most, "Authorization", basic); got.Status != 200 {
		t.Errorf("the most that is taken: %d %s", got.Status, got.Body)
	}
}
