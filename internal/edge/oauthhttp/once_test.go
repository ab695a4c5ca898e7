package oauthhttp_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
)

// What was used is forgotten by the clock of whichever node sweeps the database.
// One that is ahead must not forget what another still takes, or the other would
// refuse what is good: it cannot know whether it was used.
//
// Requirement: assertion-jti-once, ciba-signed-request, jwt-bearer-claims
func TestClocksOfNodesMayDiffer(t *testing.T) {
	const ci = "https://ci.example"
	key, path := newKey(t, jose.ES256), filepath.Join(t.TempDir(), "assent.sqlite")
	w := servertest.Start(t, func(c *server.Config) {
		c.Database = path
		c.DefaultPolicy.TrustedIssuers = []model.TrustedIssuer{{Issuer: ci, JWKS: publicKeys(key), Subjects: []model.SubjectRule{{Subject: "*"}}}}
	})
	a := newAsker(t, w, model.ApplicationSettings{})
	w.Person(t, "alex")
	app := w.KeyApp(t, jose.ES256, application.NewApplication{GrantTypes: []string{oauth.GrantClientCredentials}})
	other := w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantJWTBearer}})
	db, err := store.Open(t.Context(), store.Config{URL: path})
	servertest.Check(t, err)
	t.Cleanup(func() { servertest.Check(t, db.Close()) })
	now := time.Now()
	servertest.Check(t, db.Sweep(t.Context(), model.MillisOf(now.Add(170*time.Second)))) // it forgets after two minutes
	short := map[string]any{"exp": now.Unix() + 30}
	wantError(t, "client assertion", w.Post(t, "/oauth/token", app.AssertionForm(t, w.URL, short, "grant_type", oauth.GrantClientCredentials)), "")
	wantError(t, "signed request", a.send(t, a.request(t, short)), "")
	assertion := sign(t, key, "JWT", map[string]any{"iss": ci, "sub": "job", "aud": w.URL, "exp": now.Unix() + 30, "jti": ids.Secret()})
	wantError(t, "assertion of an issuer", w.Post(t, "/oauth/token", other.Form("grant_type", oauth.GrantJWTBearer, "assertion", assertion)), "")
}
