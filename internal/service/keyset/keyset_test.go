package keyset_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/service/keyset"
)

// A publisher serves a key set that can be changed, on loopback.
type publisher struct {
	*httptest.Server
	fetches atomic.Int64
	mu      sync.Mutex
	body    string
	status  int
	control string
	hold    chan struct{} // nil: answer at once
}

func publish(t *testing.T, keys ...string) *publisher {
	t.Helper()
	p := &publisher{status: http.StatusOK}
	p.set(keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		p.mu.Lock()
		body, status, control, hold := p.body, p.status, p.control, p.hold
		p.mu.Unlock()
		if hold != nil {
			<-hold
		}
		w.Header().Set("Cache-Control", control)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) change(f func()) { p.mu.Lock(); defer p.mu.Unlock(); f() }

func (p *publisher) set(keys ...string) {
	p.change(func() { p.body = `{"keys":[` + strings.Join(keys, ",") + `]}` })
}

// A world is Sets with a clock that is moved by hand.
type world struct {
	*keyset.Sets
	t   *testing.T
	now atomic.Int64 // nanoseconds
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	w.now.Store(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).UnixNano())
	clock := func() time.Time { return time.Unix(0, w.now.Load()) }
	w.Sets = keyset.New(keyset.Config{Now: clock, Fetch: fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}, Now: clock})})
	return w
}

func (w *world) pass(d time.Duration) { w.now.Add(int64(d)) }

func (w *world) find(url, kid string) *jose.PublicKey {
	w.t.Helper()
	k, err := w.Find(w.t.Context(), url, kid, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// want checks whether a key is found, and how many fetches there were by then.
func (w *world) want(p *publisher, kid string, found bool, fetches int64) {
	w.t.Helper()
	if got := w.find(p.URL, kid) != nil; got != found {
		w.t.Errorf("key %q: found %v, want %v", kid, got, found)
	}
	if got := p.fetches.Load(); got != fetches {
		w.t.Errorf("key %q: %d fetches, want %d", kid, got, fetches)
	}
}

// key is a public JWK with an id, without use and alg, and with more members.
func key(t *testing.T, alg jose.Alg, kid string, more ...string) string {
	t.Helper()
	k, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(k.Public().JSON(), &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "use")
	delete(members, "alg")
	members["kid"] = kid
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "}") + strings.Join(more, "") + "}"
}

// Requirement: keys-client-refetch
func TestASetIsFetchedForAnUnknownKeyAndNotForEachRequest(t *testing.T) {
	w, p := newWorld(t), publish(t, key(t, jose.ES256, "a"))
	for range 10 {
		w.want(p, "a", true, 1)
	}
	p.set(key(t, jose.ES256, "b"))
	w.want(p, "a", true, 1) // nobody has heard of it
	w.want(p, "b", true, 2) // the first unknown key fetches at once
	for _, kid := range []string{"a", "x", "y", ""} {
		w.want(p, kid, kid == "", 2) // the next one waits
	}
	w.pass(30*time.Second - 1)
	w.want(p, "x", false, 2)
	w.want(p, "b", true, 2)
	w.pass(1)
	w.want(p, "x", false, 3)
	w.want(p, "y", false, 3)
}

// Requirement: keys-client-refetch
func TestASetIsFetchedAgainWhenItsLifeIsOverWithinBounds(t *testing.T) {
	for control, life := range map[string]time.Duration{"": 5 * time.Minute, "max-age=1": 5 * time.Minute, "no-store": 5 * time.Minute,
		"max-age=3600": time.Hour, "max-age=31536000": 24 * time.Hour} {
		w, p := newWorld(t), publish(t, key(t, jose.ES256, "a"))
		p.control = control
		w.want(p, "a", true, 1)
		w.pass(life - 1)
		w.want(p, "a", true, 1)
		p.set(key(t, jose.ES256, "b"))
		w.pass(1)
		w.want(p, "a", false, 2) // withdrawn keys are gone, too
		w.want(p, "b", true, 2)
	}
}

func TestTheLastGoodSetStaysForADayWhenItsPublisherIsLost(t *testing.T) {
	a := key(t, jose.ES256, "a")
	private, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := private.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 65)
	for i := range many {
		many[i] = key(t, jose.EdDSA, fmt.Sprint("k", i))
	}
	for name, lose := range map[string]func(*publisher){
		"an error":        func(p *publisher) { p.change(func() { p.status = 503 }) },
		"a redirect":      func(p *publisher) { p.change(func() { p.status = 302 }) },
		"no JSON":         func(p *publisher) { p.change(func() { p.body = "<html>" }) },
		"too large":       func(p *publisher) { p.set(a, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`) },
		"too many":        func(p *publisher) { p.set(many...) },
		"a private key":   func(p *publisher) { p.set(a, string(secret)) },
		"a symmetric key": func(p *publisher) { p.set(a, `{"kty":"oct","k":"c2VjcmV0","kid":"s"}`) },
		"nobody there":    func(p *publisher) { p.Close() },
	} {
		w, p := newWorld(t), publish(t, a)
		w.want(p, "a", true, 1)
		lose(p)
		w.pass(5 * time.Minute)
		if w.find(p.URL, "a") == nil {
			t.Errorf("%s: the last good set is gone", name)
		}
		tried := p.fetches.Load()
		w.find(p.URL, "a")
		w.find(p.URL, "x")
		if now := p.fetches.Load(); now != tried {
			t.Errorf("%s: it was tried again at once", name)
		}
		w.pass(24*time.Hour - 5*time.Minute)
		if w.find(p.URL, "a") == nil {
			t.Errorf("%s: it is gone after less than a day", name)
		}
		w.pass(1)
		if w.find(p.URL, "a") != nil {
			t.Errorf("%s: it is still used after a day", name)
		}
	}
}

func TestAFailedFetchIsTriedAgainAfterAPause(t *testing.T) {
	w, p := newWorld(t), publish(t, key(t, jose.ES256, "a"))
	p.status = 500
	w.want(p, "a", false, 1)
	w.want(p, "a", false, 1)
	p.change(func() { p.status = 200 })
	w.pass(30*time.Second - 1)
	w.want(p, "a", false, 1)
	w.pass(1)
	w.want(p, "a", true, 2)
	// A clock that is set back makes nobody wait longer.
	q := publish(t, key(t, jose.ES256, "a"))
	q.status = 500
	w.want(q, "a", false, 1)
	q.change(func() { q.status = 200 })
	w.pass(-time.Hour)
	w.want(q, "a", true, 2)
}

// Requirement: keys-client-refetch
func TestManyWhoAskAtOnceShareOneFetch(t *testing.T) {
	w, p := newWorld(t), publish(t, key(t, jose.ES256, "a"))
	p.hold = make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := w.Find(gone, p.URL, "a", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
	})
	for p.fetches.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	var found atomic.Int64
	for range 16 {
		wg.Go(func() {
			if w.find(p.URL, "a") != nil {
				found.Add(1)
			}
		})
	}
	leave() // the others' fetch goes on
	time.Sleep(20 * time.Millisecond)
	close(p.hold)
	wg.Wait()
	if found.Load() != 16 || p.fetches.Load() != 1 {
		t.Errorf("%d of 16 found it with %d fetches, want 1", found.Load(), p.fetches.Load())
	}
}

func TestOnlyKeysForSignaturesAreFound(t *testing.T) {
	w := newWorld(t)
	p := publish(t,
		key(t, jose.ES256, "enc", `,"use":"enc"`), key(t, jose.ES256, "ops", `,"key_ops":["encrypt"]`),
		key(t, jose.ES256, "sig", `,"use":"sig"`), key(t, jose.ES256, "odd", `,"alg":"ES512"`),
		`{"kty":"EC","crv":"P-521","x":"AA","y":"AA","kid":"curve"}`, `{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"weak"}`,
		`{"kty":"XYZ","kid":"kind"}`, key(t, jose.RS256, "rsa"), key(t, jose.RS256, "ps", `,"alg":"PS256"`))
	for kid, want := range map[string]bool{"sig": true, "rsa": true, "ps": true, "enc": false, "ops": false, "odd": false, "curve": false,
		"weak": false, "kind": false, "": false} {
		if got := w.find(p.URL, kid) != nil; got != want {
			t.Errorf("%q: found %v, want %v", kid, got, want)
		}
	}
	for _, tt := range []struct {
		kid, alg string
		want     jose.Alg // empty: no key
	}{
		{"rsa", "", jose.RS256}, {"rsa", "RS256", jose.RS256}, {"rsa", "PS256", jose.PS256}, {"rsa", "ES256", ""}, {"rsa", "none", ""},
		{"ps", "", jose.PS256}, {"ps", "RS256", ""}, {"ps", "PS256", jose.PS256}, {"sig", "ES256", jose.ES256}, {"sig", "HS256", ""},
		{"", "ES256", jose.ES256}, {"", "PS256", ""},
	} {
		got, err := w.Find(t.Context(), p.URL, tt.kid, tt.alg)
		if err != nil || (got == nil) != (tt.want == "") || got != nil && got.Alg() != tt.want {
			t.Errorf("%q for %q: got %v, %v, want %q", tt.kid, tt.alg, got, err, tt.want)
		}
	}
	one := publish(t, key(t, jose.ES256, "only"))
	if k := w.find(one.URL, ""); k == nil || k.KID() != "only" {
		t.Errorf("the only key is not found without its name: %v", k)
	}
}

func TestSetsOfDifferentPlacesAreApart(t *testing.T) {
	w, p, q := newWorld(t), publish(t, key(t, jose.ES256, "a")), publish(t, key(t, jose.ES256, "b"))
	w.want(p, "a", true, 1)
	w.want(q, "a", false, 1)
	w.want(q, "b", true, 1)
	w.want(p, "b", false, 2)
	if k := w.find("http://127.0.0.2/", "a"); k != nil {
		t.Errorf("a key from a place that may not be fetched: %v", k)
	}
}
