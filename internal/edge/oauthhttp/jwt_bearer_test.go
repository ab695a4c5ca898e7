package oauthhttp_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// An outside is an issuer that this server did not make: its keys and its tokens
// are written with the standard library alone.
type outside struct {
	key    *servertest.Prover
	alg    string
	header map[string]any
	claims map[string]any
}

// newOutside is an issuer whose tokens have a header and claims of that shape.
func newOutside(t *testing.T, alg string, header, claims string) *outside {
	t.Helper()
	o := &outside{key: servertest.NewProverFor(t, alg), alg: alg}
	servertest.Check(t, json.Unmarshal([]byte(header), &o.header))
	servertest.Check(t, json.Unmarshal([]byte(claims), &o.claims))
	return o
}

// jwks is the key set as the issuer publishes it; more adds members to the key.
func (o *outside) jwks(t *testing.T, more map[string]string) json.RawMessage {
	t.Helper()
	jwk := o.key.JWK(t)
	jwk["kid"], _ = o.header["kid"].(string)
	maps.Copy(jwk, more)
	set, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	servertest.Check(t, err)
	return set
}

// token is one for an audience, fresh; claims override, nil ones are left out.
func (o *outside) token(t *testing.T, aud any, claims map[string]any) string {
	t.Helper()
	return o.typed(t, nil, aud, claims)
}

// typed also changes the header.
func (o *outside) typed(t *testing.T, header map[string]any, aud any, claims map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	all := maps.Clone(o.claims)
	all["aud"], all["iat"], all["exp"] = aud, now, now+300
	if all["jti"] != nil {
		all["jti"] = ids.Secret()
	}
	if all["nbf"] != nil {
		all["nbf"] = now - 300
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	h := map[string]any{"jwk": nil, "typ": nil}
	maps.Copy(h, o.header)
	maps.Copy(h, header)
	return o.key.Sign(t, h, all)
}

// The shapes of tokens as SPIRE, Kubernetes and GitHub make them.
const (
	spiffeHeader = `{"alg":"ES256","kid":"6hWXWsCeA1ZxsRFKJyNkm8JWqnTTL3bD","typ":"JWT"}`
	spiffeClaims = `{"sub":"spiffe://prod.example/ns/shop/sa/cart","aud":[]}`

	kubernetesHeader = `{"alg":"RS256","kid":"Xx1LPmKQvC9mM7y3B1cS6c4d8aYvq4OqEDT2zR0n7QY"}`
	kubernetesClaims = `{"iss":"https://oidc.cluster.example","sub":"system:serviceaccount:shop:cart","jti":"b1e3f2aa-7d3e-4d8e-9a55-2f0f5c1f9d10",
		"nbf":0,"kubernetes.io":{"namespace":"shop","node":{"name":"node-a","uid":"0f8a"},"pod":{"name":"cart-5d8f","uid":"77aa"},
		"serviceaccount":{"name":"cart","uid":"c2b1"},"warnafter":1763603607}}`

	ciHeader = `{"typ":"JWT","alg":"RS256","x5t":"eBZ_cn3sXYAd0ch4THBKHIgOwOE","kid":"38826b17-6a30-5f9b-b169-8beb8202f723"}`
	ciClaims = `{"iss":"https://token.ci.example","sub":"repo:acme/shop:ref:refs/heads/main","jti":"x","nbf":0,"ref":"refs/heads/main",
		"ref_protected":"true","repository":"acme/shop","repository_owner":"acme","repository_owner_id":"65","run_attempt":"2",
		"run_id":"1763600000","actor":"octo","event_name":"workflow_dispatch","environment":"prod","runner_environment":"hosted","self_hosted":false,"depth":3}`
)

// A vouching is a server with one trusted issuer, and a client that may bring its
// tokens.
type vouching struct {
	*servertest.World
	*outside
	app servertest.App
}

// vouch starts a server that trusts o as t says.
func vouch(t *testing.T, o *outside, trusted model.TrustedIssuer, more ...model.TrustedIssuer) *vouching {
	t.Helper()
	if trusted.JWKS == nil && trusted.JWKSURI == "" {
		trusted.JWKS = o.jwks(t, nil)
	}
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy.TrustedIssuers = append(more, trusted) })
	return &vouching{World: w, outside: o, app: w.App(t, application.NewApplication{Scopes: []string{"read", "write", "offline_access"},
		Resources: []string{apiURL, dbURL}, GrantTypes: []string{oauth.GrantJWTBearer, oauth.GrantExchange}})}
}

// bring presents an assertion.
func (v *vouching) bring(t *testing.T, app servertest.App, assertion string, pairs ...string) servertest.Answer {
	t.Helper()
	return v.Post(t, "/oauth/token", app.Form(append([]string{"grant_type", oauth.GrantJWTBearer, "assertion", assertion}, pairs...)...))
}

// Requirement: jwt-bearer-workloads, jwt-bearer-trusted
func TestWorkloadsGetTokensForWhatTheirPlatformGivesThem(t *testing.T) {
	for _, tt := range []struct {
		name, alg, header, claims string
		trusted                   model.TrustedIssuer
		jwk                       map[string]string
		aud                       func(issuer string) any
		sub                       string
	}{
		{"SPIFFE", "ES256", spiffeHeader, spiffeClaims, model.TrustedIssuer{Issuer: "spiffe://prod.example",
			Subjects: []model.SubjectRule{{Subject: "spiffe://prod.example/ns/shop/*"}}}, map[string]string{"use": "jwt-svid"},
			func(i string) any { return []string{i} }, "spiffe://prod.example/ns/shop/sa/cart"},
		{"SPIFFE with an issuer", "RS256", strings.Replace(spiffeHeader, "ES256", "RS256", 1),
			strings.Replace(spiffeClaims, "{", `{"iss":"https://spire.example",`, 1), model.TrustedIssuer{Issuer: "https://spire.example",
				Subjects: []model.SubjectRule{{Subject: "spiffe://prod.example/ns/shop/sa/cart"}}}, nil,
			func(i string) any { return []string{i} }, "spiffe://prod.example/ns/shop/sa/cart"},
		{"Kubernetes", "RS256", kubernetesHeader, kubernetesClaims, model.TrustedIssuer{Issuer: "https://oidc.cluster.example", Reusable: true,
			Subjects: []model.SubjectRule{{Subject: "system:serviceaccount:*", Prefix: "blue/", Claims: map[string]string{
				"/kubernetes.io/namespace": "shop", "/kubernetes.io/serviceaccount/name": "cart"}}}}, map[string]string{"use": "sig", "alg": "RS256"},
			func(i string) any { return []string{i} }, "blue/system:serviceaccount:shop:cart"},
		{"CI", "RS256", ciHeader, ciClaims, model.TrustedIssuer{Issuer: "https://token.ci.example", Audiences: []string{"https://github.example/acme"},
			Subjects: []model.SubjectRule{{Subject: "repo:acme/shop:*", Claims: map[string]string{"ref": "refs/heads/main", "repository_owner_id": "65",
				"self_hosted": "false", "depth": "3"}}}}, map[string]string{"alg": "RS256", "use": "sig"},
			func(string) any { return "https://github.example/acme" }, "repo:acme/shop:ref:refs/heads/main"},
	} {
		o := newOutside(t, tt.alg, tt.header, tt.claims)
		tt.trusted.JWKS = o.jwks(t, tt.jwk)
		v := vouch(t, o, tt.trusted)
		token := v.token(t, tt.aud(v.URL), nil)
		got := v.bring(t, v.app, token)
		if got.Status != 200 || got.Text("token_type") != "Bearer" || got.Text("scope") != "read write" || got.JSON["refresh_token"] != nil {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
			continue
		}
		c := claimsOf(t, got.Text("access_token"))
		if c["sub"] != tt.sub || c["client_id"] != v.app.ID || c["aud"] != apiURL || c["auth_time"] != nil {
			t.Errorf("%s: %v", tt.name, c)
		}
		if !active(t, v.World, v.app, got.Text("access_token")) {
			t.Errorf("%s: inactive", tt.name)
		}
		// What has a jti is used up, unless its issuer mounts it for many uses.
		want := "invalid_grant"
		if o.claims["jti"] == nil || tt.trusted.Reusable {
			want = ""
		}
		wantError(t, tt.name+" again", v.bring(t, v.app, token), want)
		// Its key is what counts.
		wantError(t, tt.name+" by another", v.bring(t, v.app, newOutside(t, tt.alg, tt.header, tt.claims).token(t, tt.aud(v.URL), nil)), "invalid_grant")
	}
}

// Requirement: jwt-bearer-claims, jwt-bearer-trusted, token-matrix
func TestAssertionsThatAreNotAccepted(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1","typ":"JWT"}`,
		`{"iss":"https://ci.example","sub":"job:deploy","jti":"x","branch":"main","nested":{"a/b":"c","list":["main"]}}`)
	everyone := func(prefix string) []model.SubjectRule { return []model.SubjectRule{{Subject: "*", Prefix: prefix}} }
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://ci.example", Audiences: []string{"urn:assent"}, Subjects: []model.SubjectRule{
		{Subject: "job:deploy", Claims: map[string]string{"branch": "main", "/nested/a~1b": "c"}}}},
		model.TrustedIssuer{Issuer: "https://idle.example", JWKS: o.jwks(t, nil)},
		model.TrustedIssuer{Issuer: "https://eddsa.example", JWKS: o.jwks(t, nil), Algs: []string{"EdDSA"}, Subjects: everyone("e:")},
		model.TrustedIssuer{Issuer: "spiffe://c.example", JWKS: o.jwks(t, nil), Subjects: everyone("c:")})
	now := time.Now().Unix()
	type m = map[string]any
	for _, tt := range []struct {
		name   string
		header m
		aud    any
		claims m
		want   string
	}{
		{"as it should be", nil, v.URL, nil, ""},
		{"for the token endpoint", nil, v.URL + "/oauth/token", nil, ""},
		{"for a name that the realm gave", nil, "urn:assent", nil, ""},
		{"for several names of ours", nil, []string{v.URL, "urn:assent"}, nil, ""},
		{"without a type", m{"typ": nil}, v.URL, nil, ""},
		{"of RFC 7523bis", m{"typ": "authorization-grant+jwt"}, v.URL, nil, ""},
		{"of a media type", m{"typ": "application/JWT"}, v.URL, nil, ""},
		{"without kid", m{"kid": nil}, v.URL, nil, ""},
		{"without iat and jti", nil, v.URL, m{"iat": nil, "jti": nil}, ""},
		{"at the longest", nil, v.URL, m{"exp": now + 3600}, ""},
		{"iat and nbf a little ahead", nil, v.URL, m{"iat": now + 8, "nbf": now + 8}, ""},

		{"a trust domain", nil, v.URL, m{"iss": nil, "sub": "spiffe://c.example/x"}, ""},
		{"a trust domain that says so", nil, v.URL, m{"iss": "spiffe://c.example", "sub": "spiffe://c.example/x"}, ""},

		{"a trust domain for another", nil, v.URL, m{"iss": "spiffe://c.example", "sub": "spiffe://d.example/x"}, "invalid_grant"},
		{"a trust domain for no workload", nil, v.URL, m{"iss": "spiffe://c.example", "sub": "job:deploy"}, "invalid_grant"},
		{"an unknown trust domain", nil, v.URL, m{"iss": nil, "sub": "spiffe://d.example/x"}, "invalid_grant"},
		{"unknown issuer", nil, v.URL, m{"iss": "https://evil.example"}, "invalid_grant"},
		{"no issuer", nil, v.URL, m{"iss": nil}, "invalid_grant"},
		{"ourselves", nil, v.URL, m{"iss": v.URL}, "invalid_grant"},
		{"an issuer without rules", nil, v.URL, m{"iss": "https://idle.example"}, "invalid_grant"},
		{"an issuer of another algorithm", nil, v.URL, m{"iss": "https://eddsa.example"}, "invalid_grant"},
		{"issuer in another case", nil, v.URL, m{"iss": "https://CI.example"}, "invalid_grant"},
		{"no subject", nil, v.URL, m{"sub": nil}, "invalid_grant"},
		{"empty subject", nil, v.URL, m{"sub": ""}, "invalid_grant"},
		{"another subject", nil, v.URL, m{"sub": "job:deploy2"}, "invalid_grant"},
		{"a claim with another value", nil, v.URL, m{"branch": "topic"}, "invalid_grant"},
		{"a claim that is not there", nil, v.URL, m{"branch": nil}, "invalid_grant"},
		{"a claim of another kind", nil, v.URL, m{"branch": []string{"main"}}, "invalid_grant"},
		{"a nested claim that is not there", nil, v.URL, m{"nested": "c"}, "invalid_grant"},
		{"no audience", nil, nil, nil, "invalid_grant"},
		{"an empty audience", nil, []string{}, nil, "invalid_grant"},
		{"another audience", nil, "https://other.example", nil, "invalid_grant"},
		{"another audience too", nil, []string{v.URL, "https://other.example"}, nil, "invalid_grant"},
		{"the issuer with a slash", nil, v.URL + "/", nil, "invalid_grant"},
		{"an audience of another kind", nil, 1, nil, "invalid_grant"},
		{"no exp", nil, v.URL, m{"exp": nil}, "invalid_grant"},
		{"expired", nil, v.URL, m{"exp": now - 1}, "invalid_grant"},
		{"too long", nil, v.URL, m{"exp": now + 3700}, "invalid_grant"},
		{"too long since it was issued", nil, v.URL, m{"iat": now - 3600, "exp": now + 60}, "invalid_grant"},
		{"exp beyond all numbers", nil, v.URL, m{"exp": 1e300}, "invalid_grant"},
		{"exp a string", nil, v.URL, m{"exp": "soon"}, "invalid_grant"},
		{"iat in the future", nil, v.URL, m{"iat": now + 60}, "invalid_grant"},
		{"nbf in the future", nil, v.URL, m{"nbf": now + 60}, "invalid_grant"},
		{"a long jti", nil, v.URL, m{"jti": strings.Repeat("x", 513)}, "invalid_grant"},
		{"unknown key", m{"kid": "k2"}, v.URL, nil, "invalid_grant"},
		{"an access token", m{"typ": "at+jwt"}, v.URL, nil, "invalid_grant"},
		{"a logout token", m{"typ": "logout+jwt"}, v.URL, nil, "invalid_grant"},
		{"a DPoP proof", m{"typ": "dpop+jwt"}, v.URL, nil, "invalid_grant"},
		{"an ID-JAG of an issuer that may not", m{"typ": "oauth-id-jag+jwt"}, v.URL, m{"client_id": v.app.ID}, "invalid_grant"},
		{"its own key in the header", m{"jwk": o.key.JWK(t)}, v.URL, nil, "invalid_grant"},
		{"an address of keys", m{"jku": "https://evil.example/jwks"}, v.URL, nil, "invalid_grant"},
		{"critical extensions", m{"crit": []string{"exp"}}, v.URL, nil, "invalid_grant"},
		{"no algorithm", m{"alg": "none"}, v.URL, nil, "invalid_grant"},
		{"another algorithm", m{"alg": "RS256"}, v.URL, nil, "invalid_grant"},
	} {
		wantError(t, tt.name, v.bring(t, v.app, v.typed(t, tt.header, tt.aud, tt.claims)), tt.want)
	}
	for name, bad := range map[string]string{"malformed": "x", "no JSON": "eyJhbGciOiJFUzI1NiJ9.e30x.AAAA", "of us": tokenOf(t, v.World,
		v.App(t, application.NewApplication{}))} {
		wantError(t, name, v.bring(t, v.app, bad), "invalid_grant")
	}
	wantError(t, "none", v.bring(t, v.app, ""), "invalid_request")
	wantError(t, "details", v.bring(t, v.app, v.token(t, v.URL, nil), "authorization_details", details), "invalid_authorization_details")
	wantError(t, "target", v.bring(t, v.app, v.token(t, v.URL, nil), "resource", "https://other.example"), "invalid_target")
	if got := v.bring(t, v.app, v.token(t, v.URL, nil), "resource", dbURL, "scope", "write"); claimsOf(t, got.Text("access_token"))["aud"] != dbURL || got.Text("scope") != "write" {
		t.Errorf("resource and scope: %d %s", got.Status, got.Body)
	}
}

// A token of the issuer is one use, whoever is first and at whichever door.
//
// Requirement: jwt-bearer-claims
func TestAnAssertionWithAJTIIsUsedOnce(t *testing.T) {
	o := newOutside(t, "ES256", ciHeader, ciClaims)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://token.ci.example", Subjects: []model.SubjectRule{{Subject: "repo:acme/*"}}})
	token := v.typed(t, map[string]any{"alg": "ES256"}, v.URL, nil)
	var won, lost atomic.Int32
	atOnce(func(int) {
		switch got := v.bring(t, v.app, token); {
		case got.Status == http.StatusOK:
			won.Add(1)
		case got.Text("error") == "invalid_grant":
			lost.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	exchange := func(token string) servertest.Answer {
		return v.Post(t, "/oauth/token", v.app.Form("grant_type", oauth.GrantExchange, "subject_token", token, "subject_token_type", jwtType))
	}
	wantError(t, "as a subject token", exchange(token), "invalid_request")
	fresh := v.typed(t, map[string]any{"alg": "ES256"}, v.URL, nil)
	wantError(t, "a fresh one", exchange(fresh), "")
	wantError(t, "the fresh one here", v.bring(t, v.app, fresh), "invalid_grant")
}

// Requirement: jwt-bearer-trusted, exchange-delegation
func TestARuleMapsASubjectToAPerson(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://idp.example","sub":"00u1","jti":"x","email_verified":true}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://idp.example", Subjects: []model.SubjectRule{
		{Subject: "00u*", Identity: "login:email", Scopes: []string{"read"}}, {Subject: "pointer", Identity: "login:/email"},
		{Subject: "name:*", Identity: "login:/user/name"}, {Subject: "gone", Identity: "idn_00000000000000000000000000"}}})
	_, who := v.Person(t, "alex")
	type m = map[string]any
	got := v.bring(t, v.app, v.token(t, v.URL, m{"email": "ALEX@example.com", "email_verified": true, "auth_time": time.Now().Unix() - 60, "acr": "silver", "amr": []string{"pwd"}}))
	c := claimsOf(t, got.Text("access_token"))
	if got.Status != 200 || got.Text("scope") != "read" || c["sub"] != string(who.ID) || c["acr"] != "silver" || c["auth_time"] == nil {
		t.Errorf("got %d %s: %v", got.Status, got.Body, c)
	}
	for _, tt := range []struct {
		name   string
		claims m
		pairs  []string
		want   string
	}{
		{"a nested claim", m{"sub": "name:1", "user": m{"name": "alex"}}, nil, ""},
		{"a scope of the rule", m{"email": "alex@example.com"}, []string{"scope", "read"}, ""},
		{"a scope that the rule has not", m{"email": "alex@example.com"}, []string{"scope", "write"}, "invalid_scope"},
		{"no such claim", nil, nil, "invalid_grant"},
		{"nobody has that login", m{"email": "eve@example.com"}, nil, "invalid_grant"},
		{"an address that is not verified", m{"email": "alex@example.com", "email_verified": false}, nil, "invalid_grant"},
		{"an address that nobody says is verified", m{"email": "alex@example.com", "email_verified": nil}, nil, "invalid_grant"},
		{"an address by its pointer", m{"sub": "pointer", "email": "alex@example.com"}, nil, ""},
		{"an address by its pointer that is not verified", m{"sub": "pointer", "email": "alex@example.com", "email_verified": false}, nil, "invalid_grant"},
		{"an address by its pointer that nobody says is verified", m{"sub": "pointer", "email": "alex@example.com", "email_verified": nil}, nil, "invalid_grant"},
		{"verified, as text", m{"email": "alex@example.com", "email_verified": "true"}, nil, ""},
		{"an id in place of a login", m{"email": string(who.ID)}, nil, "invalid_grant"},
		{"a person who is not there", m{"sub": "gone"}, nil, "invalid_grant"},
	} {
		wantError(t, tt.name, v.bring(t, v.app, v.token(t, v.URL, tt.claims), tt.pairs...), tt.want)
	}
	// The same assertion is a subject token: the client acts for the person.
	exchanged := func(claims m) servertest.Answer {
		all := m{"email": "alex@example.com"}
		maps.Copy(all, claims)
		return v.Post(t, "/oauth/token", v.app.Form("grant_type", oauth.GrantExchange, "subject_token", v.token(t, v.URL, all), "subject_token_type", jwtType))
	}
	got = exchanged(m{"act": m{"sub": "portal", "secret": "x"}, "may_act": m{"iss": v.URL, "client_id": v.app.ID}})
	c = claimsOf(t, got.Text("access_token"))
	want := m{"sub": v.app.ID, "act": m{"sub": "portal", "iss": "https://idp.example"}}
	if diff := cmp.Diff(want, c["act"]); diff != "" || c["sub"] != string(who.ID) || got.Text("scope") != "read" {
		t.Errorf("%d %s: %s", got.Status, got.Body, diff)
	}
	// So it is with the other grant, which keeps what the issuer says of actors.
	kept := v.bring(t, v.app, v.token(t, v.URL, m{"email": "alex@example.com", "act": m{"sub": "portal"}, "may_act": m{"sub": v.app.ID}})).Text("access_token")
	c = claimsOf(t, kept)
	if diff := cmp.Diff(m{"act": m{"sub": "portal", "iss": "https://idp.example"}, "may_act": m{"sub": v.app.ID, "iss": "https://idp.example"}},
		m{"act": c["act"], "may_act": c["may_act"]}); diff != "" {
		t.Error(diff)
	}
	wantError(t, "may_act of the issuer, in a token of ours", swap(t, v.World, v.app, kept), "invalid_request")
	wantError(t, "malformed act", v.bring(t, v.app, v.token(t, v.URL, m{"email": "alex@example.com", "act": "portal"})), "invalid_grant")
	wantError(t, "malformed may_act", v.bring(t, v.app, v.token(t, v.URL, m{"email": "alex@example.com", "may_act": []string{"x"}})), "invalid_grant")
	deep := m{"sub": "0"}
	for range 5 {
		deep = m{"sub": "x", "act": deep}
	}
	wantError(t, "may_act of another", exchanged(m{"may_act": m{"sub": "portal"}}), "invalid_request")
	wantError(t, "may_act of a name of the issuer", exchanged(m{"may_act": m{"sub": v.app.ID}}), "invalid_request")
	wantError(t, "a chain without names", exchanged(m{"act": m{"iss": "x"}}), "invalid_request")
	wantError(t, "a chain of six", exchanged(m{"act": deep}), "invalid_request")
	wantError(t, "bound to a key", exchanged(m{"cnf": m{"jkt": "x"}}), "invalid_request")
	_, err := v.Server.Directory.Suspend(t.Context(), v.Site, who.ID, "operator")
	servertest.Check(t, err)
	wantError(t, "a person who was stopped", v.bring(t, v.app, v.token(t, v.URL, m{"email": "alex@example.com"})), "invalid_grant")
	wantError(t, "exchanged", exchanged(nil), "invalid_request")
}

// Some issuers, such as an employer's own, never say whether addresses are verified.
//
// Requirement: jwt-bearer-trusted
func TestTheRealmMayBelieveAddressesOfWhichNothingIsSaid(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://idp.example","sub":"00u1","jti":"x","email":"alex@example.com"}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://idp.example", TrustEmails: true, Subjects: []model.SubjectRule{{Subject: "*", Identity: "login:email"}}})
	v.Person(t, "alex")
	wantError(t, "nothing is said", v.bring(t, v.app, v.token(t, v.URL, nil)), "")
	wantError(t, "it is not", v.bring(t, v.app, v.token(t, v.URL, map[string]any{"email_verified": false})), "invalid_grant")
}

// What an issuer calls a workload must be nobody else's name.
//
// Requirement: jwt-bearer-trusted
func TestAWorkloadCannotTakeAnotherName(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://a.example","sub":"x","jti":"x"}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://a.example", Subjects: []model.SubjectRule{{Subject: "*"}}},
		model.TrustedIssuer{Issuer: "https://b.example", JWKS: o.jwks(t, nil), Subjects: []model.SubjectRule{{Subject: "sa:*"}, {Subject: "b:*", Prefix: "sa:"}}},
		model.TrustedIssuer{Issuer: "spiffe://c.example", JWKS: o.jwks(t, nil), Subjects: []model.SubjectRule{{Subject: "*"}}})
	_, who := v.Person(t, "alex")
	_, err := v.Server.Applications.Apply(t.Context(), v.Site, []application.Static{{ID: "billing-service", Name: "Billing", Kind: model.KindService,
		Secret: strings.Repeat("s", 40), Settings: model.ApplicationSettings{AuthMethod: model.AuthClientSecretPost, GrantTypes: []string{oauth.GrantClientCredentials}}}})
	servertest.Check(t, err)
	for sub, want := range map[string]string{
		"job:1":                              "",
		"billing-service":                    "invalid_grant", // an application's
		"billing-service-2":                  "",
		"https://editor.example/client.json": "invalid_grant", // an application's, as soon as somebody uses it
		"HTTPS://editor.example/client.json": "invalid_grant",
		"http://localhost/client.json":       "invalid_grant",
		"sa:1":                               "invalid_grant", // b.example could say so too
		string(who.ID):                       "invalid_grant",
		ids.New("idn"):                       "invalid_grant",
		"pw_" + ids.New("x")[2:]:             "invalid_grant",
		v.app.ID:                             "invalid_grant",
		ids.New("agt"):                       "invalid_grant",
		"did:web:" + strings.Replace(strings.TrimPrefix(v.URL, "http://"), ":", "%3A", 1) + ":" + string(who.ID): "invalid_grant",
		"line\nbreak":             "invalid_grant",
		strings.Repeat("x", 2049): "invalid_grant",
		"spiffe://d.example/x":    "", // not of the trust domain that is trusted
		"spiffe://c.example/x":    "invalid_grant",
	} {
		wantError(t, sub, v.bring(t, v.app, v.token(t, v.URL, map[string]any{"sub": sub})), want)
	}
	v.change(t, func(p *model.RealmPolicy) {
		p.TrustedIssuers = []model.TrustedIssuer{{Issuer: "https://a.example", JWKS: o.jwks(t, nil), Subjects: []model.SubjectRule{{Subject: "*", Prefix: "a:"}}}}
	})
	for _, sub := range []string{"https://editor.example/client.json", "billing-service"} {
		wantError(t, "with a prefix, "+sub, v.bring(t, v.app, v.token(t, v.URL, map[string]any{"sub": sub})), "")
	}
}

// RFC 7523, Section 3.1, leaves client authentication open; here a public client
// is one that a rule names.
//
// Requirement: jwt-bearer-trusted
func TestOnlyWhoARuleNamesMayPresentWithoutASecret(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://ci.example","sub":"any","jti":"x"}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://ci.example", Subjects: []model.SubjectRule{{Subject: "any"}}})
	app := v.App(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, GrantTypes: []string{oauth.GrantJWTBearer}})
	byPublic := func() servertest.Answer {
		return v.Post(t, "/oauth/token", url.Values{"client_id": {app.ID}, "grant_type": {oauth.GrantJWTBearer}, "assertion": {v.token(t, v.URL, nil)}})
	}
	wantError(t, "any confidential client", v.bring(t, v.app, v.token(t, v.URL, nil)), "")
	wantError(t, "a public client that is not named", byPublic(), "invalid_grant")
	wantError(t, "no client at all", v.Post(t, "/oauth/token", url.Values{"grant_type": {oauth.GrantJWTBearer}, "assertion": {v.token(t, v.URL, nil)}}), "invalid_client")
	wantError(t, "a client without the grant", v.bring(t, v.App(t, application.NewApplication{}), v.token(t, v.URL, nil)), "unauthorized_client")
	v.change(t, func(p *model.RealmPolicy) {
		p.TrustedIssuers[0].Subjects[0].Clients = []model.ClientID{model.ClientID(app.ID)}
	})
	wantError(t, "the one that is named", byPublic(), "")
	wantError(t, "another", v.bring(t, v.app, v.token(t, v.URL, nil)), "invalid_grant")
	v.change(t, func(p *model.RealmPolicy) { p.TrustedIssuers = nil })
	wantError(t, "an issuer that is trusted no more", byPublic(), "invalid_grant")
}

func (v *vouching) change(t *testing.T, change func(*model.RealmPolicy)) {
	t.Helper()
	servertest.Check(t, v.Server.Realms.ChangePolicy(t.Context(), v.Site.Realm.ID, change, "operator"))
}

// The keys of an issuer may be where it publishes them. They are fetched like
// those of clients: once for an unknown key, not for each request.
//
// Requirement: jwt-bearer-trusted, fetch-allowed-hosts
func TestKeysOfAnIssuerAreFetched(t *testing.T) {
	o := newOutside(t, "RS256", ciHeader, ciClaims)
	var asked atomic.Int32
	keys := o.jwks(t, map[string]string{"alg": "RS256", "use": "sig"})
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(keys)
	}))
	t.Cleanup(h.Close)
	trusted := model.TrustedIssuer{Issuer: "https://token.ci.example", JWKSURI: h.URL + "/jwks", Subjects: []model.SubjectRule{{Subject: "repo:*"}}}
	start := func(allow ...string) (*servertest.World, servertest.App) {
		w := servertest.Start(t, func(c *server.Config) {
			c.DefaultPolicy.TrustedIssuers, c.FetchAllow = []model.TrustedIssuer{trusted}, allow
		})
		return w, w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantJWTBearer}})
	}
	send := func(w *servertest.World, app servertest.App, header map[string]any) servertest.Answer {
		return w.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantJWTBearer, "assertion", o.typed(t, header, w.URL, nil)))
	}
	w, app := start(strings.TrimPrefix(h.URL, "http://"))
	for range 3 {
		wantError(t, "allowed", send(w, app, nil), "")
	}
	if asked.Load() != 1 {
		t.Errorf("fetched %d times", asked.Load())
	}
	wantError(t, "a key that is not there", send(w, app, map[string]any{"kid": "other"}), "invalid_grant")
	w, app = start()
	wantError(t, "not allowed", send(w, app, nil), "invalid_grant")
}

// What an operator stops gets nothing by an assertion, and what it got before is
// dead.
//
// Requirement: token-matrix, jwt-bearer-trusted
func TestAssertionsOfWhatWasStopped(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://ci.example","sub":"any","jti":"x"}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://ci.example", Subjects: []model.SubjectRule{{Subject: "any"}}})
	api := v.App(t, application.NewApplication{})
	app := v.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantJWTBearer}, Resources: []string{api.ID}})
	old := v.token(t, v.URL, map[string]any{"iat": time.Now().Unix() - 10})
	token := v.bring(t, app, v.token(t, v.URL, nil)).Text("access_token")
	if !active(t, v.World, api, token) {
		t.Fatal("a fresh token is inactive")
	}
	_, err := v.Server.Applications.RevokeTokens(t.Context(), v.Site, model.ClientID(app.ID), "operator")
	servertest.Check(t, err)
	wantError(t, "made before everything was revoked", v.bring(t, app, old), "invalid_grant")
	if active(t, v.World, api, token) {
		t.Error("a revoked token is active")
	}
	servertest.Check(t, v.Server.Applications.SetStatus(t.Context(), v.Site, model.ClientID(app.ID), model.ApplicationFrozen, "operator"))
	wantError(t, "frozen", v.bring(t, app, v.token(t, v.URL, nil)), "invalid_client")
	servertest.Check(t, v.Server.Realms.SetStatus(t.Context(), v.Site.Realm.ID, model.RealmDisabled, "operator"))
	if got := v.bring(t, v.app, v.token(t, v.URL, nil)); got.Status == 200 {
		t.Errorf("in a realm that was stopped: %s", got.Body)
	}
}

// RFC 7521, Section 4.1: not longer than the assertion by a significant period.
//
// Requirement: jwt-bearer-claims
func TestATokenDoesNotOutliveItsAssertionByMuch(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1"}`, `{"iss":"https://ci.example","sub":"any","jti":"x"}`)
	v := vouch(t, o, model.TrustedIssuer{Issuer: "https://ci.example", Subjects: []model.SubjectRule{{Subject: "any"}}})
	app := v.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantJWTBearer}, Settings: model.ApplicationSettings{TokenLifetime: 3600}})
	got := v.bring(t, app, v.token(t, v.URL, map[string]any{"exp": time.Now().Unix() + 30}))
	if life, _ := got.JSON["expires_in"].(float64); life > 331 || life < 300 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// FuzzIssuerAssertion: whatever a trusted issuer signs, at each door that it can
// come to, the answer is one of OAuth and never a 5xx. ISSUER, APP and NOW stand
// for what only this run knows.
//
// Requirement: limits-fuzz-assertion, jwt-bearer-claims
func FuzzIssuerAssertion(f *testing.F) {
	const good = `{"iss":"https://ci.example","sub":"job:1","aud":"ISSUER","exp":NOW,"iat":1e9,"client_id":"APP"`
	for _, more := range []string{"}", `,"jti":"a"}`, `,"jti":7}`, `,"act":{"sub":"x","act":[]}}`, `,"act":"x"}`, `,"may_act":[1]}`, `,"cnf":{"jkt":1}}`,
		`,"scope":["a"]}`, `,"scope":"a a \u0000"}`, `,"resource":{}}`, `,"resource":["","https://api.example"]}`, `,"auth_time":1e308}`, `,"auth_time":-1,"amr":"x"}`,
		`,"nbf":-1e308,"kubernetes.io":{"a":{"b":[{}]}}}`, `,"exp":1}`, `,"acr":"\u0000\"\\","amr":[""],"auth_time":1}`} {
		f.Add(good + more)
	}
	f.Add(`{"sub":"spiffe://","aud":[],"exp":NOW}`)
	f.Add(`{"sub":"spiffe://a.example/x","aud":["ISSUER"],"exp":NOW}`)
	f.Add(`[]`)
	g := newTarget(f)
	key, err := jose.Generate(jose.ES256)
	servertest.Check(f, err)
	set := json.RawMessage(`{"keys":[` + string(key.Public().JSON()) + `]}`)
	servertest.Check(f, g.Server.Realms.ChangePolicy(f.Context(), g.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.TrustedIssuers = []model.TrustedIssuer{
			{Issuer: "https://ci.example", JWKS: set, IdentityAssertions: true, MaxLifetime: 1 << 40, Subjects: []model.SubjectRule{
				{Subject: "job:*", Claims: map[string]string{"/kubernetes.io/a": "b"}, Identity: "login:/a/b"}, {Subject: "*", Prefix: "ci:"}}},
			{Issuer: "spiffe://a.example", JWKS: set, Subjects: []model.SubjectRule{{Subject: "*"}}}}
	}, "operator"))
	app := g.App(f, application.NewApplication{Scopes: []string{"a", "b"}, Resources: []string{apiURL}, GrantTypes: []string{oauth.GrantJWTBearer, oauth.GrantExchange}})
	f.Fuzz(func(t *testing.T, claims string) {
		claims = strings.NewReplacer("ISSUER", fuzzBase, "APP", app.ID, "NOW", strconv.FormatInt(time.Now().Unix()+60, 10)).Replace(claims)
		for _, typ := range []string{"JWT", "oauth-id-jag+jwt"} {
			compact, err := key.Sign(typ, []byte(claims))
			if err != nil {
				t.Skip()
			}
			g.send(t, "/oauth/token", app.Form("grant_type", oauth.GrantJWTBearer, "assertion", compact).Encode())
			g.send(t, "/oauth/token", app.Form("grant_type", oauth.GrantExchange, "subject_token", compact, "subject_token_type", jwtType).Encode())
		}
	})
}
