package clients_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A party is a relying party in Go: it knows the issuer, its id and its secret.
type party struct {
	*servertest.Flow
	provider *oidc.Provider
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newParty(t *testing.T, w *servertest.World, n application.NewApplication) *party {
	t.Helper()
	p := &party{Flow: w.Flow(t, n)}
	var err error
	p.provider, err = oidc.NewProvider(t.Context(), w.URL)
	servertest.Check(t, err)
	p.verifier = p.provider.Verifier(&oidc.Config{ClientID: p.App.ID})
	p.config = oauth2.Config{ClientID: p.App.ID, ClientSecret: p.App.Secret, Endpoint: p.provider.Endpoint(),
		RedirectURL: p.Redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
	return p
}

// signIn is the code flow with PKCE, as the documentation of both libraries has
// it. x/oauth2 finds out by itself how the client authenticates.
func (p *party) signIn(t *testing.T) (*oauth2.Token, *oidc.IDToken) {
	t.Helper()
	verifier, nonce, state := oauth2.GenerateVerifier(), ids.Secret(), ids.Secret()
	link := p.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	answer, err := comeBack(t.Context(), p.Person, link)
	servertest.Check(t, err)
	if answer.Get("state") != state || answer.Get("iss") != p.World.URL {
		t.Fatalf("answer %v", answer)
	}
	token, err := p.config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	servertest.Check(t, err)
	id := p.verify(t, token)
	if id.Nonce != nonce || id.Subject == "" {
		t.Errorf("ID token %+v", id)
	}
	return token, id
}

// verify checks the ID token beside an access token, and that it goes with it.
func (p *party) verify(t *testing.T, token *oauth2.Token) *oidc.IDToken {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := p.verifier.Verify(t.Context(), raw)
	servertest.Check(t, err)
	servertest.Check(t, id.VerifyAccessToken(token.AccessToken))
	return id
}

// Requirement: clients-go-oidc, id-token-algorithm, id-token-at-hash, discovery-id-token-algs, refresh-rotate, refresh-id-token
func TestGoOIDCSignsInReadsUserinfoAndRefreshesWithEveryAlgorithmAndMethod(t *testing.T) {
	w := servertest.Start(t, nil)
	methods := []model.ClientAuthMethod{model.AuthClientSecretBasic, model.AuthClientSecretPost, model.AuthNone}
	for i, alg := range []string{"RS256", "ES256", "PS256", "EdDSA"} {
		method := methods[i%len(methods)]
		t.Run(alg+" "+string(method), func(t *testing.T) {
			p := newParty(t, w, application.NewApplication{AuthMethod: method, Settings: model.ApplicationSettings{IDTokenAlg: alg}})
			p.verifier = p.provider.Verifier(&oidc.Config{ClientID: p.App.ID, SupportedSigningAlgs: []string{alg}})
			token, id := p.signIn(t)
			source := p.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken})
			next, err := source.Token()
			servertest.Check(t, err)
			again := p.verify(t, next)
			if next.RefreshToken == token.RefreshToken || again.Subject != id.Subject || next.AccessToken == token.AccessToken {
				t.Errorf("refreshed: %+v, %+v", next, again)
			}
			for _, source := range []oauth2.TokenSource{oauth2.StaticTokenSource(token), source} {
				info, err := p.provider.UserInfo(t.Context(), source)
				servertest.Check(t, err)
				if info.Subject != id.Subject || info.Email != p.Identity.Traits.PrimaryEmailAddress {
					t.Errorf("userinfo %+v", info)
				}
			}
		})
	}
}

// A verifier that takes tokens for another client, or signed otherwise, must not
// take ours.
//
// Requirement: clients-go-oidc
func TestGoOIDCRefusesWhatIsNotForIt(t *testing.T) {
	w := servertest.Start(t, nil)
	p := newParty(t, w, application.NewApplication{Settings: model.ApplicationSettings{IDTokenAlg: "ES256"}})
	token, _ := p.signIn(t)
	raw, _ := token.Extra("id_token").(string)
	for name, config := range map[string]*oidc.Config{
		"another client":    {ClientID: "another"},
		"another algorithm": {ClientID: p.App.ID, SupportedSigningAlgs: []string{"RS256"}},
		"another time":      {ClientID: p.App.ID, Now: func() time.Time { return time.Now().Add(24 * time.Hour) }},
	} {
		if _, err := p.provider.Verifier(config).Verify(t.Context(), raw); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := p.verifier.Verify(t.Context(), token.AccessToken); err == nil {
		t.Error("an access token is taken for an ID token")
	}
}

// Requirement: clients-go-oidc, device-answer
func TestGoOAuth2ConnectsADevice(t *testing.T) {
	t.Parallel()
	w := servertest.Start(t, nil)
	p := newParty(t, w, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone,
		GrantTypes: []string{oauth.GrantCode, oauth.GrantDevice, oauth.GrantRefresh}})
	asked, err := p.config.DeviceAuth(t.Context())
	servertest.Check(t, err)
	connectDevice(t, p.Person, asked.VerificationURIComplete)
	token, err := p.config.DeviceAccessToken(t.Context(), asked)
	servertest.Check(t, err)
	if id := p.verify(t, token); id.Subject != string(p.Identity.ID) {
		t.Errorf("ID token %+v", id)
	}
}

// Requirement: clients-go-oidc, logout-backchannel
func TestGoOIDCUnderstandsALogoutToken(t *testing.T) {
	told := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(receiver.Close)
	w := servertest.Start(t, func(c *server.Config) { c.FetchAllow = []string{"127.0.0.1"} })
	p := newParty(t, w, application.NewApplication{Settings: model.ApplicationSettings{BackchannelLogout: receiver.URL + "/out"}})
	token, id := p.signIn(t)
	var claims struct {
		EndSession string `json:"end_session_endpoint"`
		Session    string `json:"sid"`
	}
	servertest.Check(t, p.provider.Claims(&claims))
	servertest.Check(t, id.Claims(&claims))
	raw, _ := token.Extra("id_token").(string)
	resp, err := p.Person.HTTP.Get(claims.EndSession + "?id_token_hint=" + raw)
	servertest.Check(t, err)
	servertest.Check(t, resp.Body.Close())
	var text string
	select {
	case text = <-told:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody was told")
	}
	out, err := p.verifier.VerifyLogout(t.Context(), text)
	servertest.Check(t, err)
	if out.Subject != id.Subject || out.SessionID != claims.Session || !slices.Contains(out.Audience, p.App.ID) {
		t.Errorf("logout token %+v", out)
	}
}
