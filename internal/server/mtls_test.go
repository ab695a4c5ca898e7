package server_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// Requirement: client-auth-tls
func TestAuthoritiesThatAreTakenAwayAreTrustedNoMore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "authorities.pem")
	first, second := servertest.NewAuthority(t), servertest.NewAuthority(t)
	both := append(mustRead(t, first.File(t)), mustRead(t, second.File(t))...)
	servertest.Check(t, os.WriteFile(file, both, 0o600))
	m := servertest.StartMTLS(t, func(c *server.Config) { c.MTLS.ClientCA = []string{file} })
	app := m.App(t, application.NewApplication{AuthMethod: model.AuthTLS, Settings: model.ApplicationSettings{TLSSubjectDN: "CN=client"}})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ID}}
	old, fresh := first.Client(t, "client"), second.Client(t, "client")
	// One connection that is kept, and new ones.
	kept := m.With(t, &old)
	status := func() int {
		resp, err := kept.Post(m.Base+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		servertest.Check(t, err)
		servertest.Check(t, resp.Body.Close())
		return resp.StatusCode
	}
	if got := m.PostWith(t, &fresh, "/oauth/token", form); status() != 200 || got.Status != 200 {
		t.Fatalf("both authorities are trusted: %d %s", got.Status, got.Body)
	}
	servertest.Check(t, os.WriteFile(file, mustRead(t, second.File(t)), 0o600))
	if got := m.PostWith(t, &old, "/oauth/token", form); got.Status != 401 {
		t.Errorf("on a new connection: %d %s", got.Status, got.Body)
	}
	if got := status(); got != 401 {
		t.Errorf("on a connection from before: %d", got)
	}
	servertest.Check(t, os.WriteFile(file, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600))
	if got := m.PostWith(t, &fresh, "/oauth/token", form); got.Status != 200 {
		t.Errorf("with a file that cannot be read: %d %s", got.Status, got.Body)
	}
}

// Requirement: client-auth-tls
func TestACertificateThatExpiresIsTrustedNoMoreOnItsConnection(t *testing.T) {
	clock := &servertest.Clock{}
	m := servertest.StartMTLS(t, func(c *server.Config) { c.Now = clock.Now })
	app := m.App(t, application.NewApplication{AuthMethod: model.AuthTLS, Settings: model.ApplicationSettings{TLSSubjectDN: "CN=client"}})
	cert := m.Authority.Client(t, "client") // good for an hour
	client := m.With(t, &cert)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ID}}
	for _, tt := range []struct {
		turn time.Duration
		want int
	}{{0, 200}, {59 * time.Minute, 200}, {2 * time.Minute, 401}} {
		clock.Turn(tt.turn)
		resp, err := client.Post(m.Base+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		servertest.Check(t, err)
		servertest.Check(t, resp.Body.Close())
		if resp.StatusCode != tt.want || resp.ProtoMajor != 2 {
			t.Errorf("after another %s: %d over HTTP/%d, want %d", tt.turn, resp.StatusCode, resp.ProtoMajor, tt.want)
		}
	}
}
