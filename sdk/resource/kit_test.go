package resource_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// api is the identifier of the API of most tests.
const api = "https://api.example"

// A forge is an issuer that says whatever a test wants: for tokens that Assent
// never makes. What Assent makes is tried against Assent.
type forge struct {
	url  string
	mu   sync.Mutex
	keys []map[string]any
	docs map[string]func(http.ResponseWriter, *http.Request)
}

func newForge(t testing.TB) *forge {
	t.Helper()
	f := &forge{keys: []map[string]any{}, docs: map[string]func(http.ResponseWriter, *http.Request){}}
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *forge) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch doc := f.docs[r.URL.Path]; {
	case doc != nil:
		doc(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": f.url, "jwks_uri": f.url + "/jwks", "revocation_feed_endpoint": f.url + "/feed"})
	case r.URL.Path == "/jwks":
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": f.keys})
	default:
		http.NotFound(w, r)
	}
}

// answer is what a path says from now on.
func (f *forge) answer(path string, doc func(http.ResponseWriter, *http.Request)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.docs[path] = doc
}

// publish adds a key under an id, with more members.
func (f *forge) publish(t testing.TB, kid string, key *servertest.Prover, more map[string]any) {
	t.Helper()
	jwk := map[string]any{"kid": kid, "use": "sig"}
	for name, value := range key.JWK(t) {
		jwk[name] = value
	}
	maps.Copy(jwk, more)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, jwk)
}

// claims are those of a good token, with some overridden; nil leaves one out.
func (f *forge) claims(with map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": f.url, "sub": "svc_1", "aud": api, "client_id": "svc_1", "scope": "read write", "jti": rand.Text(), "iat": now, "exp": now + 300}
	return override(c, with)
}

func override(good, with map[string]any) map[string]any {
	for name, value := range with {
		if good[name] = value; value == nil {
			delete(good, name)
		}
	}
	return good
}

// sign makes a token under the header of a good one, with members overridden.
func sign(t testing.TB, key *servertest.Prover, kid string, header, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"typ": "at+jwt", "kid": kid, "jwk": nil}
	maps.Copy(all, header)
	return key.Sign(t, all, claims)
}

// unrevocable runs an API that goes by signatures and times.
func (f *forge) unrevocable(t testing.TB, change func(*resource.Config)) *resource.Server {
	t.Helper()
	cfg := resource.Config{Issuer: f.url, Resource: api, Unrevocable: true}
	if change != nil {
		change(&cfg)
	}
	return ready(t, cfg)
}

// ready runs an API and waits for what it needs.
func ready(t testing.TB, cfg resource.Config) *resource.Server {
	t.Helper()
	s := started(t, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	servertest.Check(t, s.Ready(ctx))
	return s
}

func started(t testing.TB, cfg resource.Config) *resource.Server {
	t.Helper()
	s, err := resource.New(context.Background(), cfg)
	servertest.Check(t, err)
	t.Cleanup(s.Close)
	return s
}

func bearer(token string) resource.Presented {
	return resource.Presented{Scheme: "Bearer", Token: token}
}

// hash is base64url of SHA-256.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// header is that of a token.
func header(t testing.TB, token string) map[string]any {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	servertest.Check(t, err)
	var h map[string]any
	servertest.Check(t, json.Unmarshal(text, &h))
	return h
}

// notes is a log that can be read while it is written.
type notes struct {
	mu  sync.Mutex
	out strings.Builder
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.out.Write(p)
}

func (n *notes) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.out.String()
}

func (n *notes) logger() *slog.Logger { return slog.New(slog.NewTextHandler(n, nil)) }
