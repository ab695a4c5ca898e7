package application_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/keyset"
)

// A press publishes documents on loopback, and counts who reads them.
type press struct {
	*httptest.Server
	reads atomic.Int64
	mu    sync.Mutex
	pages map[string]http.HandlerFunc // by path
}

func newPress(t *testing.T) *press {
	t.Helper()
	p := &press{pages: map[string]http.HandlerFunc{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.reads.Add(1)
		p.mu.Lock()
		page := p.pages[r.URL.Path]
		p.mu.Unlock()
		if page == nil {
			http.NotFound(w, r)
			return
		}
		page(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *press) print(path string, page http.HandlerFunc) model.ClientID {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = page
	return model.ClientID(p.URL + path)
}

// metadata are members of a document; a nil value takes one away.
type metadata map[string]any

// document is one that nothing is wrong with, except for what changes say.
func (p *press) document(path string, changes ...metadata) []byte {
	m := metadata{"client_id": p.URL + path, "client_name": "Editor", "redirect_uris": []string{"http://127.0.0.1/callback"},
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "none"}
	for _, c := range changes {
		maps.Copy(m, c)
	}
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

func (p *press) publish(path string, changes ...metadata) model.ClientID {
	return p.print(path, answer(p.document(path, changes...), "application/json", ""))
}

func answer(body []byte, media, control string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		if control != "" {
			w.Header().Set("Cache-Control", control)
		}
		_, _ = w.Write(body)
	}
}

// A reader is a server that takes documents, with a clock that is moved by hand.
type reader struct {
	*node
	t     *testing.T
	clock *atomic.Int64 // milliseconds
}

func newReader(t *testing.T, url string) *reader {
	t.Helper()
	r := &reader{t: t, clock: &atomic.Int64{}}
	r.clock.Store(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).UnixMilli())
	now := func() time.Time { return time.UnixMilli(r.clock.Load()) }
	out := fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}, Now: now})
	r.node = openWith(t, url, application.Config{Now: now, Fetch: out, KeySets: keyset.New(keyset.Config{Fetch: out, Now: now})})
	r.site = with(r.site, model.DocumentPolicy{Enabled: true})
	return r
}

func with(site *model.Site, p model.DocumentPolicy) *model.Site {
	s := *site
	s.Realm.Policy.CIMD = p
	return &s
}

func (r *reader) pass(d time.Duration) { r.clock.Add(d.Milliseconds()) }

func (r *reader) get(id model.ClientID) *model.Client {
	r.t.Helper()
	c, err := r.Get(r.t.Context(), r.site, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *reader) unknown(name string, id model.ClientID) {
	r.t.Helper()
	if c, err := r.Get(r.t.Context(), r.site, id); !errors.Is(err, model.ErrNotFound) {
		r.t.Errorf("%s: got %+v, %v, want an unknown client", name, c, err)
	}
}

// rows are the ids of the applications that the database has.
func (r *reader) rows() []string {
	r.t.Helper()
	list, err := r.List(r.t.Context(), r.site)
	check(r.t, err)
	var found []string
	for _, a := range list {
		found = append(found, string(a.ID))
	}
	return found
}

// Requirement: cimd-works
func TestAClientIsWhatTheDocumentAtItsIDSays(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client.json", metadata{"client_uri": "https://editor.example/", "logo_uri": "javascript:alert(1)", "tos_uri": "",
		"policy_uri": "http://editor.example/", "scope": "admin", "contacts": []string{"a@editor.example"}, "first_party": true, "made_up": 1})
	got := r.get(id)
	want := model.ApplicationSettings{Profile: model.ProfileMCP, Origin: model.OriginDocument, AuthMethod: model.AuthNone,
		GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{}, AnyScope: true, TokenAlg: "ES256", Refresh: model.RefreshRotate, IDTokenAlg: "RS256",
		RedirectURIs: []string{"http://127.0.0.1/callback"}, ClientURI: "https://editor.example/", Contacts: []string{"a@editor.example"}}
	if text(t, got.Settings) != text(t, want) {
		t.Errorf("settings:\n got %s\nwant %s", text(t, got.Settings), text(t, want))
	}
	if got.ID != id || got.Name != "Editor" || got.Kind != model.KindNative || got.Status != model.ApplicationActive || got.OwnerID != "" ||
		len(got.Secrets) != 0 || got.RealmID != r.site.Realm.ID {
		t.Errorf("got %+v", got.Application)
	}
	if rows := r.rows(); !slices.Equal(rows, []string{string(id)}) {
		t.Errorf("the database has %q", rows)
	}
	for range 5 {
		r.get(id)
	}
	if n := p.reads.Load(); n != 1 {
		t.Errorf("the document was read %d times", n)
	}
	events, err := r.store.Events(t.Context(), r.site.Realm.ID, "", 100)
	check(t, err)
	own := slices.DeleteFunc(events, func(e model.Event) bool { return e.Target != string(id) })
	if len(own) != 0 {
		t.Errorf("the audit trail has what anybody can bring about: %+v", own)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	return string(b)
}

func TestADocumentMayLeaveMuchOut(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	bare := metadata{"client_name": nil, "grant_types": nil, "response_types": nil, "token_endpoint_auth_method": nil,
		"redirect_uris": []string{"https://editor.example/callback"}}
	got := r.get(p.publish("/bare", bare))
	if got.Name != "127.0.0.1" || got.Kind != model.KindSPA || got.Settings.AuthMethod != model.AuthNone ||
		!slices.Equal(got.Settings.GrantTypes, []string{"authorization_code"}) {
		t.Errorf("got %+v", got.Application)
	}
	confidential := r.get(p.publish("/keyed", metadata{"token_endpoint_auth_method": "private_key_jwt", "application_type": "web",
		"jwks_uri": "https://editor.example/keys", "grant_types": []string{"authorization_code", "client_credentials", "made_up"}})).Application
	if s := confidential.Settings; s.OptionalPKCE || s.AssertionAlgs != nil || s.Profile != model.ProfileMCP ||
		!slices.Equal(s.GrantTypes, []string{"authorization_code"}) || confidential.Kind != model.KindNative {
		t.Errorf("got %+v", confidential)
	}
	media := "application/vnd.client+json; charset=utf-8"
	r.get(p.print("/typed", answer(p.document("/typed"), media, "")))
}

// Requirement: cimd-url-form
func TestOnlyPlainURLsWithAPathAreClientIDs(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	host := strings.TrimPrefix(p.URL, "http://")
	everything := func(w http.ResponseWriter, req *http.Request) {
		answer(p.document("", metadata{"client_id": "http://" + req.Host + req.URL.RequestURI()}), "application/json", "")(w, req)
	}
	for _, path := range []string{"/", "/c", "/a/../c", "/a/./c", "/..", "/a/%2e%2e/c", "/%2E/c"} {
		p.print(path, everything)
	}
	for _, id := range []string{
		"http://" + host, "http://" + host + "?q", "http://" + host + "/c#f", "http://" + host + "/c#",
		"http://user@" + host + "/c", "http://user:word@" + host + "/c", "http://@" + host + "/c",
		"http://" + host + "/a/../c", "http://" + host + "/a/./c", "http://" + host + "/..", "http://" + host + "/a/%2e%2e/c", "http://" + host + "/%2E/c",
		"HTTP://" + host + "/c", "Http://" + host + "/c", "http:/" + host + "/c", "http:" + host + "/c", "http:///c", "//" + host + "/c", host + "/c",
		"http://" + host + "/c ", "http://" + host + "/c?a b", "http://" + host + `/c?"`, "http://" + host + `\c`, "http://" + host + "/c\x00",
		"http://" + host + ":1/c", "http://[::1/c", "http://localhost/c", "https://localhost/c", "http://editor.example/c", "ftp://" + host + "/c",
		"javascript://" + host + "/c", "http://" + host + "/" + strings.Repeat("a", 512),
	} {
		r.unknown(id, model.ClientID(id))
	}
	if n := p.reads.Load(); n != 0 {
		t.Errorf("%d of them were read", n)
	}
	for _, path := range []string{"/c", "/", "/c?v=2"} {
		r.get(model.ClientID(p.URL + path))
	}
}

// Requirement: cimd-client-id-equal, cimd-no-secret
func TestADocumentThatContradictsItselfIsNoClient(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	ec := json.RawMessage(publicKey(t, jose.ES256))
	private, err := jose.Generate(jose.ES256)
	check(t, err)
	secret, err := private.MarshalPrivate()
	check(t, err)
	jwks := func(keys ...json.RawMessage) metadata {
		return metadata{"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": keys}}
	}
	uris := func(list ...string) metadata { return metadata{"redirect_uris": list} }
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprint("https://a.example/", i)
	}
	for name, change := range map[string]metadata{
		"no client_id":              {"client_id": nil},
		"another client_id":         {"client_id": p.URL + "/other"},
		"nearly the same client_id": {"client_id": p.URL + "/nearly%20the%20same%20client_id/"},
		"client_id in capitals":     {"client_id": strings.ToUpper(p.URL) + "/client_id%20in%20capitals"},
		"client_id that is no text": {"client_id": 1},
		"a secret":                  {"client_secret": "s"},
		"a null secret":             {"client_secret": json.RawMessage("null")},
		"an end of a secret":        {"client_secret_expires_at": 0},
		"secret by header":          {"token_endpoint_auth_method": "client_secret_basic"},
		"secret by form":            {"token_endpoint_auth_method": "client_secret_post"},
		"secret by signature":       {"token_endpoint_auth_method": "client_secret_jwt"},
		"certificate":               {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=x"},
		"unknown method":            {"token_endpoint_auth_method": "attest"},
		"keys that are missing":     {"token_endpoint_auth_method": "private_key_jwt"},
		"keys in two places":        {"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{ec}}, "jwks_uri": "https://a.example/k"},
		"keys at a plain place":     {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://a.example/k"},
		"keys at no place":          {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "data:,{}"},
		"a private key":             jwks(secret),
		"a private key beside":      jwks(ec, secret),
		"a symmetric key":           jwks(json.RawMessage(`{"kty":"oct","k":"c2VjcmV0","kid":"a"}`)),
		"no key":                    jwks(),
		"the same key twice":        jwks(ec, ec),
		"keys that are none":        {"token_endpoint_auth_method": "private_key_jwt", "jwks": 1},
		"no redirect URI":           {"redirect_uris": nil},
		"an empty list of them":     uris(),
		"too many of them":          uris(many...),
		"a relative one":            uris("/callback"),
		"one with a fragment":       uris("https://a.example/#x"),
		"one with no fragment":      uris("https://a.example/#"),
		"a plain one":               uris("http://a.example/"),
		"one good and one plain":    uris("https://a.example/", "http://a.example/"),
		"a script":                  uris("javascript:alert(1)"),
		"data":                      uris("data:text/html,x"),
		"a file":                    uris("file:///etc/passwd"),
		"one with a user":           uris("https://u@a.example/"),
		"one without a host":        uris("https:///x"),
		"an empty one":              uris(""),
		"one that is no URI":        uris("https://a b/"),
		"one that is no list":       {"redirect_uris": "https://a.example/"},
		"another flow":              {"grant_types": []string{"client_credentials"}},
		"no flow":                   {"grant_types": []string{}},
		"the implicit flow":         {"response_types": []string{"token"}},
		"a name with a line break":  {"client_name": "a\nb"},
		"a long name":               {"client_name": strings.Repeat("x", 201)},
		"a name that is a number":   {"client_name": 7},
	} {
		path := "/" + strings.ReplaceAll(name, " ", "%20")
		p.print("/"+name, answer(p.document(path, change), "application/json", ""))
		r.unknown(name, model.ClientID(p.URL+path))
		r.pass(2 * time.Second) // fewer at once than a host may have
	}
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "<html>", "no object": `["a"]`, "null": "null", "a member twice": `{"client_id":"` + p.URL + `/x","client_id":"x"}`,
		"more than one": string(p.document("/more%20than%20one")) + "{}",
		"other case":    strings.ReplaceAll(string(p.document("/other%20case")), `"client_id"`, `"Client_ID"`),
		"hidden secret": strings.Replace(string(p.document("/hidden%20secret")), "{", `{"client_secre\u0074":"s",`, 1),
	} {
		id := p.print("/"+name, answer([]byte(body), "application/json", ""))
		r.unknown(name, model.ClientID(strings.ReplaceAll(string(id), " ", "%20")))
		r.pass(2 * time.Second)
	}
	sector := p.print("/sector", answer([]byte(`["https://editor.example/callback"]`), "application/json", ""))
	joined := metadata{"subject_type": "pairwise", "sector_identifier_uri": string(sector)}
	r.unknown("another's sector", p.publish("/sector-of-another", joined))
	if rows := r.rows(); len(rows) != 0 {
		t.Errorf("the database has %q", rows)
	}
	r.get(p.publish("/good")) // none of this was because of something else
}

// Requirement: cimd-limits
func TestADocumentThatIsNotToBeHadIsNoClient(t *testing.T) {
	t.Parallel()
	p, r := newPress(t), newReader(t, sqlite(t))
	padded := func(path string, size int) []byte {
		body := p.document(path, metadata{"padding": ""})
		return []byte(strings.Replace(string(body), `"padding":""`, `"padding":"`+strings.Repeat("x", size-len(body))+`"`, 1))
	}
	good := p.document("/moved")
	for name, page := range map[string]http.HandlerFunc{
		"/large":  answer(padded("/large", 5<<10+1), "application/json", ""),
		"/moved":  func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/to", http.StatusFound) },
		"/html":   answer(p.document("/html"), "text/html", ""),
		"/untold": answer(p.document("/untold"), "", ""),
		"/made": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write(p.document("/made"))
		},
		"/broken": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(p.document("/broken"))
		},
	} {
		r.unknown(name, p.print(name, page))
	}
	p.print("/to", answer(good, "application/json", ""))
	r.unknown("nobody", model.ClientID(p.URL+"/nobody"))
	r.get(p.print("/full", answer(padded("/full", 5<<10), "application/json", "")))

	slow := p.print("/slow", func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-time.After(15 * time.Second):
			answer(p.document("/slow"), "application/json", "")(w, req)
		}
	})
	start := time.Now()
	r.unknown("slow", slow)
	if d := time.Since(start); d < 4*time.Second || d > 8*time.Second {
		t.Errorf("it was waited for %v, want 5 s", d)
	}
	if rows := r.rows(); len(rows) != 1 {
		t.Errorf("the database has %q", rows)
	}
}

// Requirement: cimd-cached
func TestADocumentIsReadAgainWhenItsLifeIsOver(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	for control, life := range map[string]time.Duration{"": 5 * time.Minute, "max-age=600": 10 * time.Minute, "no-store": time.Minute,
		"max-age=1": time.Minute, "max-age=31536000": 24 * time.Hour} {
		path := "/" + strings.ReplaceAll(control, "=", "-")
		id := p.print(path, answer(p.document(path), "application/json", control))
		r.get(id)
		before := p.reads.Load()
		r.pass(life - time.Millisecond)
		r.get(id)
		if n := p.reads.Load() - before; n != 0 {
			t.Errorf("%q: read again before its life was over", control)
		}
		r.pass(time.Millisecond)
		r.get(id)
		r.get(id)
		if n := p.reads.Load() - before; n != 1 {
			t.Errorf("%q: read %d times when its life was over, want once", control, n)
		}
	}
}

// Requirement: cimd-cached
func TestAFailureIsNotKeptInPlaceOfADocument(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	fail := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=86400")
			w.WriteHeader(status)
		}
	}
	for _, status := range []int{404, 503} {
		path := fmt.Sprint("/late", status)
		id := p.print(path, fail(status))
		r.unknown("not published yet", id)
		reads := p.reads.Load()
		p.publish(path)
		r.pass(10*time.Second - time.Millisecond)
		r.unknown("a moment ago it was not", id)
		if p.reads.Load() != reads {
			t.Error("who was not there a moment ago is asked on each request")
		}
		r.pass(time.Millisecond)
		r.get(id)
	}
}

func TestAKnownClientOutlivesAnOutageAndNotItsDocument(t *testing.T) {
	p, url := newPress(t), sqlite(t)
	r := newReader(t, url)
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	id := p.publish("/client")
	r.get(id)
	p.print("/client", broken)
	r.pass(5 * time.Minute)
	reads := p.reads.Load()
	r.get(id)
	r.get(id)
	if n := p.reads.Load() - reads; n != 1 {
		t.Errorf("it was asked %d times, want once in ten seconds", n)
	}
	other := newReader(t, url) // a server that starts during the outage
	other.get(id)
	r.pass(24*time.Hour - time.Second)
	r.get(id)
	r.pass(11 * time.Second)
	r.unknown("after a day without a document", id)

	p.publish("/client")
	r.pass(10 * time.Second)
	r.get(id)
	p.print("/client", nil) // withdrawn
	r.pass(5 * time.Minute)
	r.unknown("withdrawn", id)
	p.print("/client", broken) // and that it breaks does not bring it back
	r.pass(10 * time.Second)
	r.unknown("withdrawn, then broken", id)
	p.publish("/client", metadata{"client_id": "https://somebody.else/"})
	r.pass(10 * time.Second)
	r.unknown("of somebody else", id)
	p.publish("/client")
	r.pass(10 * time.Second)
	r.get(id)
}

// Requirement: cimd-policy
func TestTheRealmSaysWhoseDocumentsItTakes(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	for _, tt := range []struct {
		name   string
		policy model.RealmPolicy
		want   bool
	}{
		{"off by default", model.RealmPolicy{}, false},
		{"off, with an allowed host", model.RealmPolicy{CIMD: model.DocumentPolicy{Allow: []string{"127.0.0.1"}}}, false},
		{"another host alone", model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true, Allow: []string{"*.editor.example"}}}, false},
		{"denied", model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true, Deny: []string{"127.0.0.1"}}}, false},
		{"allowed and denied", model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true, Allow: []string{"127.0.0.1"}, Deny: []string{"127.0.0.1"}}}, false},
		{"on", model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true}}, true},
		{"allowed", model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true, Allow: []string{"127.0.0.1"}}}, true},
		{"for development", model.RealmPolicy{Development: true}, true},
		{"denied after it was known", model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true, Deny: []string{"127.0.0.1"}}}, false},
		{"off after it was known", model.RealmPolicy{}, false},
	} {
		site := *r.site
		site.Realm.Policy = tt.policy
		before := p.reads.Load()
		_, err := r.Get(t.Context(), &site, id)
		if (err == nil) != tt.want || err != nil && !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: %v, want taken %v", tt.name, err, tt.want)
		}
		if !tt.want && p.reads.Load() != before {
			t.Errorf("%s: the document was read", tt.name)
		}
	}
}

// Requirement: cimd-works, limits-discovery
func TestStrangersCannotFillARealmWithDocuments(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	for i := range 150 { // what is not kept does not count
		r.unknown("nobody", model.ClientID(fmt.Sprint(p.URL, "/nobody", i)))
		r.pass(2 * time.Second) // fewer at once than a host may have
	}
	var known []model.ClientID
	for {
		id := p.publish(fmt.Sprint("/client", len(known)))
		if _, err := r.Get(t.Context(), r.site, id); errors.Is(err, model.ErrNotFound) {
			break
		}
		if known = append(known, id); len(known) == 400 {
			t.Fatal("there is no end to them")
		}
		r.pass(2 * time.Second)
	}
	if len(known) < 100 {
		t.Errorf("only %d were taken", len(known))
	}
	r.get(known[0]) // is read again: its life is over by now
	r.pass(20 * time.Second)
	r.get(p.publish("/later"))
	events, err := r.store.Events(t.Context(), r.site.Realm.ID, "", 1000)
	check(t, err)
	if n := len(slices.DeleteFunc(events, func(e model.Event) bool { return !strings.HasPrefix(e.Target, p.URL) })); n != 0 {
		t.Errorf("the audit trail has %d events that strangers brought about", n)
	}
}

// Requirement: cimd-works, limits-discovery
func TestChangesOfDocumentsAreNotedAsOftenAsSomebodyMayReadIt(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	var all []string
	for i := range 70 {
		path := fmt.Sprint("/client", i)
		r.get(p.publish(path))
		r.pass(2 * time.Second) // fewer at once than a host may have
		all = append(all, path)
	}
	r.pass(5 * time.Minute)
	for _, path := range all {
		if got := r.get(p.publish(path, metadata{"client_name": "Changed"})); got.Name != "Changed" {
			t.Fatalf("%s is still %q", path, got.Name)
		}
	}
	events, err := r.store.Events(t.Context(), r.site.Realm.ID, "", 1000)
	check(t, err)
	if n := len(slices.DeleteFunc(events, func(e model.Event) bool { return e.Type != "application.updated" })); n != 60 {
		t.Errorf("%d changes are noted, want the first 60", n)
	}
}

// Requirement: cimd-works, limits-discovery
func TestWhoHasShownNothingMakesNobodyFetch(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	known := func() error { _, err := r.Known(t.Context(), r.site, id); return err }
	if err := known(); !errors.Is(err, model.ErrNotFound) || p.reads.Load() != 0 {
		t.Errorf("%v, read %d times", err, p.reads.Load())
	}
	r.get(id)
	r.pass(time.Hour)
	if err := known(); err != nil || p.reads.Load() != 1 {
		t.Errorf("%v, read %d times", err, p.reads.Load())
	}
	r.site = with(r.site, model.DocumentPolicy{Enabled: true, Deny: []string{"127.0.0.1"}})
	if err := known(); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a document that the realm takes no more: %v", err)
	}
	own, err := r.Create(t.Context(), r.site, good())
	check(t, err)
	if _, err := r.Known(t.Context(), r.site, own.Application.ID); err != nil {
		t.Error(err)
	}
}
