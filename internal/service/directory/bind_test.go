package directory_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

func TestBindingSignsThatTheKeyIsThePersons(t *testing.T) {
	w := signintest.New(t)
	alice := w.Person(t, w.Site, "alice")
	bound := w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))

	verified, err := w.Keys.Verify(t.Context(), w.Site, bound.Passkey.Binding)
	if err != nil {
		t.Fatalf("verify binding: %v", err)
	}
	if got := verified.Header; got.Typ != evidence.BindingHeaderType || got.Alg != jose.EdDSA {
		t.Errorf("got header %+v", got)
	}
	var got evidence.BindingClaims
	if err := json.Unmarshal(verified.Payload, &got); err != nil {
		t.Fatal(err)
	}
	want := evidence.BindingClaims{Typ: evidence.BindingType, Iss: w.Site.Issuer, Sub: string(alice.ID),
		CredentialID: bound.Passkey.CredentialID, PublicKey: bound.Passkey.PublicKey,
		AAGUID: evidence.SoftwareAAGUID, RPID: "localhost", Iat: w.Clock.Now().Unix()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	stored, err := w.Directory.Passkeys(t.Context(), w.Site, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]model.Passkey{bound.Passkey}, stored); diff != "" {
		t.Errorf("stored passkeys (-want +got):\n%s", diff)
	}
}

func TestBindingSignsThePersonInAndIsAudited(t *testing.T) {
	w := signintest.New(t)
	alice := w.Person(t, w.Site, "alice")
	bound := w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))

	session, identity, err := w.SignIn.Session(t.Context(), w.Site, bound.SessionCookie)
	if err != nil {
		t.Fatalf("session of the cookie: %v", err)
	}
	if identity.ID != alice.ID || session.PasskeyID != bound.Passkey.ID {
		t.Errorf("signed in as %s with %s", identity.ID, session.PasskeyID)
	}
	if bound.ReturnTo != "/approver/" {
		t.Errorf("goes on to %q", bound.ReturnTo)
	}
	want := []string{"identity.created", "binding_job.created", "binding_job.opened",
		"binding_job.completed", "passkey.bound", "session.started"}
	var got []string
	for _, e := range w.Events(t, w.Site) {
		if slices.Contains(want, e.Type) {
			got = append(got, e.Type)
		}
		if strings.Contains(string(e.Data), bound.SessionCookie) {
			t.Errorf("event %s holds the session cookie", e.Type)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit trail (-want +got):\n%s", diff)
	}
}

func TestTwoBrowsersWithOneLinkBindOnePasskey(t *testing.T) {
	signintest.Engines(t, twoBrowsersWithOneLinkBindOnePasskey)
}

func twoBrowsersWithOneLinkBindOnePasskey(t *testing.T, w *signintest.World) {
	t.Helper()
	const contenders = 16
	alice := w.Person(t, w.Site, "alice")
	token := w.Token(t, w.Site, alice.ID)
	answers := make([]directory.BindingAnswer, contenders)
	for i := range answers {
		c, err := w.Directory.BeginBinding(t.Context(), w.Site, token, directory.Proof{})
		if err != nil {
			t.Fatalf("open the link in browser %d: %v", i, err)
		}
		response, err := signintest.Software(t, w.Site).Create(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		answers[i] = directory.BindingAnswer{State: c.State, Response: response}
	}
	errs := make([]error, contenders)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { _, errs[i] = w.Directory.FinishBinding(t.Context(), w.Site, answers[i]) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, directory.ErrLinkUsed):
			t.Errorf("browser %d: got %v, want ErrLinkUsed", i, err)
		}
	}
	keys, err := w.Directory.Passkeys(t.Context(), w.Site, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if won != 1 || len(keys) != 1 {
		t.Errorf("%d browsers won and %d passkeys are bound, want one of each", won, len(keys))
	}
}

func TestTwoLinksOfOnePersonBindOnePasskeyWithoutProof(t *testing.T) {
	signintest.Engines(t, twoLinksOfOnePersonBindOnePasskeyWithoutProof)
}

func twoLinksOfOnePersonBindOnePasskeyWithoutProof(t *testing.T, w *signintest.World) {
	t.Helper()
	alice := w.Person(t, w.Site, "alice")
	var answers []directory.BindingAnswer
	for range 8 {
		c, err := w.Directory.BeginBinding(t.Context(), w.Site, w.Token(t, w.Site, alice.ID), directory.Proof{})
		if err != nil {
			t.Fatal(err)
		}
		response, err := signintest.Software(t, w.Site).Create(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, directory.BindingAnswer{State: c.State, Response: response})
	}
	errs := make([]error, len(answers))
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { _, errs[i] = w.Directory.FinishBinding(t.Context(), w.Site, answers[i]) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, directory.ErrProofRequired):
			t.Errorf("link %d: got %v, want ErrProofRequired", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d links bound a passkey, want 1: the others needed a proof by then", won)
	}
}

func TestLinksThatCannotBeUsedSayWhy(t *testing.T) {
	signintest.Engines(t, linksThatCannotBeUsedSayWhy)
}

func linksThatCannotBeUsedSayWhy(t *testing.T, w *signintest.World) {
	t.Helper()
	ctx := t.Context()
	alice := w.Person(t, w.Site, "alice")
	bob := w.Person(t, w.Other, "bob")
	used := w.Token(t, w.Site, alice.ID)
	device := signintest.Software(t, w.Site)
	if _, err := w.TryBind(ctx, w.Site, device, signintest.Attempt{Token: used}); err != nil {
		t.Fatal(err)
	}
	revoked, err := w.Directory.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Directory.RevokeBindingJob(ctx, w.Site, revoked.Job.ID, ""); err != nil {
		t.Fatal(err)
	}
	short, err := w.Directory.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	foreign := w.Token(t, w.Other, bob.ID)
	w.Clock.Advance(time.Minute)

	tests := []struct {
		name, token string
		want        error
	}{
		{"used", used, directory.ErrLinkUsed},
		{"taken back", token(revoked.Link), directory.ErrLinkUnknown},
		{"expired to the millisecond", token(short.Link), directory.ErrLinkExpired},
		{"of another realm", foreign, directory.ErrLinkUnknown},
		{"never made", strings.Repeat("A", 43), directory.ErrLinkUnknown},
		{"empty", "", directory.ErrLinkUnknown},
		{"cut", used[:42], directory.ErrLinkUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Directory.BeginBinding(ctx, w.Site, tt.token, w.Proof(t, w.Site, alice.ID))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func token(link string) string {
	_, token, _ := strings.Cut(link, "?token=")
	return token
}

func TestALinkThatEndsWhileThePageIsOpenBindsNothing(t *testing.T) {
	tests := []struct {
		name string
		end  func(*testing.T, *signintest.World, directory.Binding)
		want error
	}{
		{"taken back", func(t *testing.T, w *signintest.World, b directory.Binding) {
			if err := w.Directory.RevokeBindingJob(t.Context(), w.Site, b.Job.ID, ""); err != nil {
				t.Fatal(err)
			}
		}, directory.ErrLinkUnknown},
		{"expired", func(_ *testing.T, w *signintest.World, _ directory.Binding) {
			w.Clock.Advance(5 * time.Minute)
		}, directory.ErrLinkExpired},
		{"page waited too long", func(_ *testing.T, w *signintest.World, _ directory.Binding) {
			w.Clock.Advance(10 * time.Minute)
		}, directory.ErrCeremony},
		{"person suspended", func(t *testing.T, w *signintest.World, b directory.Binding) {
			if _, err := w.Directory.Suspend(t.Context(), w.Site, b.Job.IdentityID, ""); err != nil {
				t.Fatal(err)
			}
		}, directory.ErrNotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := signintest.New(t)
			alice := w.Person(t, w.Site, "alice")
			b, err := w.Directory.CreateBindingJob(t.Context(), w.Site,
				directory.NewBinding{IdentityID: alice.ID, Lifetime: 5 * time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			c, err := w.Directory.BeginBinding(t.Context(), w.Site, token(b.Link), directory.Proof{})
			if err != nil {
				t.Fatal(err)
			}
			response, err := signintest.Software(t, w.Site).Create(c.Options)
			if err != nil {
				t.Fatal(err)
			}
			tt.end(t, w, b)
			_, err = w.Directory.FinishBinding(t.Context(), w.Site, directory.BindingAnswer{State: c.State, Response: response})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			keys, err := w.Directory.Passkeys(t.Context(), w.Site, alice.ID)
			if err != nil || len(keys) != 0 {
				t.Errorf("%d passkeys are bound (%v), want none", len(keys), err)
			}
		})
	}
}

func TestAnotherPasskeyNeedsProofOfOneThatThePersonHas(t *testing.T) {
	w := signintest.New(t)
	ctx := t.Context()
	alice, mallory := w.Person(t, w.Site, "alice"), w.Person(t, w.Site, "mallory")
	first := w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
	second := w.Token(t, w.Site, alice.ID)

	for name, signedIn := range map[string]model.IdentityID{"nobody": "", "somebody else": mallory.ID} {
		_, err := w.TryBind(ctx, w.Site, signintest.Software(t, w.Site), signintest.Attempt{Token: second, SignedIn: signedIn})
		if !errors.Is(err, directory.ErrProofRequired) {
			t.Errorf("%s signed in: got %v, want ErrProofRequired", name, err)
		}
	}
	c, err := w.Directory.BeginBinding(ctx, w.Site, second, w.Proof(t, w.Site, alice.ID))
	if err != nil {
		t.Fatalf("alice signed in: %v", err)
	}
	if !strings.Contains(string(c.Options), encoded(first.Passkey.CredentialID)) {
		t.Errorf("the browser is not told of the passkey that is there: %s", c.Options)
	}
	response, err := signintest.Software(t, w.Site).Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	answer := directory.BindingAnswer{State: c.State, Response: response}
	if _, err := w.Directory.FinishBinding(ctx, w.Site, answer); !errors.Is(err, directory.ErrProofRequired) {
		t.Errorf("signed out meanwhile: got %v, want ErrProofRequired", err)
	}
	answer.SignedIn = alice.ID
	if _, err := w.Directory.FinishBinding(ctx, w.Site, answer); err != nil {
		t.Errorf("still signed in: %v", err)
	}
}

func encoded(id []byte) string {
	text, _ := evidence.Bytes(id).MarshalText()
	return string(text)
}

func TestAnswersThatProveNothingBindNothing(t *testing.T) {
	w := signintest.New(t)
	ctx := t.Context()
	tests := []struct {
		name   string
		site   *model.Site
		answer func(*testing.T, directory.BindingCeremony) directory.BindingAnswer
		want   error
	}{
		{"made on another origin", w.Site, by(deviceOf(t, "localhost", "http://localhost:9999")), directory.ErrPasskeyInvalid},
		{"made for another challenge", w.Site, func(t *testing.T, c directory.BindingCeremony) directory.BindingAnswer {
			bob := w.Person(t, w.Site, "bob")
			other, err := w.Directory.BeginBinding(ctx, w.Site, w.Token(t, w.Site, bob.ID), directory.Proof{})
			if err != nil {
				t.Fatal(err)
			}
			a := by(signintest.Software(t, w.Site))(t, other)
			a.State = c.State
			return a
		}, directory.ErrPasskeyInvalid},
		{"no passkey at all", w.Site, func(_ *testing.T, c directory.BindingCeremony) directory.BindingAnswer {
			return directory.BindingAnswer{State: c.State, Response: []byte(`{}`)}
		}, directory.ErrPasskeyInvalid},
		{"state of another realm", w.Site, func(t *testing.T, _ directory.BindingCeremony) directory.BindingAnswer {
			bob := w.Person(t, w.Other, "bob")
			c, err := w.Directory.BeginBinding(ctx, w.Other, w.Token(t, w.Other, bob.ID), directory.Proof{})
			if err != nil {
				t.Fatal(err)
			}
			return by(signintest.Software(t, w.Site))(t, c)
		}, directory.ErrCeremony},
		{"altered state", w.Site, func(t *testing.T, c directory.BindingCeremony) directory.BindingAnswer {
			last := "A"
			if strings.HasSuffix(c.State, last) {
				last = "Q"
			}
			c.State = c.State[:len(c.State)-1] + last
			return by(signintest.Software(t, w.Site))(t, c)
		}, directory.ErrCeremony},
		{"software in a strict realm", w.Other, by(signintest.Software(t, w.Other)), directory.ErrSoftwarePasskey},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			person := w.Person(t, tt.site, "carol"+string(rune('a'+i)))
			c, err := w.Directory.BeginBinding(ctx, tt.site, w.Token(t, tt.site, person.ID), directory.Proof{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Directory.FinishBinding(ctx, tt.site, tt.answer(t, c))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			keys, err := w.Directory.Passkeys(ctx, tt.site, person.ID)
			if err != nil || len(keys) != 0 {
				t.Errorf("%d passkeys are bound (%v), want none", len(keys), err)
			}
		})
	}
}

func deviceOf(t *testing.T, rpID, origin string) signintest.Device {
	t.Helper()
	device, err := passkey.NewSoftware(rpID, origin)
	if err != nil {
		t.Fatal(err)
	}
	return device
}

func by(d signintest.Device) func(*testing.T, directory.BindingCeremony) directory.BindingAnswer {
	return func(t *testing.T, c directory.BindingCeremony) directory.BindingAnswer {
		t.Helper()
		response, err := d.Create(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		return directory.BindingAnswer{State: c.State, Response: response}
	}
}

func TestAForeignAuthenticatorBindsInAStrictRealm(t *testing.T) {
	w := signintest.New(t)
	bob := w.Person(t, w.Other, "bob")
	bound := w.Bind(t, w.Other, bob.ID, signintest.NewVirtual(w.Other))
	if bound.ReturnTo != "/realms/blue/approver/" {
		t.Errorf("goes on to %q", bound.ReturnTo)
	}
	if _, err := w.Keys.Verify(t.Context(), w.Other, bound.Passkey.Binding); err != nil {
		t.Errorf("binding: %v", err)
	}
}

func TestOnePasskeyIsNotBoundTwiceInARealm(t *testing.T) {
	w := signintest.New(t)
	alice, bob := w.Person(t, w.Site, "alice"), w.Person(t, w.Site, "bob")
	device := signintest.Software(t, w.Site)
	w.Bind(t, w.Site, alice.ID, device)
	_, err := w.TryBind(t.Context(), w.Site, device, signintest.Attempt{Token: w.Token(t, w.Site, bob.ID)})
	if !errors.Is(err, directory.ErrPasskeyTaken) {
		t.Errorf("got %v, want ErrPasskeyTaken", err)
	}
}

func TestLinksHaveALifeWithinBoundsAndLeadNowhereElse(t *testing.T) {
	w := signintest.New(t)
	alice := w.Person(t, w.Other, "alice")
	tests := []struct {
		name string
		job  directory.NewBinding
		want string // field of the refusal; empty: accepted
	}{
		{"default", directory.NewBinding{}, ""},
		{"a minute", directory.NewBinding{Lifetime: time.Minute}, ""},
		{"less than a minute", directory.NewBinding{Lifetime: time.Minute - 1}, "lifetime"},
		{"30 days", directory.NewBinding{Lifetime: 30 * 24 * time.Hour}, ""},
		{"more than 30 days", directory.NewBinding{Lifetime: 30*24*time.Hour + 1}, "lifetime"},
		{"back in time", directory.NewBinding{Lifetime: -time.Hour}, "lifetime"},
		{"to a path of the realm", directory.NewBinding{RedirectURI: "/realms/blue/approver/history"}, ""},
		{"to another realm", directory.NewBinding{RedirectURI: "/realms/red/approver/"}, "post_binding_redirect_uri"},
		{"elsewhere", directory.NewBinding{RedirectURI: "https://evil.example/"}, "post_binding_redirect_uri"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.job.IdentityID = alice.ID
			b, err := w.Directory.CreateBindingJob(t.Context(), w.Other, tt.job)
			field := ""
			if invalid, ok := errors.AsType[*directory.InvalidError](err); ok {
				field = invalid.Field
			} else if err != nil {
				t.Fatal(err)
			}
			if field != tt.want {
				t.Errorf("got refusal of %q, want of %q", field, tt.want)
			}
			if err == nil && !strings.HasPrefix(b.Link, "http://localhost:8420/realms/blue/bind?token=") {
				t.Errorf("link %q", b.Link)
			}
		})
	}
}

func TestALinkNeedsAPersonOfTheRealm(t *testing.T) {
	w := signintest.New(t)
	bob := w.Person(t, w.Other, "bob")
	_, err := w.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: bob.ID})
	if !errors.Is(err, model.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
