package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

// person is somebody with a passkey.
type person struct {
	model.Identity
	device  signintest.Device
	passkey model.Passkey
}

func bound(t *testing.T, w *signintest.World, username string, d signintest.Device) person {
	t.Helper()
	identity := w.Person(t, w.Site, username)
	b := w.Bind(t, w.Site, identity.ID, d)
	return person{identity, d, b.Passkey}
}

func TestAPasskeyOpensASessionOfItsOwner(t *testing.T) {
	w := signintest.New(t)
	devices := map[string]signintest.Device{
		"software": signintest.Software(t, w.Site), "virtual": signintest.NewVirtual(w.Site)}
	for name, device := range devices {
		t.Run(name, func(t *testing.T) {
			alice := bound(t, w, "alice-"+name, device)
			in, err := w.TrySignIn(t, w.Site, device)
			if err != nil {
				t.Fatal(err)
			}
			session, identity, err := w.SignIn.Session(t.Context(), w.Site, in.Cookie)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(in.Session, session); diff != "" {
				t.Errorf("stored session (-returned +stored):\n%s", diff)
			}
			if identity.ID != alice.ID || session.PasskeyID != alice.passkey.ID || session.UserAgent != "Test/1" {
				t.Errorf("session %+v of %s", session, identity.ID)
			}
			if strings.Contains(string(session.Digest), in.Cookie) {
				t.Error("the cookie is stored")
			}
			last := w.Events(t, w.Site)
			if got := last[len(last)-1]; got.Type != "signin.succeeded" || got.Actor != string(alice.ID) {
				t.Errorf("last event is %s of %s", got.Type, got.Actor)
			}
		})
	}
}

func TestTheUseOfAPasskeyIsNoted(t *testing.T) {
	w := signintest.New(t)
	device := signintest.NewVirtual(w.Site)
	alice := bound(t, w, "alice", device)
	w.Clock.Advance(time.Hour)
	device.Credential.Counter = 7
	if _, err := w.TrySignIn(t, w.Site, device); err != nil {
		t.Fatal(err)
	}
	keys, err := w.Directory.Passkeys(t.Context(), w.Site, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := keys[0]; got.SignCount != 7 || got.LastUsedAt != model.MillisOf(w.Clock.Now()) {
		t.Errorf("count %d, last used %v", got.SignCount, got.LastUsedAt.Time())
	}
}

func TestOneCeremonySignsInOnce(t *testing.T) { signintest.Engines(t, oneCeremonySignsInOnce) }

func oneCeremonySignsInOnce(t *testing.T, w *signintest.World) {
	t.Helper()
	const contenders = 16
	alice := bound(t, w, "alice", signintest.Software(t, w.Site))
	answer := assert(t, w, w.Site, alice.device)
	errs := make([]error, contenders)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = w.SignIn.Finish(t.Context(), w.Site, answer) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, signin.ErrCeremony):
			t.Errorf("contender %d: got %v, want ErrCeremony", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d signed in, want 1", won)
	}
	if causes := w.Causes(t, w.Site); len(causes) != contenders-1 || causes[0] != signin.CauseReplayed {
		t.Errorf("audited %d refusals: %v", len(causes), causes)
	}
}

// assert begins a ceremony in a realm and answers it.
func assert(t *testing.T, w *signintest.World, site *model.Site, d signintest.Device) signin.Answer {
	t.Helper()
	c, err := w.SignIn.Begin(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	response, err := d.Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return signin.Answer{State: c.State, Response: response}
}

// A refusal is a sign-in that must fail for a cause.
type refusal struct {
	name string
	want signin.Cause
	act  func(*testing.T, *signintest.World) error
}

// strangers are refused for who they are.
var strangers = []refusal{
	{"a passkey that nobody has", signin.CauseUnknownPasskey, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		device := signintest.Software(t, w.Site)
		bob := w.Person(t, w.Other, "bob")
		if _, err := w.TryBind(t.Context(), w.Other, device, signintest.Attempt{Token: w.Token(t, w.Other, bob.ID)}); !errors.Is(err, directory.ErrSoftwarePasskey) {
			t.Fatal(err)
		}
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"a passkey of another realm of the host", signin.CauseElsewhere, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		bob := w.Person(t, w.Other, "bob")
		device := signintest.NewVirtual(w.Other)
		w.Bind(t, w.Other, bob.ID, device)
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"a revoked passkey", signin.CauseRevokedPasskey, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		alice := bound(t, w, "alice", signintest.Software(t, w.Site))
		ref := directory.PasskeyRef{IdentityID: alice.ID, PasskeyID: alice.passkey.ID}
		if err := w.Directory.RevokePasskey(t.Context(), w.Site, ref); err != nil {
			t.Fatal(err)
		}
		_, err := w.TrySignIn(t, w.Site, alice.device)
		return err
	}},
	{"a suspended person", signin.CauseSuspended, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		alice := bound(t, w, "alice", signintest.Software(t, w.Site))
		if _, err := w.Directory.Suspend(t.Context(), w.Site, alice.ID, ""); err != nil {
			t.Fatal(err)
		}
		_, err := w.TrySignIn(t, w.Site, alice.device)
		return err
	}},
	{"a disabled realm", signin.CauseRealmDisabled, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		alice := bound(t, w, "alice", signintest.Software(t, w.Site))
		disabled := *w.Site
		disabled.Realm.Status = model.RealmDisabled
		_, err := w.TrySignIn(t, &disabled, alice.device)
		return err
	}},
}

// forgeries are refused for what they bring.
var forgeries = []refusal{
	{"a software passkey where development is over", signin.CauseSoftware, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		alice := bound(t, w, "alice", signintest.Software(t, w.Site))
		strict := *w.Site
		strict.Realm.Policy.Development = false
		_, err := w.TrySignIn(t, &strict, alice.device)
		return err
	}},
	{"somebody else's user handle", signin.CauseOtherPerson, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		device := signintest.NewVirtual(w.Site)
		bound(t, w, "alice", device)
		device.Authenticator.Options.UserHandle = []byte(w.Person(t, w.Site, "mallory").ID)
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"another origin", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		device := signintest.NewVirtual(w.Site)
		bound(t, w, "alice", device)
		device.RP.Origin = "http://localhost:9999"
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"another relying party", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		device := signintest.NewVirtual(w.Site)
		bound(t, w, "alice", device)
		device.RP.ID = "evil.example"
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"no user verification", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		device := signintest.NewVirtual(w.Site)
		bound(t, w, "alice", device)
		device.Authenticator.Options.UserNotVerified = true
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"another key", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		device := signintest.NewVirtual(w.Site)
		bound(t, w, "alice", device)
		device.Credential.Key = signintest.NewVirtual(w.Site).Credential.Key
		_, err := w.TrySignIn(t, w.Site, device)
		return err
	}},
	{"a signature over the server's bare bytes", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		return signInOver(t, w, func(nonce []byte) []byte { return nonce })
	}},
	{"a signed decision", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		return signInOver(t, w, func([]byte) []byte { return decisionChallenge(t) })
	}},
	{"the challenge of another ceremony", signin.CauseAssertion, func(t *testing.T, w *signintest.World) error {
		t.Helper()
		alice := bound(t, w, "alice", signintest.Software(t, w.Site))
		first, second := assert(t, w, w.Site, alice.device), assert(t, w, w.Site, alice.device)
		first.State = second.State
		_, err := w.SignIn.Finish(t.Context(), w.Site, first)
		return err
	}},
}

// signInOver signs in with a challenge that is not what the page makes of the
// nonce.
func signInOver(t *testing.T, w *signintest.World, challenge func(nonce []byte) []byte) error {
	t.Helper()
	alice := bound(t, w, "alice", signintest.Software(t, w.Site))
	c, err := w.SignIn.Begin(t.Context(), w.Site)
	if err != nil {
		t.Fatal(err)
	}
	response, err := alice.device.Assert(challenge(signintest.Nonce(t, c.Options)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SignIn.Finish(t.Context(), w.Site, signin.Answer{State: c.State, Response: response})
	return err
}

// decisionChallenge is what an approver signs for a decision.
func decisionChallenge(t *testing.T) []byte {
	t.Helper()
	decision, err := evidence.Decision{Typ: evidence.DecisionType, Statement: evidence.Hash([]byte("statement")),
		Answer: evidence.Deny, At: 1_700_000_000}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	challenge := evidence.Challenge(decision)
	return challenge[:]
}

func TestRefusalsHaveTheirCauseInTheAuditTrail(t *testing.T) {
	for _, tt := range slices.Concat(strangers, forgeries) {
		t.Run(tt.name, func(t *testing.T) {
			w := signintest.New(t)
			err := tt.act(t, w)
			refused, ok := errors.AsType[*signin.Refused](err)
			if !ok || refused.Cause != tt.want {
				t.Errorf("got %v, want a refusal for %s", err, tt.want)
			}
			if diff := cmp.Diff([]signin.Cause{tt.want}, w.Causes(t, w.Site)); diff != "" {
				t.Errorf("audit trail (-want +got):\n%s", diff)
			}
		})
	}
}

func TestACounterThatDoesNotGrowIsACloneAndRefused(t *testing.T) {
	w := signintest.New(t)
	device := signintest.NewVirtual(w.Site)
	device.Credential.Counter = 5
	bound(t, w, "alice", device)
	tests := []struct {
		name  string
		count uint32
		want  signin.Cause // empty: signed in
	}{
		{"one more", 6, ""},
		{"the same again", 6, signin.CauseClone},
		{"back", 3, signin.CauseClone},
		{"back to none", 0, signin.CauseClone},
		{"forward again", 9, ""},
	}
	for _, tt := range tests {
		device.Credential.Counter = tt.count
		_, err := w.TrySignIn(t, w.Site, device)
		got := signin.Cause("")
		if refused, ok := errors.AsType[*signin.Refused](err); ok {
			got = refused.Cause
		} else if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestStatesThatAreNotOursOrTooOldBeginAgain(t *testing.T) {
	w := signintest.New(t)
	alice := bound(t, w, "alice", signintest.Software(t, w.Site))
	good := assert(t, w, w.Site, alice.device)
	old := assert(t, w, w.Site, alice.device)
	tests := []struct {
		name  string
		state string
		wait  time.Duration
	}{
		{"none", "", 0},
		{"not sealed", "AAAA", 0},
		{"of another realm", assert(t, w, w.Other, alice.device).State, 0},
		{"of a binding", bindingState(t, w), 0},
		{"too old to the millisecond", old.State, 10 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.Clock.Advance(tt.wait)
			answer := signin.Answer{State: tt.state, Response: good.Response}
			if _, err := w.SignIn.Finish(t.Context(), w.Site, answer); !errors.Is(err, signin.ErrCeremony) {
				t.Errorf("got %v, want ErrCeremony", err)
			}
		})
	}
}

func bindingState(t *testing.T, w *signintest.World) string {
	t.Helper()
	bob := w.Person(t, w.Site, "bob")
	c, err := w.Directory.BeginBinding(t.Context(), w.Site, w.Token(t, w.Site, bob.ID), directory.Proof{})
	if err != nil {
		t.Fatal(err)
	}
	return c.State
}

func TestTheSignInPageTellsNothingAboutPeople(t *testing.T) {
	w := signintest.New(t)
	bound(t, w, "alice", signintest.Software(t, w.Site))
	c, err := w.SignIn.Begin(t.Context(), w.Site)
	if err != nil {
		t.Fatal(err)
	}
	var options struct {
		RPID             string            `json:"rpId"`
		AllowCredentials []json.RawMessage `json:"allowCredentials"`
		UserVerification string            `json:"userVerification"`
	}
	if err := json.Unmarshal(c.Options, &options); err != nil {
		t.Fatal(err)
	}
	if len(options.AllowCredentials) != 0 || options.UserVerification != "required" || options.RPID != "localhost" {
		t.Errorf("got %+v", options)
	}
}

func TestStrangersCannotFillTheAuditTrail(t *testing.T) {
	w := signintest.New(t)
	device, err := passkey.NewSoftware(w.Site.RPID, w.Site.Origin)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := w.TrySignIn(t, w.Site, device); err == nil {
			t.Fatal("an unknown passkey signed in")
		}
	}
	if got := len(w.Causes(t, w.Site)); got == 0 || got > 60 {
		t.Errorf("%d refusals are in the audit trail, want 1 to 60", got)
	}
}

// downStore answers reads and fails every audit record: the refusal must stand.
type downStore struct{ signin.Store }

func (downStore) RecordEvents(context.Context, []model.Event) error { return model.ErrUnavailable }

func TestARefusalStandsWithoutAuditTrail(t *testing.T) {
	w := signintest.New(t)
	s := w.Service(t, downStore{w.Store})
	c, err := s.Begin(t.Context(), w.Site)
	if err != nil {
		t.Fatal(err)
	}
	response, err := signintest.Software(t, w.Site).Assert(signintest.Challenge(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Finish(t.Context(), w.Site, signin.Answer{State: c.State, Response: response})
	if _, ok := errors.AsType[*signin.Refused](err); !ok {
		t.Errorf("got %v, want a refusal", err)
	}
}
