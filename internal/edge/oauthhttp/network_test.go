package oauthhttp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// One subscriber has more IPv6 addresses than any limit (RFC 6177, Section 2).
//
// Requirement: limits-by-client
func TestLimitsGoByNetworksAndNotByAddresses(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) {
		c.BehindProxy = true
		c.DefaultPolicy.Registration.Mode = model.RegistrationOpen
	})
	app := w.App(t, application.NewApplication{GrantTypes: []string{oauth.GrantDevice}})
	f := publicPusher(t, w)
	for name, send := range map[string]func(address string) int{
		"device codes": func(address string) int {
			return w.Post(t, "/oauth/device/code", app.Form(), "X-Forwarded-For", address).Status
		},
		"pushed requests": func(address string) int {
			return w.Post(t, "/oauth/par", f.Params(), "X-Forwarded-For", address).Status
		},
		"registrations": func(address string) int {
			return servertest.Do(t, http.MethodPost, w.URL+"/oauth/register", strings.NewReader(`{"redirect_uris":["https://app.example/"]}`),
				"Content-Type", "application/json", "X-Forwarded-For", address).Status
		},
	} {
		status := 0
		for i := 0; i < 600 && status != http.StatusTooManyRequests; i++ {
			status = send(fmt.Sprintf("2001:db8:1:2::%x", i+1))
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("%s: no end from one network: %d", name, status)
		}
		if status := send("2001:db8:1:3::1"); status >= 400 {
			t.Errorf("%s: from the network beside it: %d", name, status)
		}
	}
}
