package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/resource"
)

// A shop is the API on a real listener, with a real Assent that gives tokens for
// it, and somebody who issues passes.
type shop struct {
	*servertest.World
	base   string // of the API, which is its identifier too
	file   string // its database
	config api.Config
	guard  *resource.Server
	issuer *pass.PrivateKey
	client servertest.App // of newClient

	manager  *softperson.Person // whose yes closes a location
	identity string             // of the manager
}

// open starts both. change, where not nil, may alter the API's configuration.
func open(t testing.TB, change func(*api.Config)) *shop {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	s := &shop{World: servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.AskAnyone = true }),
		base: "http://" + l.Addr().String() + "/api", file: filepath.Join(t.TempDir(), "age.db")}
	s.issuer, err = pass.GenerateKey(1)
	servertest.Check(t, err)
	s.register(t)
	db, err := store.Open(t.Context(), s.file)
	servertest.Check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	p, who := s.Person(t, "ada")
	s.manager, s.identity = p, string(who.ID)
	s.config = api.Config{Approvers: []string{s.identity}, Store: db, Keys: pass.Keys{1: s.issuer.Public}, Guard: s.guard, Limit: api.Limit{Requests: 1 << 30, Window: time.Minute},
		Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&s.config)
	}
	serveOn(t, l, api.New(s.config))
	return s
}

// serve runs a handler on a port of its own.
func serve(t testing.TB, h http.Handler) (base string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	serveOn(t, l, h)
	return "http://" + l.Addr().String()
}

func serveOn(t testing.TB, l net.Listener, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

// register makes the API a resource server of the realm, and waits until it can
// verify tokens.
func (s *shop) register(t testing.TB) {
	t.Helper()
	own := s.KeyApp(t, jose.ES256, application.NewApplication{Name: "Age verification", GrantTypes: []string{oauth.GrantClientCredentials}})
	_, err := s.Server.Realms.CreateResourceServer(t.Context(), s.Site.Realm.ID, model.ResourcePolicy{Resource: s.base, Name: "Age verification",
		Scopes: append(slices.Clone(api.Scopes), api.ScopeClose), ApprovalScopes: []string{api.ScopeClose}, Clients: []model.ClientID{model.ClientID(own.ID)}}, "test")
	servertest.Check(t, err)
	s.client = s.newClient(t)
	key, err := own.Key.MarshalPrivate()
	servertest.Check(t, err)
	s.guard, err = resource.New(context.WithoutCancel(t.Context()), resource.Config{Issuer: s.Site.Issuer, Resource: s.base, ClientID: own.ID, Key: key,
		Metadata: resource.Metadata{Scopes: api.Scopes}})
	servertest.Check(t, err)
	t.Cleanup(s.guard.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	servertest.Check(t, s.guard.Ready(ctx))
}

// newClient registers a client that may have every scope but that of approvals.
func (s *shop) newClient(t testing.TB) servertest.App {
	t.Helper()
	return s.App(t, application.NewApplication{Scopes: api.Scopes, Resources: []string{s.base}})
}

// token gets one with these scopes for a client.
func (s *shop) token(t testing.TB, client servertest.App, scopes ...string) string {
	t.Helper()
	form := client.Form("grant_type", oauth.GrantClientCredentials, "scope", strings.Join(scopes, " "), "resource", s.base)
	got := s.Post(t, "/oauth/token", form)
	if got.Status != http.StatusOK {
		t.Fatalf("no token for %v: %d %s", scopes, got.Status, got.Body)
	}
	return got.Text("access_token")
}

// call sends one request to the API; body "" is none. Headers are name, value
// pairs.
func (s *shop) call(t testing.TB, token, method, path, body string, headers ...string) servertest.Answer {
	t.Helper()
	if token != "" {
		headers = append([]string{"Authorization", "Bearer " + token}, headers...)
	}
	if body == "" {
		return servertest.Do(t, method, s.base+path, nil, headers...)
	}
	return servertest.Do(t, method, s.base+path, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// wants checks a status and, where the answer is a problem, its code.
func wants(t testing.TB, what string, a servertest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Text("code") != code {
		t.Fatalf("%s: %d %s, want %d %s", what, a.Status, a.Body, status, code)
	}
	if kind := a.Header.Get("Content-Type"); code != "" && kind != "application/problem+json" {
		t.Errorf("%s: the problem is %s", what, kind)
	}
}

// made creates something and returns its id.
func (s *shop) made(t testing.TB, token, path, body string) string {
	t.Helper()
	a := s.call(t, token, http.MethodPost, path, body)
	wants(t, "create "+path, a, http.StatusCreated, "")
	if a.Header.Get("Location") != "/api"+path+"/"+a.Text("id") {
		t.Errorf("created at %q", a.Header.Get("Location"))
	}
	return a.Text("id")
}

// pass issues one for somebody of an age.
func (s *shop) pass(t testing.TB, years int, valid time.Duration) [pass.Size]byte {
	t.Helper()
	now := time.Now()
	b, err := s.issuer.Issue(pass.Pass{BornBy: pass.Threshold(years, now), Expires: now.Add(valid).Truncate(time.Second)})
	servertest.Check(t, err)
	return b
}

// question is the body of a verification.
func question(t testing.TB, passData string, requiredAge any, more map[string]any) string {
	t.Helper()
	body := map[string]any{"passData": passData, "requiredAge": requiredAge}
	for name, value := range more {
		body[name] = value
	}
	var text bytes.Buffer
	servertest.Check(t, json.NewEncoder(&text).Encode(body))
	return text.String()
}

// all walks a list to its end.
func (s *shop) all(t testing.TB, token, list string, size string) (items []map[string]any, pages int) {
	t.Helper()
	cursor := ""
	for {
		query := url.Values{"page_size": {size}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		a := s.call(t, token, http.MethodGet, "/"+list+"?"+query.Encode(), "")
		wants(t, "list "+list, a, http.StatusOK, "")
		each, _ := a.JSON[list].([]any)
		for _, item := range each {
			items = append(items, item.(map[string]any))
		}
		pages++
		if cursor = a.Text("nextCursor"); cursor == "" {
			return items, pages
		}
	}
}
