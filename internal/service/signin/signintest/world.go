// Package signintest builds a realm with people in it on a real database, for
// tests of sign-in, of the directory and of the pages over them. Its clock
// stands still until it is moved.
package signintest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// Base is the server's base URL.
const Base = "http://localhost:8420"

// A Clock stands still until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A World is services over a database, and two realms: Site is the default one,
// for development, and Other is a strict one.
type World struct {
	Store       *store.Store
	Clock       *Clock
	Realms      *realm.Service
	Keys        *keys.Service
	Directory   *directory.Service
	SignIn      *signin.Service
	Site, Other *model.Site
	ring        *seal.Keyring
}

// Service is sign-in over another store, which wraps the world's.
func (w *World) Service(tb testing.TB, s signin.Store) *signin.Service {
	tb.Helper()
	return w.Configured(func(c *signin.Config) { c.Store = s })
}

// Configured is sign-in with a configuration that differs from the world's.
func (w *World) Configured(change func(*signin.Config)) *signin.Service {
	c := signin.Config{Store: w.Store, Gate: gate.New(gate.Config{Store: w.Store, Now: w.Clock.Now}), Realms: w.Realms,
		Keyring: w.ring, Now: w.Clock.Now}
	change(&c)
	return signin.New(c)
}

// People is the directory with a configuration that differs from the world's.
func (w *World) People(change func(*directory.Config)) *directory.Service {
	c := directory.Config{Store: w.Store, Gate: gate.New(gate.Config{Store: w.Store, Now: w.Clock.Now}), Signer: w.Keys, Sessions: w.SignIn,
		Keyring: w.ring, Now: w.Clock.Now}
	change(&c)
	return directory.New(c)
}

// Outbox takes what is to be sent by now.
func (w *World) Outbox(tb testing.TB) []model.OutboxItem {
	tb.Helper()
	items, err := w.Store.LeaseOutbox(tb.Context(), "test", model.MillisOf(w.Clock.Now()), time.Hour, 5000)
	if err != nil {
		tb.Fatalf("lease outbox: %v", err)
	}
	return items
}

// Engines runs a test on every database that there is.
func Engines(t *testing.T, test func(*testing.T, *World)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, New(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, pgtest.Database(t))) })
}

// New builds a world that ends with the test.
func New(tb testing.TB) *World {
	tb.Helper()
	return open(tb, litetest.Database(tb))
}

func open(tb testing.TB, database string) *World {
	tb.Helper()
	db, err := store.Open(tb.Context(), store.Config{URL: database})
	if err != nil {
		tb.Fatalf("open store: %v", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close store: %v", err)
		}
	})
	ring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	if err != nil {
		tb.Fatal(err)
	}
	w := &World{ring: ring, Store: db, Clock: &Clock{at: time.Now().Truncate(time.Millisecond)}}
	door := gate.New(gate.Config{Store: db, Now: w.Clock.Now})
	w.Keys = keys.New(keys.Config{Store: db, Keyring: ring, Now: w.Clock.Now})
	w.Realms, err = realm.New(realm.Config{Store: db, BaseURL: Base, Now: w.Clock.Now})
	if err != nil {
		tb.Fatal(err)
	}
	w.SignIn = signin.New(signin.Config{Store: db, Gate: door, Realms: w.Realms, Keyring: ring, Now: w.Clock.Now})
	w.Directory = directory.New(directory.Config{Store: db, Gate: door, Signer: w.Keys,
		Sessions: w.SignIn, Keyring: ring, Now: w.Clock.Now})
	w.Site = w.realm(tb, realm.NewRealm{Name: "default", DisplayName: "Acme", Default: true,
		Policy: model.RealmPolicy{Development: true}})
	w.Other = w.realm(tb, realm.NewRealm{Name: "blue", DisplayName: "Blue"})
	return w
}

func (w *World) realm(tb testing.TB, n realm.NewRealm) *model.Site {
	tb.Helper()
	site, err := w.Realms.Create(tb.Context(), n)
	if err != nil {
		tb.Fatalf("create realm: %v", err)
	}
	if err := w.Keys.Ensure(tb.Context(), site, jose.EdDSA); err != nil {
		tb.Fatalf("create signing key: %v", err)
	}
	return site
}

// Person adds somebody to a realm.
func (w *World) Person(tb testing.TB, site *model.Site, username string) model.Identity {
	tb.Helper()
	identity, err := w.Directory.CreateIdentity(tb.Context(), site, directory.NewIdentity{
		DisplayName: strings.ToUpper(username[:1]) + username[1:], Traits: model.Traits{Username: username}})
	if err != nil {
		tb.Fatalf("create identity: %v", err)
	}
	return identity
}

// Token makes a binding link and returns the token in it.
func (w *World) Token(tb testing.TB, site *model.Site, id model.IdentityID) string {
	tb.Helper()
	b, err := w.Directory.CreateBindingJob(tb.Context(), site, directory.NewBinding{IdentityID: id})
	if err != nil {
		tb.Fatalf("create binding job: %v", err)
	}
	_, token, _ := strings.Cut(b.Link, "?token=")
	return token
}

// Events lists the types of the audit trail of a realm, oldest first.
func (w *World) Events(tb testing.TB, site *model.Site) []model.Event {
	tb.Helper()
	events, err := w.Store.Events(tb.Context(), site.Realm.ID, "", 200)
	if err != nil {
		tb.Fatalf("list events: %v", err)
	}
	for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
		events[i], events[j] = events[j], events[i]
	}
	return events
}

// Causes lists why sign-ins of a realm were refused, oldest first.
func (w *World) Causes(tb testing.TB, site *model.Site) []signin.Cause {
	tb.Helper()
	var causes []signin.Cause
	for _, e := range w.Events(tb, site) {
		if e.Type != "signin.refused" {
			continue
		}
		var data struct{ Cause signin.Cause }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			tb.Fatalf("event %s: %v", e.ID, err)
		}
		causes = append(causes, data.Cause)
	}
	return causes
}

// A Device makes passkeys and uses them: a [passkey.Software] or a [Virtual].
type Device interface {
	Create(creationOptionsJSON []byte) ([]byte, error)
	Assert(challenge []byte) ([]byte, error)
}

// Software is a new software passkey for a realm.
func Software(tb testing.TB, site *model.Site) *passkey.Software {
	tb.Helper()
	device, err := passkey.NewSoftware(site.RPID, site.Origin)
	if err != nil {
		tb.Fatalf("make software passkey: %v", err)
	}
	return device
}

// A Virtual is an authenticator of somebody else's making, which counts its
// signatures.
type Virtual struct {
	RP            virtualwebauthn.RelyingParty
	Authenticator virtualwebauthn.Authenticator
	Credential    virtualwebauthn.Credential
}

// NewVirtual is a new one for a realm.
func NewVirtual(site *model.Site) *Virtual {
	return &Virtual{
		RP:            virtualwebauthn.RelyingParty{ID: site.RPID, Name: site.Realm.DisplayName, Origin: site.Origin},
		Authenticator: virtualwebauthn.NewAuthenticator(),
		Credential:    newCredential(),
	}
}

// newCredential makes keys until it has one that virtualwebauthn can write: it
// leaves the leading zeros of coordinates out, against RFC 9053, Section 7.1.1.
func newCredential() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key with two coordinates of 32
	for {
		c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		if len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// Create answers a registration.
func (v *Virtual) Create(options []byte) ([]byte, error) {
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		return nil, err
	}
	v.Authenticator.Options.UserHandle = []byte(o.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(v.RP, v.Authenticator, v.Credential, *o)), nil
}

// Assert answers a sign-in.
func (v *Virtual) Assert(challenge []byte) ([]byte, error) {
	return []byte(virtualwebauthn.CreateAssertionResponse(v.RP, v.Authenticator, v.Credential,
		virtualwebauthn.AssertionOptions{Challenge: challenge})), nil
}

// Bind gives a person a passkey by a fresh link. Somebody who has one already
// counts as signed in.
func (w *World) Bind(tb testing.TB, site *model.Site, id model.IdentityID, d Device) directory.Bound {
	tb.Helper()
	bound, err := w.TryBind(tb.Context(), site, d, Attempt{Token: w.Token(tb, site, id), SignedIn: id})
	if err != nil {
		tb.Fatalf("bind: %v", err)
	}
	return bound
}

// An Attempt is one person with a link.
type Attempt struct {
	Token    string
	SignedIn model.IdentityID
}

// Proof is what a person who is signed in now has proved: the newest of their
// passkeys, if they have one.
func (w *World) Proof(tb testing.TB, site *model.Site, id model.IdentityID) directory.Proof {
	tb.Helper()
	p, err := w.ProofOf(tb.Context(), site, id)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// ProofOf is [World.Proof] without a test.
func (w *World) ProofOf(ctx context.Context, site *model.Site, id model.IdentityID) (directory.Proof, error) {
	keys, err := w.Directory.Passkeys(ctx, site, id)
	if err != nil || len(keys) == 0 {
		return directory.Proof{}, err
	}
	return directory.Proof{IdentityID: id, PasskeyID: keys[len(keys)-1].ID, At: model.MillisOf(w.Clock.Now())}, nil
}

// TryBind opens a link and answers it.
func (w *World) TryBind(ctx context.Context, site *model.Site, d Device, a Attempt) (directory.Bound, error) {
	proof, err := w.ProofOf(ctx, site, a.SignedIn)
	if err != nil {
		return directory.Bound{}, err
	}
	c, err := w.Directory.BeginBinding(ctx, site, a.Token, proof)
	if err != nil {
		return directory.Bound{}, err
	}
	response, err := d.Create(c.Options)
	if err != nil {
		return directory.Bound{}, err
	}
	return w.Directory.FinishBinding(ctx, site, directory.BindingAnswer{
		State: c.State, Response: response, SignedIn: a.SignedIn})
}

// Challenge is what the page's script makes of the options of a sign-in.
func Challenge(tb testing.TB, options json.RawMessage) []byte {
	tb.Helper()
	return passkey.SignInChallenge(Nonce(tb, options))
}

// Nonce is what the server put into the options of a sign-in.
func Nonce(tb testing.TB, options json.RawMessage) []byte {
	tb.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		tb.Fatalf("read options: %v", err)
	}
	return o.Challenge
}

// TrySignIn runs a whole ceremony.
func (w *World) TrySignIn(tb testing.TB, site *model.Site, d Device) (signin.SignedIn, error) {
	tb.Helper()
	c, err := w.SignIn.Begin(tb.Context(), site)
	if err != nil {
		tb.Fatalf("begin sign-in: %v", err)
	}
	response, err := d.Assert(Challenge(tb, c.Options))
	if err != nil {
		tb.Fatalf("assert: %v", err)
	}
	return w.SignIn.Finish(tb.Context(), site, signin.Answer{State: c.State, Response: response, UserAgent: "Test/1"})
}
