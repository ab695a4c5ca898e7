package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

// sibling adds a realm to the world's server.
func sibling(t *testing.T, w *signintest.World, name string, policy model.RealmPolicy) *model.Site {
	t.Helper()
	site, err := w.Realms.Create(t.Context(), realm.NewRealm{Name: name, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Keys.Ensure(t.Context(), site, jose.EdDSA); err != nil {
		t.Fatal(err)
	}
	return site
}

func refusedFor(t *testing.T, err error) signin.Cause {
	t.Helper()
	if err == nil {
		return ""
	}
	refused, ok := errors.AsType[*signin.Refused](err)
	if !ok {
		t.Fatal(err)
	}
	return refused.Cause
}

// Requirement: passkeys-elsewhere
func TestAPasskeyOfAnotherRealmOfTheHostIsNotCalledUnknown(t *testing.T) {
	signintest.Engines(t, passkeysElsewhere)
}

func passkeysElsewhere(t *testing.T, w *signintest.World) {
	t.Helper()
	afar := sibling(t, w, "afar", model.RealmPolicy{Development: true, Host: "afar.example"})
	nobody := signintest.Software(t, w.Site)
	blue := w.Person(t, w.Other, "bo")
	near, far := signintest.NewVirtual(w.Other), signintest.NewVirtual(afar)
	w.Bind(t, w.Other, blue.ID, near)
	w.Bind(t, afar, w.Person(t, afar, "bo").ID, far)
	tests := []struct {
		name   string
		at     *model.Site
		device signintest.Device
		want   signin.Cause
	}{
		{"at home", w.Other, near, ""},
		{"of a realm of the same host", w.Site, near, signin.CauseElsewhere},
		{"of a realm with another RP id", w.Site, far, signin.CauseUnknownPasskey},
		{"seen from a realm with another RP id", afar, near, signin.CauseUnknownPasskey},
		{"of nobody", w.Site, nobody, signin.CauseUnknownPasskey},
	}
	for _, tt := range tests {
		_, err := w.TrySignIn(t, tt.at, tt.device)
		if got := refusedFor(t, err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	keys, err := w.Directory.Passkeys(t.Context(), w.Other, blue.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Directory.RevokePasskey(t.Context(), w.Other, directory.PasskeyRef{IdentityID: blue.ID, PasskeyID: keys[0].ID}); err != nil {
		t.Fatal(err)
	}
	_, err = w.TrySignIn(t, w.Site, near)
	if got := refusedFor(t, err); got != signin.CauseUnknownPasskey {
		t.Errorf("revoked where it was good: got %q", got)
	}
}

// blindStore cannot look into other realms.
type blindStore struct{ signin.Store }

func (blindStore) PasskeyHomes(context.Context, []byte) ([]model.PasskeyHome, error) {
	return nil, model.ErrUnavailable
}

func TestWhileOtherRealmsCannotBeAskedNoPasskeyIsCalledUnknown(t *testing.T) {
	w := signintest.New(t)
	s := w.Service(t, blindStore{w.Store})
	_, err := s.Finish(t.Context(), w.Site, assert(t, w, w.Site, signintest.Software(t, w.Site)))
	if _, ok := errors.AsType[*signin.Refused](err); ok || !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// Two realms of one host are one relying party to a browser, and two to us.
//
// Requirement: passkeys-realms-apart
func TestPasskeysOfTwoRealmsOnOneHostNeverMix(t *testing.T) {
	signintest.Engines(t, realmsApart)
}

func realmsApart(t *testing.T, w *signintest.World) {
	t.Helper()
	there := sibling(t, w, "twin", model.RealmPolicy{Development: true})
	if there.RPID != w.Site.RPID || there.Origin != w.Site.Origin {
		t.Fatalf("the realms are %s and %s", there.RPID, w.Site.RPID)
	}
	here, twin := w.Person(t, w.Site, "alex"), w.Person(t, there, "alex")
	mine, theirs := signintest.NewVirtual(w.Site), signintest.NewVirtual(there)
	w.Bind(t, w.Site, here.ID, mine)
	w.Bind(t, there, twin.ID, theirs)
	if string(mine.Authenticator.Options.UserHandle) != string(here.ID) || here.ID == twin.ID {
		t.Errorf("user handles %q and %q", mine.Authenticator.Options.UserHandle, theirs.Authenticator.Options.UserHandle)
	}
	for _, at := range []struct {
		site   *model.Site
		device *signintest.Virtual
		want   signin.Cause
	}{{w.Site, mine, ""}, {there, theirs, ""}, {w.Site, theirs, signin.CauseElsewhere}, {there, mine, signin.CauseElsewhere}} {
		_, err := w.TrySignIn(t, at.site, at.device)
		if got := refusedFor(t, err); got != at.want {
			t.Errorf("in %s: got %q, want %q", at.site.Realm.Name, got, at.want)
		}
	}
	// What a browser is told to leave out are the passkeys of this realm's person.
	for _, at := range []struct {
		site *model.Site
		who  model.IdentityID
		want signintest.Virtual
	}{{w.Site, here.ID, *mine}, {there, twin.ID, *theirs}} {
		if diff := cmp.Diff([][]byte{at.want.Credential.ID}, excluded(t, w, at.site, at.who)); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", at.site.Realm.Name, diff)
		}
	}
	// The key of one may be bound in the other, and is a passkey of its own there.
	copied := *mine
	w.Bind(t, there, twin.ID, &copied)
	if _, err := w.TrySignIn(t, there, &copied); err != nil {
		t.Errorf("bound in both: %v", err)
	}
	if _, err := w.TrySignIn(t, w.Site, &copied); refusedFor(t, err) != signin.CauseOtherPerson {
		t.Errorf("with the twin's user handle: %v", err)
	}
}

// excluded is what a browser is told that a person has already.
func excluded(t *testing.T, w *signintest.World, site *model.Site, id model.IdentityID) [][]byte {
	t.Helper()
	c, err := w.Directory.BeginBinding(t.Context(), site, w.Token(t, site, id), w.Proof(t, site, id))
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		ExcludeCredentials []struct {
			ID evidence.Bytes `json:"id"`
		} `json:"excludeCredentials"`
	}
	if err := json.Unmarshal(c.Options, &o); err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for _, d := range o.ExcludeCredentials {
		list = append(list, d.ID)
	}
	return list
}

// A browser would not find a passkey of another relying party, and a verifier of
// evidence would not take it.
//
// Requirement: passkeys-rp
func TestAPasskeyIsGoodForItsOwnRelyingPartyAlone(t *testing.T) {
	w := signintest.New(t)
	who := w.Person(t, w.Site, "alex")
	key := model.Passkey{RPID: "shop.example"}
	for _, tt := range []struct {
		key  model.Passkey
		rp   string
		want bool
	}{
		{model.Passkey{}, w.Site.RPID, true}, {model.Passkey{RPID: w.Site.RPID}, w.Site.RPID, true},
		{model.Passkey{}, "shop.example", false}, {key, w.Site.RPID, false}, {key, "shop.example", true},
	} {
		if got := tt.key.For(tt.rp, w.Site.RPID); got != tt.want {
			t.Errorf("%q for %q: %v", tt.key.RPID, tt.rp, got)
		}
	}
	device, err := passkey.NewSoftware(w.Site.RPID, w.Site.Origin)
	if err != nil {
		t.Fatal(err)
	}
	bound := w.Bind(t, w.Site, who.ID, device)
	s := w.Service(t, otherRP{w.Store})
	_, err = s.Finish(t.Context(), w.Site, assert(t, w, w.Site, device))
	if got := refusedFor(t, err); got != signin.CauseOtherRP || bound.Passkey.RPID != "" {
		t.Errorf("got %q", got)
	}
	if !slices.Contains(w.Causes(t, w.Site), signin.CauseOtherRP) {
		t.Error("nothing is in the audit trail")
	}
}

// otherRP is a store whose passkeys were made for another relying party.
type otherRP struct{ signin.Store }

func (s otherRP) PasskeyByCredential(ctx context.Context, realm model.RealmID, id []byte) (model.Passkey, error) {
	p, err := s.Store.PasskeyByCredential(ctx, realm, id)
	p.RPID = "shop.example"
	return p, err
}
