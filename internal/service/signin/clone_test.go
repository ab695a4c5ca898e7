package signin_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// A suspicion is what the audit trail says of a passkey that may exist twice.
type suspicion struct {
	Target           string
	Identity, During string
	Stored, Shown    uint32
}

func suspicions(t *testing.T, w *signintest.World) []suspicion {
	t.Helper()
	var list []suspicion
	for _, e := range w.Events(t, w.Site) {
		if e.Type != "passkey.clone_suspected" {
			continue
		}
		s := suspicion{Target: e.Target}
		if err := json.Unmarshal(e.Data, &s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// Requirement: passkeys-clone
func TestASuspectedCopyIsInTheAuditTrailWithBothCounters(t *testing.T) {
	signintest.Engines(t, copyIsAudited)
}

func copyIsAudited(t *testing.T, w *signintest.World) {
	t.Helper()
	device := signintest.NewVirtual(w.Site)
	device.Credential.Counter = 5
	alice := bound(t, w, "alice", device)
	w.Clock.Advance(time.Minute)
	stolen := *device
	device.Credential.Counter = 8
	if _, err := w.TrySignIn(t, w.Site, device); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	stolen.Credential.Counter = 6
	if _, err := w.TrySignIn(t, w.Site, &stolen); refusedFor(t, err) != signin.CauseClone {
		t.Errorf("the copy: %v", err)
	}
	want := []suspicion{{string(alice.passkey.ID), string(alice.ID), "signin", 8, 6}}
	if diff := cmp.Diff(want, suspicions(t, w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A refusal changes nothing: the passkey itself goes on.
	device.Credential.Counter = 9
	if _, err := w.TrySignIn(t, w.Site, device); err != nil {
		t.Errorf("the passkey itself: %v", err)
	}
}

// Many authenticators, those that synchronise above all, never count (Web
// Authentication Level 3, Section 6.1.1).
func TestAPasskeyThatDoesNotCountIsNeverACopy(t *testing.T) {
	w := signintest.New(t)
	device := signintest.NewVirtual(w.Site)
	bound(t, w, "alice", device)
	for range 5 {
		w.Clock.Advance(time.Second)
		if _, err := w.TrySignIn(t, w.Site, device); err != nil {
			t.Fatal(err)
		}
	}
	if got := suspicions(t, w); len(got) != 0 {
		t.Errorf("suspected: %+v", got)
	}
}

// Answers of one authenticator that are under way at once arrive in any order.
//
// Requirement: passkeys-clone
func TestAnswersThatOvertakeEachOtherAreNoCopy(t *testing.T) { signintest.Engines(t, overtaking) }

func overtaking(t *testing.T, w *signintest.World) {
	t.Helper()
	const many = 12
	device := signintest.NewVirtual(w.Site)
	device.Credential.Counter = 1
	alice := bound(t, w, "alice", device)
	w.Clock.Advance(time.Second)
	answers := make([]signin.Answer, many)
	for i := range answers {
		device.Credential.Counter++
		answers[i] = assert(t, w, w.Site, device)
	}
	w.Clock.Advance(time.Second)
	errs := make([]error, many)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { _, errs[i] = w.SignIn.Finish(t.Context(), w.Site, answers[i]) })
	}
	wg.Wait()
	for i, err := range errs {
		if got := refusedFor(t, err); got != "" && got != signin.CauseOvertaken {
			t.Errorf("answer %d: %q", i, got)
		}
	}
	if errs[many-1] != nil {
		t.Errorf("the newest: %v", errs[many-1])
	}
	if got := suspicions(t, w); len(got) != 0 {
		t.Errorf("suspected: %+v", got)
	}
	keys, err := w.Directory.Passkeys(t.Context(), w.Site, alice.ID)
	if err != nil || keys[0].SignCount != many+1 {
		t.Errorf("the counter is %d, %v; want %d", keys[0].SignCount, err, many+1)
	}
	late := assert(t, w, w.Site, device) // begins after all of them, with a counter of before
	if _, err := w.SignIn.Finish(t.Context(), w.Site, late); refusedFor(t, err) != signin.CauseClone {
		t.Errorf("one that began later: %v", err)
	}
}
