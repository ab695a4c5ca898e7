package resource_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/sdk/resource"
)

// Requirement: mw-jwt, mw-algorithms, mw-opaque
func TestTokensOfEveryKindThatAssentMakesPass(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	for name, settings := range map[string]model.ApplicationSettings{
		"default": {}, "ES256": {TokenAlg: "ES256"}, "EdDSA": {TokenAlg: "EdDSA"}, "PS256": {TokenAlg: "PS256"}, "RS256": {TokenAlg: "RS256"},
		"opaque": {OpaqueTokens: true},
	} {
		app := h.service(t, settings)
		raw := h.token(t, app)
		for range 3 { // headers, keys and answers are remembered
			got, err := s.Verify(t.Context(), bearer(raw))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got.Subject != app.ID || got.ClientID != app.ID || !got.HasScope("read", "write") || got.Issuer != h.Site.Issuer || got.Audience[0] != api ||
				got.ExpiresAt.Sub(got.IssuedAt) <= 0 || len(got.Claims) == 0 {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if got := refusal(t, s, bearer(h.token(t, app, "resource", h.Site.Issuer, "scope", ""))); got == nil || got.Challenge.Error != resource.InvalidToken {
			t.Errorf("%s: a token for the issuer: %v", name, got)
		}
	}
	for _, unknown := range []string{"at_x", "at_" + hash("x"), "rt_x", h.actor.ID} {
		if got := refusal(t, s, bearer(unknown)); got == nil || got.Challenge.Error != resource.InvalidToken {
			t.Errorf("%s: %v", unknown, got)
		}
	}
}

// Requirement: mw-jwt
func TestOtherTokensOfTheIssuerAreNoAccessTokens(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	f := h.Flow(t, application.NewApplication{Resources: []string{api}})
	got := f.Tokens(t)
	passes(t, s, got.Text("access_token"))
	for _, name := range []string{"id_token", "refresh_token"} {
		if got.Text(name) == "" {
			continue
		}
		if r := refusal(t, s, bearer(got.Text(name))); r == nil || r.Challenge.Error != resource.InvalidToken {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// Requirement: mw-dpop
func TestADPoPBoundTokenOfAssentPassesWithItsKey(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	holder := servertest.NewProver(t)
	for _, settings := range []model.ApplicationSettings{{}, {OpaqueTokens: true}} {
		app := h.service(t, settings)
		raw := accessToken(t, h.Post(t, "/oauth/token", clientForm(app), "DPoP", holder.Proof(t, "POST", h.URL+"/oauth/token", nil)))
		h := s.Require(echo, "read")
		if w := ask(h, "GET", "/x?y=z", nil, "Authorization", "DPoP "+raw, "DPoP", holder.ResourceProof(t, "GET", api+"/x", raw, nil)); w.Code != 200 {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		if w := ask(h, "GET", "/x", nil, "Authorization", "Bearer "+raw); w.Code != 401 {
			t.Errorf("without its key: %d", w.Code)
		}
	}
}

// RFC 8705, Section 3.
//
// Requirement: mw-mtls
func TestACertificateBoundTokenOfAssentPassesInAConnectionWithItsCertificate(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	h := &house{World: m.World}
	h.settle(t)
	s := ready(t, h.config())
	own, other := m.Authority.Client(t, "own"), m.Authority.Client(t, "other")
	app := h.service(t, model.ApplicationSettings{Sender: model.SenderMTLS})
	raw := accessToken(t, m.PostWith(t, &own, "/oauth/token", clientForm(app)))

	server := httptest.NewUnstartedServer(s.Require(echo))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, tt := range map[string]struct {
		shown *tls.Certificate
		want  int
	}{"its own": {&own, 200}, "another": {&other, 401}, "none": {nil, 401}} {
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		config := &tls.Config{RootCAs: roots}
		if tt.shown != nil {
			config.Certificates = []tls.Certificate{*tt.shown}
		}
		if got := get(t, &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}, server.URL, raw); got != tt.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// get is the status of a request with a token.
func get(t testing.TB, c *http.Client, at, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	servertest.Check(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.Do(r)
	servertest.Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	servertest.Check(t, err)
	return resp.StatusCode
}

// Requirement: mw-revocation
func TestWhateverIsRevokedIsRefusedAndWhatIsMadeAfterwardsPasses(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	for _, format := range []model.ApplicationSettings{{}, {OpaqueTokens: true}} {
		app := h.service(t, format)
		raw, bystander := h.token(t, app), h.token(t, h.service(t, format))
		passes(t, s, raw)
		if got := h.Post(t, "/oauth/revoke", app.Form("token", raw)); got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		refused(t, s, raw, revoked) // one token
		passes(t, s, h.token(t, app))

		raw = h.token(t, app)
		passes(t, s, raw)
		_, err := h.Server.Applications.RevokeTokens(t.Context(), h.Site, model.ClientID(app.ID), "operator")
		servertest.Check(t, err)
		next := h.token(t, app)
		refused(t, s, raw, revoked) // a client
		passes(t, s, next)
		passes(t, s, bystander)

		_, err = h.Server.Realms.RevokeTokens(t.Context(), h.Site.Realm.ID, "operator")
		servertest.Check(t, err)
		after := h.token(t, app)
		refused(t, s, next, revoked) // the realm
		refused(t, s, bystander, revoked)
		passes(t, s, after)
	}
	soon(t, "the API reads the feed with a new token of its own", func() bool { return s.Health() == nil })
}

// Requirement: mw-revocation
func TestAPersonsTokensEndWithTheirGrantAndWithTheirRevocation(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	for _, settings := range []model.ApplicationSettings{{}, {OpaqueTokens: true}, {SubjectType: "pairwise"}} {
		f := h.Flow(t, application.NewApplication{Resources: []string{api}, Settings: settings})
		got := f.Tokens(t, "scope", "openid offline_access read")
		raw := got.Text("access_token")
		passes(t, s, raw)
		if a := h.Post(t, "/oauth/revoke", f.Form("token", got.Text("refresh_token"))); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		refused(t, s, raw, revoked) // its grant

		raw = f.Tokens(t).Text("access_token")
		passes(t, s, raw)
		_, err := h.Server.Directory.RevokeTokens(t.Context(), h.Site, directory.Ref[model.IdentityID]{ID: f.Identity.ID})
		servertest.Check(t, err)
		refused(t, s, raw, revoked) // the person
	}
}

// Requirement: mw-revocation
func TestATokenEndsWithTheOneItWasExchangedFrom(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	other := h.App(t, application.NewApplication{Scopes: []string{"read"}, GrantTypes: []string{oauth.GrantExchange},
		Settings: model.ApplicationSettings{Exchange: model.ExchangePolicy{Audiences: []string{api}}}})
	app := h.App(t, application.NewApplication{Scopes: []string{"read"}, Resources: []string{other.ID, api}})
	for name, end := range map[string]func(first string){
		"its token": func(first string) { h.Post(t, "/oauth/revoke", app.Form("token", first)) },
		"its client": func(string) {
			_, err := h.Server.Applications.RevokeTokens(t.Context(), h.Site, model.ClientID(app.ID), "operator")
			servertest.Check(t, err)
		},
	} {
		first := h.token(t, app, "scope", "read")
		got := h.Post(t, "/oauth/token", other.Form("grant_type", oauth.GrantExchange, "subject_token", first,
			"subject_token_type", "urn:ietf:params:oauth:token-type:access_token", "resource", api))
		second := accessToken(t, got)
		passes(t, s, second)
		end(first)
		refused(t, s, second, revoked)
		t.Log(name)
	}
}

// Requirement: mw-key-rotation
func TestTokensOfANewKeyPassWhileOldOnesDo(t *testing.T) {
	h := newHouse(t, nil)
	s := ready(t, h.config())
	app := h.service(t, model.ApplicationSettings{})
	old := h.token(t, app)
	done := make(chan struct{})
	failed := make(chan *resource.Refusal, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-done:
				return
			default:
				if got := refusal(t, s, bearer(old)); got != nil {
					failed <- got
					return
				}
			}
		}
	}()
	servertest.Check(t, h.Server.Keys.RotateNow(t.Context(), h.Site, "operator", jose.ES256))
	fresh := h.token(t, app)
	if header(t, fresh)["kid"] == header(t, old)["kid"] {
		t.Fatal("the key is the same")
	}
	passes(t, s, fresh)
	close(done)
	if got := <-failed; got != nil {
		t.Errorf("an old token is refused meanwhile: %v", got)
	}
}
