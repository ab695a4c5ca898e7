package assent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
)

// A bank is an API: whoever has a token may read, and each payment needs the
// approval of a person.
type bank struct {
	*httptest.Server
	client *assent.Client // of the bank
	mu     sync.Mutex
	paid   []string // by whom and how much
	tokens []string // that came, in order
	deaf   bool     // takes no approval for one
	broken bool     // takes no token for one
}

func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	b.mu.Lock()
	b.tokens = append(b.tokens, token)
	deaf, broken := b.deaf, b.broken
	b.mu.Unlock()
	action := assent.Action{Message: "Pay " + string(body), Details: map[string]string{"amount": string(body)}, Scope: "payments:write", Resource: []string{apiURI}}
	if r.Method == http.MethodPost && !deaf {
		if a, err := b.client.VerifyApproval(r.Context(), token, action); err == nil {
			b.mu.Lock()
			b.paid = append(b.paid, a.Verified.Statement.Sub+" "+string(body))
			b.mu.Unlock()
			reply(w, 201, map[string]any{"paid": string(body)})
			return
		}
	}
	switch {
	case broken || !b.active(r.Context(), token):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="it is not active"`)
		reply(w, 401, map[string]any{"error": "invalid_token"})
	case r.Method == http.MethodPost:
		wantApproval(w, action)
	default:
		reply(w, 200, map[string]any{"balance": "1 EUR"})
	}
}

func (b *bank) active(ctx context.Context, token string) bool {
	text, err := b.client.Introspect(ctx, token)
	var m struct{ Active bool }
	return err == nil && json.Unmarshal(text, &m) == nil && m.Active
}

// wantApproval answers that a person must approve an action.
func wantApproval(w http.ResponseWriter, a assent.Action) {
	w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_authorization_details", scope="`+a.Scope+`"`)
	reply(w, 403, map[string]any{"error": "insufficient_authorization_details", "error_description": "a person must approve this",
		"scope": a.Scope, "resource": a.Resource[0], "binding_message": a.Message,
		"authorization_details": []any{map[string]any{"type": "assent_action", "details": a.Details}}})
}

// seen are the tokens that came, in order.
func (b *bank) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.tokens)
}

func (b *bank) payments() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.paid)
}

// set changes what the bank does from now on.
func (b *bank) set(change func(*bank)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

// A payer is a service that calls the bank, and the person that it asks.
type payer struct {
	*servertest.World
	*assent.Transport
	clock  *servertest.Clock // of everybody
	bank   *bank
	client *assent.Client
	wire   *wire
	id     model.ClientID
	person *softperson.Person
	who    model.Identity
	asked  []assent.Request
	answer func(assent.Request) // what the person does
}

func newPayer(t *testing.T) *payer {
	t.Helper()
	return newPayerWith(t, model.TokenJWT)
}

func newPayerWith(t *testing.T, format model.TokenFormat) *payer {
	t.Helper()
	clock := &servertest.Clock{}
	w := servertest.Start(t, func(c *server.Config) { c.Now = clock.Now })
	rs := w.KeyApp(t, jose.ES256, serviceApp("Bank"))
	_, err := w.Server.Realms.CreateResourceServer(t.Context(), w.Site.Realm.ID, model.ResourcePolicy{Resource: apiURI,
		Scopes: []string{"read", "payments:write"}, ApprovalScopes: []string{"payments:write"}, TokenFormat: format, Clients: []model.ClientID{model.ClientID(rs.ID)}}, "admin")
	check(t, err)
	app := w.KeyApp(t, jose.ES256, serviceApp("Payer", apiURI))
	p := &payer{World: w, clock: clock, bank: &bank{}, id: model.ClientID(app.ID)}
	p.person, p.who = w.Person(t, "alex")
	p.bank.client, _ = clientOf(t, w, rs, func(c *assent.Config) { c.Audience, c.Now = apiURI, clock.Now })
	p.bank.Server = httptest.NewServer(p.bank)
	t.Cleanup(p.bank.Close)
	p.client, p.wire = clientOf(t, w, app, func(c *assent.Config) { c.Now = clock.Now })
	p.Transport = &assent.Transport{Client: p.client, Resource: []string{apiURI}, At: map[string]string{apiURI: p.bank.URL}, Scope: "read", Person: "alex",
		OnAsked: func(r assent.Request) { p.asked = append(p.asked, r); p.answer(r) }}
	p.answer = p.says(t, evidence.Approve)
	return p
}

// says is a person who answers at once.
func (p *payer) says(t *testing.T, answer string) func(assent.Request) {
	return func(r assent.Request) {
		if _, err := p.person.Decide(t.Context(), r.ID, answer); err != nil {
			t.Error(err)
		}
	}
}

// pay sends a payment.
func (p *payer) pay(ctx context.Context, amount string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.bank.URL+"/payments", strings.NewReader(amount))
	if err != nil {
		return 0, "", err
	}
	return p.do(r)
}

func (p *payer) do(r *http.Request) (status int, body string, err error) {
	resp, err := (&http.Client{Transport: p.Transport}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// balance reads, and must succeed.
func (p *payer) balance(t *testing.T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.bank.URL, nil)
	check(t, err)
	if status, body, err := p.do(r); err != nil || status != 200 {
		t.Errorf("balance: %d %s, %v", status, body, err)
	}
}

// Requirement: client-transport-token
func TestARevokedTokenIsReplacedAndTheRequestRepeated(t *testing.T) {
	p := newPayer(t)
	p.balance(t)
	p.balance(t)
	if n := len(p.wire.sent("/oauth/token")); n != 1 || p.bank.seen()[0] != p.bank.seen()[1] {
		t.Errorf("%d token requests for two requests", n)
	}
	_, err := p.Server.Applications.RevokeTokens(t.Context(), p.Site, p.id, "admin")
	check(t, err)
	eventually(t, "the end of a revoked token", func() bool { return !p.bank.active(t.Context(), p.bank.seen()[0]) })
	p.balance(t)
	if n := len(p.bank.seen()); n != 4 || p.bank.seen()[2] != p.bank.seen()[0] || p.bank.seen()[3] == p.bank.seen()[0] {
		t.Errorf("the bank saw %d tokens", n)
	}
	p.balance(t)
	if n := len(p.wire.sent("/oauth/token")); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

// Requirement: client-token-forget, client-token-one-flight
func TestOneNewTokenIsEnoughForAllWhoWereRefused(t *testing.T) {
	p := newPayer(t)
	p.balance(t)
	_, err := p.Server.Applications.RevokeTokens(t.Context(), p.Site, p.id, "admin")
	check(t, err)
	old := p.bank.seen()[0]
	eventually(t, "the end of a revoked token", func() bool { return !p.bank.active(t.Context(), old) })
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.bank.URL, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if status, body, err := p.do(r); err != nil || status != 200 {
				t.Errorf("got %d %s, %v", status, body, err)
			}
		})
	}
	all.Wait()
	if n := len(p.wire.sent("/oauth/token")); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

// Requirement: client-transport-token
func TestAnAPIThatTakesNoTokenIsNotAskedForEver(t *testing.T) {
	p := newPayer(t)
	p.bank.set(func(b *bank) { b.broken = true })
	start, requests := time.Now(), 3
	for range requests {
		if status, body, err := p.pay(t.Context(), "1 EUR"); err != nil || status != 401 || !strings.Contains(body, "invalid_token") {
			t.Errorf("got %d %s, %v", status, body, err)
		}
	}
	if n := len(p.bank.seen()); n != 2*requests {
		t.Errorf("the bank was asked %d times, want twice for each of %d requests", n, requests)
	}
	if n, took := len(p.wire.sent("/oauth/token")), time.Since(start); n != requests+1 || float64(n) > took.Seconds()+1 {
		t.Errorf("%d token requests in %v", n, took)
	}
}

// Requirement: client-transport-token
func TestARequestThatCannotBeRepeatedIsNot(t *testing.T) {
	p := newPayer(t)
	once := func(body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.bank.URL, io.NopCloser(strings.NewReader(body)))
		check(t, err)
		return r
	}
	if status, body, err := p.do(once("1 EUR")); err != nil || status != 403 || !strings.Contains(body, `"binding_message":"Pay 1 EUR"`) || len(p.asked) != 0 {
		t.Errorf("an approval: %d %s, %v; asked %d", status, body, err, len(p.asked))
	}
	p.bank.set(func(b *bank) { b.broken = true })
	if status, body, err := p.do(once("1 EUR")); err != nil || status != 401 || !strings.Contains(body, "invalid_token") || len(p.bank.seen()) != 2 {
		t.Errorf("a token: %d %s, %v", status, body, err)
	}
	p.bank.set(func(b *bank) { b.broken = false })
	p.balance(t)
	if p.bank.seen()[2] == p.bank.seen()[1] {
		t.Error("a refused token was kept")
	}
}

// Requirement: client-transport-approval
func TestAnAPIThatWantsAnApprovalGetsItAndActsOnce(t *testing.T) {
	p := newPayer(t)
	status, body, err := p.pay(t.Context(), "20 EUR")
	if err != nil || status != 201 || body != `{"paid":"20 EUR"}`+"\n" {
		t.Fatalf("got %d %s, %v", status, body, err)
	}
	if len(p.asked) != 1 || p.asked[0].Action.Message != "Pay 20 EUR" || p.asked[0].Comparison == "" {
		t.Errorf("asked %+v", p.asked)
	}
	if want := string(p.who.ID) + " 20 EUR"; len(p.bank.payments()) != 1 || p.bank.payments()[0] != want {
		t.Errorf("paid %q, want %s", p.bank.payments(), want)
	}
	approval := p.bank.seen()[1]
	if cl := claimsOf(t, approval); cl["scope"] != "payments:write" || cl["aud"] != apiURI {
		t.Errorf("the approval's token is %v", cl)
	}
	// The approval is used up, and one payment is no other.
	for _, amount := range []string{"20 EUR", "21 EUR"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.bank.URL, strings.NewReader(amount))
		check(t, err)
		r.Header.Set("Authorization", "Bearer "+approval)
		if status, body, err := p.do(r); err != nil || status == 201 {
			t.Errorf("%s again: %d %s, %v", amount, status, body, err)
		}
	}
	if len(p.bank.payments()) != 1 || len(p.asked) != 1 {
		t.Errorf("paid %q, asked %d times", p.bank.payments(), len(p.asked))
	}
	status, _, err = p.pay(t.Context(), "20 EUR")
	if err != nil || status != 201 || len(p.asked) != 2 || len(p.bank.payments()) != 2 {
		t.Errorf("another payment: %d, %v", status, err)
	}
}

// Requirement: client-transport-approval
func TestAnApprovalMayHaveAnOpaqueToken(t *testing.T) {
	p := newPayerWith(t, model.TokenOpaque)
	status, body, err := p.pay(t.Context(), "20 EUR")
	if err != nil || status != 201 || !strings.HasPrefix(p.bank.seen()[1], "at_") {
		t.Fatalf("got %d %s, %v", status, body, err)
	}
	other := assent.Action{Message: "Pay 20 EUR", Details: map[string]string{"amount": "21 EUR"}, Scope: "payments:write", Resource: []string{apiURI}}
	for _, token := range []string{p.bank.seen()[0], p.bank.seen()[1], "at_nonsense"} {
		if _, err := p.bank.client.VerifyApproval(t.Context(), token, other); !errors.Is(err, assent.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
	before := len(p.wire.sent("/oauth/introspect"))
	if _, err := p.client.VerifyApproval(t.Context(), "nonsense", other); !errors.Is(err, assent.ErrInvalid) || len(p.wire.sent("/oauth/introspect")) != before {
		t.Errorf("what is no token: %v", err)
	}
}

// Requirement: client-transport-approval-refused
func TestWithoutAYesNothingIsRepeated(t *testing.T) {
	p := newPayer(t)
	for _, tt := range []struct {
		name   string
		answer func(assent.Request)
		want   error
	}{
		{"a no", p.says(t, evidence.Deny), assent.ErrDenied},
		{"no answer", func(assent.Request) { p.clock.Turn(10 * time.Minute) }, assent.ErrExpired},
	} {
		p.answer = tt.answer
		if _, body, err := p.pay(t.Context(), "20 EUR"); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %s, %v", tt.name, body, err)
		}
	}
	if len(p.asked) != 2 || len(p.bank.payments()) != 0 {
		t.Errorf("asked %d times, paid %q", len(p.asked), p.bank.payments())
	}
}

// Requirement: client-transport-approval-refused
func TestWhoGivesUpWithdrawsTheQuestion(t *testing.T) {
	p := newPayer(t)
	ctx, giveUp := context.WithCancel(t.Context())
	p.answer = func(assent.Request) { giveUp() }
	if _, _, err := p.pay(ctx, "20 EUR"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "an empty list", func() bool {
		list, err := p.person.List(t.Context(), "pending")
		check(t, err)
		return len(list) == 0
	})
	if len(p.asked) != 1 {
		t.Errorf("asked %d times", len(p.asked))
	}
}

// Requirement: client-transport-approval
func TestNobodyIsAskedTwiceForOneRequest(t *testing.T) {
	p := newPayer(t)
	p.bank.set(func(b *bank) { b.deaf = true })
	status, body, err := p.pay(t.Context(), "20 EUR")
	if err != nil || status == 201 || len(p.asked) != 1 || len(p.bank.seen()) != 2 {
		t.Errorf("got %d %s, %v; asked %d times in %d requests", status, body, err, len(p.asked), len(p.bank.seen()))
	}
}

// Requirement: client-transport-approval
func TestThePersonMayDependOnTheRequest(t *testing.T) {
	p := newPayer(t)
	p.Transport.PersonFor = func(r *http.Request) string { return r.Header.Get("X-Person") }
	for name, want := range map[string]int{"alex": 201, "": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.bank.URL, strings.NewReader("1 EUR"))
		check(t, err)
		r.Header.Set("X-Person", name)
		if status, body, err := p.do(r); err != nil || status != want {
			t.Errorf("%q: got %d %s, %v", name, status, body, err)
		}
	}
}

// Requirement: client-transport-origin
func TestATokenDoesNotFollowARedirectToSomebodyElse(t *testing.T) {
	i := newIssuer(t)
	var mu sync.Mutex
	var seen []string
	asks := false
	saw := func(who string, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, who+" "+r.Header.Get("Authorization"))
	}
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		saw("stranger", r)
		mu.Lock()
		defer mu.Unlock()
		if asks {
			wantApproval(w, assent.Action{Message: "Give me all", Scope: "x", Resource: []string{apiURI}})
		}
	}))
	defer stranger.Close()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		saw(r.URL.Path, r)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		}
	}))
	defer api.Close()
	c := &http.Client{Transport: &assent.Transport{Client: i.client(t), Person: "alex", Resource: []string{apiURI}, At: map[string]string{apiURI: api.URL}}}
	post := func(path string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+path, strings.NewReader("x"))
		check(t, err)
		resp, err := c.Do(r)
		check(t, err)
		check(t, resp.Body.Close())
		return resp.StatusCode
	}
	post("/near")
	post("/away")
	mu.Lock()
	asks = true
	mu.Unlock()
	if status := post("/away"); status != 403 {
		t.Errorf("the stranger's challenge: %d", status)
	}
	mu.Lock()
	defer mu.Unlock()
	want := "[/near Bearer t1 /here Bearer t1 /away Bearer t1 stranger  /away Bearer t1 stranger ]"
	if got := fmt.Sprint(seen); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wantCount(t, i, "/oauth/bc-authorize", 0)
}
