package approval_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

// still holds that a refusal changed nothing.
func (w *world) still(t *testing.T, id model.ApprovalID) {
	t.Helper()
	a := w.read(t, id)
	if a.State != model.ApprovalPending || len(a.Evidence) != 0 || a.EndedAt != 0 {
		t.Errorf("a refused decision left %s, evidence %q", a.State, a.Evidence)
	}
	if diff := cmp.Diff(map[string]int{"approval.asked": 1}, w.trail(t, id)); diff != "" {
		t.Errorf("a refused decision left events: %s", diff)
	}
}

// What is signed is good; what it says is not what was asked.
func TestADecisionAnswersExactlyWhatWasAsked(t *testing.T) {
	w := newWorld(t)
	other := w.asked(t, evidence.Action{BindingMessage: "Something else"})
	tests := []struct {
		name   string
		answer string
		change func(*evidence.Decision)
		want   string
	}{
		{"as asked", evidence.Approve, func(*evidence.Decision) {}, ""},
		{"another statement", evidence.Approve, func(d *evidence.Decision) { d.Statement = string(other.StatementHash) }, "decision"},
		{"a no to another statement", evidence.Deny, func(d *evidence.Decision) { d.Statement = string(other.StatementHash) }, "decision"},
		{"no statement", evidence.Approve, func(d *evidence.Decision) { d.Statement = "" }, "decision"},
		{"wrong typ", evidence.Approve, func(d *evidence.Decision) { d.Typ = "assent.decision.v2" }, "decision"},
		{"typ of a statement", evidence.Approve, func(d *evidence.Decision) { d.Typ = evidence.StatementType }, "decision"},
		{"neither yes nor no", evidence.Approve, func(d *evidence.Decision) { d.Answer = "maybe" }, "decision"},
		{"61 s early", evidence.Approve, func(d *evidence.Decision) { d.At -= 61 }, "decision"},
		{"60 s early", evidence.Approve, func(d *evidence.Decision) { d.At -= 60 }, ""},
		{"61 s late", evidence.Approve, func(d *evidence.Decision) { d.At += 61 }, "decision"},
		{"60 s late", evidence.Approve, func(d *evidence.Decision) { d.At += 60 }, ""},
		{"at no time", evidence.Approve, func(d *evidence.Decision) { d.At = 0 }, "decision"},
		{"after the end", evidence.Approve, func(d *evidence.Decision) { d.At += 301 }, "decision"},
		{"grants nothing", evidence.Approve, func(d *evidence.Decision) { d.Granted = nil }, "decision"},
		{"a no that grants", evidence.Deny, func(d *evidence.Decision) { a := action(); d.Granted = &a }, "decision"},
		{"wider scope", evidence.Approve, func(d *evidence.Decision) { d.Granted.Scope += " admin" }, "decision"},
		{"a scope twice", evidence.Approve, func(d *evidence.Decision) { d.Granted.Scope = "read read" }, "decision"},
		{"another message", evidence.Approve, func(d *evidence.Decision) { d.Granted.BindingMessage = "Deploy v3" }, "decision"},
		{"no message", evidence.Approve, func(d *evidence.Decision) { d.Granted.BindingMessage = "" }, "decision"},
		{"another resource", evidence.Approve, func(d *evidence.Decision) { d.Granted.Resource[1] = "https://evil.example" }, "decision"},
		{"one more resource", evidence.Approve, func(d *evidence.Decision) {
			d.Granted.Resource = append(d.Granted.Resource, "https://evil.example")
		}, "decision"},
		{"other details", evidence.Approve, func(d *evidence.Decision) {
			d.Granted.AuthorizationDetails[1] = json.RawMessage(`{"type":"assent_action","command":["./deploy.sh"]}`)
		}, "decision"},
		{"details twice", evidence.Approve, func(d *evidence.Decision) {
			d.Granted.AuthorizationDetails[1] = d.Granted.AuthorizationDetails[0]
		}, "decision"},
		{"details spelled otherwise", evidence.Approve, func(d *evidence.Decision) {
			d.Granted.AuthorizationDetails[0] = json.RawMessage(`{ "details": {"service":"\u0061pi"}, "type":"assent_action" }`)
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := w.asked(t, action())
			d := w.decision(t, a, tt.answer)
			tt.change(&d)
			got, err := w.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, d, w.device))
			if refused := refusedAs(t, err); refused != tt.want {
				t.Fatalf("refused as %q (%v), want %q", refused, err, tt.want)
			}
			if tt.want != "" {
				w.still(t, a.ID)
				return
			}
			if v := w.verified(t, got); got.State != model.ApprovalApproved || v.Outcome != evidence.Approved {
				t.Errorf("got %s, evidence of %s", got.State, v.Outcome)
			}
		})
	}
}

func TestADecisionIsReadStrictly(t *testing.T) {
	w := newWorld(t)
	a := w.asked(t, action())
	good := string(signed(t, w.decision(t, a, evidence.Deny), w.device).Decision)
	for name, raw := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "a string": `"deny"`, "cut short": good[:len(good)-1], "with more behind": good + "{}",
		"an unknown member": strings.Replace(good, `"answer"`, `"note":"x","answer"`, 1),
		"a member twice":    strings.Replace(good, `"answer":"deny"`, `"answer":"deny","answer":"approve"`, 1),
		"another spelling":  strings.Replace(good, `"answer"`, `"Answer"`, 1),
		"a time as text":    strings.Replace(good, `"at":`, `"at":"1","x":`, 1),
		"half a character":  strings.Replace(good, `"deny"`, `"deny\ud800"`, 1),
	} {
		_, err := w.Decide(t.Context(), w.Site, w.person, a.ID, approval.Answer{Decision: json.RawMessage(raw)})
		if got := refusedAs(t, err); got != "decision" {
			t.Errorf("%s: refused as %q (%v)", name, got, err)
		}
		w.still(t, a.ID)
	}
}

// from is the world's passkey as it would answer a page of another origin.
func from(t *testing.T, device signintest.Device, member, value string) *passkey.Software {
	t.Helper()
	raw, err := device.(*passkey.Software).Marshal()
	check(t, err)
	var stored map[string]any
	check(t, json.Unmarshal(raw, &stored))
	if _, ok := stored[member]; !ok {
		t.Fatalf("the stored passkey has no %s: %v", member, stored)
	}
	stored[member] = value
	raw, err = json.Marshal(stored)
	check(t, err)
	altered, err := passkey.ParseSoftware(raw)
	check(t, err)
	return altered
}

func TestAYesNeedsThePersonsOwnPasskeyOverExactlyThisDecision(t *testing.T) {
	w := newWorld(t)
	colleague := w.World.Person(t, w.Site, "kim")
	kims, unknown, revoked := signintest.Software(t, w.Site), signintest.Software(t, w.Site), signintest.Software(t, w.Site)
	w.Bind(t, w.Site, colleague.ID, kims)
	bound := w.Bind(t, w.Site, w.person.ID, revoked)
	check(t, w.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: w.person.ID, PasskeyID: bound.Passkey.ID}))
	unverified, absent := signintest.NewVirtual(w.Site), signintest.NewVirtual(w.Site)
	w.Bind(t, w.Site, w.person.ID, unverified)
	w.Bind(t, w.Site, w.person.ID, absent)
	unverified.Authenticator.Options.UserNotVerified = true
	absent.Authenticator.Options.UserNotPresent = true
	over := func(a model.Approval, d evidence.Decision, signedInstead evidence.Decision) approval.Answer {
		ans := signed(t, signedInstead, w.device)
		ans.Decision = signed(t, d, w.device).Decision
		return ans
	}
	tests := []struct {
		name string
		ans  func(a model.Approval, d evidence.Decision) approval.Answer
		want string
	}{
		{"their own", func(_ model.Approval, d evidence.Decision) approval.Answer { return signed(t, d, w.device) }, ""},
		{"none", func(_ model.Approval, d evidence.Decision) approval.Answer {
			return approval.Answer{Decision: signed(t, d, w.device).Decision}
		}, "passkey"},
		{"another person's", func(_ model.Approval, d evidence.Decision) approval.Answer { return signed(t, d, kims) }, "passkey"},
		{"one that nobody bound", func(_ model.Approval, d evidence.Decision) approval.Answer { return signed(t, d, unknown) }, "passkey"},
		{"one that was revoked", func(_ model.Approval, d evidence.Decision) approval.Answer { return signed(t, d, revoked) }, "passkey"},
		{"without user verification", func(_ model.Approval, d evidence.Decision) approval.Answer { return signed(t, d, unverified) }, "passkey"},
		{"without user presence", func(_ model.Approval, d evidence.Decision) approval.Answer { return signed(t, d, absent) }, "passkey"},
		{"on a page of another origin", func(_ model.Approval, d evidence.Decision) approval.Answer {
			return signed(t, d, from(t, w.device, "origin", "http://localhost:8421"))
		}, "passkey"},
		{"for another relying party", func(_ model.Approval, d evidence.Decision) approval.Answer {
			return signed(t, d, from(t, w.device, "rp_id", "evil.example"))
		}, "passkey"},
		{"over a no", func(a model.Approval, d evidence.Decision) approval.Answer {
			return over(a, d, w.decision(t, a, evidence.Deny))
		}, "passkey"},
		{"over less", func(a model.Approval, d evidence.Decision) approval.Answer {
			less := w.decision(t, a, evidence.Approve)
			less.Granted.Scope = "read"
			return over(a, d, less)
		}, "passkey"},
		{"over another approval", func(a model.Approval, d evidence.Decision) approval.Answer {
			return over(a, d, w.decision(t, w.asked(t, action()), evidence.Approve))
		}, "passkey"},
		{"over the statement's hash", func(a model.Approval, d evidence.Decision) approval.Answer {
			challenge := evidence.Challenge(a.Statement)
			assertion, err := w.device.Assert(challenge[:])
			check(t, err)
			return approval.Answer{Decision: signed(t, d, w.device).Decision, Assertion: assertion}
		}, "passkey"},
		{"garbage", func(_ model.Approval, d evidence.Decision) approval.Answer {
			return approval.Answer{Decision: signed(t, d, w.device).Decision, Assertion: json.RawMessage(`{"id":"x"}`)}
		}, "passkey"},
		{"a no with another person's", func(a model.Approval, _ evidence.Decision) approval.Answer {
			return signed(t, w.decision(t, a, evidence.Deny), kims)
		}, "passkey"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := w.asked(t, action())
			_, err := w.Decide(t.Context(), w.Site, w.person, a.ID, tt.ans(a, w.decision(t, a, evidence.Approve)))
			if got := refusedAs(t, err); got != tt.want {
				t.Fatalf("refused as %q (%v), want %q", got, err, tt.want)
			}
			if tt.want != "" {
				w.still(t, a.ID)
			}
		})
	}
}

// WebAuthn Level 3, Section 6.1.1: a counter that does not grow says that there
// are two of it.
func TestAPasskeyWhoseCounterGoesBackIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	counting := signintest.NewVirtual(w.Site)
	counting.Credential.Counter = 5
	w.Bind(t, w.Site, w.person.ID, counting)
	for _, step := range []struct {
		counter uint32
		want    string
	}{{6, ""}, {6, "passkey"}, {5, "passkey"}, {7, ""}} {
		a := w.asked(t, action())
		counting.Credential.Counter = step.counter
		_, err := w.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, w.decision(t, a, evidence.Approve), counting))
		if got := refusedAs(t, err); got != step.want {
			t.Errorf("counter %d: refused as %q (%v), want %q", step.counter, got, err, step.want)
		}
	}
}

func TestOnlyThePersonAskedDecides(t *testing.T) {
	w := newWorld(t)
	colleague := w.World.Person(t, w.Site, "kim")
	kims := signintest.Software(t, w.Site)
	w.Bind(t, w.Site, colleague.ID, kims)
	a := w.asked(t, action())
	yes := w.decision(t, a, evidence.Approve)
	_, err := w.Decide(t.Context(), w.Site, colleague, a.ID, signed(t, yes, kims))
	if got := refusedAs(t, err); got != model.ErrNotFound.Error() {
		t.Errorf("a colleague: %v", err)
	}
	stranger := w.person
	stranger.RealmID = w.Other.Realm.ID
	if _, err := w.Decide(t.Context(), w.Other, stranger, a.ID, signed(t, yes, w.device)); refusedAs(t, err) != model.ErrNotFound.Error() {
		t.Errorf("in another realm: %v", err)
	}
	suspended := w.person
	suspended.Status = model.IdentitySuspended
	if _, err := w.Decide(t.Context(), w.Site, suspended, a.ID, signed(t, yes, w.device)); refusedAs(t, err) != "identity not active" {
		t.Errorf("suspended: %v", err)
	}
	check(t, w.Realms.SetStatus(t.Context(), w.Site.Realm.ID, model.RealmDisabled, "op"))
	later := w.service(w.Store) // with a gate that remembers nothing
	if _, err := later.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, yes, w.device)); refusedAs(t, err) != "realm disabled" {
		t.Errorf("in a disabled realm: %v", err)
	}
	w.still(t, a.ID)
}

func TestLessThanWasAskedMayBeGranted(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name   string
		narrow func(*evidence.Action)
	}{
		{"everything", func(*evidence.Action) {}},
		{"one scope", func(a *evidence.Action) { a.Scope = "read" }},
		{"no scope", func(a *evidence.Action) { a.Scope = "" }},
		{"one of the details", func(a *evidence.Action) { a.AuthorizationDetails = a.AuthorizationDetails[1:] }},
		{"one resource", func(a *evidence.Action) { a.Resource = a.Resource[1:] }},
		{"the message alone", func(a *evidence.Action) { *a = evidence.Action{BindingMessage: a.BindingMessage} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := w.asked(t, action())
			d := w.decision(t, a, evidence.Approve)
			tt.narrow(d.Granted)
			got, err := w.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, d, w.device))
			check(t, err)
			for _, from := range []model.Approval{got, w.read(t, a.ID)} {
				granted, err := approval.Granted(from)
				check(t, err)
				if diff := cmp.Diff(*d.Granted, granted); diff != "" {
					t.Errorf("granted (-want +got): %s", diff)
				}
			}
			if v := w.verified(t, got); cmp.Diff(v.Decision.Granted, d.Granted) != "" {
				t.Errorf("the evidence says %+v", v.Decision.Granted)
			}
		})
	}
}

func TestThePasskeysOfAPersonAreOfferedWithoutAChallenge(t *testing.T) {
	w := newWorld(t)
	gone := w.Bind(t, w.Site, w.person.ID, signintest.Software(t, w.Site))
	check(t, w.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: w.person.ID, PasskeyID: gone.Passkey.ID}))
	raw, err := w.Options(t.Context(), w.Site, w.person.ID)
	check(t, err)
	var o map[string]any
	check(t, json.Unmarshal(raw, &o))
	if _, ok := o["challenge"]; ok {
		t.Error("a challenge was handed out: the approver must compute it")
	}
	allowed, _ := o["allowCredentials"].([]any)
	if o["rpId"] != "localhost" || o["userVerification"] != "required" || len(allowed) != 1 {
		t.Errorf("options = %s", raw)
	}
	if first := time.Duration(o["timeout"].(float64)) * time.Millisecond; first < time.Minute {
		t.Errorf("timeout = %s", first)
	}
}
