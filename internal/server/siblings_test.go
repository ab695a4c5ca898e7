package server_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// A family is a realm in which everything has been given that can be given: two
// tokens, a decided approval whose token nobody has fetched, one that waits,
// and a session.
type family struct {
	*servertest.World
	app, api            servertest.App // api is whom the tokens are for
	person              *softperson.Person
	who                 model.Identity
	own, approved       string // access tokens: in the app's own name, and for an approval
	ours                string // like own, but for this server
	fulfilled           string // approval of the latter
	decided, decidedReq string // approval and auth_req_id of the one that nobody fetched
	waiting             string
}

func newFamily(t *testing.T, w *servertest.World, name string) *family {
	t.Helper()
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: name, Policy: model.RealmPolicy{Development: true, AskAnyone: true}})
	servertest.Check(t, err)
	f := &family{World: &servertest.World{Server: w.Server, Site: site, URL: site.Issuer}}
	f.api = f.App(t, application.NewApplication{})
	f.app = f.App(t, application.NewApplication{Resources: []string{f.api.ID}})
	f.person, f.who = f.Person(t, "alex")
	f.own = f.Post(t, "/oauth/token", f.app.Form("grant_type", oauth.GrantClientCredentials)).Text("access_token")
	f.ours = f.Post(t, "/oauth/token", f.app.Form("grant_type", oauth.GrantClientCredentials, "resource", f.URL)).Text("access_token")
	a, first := f.ask(t)
	f.fulfilled = a
	f.approve(t, a)
	f.approved = f.poll(t, first).Text("access_token")
	f.decided, f.decidedReq = f.ask(t)
	f.approve(t, f.decided)
	f.waiting, _ = f.ask(t)
	if f.own == "" || f.ours == "" || f.approved == "" {
		t.Fatal("no tokens")
	}
	return f
}

func (f *family) ask(t *testing.T) (id, request string) {
	t.Helper()
	got := f.Post(t, "/oauth/bc-authorize", f.app.Form("login_hint", "alex", "binding_message", "Deploy"))
	if got.Status != 200 {
		t.Fatalf("ask: %d %s", got.Status, got.Body)
	}
	return got.Text("approval_id"), got.Text("auth_req_id")
}

func (f *family) approve(t *testing.T, id string) {
	t.Helper()
	_, err := f.person.Decide(t.Context(), id, evidence.Approve)
	servertest.Check(t, err)
}

func (f *family) poll(t *testing.T, request string) servertest.Answer {
	t.Helper()
	return f.Post(t, "/oauth/token", f.app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", request))
}

func (f *family) bearer(t *testing.T, method, path, token string) servertest.Answer {
	t.Helper()
	return servertest.Do(t, method, f.URL+path, nil, "Authorization", "Bearer "+token)
}

func (f *family) introspect(t *testing.T, token string) string {
	t.Helper()
	got := f.Post(t, "/oauth/introspect", f.api.Form("token", token))
	switch {
	case got.Status != 200:
		return got.Text("error")
	case got.JSON["active"] == true:
		return ""
	default:
		return "inactive"
	}
}

// code is the refusal of a person's request, "" if there was none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	refused, ok := errors.AsType[*softperson.Problem](err)
	if !ok {
		t.Errorf("no refusal but %v", err)
		return "?"
	}
	return refused.Code
}

// ways are all ways in which something is given or used. Each answers the
// refusal, or "".
var ways = []struct {
	name string
	try  func(*testing.T, *family) string
}{
	{"client_credentials", func(t *testing.T, f *family) string {
		return f.Post(t, "/oauth/token", f.app.Form("grant_type", oauth.GrantClientCredentials)).Text("error")
	}},
	{"CIBA poll", func(t *testing.T, f *family) string { return f.poll(t, f.decidedReq).Text("error") }},
	{"introspection", func(t *testing.T, f *family) string { return f.introspect(t, f.own) }},
	{"introspection, approved", func(t *testing.T, f *family) string { return f.introspect(t, f.approved) }},
	{"evidence", func(t *testing.T, f *family) string {
		return f.bearer(t, http.MethodGet, "/v1/approvals/"+f.fulfilled+"/evidence", f.ours).Text("code")
	}},
	{"evidence, approved", func(t *testing.T, f *family) string {
		return f.bearer(t, http.MethodGet, "/v1/approvals/"+f.fulfilled+"/evidence", f.approved).Text("code")
	}},
	{"redeem", func(t *testing.T, f *family) string {
		return f.bearer(t, http.MethodPost, "/v1/approvals/"+f.fulfilled+"/redeem", f.approved).Text("code")
	}},
	{"list", func(t *testing.T, f *family) string {
		_, err := f.person.List(t.Context(), "pending")
		return code(t, err)
	}},
	{"me", func(t *testing.T, f *family) string {
		_, err := f.person.Call(t.Context(), http.MethodGet, f.URL+"/v1/me", nil)
		return code(t, err)
	}},
	{"person's evidence", func(t *testing.T, f *family) string {
		_, err := f.person.Call(t.Context(), http.MethodGet, f.URL+"/v1/approvals/"+f.fulfilled+"/evidence", nil)
		return code(t, err)
	}},
	{"decide", func(t *testing.T, f *family) string {
		// What was shown before everything stopped is signed as it was shown.
		a, err := f.Server.Approvals.ForPerson(t.Context(), f.Site, f.who.ID, model.ApprovalID(f.waiting))
		servertest.Check(t, err)
		done, err := softperson.NewDecision(a.Statement, evidence.Approve)
		servertest.Check(t, err)
		signed, err := f.person.Sign(done.Decision)
		servertest.Check(t, err)
		return code(t, f.person.Send(t.Context(), f.waiting, signed))
	}},
	{"revocation", func(t *testing.T, f *family) string {
		return f.Post(t, "/oauth/revoke", f.app.Form("token", f.approved)).Text("error")
	}},
	{"CIBA start", func(t *testing.T, f *family) string {
		return f.Post(t, "/oauth/bc-authorize", f.app.Form("login_hint", "alex")).Text("error")
	}},
	{"sign-in", func(t *testing.T, f *family) string { return code(t, f.person.SignIn(t.Context())) }},
}

// reasons are all ways to stop something. refused has the ways that it closes,
// with the refusal; silent has those that are answered as ever and do nothing.
// Taking a token back is neither: it is done also where something else stops the
// token for now, so that it does not come back later.
var reasons = []struct {
	name    string
	stop    func(*testing.T, *family)
	refused map[string]string
	silent  []string
}{
	{"nothing", func(*testing.T, *family) {}, nil, nil},
	{"realm disabled", func(t *testing.T, f *family) {
		servertest.Check(t, f.Server.Realms.SetStatus(t.Context(), f.Site.Realm.ID, model.RealmDisabled, "test"))
	}, map[string]string{
		"client_credentials": "invalid_client", "CIBA start": "invalid_client", "CIBA poll": "invalid_client", "revocation": "invalid_client",
		"introspection": "invalid_client", "introspection, approved": "invalid_client",
		"evidence": "invalid_token", "evidence, approved": "invalid_token", "redeem": "invalid_token",
		"list": "signed_out", "me": "signed_out", "person's evidence": "signed_out", "decide": "signed_out", "sign-in": "signin_refused",
	}, nil},
	{"tokens of the realm revoked", func(t *testing.T, f *family) {
		_, err := f.Server.Realms.RevokeTokens(t.Context(), f.Site.Realm.ID, "test")
		servertest.Check(t, err)
	}, map[string]string{
		"CIBA poll": "invalid_grant", "introspection": "inactive", "introspection, approved": "inactive",
		"evidence": "invalid_token", "evidence, approved": "invalid_token", "redeem": "invalid_token",
		"list": "signed_out", "me": "signed_out", "person's evidence": "signed_out", "decide": "signed_out",
	}, nil},
	{"application frozen", func(t *testing.T, f *family) {
		servertest.Check(t, f.Server.Applications.SetStatus(t.Context(), f.Site, model.ClientID(f.app.ID), model.ApplicationFrozen, "test"))
	}, stoppedApplication, nil},
	{"application disabled", func(t *testing.T, f *family) {
		servertest.Check(t, f.Server.Applications.SetStatus(t.Context(), f.Site, model.ClientID(f.app.ID), model.ApplicationDisabled, "test"))
	}, stoppedApplication, nil},
	{"application frozen and thawed", func(t *testing.T, f *family) {
		for _, s := range []model.ApplicationStatus{model.ApplicationFrozen, model.ApplicationActive} {
			servertest.Check(t, f.Server.Applications.SetStatus(t.Context(), f.Site, model.ClientID(f.app.ID), s, "test"))
		}
	}, revokedApplication, nil},
	{"tokens of the application revoked", func(t *testing.T, f *family) {
		_, err := f.Server.Applications.RevokeTokens(t.Context(), f.Site, model.ClientID(f.app.ID), "test")
		servertest.Check(t, err)
	}, revokedApplication, nil},
	{"person suspended", func(t *testing.T, f *family) {
		_, err := f.Server.Directory.Suspend(t.Context(), f.Site, f.who.ID, "test")
		servertest.Check(t, err)
	}, with(revokedPerson, "sign-in", "not_allowed"), []string{"CIBA start"}},
	{"person suspended and activated", func(t *testing.T, f *family) {
		_, err := f.Server.Directory.Suspend(t.Context(), f.Site, f.who.ID, "test")
		servertest.Check(t, err)
		_, err = f.Server.Directory.Activate(t.Context(), f.Site, f.who.ID, "test")
		servertest.Check(t, err)
	}, revokedPerson, nil},
	{"tokens of the person revoked", func(t *testing.T, f *family) {
		_, err := f.Server.Directory.RevokeTokens(t.Context(), f.Site, directory.Ref[model.IdentityID]{ID: f.who.ID})
		servertest.Check(t, err)
	}, revokedPerson, nil},
	{"tokens revoked one by one", func(t *testing.T, f *family) {
		for _, token := range []string{f.own, f.ours, f.approved} {
			f.Post(t, "/oauth/revoke", f.app.Form("token", token))
		}
	}, map[string]string{
		"introspection": "inactive", "introspection, approved": "inactive",
		"evidence": "invalid_token", "evidence, approved": "invalid_token", "redeem": "invalid_token",
	}, nil},
}

// A stopped application is unknown; people may still look at what it asked, and
// answer.
var stoppedApplication = map[string]string{
	"client_credentials": "invalid_client", "CIBA start": "invalid_client", "CIBA poll": "invalid_client", "revocation": "invalid_client",
	"introspection": "inactive", "introspection, approved": "inactive",
	"evidence": "invalid_token", "evidence, approved": "invalid_token", "redeem": "invalid_token",
}

var revokedApplication = map[string]string{
	"CIBA poll": "invalid_grant", "introspection": "inactive", "introspection, approved": "inactive",
	"evidence": "invalid_token", "evidence, approved": "invalid_token", "redeem": "invalid_token",
}

var revokedPerson = map[string]string{
	"CIBA poll": "invalid_grant", "introspection, approved": "inactive", "evidence, approved": "invalid_token", "redeem": "invalid_token",
	"list": "signed_out", "me": "signed_out", "person's evidence": "signed_out", "decide": "signed_out",
}

func with(m map[string]string, name, refusal string) map[string]string {
	out := map[string]string{name: refusal}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// state is what a refusal must leave alone: everything that is noted, but for
// the refusals of sign-ins themselves, and every approval.
func (f *family) state(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	events, err := f.Server.Audit.Page(t.Context(), f.Site, "", 200)
	servertest.Check(t, err)
	for _, e := range events {
		// A refused sign-in is noted as such; sessions of who was stopped end in the
		// background.
		if e.Type != "signin.refused" && e.Type != "session.ended" {
			out[string(e.ID)] = e.Type
		}
	}
	for _, id := range []string{f.fulfilled, f.decided, f.waiting} {
		a, err := f.Server.Approvals.ForPerson(t.Context(), f.Site, f.who.ID, model.ApprovalID(id))
		servertest.Check(t, err)
		out[id] = string(a.State) + " " + a.RedeemedAt.Time().String()
	}
	return out
}

// One gate: whoever is stopped is stopped on every way, at once, and nothing
// happens on the way.
func TestWhateverIsStoppedIsStoppedOnEveryWay(t *testing.T) {
	w := servertest.Start(t, nil)
	for i, reason := range reasons {
		t.Run(reason.name, func(t *testing.T) {
			f := newFamily(t, w, "realm-"+string(rune('a'+i)))
			reason.stop(t, f)
			silent := map[string]bool{}
			for _, name := range reason.silent {
				silent[name] = true
			}
			for _, way := range ways {
				before := f.state(t)
				got, want := way.try(t, f), reason.refused[way.name]
				if got != want {
					t.Errorf("%s: refused as %q, want %q", way.name, got, want)
				}
				if want == "" && !silent[way.name] {
					continue
				}
				if diff := cmp.Diff(before, f.state(t)); diff != "" {
					t.Errorf("%s was refused, and yet: %s", way.name, diff)
				}
			}
		})
	}
}

// What is stopped while a poll waits is stopped for that poll.
func TestAWaitingPollGetsNothingOnceItsClientIsStopped(t *testing.T) {
	w := servertest.Start(t, nil)
	f := newFamily(t, w, "waiting")
	id, request := f.ask(t)
	answer := make(chan servertest.Answer, 1)
	go func() {
		answer <- f.Post(t, "/oauth/token", f.app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", request), "Prefer", "wait=20")
	}()
	time.Sleep(100 * time.Millisecond) // let the poll wait
	servertest.Check(t, f.Server.Applications.SetStatus(t.Context(), f.Site, model.ClientID(f.app.ID), model.ApplicationFrozen, "test"))
	f.approve(t, id)
	if got := <-answer; got.Status != 400 || got.Text("error") != "invalid_grant" || got.JSON["access_token"] != nil {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	a, err := f.Server.Approvals.ForPerson(t.Context(), f.Site, f.who.ID, model.ApprovalID(id))
	servertest.Check(t, err)
	if a.State != model.ApprovalApproved {
		t.Errorf("the approval is %s, want approved and not fulfilled", a.State)
	}
}
