package signin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// A life is what may happen to the passkeys of one person, and what must come of
// it.
type life struct {
	tb        testing.TB
	w         *signintest.World
	who       model.Identity
	keys      []*heldKey
	sessions  []*heldSession
	bindings  []heldBinding // links that are open in a browser
	answers   []heldAnswer  // sign-ins that are under way
	codes     []string
	suspended bool
}

type heldKey struct {
	device  *passkey.Software
	id      model.PasskeyID
	revoked bool
}

type heldSession struct {
	cookie string
	key    *heldKey
	dead   bool
}

type heldBinding struct {
	device   *passkey.Software
	proved   bool // somebody signed in opened it
	recovery bool
	over     bool // the person was suspended since, or what was proved was revoked
	by       model.PasskeyID
	answer   directory.BindingAnswer
}

type heldAnswer struct {
	key    *heldKey
	answer signin.Answer
}

// Requirement: passkeys-life
func TestNoOrderOfEventsLetsARevokedPasskeyOrASuspendedPersonIn(t *testing.T) {
	w := signintest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		l := &life{tb: t, w: w, who: w.Person(t, w.Site, "p"+ids.New("idn"))}
		rt.Repeat(map[string]func(*rapid.T){
			"open a link": l.openLink, "bind": l.bind, "touch": l.touch, "sign in": l.signIn, "rename": l.rename, "revoke": l.revoke,
			"suspend": l.suspend, "activate": l.activate, "make codes": l.makeCodes, "recover": l.recover, "": l.check,
		})
		for _, k := range l.keys {
			l.answers = append(l.answers, l.answer(rt, k))
		}
		for len(l.answers) > 0 {
			l.signIn(rt)
		}
		l.check(rt)
	})
}

// tick keeps events apart: what happens in one millisecond has no order.
func (l *life) tick() { l.w.Clock.Advance(time.Millisecond) }

func (l *life) good(k *heldKey) bool { return !k.revoked && !l.suspended }

// live is whether the person is signed in somewhere.
func (l *life) live() bool {
	return !l.suspended && slices.ContainsFunc(l.sessions, func(s *heldSession) bool { return !s.dead })
}

func (l *life) hasKey() bool {
	return slices.ContainsFunc(l.keys, func(k *heldKey) bool { return !k.revoked })
}

func expectError(t *rapid.T, doing string, got, want error) {
	if !errors.Is(got, want) {
		t.Fatalf("%s: got %v, want %v", doing, got, want)
	}
}

// openLink opens a link of the administration, signed in or not.
func (l *life) openLink(t *rapid.T) {
	l.tick()
	b, err := l.w.Directory.CreateBindingJob(t.Context(), l.w.Site, directory.NewBinding{IdentityID: l.who.ID})
	if err != nil {
		t.Fatalf("make a link: %v", err)
	}
	signedIn := l.live() && rapid.Bool().Draw(t, "signed in")
	var want error
	switch {
	case l.suspended:
		want = directory.ErrNotAllowed
	case len(l.keys) > 0 && !l.hasKey():
		want = directory.ErrRecoveryRequired
	case l.hasKey() && !signedIn:
		want = directory.ErrProofRequired
	}
	expectError(t, "open a link", l.open(t, b, signedIn), want)
}

// open opens a link and keeps the answer that a browser will bring.
func (l *life) open(t *rapid.T, b directory.Binding, signedIn bool) error {
	_, token, _ := strings.Cut(b.Link, "?token=")
	var who model.IdentityID
	if signedIn {
		who = l.who.ID
	}
	proof, err := l.w.ProofOf(t.Context(), l.w.Site, who)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.w.Directory.BeginBinding(t.Context(), l.w.Site, token, proof)
	if err != nil {
		return err
	}
	device, err := passkey.NewSoftware(l.w.Site.RPID, l.w.Site.Origin)
	if err != nil {
		t.Fatal(err)
	}
	response, err := device.Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	l.bindings = append(l.bindings, heldBinding{device: device, proved: signedIn,
		recovery: b.Job.Proof == model.ProofRecovery, by: proof.PasskeyID,
		answer: directory.BindingAnswer{State: c.State, Response: response, SignedIn: who}})
	return nil
}

// bind answers a link that was opened some time before.
func (l *life) bind(t *rapid.T) {
	if len(l.bindings) == 0 {
		t.Skip("no link is open")
	}
	l.tick()
	i := rapid.IntRange(0, len(l.bindings)-1).Draw(t, "link")
	b := l.bindings[i]
	l.bindings = slices.Delete(l.bindings, i, i+1)
	if b.proved && !l.live() { // the session is over, so the page does not know them
		b.answer.SignedIn = ""
	}
	bound, err := l.w.Directory.FinishBinding(t.Context(), l.w.Site, b.answer)
	if l.suspended && !errors.Is(err, directory.ErrNotAllowed) {
		expectError(t, "bind while suspended", err, directory.ErrLinkUnknown)
	}
	if err != nil {
		return // whether a link still works is another promise
	}
	switch {
	case l.suspended:
		t.Fatal("a suspended person bound a passkey")
	case b.recovery:
	case len(l.keys) > 0 && (!b.proved || b.over):
		t.Fatalf("whoever had a passkey bound another; proved %v, over %v", b.proved, b.over)
	}
	k := &heldKey{device: b.device, id: bound.Passkey.ID}
	l.keys = append(l.keys, k)
	l.sessions = append(l.sessions, &heldSession{cookie: bound.SessionCookie, key: k})
}

// touch makes an answer that is presented later.
func (l *life) touch(t *rapid.T) {
	if len(l.keys) == 0 {
		t.Skip("no passkey")
	}
	l.tick()
	l.answers = append(l.answers, l.answer(t, rapid.SampledFrom(l.keys).Draw(t, "passkey")))
}

func (l *life) answer(t *rapid.T, k *heldKey) heldAnswer {
	c, err := l.w.SignIn.Begin(t.Context(), l.w.Site)
	if err != nil {
		t.Fatal(err)
	}
	response, err := k.device.Assert(signintest.Challenge(l.tb, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return heldAnswer{k, signin.Answer{State: c.State, Response: response}}
}

func (l *life) signIn(t *rapid.T) {
	if len(l.answers) == 0 {
		t.Skip("no answer")
	}
	l.tick()
	i := rapid.IntRange(0, len(l.answers)-1).Draw(t, "answer")
	a := l.answers[i]
	l.answers = slices.Delete(l.answers, i, i+1)
	in, err := l.w.SignIn.Finish(t.Context(), l.w.Site, a.answer)
	if refused, ok := errors.AsType[*signin.Refused](err); err != nil && !ok {
		t.Fatalf("sign in: %v", err)
	} else if l.good(a.key) != (err == nil) {
		t.Fatalf("revoked %v, suspended %v: %v", a.key.revoked, l.suspended, refused)
	}
	if err == nil {
		l.sessions = append(l.sessions, &heldSession{cookie: in.Cookie, key: a.key})
	}
}

func (l *life) rename(t *rapid.T) {
	k, ref := l.sample(t)
	var want error
	if k.revoked {
		want = model.ErrNotFound
	}
	expectError(t, "rename", l.w.Directory.RenamePasskey(t.Context(), l.w.Site, ref, "Kitchen"), want)
}

func (l *life) revoke(t *rapid.T) {
	k, ref := l.sample(t)
	var want error
	if k.revoked {
		want = model.ErrNotFound
	}
	expectError(t, "revoke", l.w.Directory.RevokePasskey(t.Context(), l.w.Site, ref), want)
	k.revoked = true
	for _, s := range l.sessions {
		s.dead = s.dead || s.key == k
	}
	for i := range l.bindings {
		l.bindings[i].over = l.bindings[i].over || l.bindings[i].by == k.id
	}
}

func (l *life) sample(t *rapid.T) (*heldKey, directory.PasskeyRef) {
	if len(l.keys) == 0 {
		t.Skip("no passkey")
	}
	l.tick()
	k := rapid.SampledFrom(l.keys).Draw(t, "passkey")
	return k, directory.PasskeyRef{IdentityID: l.who.ID, PasskeyID: k.id}
}

func (l *life) suspend(t *rapid.T) {
	l.tick()
	_, err := l.w.Directory.Suspend(t.Context(), l.w.Site, l.who.ID, "")
	expectError(t, "suspend", err, nil)
	l.suspended = true
	for _, s := range l.sessions {
		s.dead = true
	}
	for i := range l.bindings {
		l.bindings[i].over = true
	}
}

func (l *life) activate(t *rapid.T) {
	l.tick()
	_, err := l.w.Directory.Activate(t.Context(), l.w.Site, l.who.ID, "")
	expectError(t, "activate", err, nil)
	l.suspended = false
}

func (l *life) makeCodes(t *rapid.T) {
	l.tick()
	codes, err := l.w.Directory.NewRecoveryCodes(t.Context(), l.w.Site, l.who.ID, string(l.who.ID))
	if _, often := errors.AsType[*directory.TooOftenError](err); often {
		return
	}
	expectError(t, "make codes", err, nil)
	l.codes = codes
}

// recover uses a code, and opens the link that comes of it.
func (l *life) recover(t *rapid.T) {
	if len(l.codes) == 0 {
		t.Skip("no code")
	}
	l.tick()
	code := l.codes[0]
	l.codes = l.codes[1:]
	b, err := l.w.Directory.Recover(t.Context(), l.w.Site, directory.RecoveryAnswer{Login: l.who.Traits.Username, Code: code, Address: "192.0.2.1"})
	if err != nil {
		return // too many tries, or suspended: nothing was given
	}
	if l.suspended {
		t.Fatal("a suspended person recovered")
	}
	expectError(t, "open the link of a recovery", l.open(t, b, false), nil)
}

// check holds what there is to what there should be.
func (l *life) check(t *rapid.T) {
	for _, s := range l.sessions {
		_, _, err := l.w.SignIn.Session(t.Context(), l.w.Site, s.cookie)
		if alive := !s.dead && !l.suspended; alive != (err == nil) {
			t.Fatalf("a session of %s (revoked %v, suspended %v, dead %v): %v", s.key.id, s.key.revoked, l.suspended, s.dead, err)
		}
	}
	var want, got []model.PasskeyID
	for _, k := range l.keys {
		if !k.revoked {
			want = append(want, k.id)
		}
	}
	keys, err := l.w.Directory.Passkeys(t.Context(), l.w.Site, l.who.ID)
	expectError(t, "list", err, nil)
	for _, k := range keys {
		got = append(got, k.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("passkeys (-want +got):\n%s", diff)
	}
}
