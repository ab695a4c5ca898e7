package application_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// web is a confidential application that people sign in to.
func web(profile model.Profile) application.NewApplication {
	return application.NewApplication{Name: "Shop", Kind: model.KindWeb, AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"authorization_code", "refresh_token"},
		Settings: model.ApplicationSettings{Profile: profile, RedirectURIs: []string{"https://shop.example/cb"}}}
}

// keyed is one that authenticates by its key.
func keyed(t *testing.T, profile model.Profile) application.NewApplication {
	t.Helper()
	a := web(profile)
	a.AuthMethod, a.JWKS = model.AuthPrivateKeyJWT, set(publicKey(t, jose.ES256))
	return a
}

// Requirement: profile-oauth21
func TestTheDefaultProfileIsOAuth21AndServicesHaveNone(t *testing.T) {
	n := open(t, sqlite(t), nil)
	for kind, want := range map[model.ApplicationKind]model.Profile{model.KindWeb: model.ProfileOAuth21, model.KindSPA: model.ProfileOAuth21,
		model.KindNative: model.ProfileOAuth21, model.KindService: "", model.KindAgent: ""} {
		a := web("")
		a.Kind, a.OwnerID = kind, "idn_1"
		made, err := n.Create(t.Context(), n.site, a)
		check(t, err)
		if s := made.Application.Settings; s.Profile != want || s.OptionalPKCE || (s.Refresh == model.RefreshRotate) != (want != "") {
			t.Errorf("%s: %+v", kind, s)
		}
	}
}

// Requirement: profile-fapi2, profile-fapi2-message-signing, profile-fapi-ciba, profile-oidc, profile-mcp
func TestAProfileSetsItsBundleOfSwitches(t *testing.T) {
	fapi := model.ApplicationSettings{StrictAudience: true, Sender: model.SenderDPoP, Refresh: model.RefreshKeep, IDTokenAlg: "ES256"}
	fapi2 := fapi
	fapi2.RequirePAR = true
	signing := fapi2
	signing.RequireSigned, signing.AuthorizationAlg, signing.IntrospectionAlg = true, "ES256", "ES256"
	ciba := fapi
	ciba.RequireSignedCIBA = true
	rotate := model.ApplicationSettings{Refresh: model.RefreshRotate}
	oidc := model.ApplicationSettings{Refresh: model.RefreshRotate, OptionalPKCE: true, IDTokenAlg: "RS256", AssertionAlgs: []string{"ES256", "EdDSA", "PS256", "RS256"}}
	for profile, want := range map[model.Profile]model.ApplicationSettings{model.ProfileOIDC: oidc, model.ProfileOAuth21: rotate, model.ProfileFAPI2: fapi2,
		model.ProfileFAPI2Signing: signing, model.ProfileFAPICIBA: ciba, model.ProfileMCP: {Refresh: model.RefreshRotate, AnyScope: true}} {
		got := model.ApplicationSettings{AuthMethod: model.AuthPrivateKeyJWT}
		check(t, application.Apply(profile, &got))
		want.Profile, want.AuthMethod = profile, model.AuthPrivateKeyJWT
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", profile, diff)
		}
	}
	over := model.ApplicationSettings{AuthMethod: model.AuthSelfSignedTLS}
	if check(t, application.Apply(model.ProfileFAPI2, &over)); over.Sender != model.SenderMTLS {
		t.Errorf("over mutual TLS: %+v", over)
	}
	if err := application.Apply("fapi3", &over); !errors.Is(err, application.ErrInvalid) {
		t.Errorf("an unknown profile: %v", err)
	}
}

// What was set by hand stays, whatever the profile would set.
//
// Requirement: profile-switch-alone
func TestAProfileLeavesWhatWasSet(t *testing.T) {
	s := model.ApplicationSettings{AuthMethod: model.AuthPrivateKeyJWT, IDTokenAlg: "EdDSA", Sender: model.SenderMTLS, AuthorizationAlg: "PS256",
		IntrospectionAlg: "EdDSA", AssertionAlgs: []string{"ES256"}, Scopes: []string{"a"}}
	for _, profile := range []model.Profile{model.ProfileFAPI2Signing, model.ProfileMCP, model.ProfileOIDC} {
		got := s
		check(t, application.Apply(profile, &got))
		if got.IDTokenAlg != "EdDSA" || got.Sender != model.SenderMTLS || got.AuthorizationAlg != "PS256" || got.IntrospectionAlg != "EdDSA" || len(got.AssertionAlgs) != 1 || got.AnyScope {
			t.Errorf("%s: %+v", profile, got)
		}
	}
}

// Nobody goes under the floor of a profile without saying so: at registration,
// and afterwards.
//
// Requirement: profile-fapi2, profile-fapi2-message-signing, profile-fapi-ciba, profile-mcp
func TestNothingContradictsItsProfileSilently(t *testing.T) {
	n := open(t, sqlite(t), nil)
	fapi := []model.Profile{model.ProfileFAPI2, model.ProfileFAPI2Signing, model.ProfileFAPICIBA}
	for _, tt := range []struct {
		profiles []model.Profile
		change   func(*model.ApplicationSettings)
		want     string // part of the message
	}{
		{[]model.Profile{model.ProfileFAPI2, model.ProfileFAPI2Signing, model.ProfileMCP}, func(s *model.ApplicationSettings) { s.OptionalPKCE = true }, "PKCE"},
		{fapi[:2], func(s *model.ApplicationSettings) { s.RequirePAR = false }, "push"},
		{fapi, func(s *model.ApplicationSettings) { s.StrictAudience = false }, "issuer alone"},
		{fapi, func(s *model.ApplicationSettings) { s.Sender = model.SenderNone }, "bound"},
		{fapi, func(s *model.ApplicationSettings) { s.AuthMethod = model.AuthClientSecretBasic }, "private_key_jwt"},
		{fapi, func(s *model.ApplicationSettings) { s.Refresh = model.RefreshRotate }, "rotate"},
		{fapi, func(s *model.ApplicationSettings) { s.AssertionAlgs = []string{"ES256", "RS256"} }, "RS256"},
		{fapi, func(s *model.ApplicationSettings) { s.IDTokenAlg = "RS256" }, "RS256"},
		{fapi, func(s *model.ApplicationSettings) { s.TokenAlg = "RS256" }, "RS256"},
		{fapi[1:2], func(s *model.ApplicationSettings) { s.RequireSigned = false }, "sign"},
		{fapi[1:2], func(s *model.ApplicationSettings) { s.AuthorizationAlg = "" }, "signed authorization"},
		{fapi[1:2], func(s *model.ApplicationSettings) { s.IntrospectionAlg = "" }, "signed introspection"},
		{fapi[2:], func(s *model.ApplicationSettings) { s.RequireSignedCIBA = false }, "backchannel"},
	} {
		for _, profile := range tt.profiles {
			made, err := n.Create(t.Context(), n.site, keyed(t, profile))
			check(t, err)
			err = n.Configure(t.Context(), n.site, made.Application.ID, "operator", tt.change)
			if !errors.Is(err, application.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want a refusal about %q", profile, err, tt.want)
			}
			after, err := n.store.Application(t.Context(), n.site.Realm.ID, made.Application.ID)
			check(t, err)
			if diff := cmp.Diff(made.Application.Settings, after.Settings); diff != "" {
				t.Errorf("%s: a refused change changed it: %s", profile, diff)
			}
			// Whoever wants it says that the application is of another profile.
			check(t, n.Configure(t.Context(), n.site, made.Application.ID, "operator", func(s *model.ApplicationSettings) {
				if s.Profile = model.ProfileOAuth21; s.AuthMethod.Confidential() {
					tt.change(s)
				}
			}))
		}
	}
	a := keyed(t, model.ProfileFAPI2)
	a.Settings.OptionalPKCE = true
	if _, err := n.Create(t.Context(), n.site, a); !errors.Is(err, application.ErrInvalid) {
		t.Errorf("created against its profile: %v", err)
	}
	if _, err := n.Create(t.Context(), n.site, web(model.ProfileFAPI2)); !errors.Is(err, application.ErrInvalid) {
		t.Errorf("created with a secret: %v", err)
	}
}

// Requirement: profile-lifetimes, profile-switch-alone
func TestSettingsThatContradictThemselvesAreRefused(t *testing.T) {
	n := open(t, sqlite(t), nil)
	day := int((24 * time.Hour).Seconds())
	for _, tt := range []struct {
		name   string
		change func(*application.NewApplication)
		want   string // part of the message; empty: accepted
	}{
		{"a code of 60 s", func(a *application.NewApplication) { a.Settings.CodeLifetime = 60 }, ""},
		{"a code of 61 s", func(a *application.NewApplication) { a.Settings.CodeLifetime = 61 }, "code"},
		{"a token of a day", func(a *application.NewApplication) { a.Settings.TokenLifetime = day }, ""},
		{"a token of more", func(a *application.NewApplication) { a.Settings.TokenLifetime = day + 1 }, "access token"},
		{"a token of less than nothing", func(a *application.NewApplication) { a.Settings.TokenLifetime = -1 }, "access token"},
		{"a refresh token of 11 years", func(a *application.NewApplication) { a.Settings.RefreshLifetime = 11 * 365 * day }, "refresh token"},
		{"a public client without PKCE", func(a *application.NewApplication) { a.AuthMethod, a.Settings.OptionalPKCE = model.AuthNone, true }, "PKCE"},
		{"a public client that keeps its refresh token", func(a *application.NewApplication) {
			a.AuthMethod, a.Settings.Refresh = model.AuthNone, model.RefreshKeep
		}, "rotated"},
		{"an unknown refresh policy", func(a *application.NewApplication) { a.Settings.Refresh = "often" }, "refresh"},
		{"an unknown sender constraint", func(a *application.NewApplication) { a.Settings.Sender = "rope" }, "bound"},
		{"an unknown profile", func(a *application.NewApplication) { a.Settings.Profile = "fapi3" }, "profile"},
		{"HS256", func(a *application.NewApplication) { a.Settings.IDTokenAlg = "HS256" }, "ES256"},
		{"none", func(a *application.NewApplication) { a.Settings.UserinfoAlg = "none" }, "ES256"},
		{"tls_client_auth without a subject", func(a *application.NewApplication) { a.AuthMethod = model.AuthTLS }, "exactly one"},
		{"tls_client_auth with two", func(a *application.NewApplication) {
			a.AuthMethod, a.Settings.TLSSanDNS, a.Settings.TLSSanIP = model.AuthTLS, "shop.example", "192.0.2.1"
		}, "exactly one"},
		{"tls_client_auth", func(a *application.NewApplication) {
			a.AuthMethod, a.Settings.TLSSanDNS = model.AuthTLS, "shop.example"
		}, ""},
		{"a self-signed certificate without keys", func(a *application.NewApplication) { a.AuthMethod = model.AuthSelfSignedTLS }, "key set"},
		{"keys in two places", func(a *application.NewApplication) {
			a.JWKS, a.Settings.JWKSURI = set(publicKey(t, jose.ES256)), "https://shop.example/jwks"
		}, "exclude"},
		{"keys at a URL", func(a *application.NewApplication) {
			a.AuthMethod, a.Settings.JWKSURI = model.AuthPrivateKeyJWT, "https://shop.example/jwks"
		}, ""},
		{"a redirect by script", func(a *application.NewApplication) { a.Settings.RedirectURIs = []string{"javascript:alert(1)"} }, "a redirect URI has a scheme"},
		{"a redirect to an editor", func(a *application.NewApplication) {
			a.Kind, a.Settings.RedirectURIs = model.KindNative, []string{"cursor://anysphere.cursor-mcp/oauth/callback", "vscode://vendor.extension/cb"}
		}, ""},
		{"a redirect to a mailbox", func(a *application.NewApplication) {
			a.Kind, a.Settings.RedirectURIs = model.KindNative, []string{"mailto://a"}
		}, "a redirect URI has a scheme"},
		{"a redirect with a fragment", func(a *application.NewApplication) { a.Settings.RedirectURIs = []string{"https://shop.example/#"} }, "a redirect URI has a fragment"},
		{"a redirect to this machine by a name", func(a *application.NewApplication) {
			a.Settings.RedirectURIs = []string{"http://shop.example.localhost:3000/callback"}
		}, ""},
		{"a redirect to what only looks like this machine", func(a *application.NewApplication) {
			a.Settings.RedirectURIs = []string{"http://localhost.shop.example/", "http://shoplocalhost/"}
		}, "plain http"},
		{"a redirect over plain http", func(a *application.NewApplication) { a.Settings.RedirectURIs = []string{"http://shop.example/"} }, "plain http"},
		{"pairwise subjects for two hosts", func(a *application.NewApplication) {
			a.Settings.SubjectType, a.Settings.RedirectURIs = "pairwise", []string{"https://shop.example/", "https://shop.test/"}
		}, "one host"},
		{"pairwise subjects for a sector", func(a *application.NewApplication) {
			a.Settings.SubjectType, a.Settings.Sector, a.Settings.RedirectURIs = "pairwise", "shop.example", []string{"https://shop.example/", "https://shop.test/"}
		}, ""},
		{"pairwise subjects for nobody", func(a *application.NewApplication) {
			a.Settings.SubjectType, a.Settings.RedirectURIs = "pairwise", nil
		}, "one host"},
		{"a native scheme for a web application", func(a *application.NewApplication) { a.Settings.RedirectURIs = []string{"com.example:/"} }, "native"},
		{"a logo by script", func(a *application.NewApplication) { a.Settings.LogoURI = "javascript:alert(1)" }, "logo_uri"},
	} {
		a := web("")
		tt.change(&a)
		_, err := n.Create(t.Context(), n.site, a)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (!errors.Is(err, application.ErrInvalid) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want a refusal about %q", tt.name, err, tt.want)
		}
	}
}
