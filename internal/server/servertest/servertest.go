// Package servertest runs a real server for tests: a real database, a real
// listener on loopback, real people with software passkeys.
package servertest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/internal/store/litetest"
)

// A World is one running server.
type World struct {
	Server *server.Server
	Site   *model.Site // the default realm
	URL    string
}

// Start runs a server in development mode on a new SQLite database. change,
// where not nil, may alter its configuration.
func Start(t testing.TB, change func(*server.Config)) *World {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	Check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Check(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	Check(t, err)
	cfg := server.Config{Database: litetest.Database(t), BaseURL: "http://localhost:" + port,
		Keyring: ring, Development: true, Version: "test"}
	if change != nil {
		change(&cfg)
	}
	s, err := server.Open(t.Context(), cfg)
	Check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	site, err := s.Realms.Default(ctx)
	Check(t, err)
	return &World{Server: s, Site: site, URL: cfg.BaseURL}
}

// Check ends the test on an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An App is a registered application with what it needs to authenticate.
type App struct {
	ID     string
	Secret string
	Key    *jose.PrivateKey
}

// Form is a form with the credentials of a secret_post client.
func (a App) Form(pairs ...string) url.Values {
	v := url.Values{"client_id": {a.ID}, "client_secret": {a.Secret}}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// App registers an application of the default realm. Without an
// authentication method it is a client_secret_post service that may use every
// grant.
func (w *World) App(t testing.TB, n application.NewApplication) App {
	t.Helper()
	return w.AppIn(t, w.Site, n)
}

// AppIn registers an application in a realm.
func (w *World) AppIn(t testing.TB, site *model.Site, n application.NewApplication) App {
	t.Helper()
	if n.Name == "" {
		n.Name = "Test service"
	}
	if n.Kind == "" {
		n.Kind = model.KindService
	}
	if n.AuthMethod == "" {
		n.AuthMethod = model.AuthClientSecretPost
	}
	if n.GrantTypes == nil {
		n.GrantTypes = []string{oauth.GrantClientCredentials, oauth.GrantCIBA}
	}
	created, err := w.Server.Applications.Create(t.Context(), site, n)
	Check(t, err)
	return App{ID: string(created.Application.ID), Secret: created.Secret}
}

// KeyApp registers a private_key_jwt application with a new key.
func (w *World) KeyApp(t testing.TB, alg jose.Alg, n application.NewApplication) App {
	t.Helper()
	key, err := jose.Generate(alg)
	Check(t, err)
	n.AuthMethod = model.AuthPrivateKeyJWT
	n.JWKS = []byte(`{"keys":[` + string(key.Public().JSON()) + `]}`)
	app := w.App(t, n)
	app.Key = key
	return app
}

// Assertion signs a client assertion; claims override the good ones, and a nil
// one leaves its claim out.
func (a App) Assertion(t testing.TB, aud string, claims map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	c := map[string]any{"iss": a.ID, "sub": a.ID, "aud": aud, "jti": ids.Secret(), "iat": now, "exp": now + 60}
	for name, value := range claims {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	payload, err := json.Marshal(c)
	Check(t, err)
	compact, err := a.Key.Sign("JWT", payload)
	Check(t, err)
	return compact
}

// AssertionForm is a form with a client assertion in it.
func (a App) AssertionForm(t testing.TB, aud string, claims map[string]any, pairs ...string) url.Values {
	t.Helper()
	v := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {a.Assertion(t, aud, claims)}}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// Person creates an identity and binds a software passkey over HTTP.
func (w *World) Person(t testing.TB, username string) (*softperson.Person, model.Identity) {
	t.Helper()
	return w.PersonIn(t, w.Site, username)
}

// PersonIn does the same in a realm.
func (w *World) PersonIn(t testing.TB, site *model.Site, username string) (*softperson.Person, model.Identity) {
	t.Helper()
	who, err := w.Server.Directory.CreateIdentity(t.Context(), site, directory.NewIdentity{DisplayName: username,
		Traits: model.Traits{Username: username, PrimaryEmailAddress: username + "@example.com"}})
	Check(t, err)
	job, err := w.Server.Directory.CreateBindingJob(t.Context(), site, directory.NewBinding{IdentityID: who.ID})
	Check(t, err)
	p, err := softperson.New(site.Issuer)
	Check(t, err)
	Check(t, p.Bind(t.Context(), job.Link))
	return p, who
}

// An Answer is what an endpoint said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil if the body is no JSON object
}

// Text is a string member of the answer, or "".
func (a Answer) Text(name string) string {
	s, _ := a.JSON[name].(string)
	return s
}

// Post sends a form to a path of the default realm. Headers are name, value pairs.
func (w *World) Post(t testing.TB, path string, form url.Values, headers ...string) Answer {
	t.Helper()
	return Do(t, http.MethodPost, w.URL+path, strings.NewReader(form.Encode()),
		append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// Get reads a path of the default realm.
func (w *World) Get(t testing.TB, path string, headers ...string) Answer {
	t.Helper()
	return Do(t, http.MethodGet, w.URL+path, nil, headers...)
}

// Do sends one request.
func Do(t testing.TB, method, target string, body io.Reader, headers ...string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	Check(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" { // net/http sends the field from elsewhere
		r.Host = host
	}
	resp, err := client.Do(r)
	Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(resp.Body)
	Check(t, err)
	_ = json.Unmarshal(a.Body, &a.JSON) // pages have none
	return a
}

var client = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// DoAt sends one request without a body to a server under another host name.
func DoAt(t testing.TB, host, method, target string, headers ...string) Answer {
	t.Helper()
	return Do(t, method, target, nil, append([]string{"Host", host}, headers...)...)
}
