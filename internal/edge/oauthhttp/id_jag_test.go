package oauthhttp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
)

const (
	jagType = "urn:ietf:params:oauth:token-type:id-jag"
	chatURL = "https://chat.example"
)

// Two are two organisations: people sign in at the wiki with their employer, the
// default realm, and the wiki calls the chat, which has a realm of its own and
// believes the employer. It is one server, but they meet over HTTP alone.
type two struct {
	*servertest.Flow // the wiki at the employer
	chat             *model.Site
	there            servertest.App // the wiki at the chat
	other            servertest.App // somebody else at the chat
	them             model.Identity // the person at the chat
}

func newTwo(t *testing.T, wiki model.ApplicationSettings) *two {
	t.Helper()
	w := servertest.Start(t, func(c *server.Config) { c.FetchAllow = []string{strings.TrimPrefix(c.BaseURL, "http://")} })
	chat, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "chat", Policy: model.RealmPolicy{Development: true,
		TrustedIssuers: []model.TrustedIssuer{{Issuer: w.URL, JWKSURI: w.URL + "/oauth/jwks", IdentityAssertions: true,
			Subjects: []model.SubjectRule{{Subject: "*", Identity: "login:email"}}}}}})
	servertest.Check(t, err)
	at := application.NewApplication{Name: "Wiki", Scopes: []string{"chat.read", "chat.write", "chat.admin"}, Resources: []string{chatURL, apiURL},
		GrantTypes: []string{oauth.GrantJWTBearer}}
	there, other := w.AppIn(t, chat, at), w.AppIn(t, chat, at)
	wiki.Exchange.IdentityAssertions = []string{chat.Issuer}
	wiki.Exchange.AssertionClients = map[string]model.ClientID{chat.Issuer: model.ClientID(there.ID)}
	wiki.Exchange.AssertionEmail = true
	f := w.Flow(t, application.NewApplication{Name: "Wiki", GrantTypes: []string{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantExchange},
		Scopes: []string{"openid", "offline_access", "read", "chat.read", "chat.write"}, Resources: []string{w.URL, chatURL}, Settings: wiki})
	f.Person, f.Identity = withEmail(t, w, "alex-of-the-wiki")
	_, them := w.PersonIn(t, chat, f.Identity.Traits.Username)
	return &two{Flow: f, chat: chat, there: there, other: other, them: them}
}

// withEmail is a person whose e-mail address was seen to be theirs.
func withEmail(t *testing.T, w *servertest.World, name string) (*softperson.Person, model.Identity) {
	t.Helper()
	who, err := w.Server.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{DisplayName: name,
		Traits: model.Traits{Username: name, PrimaryEmailAddress: name + "@example.com", EmailVerified: true}})
	servertest.Check(t, err)
	job, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: who.ID})
	servertest.Check(t, err)
	p, err := softperson.New(w.Site.Issuer)
	servertest.Check(t, err)
	servertest.Check(t, p.Bind(t.Context(), job.Link))
	return p, who
}

// request asks the employer for an ID-JAG.
func (w *two) request(t *testing.T, subject, kind string, pairs ...string) servertest.Answer {
	t.Helper()
	form := url.Values{"client_id": {w.App.ID}, "client_secret": {w.App.Secret}, "grant_type": {oauth.GrantExchange},
		"requested_token_type": {jagType}, "audience": {w.chat.Issuer}, "subject_token": {subject}, "subject_token_type": {kind}}
	for i := 0; i < len(pairs); i += 2 {
		form.Del(pairs[i])
		for _, v := range strings.Split(pairs[i+1], "|") {
			form.Add(pairs[i], v)
		}
	}
	return w.Post(t, "/oauth/token", form)
}

// bring presents an assertion at the chat.
func (w *two) bring(t *testing.T, app servertest.App, assertion string, pairs ...string) servertest.Answer {
	t.Helper()
	return w.bringWith(t, app, assertion, nil, pairs...)
}

func (w *two) bringWith(t *testing.T, app servertest.App, assertion string, headers []string, pairs ...string) servertest.Answer {
	t.Helper()
	form := app.Form(append([]string{"grant_type", oauth.GrantJWTBearer, "assertion", assertion}, pairs...)...)
	return servertest.Do(t, http.MethodPost, w.chat.Issuer+"/oauth/token", strings.NewReader(form.Encode()),
		append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// Requirement: id-jag-issue, id-jag-accept, id-jag-once
func TestTwoOrganisationsShareAPersonByAnIDJAG(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{})
	id := w.Tokens(t).Text("id_token")
	got := w.request(t, id, idType, "scope", "chat.read chat.write", "resource", chatURL)
	if got.Status != 200 || got.Text("issued_token_type") != jagType || got.Text("token_type") != "N_A" || got.Text("scope") != "chat.read chat.write" ||
		got.JSON["expires_in"].(float64) > 300 || got.JSON["refresh_token"] != nil || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	jag := got.Text("access_token")
	u, err := jose.Peek(jag)
	servertest.Check(t, err)
	if u.Header().Typ != "oauth-id-jag+jwt" || u.Header().KID == "" {
		t.Errorf("header = %+v", u.Header())
	}
	signedIn, c := claimsOf(t, id), claimsOf(t, jag)
	want := map[string]any{"iss": w.Site.Issuer, "sub": string(w.Identity.ID), "aud": w.chat.Issuer, "client_id": w.there.ID, "scope": "chat.read chat.write",
		"resource": chatURL, "email": w.Identity.Traits.PrimaryEmailAddress, "email_verified": true, "auth_time": signedIn["auth_time"], "acr": signedIn["acr"], "amr": signedIn["amr"],
		"jti": c["jti"], "iat": c["iat"], "exp": c["iat"].(float64) + got.JSON["expires_in"].(float64)}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if active(t, w.World, w.App, jag) {
		t.Error("an ID-JAG passes for an access token")
	}
	wantError(t, "at the wrong client", w.bring(t, w.other, jag), "invalid_grant")
	given := w.bring(t, w.there, jag)
	token := claimsOf(t, given.Text("access_token"))
	if given.Status != 200 || given.Text("token_type") != "Bearer" || given.Text("scope") != "chat.read chat.write" || given.JSON["refresh_token"] != nil ||
		token["iss"] != w.chat.Issuer || token["sub"] != string(w.them.ID) || token["aud"] != chatURL || token["client_id"] != w.there.ID ||
		token["auth_time"] != signedIn["auth_time"] || token["acr"] != signedIn["acr"] {
		t.Errorf("got %d %s: %v", given.Status, given.Body, token)
	}
	wantError(t, "again", w.bring(t, w.there, jag), "invalid_grant")
}

// Requirement: id-jag-once
func TestOf32UsesOfOneIDJAGOneWins(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{})
	jag := w.request(t, w.Tokens(t).Text("id_token"), idType).Text("access_token")
	var won, lost atomic.Int32
	atOnce(func(int) {
		switch got := w.bring(t, w.there, jag); {
		case got.Status == http.StatusOK:
			won.Add(1)
		case got.Text("error") == "invalid_grant":
			lost.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// Requirement: id-jag-issue, token-matrix
func TestAnIDJAGIsGivenAsPolicySays(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{})
	tokens := w.Tokens(t, "scope", "openid offline_access chat.read")
	id := tokens.Text("id_token")
	stranger := w.Flow.World.Flow(t, application.NewApplication{GrantTypes: []string{oauth.GrantCode, oauth.GrantExchange},
		Settings: model.ApplicationSettings{Exchange: model.ExchangePolicy{IdentityAssertions: []string{w.Site.Issuer}}}})
	for _, tt := range []struct {
		name, subject, kind string
		pairs               []string
		want                string
	}{
		{"as it should be", id, idType, nil, ""},
		{"another spelling of the path", id, idType, []string{"audience", w.chat.Issuer + "/"}, "invalid_target"},
		{"no audience", id, idType, []string{"audience", ""}, "invalid_request"},
		{"two audiences", id, idType, []string{"audience", w.chat.Issuer + "|" + w.chat.Issuer}, "invalid_request"},
		{"a server that policy does not name", id, idType, []string{"audience", "https://other.example"}, "invalid_target"},
		{"this server", id, idType, []string{"audience", w.Site.Issuer}, "invalid_target"},
		{"a resource that policy does not name", id, idType, []string{"resource", "https://other.example"}, "invalid_target"},
		{"a scope that policy does not name", id, idType, []string{"scope", "chat.admin"}, "invalid_scope"},
		{"an actor", id, idType, []string{"actor_token", id, "actor_token_type", idType}, "invalid_request"},
		{"details", id, idType, []string{"authorization_details", details}, "invalid_authorization_details"},
		{"for an access token", tokens.Text("access_token"), accessType, nil, "invalid_request"},
		{"an access token as an ID token", tokens.Text("access_token"), idType, nil, "invalid_request"},
		{"for a JWT of others", id, jwtType, nil, "invalid_request"},
		{"no subject", "", idType, nil, "invalid_request"},
		{"another application's ID token", stranger.Tokens(t).Text("id_token"), idType, nil, "invalid_request"},
		{"an expired ID token", ownToken(t, w.World, "JWT", map[string]any{"aud": w.App.ID, "sub": w.Identity.ID, "exp": time.Now().Unix() - 1}), idType, nil, "invalid_request"},
		{"for an ID-JAG", w.request(t, id, idType).Text("access_token"), idType, nil, "invalid_request"},
	} {
		got := w.request(t, tt.subject, tt.kind, tt.pairs...)
		wantError(t, tt.name, got, tt.want)
	}
	for name, audience := range map[string]string{"an application without the right": w.chat.Issuer, "this server, though policy names it": w.Site.Issuer} {
		wantError(t, name, w.Post(t, "/oauth/token", stranger.Form("grant_type", oauth.GrantExchange, "requested_token_type", jagType, "audience", audience,
			"subject_token", stranger.Tokens(t).Text("id_token"), "subject_token_type", idType)), "invalid_target")
	}
	_, err := w.Server.Directory.Suspend(t.Context(), w.Site, w.Identity.ID, "operator")
	servertest.Check(t, err)
	wantError(t, "a person who was stopped", w.request(t, id, idType), "invalid_request")
}

// ID-JAG, Section 4.3: a refresh token stands for the sign-in once its ID token is
// over, and is not used up.
//
// Requirement: id-jag-issue
func TestARefreshTokenGivesIDJAGs(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{})
	tokens := w.Tokens(t, "scope", "openid offline_access chat.read")
	first := tokens.Text("refresh_token")
	wantError(t, "a scope that was granted", w.request(t, first, refreshType, "scope", "chat.read"), "")
	wantError(t, "a scope that was not granted", w.request(t, first, refreshType, "scope", "chat.read chat.write"), "invalid_scope")
	if got := w.request(t, first, refreshType).Text("scope"); strings.Contains(got, "chat.write") {
		t.Errorf("without a scope: %q", got)
	}
	for range 2 {
		got := w.request(t, first, refreshType)
		wantError(t, "a refresh token", got, "")
		if c := claimsOf(t, got.Text("access_token")); c["sub"] != string(w.Identity.ID) || c["auth_time"] != claimsOf(t, tokens.Text("id_token"))["auth_time"] {
			t.Errorf("claims = %v", c)
		}
	}
	second := w.Refresh(t, first).Text("refresh_token")
	wantError(t, "the last one in its grace", w.request(t, first, refreshType), "")
	third := w.Refresh(t, second).Text("refresh_token")
	wantError(t, "malformed", w.request(t, "rt_x", refreshType), "invalid_request")
	wantError(t, "without a sign-in", w.request(t, w.Tokens(t, "scope", "chat.read").Text("refresh_token"), refreshType), "invalid_request")
	other := newTwo(t, model.ApplicationSettings{})
	wantError(t, "another server's", w.request(t, other.Tokens(t).Text("refresh_token"), refreshType), "invalid_request")
	wantError(t, "for an access token", w.request(t, third, refreshType, "requested_token_type", accessType), "invalid_request")
	wantError(t, "the one that counts", w.request(t, third, refreshType), "")
	wantError(t, "an old one", w.request(t, first, refreshType), "invalid_request")
	wantError(t, "after an old one came back", w.request(t, third, refreshType), "invalid_request")
}

// ID-JAG, Section 5: the other server gets the name that it would get if it signed
// the person in itself, and not the wiki's.
//
// Requirement: id-jag-issue, subject-pairwise
func TestAnIDJAGNamesThePersonAsTheOtherServerKnowsThem(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{SubjectType: "pairwise"})
	id := w.Tokens(t).Text("id_token")
	got := claimsOf(t, w.request(t, id, idType).Text("access_token"))["sub"].(string)
	if got == claimsOf(t, id)["sub"] || got == string(w.Identity.ID) || !strings.HasPrefix(got, "pw_") {
		t.Errorf("sub = %s", got)
	}
	host, err := url.Parse(w.chat.Issuer)
	servertest.Check(t, err)
	chat := w.World.App(t, application.NewApplication{Scopes: []string{"openid"},
		Settings: model.ApplicationSettings{SubjectType: "pairwise", Sector: host.Hostname()}})
	// The chat, as an application of the employer, asks the same person.
	asked := ask(t, w.World, chat, "login_hint", string(w.Identity.ID), "scope", "openid")
	_, err = w.Person.Decide(t.Context(), asked.Text("approval_id"), "approve")
	servertest.Check(t, err)
	if want := claimsOf(t, poll(t, w.World, chat, asked.Text("auth_req_id")).Text("id_token"))["sub"]; got != want {
		t.Errorf("sub = %s, the chat knows %s", got, want)
	}
}

// An ID-JAG that was asked for with a key is of use with that key.
//
// Requirement: id-jag-accept, dpop-token-bound
func TestAnIDJAGStaysWithItsKey(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{})
	prover, thief := servertest.NewProver(t), servertest.NewProver(t)
	form := w.Form("grant_type", oauth.GrantExchange, "requested_token_type", jagType, "audience", w.chat.Issuer,
		"subject_token", w.Tokens(t).Text("id_token"), "subject_token_type", idType)
	got := w.Post(t, "/oauth/token", form, "DPoP", prover.Proof(t, "POST", w.Site.Issuer+"/oauth/token", nil))
	jag := got.Text("access_token")
	if cnf, _ := claimsOf(t, jag)["cnf"].(map[string]any); cnf["jkt"] != prover.JKT(t) || got.Text("token_type") != "N_A" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	proof := func(p *servertest.Prover) []string {
		return []string{"DPoP", p.Proof(t, "POST", w.chat.Issuer+"/oauth/token", nil)}
	}
	wantError(t, "no proof", w.bring(t, w.there, jag), "invalid_grant")
	wantError(t, "another key", w.bringWith(t, w.there, jag, proof(thief)), "invalid_grant")
	given := w.bringWith(t, w.there, jag, proof(prover))
	if cnf, _ := claimsOf(t, given.Text("access_token"))["cnf"].(map[string]any); given.Text("token_type") != "DPoP" || cnf["jkt"] != prover.JKT(t) {
		t.Errorf("got %d %s", given.Status, given.Body)
	}
}

// Requirement: id-jag-accept, token-matrix
func TestIDJAGsThatAreNotAccepted(t *testing.T) {
	o := newOutside(t, "ES256", `{"alg":"ES256","kid":"k1","typ":"oauth-id-jag+jwt"}`,
		`{"iss":"https://idp.example","sub":"00u1","jti":"x","scope":"read write","auth_time":1763600000,"amr":["pwd"]}`)
	trusted := model.TrustedIssuer{Issuer: "https://idp.example", IdentityAssertions: true, Reusable: true, Audiences: []string{"urn:assent"},
		Subjects: []model.SubjectRule{{Subject: "00u1", Identity: "login:name"}}}
	v := vouch(t, o, trusted, model.TrustedIssuer{Issuer: "https://ci.example", JWKS: o.jwks(t, nil), Subjects: []model.SubjectRule{{Subject: "*", Prefix: "ci:"}}})
	_, who := v.Person(t, "alex")
	type m = map[string]any
	jag := func(header, claims m, aud any) string {
		all := m{"client_id": v.app.ID, "name": "alex"}
		for name, value := range claims {
			all[name] = value
		}
		return v.typed(t, header, aud, all)
	}
	for _, tt := range []struct {
		name   string
		header m
		claims m
		aud    any
		want   string
	}{
		{"as it should be", nil, nil, v.URL, ""},
		{"audience as a list of one", nil, nil, []string{v.URL}, ""},
		{"type in another case", m{"typ": "OAuth-ID-JAG+JWT"}, nil, v.URL, ""},
		{"for the token endpoint", nil, nil, v.URL + "/oauth/token", "invalid_grant"},
		{"for a name that the realm gave", nil, nil, "urn:assent", "invalid_grant"},
		{"for two", nil, nil, []string{v.URL, v.URL}, "invalid_grant"},
		{"no client_id", nil, m{"client_id": nil}, v.URL, "invalid_grant"},
		{"another client_id", nil, m{"client_id": "svc_x"}, v.URL, "invalid_grant"},
		{"no jti", nil, m{"jti": nil}, v.URL, "invalid_grant"},
		{"no iat", nil, m{"iat": nil}, v.URL, "invalid_grant"},
		{"no exp", nil, m{"exp": nil}, v.URL, "invalid_grant"},
		{"expired", nil, m{"exp": time.Now().Unix() - 1}, v.URL, "invalid_grant"},
		{"no subject", nil, m{"sub": nil}, v.URL, "invalid_grant"},
		{"another subject", nil, m{"sub": "00u2"}, v.URL, "invalid_grant"},
		{"a person who is not here", nil, m{"name": "eve"}, v.URL, "invalid_grant"},
		{"an issuer that gives none", nil, m{"iss": "https://ci.example"}, v.URL, "invalid_grant"},
		{"ourselves", nil, m{"iss": v.URL}, v.URL, "invalid_grant"},
		{"bound to a kind of key that nobody knows", nil, m{"cnf": m{"kid": "k"}}, v.URL, "invalid_grant"},
		{"bound to nothing", nil, m{"cnf": m{}}, v.URL, "invalid_grant"},
		{"a resource that the client has not", nil, m{"resource": "https://other.example"}, v.URL, "invalid_target"},
	} {
		wantError(t, tt.name, v.bring(t, v.app, jag(tt.header, tt.claims, tt.aud)), tt.want)
	}
	once := jag(nil, nil, v.URL)
	wantError(t, "once", v.bring(t, v.app, once), "")
	wantError(t, "again, of an issuer whose other tokens are reusable", v.bring(t, v.app, once), "invalid_grant")
	wantError(t, "as a subject token", v.Post(t, "/oauth/token", v.app.Form("grant_type", oauth.GrantExchange, "subject_token", jag(nil, nil, v.URL), "subject_token_type", jwtType)), "invalid_request")

	for _, tt := range []struct {
		name             string
		claims           m
		pairs            []string
		want, scope, aud string
	}{
		{"all that it says", nil, nil, "", "read write", apiURL},
		{"less than it says", nil, []string{"scope", "write"}, "", "write", apiURL},
		{"more than it says", m{"scope": "read"}, []string{"scope", "write"}, "invalid_scope", "", ""},
		{"what the client may have of it", m{"scope": "read chat.admin offline_access"}, nil, "", "read", apiURL},
		{"the client's default where it says nothing", m{"scope": nil}, nil, "", "read write", apiURL},
		{"its resource", m{"resource": dbURL}, nil, "", "read write", dbURL},
		{"one of its resources", m{"resource": []string{apiURL, dbURL}}, []string{"resource", dbURL}, "", "read write", dbURL},
		{"another resource", m{"resource": dbURL}, []string{"resource", apiURL}, "invalid_target", "", ""},
	} {
		got := v.bring(t, v.app, jag(nil, tt.claims, v.URL), tt.pairs...)
		wantError(t, tt.name, got, tt.want)
		if tt.want != "" || got.Status != 200 {
			continue
		}
		if c := claimsOf(t, got.Text("access_token")); c["aud"] != tt.aud || got.Text("scope") != tt.scope || c["sub"] != string(who.ID) || c["auth_time"] != 1763600000.0 {
			t.Errorf("%s: %s %v", tt.name, got.Body, c)
		}
	}

	public := v.App(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, GrantTypes: []string{oauth.GrantJWTBearer}})
	v.change(t, func(p *model.RealmPolicy) {
		p.TrustedIssuers[1].Subjects[0].Clients = []model.ClientID{model.ClientID(public.ID)}
	})
	wantError(t, "a public client, though a rule names it", v.Post(t, "/oauth/token", url.Values{"client_id": {public.ID}, "grant_type": {oauth.GrantJWTBearer},
		"assertion": {jag(nil, m{"client_id": public.ID}, v.URL)}}), "invalid_grant")
}

// Requirement: id-jag-accept, token-matrix, paths-realms-apart
func TestAnIDJAGOfWhatWasStopped(t *testing.T) {
	w := newTwo(t, model.ApplicationSettings{})
	jag := func() string { return w.request(t, w.Tokens(t).Text("id_token"), idType).Text("access_token") }
	early := jag()
	wantError(t, "at who gave it", w.Post(t, "/oauth/token", w.App.Form("grant_type", oauth.GrantJWTBearer, "assertion", early)), "unauthorized_client")
	own := w.World.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantJWTBearer}})
	wantError(t, "at another application of who gave it", w.Post(t, "/oauth/token", own.Form("grant_type", oauth.GrantJWTBearer, "assertion", early)), "invalid_grant")
	// Not even if an operator told the realm to trust itself (Section 9.3).
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), w.Site.Realm.ID, func(p *model.RealmPolicy) {
		p.TrustedIssuers = []model.TrustedIssuer{{Issuer: w.Site.Issuer, JWKSURI: w.Site.Issuer + "/oauth/jwks", IdentityAssertions: true,
			Subjects: []model.SubjectRule{{Subject: "*", Identity: string(w.Identity.ID)}}}}
	}, "operator"))
	self := ownToken(t, w.World, "oauth-id-jag+jwt", map[string]any{"sub": w.Identity.ID, "client_id": own.ID})
	wantError(t, "of the realm for itself", w.Post(t, "/oauth/token", own.Form("grant_type", oauth.GrantJWTBearer, "assertion", self)), "invalid_grant")
	_, err := w.Server.Directory.Suspend(t.Context(), w.chat, w.them.ID, "operator")
	servertest.Check(t, err)
	wantError(t, "a person who was stopped there", w.bring(t, w.there, jag()), "invalid_grant")
	_, err = w.Server.Directory.Activate(t.Context(), w.chat, w.them.ID, "operator")
	servertest.Check(t, err)
	wantError(t, "from before they were stopped", w.bring(t, w.there, early), "invalid_grant")
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), w.chat, model.ClientID(w.there.ID), model.ApplicationFrozen, "operator"))
	wantError(t, "an application that was frozen there", w.bring(t, w.there, jag()), "invalid_client")
	id := w.Tokens(t).Text("id_token")
	_, err = w.Server.Applications.RevokeTokens(t.Context(), w.Site, model.ClientID(w.App.ID), "operator")
	servertest.Check(t, err)
	wantError(t, "a sign-in that was revoked", w.request(t, id, idType), "invalid_request")
}
