package approval_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

// counting is a world whose person has an authenticator that counts.
func counting(t *testing.T) (*world, *signintest.Virtual) {
	t.Helper()
	w := newWorld(t)
	device := signintest.NewVirtual(w.Site)
	device.Credential.Counter = 5
	w.Bind(t, w.Site, w.person.ID, device)
	w.device = device
	w.Clock.Advance(2 * time.Second)
	return w, device
}

// Requirement: passkeys-uv
func TestADecisionNeedsAPersonWhoWasRecognised(t *testing.T) {
	w, device := counting(t)
	a := w.asked(t, action())
	for name, change := range map[string]func(*signintest.Virtual){
		"nobody was recognised": func(v *signintest.Virtual) { v.Authenticator.Options.UserNotVerified = true },
		"nobody was there":      func(v *signintest.Virtual) { v.Authenticator.Options.UserNotPresent = true },
	} {
		v := *device
		v.Credential.Counter = 6
		change(&v)
		_, err := w.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, w.decision(t, a, evidence.Approve), &v))
		if got := refusedAs(t, err); got != "passkey" || w.read(t, a.ID).State != model.ApprovalPending {
			t.Errorf("%s: refused as %q", name, got)
		}
	}
	device.Credential.Counter = 6
	if got, err := w.answer(t, a, evidence.Approve); err != nil || got.State != model.ApprovalApproved {
		t.Errorf("recognised: %s, %v", got.State, err)
	}
}

// Requirement: passkeys-clone
func TestACopiedPasskeyDecidesNothingAndIsInTheAuditTrail(t *testing.T) {
	w, device := counting(t)
	keys, err := w.Directory.Passkeys(t.Context(), w.Site, w.person.ID)
	check(t, err)
	id := keys[len(keys)-1].ID
	a := w.asked(t, action())
	device.Credential.Counter = 4
	_, err = w.answer(t, a, evidence.Approve)
	if got := refusedAs(t, err); got != "passkey" || w.read(t, a.ID).State != model.ApprovalPending {
		t.Errorf("refused as %q", got)
	}
	type note struct {
		Target           string
		Identity, During string
		Stored, Shown    uint32
	}
	var notes []note
	for _, e := range w.Events(t, w.Site) {
		if e.Type == "passkey.clone_suspected" {
			n := note{Target: e.Target}
			check(t, json.Unmarshal(e.Data, &n))
			notes = append(notes, n)
		}
	}
	if diff := cmp.Diff([]note{{string(id), string(w.person.ID), "decision", 5, 4}}, notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	device.Credential.Counter = 6
	if _, err := w.answer(t, a, evidence.Approve); err != nil {
		t.Errorf("the passkey itself: %v", err)
	}
}

// Two answers that a person gives within a moment arrive in any order.
func TestADecisionThatAnotherOvertookIsRefusedAndIsNoCopy(t *testing.T) {
	w, device := counting(t)
	slow, fast := w.asked(t, action()), w.asked(t, action())
	device.Credential.Counter = 6
	late := signed(t, w.decision(t, slow, evidence.Approve), device)
	w.Clock.Advance(2 * time.Second)
	device.Credential.Counter = 7
	if _, err := w.answer(t, fast, evidence.Approve); err != nil {
		t.Fatal(err)
	}
	_, err := w.Decide(t.Context(), w.Site, w.person, slow.ID, late)
	if got := refusedAs(t, err); got != "passkey" {
		t.Errorf("refused as %q", got)
	}
	for _, e := range w.Events(t, w.Site) {
		if e.Type == "passkey.clone_suspected" {
			t.Errorf("suspected: %s", e.Data)
		}
	}
}

// bindAbroad gives the person a passkey that was made for another relying party.
func bindAbroad(t *testing.T, w *world, rpID string) model.Passkey {
	t.Helper()
	bound := w.Bind(t, w.Site, w.person.ID, signintest.NewVirtual(w.Site))
	abroad := bound.Passkey
	abroad.ID, abroad.RPID, abroad.CredentialID = "psk_abroad", rpID, []byte("a credential of another relying party")
	job, err := w.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: w.person.ID})
	check(t, err)
	session := bound.Session
	session.ID, session.Digest, session.PasskeyID = "ses_abroad", []byte("digest of another session"), abroad.ID
	check(t, w.Store.CompleteBinding(t.Context(), directory.Completion{Job: job.Job.ID, At: model.MillisOf(w.Clock.Now()),
		Passkey: abroad, Session: session}, model.Effects{}))
	return abroad
}

// Requirement: passkeys-rp
func TestPasskeysOfAnotherRelyingPartyAreNotOfferedToTheApprover(t *testing.T) {
	w := newWorld(t)
	abroad := bindAbroad(t, w, "shop.example")
	raw, err := w.Options(t.Context(), w.Site, w.person.ID)
	check(t, err)
	var o struct {
		AllowCredentials []struct{ ID evidence.Bytes }
	}
	check(t, json.Unmarshal(raw, &o))
	if len(o.AllowCredentials) != 2 {
		t.Errorf("offered: %s", raw)
	}
	for _, c := range o.AllowCredentials {
		if string(c.ID) == string(abroad.CredentialID) {
			t.Error("the one of another relying party is offered")
		}
	}
}

// Requirement: passkeys-realms-apart
func TestAPasskeyOfAnotherRealmOfTheHostDecidesNothing(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, base *signintest.World) {
		t.Helper()
		w := worldIn(t, base)
		if w.Other.RPID != w.Site.RPID || w.Other.Origin != w.Site.Origin {
			t.Fatal("the realms are not on one host")
		}
		twin := w.Person(t, w.Other, w.person.Traits.Username)
		foreign := signintest.NewVirtual(w.Other)
		w.Bind(t, w.Other, twin.ID, foreign)
		a := w.asked(t, action())
		_, err := w.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, w.decision(t, a, evidence.Approve), foreign))
		if got := refusedAs(t, err); got != "passkey" || w.read(t, a.ID).State != model.ApprovalPending {
			t.Errorf("refused as %q", got)
		}
		for site, who := range map[*model.Site]model.IdentityID{w.Site: w.person.ID, w.Other: twin.ID} {
			raw, err := w.Options(t.Context(), site, who)
			check(t, err)
			var o struct {
				AllowCredentials []struct{ ID evidence.Bytes }
			}
			check(t, json.Unmarshal(raw, &o))
			mine, theirs := len(o.AllowCredentials) == 1, len(o.AllowCredentials) > 0 && string(o.AllowCredentials[0].ID) == string(foreign.Credential.ID)
			if !mine || theirs != (site == w.Other) {
				t.Errorf("offered in %s: %s", site.Realm.Name, raw)
			}
		}
		if _, err := w.answer(t, a, evidence.Approve); err != nil {
			t.Errorf("with their own: %v", err)
		}
	})
}
