package oauthhttp_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/sdk/evidence"
)

// Token types of RFC 8693, Section 3.
const (
	accessType  = "urn:ietf:params:oauth:token-type:access_token"
	idType      = "urn:ietf:params:oauth:token-type:id_token"
	jwtType     = "urn:ietf:params:oauth:token-type:jwt"
	refreshType = "urn:ietf:params:oauth:token-type:refresh_token"
)

const (
	apiURL = "https://api.example"
	dbURL  = "https://db.example"
)

// A chain is a person at a front end, whose tokens are for a service behind it,
// which calls a database.
type chain struct {
	*servertest.Flow
	back servertest.App
}

func newChain(t *testing.T, w *servertest.World, front model.ApplicationSettings) *chain {
	t.Helper()
	back := w.App(t, application.NewApplication{Name: "Back", Scopes: []string{"read", "write", "admin"},
		GrantTypes: []string{oauth.GrantExchange, oauth.GrantClientCredentials},
		Settings:   model.ApplicationSettings{Exchange: model.ExchangePolicy{Audiences: []string{dbURL}}}})
	return &chain{back: back, Flow: w.Flow(t, application.NewApplication{Name: "Front", Resources: []string{back.ID, apiURL},
		GrantTypes: []string{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantExchange}, Settings: front})}
}

// swap exchanges an access token.
func swap(t *testing.T, w *servertest.World, app servertest.App, token string, pairs ...string) servertest.Answer {
	t.Helper()
	form := append([]string{"grant_type", oauth.GrantExchange, "subject_token", token, "subject_token_type", accessType}, pairs...)
	return w.Post(t, "/oauth/token", app.Form(form...))
}

// swapped is the access token that an exchange must give.
func swapped(t *testing.T, w *servertest.World, app servertest.App, token string, pairs ...string) string {
	t.Helper()
	got := swap(t, w, app, token, pairs...)
	if got.Status != 200 {
		t.Fatalf("exchange: %d %s", got.Status, got.Body)
	}
	return got.Text("access_token")
}

// wantError checks the wire code of a refusal; an empty one means success.
func wantError(t *testing.T, name string, got servertest.Answer, want string) {
	t.Helper()
	status := 400
	switch want {
	case "":
		status = 200
	case "invalid_client":
		status = 401
	}
	if got.Status != status || got.Text("error") != want {
		t.Errorf("%s: got %d %s, want %q", name, got.Status, got.Body, want)
	}
}

// ownToken signs claims as an access token of the realm. They override good ones,
// and a nil one leaves its claim out.
func ownToken(t *testing.T, w *servertest.World, typ string, claims map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	all := map[string]any{"iss": w.Site.Issuer, "aud": w.Site.Issuer, "jti": ids.New("tok"), "iat": now, "exp": now + 300, "scope": "read"}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(all)
	servertest.Check(t, err)
	token, err := w.Server.Keys.Sign(t.Context(), w.Site, "ES256", typ, payload)
	servertest.Check(t, err)
	return token
}

// RFC 8693, Sections 2.2.1 and 4.1.
//
// Requirement: exchange-delegation, exchange-act-depth, access-token-jwt-context, introspect-members
func TestAnExchangedTokenNamesWhoActsForWhom(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	first := c.Tokens(t, "scope", "openid read write").Text("access_token")
	got := swap(t, w, c.back, first, "audience", dbURL, "scope", "read")
	if got.Status != 200 || got.Text("issued_token_type") != accessType || got.Text("token_type") != "Bearer" || got.Text("scope") != "read" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got.JSON["refresh_token"] != nil || got.JSON["id_token"] != nil {
		t.Errorf("an exchange gives more than an access token: %s", got.Body)
	}
	before, after := claimsOf(t, first), claimsOf(t, got.Text("access_token"))
	for _, same := range []string{"iss", "sub", "auth_time", "acr"} {
		if after[same] == nil || after[same] != before[same] {
			t.Errorf("%s = %v, then %v", same, before[same], after[same])
		}
	}
	want := map[string]any{"aud": dbURL, "client_id": c.back.ID, "scope": "read", "sub": string(c.Identity.ID),
		"act": map[string]any{"sub": c.back.ID}, "amr": before["amr"], "parents": []any{before["jti"], c.App.ID}}
	for name, value := range want {
		if diff := cmp.Diff(value, after[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if after["exp"].(float64) > before["exp"].(float64) {
		t.Error("the token outlives the one that it is from")
	}
	seen := w.Post(t, "/oauth/introspect", c.back.Form("token", got.Text("access_token")))
	if diff := cmp.Diff(want["act"], seen.JSON["act"]); diff != "" || seen.JSON["active"] != true {
		t.Errorf("introspection: %s", seen.Body)
	}
}

// RFC 8693, Section 4.1: the innermost acted first.
//
// Requirement: exchange-act-depth, exchange-delegation
func TestActorsNestUpToFive(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	token := c.Tokens(t, "resource", apiURL).Text("access_token")
	for depth := 1; depth <= 5; depth++ {
		token = swapped(t, w, c.App, token)
		var chain []string
		for act, _ := claimsOf(t, token)["act"].(map[string]any); act != nil; act, _ = act["act"].(map[string]any) {
			chain = append(chain, act["sub"].(string))
		}
		if diff := cmp.Diff(slices.Repeat([]string{c.App.ID}, depth), chain); diff != "" {
			t.Errorf("depth %d: %s", depth, diff)
		}
	}
	wantError(t, "a sixth", swap(t, w, c.App, token), "invalid_request")
}

// An agent acts for a person with a token of its own (RFC 8693, Section 2.1).
//
// Requirement: exchange-delegation
func TestTheActorTokenSaysWhoActs(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	agent := w.App(t, application.NewApplication{Name: "Agent", Kind: model.KindAgent, OwnerID: c.Identity.ID, Resources: []string{c.back.ID},
		GrantTypes: []string{oauth.GrantClientCredentials}})
	subject := c.Tokens(t).Text("access_token")
	acting := tokenOf(t, w, agent)
	got := swapped(t, w, c.back, subject, "audience", dbURL, "actor_token", acting, "actor_token_type", accessType)
	after := claimsOf(t, got)
	if diff := cmp.Diff(map[string]any{"sub": agent.ID, "sub_profile": "ai_agent"}, after["act"]); diff != "" || after["sub"] != string(c.Identity.ID) {
		t.Errorf("%s %v", diff, after)
	}
	// A person acts for another.
	other := w.Flow(t, application.NewApplication{Resources: []string{c.back.ID}})
	theirs := other.Tokens(t).Text("access_token")
	after = claimsOf(t, swapped(t, w, c.back, got, "audience", dbURL, "actor_token", theirs, "actor_token_type", accessType))
	want := map[string]any{"sub": string(other.Identity.ID), "client_id": other.App.ID, "act": map[string]any{"sub": agent.ID, "sub_profile": "ai_agent"}}
	if diff := cmp.Diff(want, after["act"]); diff != "" {
		t.Error(diff)
	}
	for name, pairs := range map[string][]string{
		"no type":             {"actor_token", acting},
		"no token":            {"actor_token_type", accessType},
		"another type":        {"actor_token", acting, "actor_token_type", jwtType},
		"made up":             {"actor_token", "x.y.z", "actor_token_type", accessType},
		"not the client's":    {"actor_token", c.Tokens(t, "resource", apiURL).Text("access_token"), "actor_token_type", accessType},
		"an ID token of none": {"actor_token", acting, "actor_token_type", idType},
		"itself delegated":    {"actor_token", got, "actor_token_type", accessType},
	} {
		wantError(t, name, swap(t, w, c.back, subject, append(pairs, "audience", dbURL)...), "invalid_request")
	}
	// Who acts is stopped: the token is dead.
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.Site, model.ClientID(agent.ID), model.ApplicationFrozen, "operator"))
	if active(t, w, c.back, got) {
		t.Error("an agent that was frozen still acts")
	}
	wantError(t, "frozen", swap(t, w, c.back, subject, "audience", dbURL, "actor_token", acting, "actor_token_type", accessType), "invalid_request")
}

// RFC 8693, Section 1.1: impersonation is what policy allows a client alone.
//
// Requirement: exchange-impersonation
func TestImpersonationLeavesNoActorWherePolicyAllowsIt(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{Exchange: model.ExchangePolicy{Impersonate: true}})
	token := c.Tokens(t, "scope", "openid read").Text("access_token")
	got := swap(t, w, c.App, token, "scope", "read")
	after := claimsOf(t, got.Text("access_token"))
	if got.Text("issued_token_type") != accessType || got.Text("token_type") != "Bearer" || after["sub"] != string(c.Identity.ID) || after["act"] != nil {
		t.Errorf("got %d %s: %v", got.Status, got.Body, after)
	}
	// What others did before stays in sight, and an actor token is always named.
	delegated := swapped(t, w, c.back, token, "audience", c.back.ID)
	own := c.Tokens(t, "scope", "openid").Text("id_token")
	named := claimsOf(t, swapped(t, w, c.App, token, "actor_token", own, "actor_token_type", idType))["act"]
	if diff := cmp.Diff(map[string]any{"sub": string(c.Identity.ID), "client_id": c.App.ID}, named); diff != "" {
		t.Error(diff)
	}
	if claimsOf(t, delegated)["act"] == nil {
		t.Error("a client without the right impersonates")
	}
}

// RFC 8693, Section 4.4. The token is one of ours that names who may act.
//
// Requirement: exchange-may-act
func TestMayActIsEnforced(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{Scopes: []string{"read"}, GrantTypes: []string{oauth.GrantExchange}})
	free := w.App(t, application.NewApplication{Scopes: []string{"read"}, GrantTypes: []string{oauth.GrantExchange},
		Settings: model.ApplicationSettings{Exchange: model.ExchangePolicy{Impersonate: true}}})
	_, who := w.Person(t, "alex")
	for _, tt := range []struct {
		name, mayAct, want string
	}{
		{"the client", `{"sub":"` + app.ID + `"}`, ""},
		{"the client by client_id", `{"client_id":"` + app.ID + `"}`, ""},
		{"all three", `{"sub":"` + app.ID + `","client_id":"` + app.ID + `","iss":"` + w.URL + `"}`, ""},
		{"another", `{"sub":"` + free.ID + `"}`, "invalid_request"},
		{"another issuer's", `{"sub":"` + app.ID + `","iss":"https://other.example"}`, "invalid_request"},
		{"one of two fits", `{"sub":"` + app.ID + `","client_id":"` + free.ID + `"}`, "invalid_request"},
		{"a condition that nobody can check", `{"sub":"` + app.ID + `","email":"a@example.com"}`, "invalid_request"},
		{"nobody", `{}`, "invalid_request"},
		{"an empty name", `{"sub":""}`, "invalid_request"},
		{"a list", `[{"sub":"` + app.ID + `"}]`, "invalid_request"},
		{"null", `null`, "invalid_request"},
	} {
		token := ownToken(t, w, "at+jwt", map[string]any{"sub": who.ID, "client_id": app.ID, "may_act": json.RawMessage(tt.mayAct)})
		got := swap(t, w, app, token)
		wantError(t, tt.name, got, tt.want)
		if tt.want == "" && claimsOf(t, got.Text("access_token"))["may_act"] == nil {
			t.Errorf("%s: the limit is gone", tt.name)
		}
	}
	// To leave the actor out does not evade it.
	for mayAct, want := range map[string]string{free.ID: "", app.ID: "invalid_request"} {
		token := ownToken(t, w, "at+jwt", map[string]any{"sub": who.ID, "client_id": free.ID, "may_act": map[string]any{"sub": mayAct}})
		wantError(t, "impersonation", swap(t, w, free, token), want)
	}
}

// Requirement: exchange-narrows, exchange-target, rar-narrowed
func TestAnExchangeOnlyNarrows(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	toBack := c.Tokens(t, "scope", "openid read offline_access").Text("access_token")
	toBoth := c.Tokens(t, "scope", "read write", "resource", apiURL).Text("access_token")
	for _, tt := range []struct {
		name       string
		app        servertest.App
		token      string
		pairs      []string
		want       string
		scope, aud string
	}{
		{"as it is", c.App, toBack, nil, "", "openid read", c.back.ID},
		{"what both may have", c.back, toBack, []string{"audience", dbURL}, "", "read", dbURL},
		{"less", c.App, toBoth, []string{"scope", "write"}, "", "write", apiURL},
		{"a scope that the token has not", c.App, toBack, []string{"scope", "write"}, "invalid_scope", "", ""},
		{"a scope that the client has not", c.back, toBack, []string{"scope", "openid", "audience", dbURL}, "invalid_scope", "", ""},
		{"a scope that only the client has", c.back, toBack, []string{"scope", "admin", "audience", dbURL}, "invalid_scope", "", ""},
		{"by resource", c.back, toBack, []string{"resource", dbURL}, "", "read", dbURL},
		{"with a slash", c.back, toBack, []string{"resource", dbURL + "/"}, "", "read", dbURL},
		{"itself", c.back, toBack, []string{"audience", c.back.ID}, "", "read", c.back.ID},
		{"itself by default", c.back, toBack, nil, "", "read", c.back.ID},
		{"empty ones do not count", c.back, toBack, []string{"audience", "", "audience", dbURL}, "", "read", dbURL},
		{"another of the client's, that the token is not for", c.App, toBack, []string{"resource", apiURL}, "invalid_target", "", ""},
		{"the same by audience", c.App, toBack, []string{"audience", apiURL}, "invalid_target", "", ""},
		{"of several, its own by default", c.back, ownToken(t, w, "at+jwt", map[string]any{"sub": c.Identity.ID, "client_id": c.App.ID,
			"aud": []string{w.URL, apiURL, dbURL, c.back.ID}}), nil, "", "read", ""},
		{"this server", c.App, toBack, []string{"audience", w.URL}, "invalid_target", "", ""},
		{"a stranger", c.back, toBack, []string{"audience", apiURL}, "invalid_target", "", ""},
		{"a stranger among others", c.back, toBack, []string{"audience", dbURL, "audience", apiURL}, "invalid_target", "", ""},
		{"a relative resource", c.back, toBack, []string{"resource", "/db"}, "invalid_target", "", ""},
		{"details of nobody", c.App, toBack, []string{"authorization_details", details}, "invalid_authorization_details", "", ""},
	} {
		got := swap(t, w, tt.app, tt.token, tt.pairs...)
		wantError(t, tt.name, got, tt.want)
		if got.Status != 200 {
			continue
		}
		claims := claimsOf(t, got.Text("access_token"))
		if tt.aud == "" { // what it may call itself, and no more
			if diff := cmp.Diff([]any{dbURL, c.back.ID}, claims["aud"]); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
			continue
		}
		if claims["aud"] != tt.aud || got.Text("scope") != tt.scope || claims["scope"] != tt.scope {
			t.Errorf("%s: %s for %v", tt.name, got.Body, claims["aud"])
		}
	}
}

// The person approved two actions; the token for one of them says so still.
//
// Requirement: exchange-narrows, rar-narrowed, rar-shown-and-granted
func TestDetailsOfAnApprovalNarrow(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantCIBA, oauth.GrantExchange}})
	person, _ := w.Person(t, "alex")
	const one, other = `{"type":"assent_action","command":["./one"]}`, `{"type":"assent_action","command":["./other"]}`
	asked := ask(t, w, app, "login_hint", "alex", "authorization_details", "["+one+","+other+"]")
	_, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	token := poll(t, w, app, asked.Text("auth_req_id")).Text("access_token")
	if got := claimsOf(t, swapped(t, w, app, token)); len(got["authorization_details"].([]any)) != 2 {
		t.Errorf("none asked for: %v", got)
	}
	less := swapped(t, w, app, token, "authorization_details", "["+other+"]")
	got := claimsOf(t, less)
	if diff := cmp.Diff([]any{map[string]any{"type": "assent_action", "command": []any{"./other"}}}, got["authorization_details"]); diff != "" {
		t.Error(diff)
	}
	if approval, _ := got["approval"].(map[string]any); approval["id"] != asked.Text("approval_id") {
		t.Errorf("approval = %v", got["approval"])
	}
	wantError(t, "back to more", swap(t, w, app, less, "authorization_details", "["+one+"]"), "invalid_authorization_details")
	wantError(t, "another", swap(t, w, app, token, "authorization_details", `[{"type":"assent_action","command":["./x"]}]`), "invalid_authorization_details")
}

// Requirement: exchange-narrows
func TestAnExchangedTokenEndsWithTheOneItIsFrom(t *testing.T) {
	w, clock := clocked(t)
	c := newChain(t, w, model.ApplicationSettings{})
	token := c.Tokens(t).Text("access_token")
	end := claimsOf(t, token)["exp"].(float64)
	clock.Turn(4 * time.Minute)
	got := swap(t, w, c.back, token, "audience", dbURL)
	child := claimsOf(t, got.Text("access_token"))
	if child["exp"] != end || got.JSON["expires_in"].(float64) > 61 {
		t.Errorf("exp = %v, want %v; %s", child["exp"], end, got.Body)
	}
	clock.Turn(61 * time.Second)
	if active(t, w, c.back, got.Text("access_token")) {
		t.Error("it lives on")
	}
	wantError(t, "expired", swap(t, w, c.back, token, "audience", dbURL), "invalid_request")
}

// Requirement: exchange-parent-revoked, revoke-access-token, revoke-refresh-takes-grant
func TestWhatComesFromATokenDiesWithIt(t *testing.T) {
	for _, opaque := range []bool{false, true} {
		for name, stop := range map[string]func(t *testing.T, c *chain, tokens servertest.Answer){
			"the token": func(t *testing.T, c *chain, tokens servertest.Answer) {
				c.Post(t, "/oauth/revoke", c.Form("token", tokens.Text("access_token")))
			},
			"its grant": func(t *testing.T, c *chain, tokens servertest.Answer) {
				c.Post(t, "/oauth/revoke", c.Form("token", tokens.Text("refresh_token")))
			},
			"its application": func(t *testing.T, c *chain, _ servertest.Answer) {
				servertest.Check(t, c.Server.Applications.SetStatus(t.Context(), c.Site, model.ClientID(c.App.ID), model.ApplicationDisabled, "operator"))
			},
			"all of its application's": func(t *testing.T, c *chain, _ servertest.Answer) {
				_, err := c.Server.Applications.RevokeTokens(t.Context(), c.Site, model.ClientID(c.App.ID), "operator")
				servertest.Check(t, err)
			},
			"the person": func(t *testing.T, c *chain, _ servertest.Answer) {
				_, err := c.Server.Directory.Suspend(t.Context(), c.Site, c.Identity.ID, "operator")
				servertest.Check(t, err)
			},
		} {
			w := servertest.Start(t, nil)
			c := newChain(t, w, model.ApplicationSettings{OpaqueTokens: opaque})
			last := w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantExchange}, Scopes: []string{"read"}})
			tokens := c.Tokens(t)
			parent := tokens.Text("access_token")
			child := swapped(t, w, c.App, parent)
			grandchild := swapped(t, w, c.back, child, "audience", dbURL)
			if !active(t, w, c.back, child) || !active(t, w, c.back, grandchild) {
				t.Fatalf("%s: a fresh token is inactive", name)
			}
			stop(t, c, tokens)
			for which, token := range map[string]string{"parent": parent, "child": child, "grandchild": grandchild} {
				if active(t, w, c.back, token) {
					t.Errorf("%s (opaque: %v): the %s lives on", name, opaque, which)
				}
			}
			wantError(t, name, swap(t, w, c.back, child, "audience", dbURL), "invalid_request")
			wantError(t, "a stranger", swap(t, w, last, child), "invalid_request")
		}
	}
}

// Requirement: exchange-parent-revoked
func TestRevokingAnExchangedTokenLeavesItsParentAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	parent := c.Tokens(t).Text("access_token")
	child := swapped(t, w, c.App, parent)
	sibling := swapped(t, w, c.App, parent)
	w.Post(t, "/oauth/revoke", c.Form("token", child))
	if active(t, w, c.App, child) || !active(t, w, c.App, parent) || !active(t, w, c.App, sibling) {
		t.Error("revoking a child is felt by others, or not by itself")
	}
}

// A pairwise person keeps a name of their own at each application.
//
// Requirement: exchange-delegation, subject-pairwise
func TestEachApplicationKnowsThePersonByItsOwnName(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{SubjectType: "pairwise"})
	tokens := c.Tokens(t)
	parent := claimsOf(t, tokens.Text("access_token"))["sub"].(string)
	same := claimsOf(t, swapped(t, w, c.App, tokens.Text("access_token")))["sub"]
	there := claimsOf(t, swapped(t, w, c.back, tokens.Text("access_token"), "audience", dbURL))["sub"]
	if !strings.HasPrefix(parent, "pw_") || same != parent || there != string(c.Identity.ID) {
		t.Errorf("%s, %s, %s", parent, same, there)
	}
}

// Nothing that came of the parent before it was revoked stays, and nothing comes
// of it after, also while 32 exchange it and one revokes.
//
// Requirement: exchange-parent-revoked
func TestRevocationWinsAgainstExchangesAtTheSameMoment(t *testing.T) {
	w := servertest.Start(t, nil)
	c := newChain(t, w, model.ApplicationSettings{})
	tokens := c.Tokens(t)
	children := make([]string, 32)
	atOnce(func(i int) {
		if i == 16 {
			w.Post(t, "/oauth/revoke", c.Form("token", tokens.Text("refresh_token")))
			return
		}
		children[i] = swap(t, w, c.App, tokens.Text("access_token")).Text("access_token")
	})
	for _, child := range children {
		if child != "" && active(t, w, c.App, child) {
			t.Error("a child of a revoked grant is active")
		}
	}
	wantError(t, "after", swap(t, w, c.App, tokens.Text("access_token")), "invalid_request")
}

// Requirement: exchange-delegation
func TestTheAuditTrailKnowsWhoExchanged(t *testing.T) {
	w := servertest.Start(t, func(*server.Config) {})
	c := newChain(t, w, model.ApplicationSettings{})
	token := c.Tokens(t).Text("access_token")
	grant := claimsOf(t, swapped(t, w, c.back, token, "audience", dbURL))["grant_id"]
	events, err := w.Server.Audit.Page(t.Context(), w.Site, "", 50)
	servertest.Check(t, err)
	i := slices.IndexFunc(events, func(e model.Event) bool { return e.Type == "token.exchanged" })
	if i < 0 || events[i].Actor != c.back.ID || events[i].Target != grant || !strings.Contains(string(events[i].Data), claimsOf(t, token)["jti"].(string)) ||
		strings.Contains(string(events[i].Data), token) {
		t.Errorf("events = %+v", events)
	}
}
