package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/format/password"
	"github.com/assent-id/assent/internal/model"
)

// How often passwords may be wrong. An account is made to wait, longer each time;
// an address, behind which there may be many people, only when far more fail than
// people mistype. The limits hold per process: they slow guessing down.
const (
	freeTries    = 5
	firstWait    = 2 * time.Second
	longestWait  = 15 * time.Minute
	addressTries = 60 // in 10 minutes
	triesKept    = 50_000
)

// Comparing takes a processor and 19 MiB for about 20 ms.
const (
	atOnce   = 2
	inQueue  = 16
	waitTurn = 2 * time.Second
)

type passwords struct {
	accounts  *limit.Backoff
	addresses *limit.Keyed
	turn      *turnstile
}

func newPasswords(perAddress int) passwords {
	if perAddress <= 0 {
		perAddress = addressTries
	}
	return passwords{accounts: limit.NewBackoff(freeTries, firstWait, longestWait, triesKept),
		addresses: limit.NewKeyed(limit.Per(perAddress, 10*time.Minute), triesKept),
		turn:      newTurnstile(atOnce, inQueue)}
}

// guess takes one try of the account and one of the address. good gives both
// back. People who do not exist are counted by what was typed, like all others.
func (s *Service) guess(try attempt, a PasswordAnswer) (good func(), err error) {
	realm := string(try.site.Realm.ID)
	account, place := realm+" "+string(try.identity), realm+" "+limit.Network(a.Address)
	if try.identity == "" {
		typed := ids.DigestOf(model.FoldName(a.Login))
		account = realm + " ? " + string(typed[:])
	}
	if wait, ok := s.passwords.addresses.Allow(place, try.at.Time()); !ok {
		return nil, &TriesError{wait}
	}
	if wait, ok := s.passwords.accounts.Allow(account, try.at.Time()); !ok {
		s.passwords.addresses.Return(place)
		return nil, &TriesError{wait}
	}
	return func() {
		s.passwords.accounts.Forget(account)
		s.passwords.addresses.Return(place)
	}, nil
}

// decoy is a hash that no password has: what people who do not exist are compared
// with, so that it takes as long.
var decoy = sync.OnceValue(func() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return password.Hash(base64.RawStdEncoding.EncodeToString(b))
})

// A turnstile lets a few in at once and keeps a few more waiting. It turns the
// rest away: a flood of guesses must not take the machine from everybody else.
type turnstile struct {
	inside  chan struct{}
	waiting chan struct{}
}

func newTurnstile(inside, waiting int) *turnstile {
	return &turnstile{inside: make(chan struct{}, inside), waiting: make(chan struct{}, inside+waiting)}
}

// enter waits for a place; ErrBusy if there are too many, or it takes too long.
func (t *turnstile) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t.waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	timer := time.NewTimer(waitTurn)
	defer timer.Stop()
	select {
	case t.inside <- struct{}{}:
		return func() { <-t.inside; <-t.waiting }, nil
	case <-timer.C:
		err = ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	<-t.waiting
	return nil, err
}
