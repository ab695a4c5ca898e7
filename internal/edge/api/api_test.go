package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// A world is a server with somebody who is asked and an application that asks.
type world struct {
	*servertest.World
	app  servertest.App
	alex *softperson.Person
	who  model.Identity
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: servertest.Start(t, nil)}
	w.app = w.App(t, application.NewApplication{Scopes: []string{"deploy", "read"}, Resources: []string{"https://api.example", "https://db.example"}})
	w.alex, w.who = w.Person(t, "alex")
	return w
}

func (w *world) ask(t *testing.T, pairs ...string) servertest.Answer {
	t.Helper()
	return w.askAs(t, w.app, pairs...)
}

func (w *world) askAs(t *testing.T, app servertest.App, pairs ...string) servertest.Answer {
	t.Helper()
	got := w.Post(t, "/oauth/bc-authorize", app.Form(append([]string{"login_hint", "alex", "binding_message", "Deploy"}, pairs...)...))
	if got.Status != 200 {
		t.Fatalf("ask: %d %s", got.Status, got.Body)
	}
	return got
}

// token fetches the token of a decided approval, or one in the app's own name
// and for this server.
func (w *world) token(t *testing.T, app servertest.App, asked servertest.Answer) string {
	t.Helper()
	form := app.Form("grant_type", oauth.GrantClientCredentials, "resource", w.URL)
	if asked.JSON != nil {
		form = app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id"))
	}
	got := w.Post(t, "/oauth/token", form)
	if got.Status != 200 {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	return got.Text("access_token")
}

// decided asks and has it approved.
func (w *world) decided(t *testing.T) servertest.Answer {
	t.Helper()
	a := w.ask(t)
	_, err := w.alex.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	return a
}

// cookie is the header with which a person's browser says who they are.
func cookie(t *testing.T, p *softperson.Person) string {
	t.Helper()
	u, err := url.Parse(p.Issuer)
	servertest.Check(t, err)
	var all []string
	for _, c := range p.HTTP.Jar.Cookies(u) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func at(id string) string { return "/v1/approvals/" + id }

// problem is the code of a refusal: RFC 9457, with a reference that the log has.
func problem(t *testing.T, got servertest.Answer) string {
	t.Helper()
	if got.Status < 400 {
		return ""
	}
	if ct := got.Header.Get("Content-Type"); ct != "application/problem+json" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers of a refusal: %v", got.Header)
	}
	if got.JSON["status"] != float64(got.Status) || got.Text("title") == "" || got.Text("type") != "about:blank" || !ids.Valid("req", got.Text("reference")) {
		t.Errorf("problem = %s", got.Body)
	}
	return got.Text("code")
}

func TestApprovalsAreSeenByThoseConcernedOnly(t *testing.T) {
	w := newWorld(t)
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "other", Policy: model.RealmPolicy{Development: true}})
	servertest.Check(t, err)
	there := &world{World: &servertest.World{Server: w.Server, Site: site, URL: site.Issuer}}
	there.app = there.App(t, application.NewApplication{})
	kim, _ := w.Person(t, "kim")
	stranger := w.App(t, application.NewApplication{})
	away, _ := there.Person(t, "alex")
	dead := w.token(t, w.app, servertest.Answer{})
	w.Post(t, "/oauth/revoke", w.app.Form("token", dead))
	ended, pending := w.decided(t).Text("approval_id"), w.ask(t).Text("approval_id")
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	none := servertest.Answer{}
	own := w.token(t, w.app, none)
	elsewhere := w.Post(t, "/oauth/token", w.app.Form("grant_type", oauth.GrantClientCredentials)).Text("access_token")
	tests := []struct {
		name                  string
		headers               []string
		get, evidence, redeem string // codes; empty: allowed
	}{
		{"the person", []string{"Cookie", cookie(t, w.alex)}, "", "", "token_required"},
		{"another person", []string{"Cookie", cookie(t, kim)}, "not_found", "not_found", "token_required"},
		{"a person of another realm", []string{"Cookie", cookie(t, away)}, "signed_out", "signed_out", "token_required"},
		{"the same cookie, renamed", []string{"Cookie", strings.Replace(cookie(t, away), "assent-other", "assent", 1)}, "signed_out", "signed_out", "token_required"},
		{"nobody", nil, "signed_out", "signed_out", "token_required"},
		{"a made-up session", []string{"Cookie", "assent=" + ids.Secret()}, "signed_out", "signed_out", "token_required"},
		{"the asker", bearer(own), "signed_out", "", "not_found"},
		{"the asker, in lower case", []string{"Authorization", "bearer " + own}, "signed_out", "", "not_found"},
		{"the asker, with a token for another server", bearer(elsewhere), "signed_out", "not_found", "not_found"},
		{"another client", bearer(w.token(t, stranger, none)), "signed_out", "not_found", "not_found"},
		{"a client of another realm", bearer(there.token(t, there.app, none)), "signed_out", "invalid_token", "invalid_token"},
		{"a dead token", bearer(dead), "signed_out", "invalid_token", "invalid_token"},
		{"an altered token", bearer(own[:len(own)-4] + "AAAA"), "signed_out", "invalid_token", "invalid_token"},
		{"no token", bearer(""), "signed_out", "invalid_token", "invalid_token"},
		{"a dead token and a session", append(bearer(dead), "Cookie", cookie(t, w.alex)), "", "invalid_token", "invalid_token"},
		{"another scheme", []string{"Authorization", "Basic " + own}, "signed_out", "signed_out", "token_required"},
		{"a token in the query", nil, "signed_out", "signed_out", "token_required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query := ""
			if tt.name == "a token in the query" { // RFC 6750, Section 2.3, is not supported
				query = "?access_token=" + own
			}
			for _, id := range []string{ended, pending} {
				if got := problem(t, w.Get(t, at(id)+query, tt.headers...)); got != tt.get {
					t.Errorf("get: %q, want %q", got, tt.get)
				}
			}
			if got := problem(t, w.Get(t, at(ended)+"/evidence"+query, tt.headers...)); got != tt.evidence {
				t.Errorf("evidence: %q, want %q", got, tt.evidence)
			}
			want := tt.evidence
			if want == "" {
				want = "not_found" // of a pending one there is none
			}
			if got := problem(t, w.Get(t, at(pending)+"/evidence"+query, tt.headers...)); got != want {
				t.Errorf("evidence of a pending one: %q, want %q", got, want)
			}
			got := servertest.Do(t, http.MethodPost, w.URL+at(ended)+"/redeem"+query, nil, tt.headers...)
			if c := problem(t, got); c != tt.redeem {
				t.Errorf("redeem: %q, want %q", c, tt.redeem)
			}
			if challenged := got.Header.Get("WWW-Authenticate") != ""; challenged != (got.Status == 401) { // RFC 6750, Section 3
				t.Errorf("redeem: WWW-Authenticate = %q with %d", got.Header.Get("WWW-Authenticate"), got.Status)
			}
		})
	}
	if list, err := kim.List(t.Context(), "pending"); err != nil || len(list) != 0 {
		t.Errorf("kim lists %v, %v", list, err)
	}
}

func TestAnApprovalIsUsedOnceAndByItsOwnToken(t *testing.T) {
	w := newWorld(t)
	first, second := w.decided(t), w.decided(t)
	token, other := w.token(t, w.app, first), w.token(t, w.app, second)
	redeem := func(id, token string) servertest.Answer {
		return servertest.Do(t, http.MethodPost, w.URL+at(id)+"/redeem", nil, "Authorization", "Bearer "+token)
	}
	id := first.Text("approval_id")
	if got := problem(t, redeem(id, other)); got != "not_found" {
		t.Errorf("with the token of another approval: %q", got)
	}
	got := redeem(id, token)
	if got.Status != 200 || got.Text("id") != id || got.Text("redeemed_at") == "" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	for range 2 {
		if got := redeem(id, token); problem(t, got) != "already_redeemed" || got.Status != 409 {
			t.Errorf("again: %d %s", got.Status, got.Body)
		}
	}
	if got := redeem(second.Text("approval_id"), other); got.Status != 200 {
		t.Errorf("the other one: %d %s", got.Status, got.Body)
	}
}

// The token holds what the person granted, and nothing of what they did not.
func TestATokenHoldsExactlyWhatWasGranted(t *testing.T) {
	w := newWorld(t)
	const one, two = `{"details":{"service":"api"},"type":"assent_action"}`, `{"command":["./deploy.sh"],"type":"assent_action"}`
	list := func(items ...string) []any {
		var out []any
		servertest.Check(t, json.Unmarshal([]byte("["+strings.Join(items, ",")+"]"), &out))
		return out
	}
	full := []string{"scope", "deploy read", "authorization_details", "[" + one + "," + two + "]",
		"resource", "https://api.example", "resource", "https://db.example"}
	tests := []struct {
		name    string
		asked   []string
		narrow  func(*evidence.Action)
		poll    []string // further parameters of the poll
		scope   any
		aud     any
		details any
		refused string
	}{
		{"everything", full, func(*evidence.Action) {}, nil, "deploy read", []any{"https://api.example", "https://db.example"}, list(one, two), ""},
		{"less of everything", full, func(a *evidence.Action) {
			a.Scope, a.Resource, a.AuthorizationDetails = "read", a.Resource[1:], a.AuthorizationDetails[:1]
		}, nil, "read", "https://db.example", list(one), ""},
		{"nothing but the yes", full, func(a *evidence.Action) { *a = evidence.Action{BindingMessage: a.BindingMessage} }, nil, nil, w.URL, nil, ""},
		{"one of two, by the poll", full, func(*evidence.Action) {}, []string{"resource", "https://db.example"}, "deploy read", "https://db.example", list(one, two), ""},
		{"one that was not granted, by the poll", full, func(a *evidence.Action) { a.Resource = a.Resource[:1] },
			[]string{"resource", "https://db.example"}, nil, nil, nil, "invalid_target"},
		{"the default resource", nil, func(*evidence.Action) {}, nil, nil, "https://api.example", nil, ""},
		{"one that nobody was asked about, by the poll", nil, func(*evidence.Action) {}, []string{"resource", "https://db.example"}, nil, nil, nil, "invalid_target"},
		{"more scope, by the poll", []string{"scope", "read"}, func(*evidence.Action) {}, []string{"scope", "deploy read"}, "read", "https://api.example", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := w.app.Form("login_hint", "alex", "binding_message", "Deploy")
			for i := 0; i < len(tt.asked); i += 2 {
				form.Add(tt.asked[i], tt.asked[i+1])
			}
			a := w.Post(t, "/oauth/bc-authorize", form)
			raw, err := w.alex.Statement(t.Context(), a.Text("approval_id"))
			servertest.Check(t, err)
			done, err := softperson.NewDecision(raw, evidence.Approve)
			servertest.Check(t, err)
			tt.narrow(done.Decision.Granted)
			signed, err := w.alex.Sign(done.Decision)
			servertest.Check(t, err)
			servertest.Check(t, w.alex.Send(t.Context(), a.Text("approval_id"), signed))
			got := w.Post(t, "/oauth/token", w.app.Form(append([]string{"grant_type", oauth.GrantCIBA, "auth_req_id", a.Text("auth_req_id")}, tt.poll...)...))
			if got.Text("error") != tt.refused {
				t.Fatalf("got %d %s, want %q", got.Status, got.Body, tt.refused)
			}
			if tt.refused != "" { // and the right to ask for what was granted is not lost
				got = w.Post(t, "/oauth/token", w.app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", a.Text("auth_req_id")))
				if got.Status != 200 {
					t.Errorf("as granted: %d %s", got.Status, got.Body)
				}
				return
			}
			u, err := jose.Peek(got.Text("access_token"))
			servertest.Check(t, err)
			var c map[string]any
			servertest.Check(t, json.Unmarshal(u.Claims(), &c))
			for name, want := range map[string]any{"scope": tt.scope, "aud": tt.aud, "authorization_details": tt.details} {
				if diff := cmp.Diff(want, c[name]); diff != "" {
					t.Errorf("claim %s (-want +got): %s", name, diff)
				}
			}
			if diff := cmp.Diff(tt.details, got.JSON["authorization_details"]); diff != "" || cmp.Diff(tt.scope, got.JSON["scope"]) != "" {
				t.Errorf("answer: %s", got.Body)
			}
		})
	}
}

func TestWhoIsSignedIn(t *testing.T) {
	w := newWorld(t)
	got := w.Get(t, "/v1/me", "Cookie", cookie(t, w.alex))
	identity, _ := got.JSON["identity"].(map[string]any)
	in, _ := got.JSON["realm"].(map[string]any)
	passkeys, _ := got.JSON["passkeys"].([]any)
	if identity["id"] != string(w.who.ID) || identity["username"] != "alex" || in["issuer"] != w.URL || len(passkeys) != 1 || got.JSON["demo"] != false {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if key, _ := passkeys[0].(map[string]any); key["software"] != true || key["id"] == nil || key["created_at"] == nil {
		t.Errorf("passkey = %v", key)
	}
	_, err := w.alex.Call(t.Context(), http.MethodPost, w.URL+"/signout", struct{}{})
	servertest.Check(t, err)
	if _, err := w.alex.List(t.Context(), "pending"); !isProblem(err, "signed_out") {
		t.Errorf("after signing out: %v", err)
	}
}

func isProblem(err error, code string) bool {
	p, ok := errors.AsType[*softperson.Problem](err)
	return ok && p.Code == code
}
