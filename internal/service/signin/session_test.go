package signin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// signedIn is a world in which somebody has just signed in.
func signedIn(t *testing.T) (*signintest.World, signin.SignedIn) {
	t.Helper()
	w := signintest.New(t)
	alice := bound(t, w, "alice", signintest.Software(t, w.Site))
	in, err := w.TrySignIn(t, w.Site, alice.device)
	if err != nil {
		t.Fatal(err)
	}
	return w, in
}

func alive(t *testing.T, w *signintest.World, cookie string) bool {
	t.Helper()
	_, _, err := w.SignIn.Session(t.Context(), w.Site, cookie)
	if err != nil && !errors.Is(err, signin.ErrNoSession) {
		t.Fatal(err)
	}
	return err == nil
}

func TestASessionDiesOfIdleness(t *testing.T) {
	w, in := signedIn(t)
	w.Clock.Advance(12*time.Hour - time.Millisecond)
	if !alive(t, w, in.Cookie) {
		t.Fatal("dead a moment before its time")
	}
	w.Clock.Advance(12*time.Hour - time.Millisecond)
	if !alive(t, w, in.Cookie) {
		t.Fatal("its use did not keep it alive")
	}
	w.Clock.Advance(12 * time.Hour)
	if alive(t, w, in.Cookie) {
		t.Error("alive after 12 hours without use")
	}
}

func TestASessionDiesOfAgeHoweverMuchItIsUsed(t *testing.T) {
	w, in := signedIn(t)
	for range 30*24/6 - 1 {
		w.Clock.Advance(6 * time.Hour)
		if !alive(t, w, in.Cookie) {
			t.Fatalf("dead at %v", w.Clock.Now())
		}
	}
	w.Clock.Advance(6*time.Hour - time.Millisecond)
	if !alive(t, w, in.Cookie) {
		t.Fatal("dead a moment before its time")
	}
	w.Clock.Advance(time.Millisecond)
	if alive(t, w, in.Cookie) {
		t.Error("alive after 30 days")
	}
}

// touchCounter counts what a session writes.
type touchCounter struct {
	signin.Store
	touches int
}

func (c *touchCounter) TouchSession(ctx context.Context, realm model.RealmID, id model.SessionID, seen, idle model.Millis) error {
	c.touches++
	return c.Store.TouchSession(ctx, realm, id, seen, idle)
}

func TestUseIsWrittenDownAtMostOnceAMinute(t *testing.T) {
	w, in := signedIn(t)
	counter := &touchCounter{Store: w.Store}
	s := w.Service(t, counter)
	for i := range 180 { // three minutes of a request a second
		if _, _, err := s.Session(t.Context(), w.Site, in.Cookie); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		w.Clock.Advance(time.Second)
	}
	if counter.touches != 2 {
		t.Errorf("wrote %d times, want 2", counter.touches)
	}
}

func TestSigningOutEndsTheSessionOnce(t *testing.T) {
	w, in := signedIn(t)
	for range 2 {
		if err := w.SignIn.SignOut(t.Context(), w.Site, in.Cookie); err != nil {
			t.Fatal(err)
		}
	}
	if alive(t, w, in.Cookie) {
		t.Error("the session lives on")
	}
	ended := 0
	for _, e := range w.Events(t, w.Site) {
		if e.Type == "session.ended" {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("%d session.ended events, want 1", ended)
	}
}

func TestCookiesThatOpenNothing(t *testing.T) {
	w, in := signedIn(t)
	last := "A"
	if strings.HasSuffix(in.Cookie, last) {
		last = "B"
	}
	tests := []struct {
		name, cookie string
		site         *model.Site
	}{
		{"none", "", w.Site},
		{"altered", in.Cookie[:42] + last, w.Site},
		{"cut", in.Cookie[:42], w.Site},
		{"the digest itself", string(in.Session.Digest), w.Site},
		{"of another realm", in.Cookie, w.Other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := w.SignIn.Session(t.Context(), tt.site, tt.cookie); !errors.Is(err, signin.ErrNoSession) {
				t.Errorf("got %v, want ErrNoSession", err)
			}
			if err := w.SignIn.SignOut(t.Context(), tt.site, tt.cookie); err != nil {
				t.Errorf("sign out: %v", err)
			}
		})
	}
	if !alive(t, w, in.Cookie) {
		t.Error("a wrong cookie ended the session")
	}
}

func TestSessionsDieWithTheRealm(t *testing.T) {
	w, in := signedIn(t)
	disabled, revoked := *w.Site, *w.Site
	disabled.Realm.Status = model.RealmDisabled
	revoked.Realm.TokensInvalidBefore = in.Session.AuthTime + 1
	for name, site := range map[string]*model.Site{"disabled": &disabled, "everything revoked": &revoked} {
		if _, _, err := w.SignIn.Session(t.Context(), site, in.Cookie); !errors.Is(err, signin.ErrNoSession) {
			t.Errorf("%s: got %v, want ErrNoSession", name, err)
		}
	}
	if !alive(t, w, in.Cookie) {
		t.Error("the session of the realm as it is died too")
	}
}

// lostCommit does what it is told and then loses the connection.
type lostCommit struct{ signin.Store }

func (s lostCommit) SignIn(ctx context.Context, once model.Once, ses model.Session, use model.PasskeyUse, fx model.Effects) error {
	if err := s.Store.SignIn(ctx, once, ses, use, fx); err != nil {
		return err
	}
	return model.ErrCommitUnknown
}

func TestASignInWhoseCommitIsUnknownIsReadBack(t *testing.T) {
	w := signintest.New(t)
	alice := bound(t, w, "alice", signintest.Software(t, w.Site))
	s := w.Service(t, lostCommit{w.Store})
	c, err := s.Begin(t.Context(), w.Site)
	if err != nil {
		t.Fatal(err)
	}
	response, err := alice.device.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.Finish(t.Context(), w.Site, signin.Answer{State: c.State, Response: response})
	if err != nil {
		t.Fatalf("the session is there, but: %v", err)
	}
	if !alive(t, w, in.Cookie) {
		t.Error("the session is not there")
	}
}

func TestForeignUserAgentsAreCutToWhatCanBeSeen(t *testing.T) {
	w := signintest.New(t)
	_, session := w.SignIn.NewSession(model.Session{UserAgent: "Moz\x1b[31milla\u202e" + strings.Repeat("x", 1000)})
	if want := "Moz[31milla"; !strings.HasPrefix(session.UserAgent, want) || len(session.UserAgent) != 256 {
		t.Errorf("got %d bytes: %q", len(session.UserAgent), session.UserAgent[:20])
	}
}
