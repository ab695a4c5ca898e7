// Package storetest is the suite that every database under the store must
// pass: each promise of each interface that the services declare, races with
// one winner, realms that do not see each other, effects that are there if and
// only if their cause is, and the change feed between two processes.
//
// If it is wrong, SQLite and PostgreSQL drift apart, and nobody notices.
package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

// A Database makes an empty database for one test and returns its URL.
type Database func(testing.TB) string

// Run runs the whole suite.
func Run(t *testing.T, fresh Database) {
	for _, part := range []struct {
		name  string
		tests []promise
	}{
		{"Realm", realmPromises},
		{"Authenticator", authenticatorPromises},
		{"Tenant", tenantPromises},
		{"Idempotency", idempotencyPromises},
		{"Trail", trailPromises},
		{"Keys", keysPromises},
		{"Application", applicationPromises},
		{"Directory", directoryPromises},
		{"People", peoplePromises},
		{"Group", groupPromises},
		{"Role", rolePromises},
		{"Binding", bindingPromises},
		{"Passkey", passkeyPromises},
		{"SignIn", signInPromises},
		{"Password", passwordPromises},
		{"Approval", approvalPromises},
		{"Listing", listingPromises},
		{"Grant", grantPromises},
		{"GrantRevocation", grantRevocationPromises},
		{"Device", devicePromises},
		{"Logout", logoutPromises},
		{"Consent", consentPromises},
		{"Parked", parkedPromises},
		{"Registration", registrationPromises},
		{"LastUse", lastUsePromises},
		{"Machine", slices.Concat(machinePromises, grantMachinePromises, deviceMachinePromises)},
		{"Consume", consumePromises},
		{"Revocation", revocationPromises},
		{"Outbox", outboxPromises},
		{"Audit", auditPromises},
		{"Effects", effectsPromises},
		{"Isolation", isolationPromises},
		{"Race", racePromises},
		{"Feed", feedPromises},
		{"Sweep", sweepPromises},
		{"SweepGrants", sweepGrantPromises},
		{"Life", lifePromises},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, p := range part.tests {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.keep(newWorld(t, fresh))
				})
			}
		})
	}
}

// A promise is a test with a world of its own.
type promise struct {
	name  string
	check func(*world)
}

// start is an instant of the tests. They set every instant themselves.
const start model.Millis = 1_790_000_000_000

// A world is an open store with two realms that hold the same: a person, an
// application and a passkey each.
type world struct {
	testing.TB
	*store.Store
	ctx  context.Context
	url  string
	home place
	away place
}

// A place is a realm and what is in it.
type place struct {
	realm   model.Realm
	person  model.Identity
	app     model.Application
	passkey model.Passkey
}

func newWorld(t testing.TB, fresh Database) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), url: fresh(t)}
	w.Store = w.open(store.Config{})
	tenant := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: "Acme", CreatedAt: start}
	w.ok(w.CreateTenant(w.ctx, tenant, model.Effects{}))
	w.home = w.settle(tenant.ID, "home", true)
	w.away = w.settle(tenant.ID, "away", false)
	return w
}

// open opens another store on the same database, as another process would.
func (w *world) open(cfg store.Config) *store.Store {
	w.Helper()
	cfg.URL = w.url
	s, err := store.Open(context.WithoutCancel(w.ctx), cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.Errorf("close the store: %v", err)
		}
	})
	return s
}

func (w *world) settle(tenant model.TenantID, name string, isDefault bool) place {
	w.Helper()
	var p place
	p.realm = model.Realm{ID: model.RealmID(ids.New("rlm")), TenantID: tenant, Name: name, DisplayName: name,
		Default: isDefault, Status: model.RealmActive, CreatedAt: start, Version: 1}
	w.ok(w.CreateRealm(w.ctx, p.realm, model.Effects{}))
	p.person = newPerson(p.realm.ID, "alice")
	w.ok(w.CreateIdentity(w.ctx, p.person, model.Effects{}))
	p.app = newApp(p.realm.ID)
	w.ok(w.CreateApplication(w.ctx, p.app, model.Effects{}))
	p.passkey = newPasskey(p.person)
	w.ok(w.bind(p.passkey))
	return p
}

func newPerson(realm model.RealmID, username string) model.Identity {
	return model.Identity{RealmID: realm, ID: model.IdentityID(ids.New("idn")), DisplayName: username,
		Status: model.IdentityActive, Traits: model.Traits{Type: "traits_v0", Username: username},
		CreatedAt: start, UpdatedAt: start, Version: 1}
}

func newApp(realm model.RealmID) model.Application {
	return model.Application{RealmID: realm, ID: model.ClientID(ids.New("agt")), Kind: model.KindAgent, Name: "bot",
		Status: model.ApplicationActive, CreatedAt: start, Version: 1,
		Settings: model.ApplicationSettings{AuthMethod: model.AuthPrivateKeyJWT, GrantTypes: []string{"ciba"}}}
}

func newPasskey(of model.Identity) model.Passkey {
	return model.Passkey{RealmID: of.RealmID, ID: model.PasskeyID(ids.New("psk")), IdentityID: of.ID, Name: "phone",
		CredentialID: secret(), PublicKey: []byte{1, 2}, AAGUID: make([]byte, 16), SignCount: 1, BackupEligible: true,
		Transports: []string{"internal", "hybrid"}, Binding: "a.b.c", CreatedAt: start}
}

func newSession(of model.Passkey) model.Session {
	return model.Session{RealmID: of.RealmID, ID: model.SessionID(ids.New("ses")), Digest: secret(),
		IdentityID: of.IdentityID, PasskeyID: of.ID, AuthTime: start, LastSeenAt: start,
		ExpiresAt: start.Add(12 * time.Hour), IdleUntil: start.Add(time.Hour), UserAgent: "test"}
}

// secret is 32 bytes that nobody else has.
func secret() []byte {
	d := ids.DigestOf(ids.Secret())
	return d[:]
}

// ok ends the test on an error.
func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// refused demands one of the model's errors.
func (w *world) refused(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got error %v, want %v", err, want)
	}
}

// same compares what came back with what was meant.
func same[T any](w *world, got, want T) {
	w.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.Errorf("got other than wanted (-want +got):\n%s", diff)
	}
}

// got is what a reading method returns. An error ends the test.
func got[T any](v T, err error) T {
	if err != nil {
		panic(failure{err})
	}
	return v
}

type failure struct{ error }

// keep runs the check of a promise and turns a failure of got into its end.
func (p promise) keep(w *world) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			w.Fatal(f.error)
		default:
			panic(f)
		}
	}()
	p.check(w)
}
