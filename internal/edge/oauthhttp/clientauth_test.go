package oauthhttp_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

const grantedToClients = oauth.GrantClientCredentials

// Requirement: client-auth-private-key-jwt, profile-algorithms
func TestAssertionsAreSignedWithTheAlgorithmsOfTheClient(t *testing.T) {
	w := servertest.Start(t, nil)
	tests := []struct {
		alg     jose.Alg
		allowed []string
		want    string
	}{
		{jose.ES256, nil, ""}, {jose.EdDSA, nil, ""}, {jose.PS256, nil, ""}, {jose.RS256, nil, "invalid_client"},
		{jose.RS256, []string{"RS256"}, ""}, {jose.ES256, []string{"PS256"}, "invalid_client"}, {jose.EdDSA, []string{"EdDSA"}, ""},
	}
	for _, tt := range tests {
		app := w.KeyApp(t, tt.alg, application.NewApplication{Settings: model.ApplicationSettings{AssertionAlgs: tt.allowed}})
		got := w.Post(t, "/oauth/token", app.AssertionForm(t, w.URL, nil, "grant_type", grantedToClients))
		if got.Text("error") != tt.want {
			t.Errorf("%s with %v: %d %s", tt.alg, tt.allowed, got.Status, got.Body)
		}
	}
}

// Requirement: client-auth-none
func TestAPublicClientNamesItselfAndAConfidentialOneMustProveItself(t *testing.T) {
	w := servertest.Start(t, nil)
	f := w.Flow(t, application.NewApplication{AuthMethod: model.AuthNone, Kind: model.KindSPA})
	if got := f.Redeem(t, f.Code(t)); got.Status != http.StatusOK {
		t.Errorf("public: %d %s", got.Status, got.Body)
	}
	secret := w.Flow(t, application.NewApplication{})
	if got := secret.Redeem(t, secret.Code(t), "client_secret", ""); got.Status != 401 || got.Text("error") != "invalid_client" {
		t.Errorf("confidential: %d %s", got.Status, got.Body)
	}
	if got := f.Redeem(t, f.Code(t), "client_secret", "made-up"); got.Status != 401 {
		t.Errorf("public with a secret: %d %s", got.Status, got.Body)
	}
}

// Requirement: client-auth-basic-tolerant
func TestBasicCredentialsAreTakenAsClientsInTheFieldSendThem(t *testing.T) {
	w := servertest.Start(t, nil)
	changes, err := w.Server.Applications.Apply(t.Context(), w.Site, []application.Static{{ID: "shop.eu", Name: "Shop", Kind: model.KindService,
		Secret: "p%ss+w/rd:0123456789012345678901234", Settings: model.ApplicationSettings{AuthMethod: model.AuthClientSecretBasic,
			GrantTypes: []string{grantedToClients}, Scopes: []string{"a"}}}})
	servertest.Check(t, err)
	if changes[0].Did != "created" {
		t.Fatalf("got %+v", changes)
	}
	made := w.App(t, application.NewApplication{AuthMethod: model.AuthClientSecretBasic})
	const secret = "p%ss+w/rd:0123456789012345678901234"
	tests := map[string][2]string{
		"percent-encoded":           {"shop.eu", url.QueryEscape(secret)},
		"as it is":                  {made.ID, made.Secret},
		"encoded where nothing is":  {url.QueryEscape(made.ID), url.QueryEscape(made.Secret)},
		"a secret that looks coded": {"shop.eu", secret},
	}
	for name, credentials := range tests {
		header := "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials[0]+":"+credentials[1]))
		got := w.Post(t, "/oauth/token", url.Values{"grant_type": {grantedToClients}}, "Authorization", header)
		if got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

// An unknown client, a wrong secret and a bad assertion cost the same work: the
// middle of many tries of one is not far from that of another. It would be, by
// the time of a signature check or of a digest, if one of them were left out;
// the bound is wide because machines are busy.
//
// Requirement: client-auth-same-time
func TestUnknownClientsAndWrongSecretsTakeTheSameTime(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	keyed := w.KeyApp(t, jose.ES256, application.NewApplication{})
	other := w.KeyApp(t, jose.ES256, application.NewApplication{})
	stranger := servertest.App{ID: ids.New("svc"), Key: other.Key}
	forged := servertest.App{ID: keyed.ID, Key: other.Key}
	middle := func(form func() url.Values) time.Duration {
		var took []time.Duration
		for range 41 {
			body := form()
			start := time.Now()
			got := w.Post(t, "/oauth/token", body)
			took = append(took, time.Since(start))
			if got.Status != 401 || got.Text("error") != "invalid_client" || got.Text("error_description") != "client authentication failed" {
				t.Fatalf("got %d %s", got.Status, got.Body)
			}
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	pairs := [][2]func() url.Values{
		{func() url.Values {
			return url.Values{"client_id": {ids.New("svc")}, "client_secret": {"x"}, "grant_type": {grantedToClients}}
		},
			func() url.Values {
				return url.Values{"client_id": {app.ID}, "client_secret": {"x"}, "grant_type": {grantedToClients}}
			}},
		{func() url.Values { return stranger.AssertionForm(t, w.URL, nil, "grant_type", grantedToClients) },
			func() url.Values { return forged.AssertionForm(t, w.URL, nil, "grant_type", grantedToClients) }},
	}
	for i, p := range pairs {
		unknown, known := middle(p[0]), middle(p[1])
		if ratio := float64(unknown) / float64(known); ratio < 0.2 || ratio > 5 {
			t.Errorf("pair %d: %s for an unknown client, %s for a known one", i, unknown, known)
		}
	}
}
