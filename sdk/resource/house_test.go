package resource_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/sdk/resource"
)

// A house is an Assent server that knows the API, and the client that acts for it.
type house struct {
	*servertest.World
	actor servertest.App
	key   []byte // of the actor, as a private JWK
}

func newHouse(t testing.TB, change func(*server.Config)) *house {
	t.Helper()
	h := &house{World: servertest.Start(t, change)}
	h.settle(t)
	return h
}

// settle registers the API and who acts for it.
func (h *house) settle(t testing.TB) {
	t.Helper()
	h.actor = h.KeyApp(t, jose.ES256, application.NewApplication{Name: "API", GrantTypes: []string{oauth.GrantClientCredentials}})
	var err error
	h.key, err = h.actor.Key.MarshalPrivate()
	servertest.Check(t, err)
	servertest.Check(t, h.Server.Realms.ChangePolicy(t.Context(), h.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.Resources = []model.ResourcePolicy{{Resource: api, Name: "API", Scopes: []string{"read", "write", "payments:write"},
			DefaultScopes: []string{"read"}, ApprovalScopes: []string{"payments:write"}, Clients: []model.ClientID{model.ClientID(h.actor.ID)}}}
	}, "operator"))
}

// config is that of the API.
func (h *house) config() resource.Config {
	return resource.Config{Issuer: h.Site.Issuer, Resource: api, ClientID: h.actor.ID, Key: h.key}
}

// service registers a client that calls the API.
func (h *house) service(t testing.TB, settings model.ApplicationSettings) servertest.App {
	t.Helper()
	return h.App(t, application.NewApplication{Scopes: []string{"read", "write", "payments:write"}, Resources: []string{api},
		GrantTypes: []string{oauth.GrantClientCredentials, oauth.GrantCIBA, oauth.GrantExchange}, Settings: settings})
}

// token is one of a client for itself.
func (h *house) token(t testing.TB, app servertest.App, pairs ...string) string {
	t.Helper()
	return accessToken(t, h.Post(t, "/oauth/token", clientForm(app, pairs...)))
}

func clientForm(app servertest.App, pairs ...string) url.Values {
	form := app.Form("grant_type", oauth.GrantClientCredentials, "scope", "read write")
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func accessToken(t testing.TB, a servertest.Answer) string {
	t.Helper()
	if a.Status != 200 || a.Text("access_token") == "" {
		t.Fatalf("token: %d %s", a.Status, a.Body)
	}
	return a.Text("access_token")
}

// soon repeats a look until it is content.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// refused waits until a token is, for this reason.
func refused(t testing.TB, s *resource.Server, token, why string) {
	t.Helper()
	var last *resource.Refusal
	soon(t, fmt.Sprintf("the token is refused because %q", why), func() bool {
		last = refusal(t, s, bearer(token))
		return last != nil && last.Challenge.Error == resource.InvalidToken && last.Challenge.Description == why
	})
}

func passes(t testing.TB, s *resource.Server, token string) {
	t.Helper()
	if got := refusal(t, s, bearer(token)); got != nil {
		t.Fatalf("a good token is refused: %v", got)
	}
}

const revoked = "the token was revoked"
