package hub_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

func change(topic, key string) []model.Change {
	return []model.Change{{Topic: topic, Key: key}}
}

func woken(w *hub.Wait) bool {
	select {
	case <-w.C:
		return true
	default:
		return false
	}
}

func TestAChangeWakesThoseWhoWaitForItAndNobodyElse(t *testing.T) {
	var h hub.Hub
	watch := map[string]*hub.Wait{
		"approval":      h.Watch(model.TopicApproval, "apr_1"),
		"again":         h.Watch(model.TopicApproval, "apr_1"),
		"person":        h.Watch(model.TopicApproval, "idn_1"),
		"other":         h.Watch(model.TopicApproval, "apr_2"),
		"part of a key": h.Watch(model.TopicApproval, "apr_"),
		"whole key":     h.Watch(model.TopicApproval, "apr_1/idn_1"),
		"other topic":   h.Watch(model.TopicIdentity, "idn_1"),
		"joined":        h.Watch("", model.TopicApproval+"\x00apr_1"),
	}
	h.Publish(change(model.TopicApproval, "apr_1/idn_1"))
	want := map[string]bool{"approval": true, "again": true, "person": true}
	for name, w := range watch {
		if got := woken(w); got != want[name] {
			t.Errorf("%s: woken %v, want %v", name, got, want[name])
		}
	}
}

func TestChangesWhileNobodyReadsAreOneWakeUp(t *testing.T) {
	var h hub.Hub
	w := h.Watch(model.TopicApproval, "apr_1")
	for range 3 {
		h.Publish(change(model.TopicApproval, "apr_1"))
	}
	if !woken(w) || woken(w) {
		t.Error("want exactly one wake-up")
	}
}

func TestStoppingTwiceLeavesOthersWaiting(t *testing.T) {
	var h hub.Hub
	stopped, stays := h.Watch(model.TopicKeys, "a"), h.Watch(model.TopicKeys, "a")
	stopped.Stop()
	stopped.Stop()
	if got := h.Waiting(); got != 1 {
		t.Errorf("%d wait, want 1", got)
	}
	h.Publish(change(model.TopicKeys, "a"))
	if woken(stopped) || !woken(stays) {
		t.Error("want the one that stays woken, and not the one that stopped")
	}
	stays.Stop()
	stays.Stop()
	if got := h.Waiting(); got != 0 {
		t.Errorf("%d wait after all stopped", got)
	}
	late := h.Watch(model.TopicKeys, "a") // the place was taken away with the last one
	h.Publish(change(model.TopicKeys, "a"))
	if !woken(late) {
		t.Error("a later waiter was not woken")
	}
}

func TestResyncWakesEveryWaiterAndTellsEveryCache(t *testing.T) {
	var h hub.Hub
	told := 0
	h.OnResync(func() { told++ })
	h.OnResync(func() { told++ })
	waits := []*hub.Wait{h.Watch(model.TopicApproval, "a"), h.Watch(model.TopicApproval, "b"), h.Watch(model.TopicKeys, "a")}
	h.Resync()
	for i, w := range waits {
		if !woken(w) {
			t.Errorf("waiter %d sleeps on", i)
		}
	}
	if told != 2 {
		t.Errorf("%d caches were told, want 2", told)
	}
}

func TestListenersHearTheirTopicWithNoLockHeld(t *testing.T) {
	var h hub.Hub
	var heard []string
	h.Listen(model.TopicRealm, func(c model.Change) {
		heard = append(heard, c.Key)
		h.Watch(model.TopicRealm, "x").Stop() // would hang under the lock
		h.Listen(model.TopicRealm, func(model.Change) {})
	})
	h.Publish([]model.Change{{Topic: model.TopicRealm, Key: "rlm_1/x"}, {Topic: model.TopicKeys, Key: "no"}})
	if len(heard) != 1 || heard[0] != "rlm_1/x" {
		t.Errorf("heard %q", heard)
	}
}

// Watch, read, wait: whoever does it in this order sees every change, however
// the change and the reading fall.
func TestNoWakeUpIsLostBetweenReadingAndWaiting(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var h hub.Hub
			var decided atomic.Bool
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					w := h.Watch(model.TopicApproval, "apr_1")
					defer w.Stop()
					for !decided.Load() {
						<-w.C // if the wake-up is lost, synctest finds a deadlock
					}
				})
			}
			wg.Go(func() {
				decided.Store(true)
				h.Publish(change(model.TopicApproval, "apr_1/idn_1"))
			})
			wg.Wait()
		})
	}
}

func TestManyWatchAndStopWhileManyPublish(t *testing.T) {
	var h hub.Hub
	ctx, cancel := context.WithCancel(t.Context())
	var publishers, watchers sync.WaitGroup
	for range 2 {
		publishers.Go(func() {
			for ctx.Err() == nil {
				h.Publish(change(model.TopicApproval, "a/b"))
				h.Resync()
				runtime.Gosched()
			}
		})
	}
	for i := range 4 {
		watchers.Go(func() {
			for range 50 {
				w := h.Watch(model.TopicApproval, string(rune('a'+i%2)))
				<-w.C
				w.Stop()
			}
		})
	}
	watchers.Wait()
	cancel()
	publishers.Wait()
	if got := h.Waiting(); got != 0 {
		t.Errorf("%d places were left behind", got)
	}
}
