package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// A publisher is the web site of a client, on loopback. Its pages are JSON.
type publisher struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]any
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{pages: map[string]any{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		page, ok := p.pages[r.URL.Path]
		p.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) set(path string, page any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = page
	return p.URL + path
}

// client publishes a metadata document.
func (p *publisher) client(path string, more map[string]any) string {
	page := map[string]any{"client_id": p.URL + path, "client_name": "Code editor", "redirect_uris": []string{"http://127.0.0.1/callback"},
		"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none"}
	for name, value := range more {
		page[name] = value
	}
	return p.set(path, page)
}

// mcpServer is the resource that the clients here are for.
const mcpServer = "https://mcp.example/mcp"

// reading is a server that may fetch from loopback, and its clock.
func reading(t *testing.T) (*servertest.World, *servertest.Clock) {
	t.Helper()
	clock := &servertest.Clock{}
	return servertest.Start(t, func(c *server.Config) {
		c.FetchAllow, c.Now = []string{"127.0.0.1"}, clock.Now
		c.DefaultPolicy.Resources = []model.ResourcePolicy{{Resource: mcpServer, Scopes: []string{"read", "write"}, DefaultScopes: []string{"read"}}}
	}), clock
}

// visitor is a person at a client that nobody registered.
func visitor(t *testing.T, w *servertest.World, id string) *servertest.Flow {
	t.Helper()
	f := w.Flow(t, application.NewApplication{})
	f.App, f.Redirect = servertest.App{ID: id}, "http://127.0.0.1:51234/callback"
	return f
}

// Requirement: cimd-works, cimd-consent-host
func TestAClientThatOnlyPublishesADocumentGetsTokens(t *testing.T) {
	w, _ := reading(t)
	p := newPublisher(t)
	f := visitor(t, w, p.client("/client.json", nil))
	page, err := f.Person.Authorize(t.Context(), f.URL(), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	if !strings.Contains(page.Body, "Code editor") || !strings.Contains(page.Body, "a program on this device, in the name of 127.0.0.1") {
		t.Errorf("the person is not told who asks, and from where: %s", page.Body)
	}
	tokens := f.Tokens(t, "scope", "", "resource", mcpServer)
	if tokens.Text("scope") != "read" {
		t.Errorf("scope %q, want what the resource grants who asks for none", tokens.Text("scope"))
	}
	refreshed := f.Refresh(t, tokens.Text("refresh_token"))
	if refreshed.Status != http.StatusOK {
		t.Errorf("refresh: %d %s", refreshed.Status, refreshed.Body)
	}
	plain := f.Open(t, "code_challenge", "", "code_challenge_method", "")
	if got := plain.URL.Query().Get("error"); got != "invalid_request" {
		t.Errorf("without PKCE: %q, %s", got, plain.URL)
	}
	other := visitor(t, w, p.client("/other.json", nil))
	if got := other.Redeem(t, f.Code(t)); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_grant" {
		t.Errorf("another's code: %d %s", got.Status, got.Body)
	}
}

// Requirement: cimd-works
func TestAClientWithoutAGoodDocumentSeesOurErrorPage(t *testing.T) {
	w, _ := reading(t)
	p := newPublisher(t)
	for name, id := range map[string]string{
		"no document":          p.URL + "/nobody.json",
		"another's document":   p.client("/stolen.json", map[string]any{"client_id": "https://somebody.else/client.json"}),
		"a host not allowed":   "https://localhost:1/client.json",
		"a host of the inside": "https://169.254.169.254/latest/meta-data",
		"plain http":           "http://editor.example/client.json",
	} {
		f := visitor(t, w, id)
		if page := f.Open(t); page.Status != http.StatusBadRequest || page.Left {
			t.Errorf("%s: %d %s", name, page.Status, page.URL)
		}
		if got := f.Redeem(t, "x"); got.Status != http.StatusUnauthorized || got.Text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	f := visitor(t, w, p.client("/client.json", nil))
	if page := f.Open(t, "redirect_uri", "https://evil.example/callback"); page.Status != http.StatusBadRequest || page.Left {
		t.Errorf("an address that is not in the document: %d %s", page.Status, page.URL)
	}
}

func TestAPublishedClientThatTheOperatorStopsIsStopped(t *testing.T) {
	w, clock := reading(t)
	p := newPublisher(t)
	f := visitor(t, w, p.client("/client.json", nil))
	tokens := f.Tokens(t)
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(f.App.ID), model.ApplicationFrozen, "op"))
	p.client("/client.json", map[string]any{"client_name": "Another name"})
	clock.Turn(6 * time.Minute)
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Status != http.StatusUnauthorized || got.Text("error") != "invalid_client" {
		t.Errorf("refresh: %d %s", got.Status, got.Body)
	}
	if page := f.Open(t); page.URL.Query().Get("code") != "" {
		t.Errorf("a code: %s", page.URL)
	}
}

// Requirement: cimd-works, keys-client-refetch
func TestAPublishedClientProvesItselfByItsKeysAndMayChangeThem(t *testing.T) {
	w, _ := reading(t)
	p := newPublisher(t)
	publish := func(k *jose.PrivateKey) string {
		return p.set("/keys.json", map[string]any{"keys": []any{json.RawMessage(k.Public().JSON())}})
	}
	first, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	second, err := jose.Generate(jose.EdDSA)
	servertest.Check(t, err)
	f := visitor(t, w, p.client("/client.json", map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": publish(first)}))
	redeem := func(key *jose.PrivateKey) servertest.Answer {
		f.App.Key = key
		return f.Post(t, "/oauth/token", f.App.AssertionForm(t, w.Site.Issuer, nil, "grant_type", oauth.GrantCode, "code", f.Code(t),
			"redirect_uri", f.Redirect, "code_verifier", f.Verifier))
	}
	if got := redeem(first); got.Status != http.StatusOK {
		t.Errorf("its key: %d %s", got.Status, got.Body)
	}
	if got := f.Redeem(t, f.Code(t)); got.Status != http.StatusUnauthorized {
		t.Errorf("no proof: %d %s", got.Status, got.Body)
	}
	publish(second)
	if got := redeem(second); got.Status != http.StatusOK {
		t.Errorf("its new key: %d %s", got.Status, got.Body)
	}
	if got := redeem(first); got.Status != http.StatusUnauthorized || got.Text("error") != "invalid_client" {
		t.Errorf("the key that it withdrew: %d %s", got.Status, got.Body)
	}
}

// Anybody can send these requests, in the name of any URL.
//
// Requirement: cimd-works, limits-discovery
func TestNoDocumentIsReadForALogoASignOutOrASecret(t *testing.T) {
	w, _ := reading(t)
	p := newPublisher(t)
	before, err := w.Server.Applications.List(t.Context(), w.Site)
	servertest.Check(t, err)
	id := p.client("/client.json", map[string]any{"logo_uri": p.URL + "/logo.png", "post_logout_redirect_uris": []string{"https://editor.example/"}})
	if got := w.Get(t, "/oauth/logo?client_id="+url.QueryEscape(id)); got.Status != http.StatusNotFound {
		t.Errorf("logo: %d", got.Status)
	}
	if got := w.Get(t, "/oauth/logout?client_id="+url.QueryEscape(id)); got.Status >= 500 {
		t.Errorf("logout: %d", got.Status)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":secret"))
	form := url.Values{"grant_type": {oauth.GrantClientCredentials}}
	wantError(t, "basic", w.Post(t, "/oauth/token", form, "Authorization", "Basic "+basic), "invalid_client")
	form.Set("client_id", id)
	form.Set("client_secret", "secret")
	wantError(t, "post", w.Post(t, "/oauth/token", form), "invalid_client")
	after, err := w.Server.Applications.List(t.Context(), w.Site)
	servertest.Check(t, err)
	if len(after) != len(before) {
		t.Errorf("there were %d applications, there are %d", len(before), len(after))
	}
}
