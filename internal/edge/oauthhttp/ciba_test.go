package oauthhttp_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/sdk/evidence"
)

const details = `[{"type":"assent_action","details":{"service":"api"},"command":["./deploy.sh"]}]`

func ask(t *testing.T, w *servertest.World, app servertest.App, pairs ...string) servertest.Answer {
	t.Helper()
	return w.Post(t, "/oauth/bc-authorize", app.Form(pairs...))
}

func poll(t *testing.T, w *servertest.World, app servertest.App, id string, headers ...string) servertest.Answer {
	t.Helper()
	return w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", id), headers...)
}

// CIBA Core 1.0, Sections 7.3 and 10.1, and RFC 9068.
//
// Requirement: access-token-jwt, ciba-id-token, ciba-poll-errors, ciba-tokens-once
func TestCIBAAnApprovedActionGivesItsTokenOnce(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Scopes: []string{"deploy"}})
	person, who := w.Person(t, "alex")
	asked := ask(t, w, app, "login_hint", "ALEX", "scope", "openid deploy", "binding_message", "Deploy v2", "authorization_details", details)
	if asked.Status != 200 || asked.JSON["expires_in"] != 300.0 || asked.JSON["interval"] != 5.0 || len(asked.Text("auth_req_id")) < 27 {
		t.Fatalf("got %d %s", asked.Status, asked.Body)
	}
	id := asked.Text("auth_req_id")
	if got := poll(t, w, app, id); got.Text("error") != "authorization_pending" || got.Status != 400 {
		t.Errorf("early: %d %s", got.Status, got.Body)
	}
	if got := poll(t, w, app, id); got.Text("error") != "slow_down" {
		t.Errorf("too often: %d %s", got.Status, got.Body)
	}
	done, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	got := poll(t, w, app, id)
	if got.Status != 200 || got.Text("scope") != "openid deploy" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	c := claimsOf(t, got.Text("access_token"))
	approved, _ := c["approval"].(map[string]any)
	if c["sub"] != string(who.ID) || c["acr"] != "phr" || approved["id"] != asked.Text("approval_id") ||
		c["auth_time"] == nil || c["amr"] == nil || approved["statement"] != asked.Text("statement_hash") || approved["statement"] != done.Decision.Statement {
		t.Errorf("claims = %v", c)
	}
	id2 := claimsOf(t, got.Text("id_token"))
	if id2["aud"] != app.ID || id2["urn:openid:params:jwt:claim:auth_req_id"] != id || id2["at_hash"] == nil {
		t.Errorf("ID token = %v", id2)
	}
	if again := poll(t, w, app, id); again.Status != 400 || again.Text("error") != "invalid_grant" {
		t.Errorf("second redemption: %d %s", again.Status, again.Body)
	}
}

// Requirement: ciba-one-hint, ciba-binding-message, rar-malformed
func TestCIBARequestsAreRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Scopes: []string{"deploy"}})
	onlyCC := w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantClientCredentials}})
	w.Person(t, "alex")
	tests := []struct {
		name string
		app  servertest.App
		form []string
		want string
	}{
		{"no hint", app, nil, "invalid_request"},
		{"two hints", app, []string{"login_hint", "alex", "id_token_hint", "x"}, "invalid_request"},
		{"made-up ID token", app, []string{"id_token_hint", "x.y.z"}, "invalid_request"},
		{"not registered for it", onlyCC, []string{"login_hint", "alex"}, "unauthorized_client"},
		{"scope not registered", app, []string{"login_hint", "alex", "scope", "root"}, "invalid_scope"},
		{"long message", app, []string{"login_hint", "alex", "binding_message", strings.Repeat("é", 301)}, "invalid_binding_message"},
		{"300 characters", app, []string{"login_hint", "alex", "binding_message", strings.Repeat("é", 300)}, ""},
		{"line break in the message", app, []string{"login_hint", "alex", "binding_message", "a\nb"}, "invalid_binding_message"},
		{"direction override", app, []string{"login_hint", "alex", "binding_message", "pay \u202e001$"}, "invalid_binding_message"},
		{"invalid UTF-8", app, []string{"login_hint", "alex", "binding_message", "\xff"}, "invalid_binding_message"},
		{"expiry too long", app, []string{"login_hint", "alex", "requested_expiry", "3601"}, "invalid_request"},
		{"expiry zero", app, []string{"login_hint", "alex", "requested_expiry", "0"}, "invalid_request"},
		{"expiry no number", app, []string{"login_hint", "alex", "requested_expiry", "soon"}, "invalid_request"},
		{"a request object that is none", app, []string{"login_hint", "alex", "request", "x.y.z"}, "invalid_request_object"},
		{"details no array", app, []string{"login_hint", "alex", "authorization_details", `{"type":"assent_action"}`}, "invalid_authorization_details"},
		{"details no objects", app, []string{"login_hint", "alex", "authorization_details", `[1]`}, "invalid_authorization_details"},
		{"details without a type", app, []string{"login_hint", "alex", "authorization_details", `[{}]`}, "invalid_authorization_details"},
		{"details no JSON", app, []string{"login_hint", "alex", "authorization_details", `[`}, "invalid_authorization_details"},
		{"details of unknown type", app, []string{"login_hint", "alex", "authorization_details", `[{"type":"payment"}]`}, "invalid_authorization_details"},
		{"details with an unknown member", app, []string{"login_hint", "alex", "authorization_details", `[{"type":"assent_action","x":1}]`}, "invalid_authorization_details"},
		{"details with a member in another case", app, []string{"login_hint", "alex", "authorization_details", `[{"type":"assent_action","Command":["rm"]}]`}, "invalid_authorization_details"},
		{"details with a member twice", app, []string{"login_hint", "alex", "authorization_details", `[{"type":"assent_action","command":["a"],"command":["b"]}]`}, "invalid_authorization_details"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, w, tt.app, tt.form...)
			if got.Text("error") != tt.want || (got.Status == 200) != (tt.want == "") {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	if list, err := w.Server.Audit.Page(t.Context(), w.Site, "", 100); err != nil || count(list, "approval.asked") != 1 {
		t.Errorf("refused requests left approvals: %v, %v", list, err)
	}
}

func count(events []model.Event, kind string) int {
	n := 0
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// Requirement: ciba-poll-errors
func TestCIBAOutcomesOfAPoll(t *testing.T) {
	w := servertest.Start(t, nil)
	app, other := w.App(t, application.NewApplication{}), w.App(t, application.NewApplication{})
	person, _ := w.Person(t, "alex")
	start := func(t *testing.T, expiry string) servertest.Answer {
		a := ask(t, w, app, "login_hint", "alex", "binding_message", "x", "requested_expiry", expiry)
		if a.Status != 200 {
			t.Fatalf("ask: %d %s", a.Status, a.Body)
		}
		return a
	}
	t.Run("denied", func(t *testing.T) {
		a := start(t, "60")
		_, err := person.Decide(t.Context(), a.Text("approval_id"), evidence.Deny)
		servertest.Check(t, err)
		for range 2 {
			if got := poll(t, w, app, a.Text("auth_req_id")); got.Text("error") != "access_denied" {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		}
	})
	t.Run("expired", func(t *testing.T) {
		a := start(t, "1")
		got := poll(t, w, app, a.Text("auth_req_id"), "Prefer", "wait=20")
		if got.Text("error") != "expired_token" {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	})
	// Requirement: ciba-withdraw
	t.Run("withdrawn", func(t *testing.T) {
		a := start(t, "60")
		form := app.Form("token", a.Text("auth_req_id"), "token_type_hint", "auth_req_id")
		if got := w.Post(t, "/oauth/revoke", form); got.Status != 200 {
			t.Errorf("withdraw: %d %s", got.Status, got.Body)
		}
		if got := poll(t, w, app, a.Text("auth_req_id")); got.Text("error") != "access_denied" {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	})
	t.Run("another client's", func(t *testing.T) {
		a := start(t, "60")
		if got := poll(t, w, other, a.Text("auth_req_id")); got.Text("error") != "invalid_grant" {
			t.Errorf("poll: %d %s", got.Status, got.Body)
		}
		w.Post(t, "/oauth/revoke", other.Form("token", a.Text("auth_req_id")))
		if got := poll(t, w, app, a.Text("auth_req_id")); got.Text("error") != "authorization_pending" {
			t.Errorf("after a foreign withdrawal: %d %s", got.Status, got.Body)
		}
	})
	for _, made := range []string{"", "x", strings.Repeat("A", 100)} {
		want := "invalid_grant"
		if made == "" {
			want = "invalid_request"
		}
		if got := poll(t, w, app, made); got.Text("error") != want {
			t.Errorf("auth_req_id %q: %d %s", made, got.Status, got.Body)
		}
	}
}

// Requirement: ciba-strangers
func TestCIBAStrangersGetTheSameAnswerAndNobodyIsAsked(t *testing.T) {
	w := servertest.Start(t, nil)
	site, err := w.Server.Realms.Create(t.Context(), realmWithoutAskAnyone("strict"))
	servertest.Check(t, err)
	app := w.AppIn(t, site, application.NewApplication{})
	person, _ := w.PersonIn(t, site, "alex")
	post := func(path string, form url.Values) servertest.Answer {
		return servertest.Do(t, http.MethodPost, site.Issuer+path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	}
	for _, hint := range []string{"alex", "nobody"} { // alex exists, but has nothing to do with this client
		a := post("/oauth/bc-authorize", app.Form("login_hint", hint, "requested_expiry", "30"))
		if a.Status != 200 || a.Text("auth_req_id") == "" || a.Text("comparison") == "" {
			t.Fatalf("%s: %d %s", hint, a.Status, a.Body)
		}
		if got := post("/oauth/token", app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", a.Text("auth_req_id"))); got.Text("error") != "authorization_pending" {
			t.Errorf("%s: %d %s", hint, got.Status, got.Body)
		}
	}
	if list, err := person.List(t.Context(), "pending"); err != nil || len(list) != 0 {
		t.Errorf("somebody was asked: %v, %v", list, err)
	}
}

func TestCIBAAtMostFivePendingPerApplicationAndPerson(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	person, _ := w.Person(t, "alex")
	var ok atomic.Int32
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			switch got := ask(t, w, app, "login_hint", "alex"); got.Status {
			case 200:
				ok.Add(1)
			case 429:
			default:
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	list, err := person.List(t.Context(), "pending")
	if err != nil || ok.Load() != 5 || len(list) != 5 {
		t.Errorf("%d accepted, %d listed, %v; want 5", ok.Load(), len(list), err)
	}
}

// Requirement: ciba-long-poll
func TestCIBALongPollAnswersWhenTheDecisionFalls(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	person, _ := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex")
	type answered struct {
		servertest.Answer
		at time.Time
	}
	answers := make(chan answered, 1)
	go func() {
		got := poll(t, w, app, a.Text("auth_req_id"), "Prefer", "respond-async, wait=25")
		answers <- answered{got, time.Now()}
	}()
	time.Sleep(150 * time.Millisecond) // let the poll begin to wait
	select {
	case got := <-answers:
		t.Fatalf("answered before the decision: %d %s", got.Status, got.Body)
	default:
	}
	_, err := person.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	decided := time.Now()
	got := <-answers
	if got.Status != 200 || got.at.Sub(decided) > 5*time.Second {
		t.Errorf("got %d %s after %s", got.Status, got.Body, got.at.Sub(decided))
	}
}

// Requirement: ciba-tokens-once
func TestCIBAOneOf32PollsGetsTheToken(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	person, _ := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex")
	_, err := person.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			switch got := poll(t, w, app, a.Text("auth_req_id")); {
			case got.Status == 200:
				won.Add(1)
			case got.Text("error") != "invalid_grant":
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 32 polls got a token, want 1", won.Load())
	}
}

func TestCIBARequestsToNobodyEndWhereRequestsToAPersonDo(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	w.Person(t, "alex")
	for _, hint := range []string{"alex", "nobody"} {
		for i := range 6 {
			want := http.StatusOK
			if i == 5 {
				want = http.StatusTooManyRequests
			}
			if got := ask(t, w, app, "login_hint", hint); got.Status != want {
				t.Errorf("request %d to %s: %d %s, want %d", i+1, hint, got.Status, got.Body, want)
			}
		}
	}
}

// The person sees and signs whom the token is for, also where the client did
// not say.
func TestCIBATheDefaultResourceIsStated(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Resources: []string{"https://api.example", "https://other.example"}})
	person, _ := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex", "binding_message", "Deploy")
	done, err := person.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	st := done.Statement
	if len(st.Action.Resource) != 1 || st.Action.Resource[0] != "https://api.example" || !slices.Contains(st.Shown.Lines, evidence.Line{Label: "At", Value: "https://api.example"}) {
		t.Errorf("statement = %+v", st)
	}
	got := poll(t, w, app, a.Text("auth_req_id"))
	if aud := claimsOf(t, got.Text("access_token"))["aud"]; aud != "https://api.example" {
		t.Errorf("aud = %v", aud)
	}
}

// A token for somebody else's API is not for ours, although it is of the
// client that asked (RFC 9068, Section 4).
func TestEvidenceIsForTokensThatAreForThisServer(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Resources: []string{"https://api.example"}})
	person, _ := w.Person(t, "alex")
	a := ask(t, w, app, "login_hint", "alex")
	_, err := person.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	read := func(token string) int {
		return w.Get(t, "/v1/approvals/"+a.Text("approval_id")+"/evidence", "Authorization", "Bearer "+token).Status
	}
	const cc = "client_credentials"
	elsewhere := w.Post(t, "/oauth/token", app.Form("grant_type", cc)).Text("access_token")
	here := w.Post(t, "/oauth/token", app.Form("grant_type", cc, "resource", w.URL)).Text("access_token")
	own := poll(t, w, app, a.Text("auth_req_id")).Text("access_token")
	if read(elsewhere) != 404 || read(here) != 200 || read(own) != 200 {
		t.Errorf("got %d, %d and %d, want 404, 200 and 200", read(elsewhere), read(here), read(own))
	}
}

// Requirement: ciba-long-poll-limit
func TestCIBAAPollIsHeldAsLongAsAskedAndNoLongerThanTheLimit(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.MaxWait = 1500 * time.Millisecond })
	app := w.App(t, application.NewApplication{})
	w.Person(t, "alex")
	id := ask(t, w, app, "login_hint", "alex").Text("auth_req_id")
	for wait, least := range map[string]time.Duration{"wait=1": time.Second, "wait=600": 1500 * time.Millisecond} {
		start := time.Now()
		got := poll(t, w, app, id, "Prefer", wait)
		if took := time.Since(start); got.Text("error") != "authorization_pending" || took < least || took > least+10*time.Second {
			t.Errorf("%s: %s after %s", wait, got.Body, took)
		}
	}
}
