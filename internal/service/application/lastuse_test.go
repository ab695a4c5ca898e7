package application_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/store"
)

// A fickle store does not answer for a while.
type fickle struct {
	*store.Store
	down   bool
	writes int
}

func (f *fickle) KeysUsed(ctx context.Context, uses []model.KeyUse) error {
	f.writes++
	if f.down {
		return errors.New("gone for a moment")
	}
	return f.Store.KeysUsed(ctx, uses)
}

// used is a service on its store, with one service client and its key's kid.
func used(t *testing.T) (n *node, s *application.Service, f *fickle, c *model.Client) {
	t.Helper()
	n = open(t, sqlite(t), nil)
	f = &fickle{Store: n.store}
	s = application.New(application.Config{Store: f})
	made, err := s.CreateServiceClient(t.Context(), n.site, application.NewServiceClient{Name: "Tills", Actor: "op"})
	check(t, err)
	c, err = s.Get(t.Context(), n.site, made.Application.ID)
	check(t, err)
	return n, s, f, c
}

func lastUse(t *testing.T, n *node, id model.ClientID) model.Millis {
	t.Helper()
	a, err := n.store.Application(t.Context(), n.site.Realm.ID, id)
	check(t, err)
	return a.Keys[0].LastUsedAt
}

// Every signature of a client goes by here.
//
// Requirement: svc-last-use
func TestNotingAUseTakesNoMemory(t *testing.T) {
	_, s, _, c := used(t)
	kid, now := string(c.Keys[0].KID), model.MillisOf(time.Now())
	s.Used(t.Context(), c, kid, now) // the first of a minute is remembered
	if n := testing.AllocsPerRun(1000, func() {
		now++
		s.Used(t.Context(), c, kid, now)
		s.Used(t.Context(), c, "a key of its jwks_uri", now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Requirement: svc-last-use
func TestUsesAreWrittenOnceHoweverManyTheyAreAndAgainIfTheyCouldNotBe(t *testing.T) {
	n, s, f, c := used(t)
	kid, now := string(c.Keys[0].KID), model.MillisOf(time.Now())
	for i := range model.Millis(100) {
		s.Used(t.Context(), c, kid, now+i)
	}
	s.Used(t.Context(), c, kid, now) // by a request that took longer
	if f.writes != 0 || lastUse(t, n, c.ID) != 0 {
		t.Errorf("%d writes before anybody asked for one", f.writes)
	}
	f.down = true
	if err := s.WriteUses(t.Context()); err == nil || lastUse(t, n, c.ID) != 0 {
		t.Error("it was written by a database that does not answer")
	}
	f.down = false
	check(t, s.WriteUses(t.Context()))
	if got := lastUse(t, n, c.ID); got != now+99 || f.writes != 2 {
		t.Errorf("last used at %d after %d writes, want %d after 2", got, f.writes, now+99)
	}
	check(t, s.WriteUses(t.Context()))
	if f.writes != 2 {
		t.Error("written again although nothing was used")
	}
	s.Used(t.Context(), c, kid, now-1000) // a clock that was set back
	check(t, s.WriteUses(t.Context()))
	if got := lastUse(t, n, c.ID); got != now+99 {
		t.Errorf("it went back to %d", got)
	}
}

// Requirement: svc-last-use
func TestNoUseIsLostWhileOthersAreWrittenAndTheClientIsReadAgain(t *testing.T) {
	n, s, _, c := used(t)
	again, err := model.NewClient(c.Application)
	check(t, err)
	kid, now := string(c.Keys[0].KID), model.MillisOf(time.Now())
	var wg sync.WaitGroup
	for i := range model.Millis(16) {
		wg.Go(func() {
			for j := range model.Millis(200) {
				s.Used(t.Context(), []*model.Client{c, again}[i%2], kid, now+j*16+i)
			}
		})
	}
	for range 20 {
		check(t, s.WriteUses(t.Context()))
	}
	wg.Wait()
	check(t, s.WriteUses(t.Context()))
	if got, want := lastUse(t, n, c.ID), now+199*16+15; got != want {
		t.Errorf("last used at %d, want %d", got, want)
	}
}
