package oauthhttp_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// paying is a realm with two types of details of its own.
func paying(c *server.Config) {
	c.DefaultPolicy.DetailsTypes = map[string]json.RawMessage{
		"payment": json.RawMessage(`{"type":"object","required":["type","amount"],"additionalProperties":false,"properties":{
			"type":{"const":"payment"},"amount":{"type":"string","pattern":"^[0-9]+\\.[0-9]{2}$"},"to":{"type":"string"},
			"when":{"type":"string","format":"date"}}}`),
		"account":            json.RawMessage(`{"type":"object","required":["actions"],"properties":{"actions":{"type":"array","items":{"enum":["read","write"]}}}}`),
		"https://x.example/": json.RawMessage(`{"$ref":"https://x.example/schema"}`), // never loaded, so never known
	}
}

const (
	pay5      = `{"type":"payment","amount":"5.00","to":"Ada"}`
	pay7      = `{"type":"payment","amount":"7.00"}`
	readsOnly = `{"type":"account","actions":["read"]}`
)

// refusedDetails checks that an answer refuses details.
func refusedDetails(t *testing.T, where string, got servertest.Answer) {
	t.Helper()
	if got.Status != 400 || got.Text("error") != "invalid_authorization_details" {
		t.Errorf("%s: %d %s", where, got.Status, got.Body)
	}
}

// Requirement: rar-registered-types, rar-malformed
func TestDetailsThatAreNotAsTheirTypeSaysAreRefusedEverywhere(t *testing.T) {
	w := servertest.Start(t, paying)
	grants := []string{oauth.GrantCode, oauth.GrantCIBA, oauth.GrantDevice}
	f := w.Flow(t, application.NewApplication{GrantTypes: grants})
	narrow := w.Flow(t, application.NewApplication{GrantTypes: grants, Settings: model.ApplicationSettings{DetailsTypes: []string{"account"}}})
	tests := []struct {
		name, details string
		flow          *servertest.Flow
	}{
		{"an unknown type", `[{"type":"gift"}]`, f},
		{"a type whose schema is elsewhere", `[{"type":"https://x.example/"}]`, f},
		{"a member is missing", `[{"type":"payment"}]`, f},
		{"a member too many", `[{"type":"payment","amount":"5.00","tip":"1.00"}]`, f},
		{"a wrong member", `[{"type":"payment","amount":"5"}]`, f},
		{"a wrong date", `[{"type":"payment","amount":"5.00","when":"soon"}]`, f},
		{"one good, one bad", `[` + pay5 + `,{"type":"account","actions":["steal"]}]`, f},
		{"a type in another case", `[{"type":"Payment","amount":"5.00"}]`, f},
		{"a name in another case", `[{"Type":"payment","amount":"5.00"}]`, f},
		{"one of ours, wrongly", `[{"type":"assent_action","x":1}]`, f},
		{"not for this client", `[` + pay5 + `]`, narrow},
		{"ours, and not for this client", `[{"type":"assent_action"}]`, narrow},
		{"no array", pay5, f},
		{"no objects", `["payment"]`, f},
		{"null", `[null]`, f},
		{"an empty array", `[]`, f},
		{"eleven", `[` + strings.Repeat(pay5+",", 10) + pay7 + `]`, f},
		{"no type", `[{"amount":"5.00"}]`, f},
		{"a type that is no text", `[{"type":["payment"],"amount":"5.00"}]`, f},
		{"a member twice", `[{"type":"payment","amount":"5.00","amount":"500.00"}]`, f},
		{"no JSON", `[{`, f},
		{"over 16 kB", `[{"type":"payment","amount":"5.00","to":"` + strings.Repeat("x", 17<<10) + `"}]`, f},
		{"longer than a person reads", `[{"type":"payment","amount":"5.00","to":"` + strings.Repeat("x", 1001) + `"}]`, f},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.details) < 8000 { // longer ones do not come by URL
				got := tt.flow.Open(t, "authorization_details", tt.details).URL.Query()
				if got.Get("error") != "invalid_authorization_details" || !descriptionAlphabet.MatchString(got.Get("error_description")) {
					t.Errorf("authorize: %v", got)
				}
			}
			refusedDetails(t, "par", push(t, tt.flow, "authorization_details", tt.details))
			refusedDetails(t, "device", w.Post(t, "/oauth/device/code", tt.flow.Form("authorization_details", tt.details)))
			for _, who := range []string{tt.flow.Identity.Traits.Username, "nobody"} { // no way to find out who exists
				refusedDetails(t, "ciba for "+who, w.Post(t, "/oauth/bc-authorize", tt.flow.Form("login_hint", who, "authorization_details", tt.details)))
			}
		})
	}
}

// Where the fault is, is said; what the value was, is not.
//
// Requirement: rar-registered-types
func TestARefusalOfDetailsSaysWhere(t *testing.T) {
	w := servertest.Start(t, paying)
	f := w.Flow(t, application.NewApplication{})
	got := push(t, f, "authorization_details", `[{"type":"payment","amount":"hunter2"}]`).Text("error_description")
	if !strings.HasSuffix(got, "at /amount: pattern") {
		t.Errorf("got %q", got)
	}
	got = push(t, f, "authorization_details", `[{"type":"account","actions":["\"\u202e"]}]`).Text("error_description")
	if !descriptionAlphabet.MatchString(got) || !strings.Contains(got, "/actions/0") {
		t.Errorf("got %q", got)
	}
}

// RFC 9396, Sections 6.1 and 7, over code, refresh and introspection.
//
// Requirement: rar-shown-and-granted, rar-narrowed
func TestGrantedDetailsAreShownCarriedAndOnlyEverNarrowed(t *testing.T) {
	w := servertest.Start(t, paying)
	f := w.Flow(t, application.NewApplication{})
	details := "[" + pay5 + "," + readsOnly + "]"
	asked, err := f.Person.Authorize(t.Context(), f.URL("authorization_details", details, "scope", "openid read offline_access"), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	for _, want := range []string{"<dt><bdi>amount</bdi></dt><dd><bdi>5.00</bdi></dd>", "<bdi>Ada</bdi>", "<dt><bdi>actions 1</bdi></dt><dd><bdi>read</bdi></dd>"} {
		if !strings.Contains(asked.Body, want) {
			t.Errorf("the page lacks %s:\n%s", want, asked.Body)
		}
	}
	code := func() string {
		return f.Code(t, "authorization_details", details, "scope", "openid read offline_access", "prompt", "consent")
	}
	for _, tooMuch := range []string{"[" + pay7 + "]", "[" + pay5 + "," + pay7 + "]", `[{"type":"payment","amount":"5.00"}]`, `[{"type":"payment"}]`} {
		refusedDetails(t, "code for "+tooMuch, f.Redeem(t, code(), "authorization_details", tooMuch))
	}
	first := f.Redeem(t, code(), "authorization_details", `[ {"to":"Ada","type":"payment","amount":"5.00"} ]`)
	holds(t, first, pay5)
	for _, narrowed := range []string{readsOnly, pay5} { // of the grant, not of the token before
		first = f.Refresh(t, first.Text("refresh_token"), "authorization_details", "["+narrowed+"]")
		holds(t, first, narrowed)
		about := w.Post(t, "/oauth/introspect", f.Form("token", first.Text("access_token")))
		if diff := cmp.Diff(parsed(t, "["+narrowed+"]"), about.JSON["authorization_details"]); diff != "" {
			t.Errorf("introspection: %s", diff)
		}
	}
	refusedDetails(t, "refresh", f.Refresh(t, first.Text("refresh_token"), "authorization_details", "["+pay7+"]"))
	all := f.Refresh(t, first.Text("refresh_token"))
	holds(t, all, pay5, readsOnly)
}

// holds checks that an answer and its access token carry exactly these details.
func holds(t *testing.T, got servertest.Answer, details ...string) {
	t.Helper()
	if got.Status != 200 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	want := parsed(t, "["+strings.Join(details, ",")+"]")
	if diff := cmp.Diff(want, got.JSON["authorization_details"]); diff != "" {
		t.Errorf("answer: %s", diff)
	}
	if diff := cmp.Diff(want, claimsOf(t, got.Text("access_token"))["authorization_details"]); diff != "" {
		t.Errorf("access token: %s", diff)
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	servertest.Check(t, json.Unmarshal([]byte(text), &v))
	return v
}

// A client cannot give itself what only a person gives.
//
// Requirement: rar-narrowed
func TestNobodyGrantsThemselvesDetails(t *testing.T) {
	w := servertest.Start(t, paying)
	app := w.App(t, application.NewApplication{Scopes: []string{"a"}})
	refusedDetails(t, "client_credentials", w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantClientCredentials, "authorization_details", "["+pay5+"]")))
	f := w.Flow(t, application.NewApplication{})
	refusedDetails(t, "code without details", f.Redeem(t, f.Code(t), "authorization_details", "["+pay5+"]"))
}

// An approval about a type of the realm states and grants it like any other.
//
// Requirement: rar-shown-and-granted, ciba-parameters
func TestCIBAAsksAboutTheDetailsOfTheRealm(t *testing.T) {
	w := servertest.Start(t, paying)
	app := w.App(t, application.NewApplication{})
	person, _ := w.Person(t, "alex")
	asked := ask(t, w, app, "login_hint", "alex", "authorization_details", "["+pay5+","+pay7+"]")
	if asked.Status != 200 {
		t.Fatalf("got %d %s", asked.Status, asked.Body)
	}
	done, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	want := []evidence.Line{{Label: "amount", Value: "5.00"}, {Label: "to", Value: "Ada"}, {Label: "type", Value: "payment"},
		{Label: "amount", Value: "7.00"}, {Label: "type", Value: "payment"}}
	if diff := cmp.Diff(want, done.Statement.Shown.Lines); diff != "" {
		t.Error(diff)
	}
	form := app.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id"), "authorization_details", "["+pay7+"]")
	refusedDetails(t, "more than was approved", w.Post(t, "/oauth/token", url.Values{"client_id": form["client_id"], "client_secret": form["client_secret"],
		"grant_type": form["grant_type"], "auth_req_id": form["auth_req_id"], "authorization_details": {`[{"type":"payment","amount":"9.00"}]`}}))
	holds(t, w.Post(t, "/oauth/token", form), pay7)
}

// A change of the realm's types counts at once.
//
// Requirement: rar-registered-types
func TestAChangeOfTheRealmsTypesCountsAtOnce(t *testing.T) {
	w := servertest.Start(t, paying)
	f := w.Flow(t, application.NewApplication{})
	if got := push(t, f, "authorization_details", "["+pay5+"]"); got.Status != 201 {
		t.Fatalf("before: %d %s", got.Status, got.Body)
	}
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.DetailsTypes = map[string]json.RawMessage{"gift": json.RawMessage(`{}`)}
	}, "operator"))
	refusedDetails(t, "a type that is gone", push(t, f, "authorization_details", "["+pay5+"]"))
	if got := push(t, f, "authorization_details", `[{"type":"gift"}]`); got.Status != 201 {
		t.Errorf("a new type: %d %s", got.Status, got.Body)
	}
}
