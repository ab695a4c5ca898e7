package resource_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/resource"
)

// A quota that only counts what the handler sees would not count the questions.
//
// Requirement: mw-approval
func TestWhoMayNotAskNowIsAnsweredBeforeAnythingIsDoneForAnApproval(t *testing.T) {
	b := newBank(t, model.ApplicationSettings{})
	s := ready(t, b.config())
	full, clients, actions := true, []string{}, 0
	need := resource.Need{Scopes: []string{"read"},
		Admit: func(w http.ResponseWriter, _ *http.Request, got *resource.Token) bool {
			clients = append(clients, got.ClientID)
			if full {
				http.Error(w, "later", http.StatusTooManyRequests)
			}
			return !full
		},
		Approval: &resource.Approval{Scope: "payments:write", Action: func(r *http.Request) (assent.Action, error) {
			actions++
			return pay(r)
		}}}
	server := httptest.NewServer(s.Protect(http.HandlerFunc(b.pay), need))
	t.Cleanup(server.Close)
	b.url = server.URL
	token := accessToken(t, b.Post(t, "/oauth/token", clientForm(b.app, "scope", "read")))
	status, body := b.send(t, token, order)
	if status != http.StatusTooManyRequests || strings.TrimSpace(body) != "later" || actions != 0 {
		t.Errorf("%d %s after %d actions", status, body, actions)
	}
	full = false
	if status, _ = b.send(t, token, order); status != http.StatusForbidden || actions != 1 {
		t.Errorf("%d after %d actions", status, actions)
	}
	// What no good token brings, or one of too little, is not asked about.
	if status, _ = b.send(t, "x.y.z", order); status != http.StatusUnauthorized || len(clients) != 2 || clients[0] != b.app.ID {
		t.Errorf("%d, asked about %v", status, clients)
	}
	resp, err := http.Get(server.URL)
	servertest.Check(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	if servertest.Check(t, resp.Body.Close()); len(clients) != 2 {
		t.Errorf("asked about %v", clients)
	}
}
