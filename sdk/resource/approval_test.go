package resource_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
	"github.com/assent-id/assent/sdk/resource"
)

// A bank is an API where a person approves each payment, and a client of it.
type bank struct {
	*house
	url    string
	app    servertest.App
	person *softperson.Person
	who    model.Identity
	format model.ApplicationSettings
	may    func(subject string, t *resource.Token) error // nil: everybody
	mu     sync.Mutex
	paid   []string // bodies
}

func newBank(t *testing.T, settings model.ApplicationSettings) *bank {
	t.Helper()
	b := &bank{house: newHouse(t, nil), format: settings}
	b.app = b.service(t, settings)
	b.person, b.who = b.Person(t, "ada")
	s := ready(t, b.config())
	h := s.Protect(http.HandlerFunc(b.pay), resource.Need{Scopes: []string{"read"}, Approval: &resource.Approval{Scope: "payments:write", Action: pay,
		May: func(_ context.Context, subject string, t *resource.Token) error {
			if b.may == nil {
				return nil
			}
			return b.may(subject, t)
		}}})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b *bank) pay(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	token := resource.FromContext(r.Context())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paid = append(b.paid, string(body))
	_ = json.NewEncoder(w).Encode(map[string]any{"by": token.Subject, "approval": token.Approval.Redeemed.ID, "was": token.Approval.ID})
}

// client answers challenges by asking Ada, who says the same each time.
func (b *bank) client(t *testing.T, answer string) *http.Client {
	t.Helper()
	app := b.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic, Scopes: []string{"read", "payments:write"}, Resources: []string{api}, Settings: b.format})
	c, err := assent.NewClient(t.Context(), assent.Config{Issuer: b.Site.Issuer, ClientID: app.ID, ClientSecret: app.Secret})
	servertest.Check(t, err)
	return &http.Client{Transport: &assent.Transport{Client: c, Scope: "read", Resource: []string{api}, At: map[string]string{api: b.url}, Person: "ada",
		OnAsked: func(r assent.Request) {
			if _, err := b.person.Decide(t.Context(), r.ID, answer); err != nil {
				t.Error(err)
			}
		}}}
}

// approved is the token of an approval of an order, which nobody redeemed.
func (b *bank) approved(t *testing.T, a assent.Action) string {
	t.Helper()
	details, err := json.Marshal([]any{map[string]any{"type": assent.DetailsType, "details": a.Details, "command": a.Command}})
	servertest.Check(t, err)
	asked := b.Post(t, "/oauth/bc-authorize", b.app.Form("login_hint", "ada", "scope", a.Scope, "resource", api, "binding_message", a.Message,
		"authorization_details", string(details)))
	if asked.Status != 200 {
		t.Fatalf("%d %s", asked.Status, asked.Body)
	}
	_, err = b.person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	return accessToken(t, b.Post(t, "/oauth/token", b.app.Form("grant_type", "urn:openid:params:grant-type:ciba", "auth_req_id", asked.Text("auth_req_id"))))
}

// send posts an order with a token.
func (b *bank) send(t *testing.T, token, order string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url, strings.NewReader(order))
	servertest.Check(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	servertest.Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	servertest.Check(t, err)
	return resp.StatusCode, string(text)
}

const order = `{"to":"Bob","amount":"20 EUR"}`

// Requirement: mw-approval
func TestAPersonApprovesExactlyTheRequestThatIsThenServed(t *testing.T) {
	for name, format := range map[string]model.ApplicationSettings{"JWT": {}, "opaque": {OpaqueTokens: true}} {
		t.Run(name, func(t *testing.T) { approveAndServe(t, newBank(t, format)) })
	}
}

func approveAndServe(t *testing.T, b *bank) {
	t.Helper()
	resp, err := b.client(t, evidence.Approve).Post(b.url, "application/json", strings.NewReader(order))
	servertest.Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	var got struct{ By, Approval, Was string }
	servertest.Check(t, json.NewDecoder(resp.Body).Decode(&got))
	if resp.StatusCode != 200 || got.By != string(b.who.ID) || got.Approval == "" || got.Approval != got.Was || len(b.paid) != 1 || b.paid[0] != order {
		t.Errorf("%d %+v %q", resp.StatusCode, got, b.paid)
	}
	if _, err := b.client(t, evidence.Deny).Post(b.url, "application/json", strings.NewReader(order)); err == nil || !strings.Contains(err.Error(), "denied") || len(b.paid) != 1 {
		t.Errorf("after a no: %v %q", err, b.paid)
	}
}

// Requirement: mw-approval
func TestAnApprovalIsForOneRequestAndIsUsedOnce(t *testing.T) {
	b := newBank(t, model.ApplicationSettings{})
	action, err := pay(httptest.NewRequest(http.MethodPost, api, strings.NewReader(order)))
	servertest.Check(t, err)
	action.Scope = "payments:write"
	token := b.approved(t, action)
	for _, other := range []string{`{"to":"Bob","amount":"21 EUR"}`, `{"to":"Eve","amount":"20 EUR"}`} {
		if status, body := b.send(t, token, other); status != 403 || !strings.Contains(body, "insufficient_authorization_details") || !strings.Contains(body, "binding_message") {
			t.Errorf("%s: %d %s", other, status, body)
		}
	}
	var mu sync.Mutex
	got := map[int]int{}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			status, _ := b.send(t, token, order)
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	all.Wait()
	if got[200] != 1 || got[403] != 15 || len(b.paid) != 1 {
		t.Errorf("%v %q", got, b.paid)
	}
	action.Message = "Pay 20 EUR to somebody"
	if status, _ := b.send(t, b.approved(t, action), order); status != 403 {
		t.Errorf("approved in other words: %d", status)
	}
}
