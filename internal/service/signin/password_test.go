package signin_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/password"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

const secretPhrase = "seven brown kettles"

// takesPasswords is a world whose realm takes passwords, and where alice has one.
func takesPasswords(t *testing.T) (*signintest.World, model.Identity) {
	t.Helper()
	w := signintest.New(t)
	site := *w.Site
	site.Realm.Policy.Passwords = true
	w.Site = &site
	alice := w.Person(t, w.Site, "alice")
	setPassword(t, w, alice, secretPhrase)
	return w, alice
}

func setPassword(t *testing.T, w *signintest.World, who model.Identity, text string) {
	t.Helper()
	if _, err := w.SignIn.SetPassword(t.Context(), w.Site, signin.NewPassword{IdentityID: who.ID, Password: text}); err != nil {
		t.Fatal(err)
	}
}

func try(t *testing.T, w *signintest.World, login, text string) (signin.SignedIn, error) {
	t.Helper()
	return w.SignIn.SignInWithPassword(t.Context(), w.Site, signin.PasswordAnswer{Login: login, Password: text, Address: "192.0.2.7"})
}

func causeOf(err error) signin.Cause {
	if r, ok := errors.AsType[*signin.Refused](err); ok {
		return r.Cause
	}
	return ""
}

// Requirement: authorize-password
func TestAPasswordOpensASessionThatSaysSo(t *testing.T) {
	w, alice := takesPasswords(t)
	in, err := try(t, w, " ALICE ", secretPhrase)
	if err != nil {
		t.Fatal(err)
	}
	session, who, err := w.SignIn.Session(t.Context(), w.Site, in.Cookie)
	if err != nil || who.ID != alice.ID || session.PasskeyID != "" {
		t.Errorf("session %+v of %s: %v", session, who.ID, err)
	}
	kept, err := w.Store.Password(t.Context(), w.Site.Realm.ID, alice.ID)
	if err != nil || !strings.HasPrefix(kept.Hash, "$argon2id$") || kept.UsedAt != in.Session.AuthTime {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

// Requirement: authorize-password-off
func TestWithoutTheSwitchNoPasswordOpensAnything(t *testing.T) {
	w, _ := takesPasswords(t)
	in, err := try(t, w, "alice", secretPhrase)
	if err != nil {
		t.Fatal(err)
	}
	off := *w.Site
	off.Realm.Policy.Passwords = false
	if _, _, err := w.SignIn.Session(t.Context(), &off, in.Cookie); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("a session of a password lives on: %v", err)
	}
	w.Site = &off
	if _, err := try(t, w, "alice", secretPhrase); !errors.Is(err, signin.ErrPasswordsOff) {
		t.Errorf("got %v, want ErrPasswordsOff", err)
	}
}

// Requirement: authorize-password
func TestWrongPasswordsAndStrangersAreRefusedAlike(t *testing.T) {
	w, alice := takesPasswords(t)
	w.Person(t, w.Site, "bob") // has no password
	stopped := w.Person(t, w.Site, "mallory")
	setPassword(t, w, stopped, secretPhrase)
	if _, err := w.Directory.Suspend(t.Context(), w.Site, stopped.ID, ""); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, login, text string
		want              signin.Cause
	}{
		{"wrong", "alice", "seven brown kettleS", signin.CausePassword},
		{"empty", "alice", "", signin.CausePassword},
		{"with something behind", "alice", secretPhrase + " ", signin.CausePassword},
		{"of another realm", "nobody", secretPhrase, signin.CausePassword},
		{"nobody at all", "", secretPhrase, signin.CausePassword},
		{"no text", "a\x00b\xff", secretPhrase, signin.CausePassword},
		{"much too long", strings.Repeat("a", 5000), strings.Repeat("b", 5000), signin.CausePassword},
		{"no password", "bob", secretPhrase, signin.CausePassword},
		{"identity id", string(alice.ID), secretPhrase, signin.CausePassword},
		{"suspended", "mallory", secretPhrase, signin.CauseSuspended},
	}
	for _, tt := range tests {
		if in, err := try(t, w, tt.login, tt.text); causeOf(err) != tt.want || in.Cookie != "" {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	for _, e := range w.Events(t, w.Site) {
		if strings.Contains(string(e.Data), "kettle") {
			t.Errorf("the audit trail holds a password: %s", e.Data)
		}
	}
}

// Known and unknown persons take as long: both are compared with a hash.
//
// Requirement: authorize-password
func TestStrangersTakeAsLongAsPeople(t *testing.T) {
	w, _ := takesPasswords(t)
	least := func(login string) time.Duration {
		best := time.Hour
		for range 4 {
			start := time.Now()
			if _, err := try(t, w, login, "not the right one"); causeOf(err) != signin.CausePassword {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	known, unknown := least("alice"), least("nobody")
	if known > 3*unknown || unknown > 3*known {
		t.Errorf("alice takes %v, nobody %v", known, unknown)
	}
}

// Requirement: authorize-password
func TestWrongPasswordsMakeTheNextWaitAndTheRightOneToo(t *testing.T) {
	for _, login := range []string{"alice", "nobody"} {
		w, _ := takesPasswords(t)
		for i := range 5 {
			if _, err := try(t, w, login, "not the right one"); causeOf(err) != signin.CausePassword {
				t.Fatalf("%s, try %d: %v", login, i, err)
			}
		}
		_, err := try(t, w, login, secretPhrase)
		tries, ok := errors.AsType[*signin.TriesError](err)
		if !ok || tries.Wait <= 0 || tries.Wait > 2*time.Second {
			t.Fatalf("%s: the sixth gets %v", login, err)
		}
		w.Clock.Advance(tries.Wait)
		_, _ = try(t, w, login, "not the right one")
		_, err = try(t, w, login, secretPhrase)
		if more, ok := errors.AsType[*signin.TriesError](err); !ok || more.Wait <= tries.Wait {
			t.Errorf("%s: the wait does not grow: %v", login, err)
		}
	}
}

func TestTheRightPasswordEndsTheWaiting(t *testing.T) {
	w, _ := takesPasswords(t)
	for range 3 {
		for range 4 {
			_, _ = try(t, w, "alice", "not the right one")
		}
		if _, err := try(t, w, "alice", secretPhrase); err != nil {
			t.Fatal(err)
		}
	}
}

// Requirement: authorize-password
func TestAnAddressThatFailsTooOftenWaitsWhoeverItNames(t *testing.T) {
	w, _ := takesPasswords(t)
	const most = 6 // a comparison takes long
	w.SignIn = w.Configured(func(c *signin.Config) { c.AddressTries = most })
	for i := range most {
		if _, err := try(t, w, strings.Repeat("x", i+1), "not the right one"); causeOf(err) != signin.CausePassword {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if _, err := try(t, w, "alice", secretPhrase); !errors.As(err, new(*signin.TriesError)) {
		t.Fatalf("the next, of somebody else: %v", err)
	}
	_, err := w.SignIn.SignInWithPassword(t.Context(), w.Site, signin.PasswordAnswer{Login: "alice", Password: secretPhrase, Address: "192.0.2.8"})
	if err != nil {
		t.Errorf("another address waits too: %v", err)
	}
}

func TestAFloodOfPasswordsIsTurnedAwayAndNobodyWaitsForEver(t *testing.T) {
	w, _ := takesPasswords(t)
	var wg sync.WaitGroup
	results := make(chan error, 60)
	for i := range 60 {
		wg.Go(func() {
			_, err := w.SignIn.SignInWithPassword(t.Context(), w.Site, signin.PasswordAnswer{Login: strings.Repeat("x", i+1), Address: strings.Repeat("y", i+1)})
			results <- err
		})
	}
	wg.Wait()
	close(results)
	busy := 0
	for err := range results {
		if errors.Is(err, signin.ErrBusy) {
			busy++
		} else if causeOf(err) != signin.CausePassword {
			t.Error(err)
		}
	}
	if busy == 0 || busy == 60 {
		t.Errorf("%d of 60 were turned away", busy)
	}
	if _, err := try(t, w, "alice", secretPhrase); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAHashAtOldCostsIsMadeAnewAtSignIn(t *testing.T) {
	w, alice := takesPasswords(t)
	const old = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	row := model.Password{RealmID: w.Site.Realm.ID, IdentityID: alice.ID, Hash: old, SetAt: 1}
	if err := w.Store.SetPassword(t.Context(), row, model.Effects{}); err != nil {
		t.Fatal(err)
	}
	if _, err := try(t, w, "alice", "password"); err != nil {
		t.Fatal(err)
	}
	kept, err := w.Store.Password(t.Context(), w.Site.Realm.ID, alice.ID)
	if err != nil || kept.Hash == old || kept.SetAt != 1 {
		t.Fatalf("kept %+v, %v", kept, err)
	}
	if ok, stale, err := password.Matches(kept.Hash, "password"); !ok || stale || err != nil {
		t.Errorf("the new hash: %t, stale %t, %v", ok, stale, err)
	}
}

func TestANewPasswordEndsWhatTheOldOneOpenedAndNothingElse(t *testing.T) {
	w, alice := takesPasswords(t)
	device := signintest.Software(t, w.Site)
	w.Bind(t, w.Site, alice.ID, device)
	byPasskey, err := w.TrySignIn(t, w.Site, device)
	if err != nil {
		t.Fatal(err)
	}
	byPassword, err := try(t, w, "alice", secretPhrase)
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Second)
	setPassword(t, w, alice, "nine green ladders")
	if alive(t, w, byPassword.Cookie) || !alive(t, w, byPasskey.Cookie) {
		t.Error("the wrong session is over")
	}
	if _, err := try(t, w, "alice", secretPhrase); causeOf(err) != signin.CausePassword {
		t.Errorf("the old password: %v", err)
	}
	n := signin.NewPassword{IdentityID: alice.ID}
	if err := w.SignIn.RemovePassword(t.Context(), w.Site, n); err != nil {
		t.Fatal(err)
	}
	if _, err := try(t, w, "alice", "nine green ladders"); causeOf(err) != signin.CausePassword {
		t.Errorf("a password that was removed: %v", err)
	}
	if err := w.SignIn.RemovePassword(t.Context(), w.Site, n); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestWhoSignsInAgainWithThePasskeyKeepsTheSession(t *testing.T) {
	w, alice := takesPasswords(t)
	device := signintest.Software(t, w.Site)
	bound := w.Bind(t, w.Site, alice.ID, device)
	before, err := try(t, w, "alice", secretPhrase)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.SignIn.Begin(t.Context(), w.Site)
	if err != nil {
		t.Fatal(err)
	}
	response, err := device.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	after, err := w.SignIn.Finish(t.Context(), w.Site, signin.Answer{State: c.State, Response: response, Cookie: before.Cookie})
	if err != nil {
		t.Fatal(err)
	}
	if after.Session.ID != before.Session.ID || after.Session.PasskeyID != bound.Passkey.ID || alive(t, w, before.Cookie) {
		t.Errorf("before %s, after %+v", before.Session.ID, after.Session)
	}
	setPassword(t, w, alice, "nine green ladders")
	if alive(t, w, after.Cookie) {
		t.Error("what the old password opened lives on under a passkey")
	}
}

func TestAPasswordThatIsMadeIsLongAndTaken(t *testing.T) {
	w, alice := takesPasswords(t)
	made, err := w.SignIn.SetPassword(t.Context(), w.Site, signin.NewPassword{IdentityID: alice.ID})
	if err != nil || len(made) < 25 {
		t.Fatalf("made %d characters: %v", len(made), err)
	}
	if _, err := try(t, w, "alice", made); err != nil {
		t.Error(err)
	}
	for _, weak := range []string{"short", "passwordpassword", "alicealicealice"} {
		_, err := w.SignIn.SetPassword(t.Context(), w.Site, signin.NewPassword{IdentityID: alice.ID, Password: weak})
		if !errors.As(err, new(*signin.WeakError)) {
			t.Errorf("%q: %v", weak, err)
		}
	}
	if _, err := w.SignIn.SetPassword(t.Context(), w.Other, signin.NewPassword{IdentityID: alice.ID}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a person of another realm: %v", err)
	}
}
