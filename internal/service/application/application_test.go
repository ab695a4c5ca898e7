package application_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A node is one server's applications on a database that it may share.
type node struct {
	*application.Service
	store       *store.Store
	site, other *model.Site
}

func open(t *testing.T, url string, trusted func() bool) *node {
	t.Helper()
	return openWith(t, url, application.Config{Trusted: trusted})
}

func openWith(t *testing.T, url string, cfg application.Config) *node {
	t.Helper()
	n, h := &node{}, &hub.Hub{}
	var err error
	n.store, err = store.Open(t.Context(), store.Config{URL: url, Publish: h.Publish, Resync: h.Resync})
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	followed := make(chan error, 1)
	go func() { followed <- n.store.Follow(ctx) }()
	t.Cleanup(func() { stop(); check(t, <-followed); check(t, n.store.Close()) })
	realms, err := realm.New(realm.Config{Store: n.store, BaseURL: "http://localhost:8420"})
	check(t, err)
	n.site, _, err = realms.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
	check(t, err)
	if n.other, err = realms.ByName(t.Context(), "other"); errors.Is(err, model.ErrNotFound) {
		n.other, err = realms.Create(t.Context(), realm.NewRealm{Name: "other"})
	}
	check(t, err)
	cfg.Store, cfg.Hub = n.store, h
	n.Service = application.New(cfg)
	return n
}

func sqlite(t *testing.T) string { t.Helper(); return litetest.Database(t) }

// good is an application that nothing is wrong with.
func good() application.NewApplication {
	return application.NewApplication{Name: "Deployer", Kind: model.KindService, AuthMethod: model.AuthClientSecretPost}
}

func publicKey(t *testing.T, alg jose.Alg) string {
	t.Helper()
	k, err := jose.Generate(alg)
	check(t, err)
	return string(k.Public().JSON())
}

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func TestMetadataThatContradictThemselvesAreRefused(t *testing.T) {
	n := open(t, sqlite(t), nil)
	ciba, cc := "urn:openid:params:grant-type:ciba", "client_credentials"
	ec := publicKey(t, jose.ES256)
	private, err := jose.Generate(jose.ES256)
	check(t, err)
	secretJWK, err := private.MarshalPrivate()
	check(t, err)
	keyed := func(jwks []byte) func(*application.NewApplication) {
		return func(a *application.NewApplication) { a.AuthMethod, a.JWKS = model.AuthPrivateKeyJWT, jwks }
	}
	tests := []struct {
		name   string
		change func(*application.NewApplication)
		want   string // part of the message; empty: accepted
	}{
		{"a service", func(*application.NewApplication) {}, ""},
		{"no name", func(a *application.NewApplication) { a.Name = "" }, "name"},
		{"a blank name", func(a *application.NewApplication) { a.Name = " \t" }, "name"},
		{"a long name", func(a *application.NewApplication) { a.Name = strings.Repeat("x", 201) }, "name"},
		{"200 bytes of name", func(a *application.NewApplication) { a.Name = strings.Repeat("x", 200) }, ""},
		{"a line break in the name", func(a *application.NewApplication) { a.Name = "a\nb" }, "control"},
		{"a name that is no text", func(a *application.NewApplication) { a.Name = "\xff" }, "control"},
		{"unknown kind", func(a *application.NewApplication) { a.Kind = "robot" }, "kind"},
		{"no kind", func(a *application.NewApplication) { a.Kind = "" }, "kind"},
		{"an agent of nobody", func(a *application.NewApplication) { a.Kind = model.KindAgent }, "owner"},
		{"an agent", func(a *application.NewApplication) { a.Kind, a.OwnerID = model.KindAgent, "idn_1" }, ""},
		{"no method", func(a *application.NewApplication) { a.AuthMethod = "" }, "authentication method"},
		{"unknown method", func(a *application.NewApplication) { a.AuthMethod = "client_secret_jwt" }, "authentication method"},
		{"private_key_jwt", keyed(set(ec)), ""},
		{"two keys", keyed(set(ec, publicKey(t, jose.EdDSA))), ""},
		{"private_key_jwt without keys", keyed(nil), "key set"},
		{"an empty key set", keyed(set()), "empty"},
		{"a key set that is none", keyed([]byte("x")), "key set"},
		{"one key twice", keyed(set(ec, ec)), "two keys"},
		{"a private key", keyed(set(string(secretJWK))), "key set"},
		{"a symmetric key", keyed(set(`{"kty":"oct","k":"c2VjcmV0","kid":"a"}`)), "key set"},
		{"keys for a secret, to sign requests with", func(a *application.NewApplication) { a.JWKS = set(ec) }, ""},
		{"public", func(a *application.NewApplication) { a.Kind, a.AuthMethod = model.KindSPA, model.AuthNone }, ""},
		{"public in its own name", func(a *application.NewApplication) { a.AuthMethod, a.GrantTypes = model.AuthNone, []string{cc} }, "authenticates"},
		{"public asking people", func(a *application.NewApplication) { a.AuthMethod, a.GrantTypes = model.AuthNone, []string{ciba} }, "authenticates"},
		{"every grant type", func(a *application.NewApplication) { a.GrantTypes = everyGrantType }, ""},
		{"an unknown grant type", func(a *application.NewApplication) { a.GrantTypes = []string{cc, "implicit"} }, `grant type "implicit"`},
		{"half a name of a grant type", func(a *application.NewApplication) { a.GrantTypes = []string{"ciba"} }, `grant type "ciba"`},
		{"tokens under HS256", func(a *application.NewApplication) { a.TokenAlg = "HS256" }, "ES256"},
		{"tokens under none", func(a *application.NewApplication) { a.TokenAlg = "none" }, "ES256"},
		{"tokens under RS256", func(a *application.NewApplication) { a.TokenAlg = "RS256" }, ""},
		{"scopes", func(a *application.NewApplication) { a.Scopes = []string{"a:b", "c/d.e"} }, ""},
		{"two words as one scope", func(a *application.NewApplication) { a.Scopes = []string{"a b"} }, "scope"},
		{"an empty scope", func(a *application.NewApplication) { a.Scopes = []string{""} }, "scope"},
		{"a quote in a scope", func(a *application.NewApplication) { a.Scopes = []string{`a"`} }, "scope"},
		{"a backslash in a scope", func(a *application.NewApplication) { a.Scopes = []string{`a\`} }, "scope"},
		{"a scope beyond ASCII", func(a *application.NewApplication) { a.Scopes = []string{"ä"} }, "scope"},
		{"a resource", func(a *application.NewApplication) { a.Resources = []string{"https://api.example/v1?x=y", "svc_1"} }, ""},
		{"a resource with a fragment", func(a *application.NewApplication) { a.Resources = []string{"https://api.example#x"} }, "resource"},
		{"a resource with an empty fragment", func(a *application.NewApplication) { a.Resources = []string{"https://api.example#"} }, "resource"},
		{"an empty resource", func(a *application.NewApplication) { a.Resources = []string{""} }, "resource"},
		{"a resource that is no URI", func(a *application.NewApplication) { a.Resources = []string{"https://a b"} }, "resource"},
	}
	for _, tt := range tests {
		a := good()
		tt.change(&a)
		made, err := n.Create(t.Context(), n.site, a)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (!errors.Is(err, application.ErrInvalid) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %+v, %v, want a refusal about %q", tt.name, made, err, tt.want)
		}
	}
}

// everyGrantType is what the token endpoint takes.
var everyGrantType = []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
	"urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer"}

func TestAnIDSaysWhatKindOfApplicationItIs(t *testing.T) {
	n := open(t, sqlite(t), nil)
	for kind, prefix := range map[model.ApplicationKind]string{model.KindWeb: "app_", model.KindSPA: "app_", model.KindNative: "app_",
		model.KindService: "svc_", model.KindAgent: "agt_"} {
		a := good()
		a.Kind, a.OwnerID = kind, "idn_1"
		made, err := n.Create(t.Context(), n.site, a)
		check(t, err)
		if !strings.HasPrefix(string(made.Application.ID), prefix) {
			t.Errorf("%s: %s", kind, made.Application.ID)
		}
	}
}

// Nobody can read a secret again, not even from the database file.
//
// Requirement: client-auth-secret-hashed
func TestASecretIsKeptAsADigestOnly(t *testing.T) {
	url := sqlite(t)
	n := open(t, url, nil)
	made, err := n.Create(t.Context(), n.site, good())
	check(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(made.Secret)
	if err != nil || len(raw) != 32 {
		t.Fatalf("secret of %d bytes, %v; want 256 random bits", len(raw), err)
	}
	got, err := n.Get(t.Context(), n.site, made.Application.ID)
	check(t, err)
	digest := sha256.Sum256([]byte(made.Secret))
	if len(got.Secrets) != 1 || !bytes.Equal(got.Secrets[0].Digest, digest[:]) {
		t.Error("want the digest of the secret in the application")
	}
	files, err := filepath.Glob(url + "*")
	check(t, err)
	var all []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		check(t, err)
		all = append(all, text...)
	}
	if !bytes.Contains(all, digest[:]) {
		t.Fatal("the digest is not in these files: this test shows nothing")
	}
	if bytes.Contains(all, []byte(made.Secret)) || bytes.Contains(all, raw) {
		t.Error("the secret is in the database in the clear")
	}
	for _, method := range []model.ClientAuthMethod{model.AuthNone, model.AuthPrivateKeyJWT} {
		a := good()
		if a.AuthMethod = method; method == model.AuthPrivateKeyJWT {
			a.JWKS = set(publicKey(t, jose.ES256))
		}
		if made, err := n.Create(t.Context(), n.site, a); err != nil || made.Secret != "" || len(made.Application.Secrets) != 0 {
			t.Errorf("%s: a secret nobody asked for, %v", method, err)
		}
	}
}

func TestAnApplicationIsKnownInItsRealmOnly(t *testing.T) {
	n := open(t, sqlite(t), nil)
	made, err := n.Create(t.Context(), n.site, good())
	check(t, err)
	id := made.Application.ID
	tests := []struct {
		name string
		site *model.Site
		id   model.ClientID
		want error
	}{
		{"its realm", n.site, id, nil},
		{"another realm", n.other, id, model.ErrNotFound},
		{"its realm, by way of another", n.other, model.ClientID(string(n.site.Realm.ID) + "/" + string(id)), model.ErrNotFound},
		{"nobody", n.site, "svc_x", model.ErrNotFound},
		{"nothing", n.site, "", model.ErrNotFound},
		{"no text", n.site, "\xff", model.ErrNotFound},
		{"a zero", n.site, id + "\x00", model.ErrNotFound},
		{"a line break", n.site, id + "\n", model.ErrNotFound},
		{"far too long", n.site, model.ClientID(strings.Repeat("a", 10_000)), model.ErrNotFound},
	}
	for _, tt := range tests {
		if _, err := n.Get(t.Context(), tt.site, tt.id); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if list, err := n.List(t.Context(), n.other); err != nil || len(list) != 0 {
		t.Errorf("the other realm lists %d, %v", len(list), err)
	}
}

func TestEveryServerHearsThatAnApplicationWasStopped(t *testing.T) {
	url := sqlite(t)
	a, b := open(t, url, nil), open(t, url, nil)
	made, err := a.Create(t.Context(), a.site, good())
	check(t, err)
	id := made.Application.ID
	for _, n := range []*node{a, b} {
		_, err := n.Get(t.Context(), n.site, id)
		check(t, err)
	}
	check(t, b.SetStatus(t.Context(), b.site, id, model.ApplicationFrozen, "op"))
	if got, err := b.Get(t.Context(), b.site, id); err != nil || got.Status != model.ApplicationFrozen {
		t.Errorf("the one that did it: %+v, %v", got, err)
	}
	end := time.Now().Add(5 * time.Second)
	for {
		got, err := a.Get(t.Context(), a.site, id)
		check(t, err)
		if got.Status == model.ApplicationFrozen {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the other one has not heard of it in 5 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestWhileMemoryIsNotTrustedTheDatabaseIsAsked(t *testing.T) {
	var trusted atomic.Bool
	trusted.Store(true)
	n := open(t, sqlite(t), trusted.Load)
	made, err := n.Create(t.Context(), n.site, good())
	check(t, err)
	id := made.Application.ID
	_, err = n.Get(t.Context(), n.site, id)
	check(t, err)
	silent := made.Application
	silent.Name = "Changed" // by a server that this one does not hear
	check(t, n.store.UpdateApplication(t.Context(), silent, model.Effects{}))
	if got, err := n.Get(t.Context(), n.site, id); err != nil || got.Name != "Deployer" {
		t.Fatalf("got %+v, %v: this test shows nothing", got, err)
	}
	trusted.Store(false)
	if got, err := n.Get(t.Context(), n.site, id); err != nil || got.Name != "Changed" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestStoppingAnApplicationIsAuditedAndSurvivesAConcurrentChange(t *testing.T) {
	n := open(t, sqlite(t), nil)
	ctx := t.Context()
	made, err := n.Create(ctx, n.site, good())
	check(t, err)
	id := made.Application.ID
	var wg sync.WaitGroup
	for range 4 { // each other's conflict
		wg.Go(func() {
			if _, err := n.RevokeTokens(ctx, n.site, id, "idn_admin"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	before := time.Now().UnixMilli()
	for _, s := range []model.ApplicationStatus{model.ApplicationFrozen, model.ApplicationFrozen, model.ApplicationDisabled, model.ApplicationActive} {
		check(t, n.SetStatus(ctx, n.site, id, s, "idn_admin"))
	}
	got, err := n.Get(ctx, n.site, id)
	check(t, err)
	if got.Status != model.ApplicationActive || int64(got.TokensInvalidBefore) < before || len(got.Secrets) != 1 {
		t.Errorf("active again, and what was dead must stay dead: %+v", got.Application)
	}
	events, err := n.store.Events(ctx, n.site.Realm.ID, "", 100)
	check(t, err)
	count := map[string]int{}
	for _, e := range events {
		if e.Target == string(id) {
			count[e.Type+" "+e.Actor]++
		}
	}
	for event, want := range map[string]int{"application.created operator": 1, "application.tokens_revoked idn_admin": 4,
		"application.frozen idn_admin": 1, "application.disabled idn_admin": 1, "application.active idn_admin": 1} {
		if count[event] != want {
			t.Errorf("%s: %d times, want %d", event, count[event], want)
		}
	}
	if err := n.SetStatus(ctx, n.site, id, "paused", "x"); !errors.Is(err, application.ErrInvalid) {
		t.Errorf("unknown status: %v", err)
	}
	if err := n.SetStatus(ctx, n.other, id, model.ApplicationFrozen, "x"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("by way of another realm: %v", err)
	}
}

func TestARetiredKeyAndAnUnnamedOneOfTwoAreNotUsed(t *testing.T) {
	n := open(t, sqlite(t), nil)
	a := good()
	a.AuthMethod = model.AuthPrivateKeyJWT
	a.JWKS = set(publicKey(t, jose.ES256), publicKey(t, jose.EdDSA))
	made, err := n.Create(t.Context(), n.site, a)
	check(t, err)
	keys := made.Application.Keys
	one, two := string(keys[0].KID), string(keys[1].KID)
	keys[0].Status, keys[0].RetireAt = model.KeyRetiring, 1000
	c, err := model.NewClient(made.Application)
	check(t, err)
	for _, tt := range []struct {
		kid  string
		now  model.Millis
		want bool
	}{{one, 999, true}, {one, 1000, false}, {two, 1000, true}, {"", 999, false}, {"x", 999, false}} {
		if got := c.Key(tt.kid, tt.now) != nil; got != tt.want {
			t.Errorf("key %q at %d: %v, want %v", tt.kid, tt.now, got, tt.want)
		}
	}
}
