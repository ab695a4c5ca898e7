package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
	"github.com/assent-id/assent/sdk/resource"
)

// asked is what the API says that a person must be asked.
type asked struct {
	Error   string `json:"error"`
	Scope   string `json:"scope"`
	Message string `json:"binding_message"`
	Details []struct {
		Details map[string]string `json:"details"`
	} `json:"authorization_details"`
}

// asker is a client that may ask for approvals.
func (s *shop) asker(t *testing.T) *assent.Client {
	t.Helper()
	app := s.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantCIBA},
		Scopes: []string{"locations:write", api.ScopeClose}, Resources: []string{s.base}})
	client, err := assent.NewClient(t.Context(), assent.Config{Issuer: s.Site.Issuer, ClientID: app.ID, ClientSecret: app.Secret})
	servertest.Check(t, err)
	return client
}

// approved asks a person for what a challenge says, and returns the token of their
// yes, not redeemed.
func (s *shop) approved(t *testing.T, client *assent.Client, p *softperson.Person, who string, challenge servertest.Answer) string {
	t.Helper()
	var a asked
	servertest.Check(t, json.Unmarshal(challenge.Body, &a))
	if challenge.Status != http.StatusForbidden || a.Error != "insufficient_authorization_details" || a.Scope != api.ScopeClose || len(a.Details) != 1 {
		t.Fatalf("no challenge: %d %s", challenge.Status, challenge.Body)
	}
	request, err := client.Start(t.Context(), assent.Action{Person: who, Message: a.Message, Details: a.Details[0].Details, Scope: a.Scope, Resource: []string{s.base}})
	servertest.Check(t, err)
	_, err = p.Decide(t.Context(), request.ID, evidence.Approve)
	servertest.Check(t, err)
	yes, err := client.Wait(t.Context(), request)
	servertest.Check(t, err)
	return yes.Token
}

// Requirement: age-approval
func TestALocationIsClosedByTheYesOfAPersonEachTime(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "locations:read", "locations:write", "transactions:write")
	shop, other := s.made(t, token, "/locations", `{"name":"Harbour"}`), s.made(t, token, "/locations", `{"name":"Hill"}`)
	client := s.asker(t)

	challenge := s.call(t, token, http.MethodPost, "/locations/"+shop+"/close", "")
	if h := challenge.Header.Get("WWW-Authenticate"); !strings.Contains(h, `error="insufficient_authorization_details"`) || !strings.Contains(string(challenge.Body), "Harbour") {
		t.Errorf("%s: %s", h, challenge.Body)
	}
	yes := s.approved(t, client, s.manager, s.identity, challenge)
	wants(t, "another location", s.call(t, yes, http.MethodPost, "/locations/"+other+"/close", ""), http.StatusForbidden, "")
	if a := s.call(t, yes, http.MethodGet, "/locations", ""); a.Status != http.StatusForbidden {
		t.Errorf("the yes is good for more: %d", a.Status)
	}
	if a := s.call(t, token, http.MethodGet, "/locations/"+shop, ""); a.Text("status") != "open" {
		t.Errorf("closed too early: %s", a.Body)
	}
	closed := s.call(t, yes, http.MethodPost, "/locations/"+shop+"/close", "")
	if wants(t, "close", closed, http.StatusOK, ""); closed.Text("status") != "closed" || closed.Text("closedAt") == "" {
		t.Errorf("%s", closed.Body)
	}
	wants(t, "the same yes again", s.call(t, yes, http.MethodPost, "/locations/"+shop+"/close", ""), http.StatusForbidden, "")
	b := s.pass(t, 18, time.Hour)
	wants(t, "verify there", s.call(t, token, http.MethodPost, "/verification/pass", question(t, pass.Base64(b), 18, map[string]any{"locationId": shop})),
		http.StatusBadRequest, "unknown_location")
}

// Requirement: age-approval
func TestAYesIsToTheLocationAsItWas(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "locations:read", "locations:write")
	shop := s.made(t, token, "/locations", `{"name":"Harbour"}`)
	client := s.asker(t)
	yes := s.approved(t, client, s.manager, s.identity, s.call(t, token, http.MethodPost, "/locations/"+shop+"/close", ""))
	wants(t, "rename", s.call(t, token, http.MethodPatch, "/locations/"+shop, `{"name":"Harbour (main)"}`), http.StatusOK, "")
	if a := s.call(t, yes, http.MethodPost, "/locations/"+shop+"/close", ""); a.Status != http.StatusForbidden || !strings.Contains(string(a.Body), "Harbour (main)") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := s.call(t, token, http.MethodGet, "/locations/"+shop, ""); a.Text("status") != "open" {
		t.Errorf("closed: %s", a.Body)
	}
	if a := s.call(t, token, http.MethodPost, "/locations/loc_x/close", ""); a.Status != http.StatusBadRequest {
		t.Errorf("a location of nowhere: %d %s", a.Status, a.Body)
	}
}

// Requirement: age-approval
func TestTheSDKAsksAPersonByItselfWhereTheAPIWantsIt(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "locations:read", "locations:write")
	shop := s.made(t, token, "/locations", `{"name":"Harbour"}`)
	client := &http.Client{Transport: &assent.Transport{Client: s.asker(t), Scope: "locations:write", Resource: []string{s.base}, Person: s.identity,
		OnAsked: func(r assent.Request) {
			if _, err := s.manager.Decide(t.Context(), r.ID, evidence.Approve); err != nil {
				t.Error(err)
			}
		}}}
	answer, err := client.Post(s.base+"/locations/"+shop+"/close", "", nil)
	servertest.Check(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s", answer.Status)
	}
	if a := s.call(t, token, http.MethodGet, "/locations/"+shop, ""); a.Text("status") != "closed" {
		t.Errorf("%s", a.Body)
	}
}

// Requirement: age-approver
func TestTheYesOfSomebodyElseClosesNothing(t *testing.T) {
	s := open(t, nil)
	p, who := s.Person(t, "mallory")
	token := s.token(t, s.client, "locations:read", "locations:write")
	shop := s.made(t, token, "/locations", `{"name":"Harbour"}`)
	client := s.asker(t)
	challenge := s.call(t, token, http.MethodPost, "/locations/"+shop+"/close", "")
	yes := s.approved(t, client, p, string(who.ID), challenge)
	if a := s.call(t, yes, http.MethodPost, "/locations/"+shop+"/close", ""); a.Status != http.StatusForbidden || !strings.Contains(string(a.Body), "may not approve") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := s.call(t, token, http.MethodGet, "/locations/"+shop, ""); a.Text("status") != "open" {
		t.Errorf("closed: %s", a.Body)
	}
	wants(t, "the manager's", s.call(t, s.approved(t, client, s.manager, s.identity, challenge), http.MethodPost, "/locations/"+shop+"/close", ""), http.StatusOK, "")
}

// Requirement: age-scopes
func TestWhoMayNotChangeLocationsIsToldNothingOfThem(t *testing.T) {
	s := open(t, nil)
	shop := s.made(t, s.token(t, s.client, "locations:write"), "/locations", `{"name":"Harbour"}`)
	less := s.token(t, s.client, "locations:read", "devices:read")
	for _, id := range []string{shop, "loc_x"} {
		a := s.call(t, less, http.MethodPost, "/locations/"+id+"/close", "")
		if a.Status != http.StatusForbidden || !strings.Contains(a.Header.Get("WWW-Authenticate"), `error="insufficient_scope"`) || strings.Contains(string(a.Body), "Harbour") {
			t.Errorf("%s: %d %v %s", id, a.Status, a.Header, a.Body)
		}
	}
}

// Requirement: age-rate-limit
func TestRequestsThatWantAnApprovalCountToo(t *testing.T) {
	s := open(t, func(c *api.Config) { c.Limit.Requests = 3 })
	token := s.token(t, s.client, "locations:write")
	shop := s.made(t, token, "/locations", `{"name":"Harbour"}`)
	for range 2 {
		a := s.call(t, token, http.MethodPost, "/locations/"+shop+"/close", "")
		if a.Status != http.StatusForbidden || a.Header.Get("RateLimit") == "" {
			t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
		}
	}
	wants(t, "one more", s.call(t, token, http.MethodPost, "/locations/"+shop+"/close", ""), http.StatusTooManyRequests, "too_many_requests")
}

// A meddler does something between the guard and the operation.
type meddler struct {
	api.Guard
	do func()
}

func (m *meddler) Protect(h http.Handler, need resource.Need) http.Handler {
	return m.Guard.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.do()
		h.ServeHTTP(w, r)
	}), need)
}

// Requirement: age-approval
func TestALocationThatIsRenamedWhileTheApprovalIsUsedUpStaysOpen(t *testing.T) {
	between := func() {}
	s := open(t, func(c *api.Config) { c.Guard = &meddler{c.Guard, func() { between() }} })
	token := s.token(t, s.client, "locations:read", "locations:write")
	shop := s.made(t, token, "/locations", `{"name":"Harbour"}`)
	yes := s.approved(t, s.asker(t), s.manager, s.identity, s.call(t, token, http.MethodPost, "/locations/"+shop+"/close", ""))
	between = func() {
		name := "Head office"
		_, err := s.config.Store.Update(t.Context(), store.Location, shop, store.Change{Name: &name}, time.Now())
		servertest.Check(t, err)
	}
	wants(t, "close", s.call(t, yes, http.MethodPost, "/locations/"+shop+"/close", ""), http.StatusConflict, "location_renamed")
	between = func() {}
	if a := s.call(t, token, http.MethodGet, "/locations/"+shop, ""); a.Text("status") != "open" || a.Text("name") != "Head office" {
		t.Errorf("%s", a.Body)
	}
}
