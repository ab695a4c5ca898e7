package directory_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

func codesOf(t *testing.T, w *signintest.World, d *directory.Service, id model.IdentityID) []string {
	t.Helper()
	codes, err := d.NewRecoveryCodes(t.Context(), w.Site, id, string(id))
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

// Requirement: recovery-codes
func TestARecoveryCodeLetsItsPersonBindAPasskeyWithoutAProof(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	ctx, alice := t.Context(), withAddress(t, w, "alice")
	w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
	codes := codesOf(t, w, d, alice.ID)
	shape := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`)
	seen := map[string]bool{}
	for _, c := range codes {
		if !shape.MatchString(c) || seen[c] {
			t.Errorf("code %s", c)
		}
		seen[c] = true
	}
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	b, err := d.Recover(ctx, w.Site, directory.RecoveryAnswer{Login: "Alice@Example.com", Code: codes[3], Address: "192.0.2.7", UserAgent: "Test/1"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Job.DeliveryMethod != model.DeliverSelf || b.Job.Proof != model.ProofRecovery || b.Job.ExpiresAt != b.Job.CreatedAt.Add(10*time.Minute) {
		t.Errorf("job %+v", b.Job)
	}
	if _, err := w.TryBind(ctx, w.Site, signintest.Software(t, w.Site), signintest.Attempt{Token: token(b.Link)}); err != nil {
		t.Errorf("bind: %v", err)
	}
	state, err := d.RecoveryCodes(ctx, w.Site, alice.ID)
	if err != nil || state != (directory.RecoveryState{Left: 9, Total: 10, CreatedAt: model.MillisOf(w.Clock.Now())}) {
		t.Errorf("left %+v, %v", state, err)
	}
	told := notices(t, w)
	if len(told) != 2 || told[0].Kind != directory.NoticeCodesMade || told[1].Kind != directory.NoticeRecoveryUsed {
		t.Errorf("told %+v", told)
	}
	audited := map[string]bool{}
	for _, e := range w.Events(t, w.Site) {
		audited[e.Type] = true
		for _, c := range codes {
			if strings.Contains(string(e.Data), c) || strings.Contains(string(e.Data), strings.ReplaceAll(c, "-", "")) {
				t.Errorf("%s holds a code: %s", e.Type, e.Data)
			}
		}
	}
	if !audited["recovery_codes.created"] || !audited["recovery_code.used"] {
		t.Errorf("audited: %v", audited)
	}
}

func TestARecoveryCodeIsReadHoweverItIsTyped(t *testing.T) {
	w := signintest.New(t)
	alice := w.Person(t, w.Site, "alice")
	codes := codesOf(t, w, w.Directory, alice.ID)
	typed := []func(string) string{
		strings.ToLower,
		func(c string) string { return strings.ReplaceAll(c, "-", "") },
		func(c string) string { return "  " + strings.ReplaceAll(c, "-", " ") + "\t" },
		func(c string) string { return strings.ReplaceAll(c, "-", "\u2013") },
		func(c string) string { return strings.NewReplacer("0", "o", "1", "l").Replace(c) },
		func(c string) string { return strings.NewReplacer("0", "O", "1", "I").Replace(c) },
	}
	for i, as := range typed {
		if _, err := w.Directory.Recover(t.Context(), w.Site, directory.RecoveryAnswer{Login: "alice", Code: as(codes[i])}); err != nil {
			t.Errorf("%q: %v", as(codes[i]), err)
		}
	}
}

func TestWhatIsWrongWithARecoveryCodeNobodyLearns(t *testing.T) {
	w := signintest.New(t)
	ctx := t.Context()
	alice, bob, carol := w.Person(t, w.Site, "alice"), w.Person(t, w.Site, "bob"), w.Person(t, w.Site, "carol")
	w.Person(t, w.Site, "dave")
	used, old := codesOf(t, w, w.Directory, bob.ID)[0], codesOf(t, w, w.Directory, alice.ID)[0]
	mine := codesOf(t, w, w.Directory, alice.ID)[0]
	theirs := codesOf(t, w, w.Directory, carol.ID)[0]
	if _, err := w.Directory.Recover(ctx, w.Site, directory.RecoveryAnswer{Login: "bob", Code: used}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Directory.Suspend(ctx, w.Site, carol.ID, ""); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]directory.RecoveryAnswer{
		"nobody":           {Login: "eve", Code: mine},
		"nothing":          {},
		"no codes":         {Login: "dave", Code: mine},
		"another's code":   {Login: "bob", Code: mine},
		"a used one":       {Login: "bob", Code: used},
		"one before":       {Login: "alice", Code: old},
		"too short":        {Login: "alice", Code: mine[:18]},
		"too long":         {Login: "alice", Code: mine + "A"},
		"a U":              {Login: "alice", Code: "UUUU-UUUU-UUUU-UUUU"},
		"much":             {Login: "alice", Code: strings.Repeat("A", 1<<20)},
		"a suspended one":  {Login: "carol", Code: theirs},
		"an odd character": {Login: "alice", Code: mine[:18] + "é"},
	} {
		if b, err := w.Directory.Recover(ctx, w.Site, a); !errors.Is(err, directory.ErrRecovery) || b.Link != "" {
			t.Errorf("%s: %v, %q", name, err, b.Link)
		}
	}
	if _, err := w.Directory.Recover(ctx, w.Other, directory.RecoveryAnswer{Login: "alice", Code: mine}); !errors.Is(err, directory.ErrRecovery) {
		t.Errorf("in another realm: %v", err)
	}
	refused := 0
	for _, e := range w.Events(t, w.Site) {
		if e.Type == "recovery_code.refused" {
			refused++
		}
	}
	if refused != 12 {
		t.Errorf("%d refusals were audited, want 12", refused)
	}
	if _, err := w.Directory.Recover(ctx, w.Site, directory.RecoveryAnswer{Login: "alice", Code: mine}); err != nil {
		t.Errorf("hers still works: %v", err)
	}
	if err := w.Directory.RemoveRecoveryCodes(ctx, w.Site, alice.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.Directory.RemoveRecoveryCodes(ctx, w.Site, alice.ID, ""); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("take away again: %v", err)
	}
}

// Requirement: recovery-once
func TestOfSixteenWhoBringOneRecoveryCodeOneGetsALink(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		alice := w.Person(t, w.Site, "alice")
		code := codesOf(t, w, w.Directory, alice.ID)[0]
		errs := make([]error, 16)
		var wg sync.WaitGroup
		for i := range errs {
			people := w.People(func(*directory.Config) {}) // each a node with limits of its own
			wg.Go(func() {
				_, errs[i] = people.Recover(t.Context(), w.Site, directory.RecoveryAnswer{Login: "alice", Code: code})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, directory.ErrRecovery):
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d won, want 1", won)
		}
		state, err := w.Directory.RecoveryCodes(t.Context(), w.Site, alice.ID)
		if err != nil || state.Left != 9 {
			t.Errorf("%d are left, %v", state.Left, err)
		}
	})
}

func TestTwoWhoMakeRecoveryCodesAtOnceLeaveTen(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		alice := w.Person(t, w.Site, "alice")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := w.Directory.NewRecoveryCodes(t.Context(), w.Site, alice.ID, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		state, err := w.Directory.RecoveryCodes(t.Context(), w.Site, alice.ID)
		if err != nil || state.Total != 10 {
			t.Errorf("%d codes, %v, want 10", state.Total, err)
		}
	})
}

// Requirement: recovery-limits
func TestTooManyRecoveryCodesFromOneNetworkAreRefusedAlikeForStrangers(t *testing.T) {
	w := signintest.New(t)
	alice := w.Person(t, w.Site, "alice")
	code := codesOf(t, w, w.Directory, alice.ID)[0]
	try := func(login, place, code string) error {
		_, err := w.Directory.Recover(t.Context(), w.Site, directory.RecoveryAnswer{Login: login, Code: code, Address: place})
		return err
	}
	tries := func(login, place func(int) string) int {
		for i := range 100 {
			err := try(login(i), place(i), "0")
			if e, ok := errors.AsType[*directory.TriesError](err); ok {
				if e.Wait <= 0 || e.Wait > 15*time.Minute {
					t.Errorf("wait %s", e.Wait)
				}
				return i
			}
			if !errors.Is(err, directory.ErrRecovery) {
				t.Fatal(err)
			}
		}
		return 100
	}
	always := func(s string) func(int) string { return func(int) string { return s } }
	many := func(prefix string) func(int) string {
		return func(i int) string { return prefix + string(rune('0'+i/10)) + string(rune('0'+i%10)) }
	}
	// Names of one person share no count: whose count is shared tells that both are theirs.
	for i, login := range []string{"alice", "nobody", string(alice.ID), "alice@example.com"} {
		if n := tries(always(login), always("192.0.2."+string(rune('1'+i)))); n != 10 {
			t.Errorf("%s was tried %d times from one network", login, n)
		}
		if n := tries(always(login), many("198.51.100.1")); n != 100 {
			t.Errorf("strangers kept %s out after %d tries", login, n)
		}
	}
	if n := tries(many("user"), always("203.0.113.9")); n != 30 {
		t.Errorf("a network tried %d times", n)
	}
	if err := try("alice", "203.0.113.77", code); err != nil {
		t.Errorf("she is kept out by strangers: %v", err)
	}
	w.Clock.Advance(15 * time.Minute)
	if n := tries(always("ALICE "), always("192.0.2.1")); n != 10 {
		t.Errorf("later she was tried %d times", n)
	}
}

func TestARealmTakesOnlySoManyRecoveryCodesWhereverTheyComeFrom(t *testing.T) {
	w := signintest.New(t)
	try, refused := directory.RecoveryTries(), 0
	for i := range 6100 {
		err := try(w.Site, directory.RecoveryAnswer{Login: "nobody", Address: fmt.Sprintf("10.%d.%d.1", i/250, i%250)}, w.Clock.Now())
		if _, ok := errors.AsType[*directory.TriesError](err); ok {
			refused++
		}
	}
	if refused != 100 {
		t.Errorf("%d of 6100 were refused", refused)
	}
	if err := try(w.Other, directory.RecoveryAnswer{Login: "nobody", Address: "192.0.2.1"}, w.Clock.Now()); err != nil {
		t.Errorf("in another realm: %v", err)
	}
}
