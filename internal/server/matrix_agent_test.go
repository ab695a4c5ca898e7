package server_test

import (
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Requirement: token-matrix
func TestAStoppedAgentIsRefusedOnEveryWay(t *testing.T) {
	w := servertest.Start(t, nil)
	person, owner := w.Person(t, "alex")
	api := w.App(t, application.NewApplication{})
	agent := w.App(t, application.NewApplication{Kind: model.KindAgent, OwnerID: owner.ID, Scopes: []string{"read"}, Resources: []string{api.ID},
		GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantCIBA, oauth.GrantExchange, oauth.GrantDevice}})
	own := w.Post(t, "/oauth/token", agent.Form("grant_type", oauth.GrantClientCredentials)).Text("access_token")
	asked := w.Post(t, "/oauth/bc-authorize", agent.Form("login_hint", "alex"))
	_, err := person.Decide(t.Context(), asked.Text("approval_id"), "approve")
	servertest.Check(t, err)
	device := w.Post(t, "/oauth/device/code", agent.Form("scope", "read"))
	servertest.Check(t, person.AllowDevice(t.Context(), device.Text("user_code")))
	ways := map[string]func() servertest.Answer{
		"client_credentials": func() servertest.Answer {
			return w.Post(t, "/oauth/token", agent.Form("grant_type", oauth.GrantClientCredentials))
		},
		"CIBA": func() servertest.Answer {
			return w.Post(t, "/oauth/token", agent.Form("grant_type", oauth.GrantCIBA, "auth_req_id", asked.Text("auth_req_id")))
		},
		"device": func() servertest.Answer {
			return w.Post(t, "/oauth/token", agent.Form("grant_type", oauth.GrantDevice, "device_code", device.Text("device_code")))
		},
		"exchange": func() servertest.Answer {
			return w.Post(t, "/oauth/token", agent.Form("grant_type", oauth.GrantExchange, "subject_token", own,
				"subject_token_type", "urn:ietf:params:oauth:token-type:access_token"))
		},
		"CIBA start":   func() servertest.Answer { return w.Post(t, "/oauth/bc-authorize", agent.Form("login_hint", "alex")) },
		"device start": func() servertest.Answer { return w.Post(t, "/oauth/device/code", agent.Form()) },
	}
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(agent.ID), model.ApplicationFrozen, "test"))
	for name, try := range ways {
		if got := try(); got.Status != 401 || got.Text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.Post(t, "/oauth/introspect", api.Form("token", own)); got.JSON["active"] != false {
		t.Errorf("introspection: %s", got.Body)
	}
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(agent.ID), model.ApplicationActive, "test"))
	for name, want := range map[string]string{"CIBA": "invalid_grant", "device": "invalid_grant", "exchange": "invalid_request", "client_credentials": ""} {
		if got := ways[name](); got.Text("error") != want {
			t.Errorf("%s of an agent that works again: %s", name, got.Body)
		}
	}
}
