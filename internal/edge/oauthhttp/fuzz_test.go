package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
)

const fuzzBase = "http://localhost:8420"

// A target is a real server without a listener.
type target struct {
	*servertest.World
	handler http.Handler
	basic   servertest.App
	keyed   servertest.App
}

func newTarget(f *testing.F) *target {
	f.Helper()
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	servertest.Check(f, err)
	s, err := server.Open(f.Context(), server.Config{Database: filepath.Join(f.TempDir(), "a.sqlite"), BaseURL: fuzzBase, Keyring: ring, Development: true})
	servertest.Check(f, err)
	f.Cleanup(func() { servertest.Check(f, s.Close()) })
	site, err := s.Site(f.Context(), "")
	servertest.Check(f, err)
	g := &target{World: &servertest.World{Server: s, Site: site, URL: fuzzBase}, handler: s.Handler()}
	n := application.NewApplication{Scopes: []string{"a", "b"}, Resources: []string{"https://api.example"}}
	g.keyed = g.KeyApp(f, jose.ES256, n)
	n.AuthMethod = model.AuthClientSecretBasic
	g.basic = g.App(f, n)
	_, err = s.Directory.CreateIdentity(f.Context(), site, directory.NewIdentity{Traits: model.Traits{Username: "alex"}})
	servertest.Check(f, err)
	return g
}

// send posts a body and holds the answer to what every answer must be.
func (g *target) send(t *testing.T, path, body string, headers ...string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, fuzzBase+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r) // a panic would be a 500
	if w.Code >= 500 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %q: %v", w.Code, w.Header(), w.Body, err)
	}
	code, _ := answer["error"].(string)
	if (code == "") != (w.Code == http.StatusOK || w.Code == http.StatusCreated) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	description, _ := answer["error_description"].(string)
	for _, c := range description { // RFC 6749, Section 5.2
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			t.Fatalf("error_description %q", description)
		}
	}
}

func (g *target) basicHeader() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(g.basic.ID+":"+g.basic.Secret))
}

// The authenticated form, so that it gets beyond the client; and the same
// without, where the form itself must authenticate.
//
// Requirement: limits-fuzz-token, token-no-store
func FuzzTokenForm(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=client_credentials", "grant_type=client_credentials&scope=a+b", "grant_type=client_credentials&scope=a&resource=https%3A%2F%2Fapi.example",
		"grant_type=client_credentials&resource=%zz", "grant_type=client_credentials&grant_type=client_credentials", "grant_type=password",
		"grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=x", "grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba",
		"grant_type=client_credentials&authorization_details=%5B%7B%7D%5D", "client_id=x&client_secret=y&grant_type=client_credentials",
		"client_id=%00&grant_type=client_credentials", "client_assertion=x&client_assertion_type=y", "=&&=;&%", "grant_type=\xff", "a=1;b=2",
	} {
		f.Add(seed)
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, body string) {
		g.send(t, "/oauth/token", body, "Authorization", g.basicHeader())
		g.send(t, "/oauth/token", body)
	})
}

// Requirement: limits-fuzz-ciba
func FuzzBackchannelForm(f *testing.F) {
	for _, seed := range []string{
		"login_hint=alex", "login_hint=alex&binding_message=Deploy", "login_hint=alex&scope=openid+a&requested_expiry=30", "login_hint=alex&requested_expiry=1e9",
		"login_hint=alex&binding_message=%E2%80%AE", "login_hint=%ff", "login_hint=alex&login_hint_token=x", "id_token_hint=a.b.c", "request=x&login_hint=alex",
		"login_hint=alex&authorization_details=" + url.QueryEscape(`[{"type":"assent_action","details":{"a":"b"},"command":["x","y z"]}]`),
		"login_hint=alex&authorization_details=" + url.QueryEscape(`[{"type":"assent_action","details":{"a":1}}]`),
		"login_hint=alex&authorization_details=" + url.QueryEscape(`[[[[[[]]]]]]`), "login_hint=alex&authorization_details=" + url.QueryEscape(`[1e400,"\ud800",null]`),
		"login_hint=alex&resource=https%3A%2F%2Fapi.example&resource=x", "acr_values=x&login_hint=alex", "login_hint=" + strings.Repeat("a", 1000),
	} {
		f.Add(seed)
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, body string) {
		g.send(t, "/oauth/bc-authorize", body, "Authorization", g.basicHeader())
		g.send(t, "/oauth/bc-authorize", body)
	})
}

// Assertions with any header and claims, signed by the client's own key where
// the header is left to us. CLIENT and ISSUER stand for what only this run knows.
//
// Requirement: limits-fuzz-assertion
func FuzzClientAssertion(f *testing.F) {
	type seed struct{ header, claims, signature string }
	const good = `{"iss":"CLIENT","sub":"CLIENT","aud":"ISSUER","jti":"a","exp":NOW}`
	for _, s := range []seed{
		{"", good, ""}, {"", `{"iss":"CLIENT","sub":"CLIENT","aud":["ISSUER","ISSUER/oauth/token"],"jti":"b","iat":1,"nbf":1.5,"exp":NOW}`, ""},
		{"", `{"iss":"CLIENT","sub":"CLIENT","aud":"ISSUER","jti":"c","exp":1e308}`, ""}, {"", `{"iss":"CLIENT","sub":"CLIENT","exp":-1e308,"iat":1e308}`, ""},
		{"", `{"sub":"CLIENT","aud":{},"jti":7}`, ""}, {"", `[]`, ""}, {"", `null`, ""}, {"", `{"sub":"\u0000"}`, ""}, {"", `{"sub":"a/b"}`, ""},
		{`{"alg":"ES256","kid":"x"}`, good, "c2ln"}, {`{"alg":"none"}`, good, ""}, {`{"alg":"HS256"}`, good, "AAAA"}, {`{"alg":"ES256","crit":["x"]}`, good, "AAAA"},
		{`{"alg":"ES256","b64":false}`, good, "AAAA"}, {`{"alg":"ES256","alg":"none"}`, good, "AAAA"}, {`{`, `}`, "="}, {`{"alg":"EdDSA","jwk":{}}`, good, "AAAA"},
	} {
		f.Add(s.header, s.claims, s.signature)
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, header, claims, signature string) {
		fill := strings.NewReplacer("CLIENT", g.keyed.ID, "ISSUER", fuzzBase, "NOW", strconv.FormatInt(time.Now().Unix()+60, 10))
		header, claims = fill.Replace(header), fill.Replace(claims)
		b64 := base64.RawURLEncoding.EncodeToString
		compact := b64([]byte(header)) + "." + b64([]byte(claims)) + "." + signature
		if header == "" {
			var err error
			if compact, err = g.keyed.Key.Sign("JWT", []byte(claims)); err != nil {
				t.Skip()
			}
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {compact},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
			if path == "/oauth/revoke" { // its answer has no body when it is good
				form.Set("client_id", "x")
			}
			g.send(t, path, form.Encode())
		}
	})
}
