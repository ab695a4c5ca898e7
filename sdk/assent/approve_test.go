package assent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
)

var deploy = assent.Action{
	Person: "alex", Message: "Deploy shop to production",
	Details: map[string]string{"service": "shop", "version": "2.4.1"}, Command: []string{"./deploy.sh", "--now"},
	Scope: "deploy read", Resource: []string{"https://api.example.com"},
}

func TestApproveReturnsWhatWasVerifiedAndRedeemed(t *testing.T) {
	i := newIssuer(t)
	var asked assent.Request
	c := i.client(t, func(c *assent.Config) { c.OnAsked = func(r assent.Request) { asked = r } })
	got, err := c.Approve(t.Context(), deploy)
	check(t, err)
	if got.ID != "apr_1" || got.Verified.Statement.Sub != personID || got.RedeemedAt.IsZero() || i.redeems != 1 {
		t.Errorf("got approval %s of %s, redeemed at %v in %d calls", got.ID, got.Verified.Statement.Sub, got.RedeemedAt, i.redeems)
	}
	if asked.ID != got.ID || asked.Comparison != evidence.Comparison(got.Verified.StatementHash) {
		t.Errorf("OnAsked was told of %s with number %s", asked.ID, asked.Comparison)
	}
	jwks, _ := json.Marshal(map[string]any{"keys": []any{i.key.Public()}})
	if _, err := evidence.Verify(got.Evidence, jwks, evidence.Options{Issuer: issuerURL}); err != nil {
		t.Errorf("the evidence that it returns: %v", err)
	}
}

func TestStartSendsTheWholeAction(t *testing.T) {
	i := newIssuer(t)
	action := deploy
	action.ExpiresIn = 90 * time.Second
	_, err := i.client(t).Start(t.Context(), action)
	check(t, err)
	want := map[string][]string{
		"login_hint": {"alex"}, "binding_message": {deploy.Message}, "scope": {"deploy read"},
		"resource": {"https://api.example.com"}, "requested_expiry": {"90"},
		"authorization_details": {`[{"command":["./deploy.sh","--now"],"details":{"service":"shop","version":"2.4.1"},"type":"assent_action"}]`},
	}
	if diff := cmp.Diff(want, map[string][]string(i.request)); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

func TestApproveRefusesWhatDoesNotProveThisApproval(t *testing.T) {
	other := func(a *evidence.Action) {
		a.AuthorizationDetails = []json.RawMessage{json.RawMessage(`{"type":"assent_action","command":["./other.sh"]}`)}
	}
	tests := []struct {
		name string
		bend func(*issuer)
		want string // part of the reason; empty: approved
	}{
		{"nothing bent", func(*issuer) {}, ""},
		{"scopes in another order", func(i *issuer) {
			i.claims = func(c map[string]any) { c["scope"] = "read deploy" }
		}, ""},
		{"comparison number of another statement", func(i *issuer) {
			i.asked = func(a map[string]any) { a["comparison"] = "12345" }
		}, "comparison number"},
		{"an answer without statement hash", func(i *issuer) {
			i.asked = func(a map[string]any) { delete(a, "statement_hash") }
		}, "lacks"},
		{"an expiry in the past", func(i *issuer) {
			i.asked = func(a map[string]any) { a["expires_in"] = -1 }
		}, "times that make no sense"},
		{"token of another type", func(i *issuer) { i.header = "JWT" }, "not at+jwt"},
		{"token of another issuer", func(i *issuer) {
			i.claims = func(c map[string]any) { c["iss"] = "https://evil.example.com" }
		}, "token: iss"},
		{"token for another audience", func(i *issuer) {
			i.claims = func(c map[string]any) { c["aud"] = "https://other.example.com" }
		}, "it is not for https://api.example.com"},
		{"token for more than the audience", func(i *issuer) {
			i.claims = func(c map[string]any) { c["aud"] = []string{"https://api.example.com", "https://x.example.com"} }
		}, "as well"},
		{"token that has expired", func(i *issuer) {
			i.claims = func(c map[string]any) { c["exp"] = time.Now().Unix() }
		}, "expired"},
		{"token from the future", func(i *issuer) {
			i.claims = func(c map[string]any) { c["iat"] = time.Now().Unix() + 3600 }
		}, "from the future"},
		{"token of another client", func(i *issuer) {
			i.claims = func(c map[string]any) { c["client_id"] = "agt_other" }
		}, "another client"},
		{"token of no approval", func(i *issuer) {
			i.claims = func(c map[string]any) { delete(c, "approval") }
		}, "not the token of an approval"},
		{"token of another approval", func(i *issuer) {
			i.claims = func(c map[string]any) { c["approval"] = map[string]any{"id": "apr_2", "statement": i.stHash} }
		}, "another approval"},
		{"token of another statement", func(i *issuer) {
			i.claims = func(c map[string]any) {
				c["approval"] = map[string]any{"id": "apr_1", "statement": strings.Repeat("A", 43)}
			}
		}, "another statement"},
		{"token with other details", func(i *issuer) {
			i.claims = func(c map[string]any) { c["authorization_details"] = []any{map[string]any{"type": "assent_action"}} }
		}, "token: the details"},
		{"token with more scope", func(i *issuer) {
			i.claims = func(c map[string]any) { c["scope"] = "deploy read admin" }
		}, "token: the scope"},
		{"token of another person", func(i *issuer) {
			i.claims = func(c map[string]any) { c["sub"] = "idn_eve" }
		}, "another person"},
		{"statement of another action", func(i *issuer) {
			i.statement = func(s *evidence.Statement) { other(&s.Action) }
			i.claims = func(c map[string]any) {
				var asked []json.RawMessage
				check(i.t, json.Unmarshal([]byte(i.request.Get("authorization_details")), &asked))
				c["authorization_details"] = asked
			}
		}, "another action was asked"},
		{"statement with another message", func(i *issuer) {
			i.statement = func(s *evidence.Statement) { s.Action.BindingMessage = "Water the plants" }
		}, "the message differs"},
		{"statement of another client", func(i *issuer) {
			i.statement = func(s *evidence.Statement) { s.ClientID = "agt_other" }
		}, "another client"},
		{"statement of another realm", func(i *issuer) {
			i.statement = func(s *evidence.Statement) { s.Iss = "https://evil.example.com" }
		}, "evidence"},
		{"less was granted", func(i *issuer) {
			i.decision = func(d *evidence.Decision) {
				less := *d.Granted
				less.Resource = nil
				d.Granted = &less
			}
			i.claims = func(c map[string]any) { c["aud"] = "https://api.example.com" }
		}, "less than the action"},
		{"evidence of a no", func(i *issuer) {
			i.decision = func(d *evidence.Decision) { d.Answer, d.Granted = evidence.Deny, nil }
			i.claims = func(c map[string]any) {
				c["scope"], c["aud"] = deploy.Scope, deploy.Resource
				c["authorization_details"] = i.st.Action.AuthorizationDetails
			}
		}, "not of a yes"},
		{"one letter of the evidence changed", func(i *issuer) {
			i.evidence = func(e []byte) []byte { return bytes.ReplaceAll(e, []byte("2.4.1"), []byte("2.4.2")) }
		}, "statement"},
		{"no evidence", func(i *issuer) {
			i.evidence = func([]byte) []byte { return []byte("{}") }
		}, "evidence"},
		{"used before", func(i *issuer) { i.redeems = 1 }, "used before"},
		{"redeemed, but not this one", func(i *issuer) {
			i.redeem = func(w http.ResponseWriter) { reply(w, 200, map[string]any{"id": "apr_2", "redeemed_at": time.Now()}) }
		}, "another kind"},
		{"redeemed with an empty answer", func(i *issuer) {
			i.redeem = func(w http.ResponseWriter) { reply(w, 200, map[string]any{}) }
		}, "another kind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t)
			tt.bend(i)
			approval, err := i.client(t).Approve(t.Context(), deploy)
			if tt.want == "" {
				check(t, err)
				return
			}
			if approval != nil || !errors.Is(err, assent.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want an invalid approval: %s", approval, err, tt.want)
			}
		})
	}
}

func TestApproveRefusesASoftwarePasskeyOfARemoteRealm(t *testing.T) {
	i := newIssuer(t)
	i.metadata = func(m map[string]any) {
		for k, v := range m {
			if s, ok := v.(string); ok {
				m[k] = strings.Replace(s, issuerURL, "https://id.example.com", 1)
			}
		}
	}
	i.statement = func(s *evidence.Statement) { s.Iss = "https://id.example.com" }
	i.claims = func(c map[string]any) { c["iss"] = "https://id.example.com" }
	c := i.client(t, func(c *assent.Config) { c.Issuer = "https://id.example.com" })
	_, err := c.Approve(t.Context(), deploy)
	if !errors.Is(err, assent.ErrInvalid) || !strings.Contains(err.Error(), "passkey in software") {
		t.Errorf("got %v, want a refusal of the passkey", err)
	}
}

func TestServerRefusalsAreInvalidAndNamed(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t, func(c *assent.Config) { c.ClientSecret = "wrong" })
	_, err := c.Approve(t.Context(), deploy)
	refused, ok := errors.AsType[*assent.ServerError](err)
	if !errors.Is(err, assent.ErrInvalid) || !ok || refused.Code != "invalid_client" || refused.Status != 401 {
		t.Errorf("got %v, want invalid_client", err)
	}
}

func TestVerifyApprovalRedeemsOnceAndOnlyForTheSameAction(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t)
	req, err := c.Start(t.Context(), deploy)
	check(t, err)
	approval, err := c.Wait(t.Context(), req)
	check(t, err)
	if i.redeems != 0 {
		t.Fatal("Wait redeemed the approval")
	}
	api := i.client(t, func(c *assent.Config) { c.ClientID, c.ClientSecret = "", "" })
	other := deploy
	other.Details = map[string]string{"service": "bank", "version": "2.4.1"}
	if _, err := api.VerifyApproval(t.Context(), approval.Token, other); !errors.Is(err, assent.ErrInvalid) || i.redeems != 0 {
		t.Errorf("another action: got %v after %d redemptions", err, i.redeems)
	}
	got, err := api.VerifyApproval(t.Context(), approval.Token, deploy)
	check(t, err)
	if got.Verified.Statement.Sub != personID || got.RedeemedAt.IsZero() {
		t.Errorf("got %s, redeemed at %v", got.Verified.Statement.Sub, got.RedeemedAt)
	}
	if _, err := api.VerifyApproval(t.Context(), approval.Token, deploy); !errors.Is(err, assent.ErrInvalid) {
		t.Errorf("second use: got %v, want invalid", err)
	}
	if _, err := api.Start(t.Context(), deploy); err == nil {
		t.Error("a client without credentials could ask")
	}
}

func TestVerifyApprovalRefusesForgedTokens(t *testing.T) {
	i, forger := newIssuer(t), newIssuer(t)
	c := i.client(t)
	req, err := c.Start(t.Context(), deploy)
	check(t, err)
	approval, err := c.Wait(t.Context(), req)
	check(t, err)
	forger.st, forger.stHash, forger.granted = i.st, i.stHash, i.granted
	parts := strings.Split(approval.Token, ".")
	tests := map[string]string{
		"signed by another key of the same id": forger.token(),
		"without signature":                    parts[0] + "." + parts[1] + ".",
		"header says none":                     "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
		"empty":                                "",
		"not a token":                          "a.b.c",
		"JSON serialization":                   `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := c.VerifyApproval(t.Context(), token, deploy); !errors.Is(err, assent.ErrInvalid) {
				t.Errorf("got %v, want invalid", err)
			}
		})
	}
	if i.redeems != 0 {
		t.Errorf("%d forged tokens were redeemed", i.redeems)
	}
}

func TestPinnedEvidenceKeysAreTheOnlyOnes(t *testing.T) {
	i, stranger := newIssuer(t), newIssuer(t)
	pinned, err := json.Marshal(map[string]any{"keys": []any{stranger.key.Public()}})
	check(t, err)
	c := i.client(t, func(c *assent.Config) { c.EvidenceKeys = pinned })
	if _, err := c.Approve(t.Context(), deploy); !errors.Is(err, assent.ErrInvalid) {
		t.Errorf("got %v, want invalid", err)
	}
	if n := i.count("/v1/evidence/keys"); n != 0 {
		t.Errorf("keys were fetched %d times although they are pinned", n)
	}
}

func TestNewClientRefusesWhatIsNotItsIssuer(t *testing.T) {
	tests := []struct {
		name   string
		bend   func(map[string]any)
		issuer string
	}{
		{"another issuer", func(m map[string]any) { m["issuer"] = issuerURL + "/" }, issuerURL},
		{"token endpoint elsewhere", func(m map[string]any) { m["token_endpoint"] = "http://localhost:9/token" }, issuerURL},
		{"no revocation endpoint", func(m map[string]any) { delete(m, "revocation_endpoint") }, issuerURL},
		{"no poll mode", func(m map[string]any) { m["backchannel_token_delivery_modes_supported"] = []string{"push"} }, issuerURL},
		{"other authentication", func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"none"} }, issuerURL},
		{"plain http", nil, "http://id.example.com"},
		{"trailing slash", nil, issuerURL + "/"},
		{"query", nil, issuerURL + "?x=1"},
		{"not a URL", nil, "localhost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t)
			i.metadata = tt.bend
			_, err := assent.NewClient(t.Context(), assent.Config{Issuer: tt.issuer, ClientID: clientID, ClientSecret: secret,
				HTTPClient: &http.Client{Transport: i}})
			if err == nil {
				t.Error("got a client")
			}
		})
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	i := newIssuer(t)
	i.claims = func(c map[string]any) { c["sub"] = "idn_eve" }
	c := i.client(t)
	_, err := c.Approve(t.Context(), deploy)
	texts := []string{err.Error()}
	i.away = func(*http.Request) error { return errNetwork }
	_, err = c.Approve(t.Context(), deploy)
	texts = append(texts, err.Error())
	for _, text := range texts {
		for _, canary := range []string{secret, "secret-request", "eyJ"} {
			if strings.Contains(text, canary) {
				t.Errorf("%q holds %q", text, canary)
			}
		}
	}
	if slices.Contains(texts, "") {
		t.Error("an error says nothing")
	}
}

// withoutResource is deploy as an application with a default resource asks it.
func withoutResource() assent.Action {
	action := deploy
	action.Resource = nil
	return action
}

func TestATokenIsForTheResourceOfTheStatementAndNoOther(t *testing.T) {
	const first, second = "https://api.example.com", "https://other.example.com"
	stated := func(list ...string) func(*evidence.Statement) {
		return func(s *evidence.Statement) { s.Action.Resource = list }
	}
	tests := []struct {
		name      string
		action    assent.Action
		statement func(*evidence.Statement)
		aud       any    // nil: that of the statement
		want      string // part of the reason; empty: approved
	}{
		{"none: for the issuer", withoutResource(), nil, nil, ""},
		{"none: for an API that nobody was shown", withoutResource(), nil, first, "it is not for " + issuerURL},
		{"none: for an API as well", withoutResource(), nil, []string{issuerURL, first}, "as well"},
		{"the default", withoutResource(), stated(first), nil, ""},
		{"two defaults in another order", withoutResource(), stated(first, second), []string{second, first}, ""},
		{"the default was shown, for another", withoutResource(), stated(first), second, "it is not for " + first},
		{"the default was shown, for another as well", withoutResource(), stated(first), []string{first, second}, "as well"},
		{"the default was shown, for the issuer", withoutResource(), stated(first), issuerURL, "it is not for " + first},
		{"asked for, the statement has another", deploy, stated(second), nil, "the resource differs"},
		{"asked for, the statement has none", deploy, stated(), first, "the resource differs"},
		{"asked for, for the issuer", deploy, nil, issuerURL, "it is not for " + first},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t)
			i.statement = tt.statement
			if tt.aud != nil {
				i.claims = func(c map[string]any) { c["aud"] = tt.aud }
			}
			_, err := i.client(t).Approve(t.Context(), tt.action)
			if tt.want == "" {
				check(t, err)
				return
			}
			if !errors.Is(err, assent.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || i.redeems != 0 {
				t.Errorf("got %v after %d redemptions; want an invalid approval: %s", err, i.redeems, tt.want)
			}
		})
	}
}

func TestTheDefaultResourceMustHaveBeenGrantedToo(t *testing.T) {
	i := newIssuer(t)
	i.statement = func(s *evidence.Statement) { s.Action.Resource = []string{"https://api.example.com"} }
	i.decision = func(d *evidence.Decision) {
		less := *d.Granted
		less.Resource = nil
		d.Granted = &less
	}
	_, err := i.client(t).Approve(t.Context(), withoutResource())
	if !errors.Is(err, assent.ErrInvalid) || !strings.Contains(err.Error(), "less than the action") {
		t.Errorf("got %v, want less than the action", err)
	}
}

func TestAnAPITakesNoTokenForAnother(t *testing.T) {
	i := newIssuer(t)
	req, err := i.client(t).Start(t.Context(), deploy)
	check(t, err)
	approval, err := i.client(t).Wait(t.Context(), req)
	check(t, err)
	of := func(audience string) *assent.Client {
		return i.client(t, func(c *assent.Config) { c.ClientID, c.ClientSecret, c.Audience = "", "", audience })
	}
	_, err = of("https://other.example.com").VerifyApproval(t.Context(), approval.Token, deploy)
	if !errors.Is(err, assent.ErrInvalid) || !strings.Contains(err.Error(), "it is not for https://other.example.com") || i.redeems != 0 {
		t.Errorf("another API: got %v after %d redemptions", err, i.redeems)
	}
	_, err = of("https://api.example.com").VerifyApproval(t.Context(), approval.Token, deploy)
	check(t, err)
}

func TestTextThatIsNotUTF8IsNeitherAskedNorApproved(t *testing.T) {
	// What encoding/json makes of the bad bytes, which a person could approve.
	asked := assent.Action{
		Person: "alex", Message: "Remove \ufffd", Scope: "a\ufffd", Resource: []string{"https://api.example.com/\ufffd"},
		Details: map[string]string{"k\ufffd": "v\ufffd"}, Command: []string{"rm", "\ufffd"},
	}
	i := newIssuer(t)
	c := i.client(t)
	req, err := c.Start(t.Context(), asked)
	check(t, err) // a replacement character that is really meant is text
	approval, err := c.Wait(t.Context(), req)
	check(t, err)
	calls := i.count("/oauth/bc-authorize")
	tests := map[string]func(*assent.Action){
		"Message":       func(a *assent.Action) { a.Message = "Remove \xff" },
		"Scope":         func(a *assent.Action) { a.Scope = "a\xff" },
		"Resource":      func(a *assent.Action) { a.Resource = []string{"https://api.example.com/\xff"} },
		"Details key":   func(a *assent.Action) { a.Details = map[string]string{"k\xff": "v\ufffd"} },
		"Details value": func(a *assent.Action) { a.Details = map[string]string{"k\ufffd": "v\xff"} },
		"Command":       func(a *assent.Action) { a.Command = []string{"rm", "\xff"} },
		"half a rune":   func(a *assent.Action) { a.Command = []string{"rm", "\xc3"} },
		"surrogate":     func(a *assent.Action) { a.Command = []string{"rm", "\xed\xa0\x80"} },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			action := asked
			spoil(&action)
			if _, err := c.Approve(t.Context(), action); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
				t.Errorf("Approve: got %v", err)
			}
			_, err := c.VerifyApproval(t.Context(), approval.Token, action)
			if !errors.Is(err, assent.ErrInvalid) || !strings.Contains(err.Error(), "not valid UTF-8") {
				t.Errorf("VerifyApproval: got %v", err)
			}
		})
	}
	if n := i.count("/oauth/bc-authorize"); n != calls || i.redeems != 0 {
		t.Errorf("%d requests were made and %d approvals redeemed", n-calls, i.redeems)
	}
	if _, err := c.VerifyApproval(t.Context(), approval.Token, asked); err != nil {
		t.Errorf("the action that was approved: %v", err)
	}
}
