package directory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

func waits(t *testing.T, err error, most time.Duration) {
	t.Helper()
	if e, ok := errors.AsType[*directory.MailsError](err); !ok || e.Wait <= 0 || e.Wait > most {
		t.Errorf("got %v, want a wait of at most %s", err, most)
	}
}

// Requirement: mail-quota
func TestNobodyGetsMoreThanTenLinksByEMailInAnHour(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	add := func(name, address string) model.IdentityID {
		i, err := d.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{Traits: model.Traits{Username: name, PrimaryEmailAddress: address}})
		if err != nil {
			t.Fatal(err)
		}
		return i.ID
	}
	ada, same, ben := add("ada", "ada@example.com"), add("same", "ADA@example.com"), add("ben", "ben@example.com")
	mail := func(id model.IdentityID) error {
		_, err := d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: id, Method: model.DeliverEmail})
		return err
	}
	for range 10 {
		if err := mail(ada); err != nil {
			t.Fatal(err)
		}
	}
	waits(t, mail(ada), 6*time.Minute)
	waits(t, mail(same), 6*time.Minute)
	results := d.CreateBindingJobs(t.Context(), w.Site, []directory.NewBinding{{IdentityID: ada, Method: model.DeliverEmail}, {IdentityID: ben, Method: model.DeliverEmail}})
	if waits(t, results[0].Err, 6*time.Minute); results[1].Err != nil {
		t.Errorf("another person: %v", results[1].Err)
	}
	if _, err := d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: ada, Method: model.DeliverReturn}); err != nil {
		t.Errorf("a link that is returned: %v", err)
	}
	jobs, err := d.BindingJobs(t.Context(), w.Site, directory.JobQuery{IdentityID: ada, Method: model.DeliverEmail, Limit: 50})
	if err != nil || len(jobs) != 10 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	w.Clock.Advance(6 * time.Minute)
	if err := mail(ada); err != nil {
		t.Errorf("later: %v", err)
	}
}

// Requirement: mail-quota
func TestARealmSendsSoManyLinksAndNoMore(t *testing.T) {
	w := signintest.New(t)
	take := directory.MailQuota(3, w.Site)
	at := w.Clock.Now()
	for i := range 3 {
		if err := take("binding_link", fmt.Sprint(i, "@example.com"), at); err != nil {
			t.Fatal(err)
		}
	}
	waits(t, take("binding_link", "x@example.com", at), 20*time.Minute)
	if err := take("binding_link", "x@example.com", at.Add(20*time.Minute)); err != nil {
		t.Errorf("later: %v", err)
	}
}

// Whoever floods somebody with one notice must not keep another from them.
//
// Requirement: mail-quota
func TestEachKindOfNoticeIsCountedByItself(t *testing.T) {
	w := signintest.New(t)
	take := directory.MailQuota(5000, w.Site)
	at := w.Clock.Now()
	for range 10 {
		if err := take(directory.NoticeCodesMade, "ada@example.com", at); err != nil {
			t.Fatal(err)
		}
	}
	waits(t, take(directory.NoticeCodesMade, "Ada@example.com", at), 6*time.Minute)
	if err := take(directory.NoticePasskeyAdded, "ada@example.com", at); err != nil {
		t.Errorf("another kind: %v", err)
	}
}

// Requirement: own-limits
func TestAPersonMakesLinksAndCodesForThemselvesTenTimesInAnHour(t *testing.T) {
	w := signintest.New(t)
	alice, bob := w.Person(t, w.Site, "alice"), w.Person(t, w.Site, "bob")
	for what, do := range map[string]func(model.IdentityID) error{
		"links": func(id model.IdentityID) error { _, err := w.Directory.InviteSelf(t.Context(), w.Site, id); return err },
		"codes": func(id model.IdentityID) error {
			_, err := w.Directory.NewRecoveryCodes(t.Context(), w.Site, id, string(id))
			return err
		},
	} {
		for range 10 {
			if err := do(alice.ID); err != nil {
				t.Fatal(what, err)
			}
		}
		if e, ok := errors.AsType[*directory.TooOftenError](do(alice.ID)); !ok || e.Wait <= 0 || e.Wait > 6*time.Minute {
			t.Errorf("%s: an eleventh time: %v", what, e)
		}
		if err := do(bob.ID); err != nil {
			t.Errorf("%s of another person: %v", what, err)
		}
	}
	w.Clock.Advance(6 * time.Minute)
	if _, err := w.Directory.InviteSelf(t.Context(), w.Site, alice.ID); err != nil {
		t.Errorf("later: %v", err)
	}
}
