package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
)

// Requirement: svc-rotate
func TestARotationOnOneNodeIsHeardByTheOthers(t *testing.T) {
	c := startCluster(t)
	made, err := c.admin.Applications.CreateServiceClient(t.Context(), c.site, application.NewServiceClient{Name: "Tills", Scopes: []string{"a"}, Actor: "op"})
	servertest.Check(t, err)
	id := made.Application.ID
	works := func(node int, k application.Keyed) int {
		app := servertest.App{ID: string(id), Key: k.Private}
		return c.world(node).Post(t, "/oauth/token", app.AssertionForm(t, c.issuer, nil, "grant_type", "client_credentials")).Status
	}
	all := func(k application.Keyed, status int) func() bool {
		return func() bool {
			for node := range c.nodes {
				if works(node, k) != status {
					return false
				}
			}
			return true
		}
	}
	eventually(t, 30*time.Second, all(made, http.StatusOK))
	rotated, err := c.admin.Applications.RotateKeys(t.Context(), c.site, application.Rotation{ID: id, Actor: "op"})
	servertest.Check(t, err)
	eventually(t, 30*time.Second, all(rotated, http.StatusOK))
	eventually(t, 30*time.Second, all(made, http.StatusUnauthorized))
}
