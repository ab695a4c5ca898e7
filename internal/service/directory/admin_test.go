package directory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// follow binds a software passkey by a link.
func follow(t *testing.T, w *signintest.World, b directory.Binding) error {
	t.Helper()
	_, token, _ := strings.Cut(b.Link, "?token=")
	_, err := w.TryBind(t.Context(), w.Site, signintest.Software(t, w.Site), signintest.Attempt{Token: token})
	return err
}

// Requirement: admins-first
func TestTheFirstAdminGetsOneLinkUntilTheyHaveAPasskey(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		first, err := w.Directory.FirstAdminLink(t.Context(), w.Site)
		if err != nil || first.Link == "" || first.Job.ExpiresAt != model.MillisOf(w.Clock.Now().Add(24*time.Hour)) {
			t.Fatalf("got %+v, %v", first, err)
		}
		second, err := w.Directory.FirstAdminLink(t.Context(), w.Site)
		if err != nil || second.Job.IdentityID != first.Job.IdentityID {
			t.Fatalf("got %+v, %v, want another link for %s", second, err, first.Job.IdentityID)
		}
		if err := follow(t, w, first); !errors.Is(err, directory.ErrLinkUnknown) {
			t.Errorf("the first link: %v", err)
		}
		if err := follow(t, w, second); err != nil {
			t.Fatalf("the second link: %v", err)
		}
		admin, err := w.Directory.Find(t.Context(), w.Site, "admin")
		if err != nil || admin.AdminSince == 0 {
			t.Errorf("the admin is %+v, %v", admin, err)
		}
		third, err := w.Directory.FirstAdminLink(t.Context(), w.Site)
		if err != nil || third.Link != "" {
			t.Errorf("who has a passkey is greeted again: %+v, %v", third, err)
		}
	})
}

// Requirement: admins-first-name
func TestWhoHasTheNameOfTheFirstAdminDoesNotBecomeOne(t *testing.T) {
	w := signintest.New(t)
	squatter := w.Person(t, w.Site, "Admin")
	if got, err := w.Directory.FirstAdminLink(t.Context(), w.Site); !errors.Is(err, directory.ErrNoAdmin) || got.Link != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if now, err := w.Directory.Identity(t.Context(), w.Site, squatter.ID); err != nil || now != squatter {
		t.Errorf("the person is %+v, %v", now, err)
	}
}

// Requirement: admins-last
func TestOfAdminsWhoTakeEachOthersRightsAtOnceOneStays(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		var admins []model.IdentityID
		for _, name := range []string{"ada", "ben", "cleo"} {
			who := w.Person(t, w.Site, name)
			w.Bind(t, w.Site, who.ID, signintest.Software(t, w.Site))
			if _, err := w.Directory.SetAdmin(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: who.ID}, true); err != nil {
				t.Fatal(err)
			}
			admins = append(admins, who.ID)
		}
		told := make(chan error, len(admins))
		for _, id := range admins {
			go func() {
				_, err := w.Directory.SetAdmin(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: id}, false)
				told <- err
			}()
		}
		last := 0
		for range admins {
			if err := <-told; errors.Is(err, directory.ErrLastAdmin) {
				last++
			} else if err != nil {
				t.Error(err)
			}
		}
		left, err := w.Directory.ListIdentities(t.Context(), w.Site, directory.PeopleQuery{Admins: true, Limit: 9})
		if err != nil || len(left) != 1 || last != 1 {
			t.Errorf("%d admins are left and %d were refused (%v), want one each", len(left), last, err)
		}
	})
}
