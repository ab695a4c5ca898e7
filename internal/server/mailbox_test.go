package server_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/sdk/evidence"
)

// The e-mail is for those whose browser did not call them: it says that
// something waits and never what, and nothing about what is decided already.
func TestWhatWaitsReachesTheMailboxAndWhatIsDecidedDoesNot(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.MailAfter = time.Second })
	app := w.App(t, application.NewApplication{})
	quick, _ := w.Person(t, "quick")
	_, _ = w.Person(t, "slow")
	page := func() string {
		a := w.Get(t, "/dev/mailbox")
		if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatalf("mailbox: %d %s", a.Status, a.Header)
		}
		return html.UnescapeString(string(a.Body))
	}
	if text := page(); !strings.Contains(text, "No messages yet") || !strings.Contains(text, `href="/approver/"`) || !strings.Contains(text, "pages.css") {
		t.Errorf("an empty mailbox shows %s", text)
	}
	asked := w.Post(t, "/oauth/bc-authorize", app.Form("login_hint", "quick"))
	_, err := quick.Decide(t.Context(), asked.Text("approval_id"), evidence.Deny)
	servertest.Check(t, err)
	if a := w.Post(t, "/oauth/bc-authorize", app.Form("login_hint", "slow", "binding_message", "Sell the house")); a.Status != http.StatusOK {
		t.Fatalf("ask: %d %s", a.Status, a.Body)
	}
	eventually(t, 20*time.Second, func() bool { return strings.Contains(page(), "slow@example.com") })
	text := page()
	if strings.Contains(text, "quick@example.com") {
		t.Error("a message was sent about what is decided already")
	}
	if strings.Contains(text, "Sell the house") || !strings.Contains(text, w.URL+"/approver/") {
		t.Errorf("the message says what waits, or not where: %s", text)
	}
}

func TestOutsideDevelopmentThereIsNoMailbox(t *testing.T) {
	ring, err := seal.NewKeyring(seal.GenerateKey())
	servertest.Check(t, err)
	w := servertest.Start(t, func(c *server.Config) { c.Keyring, c.Development, c.BehindProxy = ring, false, true })
	if a := w.Get(t, "/dev/mailbox"); a.Status != http.StatusNotFound {
		t.Errorf("got %d", a.Status)
	}
}
