package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/store/litetest"
)

// A server that distrusts its memory tells readers of the feed nothing, so this
// also shows that its own clock is the measure of what it has heard.
//
// Requirement: svc-clock-ahead
func TestADevelopmentServerWhoseClockRunsAheadWorks(t *testing.T) {
	const ahead = 25 * time.Hour
	w := servertest.Start(t, func(c *server.Config) { c.ClockAhead = ahead })
	app, headers := feedReader(t, w)
	eventually(t, 30*time.Second, func() bool {
		return servertest.Do(t, http.MethodGet, w.URL+"/v1/revocations", nil, headers...).Status == http.StatusOK
	})
	got := w.Post(t, "/oauth/introspect", app.Form("token", w.Post(t, "/oauth/token", app.Form("grant_type", "client_credentials")).Text("access_token")))
	iat, _ := got.JSON["iat"].(float64)
	if from := time.Now().Add(ahead).Unix(); got.JSON["active"] != true || int64(iat) < from-60 || int64(iat) > from {
		t.Errorf("its token: %s, want one of about %d", got.Body, from)
	}
}

// Requirement: svc-clock-ahead
func TestNoOtherClockRunsAhead(t *testing.T) {
	development, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	servertest.Check(t, err)
	production, err := seal.NewKeyring(seal.GenerateKey())
	servertest.Check(t, err)
	for name, cfg := range map[string]server.Config{
		"behind":        {Keyring: development, Development: true, ClockAhead: -time.Second},
		"too far":       {Keyring: development, Development: true, ClockAhead: server.MaxClockAhead + 1},
		"in production": {Keyring: production, BehindProxy: true, ClockAhead: time.Hour},
		"two clocks":    {Keyring: development, Development: true, ClockAhead: time.Hour, Now: time.Now},
	} {
		cfg.Database, cfg.BaseURL = litetest.Database(t), "http://localhost:8420"
		if s, err := server.Open(t.Context(), cfg); err == nil {
			servertest.Check(t, s.Close())
			t.Errorf("%s: it opens", name)
		}
	}
}
