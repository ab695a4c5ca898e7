package manage_test

import (
	"net/http"
	"testing"
)

const payments = `{"resource_server":{"identifier":"https://pay.example/api","display_name":"Payments","scopes":[
	{"name":"balance:read","description":"See it"},{"name":"payments:write","description":"Pay","approval":true}]}}`

// Requirement: svc-may-ask, svc-manage
func TestAServiceClientThatMayNotAskIsRefusedWhatAnApprovalAloneGives(t *testing.T) {
	c := startClients(t, nil)
	c.register(payments)
	const asksFor = `,"resources":["https://pay.example/api"],"scopes":["balance:read","payments:write"]`
	wants(t, "without", c.do(http.MethodPost, "/service-clients", `{"service_client":{"display_name":"Shop"`+asksFor+`}}`), http.StatusUnprocessableEntity, "invalid_application")
	made := c.do(http.MethodPost, "/service-clients", `{"service_client":{"display_name":"Shop","may_ask":true`+asksFor+`}}`)
	wants(t, "with", made, http.StatusCreated, "")
	shop := inside(made, "service_client")
	if shop["may_ask"] != true {
		t.Errorf("it is not said that it may ask: %s", made.Body)
	}
	path := "/service-clients/" + shop["client_id"].(string)
	wants(t, "a name", c.do(http.MethodPatch, path, `{"service_client":{"display_name":"Other shop"}}`), http.StatusOK, "")
	wants(t, "not asking any more", c.do(http.MethodPatch, path, `{"service_client":{"may_ask":false}}`), http.StatusUnprocessableEntity, "invalid_application")
	wants(t, "neither", c.do(http.MethodPatch, path, `{"service_client":{"may_ask":null,"scopes":["balance:read"]}}`), http.StatusOK, "")
	wants(t, "the scope alone", c.do(http.MethodPatch, path, `{"service_client":{"scopes":["payments:write"]}}`), http.StatusUnprocessableEntity, "invalid_application")
	wants(t, "asking again", c.do(http.MethodPatch, path, `{"service_client":{"may_ask":true,"scopes":["payments:write"]}}`), http.StatusOK, "")
}

// A rule is not held against what stood there before it: such a client can be given
// another name.
//
// Requirement: svc-may-ask
func TestAScopeThatNeedsAnApprovalSinceStandsAgainstNoOtherChange(t *testing.T) {
	c := startClients(t, nil)
	s := c.create(`,"resources":["https://pay.example/api"]`)
	c.register(`{"resource_server":{"identifier":"https://pay.example/api","scopes":[{"name":"devices:read","approval":true}]}}`)
	wants(t, "a name", c.do(http.MethodPatch, "/service-clients/"+s.id, `{"service_client":{"display_name":"Other tills"}}`), http.StatusOK, "")
	c.works("as before", s, true)
	// An API that has an ordinary scope of that name gives it without asking.
	c.register(`{"resource_server":{"identifier":"https://shop.example","scopes":[{"name":"devices:read"}]}}`)
	made := c.do(http.MethodPost, "/service-clients", `{"service_client":{"display_name":"X","scopes":["devices:read"],"resources":["https://shop.example"]}}`)
	wants(t, "an ordinary scope of that name", made, http.StatusCreated, "")
}

// register registers a resource server.
func (c *clientWorld) register(body string) {
	c.t.Helper()
	token := c.token(c.t, "resource-servers:create")
	wants(c.t, "register", c.call(c.t, token, http.MethodPost, c.base+"/resource-servers", body), http.StatusCreated, "")
}

// Requirement: svc-fits
func TestAServiceClientThatCouldNeverWorkIsRefusedWhereItIsMadeOrChanged(t *testing.T) {
	c := startClients(t, nil)
	s := c.create("")
	for what, members := range map[string]string{
		"a resource that is no URI":    `"resources":["foo"]`,
		"a resource that nobody owns":  `"resources":["http://pay.example"]`,
		"a scope of people":            `"scopes":["openid"]`,
		"another":                      `"scopes":["read","address"]`,
		"a life that is over at once":  `"access_token_lifetime":9`,
		"keys that anybody can change": `"jwks_uri":"http://foo"`,
	} {
		wants(t, what, c.do(http.MethodPost, "/service-clients", `{"service_client":{"display_name":"X",`+members+`}}`), http.StatusUnprocessableEntity, "invalid_application")
		wants(t, what, c.do(http.MethodPatch, "/service-clients/"+s.id, `{"service_client":{`+members+`}}`), http.StatusUnprocessableEntity, "invalid_application")
	}
	c.works("unchanged", s, true)
	for what, members := range map[string]string{
		"the least life": `"access_token_lifetime":10`, "the usual one": `"access_token_lifetime":0`, "the issuer": `"resources":["` + c.Site.Issuer + `"]`,
		"this machine": `"resources":["http://127.0.0.1:1/api"]`, "a name": `"resources":["urn:example:archive"]`, "keys over TLS": `"jwks_uri":"https://tills.example/keys"`,
	} {
		wants(t, what, c.do(http.MethodPost, "/service-clients", `{"service_client":{"display_name":"X",`+members+`}}`), http.StatusCreated, "")
	}
}
