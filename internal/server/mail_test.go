package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/notify/smtp"
	"github.com/assent-id/assent/internal/service/notify/smtptest"
)

// Requirement: mail-letters
func TestPeopleHearOfWhatChangesHowTheySignIn(t *testing.T) {
	w := servertest.Start(t, nil)
	_, ada := w.Person(t, "ada")
	d := w.Server.Directory
	codes, err := d.NewRecoveryCodes(t.Context(), w.Site, ada.ID, string(ada.ID))
	servertest.Check(t, err)
	_, err = d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada.ID, Recovery: true})
	servertest.Check(t, err)
	_, err = d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada.ID, Method: model.DeliverEmail})
	servertest.Check(t, err)
	_, err = d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada.ID, Method: model.DeliverEmail, Recovery: true})
	servertest.Check(t, err)
	_, err = d.Recover(t.Context(), w.Site, directory.RecoveryAnswer{Login: "ada", Code: codes[0]})
	servertest.Check(t, err)
	page := func() string { return string(w.Get(t, "/dev/mailbox").Body) }
	for _, subject := range []string{"You have new recovery codes", "A way back into your account was made", "Create your passkey for",
		"Your new link for", "A recovery code was used"} {
		eventually(t, 20*time.Second, func() bool { return strings.Contains(page(), subject) })
	}
	if text := page(); strings.Contains(text, codes[1]) || strings.Contains(text, "\u27e6") {
		t.Errorf("the mailbox shows a code, or lacks a text: %s", text)
	}
	if text := page(); strings.Count(text, w.URL+"/bind?token=") != 2 {
		t.Errorf("two messages hold a link, and the mailbox has: %s", text)
	}
}

// Requirement: mail-failures
func TestALinkThatNoMailServerTakesForADayHasFailed(t *testing.T) {
	ring, err := seal.NewKeyring(seal.GenerateKey())
	servertest.Check(t, err)
	mail := smtptest.Start(t, func(s *smtptest.Server) { s.Answers["RCPT"] = "450 4.2.1 later" })
	clock := &servertest.Clock{}
	w := servertest.Start(t, func(c *server.Config) {
		c.Keyring, c.Development, c.BehindProxy, c.Now = ring, false, true, clock.Now
		c.SMTP = smtp.Config{Host: "127.0.0.1", Port: mail.Port, From: "login@acme.example", RootCAs: mail.Roots}
	})
	ada, err := w.Server.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{
		Traits: model.Traits{Username: "ada", PrimaryEmailAddress: "ada@example.com"}})
	servertest.Check(t, err)
	made, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada.ID, Method: model.DeliverEmail})
	servertest.Check(t, err)
	state := func() model.BindingJob {
		j, err := w.Server.Directory.BindingJob(t.Context(), w.Site, made.Job.ID)
		servertest.Check(t, err)
		return j
	}
	clock.Turn(23 * time.Hour)
	if j := state(); j.State != model.BindingLinkSent {
		t.Errorf("after 23 hours it is %s", j.State)
	}
	clock.Turn(2 * time.Hour)
	eventually(t, 20*time.Second, func() bool { return state().State == model.BindingSendFailed })
	if j := state(); !strings.Contains(j.Failure, "for a day") || len(mail.Taken()) != 0 {
		t.Errorf("failed as %q", j.Failure)
	}
	if a := w.Get(t, "/dev/mailbox"); a.Status != http.StatusNotFound {
		t.Errorf("there is a mailbox: %d", a.Status)
	}
}

// Who takes an account over would change its address first.
//
// Requirement: mail-old-address
func TestWhoHadAnAddressHearsThatItIsNotTheAccountsAnyMore(t *testing.T) {
	w := servertest.Start(t, nil)
	d := w.Server.Directory
	ada, err := d.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{Traits: model.Traits{Username: "ada", PrimaryEmailAddress: "ada@example.com"}})
	servertest.Check(t, err)
	change := func(address string) {
		_, err := d.UpdateIdentity(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: ada.ID}, func(i *model.Identity) error {
			i.Traits.PrimaryEmailAddress = address
			return nil
		})
		servertest.Check(t, err)
	}
	change("ADA@example.com") // the same mailbox
	change("mallory@example.net")
	page := func() string { return string(w.Get(t, "/dev/mailbox").Body) }
	eventually(t, 20*time.Second, func() bool { return strings.Contains(page(), "ADA@example.com") })
	if text := page(); strings.Count(text, "Your e-mail address was changed") == 0 || strings.Contains(text, "mallory") || strings.Contains(text, "ada@example.com") {
		t.Errorf("the mailbox has %s", text)
	}
	change("")
	eventually(t, 20*time.Second, func() bool { return strings.Contains(page(), "mallory@example.net") })
}

// A page whose name was made to lead here must not read links out of the mailbox.
//
// Requirement: dev-own-name
func TestTheMailboxIsThereUnderTheNameOfTheServerAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	_, ada := w.Person(t, "ada")
	_, err := w.Server.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada.ID, Method: model.DeliverEmail})
	servertest.Check(t, err)
	message := regexp.MustCompile(`/dev/mailbox/out_[0-9a-z]+`)
	var one string
	eventually(t, 20*time.Second, func() bool {
		one = message.FindString(string(w.Get(t, "/dev/mailbox").Body))
		return one != ""
	})
	if a := w.Get(t, one); a.Status != http.StatusOK {
		t.Errorf("a message: %d %s", a.Status, a.Body)
	}
	home, err := url.Parse(w.URL)
	servertest.Check(t, err)
	for _, host := range []string{"evil.example", "evil.example:" + home.Port(), home.Hostname() + ":1", "localhost." + home.Host} {
		for _, path := range []string{"/dev/mailbox", one} {
			if a := servertest.DoAt(t, host, http.MethodGet, w.URL+path); a.Status != http.StatusNotFound || strings.Contains(string(a.Body), "token=") {
				t.Errorf("%s as %s: %d %s", path, host, a.Status, a.Body)
			}
		}
	}
}
