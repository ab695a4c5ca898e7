package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// A journal is everything that a server logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) bytes() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.text.Bytes())
}

// secrets are what must not be found where it does not belong, by what it is.
type secrets map[string]string

// found lists what stands in text in any spelling.
func (s secrets) found(text []byte) []string {
	var out []string
	for name, value := range s {
		for _, spelled := range []string{value, url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value)),
			base64.RawURLEncoding.EncodeToString([]byte(value)), hex.EncodeToString([]byte(value))} {
			if bytes.Contains(text, []byte(spelled)) {
				out = append(out, name)
				break
			}
		}
		if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(raw) >= 16 && bytes.Contains(text, raw) {
			out = append(out, name+" (decoded)")
		}
	}
	return out
}

// A flow is one whole use of the product, and every secret in it.
type flow struct {
	*servertest.World
	secrets secrets
	file    string // of the database
	log     *journal
	person  *softperson.Person
	basic   servertest.App
	keyed   servertest.App
}

// roundTripper notes what the pages and the browser tell each other.
type roundTripper struct{ f *flow }

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	for _, c := range resp.Cookies() {
		if c.Value != "" {
			r.f.secrets["session cookie of "+req.URL.Path] = c.Value
		}
	}
	return resp, nil
}

func newFlow(t *testing.T) *flow {
	t.Helper()
	f := &flow{secrets: secrets{}, log: &journal{}}
	key := seal.GenerateDevelopmentKey()
	f.secrets["key-encryption key"] = strings.TrimPrefix(key.Encode(), "dev-")
	f.World = servertest.Start(t, func(c *server.Config) {
		ring, err := seal.NewKeyring(key)
		servertest.Check(t, err)
		f.file, c.Keyring = c.Database, ring
		c.Logger = slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	f.basic = f.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic})
	f.keyed = f.KeyApp(t, jose.ES256, application.NewApplication{})
	f.secrets["client secret"] = f.basic.Secret
	private, err := f.keyed.Key.MarshalPrivate()
	servertest.Check(t, err)
	var jwk struct{ D string }
	servertest.Check(t, json.Unmarshal(private, &jwk))
	f.secrets["client's private key"] = jwk.D
	f.bind(t)
	return f
}

func (f *flow) bind(t *testing.T) {
	t.Helper()
	who, err := f.Server.Directory.CreateIdentity(t.Context(), f.Site, directory.NewIdentity{Traits: model.Traits{Username: "alex", PrimaryEmailAddress: "alex@example.com"}})
	servertest.Check(t, err)
	job, err := f.Server.Directory.CreateBindingJob(t.Context(), f.Site, directory.NewBinding{IdentityID: who.ID})
	servertest.Check(t, err)
	_, f.secrets["binding token"], _ = strings.Cut(job.Link, "?token=")
	f.person, err = softperson.New(f.URL)
	servertest.Check(t, err)
	f.person.HTTP.Transport = roundTripper{f}
	servertest.Check(t, f.person.Bind(t.Context(), job.Link))
	servertest.Check(t, f.person.SignIn(t.Context()))
	if err := f.person.Bind(t.Context(), job.Link); err == nil {
		t.Error("a link worked twice")
	}
}

// use asks, decides, fetches, redeems, introspects and revokes.
func (f *flow) use(t *testing.T) {
	t.Helper()
	assertion := func(name string, pairs ...string) url.Values {
		form := f.keyed.AssertionForm(t, f.URL, nil, pairs...)
		f.secrets["assertion for "+name] = form.Get("client_assertion")
		return form
	}
	asked := f.Post(t, "/oauth/bc-authorize", assertion("asking", "login_hint", "alex", "scope", "openid", "binding_message", "Deploy"))
	id := asked.Text("approval_id")
	f.secrets["auth_req_id"] = asked.Text("auth_req_id")
	_, err := f.person.Decide(t.Context(), id, evidence.Approve)
	servertest.Check(t, err)
	got := f.Post(t, "/oauth/token", assertion("polling", "grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id")))
	f.secrets["access token"], f.secrets["ID token"] = got.Text("access_token"), got.Text("id_token")
	if got.Text("access_token") == "" || got.Text("id_token") == "" {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	bearer := []string{"Authorization", "Bearer " + got.Text("access_token")}
	for _, a := range []servertest.Answer{
		f.Get(t, "/v1/approvals/"+id+"/evidence", bearer...),
		servertest.Do(t, http.MethodPost, f.URL+"/v1/approvals/"+id+"/redeem", nil, bearer...),
		f.Post(t, "/oauth/introspect", assertion("introspection", "token", got.Text("access_token"))),
		f.Post(t, "/oauth/revoke", assertion("revocation", "token", got.Text("access_token"))),
	} {
		if a.Status != 200 {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(f.basic.ID+":"+f.basic.Secret))
	got = f.Post(t, "/oauth/token", url.Values{"grant_type": {oauth.GrantClientCredentials}}, "Authorization", basic)
	f.secrets["token in its own name"] = got.Text("access_token")
}

// misuse sends every secret to wherever it does not belong, and answers what
// the server said.
func (f *flow) misuse(t *testing.T) []byte {
	t.Helper()
	var said bytes.Buffer
	note := func(a servertest.Answer) {
		if a.Status >= 400 || a.Status == 200 && bytes.Contains(a.Body, []byte(`"active"`)) {
			said.Write(a.Body)
			for name, values := range a.Header {
				said.WriteString(name + strings.Join(values, " "))
			}
		}
	}
	pending := f.Post(t, "/oauth/bc-authorize", f.keyed.AssertionForm(t, f.URL, nil, "login_hint", "alex")).Text("approval_id")
	issuer, err := url.Parse(f.URL)
	servertest.Check(t, err)
	var session []string
	for _, c := range f.person.HTTP.Jar.Cookies(issuer) {
		session = append(session, c.Name+"="+c.Value)
	}
	for _, value := range f.secrets {
		escaped := url.QueryEscape(value)
		for _, body := range []string{`{"decision":{"` + value + `":1}}`, `{"decision":{"answer":"` + value + `"}}`, `{"decision":{},"assertion":{"id":"` + value + `"}}`,
			`{"decision":{"typ":"assent.decision.v1","statement":"x","answer":"approve","at":1,"granted":{"scope":"` + value + `"}}}`} {
			note(servertest.Do(t, http.MethodPost, f.URL+"/v1/approvals/"+pending+"/decision", strings.NewReader(body),
				"Content-Type", "application/json", "Cookie", strings.Join(session, "; ")))
		}
		note(f.Get(t, "/v1/me?access_token="+escaped))
		note(f.Get(t, "/v1/approvals/"+url.PathEscape(value)+"?x="+escaped))
		note(f.Get(t, "/signin/"+url.PathEscape(value)))
		note(f.Get(t, "/"+url.PathEscape(value)))
		note(f.Get(t, "/v1/me", "Cookie", "assent="+value+"x", "Authorization", "Bearer "+value+"x"))
		note(f.Get(t, "/v1/approvals/apr_x/evidence", "Authorization", "Bearer "+value))
		for _, path := range []string{"/oauth/token", "/oauth/bc-authorize", "/oauth/introspect", "/oauth/revoke"} {
			for _, parameter := range []string{"client_id", "client_secret", "client_assertion", "grant_type", "scope", "resource", "auth_req_id", "login_hint",
				"id_token_hint", "requested_expiry", "authorization_details", "binding_message", "token", value} {
				form := f.basic.Form("grant_type", oauth.GrantCIBA)
				form.Del("client_secret")
				form.Set(parameter, value+"x")
				basic := base64.StdEncoding.EncodeToString([]byte(f.basic.ID + ":" + f.basic.Secret))
				note(f.Post(t, path, form, "Authorization", "Basic "+basic))
				note(f.Post(t, path+"?"+parameter+"="+escaped, form))
			}
			note(f.Post(t, path, url.Values{}, "Authorization", "Basic "+value))
			note(servertest.Do(t, http.MethodPost, f.URL+path, strings.NewReader("%zz"+value), "Content-Type", "application/x-www-form-urlencoded"))
			note(servertest.Do(t, http.MethodPost, f.URL+path, strings.NewReader(value), "Content-Type", "text/"+value))
		}
		for _, path := range []string{"/signin", "/bind", "/v1/approvals/apr_x/decision"} {
			for _, body := range []string{value, `"` + value + `"`, `{"state":"` + value + `x","response":{}}`, `{"decision":"` + value + `"}`, `{"` + value + `":1}`} {
				note(servertest.Do(t, http.MethodPost, f.URL+path, strings.NewReader(body), "Content-Type", "application/json"))
			}
		}
	}
	return said.Bytes()
}

// Secrets reach neither the log, nor the database, nor a refusal: in no
// spelling, however they are used and misused.
func TestNoSecretIsFoundWhereItDoesNotBelong(t *testing.T) {
	f := newFlow(t)
	f.use(t)
	for name, value := range f.secrets {
		if len(value) < 20 {
			t.Errorf("%s is %q: this test shows nothing", name, value)
		}
	}
	if len(f.secrets) < 12 {
		t.Errorf("only %d secrets: this test shows nothing", len(f.secrets))
	}
	said := f.misuse(t)
	log := f.log.bytes()
	for where, text := range map[string][]byte{"the log": log, "a refusal": said, "the database": f.database(t)} {
		if leaked := f.secrets.found(text); len(leaked) > 0 {
			t.Errorf("found in %s: %q", where, leaked)
		}
	}
	for _, want := range []string{`"route":"POST /oauth/token"`, `"refusal":"invalid_client"`, `"actor":"` + f.keyed.ID, `"cause":`} {
		if !bytes.Contains(log, []byte(want)) {
			t.Errorf("the log lacks %s: this test shows nothing", want)
		}
	}
	if bytes.Contains(log, []byte("access_token=")) || bytes.Contains(log, []byte("?x=")) {
		t.Error("a query string is in the log")
	}
}

func (f *flow) database(t *testing.T) []byte {
	t.Helper()
	files, err := filepath.Glob(f.file + "*")
	servertest.Check(t, err)
	var all []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		servertest.Check(t, err)
		all = append(all, text...)
	}
	if !bytes.Contains(all, []byte(f.keyed.ID)) {
		t.Fatal("these are not the files of the database")
	}
	return all
}
