package directory_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

func refOf(i model.Identity) directory.Ref[model.IdentityID] {
	return directory.Ref[model.IdentityID]{ID: i.ID}
}

// Requirement: people-update
func TestChangesOfOnePersonAtOnceAreAllThere(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		who := w.Person(t, w.Site, "ada")
		edits := []func(*model.Identity){
			func(i *model.Identity) { i.Traits.GivenName = "Ada" },
			func(i *model.Identity) { i.Traits.FamilyName = "Byron" },
			func(i *model.Identity) { i.DisplayName = "Countess" },
		}
		told := make(chan error, len(edits))
		for _, edit := range edits {
			go func() {
				_, err := w.Directory.UpdateIdentity(t.Context(), w.Site, refOf(who), func(i *model.Identity) error { edit(i); return nil })
				told <- err
			}()
		}
		for range edits {
			if err := <-told; err != nil {
				t.Error(err)
			}
		}
		now, err := w.Directory.Identity(t.Context(), w.Site, who.ID)
		if err != nil || now.Version != 4 || now.DisplayName != "Countess" || now.Traits.GivenName != "Ada" || now.Traits.FamilyName != "Byron" {
			t.Errorf("got %+v, %v", now, err)
		}
	})
}

// errAway says that a part of the server did not answer.
var errAway = errors.New("away")

// failing are departures of which the first fails.
type failing struct{ left []model.IdentityID }

func (f *failing) Leave(_ context.Context, _ *model.Site, id model.IdentityID, _ string) error {
	if f.left = append(f.left, id); len(f.left) == 1 {
		return errAway
	}
	return nil
}

func (f *failing) StopManaging(context.Context, *model.Site, model.IdentityID, string) error {
	return nil
}

// Requirement: people-delete-again
func TestADeletionThatWasInterruptedStopsThePersonAndIsFinishedByTheNext(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		ends := &failing{}
		people := w.People(func(c *directory.Config) { c.Departures = ends })
		who := w.Person(t, w.Site, "ada")
		device := signintest.Software(t, w.Site)
		w.Bind(t, w.Site, who.ID, device)
		if err := people.DeleteIdentity(t.Context(), w.Site, refOf(who)); !errors.Is(err, errAway) {
			t.Fatalf("got %v, want what went wrong", err)
		}
		if _, err := w.TrySignIn(t, w.Site, device); err == nil {
			t.Error("half deleted, the person signs in")
		}
		if err := people.DeleteIdentity(t.Context(), w.Site, refOf(who)); err != nil {
			t.Fatal(err)
		}
		if _, err := people.Identity(t.Context(), w.Site, who.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("the person is there: %v", err)
		}
		if err := people.DeleteIdentity(t.Context(), w.Site, refOf(who)); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleted again: %v", err)
		}
		if len(ends.left) != 2 {
			t.Errorf("what hangs on the person was ended %d times, want 2", len(ends.left))
		}
		kinds := map[string]int{}
		for _, e := range w.Events(t, w.Site) {
			if e.Target == string(who.ID) {
				kinds[e.Type]++
			}
		}
		if kinds["identity.suspended"] != 1 || kinds["identity.deleted"] != 1 {
			t.Errorf("audited %v", kinds)
		}
	})
}

// A counted store counts what is asked about roles.
type counted struct {
	directory.Store
	asked int
}

func (c *counted) RoleNames(ctx context.Context, of directory.RolesOf, limit int) ([]string, error) {
	c.asked++
	return c.Store.RoleNames(ctx, of, limit)
}

func (c *counted) ResourcesWithRoles(ctx context.Context, realm model.RealmID) ([]string, error) {
	c.asked++
	return c.Store.ResourcesWithRoles(ctx, realm)
}

// Requirement: roles-free
func TestARealmWithoutRolesAsksTheDatabaseOnceAndHearsOfTheFirst(t *testing.T) {
	w := signintest.New(t)
	const resource = "https://api.example.com"
	site := *w.Site
	site.Realm.Policy.Resources = []model.ResourcePolicy{{Resource: resource}}
	var feed hub.Hub
	var db *counted
	people := w.People(func(c *directory.Config) {
		db = &counted{Store: c.Store}
		c.Store, c.Hub = db, &feed
	})
	who := w.Person(t, w.Site, "ada")
	names := func() []string {
		t.Helper()
		got, err := people.RoleNames(t.Context(), &site, who.ID, resource)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 100 {
		if got := names(); len(got) != 0 {
			t.Fatalf("got %v", got)
		}
	}
	if db.asked != 1 {
		t.Errorf("the database was asked %d times, want once", db.asked)
	}
	role, err := people.CreateRole(t.Context(), &site, model.Role{Resource: resource, Name: "owner"}, "")
	if err != nil {
		t.Fatal(err)
	}
	feed.Publish([]model.Change{{Topic: model.TopicRole, Key: string(site.Realm.ID)}}) // as the store does
	if err := people.AddRoleMember(t.Context(), &site, directory.Ref[model.RoleID]{ID: role.ID}, string(who.ID)); err != nil {
		t.Fatal(err)
	}
	if got := names(); !slices.Equal(got, []string{"owner"}) {
		t.Errorf("got %v", got)
	}
}
