package assent_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/sdk/assent"
)

// A street is all that a Transport could send something to. It answers 200, unless
// told otherwise.
type street struct {
	*issuer
	*assent.Transport
	mu     sync.Mutex
	wanted []string // resources of the tokens that were asked for
	seen   []string // URLs, and what tokens were for
	answer func(w http.ResponseWriter, r *http.Request)
}

func newStreet(t *testing.T, resource ...string) *street {
	t.Helper()
	s := &street{issuer: newIssuer(t), answer: func(http.ResponseWriter, *http.Request) {}}
	s.away = func(r *http.Request) error {
		if r.URL.Path != "/oauth/token" {
			return nil
		}
		if err := r.ParseForm(); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.PostForm.Get("grant_type") == "client_credentials" {
			s.wanted = append(s.wanted, strings.Join(r.PostForm["resource"], " "))
		}
		return nil
	}
	s.own = func(w http.ResponseWriter, n int) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		reply(w, 200, map[string]any{"access_token": s.wanted[n-1], "token_type": "Bearer", "expires_in": 300})
		return true
	}
	s.Transport = &assent.Transport{Client: s.client(t), Base: roundTripper(s.serve), Resource: resource, Person: "alex"}
	return s
}

func (s *street) serve(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.seen = append(s.seen, strings.TrimSpace(r.URL.String()+" "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	s.mu.Unlock()
	w := httptest.NewRecorder()
	s.answer(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// RoundTrip is that of the Transport.
func (s *street) RoundTrip(r *http.Request) (*http.Response, error) { return s.Transport.RoundTrip(r) }

// to is for which resource a token is sent to a URL; empty: for none.
func (s *street) to(t *testing.T, target string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	check(t, err)
	return s.sends(t, r)
}

func (s *street) sends(t *testing.T, r *http.Request) string {
	t.Helper()
	s.seen = nil
	resp, err := s.RoundTrip(r)
	check(t, err)
	check(t, resp.Body.Close())
	if len(s.seen) != 1 {
		t.Fatalf("%s: sent %q", r.URL, s.seen)
	}
	_, token, _ := strings.Cut(s.seen[0], " ")
	return token
}

// RFC 9700, Section 4.9.1.
//
// Requirement: client-transport-place
func TestATokenGoesToTheOriginOfItsResourceAlone(t *testing.T) {
	const other = "https://api.example:8443"
	s := newStreet(t, apiURI, other, "http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080")
	for target, want := range map[string]string{
		apiURI:                                  apiURI,
		apiURI + "/":                            apiURI,
		apiURI + "/orders/../x?y=z#w":           apiURI,
		"https://API.Example:443/orders":        apiURI,
		"https://api.example:/orders":           apiURI,
		other + "/orders":                       other,
		"http://127.0.0.1:8080/":                "http://127.0.0.1:8080",
		"http://LOCALHOST:80/":                  "http://localhost",
		"http://[::1]:8080/x":                   "http://[::1]:8080",
		"https://bank.example/":                 "",
		"https://api.example:444/":              "",
		"https://api.example:8080/":             "",
		"http://api.example/":                   "",
		"http://api.example:443/":               "",
		"https://api.example.evil.example/":     "",
		"https://www.api.example/":              "",
		"https://xapi.example/":                 "",
		"https://api.example./":                 "",
		"https://api.example@evil.example/":     "",
		"https://evil.example/https:/a.example": "",
		"https://127.0.0.1:8080/":               "",
		"http://127.0.0.1:8081/":                "",
		"http://127.0.0.2:8080/":                "",
		"https://localhost/":                    "",
		"https://\u212aapi.example/":            "",
	} {
		if got := s.to(t, target); got != want {
			t.Errorf("to %s goes the token for %q, want %q", target, got, want)
		}
	}
	// The Kelvin sign is no k, although it has one as its small letter.
	s = newStreet(t, "https://bank.example")
	if got := s.to(t, "https://ban\u212a.example/"); got != "" {
		t.Errorf("a name of other letters gets the token for %q", got)
	}
}

// RFC 3986, Sections 3.3 and 5.2.4.
//
// Requirement: client-transport-place
func TestATokenGoesToThePathOfItsResourceOrBelow(t *testing.T) {
	const v1, v1orders, notes = apiURI + "/v1", apiURI + "/v1/orders", apiURI + "/my%20notes/"
	s := newStreet(t, v1, v1orders, notes)
	for path, want := range map[string]string{
		"/v1":                  v1,
		"/v1/":                 v1,
		"/v1?x=/v2":            v1,
		"/v1/people":           v1,
		"/%76%31/people":       v1,
		"/v1/ordersx":          v1,
		"/v1/a%2Fb/c..d/.../.": v1,
		"/v1/orders":           v1orders,
		"/v1/orders/7":         v1orders,
		"/my%20notes":          notes,
		"/my%20notes/":         notes,
		"/%6dy%20notes/1":      notes,
		"":                     "",
		"/":                    "",
		"/v":                   "",
		"/v10":                 "",
		"/v2":                  "",
		"/V1":                  "",
		"//v1":                 "",
		"/x/v1":                "",
		"/v1%2Fpeople":         "",
		"/v1%3Fpeople":         "",
		"/v1;x/people":         "",
		"/v1/../v2":            "",
		"/v1/..":               "",
		"/v1/orders/../../v2":  "",
		"/v1/%2e%2e/v2":        "",
		"/v1/.%2E/v2":          "",
		"/v1/..%2fv2":          "",
		"/v1/a%2f..%2f..%2fv2": "",
		"/v1/..%5cv2":          "",
		"/v1/..;x=y/v2":        "",
		"/my+notes/":           "",
	} {
		if got := s.to(t, apiURI+path); got != want {
			t.Errorf("to %s goes the token for %q, want %q", path, got, want)
		}
	}
}

// Requirement: client-transport-place
func TestAnAPIMayBeElsewhereThanItsNameSays(t *testing.T) {
	const urn, client = "urn:example:orders", "svc_01jd3v"
	s := newStreet(t, urn, client, apiURI, dbURI)
	s.At = map[string]string{urn: "https://orders.example/api", client: "https://orders.example", apiURI: "http://localhost:8080"}
	for target, want := range map[string]string{
		"https://orders.example/api/1": urn,
		"https://orders.example/apis":  client,
		"http://localhost:8080/x":      apiURI,
		dbURI + "/x":                   dbURI,
		apiURI + "/x":                  "",
	} {
		if got := s.to(t, target); got != want {
			t.Errorf("to %s goes the token for %q, want %q", target, got, want)
		}
	}
	if diff := cmp.Diff([]string{apiURI, dbURI, client, urn}, slices.Sorted(slices.Values(s.wanted))); diff != "" {
		t.Errorf("one token for each: %s", diff)
	}
}

// Requirement: client-transport-place
func TestARequestInAnotherNameIsNotToTheAPI(t *testing.T) {
	s := newStreet(t, apiURI)
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		want   string
	}{
		{"as it should be", func(*http.Request) {}, apiURI},
		{"the name in other letters", func(r *http.Request) { r.Host = "API.example:443" }, apiURI},
		{"no name of its own", func(r *http.Request) { r.Host = "" }, apiURI},
		{"a Host header of somebody else", func(r *http.Request) { r.Host = "evil.example" }, ""},
		{"a Host header with another port", func(r *http.Request) { r.Host = "api.example:80" }, ""},
		{"an opaque URL", func(r *http.Request) { r.URL.Opaque = "//evil.example/" }, ""},
		{"a token of its own", func(r *http.Request) { r.Header.Set("Authorization", "Bearer mine") }, "mine"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, apiURI+"/x", nil)
		check(t, err)
		tt.change(r)
		if got := s.sends(t, r); got != tt.want {
			t.Errorf("%s: the token for %q, want %q", tt.name, got, tt.want)
		}
	}
	if len(s.wanted) != 1 {
		t.Errorf("asked for tokens for %q", s.wanted)
	}
	if _, err := s.RoundTrip(&http.Request{Header: http.Header{}, URL: &url.URL{}}); err != nil {
		t.Errorf("a request to nowhere is for others to refuse: %v", err)
	}
}

// Requirement: client-transport-place
func TestATransportThatCannotTellWhereItsAPIsAreSendsNothing(t *testing.T) {
	const urn = "urn:example:orders"
	for _, tt := range []struct {
		resource []string
		at       map[string]string
		want     string
	}{
		{nil, nil, "Resource is missing"},
		{nil, map[string]string{apiURI: apiURI}, "Resource is missing"},
		{[]string{""}, map[string]string{"": apiURI}, `At must say where the API of "" is`},
		{[]string{apiURI, urn}, nil, `At must say where the API of "urn:example:orders" is`},
		{[]string{"svc_01jd3v"}, nil, "At must say where"},
		{[]string{"ftp://api.example"}, nil, "At must say where"},
		{[]string{"https:///x"}, nil, "At must say where"},
		{[]string{apiURI + "?tenant=1"}, nil, "At must say where"},
		{[]string{apiURI + "?"}, nil, "At must say where"},
		{[]string{apiURI + "#x"}, nil, "At must say where"},
		{[]string{"https://user@api.example"}, nil, "At must say where"},
		{[]string{apiURI}, map[string]string{apiURI: "/api"}, "At must say where"},
		{[]string{apiURI}, map[string]string{apiURI: ""}, "At must say where"},
		{[]string{apiURI}, map[string]string{apiURI: "://"}, "At must say where"},
		{[]string{apiURI}, map[string]string{apiURI: apiURI, dbURI: dbURI}, `At has "https://db.example"`},
		{[]string{"http://api.example"}, nil, "must be https"},
		{[]string{"http://10.0.0.1"}, nil, "must be https"},
		{[]string{"http://localhost.example"}, nil, "must be https"},
		{[]string{apiURI, urn}, map[string]string{urn: "http://api.example"}, "must be https"},
		{[]string{apiURI, "https://API.example:443/"}, nil, "at one URL"},
		{[]string{apiURI, urn}, map[string]string{urn: apiURI + "/"}, "at one URL"},
		{[]string{apiURI, apiURI}, nil, "at one URL"},
	} {
		s := newStreet(t, tt.resource...)
		s.At = tt.at
		for _, target := range []string{apiURI, "http://api.example", "https://elsewhere.example"} {
			body := &closing{Reader: strings.NewReader("secret")}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, body)
			check(t, err)
			resp, err := s.RoundTrip(r)
			if err == nil {
				check(t, resp.Body.Close())
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(s.seen)+len(s.wanted) != 0 || !body.closed {
				t.Errorf("%q at %q: %v, want %s; sent %q, asked for %q", tt.resource, tt.at, err, tt.want, s.seen, s.wanted)
			}
		}
	}
}

// A closing body knows whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// RFC 9700, Section 4.11.
//
// Requirement: client-transport-place, client-transport-origin
func TestEachHopOfARedirectGetsATokenOnlyFromAndToTheSameAPI(t *testing.T) {
	const files, stranger = apiURI + "/files", "https://evil.example"
	for _, tt := range []struct {
		name string
		hops []string
		want []string // tokens
	}{
		{"in one API", []string{apiURI + "/a", "https://API.example:443/b"}, []string{apiURI, apiURI}},
		{"to a stranger", []string{apiURI + "/a", stranger}, []string{apiURI, ""}},
		{"to another port", []string{apiURI + "/a", apiURI + ":8443/b"}, []string{apiURI, ""}},
		{"to plain http", []string{apiURI + "/a", "http://api.example/b"}, []string{apiURI, ""}},
		{"to a stranger and back", []string{apiURI + "/a", stranger, apiURI + "/b"}, []string{apiURI, "", ""}},
		{"by a stranger to an API", []string{stranger, apiURI + "/a"}, []string{"", ""}},
		{"by an API to another", []string{dbURI, apiURI + "/a"}, []string{dbURI, ""}},
		{"to another path", []string{files + "/a", apiURI + "/b"}, []string{files, ""}},
		{"below the path", []string{files + "/a", files + "/b"}, []string{files, files}},
	} {
		s := newStreet(t, apiURI, dbURI, files)
		next := 0
		s.answer = func(w http.ResponseWriter, r *http.Request) {
			if next++; next < len(tt.hops) {
				http.Redirect(w, r, tt.hops[next], http.StatusTemporaryRedirect)
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tt.hops[0], strings.NewReader("x"))
		check(t, err)
		resp, err := (&http.Client{Transport: s.Transport}).Do(r)
		check(t, err)
		check(t, resp.Body.Close())
		var want []string
		for i, hop := range tt.hops {
			want = append(want, strings.TrimSpace(hop+" "+tt.want[i]))
		}
		if diff := cmp.Diff(want, s.seen); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// Requirement: client-transport-challenge
func TestAnAPIAsksForItselfAlone(t *testing.T) {
	const urn, stranger = "urn:example:notes", "https://evil.example"
	for _, tt := range []struct {
		name     string
		called   string
		resource string // in the challenge
		asked    bool
	}{
		{"an API for itself", apiURI, apiURI, true},
		{"an API for another", dbURI, apiURI, false},
		{"an API for one below it", apiURI, apiURI + "/v1", false},
		{"one below for the API", apiURI + "/v1/x", apiURI, false},
		{"one below for itself", apiURI + "/v1/x", apiURI + "/v1", true},
		{"in another spelling", apiURI, apiURI + "/", false},
		{"one that is elsewhere, by its name", "https://notes.example/x", urn, true},
		{"one that is elsewhere, by its URL", "https://notes.example/x", "https://notes.example", false},
		{"a stranger for an API", stranger, apiURI, false},
		{"a stranger for itself", stranger, stranger, false},
		{"the API over plain http", "http://api.example", apiURI, false},
		{"the API's host on another port", apiURI + ":8443", apiURI, false},
	} {
		s := newStreet(t, apiURI, apiURI+"/v1", dbURI, urn)
		s.At = map[string]string{urn: "https://notes.example"}
		s.answer = func(w http.ResponseWriter, r *http.Request) {
			if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); !strings.Contains(token, ".") || strings.Contains(token, ":") {
				wantApproval(w, assent.Action{Message: "Pay", Scope: "pay", Resource: []string{tt.resource}})
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tt.called, strings.NewReader("x"))
		check(t, err)
		resp, err := s.RoundTrip(r)
		check(t, err)
		check(t, resp.Body.Close())
		if asked := s.count("/oauth/bc-authorize") == 1; asked != tt.asked || asked != (resp.StatusCode == 200) || asked != (len(s.seen) == 2) {
			t.Errorf("%s: asked %v, answer %d, sent %d times", tt.name, asked, resp.StatusCode, len(s.seen))
		}
	}
}

// listener is a server that keeps what it is sent as Authorization.
func listener(t *testing.T, answer http.HandlerFunc) (at string, heard func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Get("Authorization"))
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

// Requirement: client-transport-place
func TestTwoResourcesGetTwoTokensOfTheServer(t *testing.T) {
	p := newPayer(t)
	c, out := clientOf(t, p.World, p.KeyApp(t, jose.ES256, serviceApp("Two", apiURI, dbURI)), func(c *assent.Config) { c.Now = p.clock.Now })
	ok := func(http.ResponseWriter, *http.Request) {}
	api, atAPI := listener(t, ok)
	db, atDB := listener(t, ok)
	caller := &http.Client{Transport: &assent.Transport{Client: c, Scope: "read", Resource: []string{apiURI, dbURI}, At: map[string]string{apiURI: api, dbURI: db}}}
	for _, at := range []string{api, db, db, api} {
		resp, err := caller.Get(at)
		check(t, err)
		check(t, resp.Body.Close())
	}
	for want, heard := range map[string][]string{apiURI: atAPI(), dbURI: atDB()} {
		if cl := claimsOf(t, strings.TrimPrefix(heard[0], "Bearer ")); cl["aud"] != want || cl["scope"] != "read" || len(heard) != 2 || heard[1] != heard[0] {
			t.Errorf("%s got a token for %v, in %d requests", want, cl["aud"], len(heard))
		}
	}
	if n := len(out.sent("/oauth/token")); n != 2 {
		t.Errorf("%d token requests", n)
	}
}

// Whoever is called with the Transport asks for an approval in the bank's name, and
// goes to the bank with what it is sent.
//
// Requirement: client-transport-place, client-transport-challenge
func TestNobodyGetsTheBanksTokensByAskingInItsName(t *testing.T) {
	const notes, bogus = "https://notes.example", "999 EUR"
	for _, name := range []string{"a stranger", "another API of the program"} {
		p := newPayer(t)
		client, _ := clientOf(t, p.World, p.KeyApp(t, jose.ES256, serviceApp("Writer", apiURI, notes)), func(c *assent.Config) { c.Now = p.clock.Now })
		thief, stolen := listener(t, func(w http.ResponseWriter, _ *http.Request) {
			wantApproval(w, assent.Action{Message: "Pay " + bogus, Details: map[string]string{"amount": bogus}, Scope: "payments:write", Resource: []string{apiURI}})
		})
		p.Client = client
		if name != "a stranger" {
			p.Resource, p.At[notes] = append(p.Resource, notes), thief
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, thief+"/notes", nil)
		check(t, err)
		if status, _, err := p.do(r); err != nil || status != 403 || len(p.asked) != 0 {
			t.Errorf("%s: got %d, %v; asked %+v", name, status, err, p.asked)
		}
		for _, token := range stolen() {
			theft, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.bank.URL, strings.NewReader(bogus))
			check(t, err)
			theft.Header.Set("Authorization", token)
			resp, err := http.DefaultClient.Do(theft)
			check(t, err)
			check(t, resp.Body.Close())
			if resp.StatusCode != 401 {
				t.Errorf("%s, at the bank: %d", name, resp.StatusCode)
			}
			if token != "" && (name == "a stranger" || claimsOf(t, strings.TrimPrefix(token, "Bearer "))["aud"] != notes) {
				t.Errorf("%s has a token", name)
			}
		}
		if len(p.bank.payments()) != 0 || len(stolen()) != 1 {
			t.Errorf("%s: paid %q after %d requests", name, p.bank.payments(), len(stolen()))
		}
		// Honest requests of the same program are served.
		if status, body, err := p.pay(t.Context(), "1 EUR"); err != nil || status != 201 || len(p.asked) != 1 {
			t.Errorf("%s: an honest payment: %d %s, %v", name, status, body, err)
		}
	}
}

// Requirement: client-transport-place
func TestTransportsForSeveralAPIsMayStandInLine(t *testing.T) {
	s := newStreet(t, apiURI)
	other := newStreet(t, dbURI)
	other.Base, s.Base = s.Base, other.Transport
	for _, target := range []string{apiURI, dbURI, "https://evil.example"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		check(t, err)
		resp, err := s.RoundTrip(r)
		check(t, err)
		check(t, resp.Body.Close())
	}
	want := []string{apiURI + " " + apiURI, dbURI + " " + dbURI, "https://evil.example"}
	if diff := cmp.Diff(want, s.seen); diff != "" {
		t.Error(diff)
	}
	other.Resource = nil
	if _, err := s.RoundTrip(httptest.NewRequest(http.MethodGet, dbURI, nil)); err == nil || errors.Is(err, assent.ErrInvalid) {
		t.Errorf("a Transport without resources: %v", err)
	}
}
