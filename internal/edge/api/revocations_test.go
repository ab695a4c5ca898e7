package api_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/revocation"
)

const feedPath = "/v1/revocations"

// A feedWorld is a server with a resource server, and a client that acts for it.
type feedWorld struct {
	*servertest.World
	clock  servertest.Clock
	reader servertest.App
	bearer string // Authorization of the reader
}

func newFeedWorld(t *testing.T) *feedWorld {
	t.Helper()
	w := &feedWorld{}
	w.World = servertest.Start(t, func(c *server.Config) { c.Now = w.clock.Now })
	w.reader = w.App(t, application.NewApplication{Name: "Reader"})
	w.name(t, model.ClientID(w.reader.ID))
	w.bearer = "Bearer " + w.token(t, w.reader)
	soon(t, "the feed answers", func() bool { return w.get(t, "").Status == 200 })
	return w
}

// name makes clients act for the realm's one resource server.
func (w *feedWorld) name(t *testing.T, clients ...model.ClientID) {
	t.Helper()
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.Resources = []model.ResourcePolicy{{Resource: "https://api.example", Name: "API", Clients: clients}}
	}, "operator"))
}

func (w *feedWorld) token(t *testing.T, app servertest.App, pairs ...string) string {
	t.Helper()
	got := w.Post(t, "/oauth/token", app.Form(append([]string{"grant_type", oauth.GrantClientCredentials}, pairs...)...))
	if got.Status != 200 {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	return got.Text("access_token")
}

func (w *feedWorld) get(t *testing.T, query string, headers ...string) servertest.Answer {
	t.Helper()
	return w.Get(t, feedPath+query, append([]string{"Authorization", w.bearer}, headers...)...)
}

// revoke revokes a new token, as its client does, and answers its id.
func (w *feedWorld) revoke(t *testing.T) string {
	t.Helper()
	token := w.token(t, w.reader)
	if got := w.Post(t, "/oauth/revoke", w.reader.Form("token", token)); got.Status != 200 {
		t.Fatalf("revoke: %d %s", got.Status, got.Body)
	}
	return claim(t, token, "jti")
}

func claim(t *testing.T, token, name string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	servertest.Check(t, err)
	var claims map[string]any
	servertest.Check(t, json.Unmarshal(payload, &claims))
	text, _ := claims[name].(string)
	return text
}

func pageOf(t *testing.T, body []byte) revocation.Page {
	t.Helper()
	var p revocation.Page
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p
}

func toldIn(p revocation.Page) []string {
	list := []string{}
	for _, e := range p.Entries {
		list = append(list, e.ID)
	}
	return list
}

// soon repeats a look until it is content.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// Requirement: feed-readers
func TestClientsOfResourceServersAloneReadTheFeed(t *testing.T) {
	w := newFeedWorld(t)
	stranger := w.App(t, application.NewApplication{})
	foreign := w.App(t, application.NewApplication{Resources: []string{"https://api.example"}})
	frozen := w.App(t, application.NewApplication{})
	f := w.Flow(t, application.NewApplication{})
	w.name(t, model.ClientID(w.reader.ID), model.ClientID(foreign.ID), model.ClientID(frozen.ID), model.ClientID(f.App.ID))
	elsewhere, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "other", DisplayName: "Other"})
	servertest.Check(t, err)
	stopped := w.token(t, frozen)
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(frozen.ID), model.ApplicationFrozen, "operator"))
	gone := w.token(t, w.reader)
	w.Post(t, "/oauth/revoke", w.reader.Form("token", gone))
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	tests := []struct {
		name, path string
		headers    []string
		status     int
		code       string
	}{
		{"the reader", feedPath, []string{"Authorization", w.bearer}, 200, ""},
		{"nobody", feedPath, nil, 401, "token_required"},
		{"no such scheme", feedPath, []string{"Authorization", "Basic eDp5"}, 401, "token_required"},
		{"nonsense", feedPath, bearer("x.y.z"), 401, "invalid_token"},
		{"no token", feedPath, bearer(""), 401, "invalid_token"},
		{"a token that was revoked", feedPath, bearer(gone), 401, "invalid_token"},
		{"a client that is frozen", feedPath, bearer(stopped), 401, "invalid_token"},
		{"a token for the resource server", feedPath, bearer(w.token(t, foreign)), 401, "invalid_token"},
		{"a token of another realm", "/realms/" + elsewhere.Realm.Name + feedPath, []string{"Authorization", w.bearer}, 401, "invalid_token"},
		{"another client", feedPath, bearer(w.token(t, stranger)), 403, "not_a_resource_server"},
		{"a person at such a client", feedPath, bearer(f.Tokens(t).Text("access_token")), 403, "not_a_resource_server"},
	}
	for _, tt := range tests {
		for _, accept := range []string{"application/json", "text/event-stream"} {
			if tt.status == 200 && accept != "application/json" {
				continue // it would not end
			}
			got := w.Get(t, tt.path, append(slices.Clone(tt.headers), "Accept", accept, "Prefer", "wait=1")...)
			if got.Status != tt.status || tt.code != "" && problem(t, got) != tt.code || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %d %s, want %d %s", tt.name, accept, got.Status, got.Body, tt.status, tt.code)
			}
			if challenged := got.Header.Get("WWW-Authenticate") != ""; challenged != (tt.status == 401) {
				t.Errorf("%s: WWW-Authenticate is %q", tt.name, got.Header.Values("WWW-Authenticate"))
			}
		}
	}
	if got := servertest.Do(t, "POST", w.URL+feedPath, nil, "Authorization", w.bearer); got.Status != 405 {
		t.Errorf("POST: %d", got.Status)
	}
	w.clock.Turn(time.Hour) // the token has expired
	if got := w.get(t, ""); got.Status != 401 || problem(t, got) != "invalid_token" {
		t.Errorf("an expired token: %d %s", got.Status, got.Body)
	}
}

// Requirement: feed-format, feed-since, feed-conditional
func TestAReaderIsToldEverythingAndThenWhatIsNew(t *testing.T) {
	w := newFeedWorld(t)
	first := w.revoke(t)
	all := w.get(t, "")
	page := pageOf(t, all.Body)
	if !page.Complete || !slices.Equal(toldIn(page), []string{first}) || all.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("at first: %s", all.Body)
	}
	for _, member := range []string{`"kind":"token"`, `"id":"` + first + `"`, `"before":1`, `"expires":1`, `"cursor":"`, `"complete":true`} {
		if !strings.Contains(string(all.Body), member) {
			t.Errorf("no %s in %s", member, all.Body)
		}
	}
	tag := all.Header.Get("ETag")
	if tag != `"`+page.Cursor+`"` {
		t.Errorf("ETag is %s, the cursor %s", tag, page.Cursor)
	}
	for _, known := range []string{tag, "W/" + tag, tag + `, "other"`} {
		if got := w.get(t, "", "If-None-Match", known); got.Status != 304 || len(got.Body) != 0 || got.Header.Get("ETag") != tag {
			t.Errorf("nothing new since %s: %d %s", known, got.Status, got.Body)
		}
	}
	if got := w.get(t, "?after="+page.Cursor); got.Status != 200 || string(got.Body) != `{"revocations":[],"cursor":"`+page.Cursor+`","complete":false}` {
		t.Errorf("nothing new: %d %s", got.Status, got.Body)
	}
	second := w.revoke(t)
	if got := w.get(t, "?after="+page.Cursor); pageOf(t, got.Body).Complete || !slices.Equal(toldIn(pageOf(t, got.Body)), []string{second}) {
		t.Errorf("since then: %s", got.Body)
	}
	for _, known := range []string{tag, `"other"`, "*"} {
		got := w.get(t, "", "If-None-Match", known)
		if got.Status != 200 || !pageOf(t, got.Body).Complete || !slices.Equal(toldIn(pageOf(t, got.Body)), []string{first, second}) {
			t.Errorf("changed since %s: %d %s", known, got.Status, got.Body)
		}
	}
	if got := w.get(t, "?after=other"); !pageOf(t, got.Body).Complete {
		t.Errorf("since a cursor of somewhere else: %s", got.Body)
	}
}

// Requirement: feed-wait
func TestAPollIsHeldUntilSomethingIsNew(t *testing.T) {
	w := newFeedWorld(t)
	all := w.get(t, "", "Prefer", "wait=30") // nothing to wait for: it knows nothing yet
	cursor, tag := pageOf(t, all.Body).Cursor, all.Header.Get("ETag")
	if all.Header.Get("Preference-Applied") != "" {
		t.Error("who knows nothing waited")
	}
	if got := w.get(t, "?after="+cursor, "Prefer", "wait=1"); got.Status != 200 || pageOf(t, got.Body).News() || got.Header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("at the end of the wait: %d %s", got.Status, got.Body)
	}
	if got := w.get(t, "", "If-None-Match", tag, "Prefer", "wait=1"); got.Status != 304 {
		t.Errorf("at the end of the conditional wait: %d %s", got.Status, got.Body)
	}
	answers := make(chan servertest.Answer, 2)
	go func() { answers <- w.get(t, "?after="+cursor, "Prefer", "wait=600") }()
	go func() { answers <- w.get(t, "", "If-None-Match", tag, "Prefer", "wait=600") }()
	id := w.revoke(t)
	for range 2 {
		got := <-answers
		if got.Status != 200 || !slices.Equal(toldIn(pageOf(t, got.Body)), []string{id}) || got.Header.Get("Preference-Applied") != "wait=30" {
			t.Errorf("got %d %v %s", got.Status, got.Header, got.Body)
		}
	}
}

// Requirement: feed-readers-again
func TestAReaderThatIsStoppedWhileItWaitsHearsWhatStoppedItAndNothingMore(t *testing.T) {
	for name, tt := range map[string]struct {
		stop func(*testing.T, *feedWorld) error
		what func(*testing.T, *feedWorld) string
	}{
		"its client is frozen": {func(t *testing.T, w *feedWorld) error {
			return w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(w.reader.ID), model.ApplicationFrozen, "operator")
		}, func(_ *testing.T, w *feedWorld) string { return w.reader.ID }},
		"its tokens are revoked": {func(t *testing.T, w *feedWorld) error {
			_, err := w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(w.reader.ID), "operator")
			return err
		}, func(_ *testing.T, w *feedWorld) string { return w.reader.ID }},
		"its token is revoked": {func(t *testing.T, w *feedWorld) error {
			w.Post(t, "/oauth/revoke", w.reader.Form("token", strings.TrimPrefix(w.bearer, "Bearer ")))
			return nil
		}, func(t *testing.T, w *feedWorld) string { return claim(t, w.bearer, "jti") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFeedWorld(t)
			cursor := pageOf(t, w.get(t, "").Body).Cursor
			s := w.follow(t) // polls: see stopped_test.go
			s.next(t)
			servertest.Check(t, tt.stop(t, w))
			want := []string{tt.what(t, w)}
			if page, _ := s.page(t); !slices.Equal(toldIn(page), want) {
				t.Errorf("the stream: %+v, want %s", page, want)
			}
			if got := s.next(t); got != ended {
				t.Errorf("then the stream: %s", got)
			}
			if got := w.get(t, "?after="+cursor); got.Status != 401 || problem(t, got) != "invalid_token" {
				t.Errorf("then: %d %s", got.Status, got.Body)
			}
		})
	}
}

// Requirement: feed-readers-again
func TestWhoActsForNoResourceServerAnyMoreIsToldNothing(t *testing.T) {
	w := newFeedWorld(t)
	cursor := pageOf(t, w.get(t, "").Body).Cursor
	s := w.follow(t)
	s.next(t)
	answer := make(chan servertest.Answer, 1)
	go func() { answer <- w.get(t, "?after="+cursor, "Prefer", "wait=3") }()
	w.name(t)
	if got := <-answer; got.Status != 403 || problem(t, got) != "not_a_resource_server" {
		t.Errorf("the poll: %d %s", got.Status, got.Body)
	}
	if got := s.next(t); got != ended {
		t.Errorf("the stream: %s", got)
	}
}

// Requirement: feed-unsure
func TestANodeThatIsBehindAnswersThatItDoesNotKnow(t *testing.T) {
	w := newFeedWorld(t)
	all := w.get(t, "")
	cursor := pageOf(t, all.Body).Cursor
	s := w.follow(t)
	s.next(t)
	answer := make(chan servertest.Answer, 1)
	go func() { answer <- w.get(t, "?after="+cursor, "Prefer", "wait=30") }()
	w.clock.Turn(time.Minute) // the change feed was heard a minute ago, as far as this clock knows
	for what, got := range map[string]servertest.Answer{
		"who waited": <-answer, "everything": w.get(t, ""), "what came since": w.get(t, "?after="+cursor),
		"whether it changed": w.get(t, "", "If-None-Match", all.Header.Get("ETag")), "a stream": w.get(t, "", "Accept", "text/event-stream"),
	} {
		if got.Status != 503 || problem(t, got) != "not_current" || got.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %s", what, got.Status, got.Body)
		}
	}
	if got := s.next(t); got != ended {
		t.Errorf("the stream: %s", got)
	}
	w.clock.Turn(-time.Minute)
	if got := w.get(t, "?after="+cursor); got.Status != 200 || pageOf(t, got.Body).News() {
		t.Errorf("sure again: %d %s", got.Status, got.Body)
	}
}

// Requirement: feed-dpop
func TestAReaderMayBindItsToken(t *testing.T) {
	w := newFeedWorld(t)
	key := servertest.NewProver(t)
	got := w.Post(t, "/oauth/token", w.reader.Form("grant_type", oauth.GrantClientCredentials), "DPoP", key.Proof(t, "POST", w.URL+"/oauth/token", nil))
	token := got.Text("access_token")
	if got := w.Get(t, feedPath, "Authorization", "Bearer "+token); got.Status != 401 {
		t.Errorf("without a proof: %d", got.Status)
	}
	proven := func() []string {
		return []string{"Authorization", "DPoP " + token, "DPoP", key.ResourceProof(t, "GET", w.URL+feedPath, token, nil), "Prefer", "wait=10"}
	}
	all := w.Get(t, feedPath, proven()...)
	if all.Status != 200 {
		t.Fatalf("with a proof: %d %s", all.Status, all.Body)
	}
	answer := make(chan servertest.Answer, 1)
	headers := proven()
	go func() { answer <- w.Get(t, feedPath+"?after="+pageOf(t, all.Body).Cursor, headers...) }()
	id := w.revoke(t)
	if got := <-answer; got.Status != 200 || !slices.Equal(toldIn(pageOf(t, got.Body)), []string{id}) {
		t.Errorf("who waited: %d %s", got.Status, got.Body)
	}
}

// full has no place to wait.
type full struct{ *revocation.Feed }

func (full) Take(*model.Site, model.ClientID) (func(), bool) { return nil, false }

// An anyToken takes any token for that of a client.
type anyToken model.ClientID

func (c anyToken) Reader(_ context.Context, p oauth.Presented) (oauth.Reader, error) {
	return oauth.Reader{AccessToken: oauth.AccessToken{Subject: string(c), ClientID: model.ClientID(c), Audience: []string{p.Site.Issuer}}}, nil
}

func (anyToken) StillReads(_ context.Context, _ *model.Site, r oauth.Reader) (oauth.Reader, error) {
	return r, nil
}

// Requirement: feed-bounded
func TestWhoFindsNoPlaceToWaitMayAskWithout(t *testing.T) {
	site := &model.Site{Issuer: "https://id.example", Realm: model.Realm{ID: "rlm_1", Policy: model.RealmPolicy{
		Resources: []model.ResourcePolicy{{Clients: []model.ClientID{"svc_1"}}}}}}
	mux := http.NewServeMux()
	nothing := revocation.NewMemory(revocation.Config{Store: empty{}})
	api.New(api.Config{Feed: full{revocation.NewFeed(revocation.FeedConfig{Memory: nothing})}, Readers: anyToken("svc_1")}).Register(mux)
	for _, tt := range []struct {
		path, name, value string
		status            int
	}{
		{feedPath, "Prefer", "wait=1", 200}, // it knows nothing, and is told at once
		{feedPath + "?after=x", "Accept", "*/*", 200},
		{feedPath + "?after=x", "Prefer", "wait=1", 503},
		{feedPath, "Accept", "text/event-stream", 503},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set(tt.name, tt.value)
		got := httptest.NewRecorder()
		mux.ServeHTTP(got, httpx.WithSite(r, site))
		if got.Code != tt.status || tt.status == 503 && (!strings.Contains(got.Body.String(), "too_many_waiting") || got.Header().Get("Retry-After") == "") {
			t.Errorf("%s, %s: %d %s", tt.path, tt.value, got.Code, got.Body)
		}
	}
}

type empty struct{}

func (empty) Revocations(context.Context, model.Millis, model.Millis) ([]model.Revocation, error) {
	return nil, nil
}

// Requirement: feed-levers
func TestEveryLeverReachesResourceServers(t *testing.T) {
	w := newFeedWorld(t)
	f := w.Flow(t, application.NewApplication{Resources: []string{"https://api.example"},
		Settings: model.ApplicationSettings{SubjectType: "pairwise", RedirectURIs: []string{servertest.Callback}}})
	other := w.App(t, application.NewApplication{})
	tokens := f.Tokens(t, "scope", "openid read offline_access")
	access := tokens.Text("access_token")
	if sub := claim(t, access, "sub"); !strings.HasPrefix(sub, "pw_") {
		t.Fatalf("the subject is %q: this test shows nothing", sub)
	}
	tests := []struct {
		name string
		do   func() error
		kind revocation.Kind
		id   string
	}{
		{"a token", func() error {
			w.Post(t, "/oauth/revoke", f.Form("token", access))
			return nil
		}, revocation.KindToken, claim(t, access, "jti")},
		{"a grant", func() error {
			w.Post(t, "/oauth/revoke", f.Form("token", tokens.Text("refresh_token")))
			return nil
		}, revocation.KindGrant, claim(t, access, "grant_id")},
		{"an application", func() error {
			_, err := w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(f.App.ID), "operator")
			return err
		}, revocation.KindClient, f.App.ID},
		{"an application that is frozen", func() error {
			return w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(other.ID), model.ApplicationFrozen, "operator")
		}, revocation.KindClient, other.ID},
		{"a person, by the name that the application knows", func() error {
			_, err := w.Server.Directory.Suspend(t.Context(), w.Site, f.Identity.ID, "operator")
			return err
		}, revocation.KindSubject, claim(t, access, "sub")},
	}
	for _, tt := range tests {
		cursor := pageOf(t, w.get(t, "").Body).Cursor
		servertest.Check(t, tt.do())
		page := pageOf(t, w.get(t, "?after="+cursor).Body)
		told := func(e revocation.Entry) bool {
			return e.Kind == tt.kind && e.ID == tt.id && e.Before > 0 && e.Expires > 0
		}
		if !slices.ContainsFunc(page.Entries, told) {
			t.Errorf("%s: got %+v, want %s %s", tt.name, page.Entries, tt.kind, tt.id)
		}
	}
	_, err := w.Server.Realms.RevokeTokens(t.Context(), w.Site.Realm.ID, "operator")
	servertest.Check(t, err)
	w.bearer = "Bearer " + w.token(t, w.reader)
	realmIs := func(e revocation.Entry) bool { return e.Kind == revocation.KindRealm && e.ID == w.Site.Issuer }
	if page := pageOf(t, w.get(t, "").Body); !slices.ContainsFunc(page.Entries, realmIs) {
		t.Errorf("the realm: %+v", page.Entries)
	}
}

// Requirement: feed-advertised
func TestTheFeedIsAdvertised(t *testing.T) {
	w := newFeedWorld(t)
	at := w.Get(t, "/.well-known/openid-configuration").Text("revocation_feed_endpoint")
	if got := servertest.Do(t, "GET", at, nil, "Authorization", w.bearer); at != w.URL+feedPath || got.Status != 200 {
		t.Errorf("%q answers %d", at, got.Status)
	}
}

const ended = "the stream has ended"

// A feedStream is the feed as a resource server has it open.
type feedStream struct {
	events chan string // id and data
	beats  chan string
	ended  chan struct{}
}

func (w *feedWorld) follow(t *testing.T, headers ...string) *feedStream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+feedPath, nil)
	servertest.Check(t, err)
	for i, all := 0, append([]string{"Authorization", w.bearer, "Accept", "text/event-stream"}, headers...); i < len(all); i += 2 {
		r.Header.Set(all[i], all[i+1])
	}
	resp, err := (&http.Client{}).Do(r)
	servertest.Check(t, err)
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("stream: %d %v", resp.StatusCode, resp.Header)
	}
	s := &feedStream{events: make(chan string, 100), beats: make(chan string, 100), ended: make(chan struct{})}
	go s.hear(resp)
	return s
}

func (s *feedStream) hear(resp *http.Response) {
	defer close(s.ended)
	defer func() { _ = resp.Body.Close() }()
	id, name := "", ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			s.events <- name + " " + id + " " + value
		case "":
			if value != "" {
				s.beats <- value
			}
		}
	}
}

func (s *feedStream) next(t *testing.T) string {
	t.Helper()
	select {
	case e := <-s.events:
		return e
	case <-s.ended:
		select { // what it said before it ended
		case e := <-s.events:
			return e
		default:
			return ended
		}
	case <-time.After(30 * time.Second):
		return "no event in 30 s"
	}
}

// page is the next event's, and its id.
func (s *feedStream) page(t *testing.T) (revocation.Page, string) {
	t.Helper()
	event := s.next(t)
	parts := strings.SplitN(event, " ", 3)
	if len(parts) != 3 || parts[0] != "revocations" {
		t.Fatalf("got %q", event)
	}
	return pageOf(t, []byte(parts[2])), parts[1]
}

// Requirement: feed-stream
func TestAStreamTellsEverythingAndThenEachChange(t *testing.T) {
	w := newFeedWorld(t)
	first := w.revoke(t)
	s := w.follow(t)
	page, id := s.page(t)
	if !page.Complete || !slices.Equal(toldIn(page), []string{first}) || id != page.Cursor {
		t.Errorf("at first: %+v, %s", page, id)
	}
	second := w.revoke(t)
	if page, id = s.page(t); page.Complete || !slices.Equal(toldIn(page), []string{second}) || id != page.Cursor {
		t.Errorf("then: %+v, %s", page, id)
	}
	select { // nothing happens, and that is said too
	case <-s.beats:
	case <-s.ended:
		t.Error(ended)
	case <-time.After(30 * time.Second):
		t.Error("no word in 30 s")
	}
	third := w.revoke(t)
	again := w.follow(t, "Last-Event-ID", id)
	if page, _ = again.page(t); page.Complete || !slices.Equal(toldIn(page), []string{third}) {
		t.Errorf("to one that comes back: %+v", page)
	}
	current := w.follow(t, "Last-Event-ID", page.Cursor)
	if page, _ = current.page(t); page.News() {
		t.Errorf("to one that missed nothing: %+v", page)
	}
}

// Requirement: feed-stream
func TestAStreamEndsWithItsToken(t *testing.T) {
	w := newFeedWorld(t)
	brief := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{TokenLifetime: 12}})
	w.name(t, model.ClientID(brief.ID))
	w.bearer = "Bearer " + w.token(t, brief)
	s := w.follow(t)
	s.page(t)
	if got := s.next(t); got != ended {
		t.Errorf("got %s", got)
	}
}
