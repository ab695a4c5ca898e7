package resource_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/resource"
)

// demand makes a forge say which scopes need an approval each time.
func (f *forge) demand(scopes ...string) {
	f.answer("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": f.url, "jwks_uri": f.url + "/jwks", "approval_scopes_supported": scopes})
	})
}

// Requirement: mw-approval-each
func TestAScopeThatNeedsAnApprovalEachTimeLetsNobodyPassWithoutACheckOfIt(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	f.demand("payments:write", "payments:refund", "orders:write") // the last one at another API
	logged := &notes{}
	s := f.unrevocable(t, func(c *resource.Config) { c.Logger, c.OrdinaryScopes = logged.logger(), []string{"orders:write"} })
	approval := map[string]any{"id": "apr_1", "statement": "hash"}
	token := func(scope string, approval any) string {
		return sign(t, key, "k1", nil, f.claims(map[string]any{"scope": scope, "approval": approval}))
	}
	for _, tt := range []struct {
		name   string
		need   resource.Need
		token  string
		status int
		code   string
	}{
		{"an approval's token", resource.Need{Scopes: []string{"read", "payments:write"}}, token("read payments:write", approval), 403, resource.InsufficientDetails},
		{"any token", resource.Need{Scopes: []string{"payments:write"}}, token("payments:write", nil), 403, resource.InsufficientDetails},
		{"taken on purpose", resource.Need{Scopes: []string{"payments:write"}, ApprovalTokens: true}, token("payments:write", approval), 403, resource.InsufficientDetails},
		{"another scope, an approval's token", resource.Need{Scopes: []string{"read"}}, token("read payments:write", approval), 403, resource.InsufficientScope},
		{"no scope, an approval's token", resource.Need{}, token("payments:write", approval), 403, resource.InsufficientScope},
		{"another scope, an approval's token, on purpose", resource.Need{Scopes: []string{"read"}, ApprovalTokens: true}, token("read payments:write", approval), 200, ""},
		{"another scope", resource.Need{Scopes: []string{"read"}}, token("read", nil), 200, ""},
		{"a scope that is ordinary here", resource.Need{Scopes: []string{"orders:write"}}, token("orders:write", nil), 200, ""},
		{"a scope that is ordinary here, an approval's token", resource.Need{Scopes: []string{"orders:write"}}, token("orders:write", approval), 403, resource.InsufficientScope},
		{"a scope that begins alike", resource.Need{Scopes: []string{"payments"}}, token("payments", nil), 200, ""},
	} {
		w := ask(s.Protect(echo, tt.need), "POST", "/", nil, "Authorization", "Bearer "+tt.token)
		if w.Code != tt.status || tt.code != "" && !strings.Contains(w.Header().Get("WWW-Authenticate"), `error="`+tt.code+`"`) {
			t.Errorf("%s: %d %v", tt.name, w.Code, w.Header())
		}
		verified, err := s.Verify(t.Context(), bearer(tt.token))
		servertest.Check(t, err)
		r, _ := errors.AsType[*resource.Refusal](s.Check(verified, tt.need))
		if (r == nil) != (tt.code == "") || r != nil && r.Challenge.Error != tt.code {
			t.Errorf("%s: %v", tt.name, r)
		}
	}
	if n := strings.Count(logged.text(), "needs an approval each time"); n != 1 || !strings.Contains(logged.text(), "scope=payments:write") {
		t.Errorf("said %d times:\n%s", n, logged.text())
	}
}

// Requirement: mw-approval-each
func TestWhichScopesNeedAnApprovalIsReadAgainWithTheKeys(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	s := f.unrevocable(t, nil)
	h := s.Require(echo, "read")
	token := "Bearer " + sign(t, key, "k1", nil, f.claims(nil))
	for _, tt := range []struct {
		demanded []string
		want     int
	}{{nil, 200}, {[]string{"write", "read"}, 403}, {[]string{"write"}, 200}} {
		f.demand(tt.demanded...)
		servertest.Check(t, s.ReadAgain(t.Context()))
		if w := ask(h, "GET", "/", nil, "Authorization", token); w.Code != tt.want {
			t.Errorf("%v: %d", tt.demanded, w.Code)
		}
	}
	f.answer("/.well-known/openid-configuration", http.NotFound)
	f.demandKeys(t, s, key)
	if w := ask(h, "GET", "/", nil, "Authorization", token); w.Code != 200 {
		t.Errorf("without metadata: %d", w.Code)
	}
}

// demandKeys checks that keys are read although the metadata cannot be.
func (f *forge) demandKeys(t *testing.T, s *resource.Server, key *servertest.Prover) {
	t.Helper()
	f.publish(t, "k2", key, nil)
	if err := s.ReadAgain(t.Context()); err == nil || !strings.Contains(err.Error(), "discovery") {
		t.Errorf("%v", err)
	}
	f.answer("/jwks", http.NotFound)
	passes(t, s, sign(t, key, "k2", nil, f.claims(nil)))
}

// Requirement: mw-approval-each
func TestOneYesIsNotWorthEverythingThatItsScopeReaches(t *testing.T) {
	b := newBank(t, model.ApplicationSettings{})
	server := httptest.NewServer(ready(t, b.config()).Require(http.HandlerFunc(b.pay), "payments:write"))
	t.Cleanup(server.Close)
	b.url = server.URL
	token := b.approved(t, assent.Action{Message: "Pay 1 EUR to Bob", Details: map[string]string{"amount": "1 EUR"}, Command: []string{"pay"}, Scope: "payments:write"})
	if status, body := b.send(t, token, order); status != 403 || !strings.Contains(body, resource.InsufficientDetails) || len(b.paid) != 0 {
		t.Errorf("%d %s %q", status, body, b.paid)
	}
}

// Requirement: mw-approval
func TestAnApprovalOfSomebodyWhoMayNotApproveStaysUnused(t *testing.T) {
	b := newBank(t, model.ApplicationSettings{})
	var mu sync.Mutex
	refuse := errors.New("only the treasurer may approve this")
	b.may = func(subject string, approval *resource.Token) error {
		mu.Lock()
		defer mu.Unlock()
		if subject != string(b.who.ID) || approval.Approval == nil || approval.Approval.Redeemed != nil {
			t.Errorf("asked about %s %+v", subject, approval)
		}
		return refuse
	}
	action, err := pay(httptest.NewRequest(http.MethodPost, api, strings.NewReader(order)))
	servertest.Check(t, err)
	action.Scope = "payments:write"
	token := b.approved(t, action)
	for range 2 {
		status, body := b.send(t, token, order)
		if status != 403 || !strings.Contains(body, resource.InsufficientDetails) || !strings.Contains(body, refuse.Error()) || len(b.paid) != 0 {
			t.Errorf("%d %s %q", status, body, b.paid)
		}
	}
	mu.Lock()
	refuse = nil
	mu.Unlock()
	if status, body := b.send(t, token, order); status != 200 || len(b.paid) != 1 {
		t.Errorf("%d %s %q", status, body, b.paid)
	}
}

// What a request does may hold data of the API.
//
// Requirement: mw-approval-challenge
func TestATokenOfAnotherApprovalLearnsNothingOfWhatARequestDoes(t *testing.T) {
	f, key := newForge(t), servertest.NewProver(t)
	f.publish(t, "k1", key, nil)
	h := f.unrevocable(t, nil).Protect(echo, resource.Need{Scopes: []string{"read"}, Approval: &resource.Approval{Scope: "payments:write", Action: pay}})
	token := sign(t, key, "k1", nil, f.claims(map[string]any{"scope": "other:write", "approval": map[string]any{"id": "apr_1", "statement": "hash"}}))
	w := ask(h, "POST", "/", strings.NewReader(order), "Authorization", "Bearer "+token)
	if w.Code != 403 || !strings.Contains(w.Header().Get("WWW-Authenticate"), `error="insufficient_scope"`) || strings.Contains(w.Body.String(), "Bob") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
