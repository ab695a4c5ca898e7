package oauthhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// everyScope is an application that may ask for all that is known of a person.
func everyScope(s model.ApplicationSettings) application.NewApplication {
	return application.NewApplication{Scopes: []string{"openid", "profile", "email", "phone", "deploy"}, Settings: s}
}

// approved asks alex, who says yes, and fetches the tokens.
func approved(t *testing.T, w *servertest.World, app servertest.App, person *softperson.Person, scope string) servertest.Answer {
	t.Helper()
	a := ask(t, w, app, "login_hint", "alex", "scope", scope)
	if a.Status != 200 {
		t.Fatalf("ask: %d %s", a.Status, a.Body)
	}
	_, err := person.Decide(t.Context(), a.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	got := poll(t, w, app, a.Text("auth_req_id"))
	if got.Status != 200 {
		t.Fatalf("token: %d %s", got.Status, got.Body)
	}
	return got
}

func names(claims map[string]any) string {
	var all []string
	for name := range claims {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// Requirement: userinfo-methods, userinfo-query-refused
func TestUserinfoTakesATokenInTheHeaderOrInAFormAndNowhereElse(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, everyScope(model.ApplicationSettings{}))
	person, who := w.Person(t, "alex")
	token := approved(t, w, app, person, "openid").Text("access_token")
	form := url.Values{"access_token": {token}}
	bearer := []string{"Authorization", "Bearer " + token}
	for _, tt := range []struct {
		name string
		got  servertest.Answer
		want string // error; empty: the claims; none: nothing but a challenge
	}{
		{"GET", w.Get(t, "/userinfo", bearer...), ""},
		{"scheme in another case", w.Get(t, "/userinfo", "Authorization", "bEARER  "+token), ""},
		{"POST with a header and no body", servertest.Do(t, http.MethodPost, w.URL+"/userinfo", nil, bearer...), ""},
		{"POST with a header and a form of something else", w.Post(t, "/userinfo", url.Values{"x": {"y"}}, bearer...), ""},
		{"POST with a form", w.Post(t, "/userinfo", form), ""},
		{"GET with a query", w.Get(t, "/userinfo?access_token="+url.QueryEscape(token)), "invalid_request"},
		{"POST with a query", w.Post(t, "/userinfo?access_token="+url.QueryEscape(token), nil), "invalid_request"},
		{"header and query", w.Get(t, "/userinfo?access_token=", bearer...), "invalid_request"},
		{"header and form", w.Post(t, "/userinfo", form, bearer...), "invalid_request"},
		{"form twice", w.Post(t, "/userinfo", url.Values{"access_token": {token, token}}), "invalid_request"},
		{"GET with a form", servertest.Do(t, http.MethodGet, w.URL+"/userinfo", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded"), "none"},
		{"a body that is no form", servertest.Do(t, http.MethodPost, w.URL+"/userinfo", strings.NewReader(form.Encode()), "Content-Type", "text/plain"), "none"},
		{"malformed form", servertest.Do(t, http.MethodPost, w.URL+"/userinfo", strings.NewReader("access_token=%zz"), "Content-Type", "application/x-www-form-urlencoded"), "invalid_request"},
	} {
		switch bare := tt.got.Status == 401 && len(tt.got.Body) == 0; {
		case tt.want == "none" && bare, tt.want == "" && tt.got.Status == 200 && tt.got.Text("sub") == string(who.ID):
		case tt.want == "" || tt.want == "none" || tt.got.Text("error") != tt.want:
			t.Errorf("%s: %d %s", tt.name, tt.got.Status, tt.got.Body)
		}
		if tt.got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be stored", tt.name)
		}
	}
}

// Requirement: userinfo-claims, id-token-nothing-empty, authorize-claims-placement
func TestUserinfoHoldsTheClaimsOfTheScopesAndTheIDTokenNone(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, everyScope(model.ApplicationSettings{}))
	person, _ := w.Person(t, "alex")
	for scope, want := range map[string]string{
		"openid":                            "sub",
		"openid deploy":                     "sub",
		"openid email":                      "email email_verified sub",
		"openid phone":                      "sub", // none is known
		"openid profile":                    "name preferred_username sub updated_at",
		"openid profile email phone deploy": "email email_verified name preferred_username sub updated_at",
	} {
		tokens := approved(t, w, app, person, scope)
		got := w.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token"))
		if got.Status != 200 || names(got.JSON) != want || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s, want %s", scope, got.Status, got.Body, want)
		}
		id := claimsOf(t, tokens.Text("id_token"))
		if id["sub"] != got.JSON["sub"] {
			t.Errorf("sub: %v and %v", id["sub"], got.JSON["sub"])
		}
		for name, value := range id {
			if slices.Contains([]string{"name", "preferred_username", "updated_at", "email", "email_verified"}, name) || value == nil || value == "" {
				t.Errorf("%s: the ID token has %s %v", scope, name, value)
			}
		}
		if email := got.JSON["email"]; email != nil && email != "alex@example.com" {
			t.Errorf("email %v", email)
		}
	}
}

// Requirement: userinfo-errors
func TestUserinfoRefusesAsRFC6750Says(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, everyScope(model.ApplicationSettings{}))
	person, who := w.Person(t, "alex")
	good := approved(t, w, app, person, "openid deploy")
	narrow := approved(t, w, app, person, "deploy").Text("access_token")
	own := w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials", "scope", "openid")).Text("access_token")
	token := good.Text("access_token")
	for _, tt := range []struct {
		name, header string
		status       int
		code         string
		challenge    string // the first one begins so
	}{
		{"none", "", 401, "", "Bearer"},
		{"another scheme", "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b")), 401, "", "Bearer"},
		{"empty", "Bearer ", 401, "", "Bearer"},
		{"garbage", "Bearer x", 401, "invalid_token", `Bearer error="invalid_token"`},
		{"opaque garbage", "Bearer at_x", 401, "invalid_token", `Bearer error="invalid_token"`},
		{"altered", "Bearer " + token[:len(token)-4] + "AAAA", 401, "invalid_token", `Bearer error="invalid_token"`},
		{"an ID token", "Bearer " + good.Text("id_token"), 401, "invalid_token", `Bearer error="invalid_token"`},
		{"a bearer token as DPoP", "DPoP " + token, 401, "invalid_token", `DPoP error="invalid_token"`},
		{"without openid", "Bearer " + narrow, 403, "insufficient_scope", `Bearer error="insufficient_scope"`},
		{"of a client", "Bearer " + own, 403, "insufficient_scope", `Bearer error="insufficient_scope"`},
	} {
		got := w.Get(t, "/userinfo", "Authorization", tt.header, "Origin", "https://app.example")
		challenges := got.Header.Values("WWW-Authenticate")
		if got.Status != tt.status || got.Text("error") != tt.code || (tt.code == "") != (len(got.Body) == 0) || len(challenges) == 0 || !strings.HasPrefix(challenges[0], tt.challenge) {
			t.Errorf("%s: %d %q %s", tt.name, got.Status, challenges, got.Body)
			continue
		}
		metadata := `resource_metadata="` + w.URL + `/.well-known/oauth-protected-resource"`
		if tt.status == 401 && !strings.HasSuffix(challenges[0], metadata) {
			t.Errorf("%s: %q does not say where to ask for a token", tt.name, challenges[0])
		}
		if tt.challenge == "Bearer" && challenges[0] != "Bearer "+metadata {
			t.Errorf("%s: %q says more than that a token is needed", tt.name, challenges[0])
		}
		if !strings.Contains(strings.Join(challenges, ","), `algs="ES256`) {
			t.Errorf("%s: %q does not say what proofs are signed with", tt.name, challenges)
		}
		if got.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.Header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
			t.Errorf("%s: a script cannot read the refusal: %v", tt.name, got.Header)
		}
	}
	_, err := w.Server.Directory.Suspend(t.Context(), w.Site, who.ID, "test")
	servertest.Check(t, err)
	if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+token); got.Status != 401 || got.Text("error") != "invalid_token" {
		t.Errorf("suspended: %d %s", got.Status, got.Body)
	}
}

// Requirement: userinfo-signed
func TestUserinfoIsSignedForClientsThatRegisteredForIt(t *testing.T) {
	w := servertest.Start(t, nil)
	person, _ := w.Person(t, "alex")
	provider, err := oidc.NewProvider(t.Context(), w.URL)
	servertest.Check(t, err)
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.PS256} {
		app := w.App(t, everyScope(model.ApplicationSettings{UserinfoAlg: string(alg)}))
		tokens := approved(t, w, app, person, "openid email")
		got := w.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token"))
		if got.Status != 200 || got.Header.Get("Content-Type") != "application/jwt" {
			t.Fatalf("%s: %d %v %s", alg, got.Status, got.Header, got.Body)
		}
		u, err := jose.Peek(string(got.Body))
		servertest.Check(t, err)
		if u.Header().Typ != "JWT" || u.Header().Alg != alg {
			t.Errorf("header %+v", u.Header())
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: app.ID, SkipExpiryCheck: true, SupportedSigningAlgs: []string{string(alg)}})
		if _, err := verifier.Verify(t.Context(), string(got.Body)); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		c := claimsOf(t, string(got.Body))
		if names(c) != "aud email email_verified iss sub" || c["sub"] != claimsOf(t, tokens.Text("id_token"))["sub"] {
			t.Errorf("claims %v", c)
		}
		if alg == jose.ES256 { // a verifier that nobody here wrote takes it for userinfo
			info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tokens.Text("access_token")}))
			if err != nil || info.Email != "alex@example.com" {
				t.Errorf("go-oidc: %v %+v", err, info)
			}
		}
		// Nothing signed for userinfo may pass for a token.
		if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+string(got.Body)); got.Status != 401 {
			t.Errorf("a signed answer is taken for a token: %d", got.Status)
		}
	}
}

// Requirement: userinfo-claims, subject-pairwise
func TestUserinfoAndTokensNameThePersonAsTheClientsSectorKnowsThem(t *testing.T) {
	w := servertest.Start(t, nil)
	person, who := w.Person(t, "alex")
	pairwise := func(host string) servertest.App {
		return w.App(t, everyScope(model.ApplicationSettings{SubjectType: "pairwise", Sector: host}))
	}
	subs := map[string]string{}
	for name, app := range map[string]servertest.App{"a": pairwise("a.example"), "a again": pairwise("A.example"), "b": pairwise("b.example"), "public": w.App(t, everyScope(model.ApplicationSettings{}))} {
		tokens := approved(t, w, app, person, "openid")
		token := tokens.Text("access_token")
		sub := w.Get(t, "/userinfo", "Authorization", "Bearer "+token).Text("sub")
		if sub == "" || claimsOf(t, token)["sub"] != sub || claimsOf(t, tokens.Text("id_token"))["sub"] != sub ||
			w.Post(t, "/oauth/introspect", app.Form("token", token)).Text("sub") != sub {
			t.Errorf("%s: a sub in one place is not that in another: %q", name, sub)
		}
		subs[name] = sub
		if next := ask(t, w, app, "id_token_hint", tokens.Text("id_token"), "scope", "openid"); next.Status != 200 || next.Text("approval_id") == "" {
			t.Errorf("%s: its ID token is no hint: %d %s", name, next.Status, next.Body)
		}
	}
	if subs["a"] != subs["a again"] || subs["a"] == subs["b"] || subs["a"] == subs["public"] || subs["public"] != string(who.ID) {
		t.Errorf("subjects %v", subs)
	}
	app := pairwise("c.example")
	token := approved(t, w, app, person, "openid").Text("access_token")
	_, err := w.Server.Directory.Suspend(t.Context(), w.Site, who.ID, "test")
	servertest.Check(t, err)
	if active(t, w, app, token) {
		t.Error("the token of a suspended person is active under a pairwise name")
	}
}

// Whoever is refused finds the authorization server of the realm.
//
// Requirement: userinfo-errors, mcp-resource-metadata
func TestARefusalAtUserinfoLeadsToTheMetadataOfItsRealm(t *testing.T) {
	w := servertest.Start(t, nil)
	site, err := w.Server.Realms.Create(t.Context(), blueRealm())
	servertest.Check(t, err)
	for path, issuer := range map[string]string{"": w.URL, "/realms/blue": site.Issuer} {
		got := w.Get(t, path+"/userinfo")
		for _, challenge := range got.Header.Values("WWW-Authenticate") {
			_, at, _ := strings.Cut(challenge, `resource_metadata="`)
			about := servertest.Do(t, http.MethodGet, strings.TrimSuffix(at, `"`), nil)
			if about.Status != 200 || about.Text("resource") != issuer || listed(t, about.JSON, "authorization_servers")[0] != issuer {
				t.Errorf("%q leads to %d %s", challenge, about.Status, about.Body)
			}
		}
	}
}

// The access token of a sign-in is good at userinfo also where the request named
// the API that it is for. The API cannot ask with it if it is bound to the client's
// key, or if the client took openid off.
//
// Requirement: userinfo-claims, userinfo-errors
func TestUserinfoTakesTheTokenOfASignInWhateverItsAudience(t *testing.T) {
	w := servertest.Start(t, nil)
	const api = "https://api.example"
	f := w.Flow(t, application.NewApplication{Resources: []string{api}})
	tokens := f.Tokens(t, "scope", "openid email write offline_access", "resource", api)
	userinfo := func(token string) servertest.Answer {
		return w.Get(t, "/userinfo", "Authorization", "Bearer "+token)
	}
	token := tokens.Text("access_token")
	if got := userinfo(token); got.Status != 200 || got.Text("sub") != string(f.Identity.ID) || claimsOf(t, token)["aud"] != api {
		t.Errorf("of a sign-in: %d %s", got.Status, got.Body)
	}
	less := w.Post(t, tokenPath, f.App.Form("grant_type", oauth.GrantRefresh, "refresh_token", tokens.Text("refresh_token"), "scope", "write"))
	if got := userinfo(less.Text("access_token")); less.Status != 200 || got.Status != 403 || got.Text("error") != "insufficient_scope" {
		t.Errorf("without openid: %d %s, %d %s", less.Status, less.Body, got.Status, got.Body)
	}
}

// Requirement: cors-open-endpoints, cors-headers
func TestScriptsOfAnyOriginMayReadUserinfo(t *testing.T) {
	w := servertest.Start(t, nil)
	got := servertest.Do(t, http.MethodOptions, w.URL+"/userinfo", nil, "Origin", "https://app.example",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization, dpop")
	allowed := strings.ToLower(got.Header.Get("Access-Control-Allow-Headers"))
	if got.Status != 204 || got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" ||
		!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "dpop") {
		t.Errorf("%d %v", got.Status, got.Header)
	}
}

// Requirement: authorize-claims-parameter, authorize-claims-placement, userinfo-claims
func TestClaimsAskedForByNameComeWhereTheyWereAskedFor(t *testing.T) {
	w := servertest.Start(t, nil)
	narrow := w.Flow(t, application.NewApplication{Scopes: []string{"openid", "email"}})
	f := w.Flow(t, application.NewApplication{})
	const both = `{"userinfo":{"email":{"essential":true},"nickname":null},"id_token":{"preferred_username":null,"auth_time":{"essential":true}}}`
	for _, tt := range []struct {
		name, scope, claims string
		f                   *servertest.Flow
		userinfo, idToken   string // of a person
	}{
		{"none", "openid read", "", f, "", ""},
		{"scopes alone", "openid profile email", "", f, "email email_verified name preferred_username updated_at", ""},
		{"both places", "openid", both, f, "email", "preferred_username"},
		{"in addition to a scope", "openid profile", both, f, "email name preferred_username updated_at", "preferred_username"},
		{"more than the client is registered for", "openid", both, narrow, "email", ""},
		{"with a value that is not so", "openid", `{"userinfo":{"email":{"value":"eve@example.com"}}}`, f, "", ""},
		{"of nobody's", "openid", `{"userinfo":{"shoe_size":{"essential":true}}}`, f, "", ""},
	} {
		tokens := tt.f.Tokens(t, "scope", tt.scope, "claims", tt.claims)
		for _, given := range []servertest.Answer{tokens, tt.f.Refresh(t, tokens.Text("refresh_token"))} {
			got := w.Get(t, "/userinfo", "Authorization", "Bearer "+given.Text("access_token"))
			if names(got.JSON) != names(withSub(tt.userinfo)) {
				t.Errorf("%s: userinfo %s, want %s", tt.name, got.Body, tt.userinfo)
			}
			id := claimsOf(t, given.Text("id_token"))
			about := map[string]any{}
			for _, name := range append(strings.Fields(tt.userinfo), "preferred_username", "email", "name", "nickname", "updated_at") {
				if id[name] != nil {
					about[name] = id[name]
				}
			}
			if names(about) != tt.idToken {
				t.Errorf("%s: the ID token has %v, want %s", tt.name, about, tt.idToken)
			}
		}
	}
}

func withSub(list string) map[string]any {
	out := map[string]any{"sub": ""}
	for name := range strings.FieldsSeq(list) {
		out[name] = ""
	}
	return out
}

// Requirement: authorize-claims-parameter
func TestAMalformedClaimsParameterGoesBackToTheClient(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	for _, bad := range []string{"{", "[]", `{"userinfo":{"email":true}}`, `{"userinfo":{},"userinfo":{}}`, `{"x":"` + strings.Repeat("a", 8<<10) + `"}`} {
		page := f.Open(t, "claims", bad)
		if q := page.URL.Query(); !page.Left || q.Get("error") != "invalid_request" || q.Get("state") != "st-1" || q.Get("code") != "" {
			t.Errorf("%.30s: %d %s", bad, page.Status, page.URL)
		}
	}
}

// Asking for a claim by name is no way around the person's consent.
//
// Requirement: consent-shows-new
func TestAPersonIsAskedAboutClaimsThatWereAskedForByName(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{})
	f.Code(t, "scope", "openid")
	if page := f.Open(t, "scope", "openid"); page.Asked != 0 {
		t.Fatal("what was agreed to is asked again")
	}
	const claims = `{"id_token":{"email":null}}`
	if page := f.Open(t, "scope", "openid", "claims", claims); page.Asked != 1 {
		t.Error("the e-mail address is given away without a question")
	}
	if page := f.Open(t, "scope", "openid", "claims", claims); page.Asked != 0 {
		t.Error("what was agreed to is asked again")
	}
}

// Requirement: authorize-claims-parameter
func TestASubjectAskedForByValueMustBeWhoSignedIn(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{Settings: model.ApplicationSettings{SubjectType: "pairwise"}})
	sub, _ := claimsOf(t, f.Tokens(t).Text("id_token"))["sub"].(string)
	if sub == "" || sub == string(f.Identity.ID) {
		t.Fatalf("sub %q", sub)
	}
	for value, want := range map[string]string{sub: "", "pw_" + strings.Repeat("0", 26): "login_required"} {
		page := f.Open(t, "prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+value+`"}}}`)
		if got := page.URL.Query().Get("error"); !page.Left || got != want {
			t.Errorf("%s: %q, want %q: %s", value, got, want, page.URL)
		}
	}
}

// Whatever is sent, without a token of ours nothing comes out.
//
// Requirement: token-never-5xx
func FuzzUserinfo(f *testing.F) {
	for _, seed := range []struct{ header, query, body string }{
		{"Bearer x", "", ""}, {"DPoP at_x", "", ""}, {"bearer", "", ""}, {"Bearer eyJhbGciOiJub25lIn0.e30.", "", ""}, {"Bearer rt_x.1.x", "", ""},
		{"", "access_token=x", ""}, {"", "", "access_token=x"}, {"", "", "access_token=x&access_token=y"}, {"Bearer x", "", "access_token=x"}, {"", "%zz", "%zz"},
		{"Bearer at_" + strings.Repeat("A", 43), "", ""}, {"Basic YTpi", "a;b", "\xff"}, {"Bearer \"\\\x01", "", ""},
	} {
		f.Add(seed.header, seed.query, seed.body)
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, header, query, body string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, fuzzBase+"/userinfo", strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header["Authorization"] = []string{header}
			r.Header["Accept"] = []string{header}
			w := httptest.NewRecorder()
			g.handler.ServeHTTP(w, r)
			var answer map[string]any
			if w.Code == 401 && w.Body.Len() == 0 && strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer resource_metadata=") {
				continue // no token
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 400 && w.Code != 401 || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %v %q: %v", w.Code, w.Header(), w.Body, err)
			}
			if len(w.Header().Values("WWW-Authenticate")) == 0 || answer["error"] == nil || answer["sub"] != nil {
				t.Fatalf("%d %v %q", w.Code, w.Header(), w.Body)
			}
		}
	})
}
