package manage_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// withServers is a world with a token for resource servers and what is near them.
func withServers(t *testing.T) (*world, string) {
	t.Helper()
	w := start(t)
	return w, w.token(t, manage.ResourceServersCreate, manage.ResourceServersRead, manage.ResourceServersUpdate, manage.ResourceServersDelete,
		manage.RolesCreate, manage.RolesDelete, manage.RealmsRead, manage.RealmsUpdate, manage.EventsRead)
}

const ordersURL = "https://orders.example.com"

// Requirement: rs-api
func TestAResourceServerIsRegisteredChangedAndRemoved(t *testing.T) {
	w, token := withServers(t)
	app := w.App(t, application.NewApplication{})
	made := w.call(t, token, http.MethodPost, w.base+"/resource-servers", `{"resource_server":{"identifier":"`+ordersURL+`","display_name":"Orders",
		"scopes":[{"name":"read","description":"See your orders","default":true},{"name":"pay","approval":true}],
		"access_token_format":"opaque","access_token_lifetime":60,"clients":["`+app.ID+`"]}}`)
	wants(t, "create", made, http.StatusCreated, "")
	one := inside(made, "resource_server")
	id, _ := one["id"].(string)
	at := w.base + "/resource-servers/" + id
	if w.URL+made.Header.Get("Location") != at || made.Header.Get("ETag") != `"1"` || one["create_time"] == "" || one["update_time"] != one["create_time"] {
		t.Errorf("got %s at %s", made.Body, made.Header.Get("Location"))
	}
	want := map[string]any{"identifier": ordersURL, "display_name": "Orders", "access_token_format": "opaque", "access_token_lifetime": 60.0,
		"clients": []any{app.ID}, "tenant_id": string(w.Site.Realm.TenantID), "realm_id": string(w.Site.Realm.ID), "version": 1.0,
		"scopes": []any{map[string]any{"name": "read", "description": "See your orders", "default": true, "approval": false},
			map[string]any{"name": "pay", "description": "", "default": false, "approval": true}}}
	for name, value := range want {
		if diff := cmp.Diff(value, one[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got := w.call(t, token, http.MethodGet, at, "")
	if wants(t, "read", got, http.StatusOK, ""); string(got.Body) != string(made.Body) || got.Header.Get("ETag") != `"1"` {
		t.Errorf("made %s, and read %s", made.Body, got.Body)
	}
	// A change leaves what it does not name; null takes away.
	got = w.call(t, token, http.MethodPatch, at, `{"resource_server":{"access_token_format":null,"clients":[],"scopes":[{"name":"read"},{"name":"write","default":true}]}}`, "If-Match", `"1"`)
	if wants(t, "change", got, http.StatusOK, ""); got.Header.Get("ETag") != `"2"` || member(got, "resource_server.display_name") != "Orders" {
		t.Errorf("got %s", got.Body)
	}
	stored, err := w.Server.Realms.ResourceServer(t.Context(), w.Site.Realm.ID, model.ResourceServerID(id))
	servertest.Check(t, err)
	stored.CreatedAt, stored.UpdatedAt = 0, 0
	if diff := cmp.Diff(model.ResourcePolicy{ID: model.ResourceServerID(id), Version: 2, Resource: ordersURL, Name: "Orders", Scopes: []string{"read", "write"},
		DefaultScopes: []string{"write"}, TokenLifetime: 60}, stored); diff != "" {
		t.Errorf("stored: %s", diff)
	}
	wants(t, "an old version", w.call(t, token, http.MethodPatch, at, `{"resource_server":{"display_name":"X"}}`, "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "delete an old version", w.call(t, token, http.MethodDelete, at, "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	role := w.made(t, token, "role", `{"resource":"`+ordersURL+`","name":"clerk"}`)
	wants(t, "with a role", w.call(t, token, http.MethodDelete, at, ""), http.StatusConflict, "has_roles")
	wants(t, "its role", w.call(t, token, http.MethodDelete, w.base+"/roles/"+role, ""), http.StatusNoContent, "")
	wants(t, "delete", w.call(t, token, http.MethodDelete, at, "", "If-Match", `"2"`), http.StatusNoContent, "")
	wants(t, "after that", w.call(t, token, http.MethodGet, at, ""), http.StatusNotFound, "not_found")
	for _, kind := range []string{"created", "updated", "deleted"} {
		events, _ := w.call(t, token, http.MethodGet, w.base+"/events?type=resource_server."+kind, "").JSON["events"].([]any)
		if len(events) != 1 || events[0].(map[string]any)["target"] != id {
			t.Errorf("the trail of what was %s: %v", kind, events)
		}
	}
}

// Requirement: rs-approval-kept
func TestAScopeThatNeedsApprovalsStaysSoForWhoeverIsRegisteredForIt(t *testing.T) {
	w, token := withServers(t)
	created := w.call(t, token, http.MethodPost, w.base+"/resource-servers", `{"resource_server":{"identifier":"`+ordersURL+`","scopes":[{"name":"pay","approval":true}]}}`)
	wants(t, "create", created, http.StatusCreated, "")
	id, _ := member(created, "resource_server.id").(string)
	app := w.App(t, application.NewApplication{Scopes: []string{"pay"}, Resources: []string{ordersURL}})
	at := w.base + "/resource-servers/" + id
	wants(t, "delete", w.call(t, token, http.MethodDelete, at, ""), http.StatusConflict, "has_clients")
	wants(t, "unmark", w.call(t, token, http.MethodPatch, at, `{"resource_server":{"scopes":[{"name":"pay"}]}}`), http.StatusConflict, "has_clients")
	got := w.call(t, token, http.MethodPatch, w.base+"/policy", `{"policy":{"resources":null}}`)
	if wants(t, "policy", got, http.StatusUnprocessableEntity, "invalid_policy"); !strings.Contains(got.Text("detail"), app.ID) {
		t.Errorf("who is it? %s", got.Body)
	}
	servertest.Check(t, w.Server.Applications.Delete(t.Context(), w.Site, model.ClientID(app.ID), "operator"))
	wants(t, "delete", w.call(t, token, http.MethodDelete, at, ""), http.StatusNoContent, "")
}

// Requirement: rs-api, rs-rules
func TestRefusalsOfResourceServersNameThePart(t *testing.T) {
	w, token := withServers(t)
	create := func(body string) servertest.Answer {
		return w.call(t, token, http.MethodPost, w.base+"/resource-servers", `{"resource_server":`+body+`}`)
	}
	wants(t, "the first", create(`{"identifier":"`+ordersURL+`"}`), http.StatusCreated, "")
	wants(t, "its identifier again", create(`{"identifier":"`+ordersURL+`"}`), http.StatusConflict, "identifier_taken")
	wants(t, "with a slash", create(`{"identifier":"`+ordersURL+`/"}`), http.StatusConflict, "identifier_taken")
	with := func(member string) string { return `{"identifier":"https://b.example",` + member + `}` }
	for body, part := range map[string]string{
		`{}`:                                     "body.resource_server",
		`{"identifier":"http://b.example"}`:      "body.resource_server.identifier",
		`{"identifier":"https://b.example/#"}`:   "body.resource_server.identifier",
		`{"identifier":"` + w.Site.Issuer + `"}`: "body.resource_server.identifier",
		`{"identifier":"https://` + strings.Repeat("b", 513) + `"}`:                      "body.resource_server.identifier",
		with(`"scopes":[{"name":"openid"}]`):                                             "body.resource_server.scopes[0].name",
		with(`"scopes":[{"name":"a"},{"name":"a"}]`):                                     "body.resource_server.scopes[1].name",
		with(`"scopes":[{"name":"a b"}]`):                                                "body.resource_server.scopes[0].name",
		with(`"scopes":[{"name":""}]`):                                                   "body.resource_server.scopes[0].name",
		with(`"scopes":[{"name":"a","default":true,"approval":true}]`):                   "body.resource_server.scopes[0].default",
		with(`"scopes":[{"name":"a","description":"` + strings.Repeat("a", 121) + `"}]`): "body.resource_server.scopes[0].description",
		with(`"scopes":[{"name":"a","description":" a"}]`):                               "body.resource_server.scopes[0].description",
		with(`"access_token_format":"xml"`):                                              "body.resource_server.access_token_format",
		with(`"access_token_lifetime":9`):                                                "body.resource_server.access_token_lifetime",
		with(`"access_token_lifetime":86401`):                                            "body.resource_server.access_token_lifetime",
		with(`"clients":["nobody"]`):                                                     "body.resource_server.clients[0]",
		with(`"display_name":"A\u0000"`):                                                 "",
		with(`"id":"rsv_01kagxw5z0e9y8mpp6wknfsb2r"`):                                    "body.resource_server",
	} {
		got := create(body)
		wants(t, body, got, http.StatusUnprocessableEntity, "invalid_request")
		if part != "" && field(got) != part {
			t.Errorf("%s: refused at %q, want %q", body, field(got), part)
		}
	}
	list := w.call(t, token, http.MethodGet, w.base+"/resource-servers?identifier="+ordersURL, "")
	ids := idsIn(list, "resource_servers")
	if len(ids) != 1 || len(idsIn(w.call(t, token, http.MethodGet, w.base+"/resource-servers", ""), "resource_servers")) != 1 {
		t.Fatalf("got %s", list.Body)
	}
	moved := w.call(t, token, http.MethodPatch, w.base+"/resource-servers/"+ids[0], `{"resource_server":{"identifier":"https://c.example"}}`)
	if wants(t, "move", moved, http.StatusUnprocessableEntity, "invalid_request"); field(moved) != "body.resource_server.identifier" {
		t.Errorf("refused at %q", field(moved))
	}
	// In a policy the same rules say so.
	policy := w.call(t, token, http.MethodPatch, w.base+"/policy", `{"policy":{"resources":[{"resource":"http://b.example"}]}}`)
	wants(t, "in a policy", policy, http.StatusUnprocessableEntity, "invalid_policy")
}

// Requirement: rs-api, rs-named-by-identifier
func TestTheListAndThePolicyAreOne(t *testing.T) {
	w, token := withServers(t)
	wants(t, "create", w.call(t, token, http.MethodPost, w.base+"/resource-servers", `{"resource_server":{"identifier":"`+ordersURL+`"}}`), http.StatusCreated, "")
	read := w.call(t, token, http.MethodGet, w.base+"/policy", "")
	var policy struct {
		Policy struct {
			Resources []map[string]any `json:"resources"`
		} `json:"policy"`
	}
	servertest.Check(t, json.Unmarshal(read.Body, &policy))
	first := policy.Policy.Resources
	if len(first) != 1 || first[0]["resource"] != ordersURL || first[0]["version"] != 1.0 {
		t.Fatalf("the policy: %s", read.Body)
	}
	text := encode(t, append(first, map[string]any{"resource": "https://b.example", "default_scopes": []string{"openid"}}))
	wants(t, "put back with another", w.call(t, token, http.MethodPatch, w.base+"/policy", `{"policy":{"resources":`+text+`}}`, "If-Match", read.Header.Get("ETag")), http.StatusOK, "")
	ids := idsIn(w.call(t, token, http.MethodGet, w.base+"/resource-servers", ""), "resource_servers")
	if len(ids) != 2 || ids[0] != first[0]["id"] {
		t.Errorf("got %v", ids)
	}
	// What the policy alone can say of one stays when the rest is changed here.
	wants(t, "change", w.call(t, token, http.MethodPatch, w.base+"/resource-servers/"+ids[1], `{"resource_server":{"scopes":[{"name":"a","default":true}]}}`), http.StatusOK, "")
	stored, err := w.Server.Realms.ResourceServer(t.Context(), w.Site.Realm.ID, model.ResourceServerID(ids[1]))
	servertest.Check(t, err)
	if !slices.Equal(stored.DefaultScopes, []string{"a", "openid"}) {
		t.Errorf("got %+v", stored)
	}
}

// Requirement: rs-one-of-two, rs-apart
func TestOfTwoWhoChangeAResourceServerAtOnceOneHearsThatItWasChanged(t *testing.T) {
	engines(t, func(t *testing.T, g *generator) {
		made := g.call(t, g.token, http.MethodPost, g.base+"/resource-servers", `{"resource_server":{"identifier":"`+ordersURL+`"}}`)
		wants(t, "create", made, http.StatusCreated, "")
		at := g.URL + made.Header.Get("Location")
		for round := range 3 {
			got := make([]servertest.Answer, 6)
			var all sync.WaitGroup
			for i := range got {
				all.Go(func() {
					got[i] = request(t, http.MethodPatch, at, fmt.Sprintf(`{"resource_server":{"display_name":"%d of %d"}}`, i, round),
						"Authorization", "Bearer "+g.token, "If-Match", fmt.Sprintf(`"%d"`, round+1))
				})
				all.Go(func() { // something else of the realm
					other := request(t, http.MethodPost, g.base+"/resource-servers", fmt.Sprintf(`{"resource_server":{"identifier":"https://%d.%d.example"}}`, i, round),
						"Authorization", "Bearer "+g.token)
					if other.Status != http.StatusCreated {
						t.Errorf("meanwhile: %d %s", other.Status, other.Body)
					}
				})
			}
			all.Wait()
			won := 0
			for _, a := range got {
				if a.Status == http.StatusOK {
					won++
				} else {
					wants(t, "the other", a, http.StatusPreconditionFailed, "changed")
				}
			}
			if won != 1 {
				t.Errorf("round %d: %d won", round, won)
			}
		}
	})
}
