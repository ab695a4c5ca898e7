// Package signin lets people in: the WebAuthn ceremony with a discoverable
// passkey (Web Authentication Level 3, Section 7.2), the password where a realm
// allows one, and the sessions that both open.
//
// A ceremony is carried by the browser, sealed, and consumed once when it is
// finished. A session is 256 random bits in a cookie, of which only a digest is
// stored. If this package is wrong, somebody else is signed in as you.
package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
)

// A Gate decides whether a person may do anything in a realm now.
type Gate interface {
	// Person answers up to when everything of the realm and the person was revoked.
	Person(ctx context.Context, site *model.Site, identity model.Identity) (model.Millis, error)
}

// Config is what the service works with. Store, Gate, Realms and Keyring are
// needed.
type Config struct {
	Store   Store
	Gate    Gate
	Realms  Realms
	Keyring *seal.Keyring
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: none
	// Idle and Absolute are how long a session lives without use and in all.
	// Zero: 12 hours and 30 days.
	Idle, Absolute time.Duration
	// AddressTries is how many wrong passwords an address has in ten minutes.
	// Zero: 60.
	AddressTries int
}

// A Service signs people in and knows their sessions. It is safe for
// concurrent use.
type Service struct {
	store          Store
	gate           Gate
	realms         Realms
	carried        seal.Carried[state]
	clock          func() time.Time
	log            *slog.Logger
	idle, absolute time.Duration
	refusals       *limit.Keyed
	passwords      passwords
}

const (
	defaultIdle     = 12 * time.Hour
	defaultAbsolute = 30 * 24 * time.Hour
	// ceremonyLife is how long a sign-in page may stay open. Autofill waits in
	// the background, so this is longer than one touch needs.
	ceremonyLife = 10 * time.Minute
	// refusalsPerMinute bounds what one key (an identity, or all strangers of a
	// realm together) can write into the audit trail without having signed in.
	refusalsPerMinute = 60
	refusalKeys       = 4096
)

// New returns the service.
func New(c Config) *Service {
	s := &Service{store: c.Store, gate: c.Gate, realms: c.Realms, clock: c.Now, log: c.Log,
		carried: seal.Carried[state]{Keyring: c.Keyring, Purpose: sealPurpose, Life: ceremonyLife},
		idle:    c.Idle, absolute: c.Absolute,
		refusals: limit.NewKeyed(limit.Per(refusalsPerMinute, time.Minute), refusalKeys), passwords: newPasswords(c.AddressTries)}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.idle <= 0 {
		s.idle = defaultIdle
	}
	if s.absolute <= 0 {
		s.absolute = defaultAbsolute
	}
	return s
}

func (s *Service) now() model.Millis { return model.MillisOf(s.clock()) }

// A Ceremony is what a browser needs to sign in.
type Ceremony struct {
	// Options are PublicKeyCredentialRequestOptionsJSON, with a nonce in the place
	// of the challenge: the page derives the challenge from it
	// ([passkey.SignInChallenge]).
	Options json.RawMessage
	State   string // sealed; comes back with the answer
}

// state is what the browser carries for us while the person touches the
// passkey. What is signed is [passkey.SignInChallenge] of the nonce.
type state struct {
	Nonce []byte `json:"nonce"`
}

// sealPurpose keeps this state apart from everything else that is sealed, and
// the associated data keeps it in its realm.
const sealPurpose = "signin-ceremony"

// Begin starts a sign-in with whichever passkey the person picks. It writes
// nothing.
func (s *Service) Begin(_ context.Context, site *model.Site) (Ceremony, error) {
	nonce := passkey.NewChallenge()
	// No allowCredentials: the passkey names its owner, so the page tells a
	// visitor nothing about who has one.
	options, err := passkey.RequestOptions(site.RP(), nonce, nil)
	if err != nil {
		return Ceremony{}, fmt.Errorf("make request options: %w", err)
	}
	sealed, err := s.carried.Seal(state{nonce}, s.clock(), []byte(site.Realm.ID))
	if err != nil {
		return Ceremony{}, fmt.Errorf("seal ceremony: %w", err)
	}
	return Ceremony{Options: options, State: sealed}, nil
}
