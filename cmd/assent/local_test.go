package main

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// Requirement: hooks-demo-identity
func TestTheDemoPersonHasAValueForEveryClaim(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy = demoPolicy })
	who, err := ensureDemoPerson(t.Context(), w.Server, w.Site)
	servertest.Check(t, err)
	f := w.Flow(t, application.NewApplication{Scopes: []string{"openid", "profile", "email", "phone"}, Settings: model.ApplicationSettings{FirstParty: true}})
	job, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: who.ID})
	servertest.Check(t, err)
	f.Person, err = softperson.New(w.URL)
	servertest.Check(t, err)
	servertest.Check(t, f.Person.Bind(t.Context(), job.Link))
	token := f.Tokens(t, "scope", "openid profile email phone").Text("access_token")
	var got map[string]any
	servertest.Check(t, json.Unmarshal(w.Get(t, "/userinfo", "Authorization", "Bearer "+token).Body, &got))
	ofTokens := []string{"iss", "aud", "azp", "iat", "exp", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
	for _, name := range oauth.ClaimsSupported() {
		if value := got[name]; !slices.Contains(ofTokens, name) && (value == nil || value == "" || value == false) {
			t.Errorf("%s = %v", name, value)
		}
	}
}
