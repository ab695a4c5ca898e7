package directory_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// lose revokes every passkey of a person.
func lose(t *testing.T, d *directory.Service, w *signintest.World, id model.IdentityID) {
	t.Helper()
	keys, err := d.Passkeys(t.Context(), w.Site, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := d.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: id, PasskeyID: k.ID}); err != nil {
			t.Fatal(err)
		}
	}
}

func job(t *testing.T, w *signintest.World, n directory.NewBinding) directory.Binding {
	t.Helper()
	b, err := w.Directory.CreateBindingJob(t.Context(), w.Site, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whoever may make links and revoke passkeys must not come into an account by that.
//
// Requirement: binding-first, binding-revoked
func TestRevokingThePasskeysOfAPersonMakesNoLinkGoodWithoutAProof(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		alice := w.Person(t, w.Site, "alice")
		w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
		early := job(t, w, directory.NewBinding{IdentityID: alice.ID})
		lose(t, w.Directory, w, alice.ID)
		if err := follow(t, w, early); !errors.Is(err, directory.ErrLinkUnknown) {
			t.Errorf("a link from before: %v", err)
		}
		late := job(t, w, directory.NewBinding{IdentityID: alice.ID})
		if err := follow(t, w, late); !errors.Is(err, directory.ErrRecoveryRequired) {
			t.Errorf("a link from after: %v", err)
		}
		self, err := w.Directory.InviteSelf(t.Context(), w.Site, alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := follow(t, w, self); !errors.Is(err, directory.ErrRecoveryRequired) {
			t.Errorf("a link of their own: %v", err)
		}
		if keys, err := w.Directory.Passkeys(t.Context(), w.Site, alice.ID); err != nil || len(keys) != 0 {
			t.Fatalf("%d passkeys are bound, %v", len(keys), err)
		}
		if err := follow(t, w, job(t, w, directory.NewBinding{IdentityID: alice.ID, Recovery: true})); err != nil {
			t.Errorf("for recovery: %v", err)
		}
	})
}

// Requirement: binding-first
func TestALinkThatWasOpenBeforeThePasskeysWereRevokedBindsNothing(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		alice := w.Person(t, w.Site, "alice")
		open := job(t, w, directory.NewBinding{IdentityID: alice.ID})
		c, err := w.Directory.BeginBinding(t.Context(), w.Site, token(open.Link), directory.Proof{})
		if err != nil {
			t.Fatal(err)
		}
		w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
		lose(t, w.Directory, w, alice.ID)
		_, err = w.Directory.FinishBinding(t.Context(), w.Site, by(signintest.Software(t, w.Site))(t, c))
		if !errors.Is(err, directory.ErrLinkUnknown) {
			t.Errorf("got %v", err)
		}
	})
}

// Requirement: binding-self
func TestALinkThatAPersonMadeForThemselvesNeedsAProofEvenOfAFirstPasskey(t *testing.T) {
	w := signintest.New(t)
	alice := w.Person(t, w.Site, "alice")
	b, err := w.Directory.InviteSelf(t.Context(), w.Site, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := follow(t, w, b); !errors.Is(err, directory.ErrProofRequired) {
		t.Errorf("got %v", err)
	}
}

// Requirement: binding-proof-ends
func TestAProofEndsWithItsPasskeyAndWithTheSessionsOfItsPersonAndRealm(t *testing.T) {
	ends := map[string]func(*testing.T, *signintest.World, directory.Proof) error{
		"its passkey is revoked": func(t *testing.T, w *signintest.World, p directory.Proof) error {
			return w.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: p.IdentityID, PasskeyID: p.PasskeyID})
		},
		"suspended and active again": func(t *testing.T, w *signintest.World, p directory.Proof) error {
			_, err := w.Directory.Suspend(t.Context(), w.Site, p.IdentityID, "")
			_, again := w.Directory.Activate(t.Context(), w.Site, p.IdentityID, "")
			return errors.Join(err, again)
		},
		"every token of the realm is revoked": func(_ *testing.T, w *signintest.World, p directory.Proof) error {
			w.Site.Realm.TokensInvalidBefore = p.At
			return nil
		},
	}
	for name, end := range ends {
		for _, embedded := range []bool{false, true} {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				signintest.Engines(t, func(t *testing.T, w *signintest.World) { proofEnds(t, w, embedded, end) })
			})
		}
	}
}

func proofEnds(t *testing.T, w *signintest.World, embedded bool, end func(*testing.T, *signintest.World, directory.Proof) error) {
	t.Helper()
	ctx, place := t.Context(), *w.Site
	alice := w.Person(t, w.Site, "alice")
	w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
	proof := w.Proof(t, w.Site, alice.ID)
	// Another one stays, so that it is the proof that decides.
	w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
	d, id := w.Directory, model.AuthenticatorConfigID("")
	if embedded {
		known, config := shop(w, "shop.example")
		d, id = w.People(func(c *directory.Config) { c.Authenticators = known }), config
		place.Origin, place.RPID = "https://shop.example", "shop.example"
	}
	begin := func() (directory.BindingCeremony, error) {
		b, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, ConfigID: id})
		if err != nil {
			t.Fatal(err)
		}
		if embedded {
			return d.BeginEmbeddedBinding(ctx, w.Site, directory.EmbeddedOpening{Token: token(b.Link), Origin: place.Origin, Proof: proof})
		}
		return d.BeginBinding(ctx, w.Site, token(b.Link), proof)
	}
	c, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	a := by(signintest.Software(t, &place))(t, c)
	a.SignedIn = alice.ID
	if embedded {
		a.SignedIn, a.Origin = "", place.Origin
	}
	if err := end(t, w, proof); err != nil {
		t.Fatal(err)
	}
	if _, err := d.FinishBinding(ctx, w.Site, a); !errors.Is(err, directory.ErrProofRequired) && !errors.Is(err, directory.ErrLinkUnknown) {
		t.Errorf("finished with a proof that is over: %v", err)
	}
	if _, err := begin(); !errors.Is(err, directory.ErrProofRequired) {
		t.Errorf("began with a proof that is over: %v", err)
	}
}

// Requirement: mail-passkey-removed
func TestAPersonHearsThatAPasskeyWasRevokedWhoeverDidIt(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	alice := withAddress(t, w, "alice")
	for _, actor := range []string{"", string(alice.ID), "app_management"} {
		key := w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site)).Passkey
		w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
		notices(t, w)
		ref := directory.PasskeyRef{IdentityID: alice.ID, PasskeyID: key.ID, Actor: actor}
		if err := d.RevokePasskey(t.Context(), w.Site, ref); err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, n := range notices(t, w) {
			told = append(told, n.Kind+" "+n.Passkey)
		}
		if diff := cmp.Diff([]string{directory.NoticePasskeyGone + " " + key.Name}, told); diff != "" {
			t.Errorf("revoked by %q: told (-want +got):\n%s", actor, diff)
		}
		if err := d.RevokePasskey(t.Context(), w.Site, ref); !errors.Is(err, model.ErrNotFound) || len(notices(t, w)) != 0 {
			t.Errorf("again: %v", err)
		}
	}
}

// Requirement: admins-last-passkey
func TestTheLastAdminKeepsTheirLastPasskeyWhoeverTriesAtOnce(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		var refs []directory.PasskeyRef
		for _, name := range []string{"ada", "ben"} {
			who := w.Person(t, w.Site, name)
			key := w.Bind(t, w.Site, who.ID, signintest.Software(t, w.Site)).Passkey
			if _, err := w.Directory.SetAdmin(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: who.ID}, true); err != nil {
				t.Fatal(err)
			}
			refs = append(refs, directory.PasskeyRef{IdentityID: who.ID, PasskeyID: key.ID})
		}
		errs := make([]error, len(refs))
		var wg sync.WaitGroup
		for i := range refs {
			wg.Go(func() { errs[i] = w.Directory.RevokePasskey(t.Context(), w.Site, refs[i]) })
		}
		wg.Wait()
		left := 0
		for i, err := range errs {
			if errors.Is(err, directory.ErrLastAdmin) {
				left++
				refs = refs[i : i+1]
			} else if err != nil {
				t.Error(err)
			}
		}
		if left != 1 {
			t.Fatalf("%d admins were told that they are the last, want 1", left)
		}
		last := refs[0]
		for _, keep := range []bool{false, true} {
			last.KeepOne = keep
			if err := w.Directory.RevokePasskey(t.Context(), w.Site, last); !errors.Is(err, directory.ErrLastAdmin) {
				t.Errorf("keep one %t: %v", keep, err)
			}
		}
		w.Bind(t, w.Site, last.IdentityID, signintest.Software(t, w.Site))
		if err := w.Directory.RevokePasskey(t.Context(), w.Site, last); err != nil {
			t.Errorf("with another passkey: %v", err)
		}
	})
}

// Requirement: account-last-passkey
func TestOfTwoPasskeysThatAreRemovedAtOnceOneStays(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		alice := w.Person(t, w.Site, "alice")
		var refs []directory.PasskeyRef
		for range 2 {
			key := w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site)).Passkey
			refs = append(refs, directory.PasskeyRef{IdentityID: alice.ID, PasskeyID: key.ID, KeepOne: true})
		}
		errs := make([]error, len(refs))
		var wg sync.WaitGroup
		for i := range refs {
			wg.Go(func() { errs[i] = w.Directory.RevokePasskey(t.Context(), w.Site, refs[i]) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), directory.ErrLastPasskey) {
			t.Errorf("got %v", errs)
		}
	})
}

// Requirement: admins-first
func TestTheLinkOfAFirstAdminIsNoWayAroundPasskeysThatThereWere(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		t.Helper()
		first, err := w.Directory.FirstAdminLink(t.Context(), w.Site)
		if err != nil || first.Job.Proof != "" {
			t.Fatalf("got %+v, %v", first.Job, err)
		}
		if err := follow(t, w, first); err != nil {
			t.Fatal(err)
		}
		id := first.Job.IdentityID
		keys, err := w.Directory.Passkeys(t.Context(), w.Site, id)
		if err != nil {
			t.Fatal(err)
		}
		// As in a database from before the last admin kept a passkey.
		end := directory.PasskeyEnd{RealmID: w.Site.Realm.ID, IdentityID: id, ID: keys[0].ID, At: 1}
		if err := w.Store.RevokePasskey(t.Context(), end, model.Effects{}); err != nil {
			t.Fatal(err)
		}
		if again, err := w.Directory.FirstAdminLink(t.Context(), w.Site); !errors.Is(err, directory.ErrAdminsLost) || again.Link != "" {
			t.Errorf("a start made %+v, %v", again, err)
		}
		recovery, err := w.Directory.AdminLink(t.Context(), w.Site, id)
		if err != nil || recovery.Job.Proof != model.ProofRecovery {
			t.Fatalf("who lost theirs gets %+v, %v", recovery.Job, err)
		}
		if err := follow(t, w, recovery); err != nil {
			t.Error(err)
		}
	})
}
