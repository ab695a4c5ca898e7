package standin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/internal/service/standin"
	"github.com/assent-id/assent/sdk/evidence"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A world has a realm for development, and approvals that the service answers.
type world struct {
	*signintest.World
	standin   *standin.Service
	approvals *approval.Service
	ring      *seal.Keyring
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateKey())
	check(t, err)
	w := &world{World: signintest.New(t), ring: ring}
	w.approvals = approval.New(approval.Config{Store: w.Store, Signer: w.Keys, Realms: w.Realms, Hub: &hub.Hub{}, Now: w.Clock.Now,
		Gate: gate.New(gate.Config{Store: w.Store, Now: w.Clock.Now})})
	w.standin = w.with(w.Store, w.Directory)
	return w
}

// with is the service over parts that wrap the world's.
func (w *world) with(s standin.Store, d standin.Directory) *standin.Service {
	return standin.New(standin.Config{Store: s, Directory: d, Approvals: w.approvals, Sessions: w.SignIn, Keyring: w.ring, Now: w.Clock.Now})
}

// green is another realm for development.
func (w *world) green(t *testing.T) *model.Site {
	t.Helper()
	site, err := w.Realms.Create(t.Context(), realm.NewRealm{Name: "green", Policy: model.RealmPolicy{Development: true}})
	check(t, err)
	check(t, w.Keys.Ensure(t.Context(), site, jose.EdDSA))
	return site
}

// bound is a person with a passkey that the server keeps.
func (w *world) bound(t *testing.T, site *model.Site, username string) (model.Identity, model.Passkey) {
	t.Helper()
	person := w.Person(t, site, username)
	key, err := w.standin.Bind(t.Context(), site, person.ID, "app_1")
	check(t, err)
	return person, key
}

// asked is a question to a person that waits.
func (w *world) asked(t *testing.T, site *model.Site, person model.Identity) model.ApprovalID {
	t.Helper()
	made, err := application.New(application.Config{Store: w.Store, Now: w.Clock.Now}).Create(t.Context(), site, application.NewApplication{
		Name: "Deployer", Kind: model.KindService, AuthMethod: model.AuthClientSecretPost})
	check(t, err)
	a, err := w.approvals.Ask(t.Context(), site, approval.Request{Kind: "ciba", Client: &made.Application, Person: person,
		Action: evidence.Action{BindingMessage: "Deploy v2", Scope: "deploy"}, Lifetime: 5 * time.Minute, AuthReq: ids.DigestOf(ids.Secret()), Interval: 5})
	check(t, err)
	return a.ID
}

func (w *world) waits(t *testing.T, site *model.Site, id model.ApprovalID) {
	t.Helper()
	if a, err := w.Store.Approval(t.Context(), site.Realm.ID, id); err != nil || a.State != model.ApprovalPending {
		t.Errorf("the question is %s: %v", a.State, err)
	}
}

func yes(id model.ApprovalID) standin.Answer {
	return standin.Answer{Approval: id, Decision: evidence.Approve, Actor: "app_1"}
}

// Requirement: hooks-software-answer
func TestAPersonIsAnsweredForWithTheirOwnPasskey(t *testing.T) {
	w := newWorld(t)
	_, others := w.bound(t, w.Site, "alice")
	bob, key := w.bound(t, w.Site, "bob")
	w.Clock.Advance(time.Second)
	done, err := w.standin.Answer(t.Context(), w.Site, yes(w.asked(t, w.Site, bob)))
	if err != nil || done.State != model.ApprovalApproved {
		t.Fatalf("%s: %v", done.State, err)
	}
	document, err := approval.Evidence(done)
	check(t, err)
	jwks, err := w.Keys.EvidenceKeys(t.Context(), w.Site)
	check(t, err)
	verified, err := evidence.Verify(document, jwks, evidence.Options{Issuer: w.Site.Issuer})
	if err != nil || !verified.SoftwarePasskey {
		t.Errorf("evidence %+v: %v", verified, err)
	}
	used := func(of model.Passkey) bool {
		keys, err := w.Store.Passkeys(t.Context(), w.Site.Realm.ID, of.IdentityID)
		check(t, err)
		return keys[0].LastUsedAt > of.CreatedAt
	}
	if !used(key) || used(others) {
		t.Errorf("bob's passkey was used: %t, alice's: %t", used(key), used(others))
	}
}

// Only what the server made is the server's to use.
//
// Requirement: hooks-software-answer
func TestNobodyIsAnsweredForWithoutAPasskeyThatTheServerKeeps(t *testing.T) {
	w := newWorld(t)
	w.bound(t, w.Site, "alice")
	none, own := w.Person(t, w.Site, "carol"), w.Person(t, w.Site, "dave")
	w.Bind(t, w.Site, own.ID, signintest.Software(t, w.Site))
	gone, key := w.bound(t, w.Site, "erin")
	check(t, w.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: gone.ID, PasskeyID: key.ID}))
	for name, person := range map[string]model.Identity{"no passkey": none, "one of their own": own, "one that was revoked": gone} {
		id := w.asked(t, w.Site, person)
		if _, err := w.standin.Answer(t.Context(), w.Site, yes(id)); !errors.Is(err, standin.ErrNoPasskey) {
			t.Errorf("%s: %v", name, err)
		}
		w.waits(t, w.Site, id)
	}
}

// A swapped store answers with one row whatever is asked for.
type swapped struct {
	standin.Store
	row model.RealmSecret
}

func (s swapped) RealmSecret(context.Context, model.RealmID, string) (model.RealmSecret, error) {
	return s.row, nil
}

// A lender says that everybody has one passkey.
type lender struct {
	standin.Directory
	key model.Passkey
}

func (l lender) Passkeys(context.Context, *model.Site, model.IdentityID) ([]model.Passkey, error) {
	return []model.Passkey{l.key}, nil
}

// A recorder sees what the service keeps.
type recorder struct {
	standin.Store
	rows *[]model.RealmSecret
}

func (r recorder) InsertRealmSecret(ctx context.Context, row model.RealmSecret) error {
	*r.rows = append(*r.rows, row)
	return r.Store.InsertRealmSecret(ctx, row)
}

// Whoever moves rows of the database about makes nobody's key another's.
//
// Requirement: hooks-software-answer
func TestASealedPasskeyStandsInForNoOtherAndInNoOtherRealm(t *testing.T) {
	w := newWorld(t)
	green := w.green(t)
	var rows []model.RealmSecret
	w.standin = w.with(recorder{w.Store, &rows}, w.Directory)
	_, key := w.bound(t, w.Site, "alice")
	bob, _ := w.bound(t, w.Site, "bob")
	there, _ := w.bound(t, green, "alice")
	w.standin = w.with(swapped{w.Store, rows[0]}, w.Directory)
	id := w.asked(t, w.Site, bob)
	if _, err := w.standin.Answer(t.Context(), w.Site, yes(id)); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("alice's key for bob: %v", err)
	}
	w.waits(t, w.Site, id)
	w.standin = w.with(swapped{w.Store, rows[0]}, lender{w.Directory, key})
	id = w.asked(t, green, there)
	if _, err := w.standin.Answer(t.Context(), green, yes(id)); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("alice's key in another realm: %v", err)
	}
	w.waits(t, green, id)
	w.standin = w.with(w.Store, w.Directory)
	if _, err := w.standin.Answer(t.Context(), w.Site, yes(id)); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a question of another realm: %v", err)
	}
	w.waits(t, green, id)
}

// Requirement: hooks-software-answer
func TestOutsideDevelopmentTheServerMakesNoPasskeyAndAnswersNothing(t *testing.T) {
	w := newWorld(t)
	var rows []model.RealmSecret
	w.standin = w.with(recorder{w.Store, &rows}, w.Directory)
	carol := w.Person(t, w.Other, "carol")
	if _, err := w.standin.Bind(t.Context(), w.Other, carol.ID, "app_1"); !errors.Is(err, standin.ErrNotDevelopment) {
		t.Errorf("bind: %v", err)
	}
	if keys, err := w.Directory.Passkeys(t.Context(), w.Other, carol.ID); len(keys)+len(rows) != 0 || err != nil {
		t.Errorf("made %v and kept %d keys: %v", keys, len(rows), err)
	}
	bob, _ := w.bound(t, w.Site, "bob") // bound while the realm was for development
	id := w.asked(t, w.Site, bob)
	over := *w.Site
	over.Realm.Policy.Development = false
	if _, err := w.standin.Answer(t.Context(), &over, yes(id)); !errors.Is(err, standin.ErrNotDevelopment) {
		t.Errorf("answer: %v", err)
	}
	w.waits(t, w.Site, id)
}
