package manage_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/audit"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// told is an application's address for logout tokens; each is sent to the channel.
func told(t *testing.T) (address string, tokens <-chan string) {
	t.Helper()
	heard := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		heard <- form.Get("logout_token")
	}))
	t.Cleanup(s.Close)
	return s.URL, heard
}

// twins are two servers on one database.
func twins(t *testing.T) (first *world, second string) {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	servertest.Check(t, err)
	shared := filepath.Join(t.TempDir(), "assent.sqlite")
	same := func(c *server.Config) {
		c.Database, c.Keyring, c.DefaultPolicy.AskAnyone = shared, ring, true
		c.FetchAllow = []string{"127.0.0.1"}
	}
	w := servertest.Start(t, same)
	servertest.Start(t, func(c *server.Config) {
		same(c)
		second, c.BaseURL = c.BaseURL, w.URL
	})
	return &world{World: w, base: baseOf(w.URL, w.Site)}, second
}

// A life is a person who is signed in, has tokens, approved something, is asked
// something, and owns an agent.
type life struct {
	*servertest.Flow
	agent             servertest.App
	access, refresh   string
	approved, pending asking
	fulfilled         string // access token of what was approved
}

func live(t *testing.T, w *world, logout, second string) *life {
	t.Helper()
	l := &life{Flow: w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: logout}})}
	tokens := l.Tokens(t, "scope", "openid offline_access")
	l.access, l.refresh = tokens.Text("access_token"), tokens.Text("refresh_token")
	l.agent = w.App(t, application.NewApplication{Kind: model.KindAgent, OwnerID: l.Identity.ID, Scopes: []string{"openid", "read"}})
	l.approved = l.ask(t)
	_, err := l.Person.Decide(t.Context(), l.approved.approval, "approve")
	servertest.Check(t, err)
	got := w.Post(t, "/oauth/token", l.agent.Form("grant_type", oauth.GrantCIBA, "auth_req_id", l.approved.request))
	if l.fulfilled = got.Text("access_token"); l.fulfilled == "" {
		t.Fatalf("approved: %d %s", got.Status, got.Body)
	}
	l.pending = l.ask(t)
	for _, access := range []string{l.access, l.fulfilled} {
		for _, node := range []string{w.URL, second} { // which remember the person from now on
			got := servertest.Do(t, http.MethodGet, node+"/userinfo", nil, "Authorization", "Bearer "+access)
			if got.Status != http.StatusOK {
				t.Fatalf("userinfo before: %d %s", got.Status, got.Body)
			}
		}
	}
	return l
}

// An asking is what an agent asked.
type asking struct{ request, approval string }

func (l *life) ask(t *testing.T) asking {
	t.Helper()
	got := l.Post(t, "/oauth/bc-authorize", l.agent.Form("login_hint", string(l.Identity.ID), "scope", "openid read", "binding_message", "Pay the rent"))
	list, err := l.Person.List(t.Context(), "pending")
	if err != nil || len(list) != 1 {
		t.Fatalf("asked: %d %s; %d wait: %v", got.Status, got.Body, len(list), err)
	}
	return asking{got.Text("auth_req_id"), list[0].ID}
}

// Requirement: people-delete
func TestDeletingAPersonEndsAllThatHangsOnThemAndKeepsWhatIsProof(t *testing.T) {
	w, second := twins(t)
	address, heard := told(t)
	l := live(t, w, address, second)
	token := w.token(t, peopleScopes...)
	one := w.base + "/identities/" + string(l.Identity.ID)
	wants(t, "delete", w.call(t, token, http.MethodDelete, one, "", "If-Match", `"1"`), http.StatusNoContent, "")
	wants(t, "read", w.call(t, token, http.MethodGet, one, ""), http.StatusNotFound, "not_found")
	wants(t, "delete again", w.call(t, token, http.MethodDelete, one, ""), http.StatusNotFound, "not_found")

	if got := l.Refresh(t, l.refresh); got.Text("error") != "invalid_grant" {
		t.Errorf("refresh: %d %s", got.Status, got.Body)
	}
	for _, access := range []string{l.access, l.fulfilled} {
		deadOn(t, w.URL, access)
		deadOn(t, second, access)
	}
	if page, err := l.Person.Authorize(t.Context(), l.URL(), softperson.Choices{}); err == nil && page.Left {
		t.Errorf("the session or the passkey is alive: %s", page.URL)
	}
	select {
	case logout := <-heard:
		if strings.Count(logout, ".") != 2 {
			t.Errorf("told %q", logout)
		}
	case <-time.After(20 * time.Second):
		t.Error("the application was not told")
	}
	l.ended(t, w)
	// The name is free.
	wants(t, "the same name", w.call(t, token, http.MethodPost, w.base+"/identities",
		`{"identity":{"traits":{"type":"traits_v0","username":"`+l.Identity.Traits.Username+`"}}}`), http.StatusCreated, "")
}

// ended checks what is left of a person's life.
func (l *life) ended(t *testing.T, w *world) {
	t.Helper()
	got := w.Post(t, "/oauth/token", l.agent.Form("grant_type", oauth.GrantCIBA, "auth_req_id", l.pending.request))
	if got.Status == http.StatusOK {
		t.Errorf("what was asked: %d %s", got.Status, got.Body)
	}
	agent := model.ClientID(l.agent.ID)
	frozen, err := w.Server.Applications.Read(t.Context(), w.Site, agent)
	if err != nil || frozen.Status != model.ApplicationFrozen {
		t.Errorf("the agent is %s (%v)", frozen.Status, err)
	}
	a, err := w.Server.Approvals.ForClient(t.Context(), w.Site, agent, model.ApprovalID(l.approved.approval))
	if err != nil || len(a.Evidence) == 0 {
		t.Errorf("the evidence is gone: %v", err)
	}
	a, err = w.Server.Approvals.ForClient(t.Context(), w.Site, agent, model.ApprovalID(l.pending.approval))
	if err != nil || a.State != model.ApprovalWithdrawn {
		t.Errorf("what was asked is %s (%v)", a.State, err)
	}
	list, err := w.Server.Audit.List(t.Context(), w.Site, audit.Query{Target: string(l.Identity.ID), Limit: 50})
	servertest.Check(t, err)
	var kinds []string
	for _, e := range list.Events {
		kinds = append(kinds, e.Type)
	}
	for _, want := range []string{"identity.created", "identity.suspended", "identity.grants_revoked", "identity.deleted"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("%s is not in the audit trail: %v", want, kinds)
		}
	}
}

// deadOn waits until a node takes a token no more: it hears of it by the feed.
func deadOn(t *testing.T, node, access string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := servertest.Do(t, http.MethodGet, node+"/userinfo", nil, "Authorization", "Bearer "+access)
		if got.Status == http.StatusUnauthorized {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s takes the token: %d %s", node, got.Status, got.Body)
			return
		}
	}
}
